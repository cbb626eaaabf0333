"""Salesforce, as the engine connects to it."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from hardfin_pipelines.connectors.base import CallPlan, Decoder, PageMemory
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.salesforce.connector import SalesforceConnector
from hardfin_pipelines.connectors.salesforce.decode import DEFAULT_PIPELINE, SalesforceDecoder
from hardfin_pipelines.connectors.salesforce.limits import NO_RESERVE, OrgLimiter, SalesforceLimits, rate_windows
from hardfin_pipelines.connectors.salesforce.oauth import Flow, Grant, OAuthApp, TokenEndpoint, authorize_url
from hardfin_pipelines.connectors.salesforce.objects import STANDARD, OrgObjects
from hardfin_pipelines.connectors.salesforce.search import SETTLED_AFTER
from hardfin_pipelines.connectors.salesforce.transport import SalesforceTransport
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens, app_missing
from hardfin_pipelines.engine.vendors.contract import Secret, Shared, SignIn
from hardfin_pipelines.engine.vendors.renewal import renewal_lock
from hardfin_pipelines.organizations.logins import Login
from hardfin_pipelines.organizations.salesforce_objects import SalesforceObjects
from hardfin_pipelines.platform.call_budget import allowances
from hardfin_pipelines.platform.call_places import StoredPlaces
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.sync.call_budget import DailyAllowance, Reserve
from hardfin_pipelines.sync.call_windows import CallWindow


class SalesforceVendor:
    """Salesforce orgs. One transport serves all connectors of a process.

    Attributes:
        limits: How hard orgs may be asked.
    """

    unused_tokens_die = timedelta(days=30)
    shows_late = SETTLED_AFTER

    def __init__(self, shared: Shared, places: StoredPlaces) -> None:
        self.shared = shared
        self.limits = SalesforceLimits()
        self._limiters: LimiterRegistry[OrgLimiter] = LimiterRegistry(places)
        self._transport_in_use: SalesforceTransport | None = None
        self._guard = threading.Lock()

    def connector(self, row: ConnectionRow, memory: PageMemory | None, reserve: Reserve) -> SalesforceConnector:
        """A connector for a connection's org."""
        login, settings = _login(row.configuration), self.shared.settings
        return SalesforceConnector(
            transport=self._transport(),
            account=row.account_id,
            app=self._app(login) if settings.salesforce_client_id else None,
            tokens=self._tokens(row, login),
            limits=replace(self.limits, reserve=reserve),
            login_url=self._login_url(login),
            memory=memory,
            limiters=self._limiters,
            renewal_lock=renewal_lock(self.shared.engine, row),
            day_so_far=partial(self._day_so_far, row),
            objects=_objects(row.configuration),
            record_types=_has_record_types(row),
            parents=() if row.description is None else row.description.get("parents") or (),
        )

    def decoder(self, configuration: Mapping[str, Any]) -> Decoder:
        """What turns landed records of a connection, so configured, into records again."""
        return SalesforceDecoder(_objects(configuration))

    def floor(self) -> float:
        """What is beyond the share of an org's day that Hardfin may bring it to."""
        return 1.0 - self.shared.settings.salesforce_daily_share

    def rate_windows(self, account_id: str, configuration: Mapping[str, Any]) -> list[CallWindow]:
        """The rate window of an org: ours, since Salesforce counts by the day."""
        return rate_windows(self.limits, self._login_url(_login(configuration)), account_id)

    def consent_url(self, row: ConnectionRow, redirect_uri: str, state: str) -> str:
        """Where a person lets Hardfin into an org.

        Raises:
            Refusal: Our app is not configured, or this connection signs in by itself.
        """
        login = _login(row.configuration)
        if login.flow != "consent":
            raise Refusal(
                f"{row.connection_id} signs in by {login.flow}: no consent is needed, connect it with --by-app"
            )
        url = self._login_url(login)
        return authorize_url(self._app(login), redirect_uri=redirect_uri, state=state, login_url=url)

    async def sign_in(self, row: ConnectionRow, secret: Secret) -> SignIn:
        """Sign in to an org with what a person gave.

        Raises:
            Refusal: Our app is not configured, or this is nothing to sign in with.
            VendorError: Salesforce does not take it.
        """
        login = _login(row.configuration)
        if secret.access_token:
            raise Refusal("a Salesforce session ends within a day: connect by --code or --refresh-token-from")
        endpoint = TokenEndpoint(transport=self._transport(), app=self._app(login), login_url=self._login_url(login))
        grant = await self._grant(endpoint, row, secret)
        if endpoint.mints:
            return SignIn(replace(grant.tokens, refresh=""), grant.organization_id)
        return SignIn(grant.tokens, grant.organization_id)

    async def renew_tokens(self, row: ConnectionRow) -> None:
        """Renew a connection's tokens.

        Raises:
            Refusal: Our app is not configured.
            VendorError: Access was revoked, or Salesforce is down.
        """
        await self.connector(row, None, NO_RESERVE).keep_alive()

    def plan_calls(self, deals: int, companies: int, line_items: int, products: int) -> CallPlan:
        """The least number of calls that reading so many records takes."""
        connector = SalesforceConnector(
            transport=self._transport(),
            account="",
            app=None,
            tokens=MemoryTokenStore(Tokens("")),
            limits=replace(self.limits, reserve=NO_RESERVE),
            limiters=self._limiters,
        )
        return connector.plan_calls(deals, companies, line_items, products)

    async def aclose(self) -> None:
        """Nothing belongs to an event loop: connections are kept for the next one."""

    async def _grant(self, endpoint: TokenEndpoint, row: ConnectionRow, secret: Secret) -> Grant:
        if endpoint.mints:
            if secret.code or secret.refresh_token:
                raise Refusal(f"{row.connection_id} is configured to sign in by itself: connect it with --by-app")
            return await endpoint.renew("")
        if secret.code:
            if not secret.state:
                raise Refusal("--state: give the state of the consent's URL, which the redirect brought back")
            return await endpoint.redeem(secret.code, secret.redirect_uri, secret.state)
        if not secret.refresh_token:
            raise Refusal(f"{row.connection_id}: give --code or --refresh-token-from")
        return await endpoint.renew(secret.refresh_token)

    def _day_so_far(self, row: ConnectionRow) -> DailyAllowance | None:
        with reading(self.shared.engine) as connection:
            return allowances(connection, row.org).get((row.org, row.connection_id))

    def _tokens(self, row: ConnectionRow, login: Login) -> StoredTokens:
        settings = self.shared.settings
        return StoredTokens(
            self.shared.engine,
            self.shared.vault,
            row,
            renewable=bool(settings.salesforce_client_id) or login.flow != "consent",
        )

    def _transport(self) -> SalesforceTransport:
        with self._guard:
            if self._transport_in_use is None:
                trusted = self.shared.settings.salesforce_ca_file
                self._transport_in_use = SalesforceTransport(verify=True if trusted is None else str(trusted))
            return self._transport_in_use

    def _login_url(self, login: Login) -> str:
        return login.url or self.shared.settings.salesforce_login_url

    def _app(self, login: Login) -> OAuthApp:
        settings = self.shared.settings
        if not settings.salesforce_client_id:
            raise Refusal(app_missing("salesforce"))
        if login.flow != "jwt_bearer":
            secret = settings.salesforce_client_secret.get_secret_value()
            flow: Flow = "authorization_code" if login.flow == "consent" else "client_credentials"
            return OAuthApp(settings.salesforce_client_id, secret, flow)
        return OAuthApp(
            settings.salesforce_client_id, flow="jwt_bearer", username=login.user or "", private_key=self._private_key()
        )

    def _private_key(self) -> str:
        file = self.shared.settings.salesforce_private_key_file
        if file is None:
            raise Refusal("set HARDFIN_SALESFORCE_PRIVATE_KEY_FILE to the PEM of our Salesforce app's key")
        try:
            return file.read_text(encoding="ascii")
        except (OSError, UnicodeError) as error:
            raise Refusal(f"HARDFIN_SALESFORCE_PRIVATE_KEY_FILE: {file} cannot be read ({error})") from None


