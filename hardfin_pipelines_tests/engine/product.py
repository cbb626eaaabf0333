"""Hardfin and a HubSpot sandbox behind real HTTP: one line gives a connected organization with a portal of its own."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Table, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.connecting import Secret, connect_account, set_paused
from hardfin_pipelines.engine.crm_runs import sync_claimed
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import describe
from hardfin_pipelines.engine.organization_sync import OrganizationSync
from hardfin_pipelines.engine.polling import PollReport, poll_due
from hardfin_pipelines.engine.resyncing import ResyncReport, ResyncRequest, resync_project
from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.audit import AuditEntry, list_audit
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection
from hardfin_pipelines.platform.cursor_store import read_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.record_log import RejectedRecord, list_rejected
from hardfin_pipelines.platform.tables import (
    audit_events,
    customers,
    items,
    ledger,
    ledger_aliases,
    links,
    project_line_items,
    projects,
)
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import Settings
from hardfin_pipelines_tests.engine.sales_team import LINE_ITEM, OPEN, PRIMARY_COMPANY, WON, SalesTeam

SEARCH = "/crm/objects/2026-03/deals/search"
FAST = HubSpotLimits(1_000_000, 1_000_000, 1_000_000)
"""Our own limiters let everything pass: what is tested is not HubSpot's pace."""
IMPATIENT = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, attempts=1, longest_wait_seconds=1, patience_seconds=1)
"""Gives up at the first failure, where a test is about what happens then."""

ENTITY_TABLES = (customers, items, projects, project_line_items, links, ledger, ledger_aliases, audit_events)
STAMPS = frozenset({"created_at", "updated_at", "synced_at", "first_synced_at", "run_id", "at"})

Dump = dict[str, list[tuple[tuple[str, Any], ...]]]


class MovableDeployment(Deployment):
    """A deployment whose clock can be moved."""

    __slots__ = ("ahead",)

    ahead: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + getattr(self, "ahead", timedelta())


