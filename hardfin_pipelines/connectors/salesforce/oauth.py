"""Connecting an org: consent with PKCE, and tokens by any of three grants (Salesforce docs: OAuth flows)."""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit

import jwt

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, VendorContractError, VendorError
from hardfin_pipelines.connectors.http import Answer, NoAnswer
from hardfin_pipelines.connectors.retries import GaveUp, Result, RetryPolicy, Transient
from hardfin_pipelines.connectors.salesforce import errors
from hardfin_pipelines.connectors.salesforce.ids import long_id
from hardfin_pipelines.connectors.salesforce.transport import SalesforceTransport
from hardfin_pipelines.connectors.salesforce.versions import AUTHORIZE, LOGIN_URL, REVOKE, TOKEN
from hardfin_pipelines.connectors.tokens import Tokens

SCOPES = ("api", "refresh_token")

LONGEST_USE = timedelta(days=1)
"""A session in use lives on; it is renewed daily all the same, since a refresh token unused for 30 days dies."""

_ASSERTION_LIFE = timedelta(minutes=3)
_DEAD_ALREADY = frozenset({"invalid_token", "unsupported_token_type"})
_RECONNECT = "connect Salesforce again"

Flow = Literal["authorization_code", "client_credentials", "jwt_bearer"]


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """Our External Client App at Salesforce.

    Attributes:
        client_id: Its consumer key.
        client_secret: Its consumer secret; "" for the JWT bearer flow. In no repr.
        flow: How connections get access tokens.
        username: JWT bearer: the user to act as.
        private_key: JWT bearer: the PEM of the key whose certificate the app has. In no repr.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    flow: Flow = "authorization_code"
    username: str = ""
    private_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What Salesforce granted.

    Attributes:
        tokens: To be saved before they are used.
        organization_id: The org, 18 characters; "" where the reply does not name it.
        user_id: The user that Hardfin acts as.
        scopes: What was granted; empty where the reply does not say.
    """

    tokens: Tokens
    organization_id: str
    user_id: str
    scopes: tuple[str, ...]


def pkce_verifier(app: OAuthApp, state: str) -> str:
    """The PKCE verifier of a consent: a secret that follows from its state, so that none need be kept meanwhile."""
    digest = hmac.new(app.client_secret.encode(), f"salesforce pkce {state}".encode(), hashlib.sha256).digest()
    return _base64url(digest)


def authorize_url(
    app: OAuthApp,
    *,
    redirect_uri: str,
    state: str,
    login_url: str = LOGIN_URL,
    scopes: Sequence[str] = SCOPES,
) -> str:
    """Where a person is sent to let our app into an org.

    Args:
        app: Our app.
        redirect_uri: Where Salesforce sends the person back, as registered with the app.
        state: Comes back unchanged; the caller checks it, and the PKCE verifier follows from it.
        login_url: Salesforce's login host: production, `https://test.salesforce.com` for sandboxes, or a My Domain.
        scopes: What is asked for.
    """
    challenge = _base64url(hashlib.sha256(pkce_verifier(app, state).encode()).digest())
    fields = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{login_url.rstrip('/')}{AUTHORIZE}?{urlencode(fields)}"


