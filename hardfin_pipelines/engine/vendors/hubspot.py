"""HubSpot, as the engine connects to it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from hardfin_pipelines.connectors.base import CallPlan, CrmConnector, Decoder, PageMemory
from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.hubspot.connector import HubSpotConnector
from hardfin_pipelines.connectors.hubspot.decode import HubSpotDecoder
from hardfin_pipelines.connectors.hubspot.limits import NO_RESERVE, AccountLimiters, HubSpotLimits, rate_windows
from hardfin_pipelines.connectors.hubspot.oauth import Grant, OAuthApp, TokenEndpoint, authorize_url
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens, TokenStore
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens, app_missing
from hardfin_pipelines.engine.vendors.contract import Secret, Shared, SignIn
from hardfin_pipelines.platform.call_places import StoredPlaces
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.sync.call_budget import Reserve
from hardfin_pipelines.sync.call_windows import CallWindow
from hardfin_pipelines.sync.cursors import OVERLAP


class HubSpotVendor:
    """HubSpot accounts. One HTTP client serves all connectors of an event loop; threads may share this.

    Attributes:
        limits: How hard HubSpot accounts may be asked.
    """

    unused_tokens_die = None
    shows_late = OVERLAP

    def __init__(self, shared: Shared, places: StoredPlaces) -> None:
        self.shared = shared
        self.limits = HubSpotLimits()
        self._http: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry(places)

    def connector(self, row: ConnectionRow, memory: PageMemory | None, reserve: Reserve) -> CrmConnector:
        """A connector for a connection's account."""
        settings = self.shared.settings
        tokens = StoredTokens(self.shared.engine, self.shared.vault, row, renewable=bool(settings.hubspot_client_id))
        return self._connector(tokens, row.account_id, memory, reserve=reserve)

    def decoder(self, configuration: Mapping[str, Any]) -> Decoder:  # noqa: ARG002  # all accounts are alike
        """What turns landed records into records again."""
        return HubSpotDecoder()

    def floor(self) -> float:
        """None: what a person asks for goes on until the vendor refuses."""
        return 0.0

    def rate_windows(self, account_id: str, configuration: Mapping[str, Any]) -> list[CallWindow]:  # noqa: ARG002
        """The rate windows of an account, whatever its connection is set to."""
        return rate_windows(self.limits, self.shared.settings.hubspot_url, account_id)

    def consent_url(self, row: ConnectionRow, redirect_uri: str, state: str) -> str:  # noqa: ARG002  # one for all
        """Where a person lets Hardfin into an account.

        Raises:
            Refusal: Our app is not configured.
        """
        app_url = self.shared.settings.hubspot_app_url
        return authorize_url(self._app(), redirect_uri=redirect_uri, state=state, app_url=app_url)

    async def sign_in(self, row: ConnectionRow, secret: Secret) -> SignIn:  # noqa: ARG002  # one address for all
        """Sign in to an account with what a person gave.

        Raises:
            Refusal: Our app is not configured.
            VendorError: HubSpot does not take it.
        """
        if secret.access_token:
            tokens = Tokens(secret.access_token)
            connector = self._connector(MemoryTokenStore(tokens), "", None)
            return SignIn(tokens, (await connector.describe()).account_id)
        grant = await self._grant(secret)
        return SignIn(grant.tokens, grant.hub_id)

    async def renew_tokens(self, row: ConnectionRow) -> None:
        """Nothing to do: HubSpot's refresh tokens live until somebody revokes them."""

    def plan_calls(self, deals: int, companies: int, line_items: int, products: int) -> CallPlan:
        """The least number of calls that reading so many records takes."""
        connector = self._connector(MemoryTokenStore(Tokens("")), "", None, http=open_http_client())
        return connector.plan_calls(deals, companies, line_items, products)

    async def aclose(self) -> None:
        """Close the HTTP client of the running event loop; the next connector opens another."""
        http = self._http.pop(asyncio.get_running_loop(), None)
        if http is not None:
            await http.aclose()

    async def _grant(self, secret: Secret) -> Grant:
        endpoint = TokenEndpoint(
            http=self._client(), base_url=self.shared.settings.hubspot_url, app=self._app(), clock=SYSTEM_CLOCK
        )
        if secret.code:
            return await endpoint.redeem(secret.code, secret.redirect_uri)
        return await endpoint.refresh(secret.refresh_token)

    def _connector(
        self,
        tokens: TokenStore,
        account_id: str,
        memory: PageMemory | None,
        *,
        http: httpx.AsyncClient | None = None,
        reserve: Reserve = NO_RESERVE,
    ) -> HubSpotConnector:
        configured = bool(self.shared.settings.hubspot_client_id)
        return HubSpotConnector(
            http=http or self._client(),
            base_url=self.shared.settings.hubspot_url,
            app=self._app() if configured else None,
            tokens=tokens,
            limits=replace(self.limits, reserve=reserve),
            account=account_id,
            memory=memory,
            limiters=self._limiters,
        )

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()  # a client's connections belong to the loop they were opened in
        if loop not in self._http:
            self._http[loop] = open_http_client()
        return self._http[loop]

    def _app(self) -> OAuthApp:
        settings = self.shared.settings
        if not settings.hubspot_client_id:
            raise Refusal(app_missing("hubspot"))
        return OAuthApp(settings.hubspot_client_id, settings.hubspot_client_secret.get_secret_value())
