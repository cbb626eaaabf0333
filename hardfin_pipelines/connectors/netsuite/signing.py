"""How each call says who asks: by a bearer token, or by a signature of its own."""

from dataclasses import dataclass, field
from typing import Protocol

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client  # type: ignore[import-untyped]  # oauthlib has no types

from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.renewal import Authenticator


class Signer(Protocol):
    """Makes `Authorization` headers."""

    async def header(self, method: str, url: str) -> str:
        """The header's value for one try of one call.

        Raises:
            NeedsAttention: There is no credential that could be used.
            RetryLater: The token endpoint is down.
        """
        ...

    async def renewed(self, refused: str) -> bool:
        """After a refusal: whether another try has another credential to show. Raises as `header`."""
        ...

    async def keep_alive(self) -> None:
        """Renew what would die unused. Raises as `header`."""
        ...


class BearerSigner:
    """OAuth 2.0: the same token for every call, as long as it lives."""

    def __init__(self, auth: Authenticator) -> None:
        self._auth = auth

    async def header(self, method: str, url: str) -> str:  # noqa: ARG002  # one for all
        """The token's header."""
        return f"Bearer {(await self._auth.tokens()).access}"

    async def renewed(self, refused: str) -> bool:
        """Get a new token in place of the refused one; true always, since it raises where there is none."""
        await self._auth.replace(refused.removeprefix("Bearer "))
        return True

    async def keep_alive(self) -> None:
        """Get a new token now."""
        await self._auth.keep_alive()


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Token-based authentication's keys, for integrations that were made before 2027.1; no new ones can be.

    Attributes:
        consumer_key: The integration record's. In no repr, as the others.
        consumer_secret: Likewise.
        token: The access token's id.
        token_secret: Its secret.
    """

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)


class TokenSigner:
    """Token-based authentication: OAuth 1.0a by HMAC-SHA256 (Oracle docs: token-based authentication).

    Every try is signed anew: a nonce is good once, and a timestamp for minutes.
    """

    def __init__(self, keys: TokenKeys, account_id: str, clock: Clock) -> None:
        """`account_id` is the realm: in capitals, with underscores."""
        self._keys = keys
        self._realm = account_id
        self._clock = clock

    async def header(self, method: str, url: str) -> str:
        """The signature of one call; its body is no part of it."""
        keys = self._keys
        client = Client(
            keys.consumer_key,
            keys.consumer_secret,
            keys.token,
            keys.token_secret,
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=self._realm,
            timestamp=str(int(self._clock.now().timestamp())),
        )
        _url, headers, _body = client.sign(url, http_method=method)
        return str(headers["Authorization"])

    async def renewed(self, refused: str) -> bool:  # noqa: ARG002  # the keys stay the same
        """False: the keys stay the same."""
        return False

    async def keep_alive(self) -> None:
        """Nothing: the keys live until somebody ends them."""
