"""Connecting an account: consent, the first tokens, new access tokens, and whose they are (HubSpot docs: OAuth)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, VendorContractError, VendorError
from hardfin_pipelines.connectors.http import Answer, NoAnswer, exchange
from hardfin_pipelines.connectors.hubspot import errors, versions
from hardfin_pipelines.connectors.retries import GaveUp, RetryPolicy, Transient
from hardfin_pipelines.connectors.tokens import Tokens

SCOPES = (
    "oauth",
    "crm.objects.deals.read",
    "crm.objects.companies.read",
    "crm.objects.line_items.read",
    "crm.objects.products.read",
    "crm.schemas.deals.read",
    "crm.schemas.companies.read",
    "crm.schemas.line_items.read",
)
"""The least set for reading deals, companies, line items and products (HubSpot's specification, security blocks)."""

OPTIONAL_SCOPES = ("crm.objects.owners.read",)
"""What an account can be connected without: the names of owners, of whom deals hold ids."""

_TOKEN_PATH = f"{versions.OAUTH}/token"
_INTROSPECT_PATH = f"{versions.OAUTH}/token/introspect"
_RECONNECT = "connect HubSpot again"


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """Our app at HubSpot."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What HubSpot granted.

    Attributes:
        tokens: To be saved before they are used.
        hub_id: The account (portal), "" where the reply does not name it.
        scopes: What was granted; empty where the reply does not say.
    """

    tokens: Tokens
    hub_id: str
    scopes: tuple[str, ...]


def authorize_url(
    app: OAuthApp,
    *,
    redirect_uri: str,
    state: str,
    app_url: str = "https://app.hubspot.com",
    scopes: Sequence[str] = SCOPES,
    optional_scopes: Sequence[str] = OPTIONAL_SCOPES,
) -> str:
    """Where a person is sent to let our app into an account.

    Args:
        app: Our app.
        redirect_uri: Where HubSpot sends the person back, as registered with the app.
        state: Comes back unchanged; the caller checks it.
        app_url: HubSpot's application, not its API.
        scopes: Without all of these the account cannot be connected.
        optional_scopes: Granted where the account's plan has them.
    """
    fields = {"client_id": app.client_id, "redirect_uri": redirect_uri, "scope": " ".join(scopes), "state": state}
    if optional_scopes:
        fields["optional_scope"] = " ".join(optional_scopes)
    return f"{app_url.rstrip('/')}{versions.AUTHORIZE}?{urlencode(fields)}"


async def exchange_code(
    *,
    http: httpx.AsyncClient,
    base_url: str,
    app: OAuthApp,
    code: str,
    redirect_uri: str,
    clock: Clock = SYSTEM_CLOCK,
) -> Grant:
    """The tokens for an authorization code, with the account and the scopes they are for.

    Raises:
        NeedsAttention: HubSpot does not take the code, or does not know our app.
        RetryLater: HubSpot is down or unreachable.
    """
    endpoint = TokenEndpoint(http=http, base_url=base_url, app=app, clock=clock)
    return await endpoint.redeem(code, redirect_uri)


class TokenEndpoint:
    """HubSpot's token endpoint. Its calls count against no rate limit."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        base_url: str,
        app: OAuthApp,
        clock: Clock,
        retries: RetryPolicy | None = None,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._app = app
        self._clock = clock
        self._retries = retries or RetryPolicy()

    async def redeem(self, code: str, redirect_uri: str) -> Grant:
        """The grant of an authorization code."""
        return await self._grant({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})

    async def refresh(self, refresh_token: str) -> Grant:
        """A new access token; the refresh token that comes with it takes the place of the old one."""
        return await self._grant({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def hub_id(self, access_token: str) -> str:
        """The account an access token is for, by introspection; "" where HubSpot does not tell."""
        answer = await self._post(_INTROSPECT_PATH, {"token_type_hint": "access_token", "token": access_token})
        return str(answer.members.get("hub_id") or "")

    async def _grant(self, fields: Mapping[str, str]) -> Grant:
        began = self._clock.now()
        answer = await self._post(_TOKEN_PATH, fields)
        reply = answer.members
        access = reply.get("access_token")
        if not isinstance(access, str) or not access:
            raise errors.unknown_shape(f"POST {_TOKEN_PATH}", "access_token")
        refresh = reply.get("refresh_token") or fields.get("refresh_token", "")
        expires_at = began + timedelta(seconds=_seconds(reply.get("expires_in")))
        scopes = reply.get("scopes")
        return Grant(
            Tokens(access, str(refresh), expires_at, began),
            str(reply.get("hub_id") or ""),
            tuple(map(str, scopes)) if isinstance(scopes, list) else (),
        )

    async def _post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Raises: NeedsAttention, RetryLater, VendorContractError."""
        form = {"client_id": self._app.client_id, "client_secret": self._app.client_secret, **fields}
        call = f"POST {path}"
        try:
            return await self._retries.run(lambda: self._attempt(path, call, form), self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self, path: str, call: str, form: Mapping[str, str]) -> Answer:
        failure = ""
        try:
            answer = await exchange(
                self._http,
                "POST",
                self._base_url + path,
                now=self._clock.now(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                content=urlencode(form).encode(),
                secrets=tuple(
                    form[name] for name in ("client_secret", "refresh_token", "code", "token") if name in form
                ),
            )
        except NoAnswer as error:
            failure = str(error)
        if failure:
            raise Transient(f"{failure} for {call}")
        if errors.is_transient(answer) or answer.status == 429:
            raise errors.transient(answer, call)
        if not answer.members:
            raise Transient(f"answered {call} with {answer.content_type} instead of JSON")
        if answer.status >= 400:
            raise _refused(answer, call)
        return answer


def _seconds(value: Any) -> float:
    """`expires_in`; half an hour, as HubSpot docs say, where it is no number."""
    return float(value) if isinstance(value, int | float) and value > 0 else 1800.0


def _refused(answer: Answer, call: str) -> VendorError:
    """What a token request's refusal means; `status` is HubSpot's code, `error` OAuth's."""
    code = str(answer.members.get("status") or "").upper()
    context = {"status": str(answer.status), "call": call, "code": errors.one_line(code)}
    if code == "BAD_REFRESH_TOKEN" or (not code and answer.members.get("error") == "invalid_grant"):
        text = f"HubSpot access was revoked or expired: {_RECONNECT} (the app was removed, or its secret changed)"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    if code in {"BAD_AUTH_CODE", "BAD_REDIRECT_URI"}:
        text = f"HubSpot does not take the authorization code ({errors.message_of(answer)}): {_RECONNECT}"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    if code in {"BAD_CLIENT_ID", "BAD_CLIENT_SECRET"} or answer.members.get("error") == "invalid_client":
        text = "HubSpot does not know our app: check its client id and client secret in the settings"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    said = f"HubSpot answered {answer.status} to {call}: {errors.message_of(answer)}"
    return VendorContractError(errors.INTEGRATION, said, context=context)


def is_dead_grant(error: NeedsAttention) -> bool:
    """Whether a refusal says that the refresh token is of no use any more."""
    return error.context.get("code") in {"BAD_REFRESH_TOKEN", ""}
