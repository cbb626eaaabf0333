"""Hardfin's side of tests: a deployment whose clock can be moved, and what an organization's people do in it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from hardfin_pipelines.engine.configuring import configure
from hardfin_pipelines.engine.connecting import connect_account, set_paused
from hardfin_pipelines.engine.crm_runs import sync_claimed
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import describe
from hardfin_pipelines.engine.organization_sync import OrganizationSync
from hardfin_pipelines.engine.polling import PollReport, poll_due
from hardfin_pipelines.engine.resyncing import ResyncReport, ResyncRequest, resync_project
from hardfin_pipelines.engine.vendors import Secret
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

ENTITY_TABLES = (customers, items, projects, project_line_items, links, ledger, ledger_aliases, audit_events)
STAMPS = frozenset({"created_at", "updated_at", "synced_at", "first_synced_at", "run_id", "at"})

Dump = dict[str, list[tuple[tuple[str, Any], ...]]]


class MovableDeployment(Deployment):
    """A deployment whose clock can be moved."""

    __slots__ = ("ahead",)

    ahead: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + getattr(self, "ahead", timedelta())


class Deployed:
    """A deployment, whatever vendors it is pointed at."""

    deployment: MovableDeployment
    organizations: Mapping[str, Any]

    @property
    def landing(self) -> Path:
        return Path(self.deployment.settings.landing_root)

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


class HardfinTeam:
    """What the people of an organization do in Hardfin, whatever their CRM."""

    integration = "hubspot"
    deal_object = "deals"
    add_ons: Sequence[str] = ()
    product: Any
    org: str
    start_date: str

    @property
    def connection_id(self) -> str:
        return f"{self.org}:{self.integration}"

    @property
    def deployment(self) -> MovableDeployment:
        deployment: MovableDeployment = self.product.deployment
        return deployment

    def secret(self, **tokens: Any) -> Secret:
        """What connects the account."""
        raise NotImplementedError

    # -- what its people do in Hardfin --------------------------------------------------------------------------

    def apply(self, pipelines: Sequence[str] = ("default",), document: str = "") -> None:
        """Apply its YAML."""
        rules = "".join(f"      - pipeline: {name}\n" for name in pipelines)
        text = (
            f"organization: {self.org}\nplan: advanced\nadd_ons: [{', '.join(self.add_ons)}]\n"
            f"connections:\n  - integration: {self.integration}\n"
            f"    start_date: {self.start_date}\n    pipelines:\n{rules}{document}"
        )
        self.apply_text(text)

    def apply_text(self, text: str) -> None:
        """Apply a document."""
        self.deployment.run(configure(self.deployment, read_text(text), actor="cli:ann"))

    def connect(self, **tokens: Any) -> ConnectionRow:
        """Connect the account."""
        secret = self.secret(**tokens)
        return self.deployment.run(
            connect_account(self.deployment, self.org, self.integration, secret, actor="cli:ann")
        )

    def pause(self, *, paused: bool = True) -> ConnectionRow:
        """Pause or resume the connection."""
        return set_paused(
            self.deployment, self.org, self.integration, paused=paused, actor="cli:ann", reason="quarter end"
        )

    def poll(self) -> PollReport:
        report: PollReport = self.product.poll(self.org)
        return report

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
            return read_cursor(connection, self.org, self.connection_id, self.deal_object)

    def rejected(self) -> list[RejectedRecord]:
        with reading(self.deployment.engine) as connection:
            return list_rejected(connection, self.org)

    def audit(self, **options: Any) -> list[AuditEntry]:
        with reading(self.deployment.engine) as connection:
            return list_audit(connection, self.org, **options)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.product.rows(table, self.org)
        return rows

    def dump(self, **options: Any) -> Dump:
        dumped: Dump = self.product.dump(self.org, **options)
        return dumped

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


def load_end() -> datetime:
    """A fixed end of loads, so that a load cut off and done again is the same unit of work."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _plain(value: Any) -> Any:
    return value if not isinstance(value, dict | list) else repr(value)
