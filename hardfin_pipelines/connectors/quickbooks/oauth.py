"""Connecting a company: consent, tokens, and the end of both (Intuit docs: OAuth 2.0)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import requests

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, VendorContractError, VendorError
from hardfin_pipelines.connectors.http import Answer, NoAnswer
from hardfin_pipelines.connectors.quickbooks import errors
from hardfin_pipelines.connectors.quickbooks.faults import one_line
from hardfin_pipelines.connectors.quickbooks.transport import SCOPE, Intuit, OAuthEndpoints, QuickBooksTransport
from hardfin_pipelines.connectors.retries import GaveUp, Result, RetryPolicy, Transient
from hardfin_pipelines.connectors.tokens import Tokens

UNUSED_TOKENS_DIE = timedelta(days=100)
"""A refresh token that is not used for so long is no use any more (Intuit docs: OAuth 2.0)."""

_USUAL_LIFE = timedelta(hours=1)
_RECONNECT = f"connect {errors.VENDOR} again"
_DEAD = "invalid_grant"
_DEAD_ALREADY = frozenset({"invalid_request", "invalid_token", "invalid_grant"})


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """Our app at Intuit: its client id, and its secret, which is in no repr."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What Intuit granted.

    Attributes:
        tokens: To be saved before they are used.
        realm_id: The company. Only the redirect names it, never the token endpoint.
        ends_at: When the refresh token ends if it is not used before; None where Intuit did not say.
    """

    tokens: Tokens
    realm_id: str
    ends_at: datetime | None


def authorize_url(app: OAuthApp, *, redirect_uri: str, state: str, endpoints: OAuthEndpoints | None = None) -> str:
    """Where a person is sent to let our app into a company.

    Args:
        app: Our app.
        redirect_uri: Where Intuit sends the person back, with `code`, `state` and `realmId`; as registered.
        state: Comes back unchanged; the caller checks it.
        endpoints: Where Intuit's OAuth is.
    """
    intuit = Intuit(app.client_id, "", endpoints or OAuthEndpoints(), redirect_uri)
    return str(intuit.get_authorization_url([SCOPE], state_token=state))


async def discovered(transport: QuickBooksTransport, url: str, *, clock: Clock = SYSTEM_CLOCK) -> OAuthEndpoints:
    """The endpoints that Intuit's discovery document names.

    Args:
        transport: The process's shared connections.
        url: Of the document.
        clock: Time and waiting.

    Raises:
        RetryLater: Intuit is down or unreachable.
        VendorContractError: This is no discovery document, or it leads from https to plain http.
    """
    call = "GET the discovery document"

    async def attempt() -> Answer:
        answer = await _answered(call, transport.get(url, now=clock.now()))
        if answer.status >= 300 or not answer.members:
            raise errors.unknown_shape(call, f"JSON at {url} (status {answer.status})")
        return answer

    members = (await _patiently(RetryPolicy(), attempt, clock)).members
    names = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
    found = [str(members.get(name) or "") for name in names]
    for name, address in zip(names, found, strict=True):
        parts = urlsplit(address)
        if not parts.netloc or parts.scheme not in {"https", urlsplit(url).scheme}:
            raise errors.unknown_shape(call, f"{name} that begins with https://")
    return OAuthEndpoints(*found)


class TokenEndpoint:
    """Intuit's token endpoint. Its calls are neither limited nor metered. A `Renewer`."""

    ends_when_said = True
    mints = False

    def __init__(
        self,
        *,
        transport: QuickBooksTransport,
        app: OAuthApp,
        endpoints: OAuthEndpoints | None = None,
        clock: Clock = SYSTEM_CLOCK,
        retries: RetryPolicy | None = None,
        calls: CallCounts | None = None,
    ) -> None:
        """`calls` counts renewals with an earlier refresh token; others are counted by who asks for them."""
        self._transport = transport
        self._app = app
        self._endpoints = endpoints or OAuthEndpoints()
        self._clock = clock
        self._retries = retries or RetryPolicy()
        self._calls = calls or CallCounts()

    async def redeem(self, code: str, redirect_uri: str, realm_id: str) -> Grant:
        """The grant of an authorization code.

        Args:
            code: As the redirect brought it.
            redirect_uri: What the consent was asked for with.
            realm_id: The company, as the same redirect named it (`realmId`).

        Raises:
            NeedsAttention: Intuit does not take the code or does not know our app, or the company is not named.
            RetryLater: Intuit is down or unreachable.
        """
        if not (realm_id.isascii() and realm_id.isdigit()):
            text = f"{errors.VENDOR}'s redirect names the company in realmId: expected digits, got {realm_id!r}"
            raise NeedsAttention(errors.INTEGRATION, one_line(f"{text}; {_RECONNECT}"))
        return await self._granted(
            "authorization_code", (code,), lambda intuit: intuit.get_bearer_token(code), realm_id, redirect_uri
        )

    async def renew(self, refresh_token: str, realm_id: str = "") -> Grant:
        """A new access token. The refresh token that comes with it is a new one about once a day.

        Raises:
            NeedsAttention: Access was revoked, or Intuit does not know our app.
            RetryLater: Intuit is down or unreachable.
        """
        return await self._granted(
            "refresh_token", (refresh_token,), lambda intuit: intuit.refresh(refresh_token), realm_id
        )

    async def renewed(self, stored: Tokens) -> Tokens:
        """New tokens for stored ones. Where the refresh token is dead, the value before it is tried.

        Whether Intuit still takes a replaced value is not published and told differently by different clients: where it
        does, this mends what a crash between renewing and saving broke.
        """
        try:
            grant = await self.renew(stored.refresh)
        except NeedsAttention as error:
            if not (self.is_dead_grant(error) and stored.previous_refresh):
                raise
            refused = error
        else:
            replaced = grant.tokens.refresh != stored.refresh
            return replace(grant.tokens, previous_refresh=stored.refresh if replaced else stored.previous_refresh)
        self._calls.token_refreshes += 1
        try:
            grant = await self.renew(stored.previous_refresh)
        except NeedsAttention:
            raise refused from None
        return replace(grant.tokens, previous_refresh=stored.previous_refresh)

    def is_dead_grant(self, error: NeedsAttention) -> bool:
        """Whether a refusal says that the refresh token is of no use any more."""
        return error.context.get("code") == _DEAD

    async def revoke(self, token: str) -> None:
        """End a grant, by its refresh token. A token that is dead already is no failure.

        Raises:
            NeedsAttention: Intuit does not know our app.
            RetryLater: Intuit is down or unreachable.
            VendorContractError: Intuit refuses the request itself.
        """
        call = "POST the token's end"

        async def attempt() -> None:
            answer = await self._exchanged(call, lambda intuit: intuit.revoke(token), (token,))
            if answer.status >= 300 and _oauth_code(answer) not in _DEAD_ALREADY:
                raise _refused(answer, call)

        await _patiently(self._retries, attempt, self._clock)

    async def _granted(
        self,
        kind: str,
        secrets: tuple[str, ...],
        ask: Callable[[Intuit], object],
        realm_id: str,
        redirect_uri: str = "",
    ) -> Grant:
        call = f"POST the token endpoint ({kind})"
        began = self._clock.now()

        async def attempt() -> Answer:
            answer = await self._exchanged(call, ask, secrets, redirect_uri)
            if not answer.members:
                raise Transient(f"answered {answer.status} to {call} with {answer.content_type} instead of JSON")
            if answer.status >= 300:
                raise _refused(answer, call)
            return answer

        reply = (await _patiently(self._retries, attempt, self._clock)).members
        access, refresh = reply.get("access_token"), reply.get("refresh_token")
        if not isinstance(access, str) or not access or not isinstance(refresh, str) or not refresh:
            raise errors.unknown_shape(call, "access_token and refresh_token")
        life = _seconds(reply.get("expires_in")) or _USUAL_LIFE
        unused = _seconds(reply.get("x_refresh_token_expires_in"))
        tokens = Tokens(access, refresh, began + life, began)
        return Grant(tokens, realm_id, None if unused is None else began + unused)

    async def _exchanged(
        self, call: str, ask: Callable[[Intuit], object], secrets: tuple[str, ...], redirect_uri: str = ""
    ) -> Answer:
        app, http = self._app, self._transport.http

        def send() -> requests.Response:
            intuit = Intuit(app.client_id, app.client_secret, self._endpoints, redirect_uri, http)
            ask(intuit)
            assert intuit.response is not None  # noqa: S101  # each of the library's calls sends one request
            return intuit.response

        return await _answered(call, http.run(send, now=self._clock.now(), secrets=(*secrets, app.client_secret)))


