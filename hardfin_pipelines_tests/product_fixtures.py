"""The product by its settings: a HubSpot sandbox behind real HTTP, and a deployment that only variables point at it."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import func, select, update

from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.connecting import connect_account, consent_url
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.tables import connections, ledger, projects
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox, NewRecord
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import load_settings

CHECKOUT = Path(__file__).resolve().parents[1]
REDIRECT_URI = "https://hardfin.example/oauth/hubspot"
PRIMARY_COMPANY = 5
LINE_ITEM = 19
WON = "closedwon"

YAML = """\
organization: {org}
name: {name}
plan: advanced
connections:
  - integration: hubspot
    start_date: {start:%Y-%m-%d}
    pipelines:
      - pipeline: default
        trigger_stages: won
"""


def months_ago(months: int) -> datetime:
    """The tenth of a month in the past, at noon."""
    today = datetime.now(UTC)
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return datetime(year, month + 1, 10, 12, tzinfo=UTC)


@dataclass
class Product:
    """A sandbox that is up, and the deployment whose settings name it."""

    sandbox: HubSpotSandbox
    sandbox_url: str
    home: Path
    deployment: Deployment
    variables: dict[str, str] = field(repr=False)
    portals: dict[str, Portal] = field(default_factory=dict)

    def add_organization(self, org: str = "acme", *, connect: bool = True, start_months_ago: int = 7) -> Portal:
        """An organization with an account of its own: applied and, unless told not to, connected as a person does."""
        portal = self.sandbox.add_portal(4_200_001 + len(self.portals), name=org.title())
        self.portals[org] = portal
        self.apply(YAML.format(org=org, name=org.title(), start=months_ago(start_months_ago).replace(day=1)))
        if connect:
            self.connect(org)
        return portal

    def apply(self, text: str) -> None:
        """Apply a document."""
        now = self.deployment.now()
        configuration.apply(self.deployment.engine, read_text(text), actor="cli:ann", now=now)

    def consent(self, org: str) -> str:
        """Open the consent page, choose the account, and be sent back with a code."""
        url = consent_url(self.deployment, org, "hubspot", REDIRECT_URI)
        hub_id = self.portals[org].hub_id
        chosen = url.replace("/oauth/authorize", f"/oauth/{hub_id}/authorize", 1)
        location = httpx.get(chosen, follow_redirects=False).headers["location"]
        return str(parse_qs(urlsplit(location).query)["code"][0])

    def connect(self, org: str) -> ConnectionRow:
        """Connect the organization's account."""
        secret = Secret(code=self.consent(org), redirect_uri=REDIRECT_URI)
        return self.deployment.run(connect_account(self.deployment, org, "hubspot", secret, actor="cli:ann"))

    def add_deal(
        self,
        org: str = "acme",
        name: str = "Ten robots",
        *,
        at: datetime | None = None,
        stage: str = WON,
        lines: Sequence[tuple[str, str]] = (("Robot arm", "100.50"),),
        company: str = "Globex",
        amount: str | None = None,
        **properties: Any,
    ) -> str:
        """A deal with a company and line items (name, price), last modified at a moment; now, where none is given."""
        portal = self.portals[org]
        moment = at or datetime.now(UTC)
        values = {
            "dealname": name,
            "pipeline": "default",
            "dealstage": stage,
            "amount": amount or str(sum((Decimal(price) for _, price in lines), Decimal(0))),
            "deal_currency_code": "USD",
            **properties,
        }
        (deal,) = portal.create_many("deals", [NewRecord(values, created_at=moment, modified_at=moment)])
        (firm,) = portal.create_many(
            "companies", [NewRecord({"name": company, "domain": f"{company.lower()}.example"})]
        )
        portal.associate_many("deals", "companies", [(deal, firm, PRIMARY_COMPANY)])
        products = portal.create_many("products", [NewRecord({"name": line}) for line, _ in lines])
        made = portal.create_many(
            "line_items",
            [
                NewRecord({"name": line, "price": price, "quantity": "1", "hs_product_id": product})
                for (line, price), product in zip(lines, products, strict=True)
            ],
        )
        portal.associate_many("deals", "line_items", [(deal, line, LINE_ITEM) for line in made])
        return deal

    def win(self, deal: str, org: str = "acme") -> None:
        """Move a deal to won, now."""
        self.portals[org].move_deal(deal, WON)

    def count_projects(self, org: str = "acme") -> int:
        """How many projects the organization has in Hardfin."""
        with reading(self.deployment.engine) as connection:
            query = select(func.count()).select_from(projects).where(projects.c.org == org)
            return connection.execute(query).scalar_one()

    def project_of(self, deal: str, org: str = "acme") -> str | None:
        """The project a deal became."""
        with reading(self.deployment.engine) as connection:
            query = select(ledger.c.project_id).where(ledger.c.org == org, ledger.c.external_id == deal)
            return connection.scalar(query)

    def project_name(self, deal: str, org: str = "acme") -> str | None:
        """The name of the project a deal became."""
        with reading(self.deployment.engine) as connection:
            query = select(projects.c.name).where(projects.c.org == org, projects.c.id == self.project_of(deal, org))
            return connection.scalar(query)

    def row(self, org: str = "acme") -> ConnectionRow:
        """The organization's HubSpot connection."""
        with reading(self.deployment.engine) as connection:
            return get_connection(connection, org, f"{org}:hubspot")

    def enabled_since(self, moment: datetime, org: str = "acme") -> None:
        """As if the connection had been made active then: ticks begin there, and it is due now."""
        with writing(self.deployment.engine) as connection:
            connection.execute(
                update(connections)
                .where(connections.c.org == org)
                .values(enabled_at=moment, next_due_at=self.deployment.now() - timedelta(seconds=1))
            )

    def table_rows(self, table: Any) -> list[Mapping[str, Any]]:
        """All rows of a table."""
        with reading(self.deployment.engine) as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


