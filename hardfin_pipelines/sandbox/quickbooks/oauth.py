"""Access tokens, refresh tokens and authorization codes (Intuit docs: OAuth 2.0; reports of public clients)."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.errors import OAuthError
from hardfin_pipelines.sandbox.quickbooks.settings import AppSettings

ACCOUNTING = "com.intuit.quickbooks.accounting"
KNOWN_SCOPES = (ACCOUNTING, "com.intuit.quickbooks.payment", "openid", "profile", "email", "phone", "address")
Ending = Literal["revoked", "disconnected"]
_DAY_MS = 86_400_000
_ACCESS_BYTES = 640


@dataclass(slots=True, repr=False)
class ConnectedApp:
    """An app of a developer. With no `redirect_uris` any is taken."""

    client_id: str
    client_secret: str
    name: str = "Hardfin"
    redirect_uris: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Grant:
    """One consent. `ended` says how it ended, if it did."""

    company: Company
    scopes: tuple[str, ...]
    consented_at_ms: int
    ended: Ending | None = None


@dataclass(slots=True, eq=False)
class AccessToken:
    """An access token's grant and end."""

    grant: Grant
    ends_at_ms: int


@dataclass(slots=True, eq=False)
class RefreshToken:
    """A value of a grant's refresh token. `replaced_at_ms` is set when a newer one took its place."""

    grant: Grant
    issued_at_ms: int
    used_at_ms: int
    replaced_at_ms: int | None = None


@dataclass(slots=True, eq=False)
class Code:
    """An authorization code."""

    grant: Grant
    redirect_uri: str
    issued_at_ms: int


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a token request answers with. Lifetimes are in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    refresh_expires_in: int
    refresh_hard_expires_in: int
    grant: Grant = field(repr=False)


class TokenBook:
    """All tokens and codes of one app."""

    def __init__(self, app: ConnectedApp, clock: SandboxClock, settings: AppSettings) -> None:
        """An empty book."""
        self.app = app
        self._clock = clock
        self._settings = settings
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._codes: dict[str, Code] = {}

    def grant(self, company: Company, scopes: Iterable[str] = (ACCOUNTING,)) -> Grant:
        """A new consent."""
        return Grant(company, tuple(scopes), self._clock.now_ms())

    def issue(self, grant: Grant) -> IssuedTokens:
        """New tokens of a consent."""
        value = f"RT1-{secrets.randbelow(900) + 100}-H0-{secrets.token_hex(20)}"
        now = self._clock.now_ms()
        self._refresh[value] = RefreshToken(grant, now, now)
        return self._issued(grant, value)

    def _issued(self, grant: Grant, refresh_token: str) -> IssuedTokens:
        now, life = self._clock.now_ms(), self._settings.access_token_seconds
        access_token = f"eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0..{secrets.token_urlsafe(_ACCESS_BYTES)}"
        self._access[access_token] = AccessToken(grant, now + life * 1000)
        hard = (grant.consented_at_ms + self._settings.refresh_hard_days * _DAY_MS - now) // 1000
        announced = min(self._settings.refresh_announced_seconds, hard)
        return IssuedTokens(access_token, refresh_token, life, announced, hard, grant)

    def issue_code(self, grant: Grant, redirect_uri: str) -> str:
        """An authorization code, good once."""
        code = f"AB{secrets.token_hex(24)}"
        self._codes[code] = Code(grant, redirect_uri, self._clock.now_ms())
        return code

    def redeem_code(self, code: str | None, redirect_uri: str | None) -> IssuedTokens:
        """Tokens for an authorization code, which is used up by this.

        Raises:
            OAuthError: it is unknown, used, too old, or for another redirect URI.
        """
        found = self._codes.pop(code or "", None)
        if found is None or self._clock.now_ms() - found.issued_at_ms >= self._settings.code_seconds * 1000:
            raise OAuthError("invalid_grant", "Invalid authorization code")
        if found.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "Invalid redirect URI")
        if self._settings.consent_ends_earlier_tokens:
            self.end(found.grant.company, "revoked")
        return self.issue(found.grant)

    def refresh(self, value: str | None) -> IssuedTokens:
        """New tokens for a refresh token; the refresh token itself changes about once a day.

        Raises:
            OAuthError: it is unknown, ended, replaced, or too old.
        """
        found = self._refresh.get(value or "")
        if value is None or found is None or not self._works(found):
            raise OAuthError("invalid_grant", "Incorrect or invalid refresh token")
        now = self._clock.now_ms()
        if found.replaced_at_ms is not None:  # within its grace: the newest value is told
            value, found = next(
                (name, each)
                for name, each in self._refresh.items()
                if each.grant is found.grant and not each.replaced_at_ms
            )
        if now - found.issued_at_ms >= self._settings.refresh_rotates_after_seconds * 1000:
            found.replaced_at_ms = now
            return self.issue(found.grant)
        found.used_at_ms = now
        return self._issued(found.grant, value)

    def _works(self, token: RefreshToken) -> bool:
        now, settings = self._clock.now_ms(), self._settings
        if token.grant.ended or now - token.grant.consented_at_ms >= settings.refresh_hard_days * _DAY_MS:
            return False
        if token.replaced_at_ms is not None:
            return now - token.replaced_at_ms < settings.previous_refresh_token_seconds * 1000
        return now - token.used_at_ms < settings.refresh_idle_days * _DAY_MS

    def access(self, value: str | None) -> AccessToken | None:
        """An access token, ended or not; None for one that was never issued."""
        return self._access.get(value or "")

    def revoke(self, value: str) -> bool:
        """Ends the consent that a token is of. Says whether the token was known."""
        found = self._access.get(value) or self._refresh.get(value)
        if found is None or found.grant.ended:
            return False
        found.grant.ended = "revoked"
        return True

    def end(self, company: Company, how: Ending) -> int:
        """Ends a company's consents at once; says how many."""
        grants = {each.grant for book in self._books() for each in book.values() if each.grant.company is company}
        living = [grant for grant in grants if grant.ended is None]
        for grant in living:
            grant.ended = how
        return len(living)

    def _books(self) -> tuple[Mapping[str, AccessToken | RefreshToken], ...]:
        return self._access, self._refresh

    def expire_access(self, company: Company | None = None) -> int:
        """Ends the access tokens of a company, or of all; refresh tokens stay. Says how many."""
        now, ended = self._clock.now_ms(), 0
        for token in self._access.values():
            if token.ends_at_ms > now and company in (None, token.grant.company):
                token.ends_at_ms, ended = now, ended + 1
        return ended

    def rotate_elsewhere(self, company: Company) -> int:
        """Replaces a company's refresh tokens by values that nobody gets to know, as a second worker would."""
        now = self._clock.now_ms()
        living = [each for each in self._refresh.values() if each.grant.company is company and self._works(each)]
        for token in living:
            if token.replaced_at_ms is None:
                token.replaced_at_ms = now
                self.issue(token.grant)
        return len(living)
