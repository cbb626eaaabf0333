"""The QuickBooks sandbox as the commands fill it."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp

from hardfin_pipelines.cli.sandbox_companies import FinanceDepartment
from hardfin_pipelines.cli.sandbox_consent import fill_form, secret_of
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.quickbooks import QuickBooksSandbox
from hardfin_pipelines.sandbox.quickbooks.load import CatalogueRow, load_catalogue
from hardfin_pipelines.sandbox.quickbooks.messy_catalogue import messy_catalogue

_API = "/v3/company/*"


class QuickBooksAccount:
    """A QuickBooks company with the items of a finance department."""

    integration = "quickbooks"
    vendor = "QuickBooks"
    items_word = "items"
    add_ons: Sequence[str] = ()
    needs_consent = True

    def __init__(self, sandbox: QuickBooksSandbox, department: FinanceDepartment) -> None:
        self.org = department.org
        self.name = department.name
        self.not_sold_yet = department.not_sold_yet
        self.company = sandbox.add_company(name=department.name)
        self.account_id = self.company.realm_id
        self.connect_options: Sequence[str] = ("--account", self.account_id)
        self._sandbox = sandbox
        self._rows = _catalogue(department)
        load_catalogue(self.company, self._rows, at=department.since)

    def connection(self) -> Mapping[str, Any]:
        """The connection in the organization's document: an accounting system has no pipelines."""
        return {"integration": self.integration}

    def contents(self) -> Mapping[str, int]:
        """What it held at first, counted; categories are left out."""
        return {"active items": sum(row.active for row in self._rows), "all items": len(self._rows)}

    def consent(self, url: str) -> Secret:
        """Let Hardfin in: open the consent page, choose the company, connect, be sent back with a code."""
        answer = fill_form(url, [("realm", self.account_id), ("decision", "connect")])
        return secret_of(url, answer, account="realmId")

    def issue_refresh_token(self) -> str:
        """A refresh token, as after a consent."""
        return self._sandbox.issue_tokens(self.company).refresh_token

    def calls(self) -> int:
        """Calls of the company's API so far."""
        return self._sandbox.call_log.count(account=self.account_id, path=_API)


def _catalogue(department: FinanceDepartment) -> list[CatalogueRow]:
    """The items of what sales sells, as messy as bookkeepers keep them, and one of what it does not sell yet."""
    messy = messy_catalogue(department.products, seed=department.seed)
    ahead = department.not_sold_yet
    return [*messy.rows, CatalogueRow(ahead.key, ahead.name, ahead.sku, price=ahead.price)]


class QuickBooksServer:
    """The QuickBooks sandbox with a company for each finance department that works in it."""

    integration = "quickbooks"
    vendor = "QuickBooks"

    def __init__(
        self, departments: Sequence[FinanceDepartment], *, latency_ms: float = 0, redirect_uris: Sequence[str] = ()
    ) -> None:
        self._sandbox = QuickBooksSandbox(latency_ms=latency_ms, redirect_uris=redirect_uris)
        self.accounts = [QuickBooksAccount(self._sandbox, department) for department in departments]

    @property
    def app(self) -> ASGIApp:
        """What serves it."""
        return self._sandbox.app

    def environment(self, url: str) -> dict[str, str]:
        """The variables that point Hardfin at it."""
        return {
            "HARDFIN_QUICKBOOKS_URL": url,
            "HARDFIN_QUICKBOOKS_CONSENT_URL": f"{url}/connect/oauth2",
            "HARDFIN_QUICKBOOKS_TOKEN_URL": f"{url}/oauth2/v1/tokens/bearer",
            "HARDFIN_QUICKBOOKS_REVOKE_URL": f"{url}/v2/oauth2/tokens/revoke",
            "HARDFIN_QUICKBOOKS_CLIENT_ID": self._sandbox.client_id,
            "HARDFIN_QUICKBOOKS_CLIENT_SECRET": self._sandbox.client_secret,
        }

    def close(self) -> None:
        """Give its memory back."""
        self._sandbox.close()
