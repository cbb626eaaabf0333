"""The access token of one connection: renewed by one writer at a time, saved before it is used.

Vendors rotate refresh tokens: a renewal may kill the one it was asked with, and using a dead one may end the whole
grant. So renewing takes a lock that all who hold the same tokens share, and looks into the store first.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater
from hardfin_pipelines.connectors.tokens import Tokens, TokenStore

RenewalLock = Callable[[], AbstractAsyncContextManager[None]]
"""Makes a lock that whoever may renew the same tokens shares, in any process."""

_PAUSE_AFTER_FAILED_RENEWAL = timedelta(minutes=1)
_LOOK_AGAIN_SECONDS = 0.02


class ProcessLocks:
    """Renewal locks for one process, by account; of any thread and event loop."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def of(self, account: str) -> RenewalLock:
        """The lock of an account."""
        with self._guard:
            lock = self._locks.setdefault(account, threading.Lock())

        @asynccontextmanager
        async def held() -> AsyncIterator[None]:
            # Looked at, not waited for: a wait in a thread could not be cancelled, and would keep what it got.
            while not lock.acquire(blocking=False):  # noqa: ASYNC110  # an asyncio.Event belongs to one loop
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            try:
                yield
            finally:
                lock.release()

        return held


PROCESS_LOCKS = ProcessLocks()
"""The locks of every account this process calls, where nobody brings others."""


class Renewer(Protocol):
    """Gets new tokens for old ones from one vendor.

    Attributes:
        ends_when_said: Whether the vendor refuses an access token once the time is over that it was given for.
    """

    ends_when_said: bool

    @property
    def mints(self) -> bool:
        """Whether it gives tokens without a refresh token."""
        ...

    async def renewed(self, stored: Tokens) -> Tokens:
        """New tokens, not saved yet.

        Raises:
            NeedsAttention: Access was revoked, or the vendor does not know our app.
            RetryLater: The vendor is down or unreachable.
        """
        ...

    def is_dead_grant(self, error: NeedsAttention) -> bool:
        """Whether a refusal says that the refresh token is of no use any more."""
        ...


class Authenticator:
    """Gives the tokens to call with."""

    def __init__(
        self,
        *,
        integration: str,
        vendor: str,
        renewer: Renewer | None,
        store: TokenStore,
        lock: RenewalLock,
        calls: CallCounts,
        clock: Clock,
    ) -> None:
        """Nothing is asked yet.

        Args:
            integration: The kind of vendor system.
            vendor: Its name, for people.
            renewer: None where there is no app: then only the token at hand can be used, as long as it lives.
            store: Where the connection's tokens are kept.
            lock: Held while they are renewed.
            calls: Counts renewals.
            clock: Time.
        """
        self._integration = integration
        self._vendor = vendor
        self._renewer = renewer
        self._store = store
        self._lock = lock
        self._calls = calls
        self._clock = clock
        self._tokens: Tokens | None = None
        self._no_renewal_before: datetime | None = None

    async def tokens(self) -> Tokens:
        """The tokens for the next call.

        Raises:
            NeedsAttention: Access was revoked, or there are no credentials.
            RetryLater: The vendor's token endpoint is down and there is no token that could be used.
        """
        tokens = self._current()
        now = self._clock.now()
        if tokens.access and not tokens.refresh_is_due(now):
            return tokens
        held_back = self._no_renewal_before is not None and now < self._no_renewal_before
        if held_back and self._lives(tokens):
            return tokens
        try:
            return await self.replace(tokens.access)
        except RetryLater:
            if not self._lives(tokens):
                raise
            self._no_renewal_before = self._clock.now() + _PAUSE_AFTER_FAILED_RENEWAL
            return tokens

    async def replace(self, refused: str) -> Tokens:
        """Tokens in place of some that the vendor refuses or that are due; asked for once however many callers wait.

        Raises:
            NeedsAttention: There are none: access was revoked, or nothing at hand renews them.
            RetryLater: The vendor's token endpoint is down.
        """
        async with self._lock():
            if self._current().access not in {refused, ""}:
                return self._current()
            stored = self._store.load()
            if stored.access not in {refused, ""} and not stored.refresh_is_due(self._clock.now()):
                self._tokens = stored  # another one was here first
                return stored
            self._tokens = await self._renewed(stored)
            return self._tokens

    async def keep_alive(self) -> None:
        """Renew the tokens now, once, whether they are due or not.

        Raises:
            NeedsAttention: Access was revoked, or nothing at hand renews them.
            RetryLater: The vendor's token endpoint is down.
        """
        await self.replace(self._current().access)

    def _lives(self, tokens: Tokens) -> bool:
        """Whether a token that is due for renewal can be worked on with."""
        certain = self._renewer is not None and self._renewer.ends_when_said
        return tokens.is_usable(self._clock.now()) if certain else bool(tokens.access)

    def _current(self) -> Tokens:
        if self._tokens is None:
            tokens = self._store.load()
            mints = self._renewer is not None and self._renewer.mints
            if not tokens.access and not tokens.refresh and not mints:
                text = f"{self._vendor} is not connected: connect {self._vendor} first"
                raise NeedsAttention(self._integration, text)
            self._tokens = tokens
        return self._tokens

    async def _renewed(self, stored: Tokens) -> Tokens:
        renewer = self._renewer
        if renewer is None or not (stored.refresh or renewer.mints):
            text = f"{self._vendor} refuses our access token and it cannot be renewed: connect {self._vendor} again"
            raise NeedsAttention(self._integration, text)
        self._calls.token_refreshes += 1
        try:
            tokens = await renewer.renewed(stored)
        except NeedsAttention as error:
            newer = self._store.load()
            if renewer.is_dead_grant(error) and newer.refresh != stored.refresh and newer.access:
                return newer  # somebody without the lock used the refresh token up, and saved what it got
            raise
        self._store.save(tokens)
        self._no_renewal_before = None
        return tokens
