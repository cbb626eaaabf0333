"""Access tokens by signed assertion, and token-based authentication's keys (Oracle docs: OAuth 2.0; TBA)."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.certificates import ALGORITHMS, CertificateMapping, map_certificate
from hardfin_pipelines.sandbox.netsuite.errors import OAuthError
from hardfin_pipelines.sandbox.netsuite.roles import OAUTH2_LOGIN, User

SCOPES = frozenset({"rest_webservices", "restlets", "suite_analytics", "mcp"})
_LONGEST_ASSERTION_SECONDS = 3_600
_REST = "rest_webservices"


@dataclass(frozen=True, slots=True)
class Grant:
    """Who a request is made for, and for what."""

    account: Account
    user: User
    scopes: tuple[str, ...]
    ends_at_ms: int


@dataclass(frozen=True, slots=True, repr=False)
class TbaKeys:
    """An integration's and a token's keys, as token-based authentication signs with them."""

    account: Account
    user: User
    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


class KeyBook:
    """All certificates, access tokens and TBA tokens of one sandbox."""

    def __init__(self, clock: SandboxClock, accounts: Mapping[str, Account], client_id: str) -> None:
        """An empty book for one integration, `client_id`, in the accounts by id."""
        self.client_id = client_id
        self._clock = clock
        self._accounts = accounts
        self._signing_key = secrets.token_bytes(32)
        self._certificates: dict[tuple[str, str], CertificateMapping] = {}
        self._grants: dict[str, Grant] = {}
        self._tba: dict[tuple[str, str], TbaKeys] = {}

    def add_certificate(self, account: Account, pem: str, user: User | None = None) -> CertificateMapping:
        """Maps a certificate to a user, the integration user where none is given.

        Raises:
            ValueError: NetSuite would not take it.
        """
        made = map_certificate(pem, self.client_id, user or account.integration_user)
        self._certificates[account.id, made.kid] = made
        return made

    def certificate(self, account: Account, kid: str) -> CertificateMapping | None:
        """A certificate by its id."""
        return self._certificates.get((account.id, kid))

    def account_of_kid(self, kid: str) -> Account | None:
        """The account that a certificate is mapped in."""
        return next((self._accounts[account] for account, known in self._certificates if known == kid), None)

    def issue(self, account: Account, user: User, scopes: Iterable[str] = (_REST,)) -> str:
        """A new access token, itself a JWT as NetSuite's are."""
        seconds = account.settings.token_seconds
        now = self._clock.now_ms()
        claims = {
            "sub": f"{user.id};{account.id}",
            "aud": [self.client_id],
            "scope": list(scopes),
            "iss": "https://system.netsuite.com",
            "iat": now // 1000,
            "exp": now // 1000 + seconds,
            "jti": secrets.token_urlsafe(16),
        }
        token = jwt.encode(claims, self._signing_key, algorithm="HS256", headers={"kid": "s.SYSTEM.2026_1"})
        self._grants[token] = Grant(account, user, tuple(scopes), now + seconds * 1000)
        return token

    def peek(self, token: str | None) -> Grant | None:
        """The grant of an access token, expired or not."""
        return self._grants.get(token or "")

    def live(self, token: str | None) -> Grant | None:
        """The grant of an access token that has not expired; a user's changed preferences count at once."""
        grant = self.peek(token)
        if grant is None or grant.ends_at_ms <= self._clock.now_ms():
            return None
        user = grant.account.users[grant.user.id]
        return Grant(grant.account, user, grant.scopes, grant.ends_at_ms)

    def end_tokens(self, account: Account) -> int:
        """Ends an account's access tokens and says how many there were."""
        ended = [token for token, grant in self._grants.items() if grant.account is account]
        for token in ended:
            del self._grants[token]
        return len(ended)

    def add_tba_token(self, account: Account, user: User | None = None) -> TbaKeys:
        """New keys for token-based authentication, the integration user's where none is given."""
        keys = TbaKeys(account, user or account.integration_user, *(secrets.token_hex(32) for _ in range(4)))
        self._tba[keys.consumer_key, keys.token] = keys
        return keys

    def tba_keys(self, consumer_key: str, token: str) -> TbaKeys | None:
        """The keys that a signed request names."""
        return self._tba.get((consumer_key, token))

    def redeem_assertion(self, account: Account, text: str, audiences: Iterable[str]) -> tuple[str, Grant]:
        """A new access token for a signed assertion, and its grant.

        Raises:
            OAuthError: the assertion, its certificate, or the role behind it does not do.
        """
        mapping = self._mapping(account, text)
        claims = self._claims(text, mapping)
        if claims.get("iss") != mapping.client_id:
            raise OAuthError("invalid_grant", "The issuer of the client assertion is not the client ID.")
        if claims.get("aud") not in set(audiences):
            raise OAuthError("invalid_grant", "The audience of the client assertion is not the token endpoint.")
        self._check_times(account, claims)
        scopes = _scopes(claims.get("scope"))
        user = account.users[mapping.user.id]
        if not user.role.may(OAUTH2_LOGIN):
            raise OAuthError("invalid_grant", f"The role lacks the permission {OAUTH2_LOGIN}.")
        token = self.issue(account, user, scopes)
        return token, self._grants[token]

    def _mapping(self, account: Account, text: str) -> CertificateMapping:
        try:
            header = jwt.get_unverified_header(text)
        except jwt.PyJWTError as error:
            raise OAuthError("invalid_request", "The client assertion is not a JWT.") from error
        if header.get("typ") != "JWT" or header.get("alg") not in ALGORITHMS:
            raise OAuthError("invalid_request", f"The client assertion must be signed by {', '.join(ALGORITHMS)}.")
        mapping = self.certificate(account, str(header.get("kid")))
        if mapping is None or mapping.revoked or mapping.valid_until <= self._clock.now():
            raise OAuthError("invalid_grant", "The certificate of the client assertion is unknown, revoked or expired.")
        return mapping

    def _claims(self, text: str, mapping: CertificateMapping) -> dict[str, Any]:
        off = ("verify_aud", "verify_exp", "verify_iat", "verify_nbf", "verify_iss", "verify_sub", "verify_jti")
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                mapping.public_key,
                algorithms=list(ALGORITHMS),
                options=dict.fromkeys(off, False),  # type: ignore[arg-type]  # a plain dict of PyJWT's own switches
            )
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise OAuthError("invalid_grant", "The signature of the client assertion is not valid.") from error
        return claims

    def _check_times(self, account: Account, claims: Mapping[str, Any]) -> None:
        issued, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or not isinstance(ends, int | float):
            raise OAuthError("invalid_request", "The client assertion needs iat and exp.")
        now = self._clock.now_ms() / 1000
        if ends - issued >= _LONGEST_ASSERTION_SECONDS or ends <= now:
            raise OAuthError("invalid_grant", "The client assertion is expired or lives 60 minutes or longer.")
        if issued > now + account.settings.clock_skew_seconds:
            raise OAuthError("invalid_grant", "The client assertion was issued in the future.")


def _scopes(claim: Any) -> tuple[str, ...]:
    """The scopes of an assertion, a text with commas or a list; `mcp` goes with no other.

    Raises:
        OAuthError: there is none, one is not known, or they do not go together.
    """
    named = claim if isinstance(claim, list) else str(claim or "").split(",")
    scopes = tuple(str(each).strip() for each in named if str(each).strip())
    if not scopes or set(scopes) - SCOPES or ("mcp" in scopes and len(scopes) > 1):
        raise OAuthError("invalid_scope", "The scope is missing, not known or not allowed together with another.")
    return scopes


def certificate_end(mapping: CertificateMapping) -> datetime:
    """When a certificate ends, in UTC."""
    return mapping.valid_until.astimezone(UTC)