class BetweenAnswers:
    """Lets people do something in a portal right after each of the next answers to a path, before the next request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.path = ""
        self.waiting: deque[Callable[[], object]] = deque()

    def do(self, path: str, *actions: Callable[[], object]) -> None:
        """One action after each answer to a path, in order."""
        self.path = path
        self.waiting = deque(actions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self.path or not self.waiting:
            await self._app(scope, receive, send)
            return
        answer: list[Message] = []

        async def hold(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, hold)
        self.waiting.popleft()()
        for message in answer:
            await send(message)


@dataclass
class Product:
    """A sandbox that is up and a deployment that is pointed at it by its settings."""

    sandbox: HubSpotSandbox
    url: str
    deployment: MovableDeployment
    between: "BetweenAnswers | None" = None
    organizations: dict[str, "Organization"] = field(default_factory=dict)

    @property
    def landing(self) -> Path:
        return Path(self.deployment.settings.landing_root)

    def add_organization(
        self,
        org: str = "acme",
        *,
        hub_id: int | None = None,
        pipelines: Sequence[str] = ("default",),
        document: str = "",
        start_date: str = "2025-01-01",
        connect: bool = True,
        **tokens: Any,
    ) -> "Organization":
        """An organization with a portal, connected by a refresh token.

        Args:
            org: Its slug.
            hub_id: The portal's id.
            pipelines: Ids or labels of the pipelines that sync.
            document: More lines of its connection in YAML, indented by four.
            start_date: Of its initial load.
            connect: Whether the account is connected at once.
            tokens: For `Portal.issue_refresh_token`.
        """
        portal = self.sandbox.add_portal(hub_id or 4_200_001 + len(self.organizations), name=org.title())
        portal.settings.change({"limits_enabled": False})
        organization = Organization(portal, self, org)
        self.organizations[org] = organization
        organization.start_date = start_date
        organization.apply(pipelines, document)
        if connect:
            organization.connect(**tokens)
        return organization

    @contextmanager
    def beside(self, database_url: str, folder: Path) -> Iterator["Product"]:
        """Another deployment, with a store of its own, at the same vendor; its organizations have the same portals."""
        deployment = MovableDeployment.open(settings_for(database_url, folder, self.sandbox, self.url))
        deployment.vendors.hubspot_limits = FAST
        other = Product(self.sandbox, self.url, deployment)
        for organization in self.organizations.values():
            twin = Organization(organization.portal, other, organization.org, organization.start_date)
            other.organizations[organization.org] = twin
            twin.apply()
            twin.connect()
        try:
            yield other
        finally:
            deployment.engine.dispose()

    def environment(self) -> dict[str, str]:
        """The variables that point another process at this deployment."""
        settings = self.deployment.settings
        return {
            "HARDFIN_HOME": str(settings.home),
            "HARDFIN_DATABASE_URL": settings.database_url,
            "HARDFIN_LANDING_ROOT": settings.landing_root,
            "HARDFIN_SECRET_KEY": settings.secret_key.get_secret_value(),
            "HARDFIN_HUBSPOT_URL": self.url,
            "HARDFIN_HUBSPOT_APP_URL": self.url,
            "HARDFIN_HUBSPOT_CLIENT_ID": settings.hubspot_client_id,
            "HARDFIN_HUBSPOT_CLIENT_SECRET": settings.hubspot_client_secret.get_secret_value(),
        }

    def poll(self, org: str = "", tier: Any = "5m") -> PollReport:
        """One tick over what is due, or over one organization."""
        return self.deployment.run(poll_due(self.deployment, tier, org=org, run_id="poll"))

    def claims(self) -> list[pending.Claim]:
        """Hand out all work that can be handed out."""
        with writing(self.deployment.engine) as connection:
            return pending.claim_work(connection, 1_000, self.deployment.now())

    def run(self, claim: pending.Claim, run_id: str = "run") -> OrganizationSync:
        """Do the work of a claim."""
        return self.deployment.run(
            sync_claimed(self.deployment, claim.org, claim.connection_id, claim.key, run_id=run_id)
        )

    def run_all(self) -> list[OrganizationSync]:
        """Do all work that waits."""
        return [self.run(claim, f"run-{number}") for number, claim in enumerate(self.claims())]

    def tick(self) -> tuple[PollReport, list[OrganizationSync]]:
        """What a cadence does: poll whatever is due or not, then do what was found."""
        reports = [self.poll(org) for org in self.organizations]
        return reports[0], self.run_all()

    def rows(self, table: Table, org: str = "") -> list[dict[str, Any]]:
        """All rows of a table, or one organization's."""
        query = select(table) if not org or "org" not in table.c else select(table).where(table.c.org == org)
        with reading(self.deployment.engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def entity_tables(self) -> Sequence[Table]:
        """The tables of entities and of what is known of them."""
        return ENTITY_TABLES

    def dump(self, org: str = "", *, stamps: bool = True, tables: Sequence[Table] = ENTITY_TABLES) -> Dump:
        """Every row of the tables that hold entities and what is known of them, in a fixed order.

        Args:
            org: Only one organization's.
            stamps: With our clock's stamps, run ids and numbers of events; without them two loads can be compared.
            tables: Which.
        """
        dumped: Dump = {}
        for table in tables:
            left_out = set() if stamps else {*STAMPS, *({"id"} if table is audit_events else set())}
            rows = [
                tuple((name, _plain(value)) for name, value in row.items() if name not in left_out)
                for row in self.rows(table, org)
            ]
            dumped[table.name] = sorted(rows, key=repr)
        return dumped


@dataclass
class Organization(SalesTeam):
    """One organization, its portal, and what its people do."""

    product: Product
    org: str
    start_date: str = "2025-01-01"

    @property
    def connection_id(self) -> str:
        return f"{self.org}:hubspot"

    @property
    def deployment(self) -> MovableDeployment:
        return self.product.deployment

    # -- what its people do in Hardfin --------------------------------------------------------------------------

    def apply(self, pipelines: Sequence[str] = ("default",), document: str = "") -> None:
        """Apply its YAML."""
        rules = "".join(f"      - pipeline: {name}\n" for name in pipelines)
        text = (
            f"organization: {self.org}\nplan: advanced\nconnections:\n  - integration: hubspot\n"
            f"    start_date: {self.start_date}\n    pipelines:\n{rules}{document}"
        )
        now = self.deployment.now()
        configuration.apply(self.deployment.engine, read_text(text), actor="cli:ann", now=now)

    def connect(self, **tokens: Any) -> ConnectionRow:
        """Connect the account."""
        secret = Secret(refresh_token=self.portal.issue_refresh_token(**tokens))
        return self.deployment.run(connect_account(self.deployment, self.org, "hubspot", secret, actor="cli:ann"))

    def pause(self, *, paused: bool = True) -> ConnectionRow:
        """Pause or resume the connection."""
        return set_paused(self.deployment, self.org, "hubspot", paused=paused, actor="cli:ann", reason="quarter end")

    def poll(self) -> PollReport:
        return self.product.poll(self.org)

    def tick(self) -> OrganizationSync | None:
        """Poll, and do what was found; what the run did, None where there was none."""
        self.poll()
        runs = [self.product.run(claim) for claim in self.product.claims() if claim.org == self.org]
        return runs[0] if runs else None

    def load(self, run_id: str = "load", **options: Any) -> OrganizationSync:
        """The initial load from its start date to now."""
        start = datetime.fromisoformat(f"{self.start_date}T00:00:00Z")
        return self.load_between(start, load_end(), run_id=run_id, **options)

    def load_between(self, start: datetime, end: datetime, run_id: str = "load", **options: Any) -> OrganizationSync:
        """The initial load of one window."""
        return self.deployment.run(load_window(self.deployment, self.org, start, end, run_id=run_id, **options))

    def resync(self, project: str, run_id: str = "resync", **options: Any) -> ResyncReport:
        request = ResyncRequest(self.org, project, run_id=run_id, actor="cli:ann", **options)
        return self.deployment.run(resync_project(self.deployment, request))

    def redescribe(self) -> None:
        """Let the account be described again at once, as it is once a day."""

        async def again() -> None:
            row = self.row()
            connector = self.deployment.connector(row)
            await describe(self.deployment, row, connector)
            await connector.aclose()

        self.deployment.run(again())

    def ask_for_record(self, *deals: str, trigger: pending.WorkTrigger = "webhook") -> None:
        """Work on single deals, as a webhook asks for it."""
        work = [pending.NewWork("record", trigger, "webhook", external_id=deal) for deal in deals]
        with writing(self.deployment.engine) as connection:
            pending.add_work(connection, self.org, self.connection_id, work, self.deployment.now())

    # -- what there is afterwards -------------------------------------------------------------------------------

    def row(self) -> ConnectionRow:
        with reading(self.deployment.engine) as connection:
            return get_connection(connection, self.org, self.connection_id)

    def cursor(self) -> datetime | None:
        with reading(self.deployment.engine) as connection:
            return read_cursor(connection, self.org, self.connection_id, "deals")

    def rejected(self) -> list[RejectedRecord]:
        with reading(self.deployment.engine) as connection:
            return list_rejected(connection, self.org)

    def audit(self, **options: Any) -> list[AuditEntry]:
        with reading(self.deployment.engine) as connection:
            return list_audit(connection, self.org, **options)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        return self.product.rows(table, self.org)

    def dump(self, **options: Any) -> Dump:
        return self.product.dump(self.org, **options)

    def projects(self) -> list[dict[str, Any]]:
        return sorted(self.rows(projects), key=lambda row: str(row["name"]))

    def project(self, deal: str) -> dict[str, Any]:
        """The project a deal became."""
        (row,) = [row for row in self.rows(ledger) if row["external_id"] == deal]
        (project,) = [each for each in self.rows(projects) if each["id"] == row["project_id"]]
        return project

    def lines(self, deal: str) -> list[dict[str, Any]]:
        """The lines of the project a deal became, in order."""
        project = self.project(deal)["id"]
        found = [row for row in self.rows(project_line_items) if row["project_id"] == project]
        return sorted(found, key=lambda row: (row["position"], row["id"]))

    def edit(self, table: Table, entity_id: str, **values: Any) -> None:
        """Change an entity in Hardfin, as operations do."""
        with writing(self.deployment.engine) as connection:
            connection.execute(table.update().where(table.c.org == self.org, table.c.id == entity_id).values(**values))

    def calls(self) -> int:
        """Vendor calls with this account's tokens so far."""
        return len(self.portal.calls)

    def fault(self, **fields: Any) -> Fault:
        """Plan a failure of the vendor for this account."""
        return self.product.sandbox.faults.add(Fault(account=str(self.portal.hub_id), **fields))


def load_end() -> datetime:
    """A fixed end of loads, so that a load cut off and done again is the same unit of work."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def settings_for(database_url: str, folder: Path, sandbox: HubSpotSandbox, url: str) -> Settings:
    """Settings that point a deployment at a sandbox."""
    return Settings(
        home=folder / "home",
        database_url=database_url,
        landing_root=str(folder / "landing"),
        secret_key=SecretStr(Fernet.generate_key().decode()),
        hubspot_url=url,
        hubspot_app_url=url,
        hubspot_client_id=sandbox.tokens.app.client_id,
        hubspot_client_secret=SecretStr(sandbox.tokens.app.client_secret),
    )


@contextmanager
def running_product(database_url: str, folder: Path) -> Iterator[Product]:
    """A product for the length of a block."""
    sandbox = HubSpotSandbox()
    between = BetweenAnswers(sandbox.app)
    with SandboxServer(between) as server:
        deployment = MovableDeployment.open(settings_for(database_url, folder, sandbox, server.url))
        deployment.vendors.hubspot_limits = FAST
        try:
            yield Product(sandbox, server.url, deployment, between)
        finally:
            deployment.engine.dispose()
    sandbox.close()


def values_of(rows: Sequence[Mapping[str, Any]], *names: str) -> list[Any]:
    """Some columns of rows: values for one name, tuples for several."""
    if len(names) == 1:
        return [row[names[0]] for row in rows]
    return [tuple(row[name] for name in names) for row in rows]


def _plain(value: Any) -> Any:
    return value if not isinstance(value, dict | list) else repr(value)


__all__ = ["LINE_ITEM", "OPEN", "PRIMARY_COMPANY", "WON", "Organization", "Product"]
