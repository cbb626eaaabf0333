"""All vendors of a deployment, by the name of their integration."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from hardfin_pipelines.connectors.base import CallPlan, CrmConnector, Decoder, PageMemory
from hardfin_pipelines.connectors.erp import ErpConnector
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import save_tokens
from hardfin_pipelines.engine.vendors.contract import CrmVendor, ErpVendor, Secret, Shared, SignIn, Vendor
from hardfin_pipelines.engine.vendors.hubspot import HubSpotVendor
from hardfin_pipelines.engine.vendors.netsuite import NetSuiteVendor
from hardfin_pipelines.engine.vendors.quickbooks import QuickBooksVendor
from hardfin_pipelines.engine.vendors.salesforce import SalesforceVendor
from hardfin_pipelines.platform.call_places import StoredPlaces
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.secrets import Vault
from hardfin_pipelines.settings import Settings
from hardfin_pipelines.sync.call_budget import Purpose, Reserve
from hardfin_pipelines.sync.call_windows import CallWindow


class VendorRegistry:
    """Makes connectors for connections; threads may share a registry.

    Attributes:
        places: Gives out places in the vendors' rate windows to all processes of the deployment.
        hubspot: HubSpot accounts.
        salesforce: Salesforce orgs.
        quickbooks: QuickBooks companies.
        netsuite: NetSuite accounts.
    """

    def __init__(self, settings: Settings, engine: Engine, vault: Vault) -> None:
        shared = Shared(settings, engine, vault)
        self.places = StoredPlaces(engine)
        self.hubspot = HubSpotVendor(shared, self.places)
        self.salesforce = SalesforceVendor(shared, self.places)
        self._shared = shared
        self.quickbooks = QuickBooksVendor(shared, self.places)
        self.netsuite = NetSuiteVendor(shared, self.places)
        self._erps: dict[str, ErpVendor] = {"quickbooks": self.quickbooks, "netsuite": self.netsuite}
        self._crms: dict[str, CrmVendor] = {"hubspot": self.hubspot, "salesforce": self.salesforce}

    def crm_connector(
        self, row: ConnectionRow, memory: PageMemory | None = None, *, purpose: Purpose = "describe"
    ) -> CrmConnector:
        """A connector for a connection's account; all of them share its rate limits with every other process.

        Args:
            row: The connection.
            memory: Keeps answers of this unit of work.
            purpose: What the connector is for: it decides which of the day's calls are left to other integrations.

        Raises:
            Refusal: The integration is not supported yet.
        """
        return self._crm(row.integration).connector(row, memory, self.reserve(row.integration, purpose))

    def erp_connector(
        self, row: ConnectionRow, memory: PageMemory | None = None, *, purpose: Purpose = "describe"
    ) -> ErpConnector:
        """A connector for a connection to an accounting system; arguments as for a CRM's.

        Raises:
            Refusal: The integration is not supported yet.
        """
        vendor = self._erps.get(row.integration)
        if vendor is None:
            raise Refusal(_not_yet(row.integration, self._vendors()))
        return vendor.connector(row, memory, self.reserve(row.integration, purpose))

    def reserve(self, integration: str, purpose: Purpose) -> Reserve:
        """What work of a purpose leaves of an account's day to its other integrations."""
        vendor = self._vendors().get(integration)
        return Reserve(purpose, self._shared.settings.daily_reserve, 0.0 if vendor is None else vendor.floor())

    def rate_windows(self, integration: str, account_id: str, configuration: Mapping[str, Any]) -> list[CallWindow]:
        """The rate windows of an account; none where the integration is not supported yet."""
        vendor = self._vendors().get(integration)
        return [] if vendor is None else vendor.rate_windows(account_id, configuration)

    def decoder(self, row: ConnectionRow) -> Decoder:
        """What turns landed records of a connection into records again, with no connection to anything.

        Raises:
            Refusal: The integration is not supported yet.
        """
        return self._crm(row.integration).decoder(row.configuration)

    def shows_late(self, integration: str) -> timedelta:
        """How late a CRM may show a change with an older stamp, such that ticks are to find it.

        Raises:
            Refusal: The integration is not supported yet.
        """
        return self._crm(integration).shows_late

    def consent_url(self, row: ConnectionRow, redirect_uri: str, state: str) -> str:
        """Where a person lets Hardfin into an account.

        Raises:
            Refusal: The integration is not supported yet, our app is not configured, or no consent is needed.
        """
        return self._vendor(row.integration).consent_url(row, redirect_uri, state)

    async def sign_in(self, row: ConnectionRow, secret: Secret) -> SignIn:
        """Sign in to an account with what a person gave.

        Raises:
            Refusal: The integration is not supported yet, or our app is not configured.
            VendorError: The vendor does not take it.
        """
        return await self._vendor(row.integration).sign_in(row, secret)

    def unused_tokens_die(self, integration: str) -> timedelta | None:
        """After how long a connection's tokens that nobody renews are dead; None where they are not."""
        vendor = self._vendors().get(integration)
        return None if vendor is None else vendor.unused_tokens_die

    async def renew_tokens(self, row: ConnectionRow) -> None:
        """Renew a connection's tokens, used or not.

        Raises:
            Refusal: The integration is not supported yet, or our app is not configured.
            VendorError: Access was revoked, or the vendor is down.
        """
        await self._vendor(row.integration).renew_tokens(row)

    def save_tokens(self, connection: Connection, row: ConnectionRow, tokens: Tokens) -> None:
        """Keep a connection's tokens, sealed, in the caller's transaction."""
        save_tokens(connection, row, tokens, self._shared.vault)

    def plan_calls(self, integration: str, records: Mapping[str, int]) -> CallPlan:
        """The least number of calls that reading so many records (by the vendor's usual object names) takes."""
        vendor = self._crm(integration)
        counts = {role: records.get(name, 0) for role, name in vendor.decoder({}).objects().items()}
        return vendor.plan_calls(counts["deal"], counts["company"], counts["line_item"], counts["product"])

    async def aclose(self) -> None:
        """Close what was opened in the running event loop; the next connector opens it anew."""
        for vendor in self._vendors().values():
            await vendor.aclose()

    def _vendors(self) -> dict[str, Vendor]:
        return {**self._crms, **self._erps}

    def _vendor(self, integration: str) -> Vendor:
        vendor = self._vendors().get(integration)
        if vendor is None:
            raise Refusal(_not_yet(integration, self._vendors()))
        return vendor

    def _crm(self, integration: str) -> CrmVendor:
        vendor = self._crms.get(integration)
        if vendor is None:
            raise Refusal(_not_yet(integration, self._vendors()))
        return vendor


def _not_yet(integration: str, supported: Mapping[str, object]) -> str:
    *others, last = sorted(supported)
    return f"{integration} cannot be connected yet: this release syncs {', '.join(others)} and {last}"
