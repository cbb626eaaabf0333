"""The integrations that can be connected: how a connector is made, an account signed in to, its tokens kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import httpx
from sqlalchemy import Connection, Engine

from hardfin_pipelines.connectors.base import CallPlan, CrmConnector, Decoder, PageMemory
from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.hubspot.connector import HubSpotConnector
from hardfin_pipelines.connectors.hubspot.decode import HubSpotDecoder
from hardfin_pipelines.connectors.hubspot.limits import NO_RESERVE, AccountLimiters, HubSpotLimits, rate_windows
from hardfin_pipelines.connectors.hubspot.oauth import Grant, OAuthApp, TokenEndpoint, authorize_url
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens, app_missing, save_tokens
from hardfin_pipelines.platform.call_places import StoredPlaces
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.secrets import Vault
from hardfin_pipelines.settings import Settings
from hardfin_pipelines.sync.call_budget import Purpose, Reserve
from hardfin_pipelines.sync.call_windows import CallWindow

if TYPE_CHECKING:
    from hardfin_pipelines.engine.connecting import Secret


@dataclass(frozen=True, slots=True)
class SignIn:
    """What signing in to an account gave: tokens, in no repr, and the vendor's id of the account."""

    tokens: Tokens = field(repr=False)
    account_id: str = ""


class VendorRegistry:
    """Makes connectors. One HTTP client serves all those of an event loop; threads may share a registry.

    Attributes:
        places: Gives out places in the vendors' rate windows to all processes of the deployment.
        hubspot_limits: How hard HubSpot accounts may be asked.
    """

    def __init__(self, settings: Settings, engine: Engine, vault: Vault) -> None:
        self._settings = settings
        self._engine = engine
        self._vault = vault
        self._http: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self.places = StoredPlaces(engine)
        self._hubspot_limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry(self.places)
        self.hubspot_limits = HubSpotLimits()

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
        self._require(row.integration)
        tokens = StoredTokens(self._engine, self._vault, row, renewable=bool(self._settings.hubspot_client_id))
        return self._hubspot(tokens, row.account_id, memory, reserve=Reserve(purpose, self._settings.daily_reserve))

    def rate_windows(self, integration: str, account_id: str) -> list[CallWindow]:
        """The rate windows of an account; none where the integration is not supported yet."""
        if integration != "hubspot":
            return []
        return rate_windows(self.hubspot_limits, self._settings.hubspot_url, account_id)

    def decoder(self, integration: str) -> Decoder:
        """What turns landed records of an integration into records again, with no connection to anything.

        Raises:
            Refusal: The integration is not supported yet.
        """
        self._require(integration)
        return HubSpotDecoder()

    def consent_url(self, integration: str, redirect_uri: str, state: str) -> str:
        """Where a person lets Hardfin into an account.

        Raises:
            Refusal: The integration is not supported yet, or our app is not configured.
        """
        self._require(integration)
        app_url = self._settings.hubspot_app_url
        return authorize_url(self._app(), redirect_uri=redirect_uri, state=state, app_url=app_url)

    async def sign_in(self, integration: str, secret: "Secret") -> SignIn:
        """Sign in to an account with what a person gave.

        Raises:
            Refusal: The integration is not supported yet, or our app is not configured.
            VendorError: The vendor does not take it.
        """
        self._require(integration)
        if secret.access_token:
            tokens = Tokens(secret.access_token)
            connector = self._hubspot(MemoryTokenStore(tokens), "", None)
            return SignIn(tokens, (await connector.describe()).account_id)
        grant = await self._grant(secret)
        return SignIn(grant.tokens, grant.hub_id)

    def save_tokens(self, connection: Connection, row: ConnectionRow, tokens: Tokens) -> None:
        """Keep a connection's tokens, sealed, in the caller's transaction."""
        save_tokens(connection, row, tokens, self._vault)

    def plan_calls(self, integration: str, records: Mapping[str, int]) -> CallPlan:
        """The least number of calls that reading so many records (by the vendor's object names) takes."""
        self._require(integration)
        connector = self._hubspot(MemoryTokenStore(Tokens("")), "", None, http=open_http_client())
        counts = {role: records.get(name, 0) for role, name in connector.objects().items()}
        return connector.plan_calls(counts["deal"], counts["company"], counts["line_item"], counts["product"])

    async def aclose(self) -> None:
        """Close the HTTP client of the running event loop; the next connector opens another."""
        http = self._http.pop(asyncio.get_running_loop(), None)
        if http is not None:
            await http.aclose()

    async def _grant(self, secret: "Secret") -> Grant:
        endpoint = TokenEndpoint(
            http=self._client(), base_url=self._settings.hubspot_url, app=self._app(), clock=SYSTEM_CLOCK
        )
        if secret.code:
            return await endpoint.redeem(secret.code, secret.redirect_uri)
        return await endpoint.refresh(secret.refresh_token)

    def _hubspot(
        self,
        tokens: StoredTokens | MemoryTokenStore,
        account_id: str,
        memory: PageMemory | None,
        *,
        http: httpx.AsyncClient | None = None,
        reserve: Reserve = NO_RESERVE,
    ) -> HubSpotConnector:
        configured = bool(self._settings.hubspot_client_id)
        return HubSpotConnector(
            http=http or self._client(),
            base_url=self._settings.hubspot_url,
            app=self._app() if configured else None,
            tokens=tokens,
            limits=replace(self.hubspot_limits, reserve=reserve),
            account=account_id,
            memory=memory,
            limiters=self._hubspot_limiters,
        )

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()  # a client's connections belong to the loop they were opened in
        if loop not in self._http:
            self._http[loop] = open_http_client()
        return self._http[loop]

    def _app(self) -> OAuthApp:
        if not self._settings.hubspot_client_id:
            raise Refusal(app_missing("hubspot"))
        return OAuthApp(self._settings.hubspot_client_id, self._settings.hubspot_client_secret.get_secret_value())

    @staticmethod
    def _require(integration: str) -> None:
        if integration != "hubspot":
            raise Refusal(f"{integration} cannot be connected yet: this release syncs hubspot")
