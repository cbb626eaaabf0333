"""What a connector signs in with, and where it keeps that."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

REFRESH_AT = 0.8
"""The part of its life after which an access token is replaced: before it ends, so no call is refused for its age."""

_LEFT_WHEN_LIFE_IS_UNKNOWN = timedelta(minutes=6)


@dataclass(frozen=True, slots=True)
class Tokens:
    """An OAuth grant, or a static token.

    Attributes:
        access: Sent with every call. "" where only the refresh token is known yet. In no repr.
        refresh: Gets the next access token; "" for a static token. In no repr.
        expires_at: When the access token ends; None for a static token.
        issued_at: When it began; None where that is not known.
        instance_url: Where the account's API is; "" where it is the same for all accounts of the vendor.
        previous_refresh: The value that `refresh` replaced; "" where there was none. Some vendors still take it for a
            while. In no repr.
    """

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    instance_url: str = ""
    previous_refresh: str = field(default="", repr=False)

    def refresh_is_due(self, now: datetime) -> bool:
        """Whether the access token should be replaced before the next call."""
        if not self.refresh:
            return False
        if not self.access:
            return True
        if self.expires_at is None:
            return False
        if self.issued_at is None:
            return now >= self.expires_at - _LEFT_WHEN_LIFE_IS_UNKNOWN
        return now >= self.issued_at + (self.expires_at - self.issued_at) * REFRESH_AT

    def is_usable(self, now: datetime) -> bool:
        """Whether the vendor should still take the access token."""
        return bool(self.access) and (self.expires_at is None or now < self.expires_at)


class TokenStore(Protocol):
    """Keeps the tokens of one connection. Called from the event loop, so it must be quick."""

    def load(self) -> Tokens:
        """The tokens as last saved, by this process or another."""
        ...

    def save(self, tokens: Tokens) -> None:
        """Keep tokens durably; called before they are used."""
        ...


class MemoryTokenStore:
    """Keeps tokens in this process only."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def load(self) -> Tokens:
        """The tokens as last saved."""
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        """Keep tokens."""
        self._tokens = tokens