async def _answered(call: str, sent: Awaitable[Answer]) -> Answer:
    """The answer to an exchange with Intuit's OAuth; what is worth another try is raised."""
    failure = ""
    try:
        answer = await sent
    except NoAnswer as error:
        failure = str(error)
    if failure:
        raise Transient(f"{failure} for {call}")
    if answer.status >= 500 or answer.status in {408, 429} or 300 <= answer.status < 400:
        raise errors.transient(answer, call)
    return answer


async def _patiently(retries: RetryPolicy, attempt: Callable[[], Awaitable[Result]], clock: Clock) -> Result:
    try:
        return await retries.run(attempt, clock)
    except GaveUp as failure:
        final = errors.gave_up(failure)
    raise final


def _refused(answer: Answer, call: str) -> VendorError:
    """What a token request's refusal means; each of these is permanent until a person acts."""
    code = _oauth_code(answer)
    described = answer.members.get("error_description")
    said = one_line(f"{code}: {described}" if described else code or f"{answer.status}, {answer.content_type}")
    context = {"status": str(answer.status), "call": call, "code": one_line(code)}
    if code in {"invalid_client", "unauthorized_client"} or answer.status == 401:
        text = f"{errors.VENDOR} does not know our app ({said}): check its client id and secret in the settings"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    if code == _DEAD and "refresh_token" in call:
        text = (
            f"{errors.VENDOR} takes our refresh token no more ({said}): access was revoked, was not used for "
            f"{UNUSED_TOKENS_DIE.days} days, or a newer token was given that could not be kept; {_RECONNECT}"
        )
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    if code in {_DEAD, "access_denied"}:
        text = f"{errors.VENDOR} does not take this authorization code ({said}): it was used, or is old; {_RECONNECT}"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    return VendorContractError(errors.INTEGRATION, f"{errors.VENDOR} refused {call}: {said}", context=context)


def _oauth_code(answer: Answer) -> str:
    return str(answer.members.get("error") or "")


def _seconds(value: object) -> timedelta | None:
    text = str(value)
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() else None
