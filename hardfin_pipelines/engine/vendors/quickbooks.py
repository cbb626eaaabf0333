"""QuickBooks Online, as the engine connects to it."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.quickbooks.connector import QuickBooksConnector
from hardfin_pipelines.connectors.quickbooks.limits import (
    CompanyLimiters,
    QuickBooksLimits,
    rate_windows,
)
from hardfin_pipelines.connectors.quickbooks.oauth import (
    UNUSED_TOKENS_DIE,
    Grant,
    OAuthApp,
    TokenEndpoint,
    authorize_url,
)
from hardfin_pipelines.connectors.quickbooks.transport import OAuthEndpoints, QuickBooksTransport
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens, app_missing
from hardfin_pipelines.engine.vendors.contract import Secret, Shared, SignIn
from hardfin_pipelines.engine.vendors.renewal import renewal_lock
from hardfin_pipelines.platform.call_places import StoredPlaces
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.sync.call_budget import Reserve
from hardfin_pipelines.sync.call_windows import CallWindow

_NO_RESERVE = Reserve("tick", 0.0)


class QuickBooksVendor:
    """QuickBooks companies. One transport serves all connectors of a process.

    Attributes:
        limits: How hard companies may be asked.
    """

    unused_tokens_die: timedelta | None = UNUSED_TOKENS_DIE

    def __init__(self, shared: Shared, places: StoredPlaces) -> None:
        self.shared = shared
        self.limits = QuickBooksLimits()
        self._limiters: LimiterRegistry[CompanyLimiters] = LimiterRegistry(places)
        self._transport_in_use: QuickBooksTransport | None = None
        self._guard = threading.Lock()

    def connector(self, row: ConnectionRow, memory: PageMemory | None, reserve: Reserve) -> QuickBooksConnector:  # noqa: ARG002
        """A connector for a connection's company. There is no limit by the day; the month's is the deployment's."""
        settings = self.shared.settings
        configured = bool(settings.quickbooks_client_id)
        description = row.description or {}
        return QuickBooksConnector(
            transport=self._transport(),
            realm_id=row.account_id,
            app=self._app() if configured else None,
            tokens=StoredTokens(self.shared.engine, self.shared.vault, row, renewable=configured),
            limits=self.limits,
            api_url=settings.quickbooks_url,
            endpoints=self._endpoints(),
            currency=str(description.get("currency") or ""),
            memory=memory,
            limiters=self._limiters,
            renewal_lock=renewal_lock(self.shared.engine, row),
        )

    def floor(self) -> float:
        """None: what a person asks for goes on until the vendor refuses."""
        return 0.0

    def rate_windows(self, account_id: str, configuration: Mapping[str, Any]) -> list[CallWindow]:  # noqa: ARG002
        """The rate windows of a company, whatever its connection is set to."""
        return rate_windows(self.limits, self.shared.settings.quickbooks_url, account_id)

    def consent_url(self, row: ConnectionRow, redirect_uri: str, state: str) -> str:  # noqa: ARG002  # one for all
        """Where a person lets Hardfin into a company.

        Raises:
            Refusal: Our app is not configured.
        """
        return authorize_url(self._app(), redirect_uri=redirect_uri, state=state, endpoints=self._endpoints())

    async def sign_in(self, row: ConnectionRow, secret: Secret) -> SignIn:
        """Sign in to a company with what a person gave.

        Raises:
            Refusal: Our app is not configured, or this is nothing to sign in with.
            VendorError: Intuit does not take it.
        """
        if secret.access_token:
            raise Refusal("a QuickBooks access token ends within the hour: connect by --code or --refresh-token-from")
        if not secret.account_id:
            raise Refusal(f"{row.connection_id}: give --account, the realmId of the redirect: nothing else names it")
        grant = await self._grant(secret)
        return SignIn(grant.tokens, grant.realm_id)

    async def renew_tokens(self, row: ConnectionRow) -> None:
        """Renew a connection's tokens.

        Raises:
            Refusal: Our app is not configured.
            VendorError: Access was revoked, or Intuit is down.
        """
        await self.connector(row, None, _NO_RESERVE).keep_alive()

    async def aclose(self) -> None:
        """Nothing belongs to an event loop: connections are kept for the next one."""

    async def _grant(self, secret: Secret) -> Grant:
        endpoint = TokenEndpoint(transport=self._transport(), app=self._app(), endpoints=self._endpoints())
        if secret.code:
            return await endpoint.redeem(secret.code, secret.redirect_uri, secret.account_id)
        if not secret.refresh_token:
            raise Refusal("give --code or --refresh-token-from")
        return await endpoint.renew(secret.refresh_token, secret.account_id)

    def _endpoints(self) -> OAuthEndpoints:
        settings = self.shared.settings
        return OAuthEndpoints(
            settings.quickbooks_consent_url, settings.quickbooks_token_url, settings.quickbooks_revoke_url
        )

    def _transport(self) -> QuickBooksTransport:
        with self._guard:
            if self._transport_in_use is None:
                self._transport_in_use = QuickBooksTransport()
            return self._transport_in_use

    def _app(self) -> OAuthApp:
        settings = self.shared.settings
        if not settings.quickbooks_client_id:
            raise Refusal(app_missing("quickbooks"))
        return OAuthApp(settings.quickbooks_client_id, settings.quickbooks_client_secret.get_secret_value())