@contextmanager
def running_product(home: Path, environment: pytest.MonkeyPatch, store: Path | None = None) -> Iterator[Product]:
    """A product for the length of a block.

    Args:
        home: HARDFIN_HOME.
        environment: Sets the variables that point Hardfin at the sandbox; nothing else tells it.
        store: A migrated SQLite file to begin with.
    """
    from hardfin_pipelines.orchestration.resources import open_deployment

    home.mkdir(parents=True, exist_ok=True)
    if store is not None:
        shutil.copyfile(store, home / "hardfin.db")
    sandbox = HubSpotSandbox(redirect_uris=[REDIRECT_URI])
    with SandboxServer(sandbox.app) as server:
        variables = {
            "HARDFIN_HOME": str(home),
            "HARDFIN_HUBSPOT_URL": server.url,
            "HARDFIN_HUBSPOT_APP_URL": server.url,
            "HARDFIN_HUBSPOT_CLIENT_ID": sandbox.tokens.app.client_id,
            "HARDFIN_HUBSPOT_CLIENT_SECRET": sandbox.tokens.app.client_secret,
        }
        for name, value in variables.items():
            environment.setenv(name, value)
        for name in ("HARDFIN_DATABASE_URL", "HARDFIN_LANDING_ROOT", "HARDFIN_SECRET_KEY", "DAGSTER_HOME"):
            environment.delenv(name, raising=False)
        # Dagster's resource keeps one deployment a process: this product's, not the one of the test before.
        open_deployment.cache_clear()
        deployment = open_deployment()
        try:
            yield Product(sandbox, server.url, home, deployment, variables)
        finally:
            open_deployment.cache_clear()
            deployment.engine.dispose()
    sandbox.close()


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite: Path) -> Iterator[Product]:
    """A product without organizations."""
    with running_product(tmp_path / "home", monkeypatch, migrated_sqlite) as running:
        yield running


@pytest.fixture
def dagster_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the project's dagster.yaml."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    shutil.copyfile(CHECKOUT / "dagster.yaml", folder / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


__all__ = ["Product", "dagster_home", "load_settings", "product", "running_product"]
