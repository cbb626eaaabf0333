"""Token-based authentication: OAuth 1.0a signatures (Oracle docs: TBA; the header as public clients send it)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from oauthlib.oauth1.rfc5849 import signature  # type: ignore[import-untyped]  # oauthlib has no types
from starlette.requests import Request

from hardfin_pipelines.sandbox.netsuite.errors import invalid_login
from hardfin_pipelines.sandbox.netsuite.oauth import KeyBook, TbaKeys
from hardfin_pipelines.sandbox.netsuite.roles import TBA_LOGIN

_PAIR = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*(?:,|$)')
_METHOD = "HMAC-SHA256"
_NEEDED = ("realm", "oauth_nonce", "oauth_timestamp", "oauth_signature_method", "oauth_consumer_key", "oauth_token")


def oauth_header(value: str) -> dict[str, str] | None:
    """The parameters of an `Authorization: OAuth` header, decoded; None for other headers."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "oauth":
        return None
    return {name: unquote(given) for name, given in _PAIR.findall(rest)}


class TbaVerifier:
    """Checks signed requests; a nonce is good once."""

    def __init__(self, keys: KeyBook) -> None:
        """`keys` knows the secrets."""
        self._keys = keys
        self._seen: dict[tuple[str, str], int] = {}

    def verify(self, request: Request, given: Mapping[str, str], now_s: int) -> TbaKeys:
        """The keys that a request is signed with.

        Raises:
            VendorError: 401; what was wrong is not told.
        """
        keys = self._keys.tba_keys(given.get("oauth_consumer_key", ""), given.get("oauth_token", ""))
        if keys is None or any(name not in given for name in _NEEDED) or not keys.account.settings.tba_enabled:
            raise invalid_login()
        fits = given["realm"] == keys.account.id and given["oauth_signature_method"] == _METHOD
        if not fits or given.get("oauth_version", "1.0") != "1.0" or not _signed(request, given, keys):
            raise invalid_login()
        self._use_nonce(given, keys, now_s)
        if not keys.account.users[keys.user.id].role.may(TBA_LOGIN):
            raise invalid_login()
        return keys

    def _use_nonce(self, given: Mapping[str, str], keys: TbaKeys, now_s: int) -> None:
        window = keys.account.settings.tba_window_seconds
        stamp = given["oauth_timestamp"]
        if not stamp.isdigit() or abs(int(stamp) - now_s) > window:
            raise invalid_login()
        nonce = (keys.token, given["oauth_nonce"])
        if nonce in self._seen:
            raise invalid_login()
        self._seen[nonce] = int(stamp)
        if len(self._seen) > 100_000:  # those outside of the window are refused by their time
            self._seen = {key: at for key, at in self._seen.items() if abs(at - now_s) <= window}


@dataclass(frozen=True, slots=True)
class _Signed:
    """What oauthlib verifies."""

    uri: str
    http_method: str
    params: list[tuple[str, str]]
    signature: str


def _signed(request: Request, given: Mapping[str, str], keys: TbaKeys) -> bool:
    """Whether the signature fits: over every parameter of the header but the realm, and those of the query."""
    params = [(name, value) for name, value in given.items() if name not in {"realm", "oauth_signature"}]
    params += signature.collect_parameters(uri_query=request.url.query)
    asked = _Signed(str(request.url), request.method, params, given.get("oauth_signature", ""))
    fits: bool = signature.verify_hmac_sha256(asked, keys.consumer_secret, keys.token_secret)
    return fits