class TokenEndpoint:
    """Salesforce's token endpoint. Its calls are not among those of the day."""

    def __init__(
        self,
        *,
        transport: SalesforceTransport,
        app: OAuthApp,
        login_url: str = LOGIN_URL,
        clock: Clock = SYSTEM_CLOCK,
        retries: RetryPolicy | None = None,
    ) -> None:
        self._transport = transport
        self._app = app
        self._login_url = login_url.rstrip("/")
        self._clock = clock
        self._retries = retries or RetryPolicy()

    @property
    def mints(self) -> bool:
        """Whether it gives tokens without a refresh token."""
        return self._app.flow != "authorization_code"

    async def redeem(self, code: str, redirect_uri: str, state: str) -> Grant:
        """The grant of an authorization code; `state` is that of its consent.

        Raises:
            NeedsAttention: Salesforce does not take the code, or does not know our app.
            RetryLater: Salesforce is down or unreachable.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._grant(self._signed(form | {"code_verifier": pkce_verifier(self._app, state)}))

    async def renew(self, refresh_token: str) -> Grant:
        """A new access token. A refresh token that comes with it takes the place of the old one, which is dead then.

        Raises:
            NeedsAttention: Access was revoked, or Salesforce does not know our app.
            RetryLater: Salesforce is down or unreachable.
        """
        if self._app.flow == "client_credentials":
            return await self._grant(self._signed({"grant_type": "client_credentials"}))
        if self._app.flow == "jwt_bearer":
            grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return await self._grant({"grant_type": grant, "assertion": self._assertion()})
        return await self._grant(self._signed({"grant_type": "refresh_token", "refresh_token": refresh_token}))

    async def revoke(self, token: str) -> None:
        """End a grant: with a refresh token, all sessions that came of it end too (Salesforce docs: revoke tokens).

        A token that is dead already is no failure.

        Raises:
            RetryLater: Salesforce is down or unreachable.
            VendorContractError: Salesforce refuses the request itself.
        """
        await self._patiently(lambda: self._revoked(token))

    async def _revoked(self, token: str) -> None:
        call = f"POST {REVOKE}"
        answer = await self._sent(call, REVOKE, {"token": token}, (token,))
        if answer.status >= 300 and errors.code_of(answer) not in _DEAD_ALREADY:
            raise _refused(answer, call)

    def _signed(self, form: Mapping[str, str]) -> dict[str, str]:
        return {**form, "client_id": self._app.client_id, "client_secret": self._app.client_secret}

    def _assertion(self) -> str:
        claims = {
            "iss": self._app.client_id,
            "sub": self._app.username,
            "aud": self._login_url,
            "exp": int((self._clock.now() + _ASSERTION_LIFE).timestamp()),
        }
        try:
            return jwt.encode(claims, self._app.private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            text = (
                "the private key of our Salesforce app cannot be read: expected the PEM of an RSA key in the settings"
            )
        raise NeedsAttention(errors.INTEGRATION, text)

    async def _grant(self, form: Mapping[str, str]) -> Grant:
        began = self._clock.now()
        answer = await self._post(form)
        reply = answer.members
        access, instance_url = reply.get("access_token"), reply.get("instance_url")
        if not isinstance(access, str) or not access or not isinstance(instance_url, str):
            raise errors.unknown_shape(f"POST {TOKEN}", "access_token and instance_url")
        refresh = str(reply.get("refresh_token") or form.get("refresh_token", ""))
        organization, _, user = str(reply.get("id") or "").rpartition("/id/")[2].partition("/")
        return Grant(
            Tokens(access, refresh, began + LONGEST_USE, began, self._checked(instance_url)),
            long_id(organization),
            long_id(user),
            tuple(str(reply.get("scope") or "").split()),
        )

    def _checked(self, instance_url: str) -> str:
        """The origin of the org's API; only where the login host is a plain one (the sandbox) may it be plain too."""
        parts = urlsplit(instance_url)
        if not parts.netloc or parts.scheme not in {"https", urlsplit(self._login_url).scheme}:
            raise errors.unknown_shape(f"POST {TOKEN}", "instance_url that begins with https://")
        return f"{parts.scheme}://{parts.netloc}"

    async def _post(self, form: Mapping[str, str]) -> Answer:
        call = f"POST {TOKEN} ({form['grant_type'].rpartition(':')[2]})"
        return await self._patiently(lambda: self._attempt(call, form))

    async def _patiently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await self._retries.run(attempt, self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self, call: str, form: Mapping[str, str]) -> Answer:
        secret_fields = ("client_secret", "refresh_token", "code", "code_verifier", "assertion")
        secrets = tuple(form[name] for name in secret_fields if name in form)
        answer = await self._sent(call, TOKEN, form, secrets)
        if not answer.members:
            raise Transient(f"answered {answer.status} to {call} with {answer.content_type} instead of JSON")
        if answer.status >= 300:
            raise _refused(answer, call)
        return answer

    async def _sent(self, call: str, path: str, form: Mapping[str, str], secrets: tuple[str, ...]) -> Answer:
        failure = ""
        try:
            answer = await self._transport.post_form(
                self._login_url + path, form, now=self._clock.now(), secrets=secrets
            )
        except NoAnswer as error:
            failure = str(error)
        if failure:
            raise Transient(f"{failure} for {call}")
        if errors.is_transient(answer) or answer.status == 429 or errors.code_of(answer) == "rate_limit_exceeded":
            raise errors.transient(answer, call)
        return answer


def is_dead_grant(error: NeedsAttention) -> bool:
    """Whether a refusal says that the refresh token is of no use any more."""
    return error.context.get("code") == "invalid_grant"


def _refused(answer: Answer, call: str) -> VendorError:
    """What a token request's refusal means; each of these is permanent until a person acts."""
    code, said = errors.code_of(answer), errors.message_of(answer)
    context = {"status": str(answer.status), "call": call, "code": errors.one_line(code)}
    if code in {"invalid_client_id", "invalid_client"}:
        text = f"Salesforce does not know our app ({said}): check its client id and secret in the settings"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    if "not supported on this domain" in said:
        text = f"Salesforce wants the org's own My Domain address for this sign-in ({said}): set it as the login URL"
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    if code in {"invalid_grant", "inactive_user", "inactive_org", "access_denied"}:
        text = (
            f"Salesforce access was revoked or expired ({said}): {_RECONNECT}; "
            "the app must be installed in the org and the user allowed to use it"
        )
        return NeedsAttention(errors.INTEGRATION, text, context=context)
    text = f"Salesforce answered {answer.status} {code} to {call}: {said}"
    return VendorContractError(errors.INTEGRATION, text, context=context)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
