"""All vendors' sandboxes together: filled, served on ports of this machine, and named to Hardfin by variables."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hardfin_pipelines.cli.sandbox_companies import SalesDepartment, finance_departments, sales_departments
from hardfin_pipelines.cli.sandbox_contract import CrmAccount, ErpAccount, SandboxAccount, VendorSandbox, redirect_uri
from hardfin_pipelines.cli.sandbox_hubspot import HubSpotServer
from hardfin_pipelines.cli.sandbox_netsuite import NetSuiteServer
from hardfin_pipelines.cli.sandbox_quickbooks import QuickBooksServer
from hardfin_pipelines.cli.sandbox_salesforce import SalesforceServer
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.writing import to_yaml
from hardfin_pipelines.sandbox.server import SandboxServer

_CRMS = (HubSpotServer, SalesforceServer)


class Sandboxes:
    """The vendors' sandboxes.

    Attributes:
        vendors: Each vendor's.
        urls: Where each integration is served, while it is.
    """

    def __init__(self, vendors: Sequence[VendorSandbox]) -> None:
        self.vendors = tuple(vendors)
        self.urls: dict[str, str] = {}

    @property
    def accounts(self) -> list[SandboxAccount]:
        """The accounts of all vendors."""
        return [account for vendor in self.vendors for account in vendor.accounts]

    def crm_accounts(self) -> list[CrmAccount]:
        """The accounts where sales departments work."""
        return [account for account in self.accounts if isinstance(account, CrmAccount)]

    def erp_accounts(self) -> list[ErpAccount]:
        """The accounts where finance departments work."""
        return [account for account in self.accounts if isinstance(account, ErpAccount)]

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Mapping[str, str]]:
        """Serve all of them for the length of a block; the URL of each integration.

        Args:
            port: The first vendor's port; the next ones take the ports after it. 0 takes free ones.

        Raises:
            Refusal: A port cannot be had.
        """
        with ExitStack() as servers:
            for number, vendor in enumerate(self.vendors):
                own = port + number if port else 0
                try:
                    server = servers.enter_context(SandboxServer(vendor.app, port=own))
                except (OSError, OverflowError) as error:
                    reason = getattr(error, "strerror", None) or error
                    raise Refusal(
                        f"--port {port}: {vendor.vendor} cannot be served on {own} ({reason}); "
                        "give another one, or 0 for free ones"
                    ) from None
                self.urls[vendor.integration] = server.url
            try:
                yield self.urls
            finally:
                self.urls = {}

    def environment(self) -> dict[str, str]:
        """The variables that point Hardfin at all of them, while they are served."""
        named: dict[str, str] = {}
        for vendor in self.vendors:
            named |= vendor.environment(self.urls[vendor.integration])
        return named

    def write_organizations(self, folder: Path) -> list[Path]:
        """Write the YAML of each organization, with a connection to each of its accounts; the files."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for org, document in organization_documents(self.accounts).items():
            file = folder / f"{org}.yaml"
            file.write_text(to_yaml(document), encoding="utf-8")
            files.append(file)
        return files

    def close(self) -> None:
        """Give all databases back."""
        for vendor in self.vendors:
            vendor.close()


def organization_documents(accounts: Sequence[SandboxAccount]) -> dict[str, dict[str, Any]]:
    """The document of each organization that is meant to connect to some of the accounts."""
    documents: dict[str, dict[str, Any]] = {}
    for account in accounts:
        own = [each for each in accounts if each.org == account.org]
        add_ons = sorted({name for each in own for name in each.add_ons})
        documents[account.org] = {
            "organization": account.org,
            "name": account.name,
            "plan": "advanced",
            **({"add_ons": add_ons} if add_ons else {}),
            "connections": [dict(each.connection()) for each in own],
        }
    return documents


def fill_sandboxes(
    deals: int,
    seed: int,
    northwind_folder: Path | None = None,
    *,
    latency_ms: float = 0,
    redirects: bool = False,
) -> Sandboxes:
    """A sandbox for each vendor, with the companies whose departments work in it.

    Args:
        deals: Won deals of the first generated company; the others have a third of that.
        seed: The first company's random seed.
        northwind_folder: Northwind's CSVs; left out, one more generated company.
        latency_ms: Added to every request.
        redirects: Consents send people back to the demo's redirect URIs only; else, to any.

    Raises:
        DataSetError: A file of Northwind is missing, or does not hold what it should.
    """
    sales = sales_departments(deals, seed, northwind_folder)
    finance = finance_departments(sales, seed)
    books = QuickBooksServer(
        [each for each in finance if each.integration == QuickBooksServer.integration],
        latency_ms=latency_ms,
        redirect_uris=_redirects(QuickBooksServer.integration, registered=redirects),
    )
    warehouse = NetSuiteServer(
        [each for each in finance if each.integration == NetSuiteServer.integration], latency_ms=latency_ms
    )
    return Sandboxes([*(_filled(kind, sales, latency_ms, redirects=redirects) for kind in _CRMS), books, warehouse])


def _filled(
    kind: type[HubSpotServer] | type[SalesforceServer],
    departments: Sequence[SalesDepartment],
    latency_ms: float,
    *,
    redirects: bool,
) -> VendorSandbox:
    own = [department for department in departments if department.integration == kind.integration]
    return kind(own, latency_ms=latency_ms, redirect_uris=_redirects(kind.integration, registered=redirects))


def _redirects(integration: str, *, registered: bool) -> list[str]:
    """The redirect URIs that the vendor knows of our app; without any it takes all."""
    return [redirect_uri(integration)] if registered else []
