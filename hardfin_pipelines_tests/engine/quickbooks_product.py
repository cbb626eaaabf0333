"""Hardfin and a QuickBooks sandbox behind real HTTP: an organization whose finance department works there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr

from hardfin_pipelines.connectors.quickbooks.limits import QuickBooksLimits
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.quickbooks import QuickBooksSandbox
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import Settings
from hardfin_pipelines_tests.engine.finance_team import FinanceDeployed, FinanceTeam
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment
from hardfin_pipelines_tests.engine.product import BetweenAnswers

API = "/v3/company/*"
FAST = QuickBooksLimits(calls_per_second=1_000_000, calls_per_minute=1_000_000)


@dataclass
class QuickBooksProduct(FinanceDeployed):
    """A sandbox that is up and a deployment that is pointed at it by its settings."""

    sandbox: QuickBooksSandbox
    url: str
    deployment: MovableDeployment
    between: BetweenAnswers
    organizations: dict[str, "QuickBooksOrganization"] = field(default_factory=dict)

    def add_organization(self, org: str = "acme") -> "QuickBooksOrganization":
        """An organization with a QuickBooks company, connected by a refresh token."""
        company = self.sandbox.add_company(name=org.title())
        company.settings.limits_enabled = False
        organization = QuickBooksOrganization(company, self, org, "2025-01-01")
        self.organizations[org] = organization
        organization.apply()
        organization.connect()
        return organization

    def environment(self) -> dict[str, str]:
        """The variables that point another process at this deployment."""
        settings = self.deployment.settings
        return {
            "HARDFIN_HOME": str(settings.home),
            "HARDFIN_DATABASE_URL": settings.database_url,
            "HARDFIN_LANDING_ROOT": settings.landing_root,
            "HARDFIN_SECRET_KEY": settings.secret_key.get_secret_value(),
            "HARDFIN_QUICKBOOKS_URL": self.url,
            "HARDFIN_QUICKBOOKS_TOKEN_URL": settings.quickbooks_token_url,
            "HARDFIN_QUICKBOOKS_CLIENT_ID": settings.quickbooks_client_id,
            "HARDFIN_QUICKBOOKS_CLIENT_SECRET": settings.quickbooks_client_secret.get_secret_value(),
        }


@dataclass
class QuickBooksOrganization(FinanceTeam):
    """One organization, its company, and what its people do."""

    company: Company
    product: QuickBooksProduct
    org: str
    start_date: str

    integration = "quickbooks"
    deal_object = "Item"

    def apply(self, pipelines: Any = (), document: str = "") -> None:
        """Apply its YAML: an accounting system has no pipelines."""
        text = f"organization: {self.org}\nplan: advanced\nconnections:\n  - integration: quickbooks\n{document}"
        self.apply_text(text)

    def secret(self, **tokens: Any) -> Secret:
        issued = self.product.sandbox.issue_tokens(self.company, **tokens)
        return Secret(refresh_token=issued.refresh_token, account_id=self.company.realm_id)

    def add_item(self, name: str, sku: str = "", *, at: datetime | None = None, **values: Any) -> str:
        """An item of the company, made at a moment; now, where none is given."""
        given = {"Name": name, "Type": "NonInventory", **({"Sku": sku} if sku else {}), **values}
        return self.company.create("Item", given, at=at)

    def true_paths(self) -> dict[str, str]:
        """The path of each item as the company has it now."""
        items = [str(number) for number in self.company.tables["Item"].current]
        return {each: self.company.record("Item", each)["FullyQualifiedName"] for each in items}

    def calls(self) -> int:
        """Calls of the company's API so far; those to the token endpoint are not among them."""
        return self.product.sandbox.call_log.count(path=API, account=self.company.realm_id)


def quickbooks_settings(database_url: str, folder: Path, sandbox: QuickBooksSandbox, url: str) -> Settings:
    """Settings that point a deployment at a sandbox."""
    return Settings(
        home=folder / "home",
        database_url=database_url,
        landing_root=str(folder / "landing"),
        secret_key=SecretStr(Fernet.generate_key().decode()),
        quickbooks_url=url,
        quickbooks_consent_url=f"{url}/connect/oauth2",
        quickbooks_token_url=f"{url}/oauth2/v1/tokens/bearer",
        quickbooks_revoke_url=f"{url}/v2/oauth2/tokens/revoke",
        quickbooks_client_id=sandbox.client_id,
        quickbooks_client_secret=SecretStr(sandbox.client_secret),
    )


@contextmanager
def running_quickbooks_product(database_url: str, folder: Path) -> Iterator[QuickBooksProduct]:
    """A product for the length of a block."""
    sandbox = QuickBooksSandbox()
    between = BetweenAnswers(sandbox.app)
    with SandboxServer(between) as server:
        deployment = MovableDeployment.open(quickbooks_settings(database_url, folder, sandbox, server.url))
        deployment.vendors.quickbooks.limits = replace(FAST)
        try:
            yield QuickBooksProduct(sandbox, server.url, deployment, between)
        finally:
            deployment.engine.dispose()
    sandbox.close()
