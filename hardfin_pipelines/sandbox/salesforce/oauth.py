"""Sessions, refresh tokens and authorization codes (Salesforce docs: OAuth authorization flows)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import jwt

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.salesforce.errors import OAuthError, VendorError, session_invalid
from hardfin_pipelines.sandbox.salesforce.org import Org

CODE_SECONDS = 15 * 60
REFRESH_IDLE_SECONDS = 30 * 86_400
LONGEST_ASSERTION_SECONDS = 5 * 60
DEFAULT_SCOPES = ("api", "refresh_token")
_EXPIRED = "expired access/refresh token"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(slots=True, repr=False)
class ConnectedApp:
    """An External Client App.

    Attributes:
        redirect_uris: allowed ones; with none, any.
        certificate: PEM of the certificate or public key that JWT assertions are checked with.
        require_pkce: authorization codes need a code challenge.
        rotate_refresh_tokens: each refresh answers a new refresh token, and the old one dies.
    """

    client_id: str
    client_secret: str
    name: str = "Hardfin data connector"
    redirect_uris: tuple[str, ...] = ()
    certificate: str | None = None
    require_pkce: bool = True
    rotate_refresh_tokens: bool = True


@dataclass(slots=True)
class AppPolicy:
    """What one organization's administrator decided about the app.

    Attributes:
        installed: end users cannot authorize an app that is not.
        admin_approved_only: only `approved_users` may use it; otherwise users approve it themselves.
        run_as: the user that client credentials stand for.
    """

    installed: bool = True
    admin_approved_only: bool = False
    approved_users: set[str] = field(default_factory=set)
    run_as: str | None = None


@dataclass(slots=True)
class Grant:
    """Who a token, code or session stands for."""

    org: Org
    user_id: str
    scopes: tuple[str, ...]
    used_at_ms: int
    redirect_uri: str = ""
    challenge: str = ""


class TokenBook:
    """All sessions, codes and refresh tokens of one sandbox."""

    def __init__(self, app: ConnectedApp, clock: SandboxClock, orgs: dict[str, Org]) -> None:
        """An empty book for one app and the organizations by id."""
        self.app = app
        self._clock = clock
        self._orgs = orgs
        self.policies: dict[str, AppPolicy] = {}
        self._sessions: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._codes: dict[str, Grant] = {}

    def policy(self, org: Org) -> AppPolicy:
        """What an organization decided about the app."""
        return self.policies.setdefault(org.id, AppPolicy(run_as=org.integration_user_id))

    def issue_session(self, org: Org, user_id: str, scopes: Iterable[str] = DEFAULT_SCOPES) -> str:
        """A new access token, which is a session id: organization, exclamation mark, secret."""
        token = f"{org.id[:15]}!AQ{secrets.token_urlsafe(64).replace('-', '.')}"
        self._sessions[token] = Grant(org, user_id, tuple(scopes), self._clock.now_ms())
        return token

    def issue_refresh(self, org: Org, user_id: str, scopes: Iterable[str] = DEFAULT_SCOPES) -> str:
        """A new refresh token."""
        token = f"5Aep{secrets.token_urlsafe(60)}"
        self._refresh[token] = Grant(org, user_id, tuple(scopes), self._clock.now_ms())
        return token

    def issue_code(
        self, org: Org, user_id: str, scopes: Iterable[str], *, redirect_uri: str, challenge: str = ""
    ) -> str:
        """A new authorization code, good once and for fifteen minutes. The user has approved the app by it."""
        self.policy(org).approved_users.add(user_id)
        code = f"aPrx{secrets.token_urlsafe(50)}=="
        self._codes[code] = Grant(org, user_id, tuple(scopes), self._clock.now_ms(), redirect_uri, challenge)
        return code

    def peek(self, token: str | None) -> Grant | None:
        """The grant of a session, expired or not."""
        return self._sessions.get(token or "")

    def peek_refresh(self, token: str) -> Grant | None:
        """The grant of a refresh token."""
        return self._refresh.get(token)

    def live(self, token: str | None) -> Grant | None:
        """The grant of a session that has not expired."""
        grant = self.peek(token)
        if grant is None:
            return None
        idle_ms = self._clock.now_ms() - grant.used_at_ms
        return grant if idle_ms < grant.org.settings.session_minutes * 60_000 else None

    def authenticate(self, token: str | None) -> Grant:
        """The grant of an API call's session; using it puts its end off.

        Raises:
            VendorError: 401 INVALID_SESSION_ID; 403 for an organization without API access.
        """
        grant = self.live(token)
        if grant is None:
            raise session_invalid()
        if not {"api", "full"} & set(grant.scopes):
            raise VendorError(403, "INSUFFICIENT_ACCESS", "This session is not valid for use with the REST API")
        grant.used_at_ms = self._clock.now_ms()
        return grant

    def expire_sessions(self, org: Org | None = None) -> int:
        """Ends the sessions of an organization, or all, at once; says how many."""
        ended = [token for token, grant in self._sessions.items() if org in (None, grant.org)]
        for token in ended:
            del self._sessions[token]
        return len(ended)

    def check_client(self, client_id: str | None, client_secret: str | None) -> None:
        """Checks the app's credentials.

        Raises:
            OAuthError: they are not the app's.
        """
        if client_id != self.app.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not secrets.compare_digest((client_secret or "").encode(), self.app.client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")

    def redeem_code(self, code: str | None, redirect_uri: str | None, verifier: str | None) -> Grant:
        """The grant of an authorization code, which is used up by this.

        Raises:
            OAuthError: it is unknown, used or too old, for another redirect URI, or the verifier does not fit.
        """
        grant = self._codes.pop(code or "", None)
        if grant is None:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if self._clock.now_ms() - grant.used_at_ms >= CODE_SECONDS * 1000:
            raise OAuthError("invalid_grant", "expired authorization code")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if grant.challenge and not _verifies(verifier or "", grant.challenge):
            raise OAuthError("invalid_grant", "invalid code verifier")
        self._check_user(grant)
        return grant

    def refresh(self, token: str | None) -> tuple[Grant, str | None]:
        """The grant of a refresh token, and the new refresh token where they rotate.

        Raises:
            OAuthError: it is unknown, revoked, replaced, or unused for 30 days.
        """
        grant = self._refresh.get(token or "")
        now = self._clock.now_ms()
        if token is None or grant is None or now - grant.used_at_ms >= REFRESH_IDLE_SECONDS * 1000:
            raise OAuthError("invalid_grant", _EXPIRED)
        self._check_user(grant)
        if not self.app.rotate_refresh_tokens:
            grant.used_at_ms = now
            return grant, None
        del self._refresh[token]
        return grant, self.issue_refresh(grant.org, grant.user_id, grant.scopes)

    def client_credentials(self, org: Org) -> Grant:
        """The grant of the app itself in one organization.

        Raises:
            OAuthError: the administrator named no Run-As user, or the app is not installed.
        """
        policy = self.policy(org)
        if policy.run_as is None:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        grant = Grant(org, policy.run_as, ("api",), self._clock.now_ms())
        self._check_user(replace(grant))
        return grant

    def assertion(self, text: str | None, audiences: Iterable[str]) -> Grant:
        """The grant of a JWT bearer assertion.

        Raises:
            OAuthError: signature, audience, age or user are not right.
        """
        claims = self._claims(text or "")
        if str(claims.get("aud", "")).rstrip("/") not in set(audiences):
            raise OAuthError("invalid_grant", "Audience validation failed")
        left = int(float(claims.get("exp", 0))) - self._clock.now_ms() // 1000
        if not 0 < left <= LONGEST_ASSERTION_SECONDS:
            raise OAuthError("invalid_grant", "expired authorization code")
        found = next((each for org in self._orgs.values() for each in _users(org, str(claims.get("sub")))), None)
        if found is None:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        org, user_id = found
        policy = self.policy(org)
        if user_id not in policy.approved_users:
            text = "user is not admin approved" if policy.admin_approved_only else "user hasn't approved this consumer"
            raise OAuthError("invalid_grant", text)
        grant = Grant(org, user_id, ("api",), self._clock.now_ms())
        self._check_user(grant)
        return grant

    def _claims(self, text: str) -> dict[str, Any]:
        if self.app.certificate is None:
            raise OAuthError("invalid_grant", "invalid assertion")
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                _public_key(self.app.certificate),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.PyJWTError as error:
            raise OAuthError("invalid_grant", "invalid assertion") from error
        if claims.get("iss") != self.app.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        return claims

    def _check_user(self, grant: Grant) -> None:
        policy = self.policy(grant.org)
        if not policy.installed:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        if policy.admin_approved_only and grant.user_id not in policy.approved_users:
            raise OAuthError("invalid_grant", "user is not admin approved")
        if not grant.org.record("User", grant.user_id)["IsActive"]:
            raise OAuthError("inactive_user", "user is inactive")

    def revoke(self, token: str) -> bool:
        """Ends a token; a refresh token takes its user's sessions along. Says whether it was known."""
        refresh = self._refresh.pop(token, None)
        session = self._sessions.pop(token, None)
        if refresh is not None:
            own = [
                key
                for key, grant in self._sessions.items()
                if (grant.org, grant.user_id) == (refresh.org, refresh.user_id)
            ]
            for key in own:
                del self._sessions[key]
        return refresh is not None or session is not None

    def uninstall(self, org: Org) -> None:
        """Ends every token of an organization, as its administrator's blocking of the app does."""
        self.policy(org).installed = False
        for book in (self._sessions, self._refresh, self._codes):
            for token in [key for key, grant in book.items() if grant.org is org]:
                del book[token]


def _users(org: Org, username: str) -> list[tuple[Org, str]]:
    return [(org, user_id) for user_id in org.permissions if org.record("User", user_id)["Username"] == username]


def _public_key(certificate: str) -> Any:
    if "BEGIN CERTIFICATE" not in certificate:
        return certificate
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(certificate.encode()).public_key()


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a code verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _verifies(verifier: str, challenge: str) -> bool:
    return _VERIFIER.fullmatch(verifier) is not None and secrets.compare_digest(challenge_of(verifier), challenge)