def _has_record_types(row: ConnectionRow) -> bool | None:
    """As last described; None before. The description is not decoded for it: a poll makes many connectors."""
    if row.description is None:
        return None
    return all(pipeline["id"] != DEFAULT_PIPELINE for pipeline in row.description["pipelines"])


def _objects(configuration: Mapping[str, Any]) -> OrgObjects:
    """The objects of a connection's org; what an object of the org's own does not say of its fields, it has not."""
    given = SalesforceObjects.model_validate(configuration.get("objects") or {})
    objects = STANDARD
    if given.project is not None:
        objects = replace(objects, deal=given.project.object, stage=given.project.stage)
    if given.customer is not None:
        company, field = given.customer.object or objects.company, given.customer.field or objects.company_of_deal
        objects = replace(objects, company=company, company_of_deal=field)
    line = given.project_line_item
    if line is not None and line.object is not None:
        objects = replace(
            objects,
            line_item=line.object,
            deal_of_line=line.project or "",
            product_of_line=line.item or "",
            place_of_line=line.order or "",
        )
    elif line is not None and line.item is not None:
        objects = replace(objects, product_of_line=line.item)
    return objects if given.item is None else replace(objects, product=given.item.object)


def _login(configuration: Mapping[str, Any]) -> Login:
    return Login.model_validate(configuration.get("login") or {})
