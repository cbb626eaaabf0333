"""The access token of one connection: renewed by one writer at a time, saved before it is used.

Salesforce rotates refresh tokens: each renewal kills the one it was asked with, and using a dead one may end the whole
grant. So renewing takes a lock that all who hold the same tokens share, and looks into the store first.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater
from hardfin_pipelines.connectors.salesforce.errors import INTEGRATION
from hardfin_pipelines.connectors.salesforce.oauth import TokenEndpoint, is_dead_grant
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


class Authenticator:
    """Gives the tokens to call with."""

    def __init__(
        self,
        *,
        endpoint: TokenEndpoint | None,
        store: TokenStore,
        lock: RenewalLock,
        calls: CallCounts,
        clock: Clock,
    ) -> None:
        """`endpoint` is None where there is no app: then only the token at hand can be used, as long as it lives."""
        self._endpoint = endpoint
        self._store = store
        self._lock = lock
        self._calls = calls
        self._clock = clock
        self._tokens: Tokens | None = None
        self._no_renewal_before: datetime | None = None
        self.organization_id = ""

    def site(self) -> str:
        """The org's own address; "" where it is not known."""
        tokens = self._tokens or self._store.load()
        return tokens.instance_url

    async def tokens(self) -> Tokens:
        """The tokens for the next call.

        Raises:
            NeedsAttention: Access was revoked, or there are no credentials.
            RetryLater: Salesforce's token endpoint is down and there is no token that could be used.
        """
        tokens = self._current()
        now = self._clock.now()
        if tokens.access and not tokens.refresh_is_due(now):
            return tokens
        held_back = self._no_renewal_before is not None and now < self._no_renewal_before
        if held_back and tokens.access:
            return tokens
        try:
            return await self.replace(tokens.access)
        except RetryLater:
            if not tokens.access:
                raise
            # A session in use lives on past the day after which we renew it: work on with it.
            self._no_renewal_before = self._clock.now() + _PAUSE_AFTER_FAILED_RENEWAL
            return tokens

    async def replace(self, refused: str) -> Tokens:
        """Tokens in place of some that Salesforce refuses or that are due; asked for once however many callers wait.

        Raises:
            NeedsAttention: There are none: access was revoked, or nothing at hand renews them.
            RetryLater: Salesforce's token endpoint is down.
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

    def _current(self) -> Tokens:
        if self._tokens is None:
            tokens = self._store.load()
            mints = self._endpoint is not None and self._endpoint.mints
            if not tokens.access and not tokens.refresh and not mints:
                raise NeedsAttention(INTEGRATION, "Salesforce is not connected: connect Salesforce first")
            self._tokens = tokens
        return self._tokens

    async def _renewed(self, stored: Tokens) -> Tokens:
        endpoint = self._endpoint
        if endpoint is None or not (stored.refresh or endpoint.mints):
            text = "Salesforce refuses our access token and it cannot be renewed: connect Salesforce again"
            raise NeedsAttention(INTEGRATION, text)
        self._calls.token_refreshes += 1
        try:
            grant = await endpoint.renew(stored.refresh)
        except NeedsAttention as error:
            newer = self._store.load()
            if is_dead_grant(error) and newer.refresh != stored.refresh and newer.access:
                return newer  # somebody without the lock used the refresh token up, and saved what it got
            raise
        self._store.save(grant.tokens)
        self.organization_id = grant.organization_id
        self._no_renewal_before = None
        return grant.tokens
