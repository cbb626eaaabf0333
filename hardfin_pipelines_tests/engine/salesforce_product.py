"""Hardfin and a Salesforce sandbox behind real HTTP, and what a sales department does in its org."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr

from hardfin_pipelines.connectors.salesforce.limits import SalesforceLimits
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.salesforce import SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.org import Org
from hardfin_pipelines.sandbox.salesforce.vendor_faults import named_fault
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import Settings
from hardfin_pipelines_tests.engine.hardfin_team import Deployed, HardfinTeam, MovableDeployment
from hardfin_pipelines_tests.engine.sales_team import Line

API = "/services/data/*"
WON = "Closed Won"
OPEN = "Negotiation/Review"
FAST = SalesforceLimits(calls_per_ten_seconds=1_000_000)
IMPATIENT = SalesforceLimits(calls_per_ten_seconds=1_000_000, attempts=1, patience_seconds=1)


@dataclass
class SalesforceProduct(Deployed):
    """A sandbox that is up and a deployment that is pointed at it by its settings."""

    sandbox: SalesforceSandbox
    url: str
    deployment: MovableDeployment
    organizations: dict[str, "SalesforceOrganization"] = field(default_factory=dict)

    def add_organization(
        self, org: str = "acme", *, pipelines: Sequence[str] = ("default",), document: str = "", **settings: Any
    ) -> "SalesforceOrganization":
        """An organization with a Salesforce org, connected by a refresh token; `settings` are the org's."""
        salesforce = self.sandbox.add_org(org, **settings)
        organization = SalesforceOrganization(salesforce, self, org, "2025-01-01")
        self.organizations[org] = organization
        organization.apply(pipelines, document)
        organization.connect()
        return organization


@dataclass
class SalesforceOrganization(HardfinTeam):
    """One organization, its Salesforce org, and what its people do."""

    salesforce: Org
    product: SalesforceProduct
    org: str
    start_date: str

    integration = "salesforce"
    deal_object = "Opportunity"
    add_ons = ("salesforce",)

    def secret(self, **tokens: Any) -> Secret:
        user = tokens.get("user", self.salesforce.integration_user_id)
        return Secret(refresh_token=self.product.sandbox.tokens.issue_refresh(self.salesforce, user))

    # -- what its people do in Salesforce -----------------------------------------------------------------------

    def add_opportunity(
        self,
        name: str = "Ten robots",
        *,
        stage: str = WON,
        lines: Sequence[Line] = (("Robot arm", "100.50"),),
        account: str | None = "Globex",
        at: datetime | None = None,
        **values: Any,
    ) -> str:
        """An opportunity with an account of its own and lines with products of their own."""
        salesforce = self.salesforce
        given = {"Name": name, "StageName": stage, "CloseDate": "2026-01-31", **values}
        if lines:
            given["Pricebook2Id"] = salesforce.standard_pricebook_id
        with salesforce.store.writing():
            if account is not None:
                given["AccountId"] = salesforce.create("Account", {"Name": account, "Website": "globex.example"})
            opportunity = salesforce.create("Opportunity", given, at=at)
            for line in lines:
                self.add_line(opportunity, line, at=at)
        return opportunity

    def add_line(self, opportunity: str, line: Line, *, at: datetime | None = None, quantity: int = 1) -> str:
        """One more line item, of a product of its own."""
        salesforce, (name, price) = self.salesforce, line
        product = salesforce.create("Product2", {"Name": name, "IsActive": True, "ProductCode": f"SKU-{name}"})
        entry = {"Pricebook2Id": salesforce.standard_pricebook_id, "Product2Id": product, "UnitPrice": price}
        made = {
            "OpportunityId": opportunity,
            "PricebookEntryId": salesforce.create("PricebookEntry", entry),
            "Quantity": quantity,
            "UnitPrice": price,
        }
        return salesforce.create("OpportunityLineItem", made, at=at)

    def move(self, opportunity: str, stage: str, at: datetime | None = None) -> None:
        """Move an opportunity to a stage."""
        self.salesforce.update("Opportunity", opportunity, {"StageName": stage}, at=at)

    def win(self, opportunity: str) -> None:
        """Win an opportunity."""
        self.move(opportunity, WON)

    def fault(self, name: str, **fields: Any) -> Fault:
        """Plan a failure of Salesforce, of any call of its API unless a path is given."""
        return self.product.sandbox.faults.add(named_fault(name, **({"path": API} | fields)))

    def calls(self) -> int:
        """Calls of the org's API so far; the token endpoint's are not among them."""
        return self.product.sandbox.call_log.count(path=API, account=self.salesforce.id)


def salesforce_settings(database_url: str, folder: Path, sandbox: SalesforceSandbox, url: str) -> Settings:
    """Settings that point a deployment at a sandbox."""
    return Settings(
        home=folder / "home",
        database_url=database_url,
        landing_root=str(folder / "landing"),
        secret_key=SecretStr(Fernet.generate_key().decode()),
        salesforce_login_url=url,
        salesforce_client_id=sandbox.tokens.app.client_id,
        salesforce_client_secret=SecretStr(sandbox.tokens.app.client_secret),
    )


@contextmanager
def running_salesforce_product(database_url: str, folder: Path) -> Iterator[SalesforceProduct]:
    """A product for the length of a block."""
    sandbox = SalesforceSandbox()
    with SandboxServer(sandbox.app) as server:
        deployment = MovableDeployment.open(salesforce_settings(database_url, folder, sandbox, server.url))
        deployment.vendors.salesforce.limits = FAST
        try:
            yield SalesforceProduct(sandbox, server.url, deployment)
        finally:
            deployment.engine.dispose()
    sandbox.close()


def fill(org: Org, opportunities: int, lines: int = 5) -> None:
    """Many won opportunities of one account, with lines of a hundred products: copies of one made by the rules."""
    book, closed = org.standard_pricebook_id, "2026-01-31"
    with org.store.writing():
        account = org.create("Account", {"Name": "Globex"})
        products = [org.create("Product2", {"Name": f"Part {each}", "IsActive": True}) for each in range(100)]
        entries = [
            org.create("PricebookEntry", {"Pricebook2Id": book, "Product2Id": each, "UnitPrice": "9.50"})
            for each in products
        ]
        given = {"Name": "Deal", "StageName": WON, "CloseDate": closed, "Pricebook2Id": book, "AccountId": account}
        first = org.create("Opportunity", given)
        line = {"OpportunityId": first, "Quantity": 1, "UnitPrice": "9.50", "PricebookEntryId": entries[0]}
        line_of_first = org.create("OpportunityLineItem", line)
        others = _copies(org, "Opportunity", first, [{"Name": f"Deal {each}"} for each in range(1, opportunities)])
        # The first has a line already.
        places = [(deal, place) for deal in (first, *others) for place in range(lines)][1:]
        of_lines = [
            {"OpportunityId": deal, "PricebookEntryId": entries[at % 100], "Product2Id": products[at % 100]}
            for at, (deal, _) in enumerate(places, start=1)
        ]
        _copies(org, "OpportunityLineItem", line_of_first, of_lines)


def _copies(org: Org, name: str, like: str, changes: Sequence[dict[str, Any]]) -> list[str]:
    """Records like one that is there, but for the changes; their ids."""
    sobject = org.schema.known(name)
    kept = org.store.get(sobject, like)
    rows = [{**(kept or {}), "Id": org._ids.next(sobject.prefix), **each} for each in changes]
    org.store.run(sa.insert(org.store.table(sobject)), rows)
    return [row["Id"] for row in rows]
