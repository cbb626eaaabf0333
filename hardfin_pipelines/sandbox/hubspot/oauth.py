"""Apps, tokens and authorization codes. Secrets are kept out of every repr."""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.hubspot.errors import OAuthError, VendorError, credentials_expired, credentials_missing
from hardfin_pipelines.sandbox.hubspot.settings import AppKind
from hardfin_pipelines.sandbox.hubspot.values import instant_text

ACCESS_TOKEN_SECONDS = 1800
_CODE_SECONDS = 600
_ACCESS_PREFIX = "CPj"
_STATIC_PREFIX = "pat-na1-"

ALL_SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.line_items.read",
    "crm.objects.line_items.write",
    "crm.objects.owners.read",
    "crm.objects.products.read",
    "crm.objects.products.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
    "crm.schemas.deals.read",
    "crm.schemas.deals.write",
    "crm.schemas.line_items.read",
)
"""Every scope the sandbox asks for anywhere; what a token gets that names none."""


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An app that may be installed into portals. With no `redirect_uris`, any is taken."""

    client_id: str
    client_secret: str = field(repr=False)
    app_id: int
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token or a code stands for: a portal, an app and its scopes.

    `app_key` names the rate bucket; `expires_at_ms` is None where it lives until revoked.
    """

    hub_id: int
    scopes: tuple[str, ...]
    kind: AppKind
    app_key: str
    expires_at_ms: int | None = None
    redirect_uri: str | None = None

    def allows(self, any_of: Iterable[str]) -> bool:
        """Whether one of these scopes was granted."""
        return any(scope in self.scopes for scope in any_of)


class TokenBook:
    """All tokens and codes of one sandbox."""

    def __init__(self, app: OAuthApp, clock: SandboxClock) -> None:
        """An empty book for one OAuth app. Set `rotate_refresh_tokens` to hand out a new one at every refresh."""
        self.app = app
        self.rotate_refresh_tokens = False
        self._clock = clock
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._codes: dict[str, Grant] = {}

    def issue_access(self, hub_id: int, scopes: Iterable[str], expires_in: float = ACCESS_TOKEN_SECONDS) -> str:
        """A new OAuth access token."""
        token = _ACCESS_PREFIX + secrets.token_urlsafe(180)
        expires_at_ms = self._clock.now_ms() + int(expires_in * 1000)
        self._access[token] = Grant(hub_id, tuple(scopes), "oauth", self.app.client_id, expires_at_ms)
        return token

    def issue_static(self, hub_id: int, scopes: Iterable[str], token: str | None = None) -> str:
        """A new token of a private app; each is an app of its own to the rate limits."""
        token = token or f"{_STATIC_PREFIX}{uuid.uuid4()}"
        self._access[token] = Grant(hub_id, tuple(scopes), "static", f"static-{len(self._access)}")
        return token

    def issue_refresh(self, hub_id: int, scopes: Iterable[str], token: str | None = None) -> str:
        """A new OAuth refresh token."""
        token = token or "na1-" + "-".join(secrets.token_hex(2) for _ in range(8))
        self._refresh[token] = Grant(hub_id, tuple(scopes), "oauth", self.app.client_id)
        return token

    def issue_code(self, hub_id: int, scopes: Iterable[str], redirect_uri: str) -> str:
        """A new authorization code, good once and for ten minutes."""
        code = f"na1-{uuid.uuid4()}"
        expires_at_ms = self._clock.now_ms() + _CODE_SECONDS * 1000
        self._codes[code] = Grant(hub_id, tuple(scopes), "oauth", self.app.client_id, expires_at_ms, redirect_uri)
        return code

    def peek(self, token: str) -> Grant | None:
        """The grant of an access or static token, expired or not."""
        return self._access.get(token)

    def peek_refresh(self, token: str) -> Grant | None:
        """The grant of a refresh token."""
        return self._refresh.get(token)

    def authenticate(self, token: str | None) -> Grant:
        """The grant of the token of an API call.

        Raises:
            VendorError: 401. Unknown tokens that do not look like HubSpot's get the reply of one that expired in
                1970 (seen on the wire).
        """
        if not token:
            raise credentials_missing()
        now_ms = self._clock.now_ms()
        grant = self._access.get(token)
        if grant is None:
            if token.startswith((_ACCESS_PREFIX, _STATIC_PREFIX)):
                raise credentials_missing()
            raise _expired(now_ms, 0)
        if grant.expires_at_ms is not None and grant.expires_at_ms <= now_ms:
            raise _expired(now_ms, grant.expires_at_ms)
        return grant

    def check_client(self, client_id: str | None, client_secret: str | None) -> None:
        """Checks an app's credentials.

        Raises:
            OAuthError: they are not this app's.
        """
        if client_id != self.app.client_id:
            raise OAuthError("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
        if not secrets.compare_digest((client_secret or "").encode(), self.app.client_secret.encode()):
            raise OAuthError("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret")

    def redeem_code(self, code: str | None, redirect_uri: str | None) -> Grant:
        """The grant of an authorization code, which is used up by this.

        Raises:
            OAuthError: unknown, used or too old, or for another redirect URI.
        """
        grant = self._codes.get(code or "")
        if grant is None or (grant.expires_at_ms or 0) <= self._clock.now_ms():
            raise OAuthError("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "BAD_REDIRECT_URI", "redirect URI does not match the authorization code")
        del self._codes[code or ""]
        return grant

    def refresh(self, token: str | None) -> tuple[Grant, str]:
        """The grant of a refresh token and the refresh token to use from now on.

        Raises:
            OAuthError: it is unknown or revoked.
        """
        grant = self._refresh.get(token or "")
        if token is None or grant is None:
            text = "refresh token is invalid, expired or revoked"
            raise OAuthError("invalid_grant", "BAD_REFRESH_TOKEN", text)
        if self.rotate_refresh_tokens:
            del self._refresh[token]
            token = self.issue_refresh(grant.hub_id, grant.scopes)
        return grant, token

    def revoke(self, token: str) -> bool:
        """Ends a token of any kind; says whether it was known. Access tokens of a revoked refresh token live on."""
        refresh, access = self._refresh.pop(token, None), self._access.pop(token, None)
        return bool(refresh or access)

    def uninstall(self, hub_id: int) -> None:
        """Ends every OAuth token and code of a portal, as a user's uninstalling of the app does."""
        for book in (self._access, self._refresh, self._codes):
            for token in [key for key, grant in book.items() if grant.hub_id == hub_id and grant.kind == "oauth"]:
                del book[token]


def _expired(now_ms: int, expired_at_ms: int) -> VendorError:
    return credentials_expired((now_ms - expired_at_ms) // 1000, instant_text(expired_at_ms))
