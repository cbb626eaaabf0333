"""A rolling-window rate limiter that never lets too many calls out, shared by all who call one account.

pyrate-limiter's bucket keeps the exact log of calls (a true sliding window). Its `Limiter` is not used: it polls for
a free place and starts a thread for each bucket, while here every caller gets a place in time at once and sleeps once.
"""

import math
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from hardfin_pipelines.connectors.clock import Clock

SLACK_SECONDS = 0.1
"""Added to every window: two calls may reach the vendor closer together than we sent them."""


class RollingLimiter:
    """At most `limit` calls in any `seconds`. May be used from several event loops and threads."""

    def __init__(self, name: str, limit: int, seconds: float, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._configured = limit
        self._interval_ms = math.ceil((seconds + SLACK_SECONDS) * 1000)
        self._bucket = InMemoryBucket([Rate(limit, self._interval_ms)])
        self._lock = threading.Lock()
        self._last_ms = 0
        self._paused_until_ms = 0

    @property
    def limit(self) -> int:
        """Calls let out in one window now."""
        return self._bucket.rates[0].limit

    def configure(self, limit: int) -> None:
        """Set how many calls are let out in one window."""
        if limit != self._configured:
            self._configured = limit
            self._set(limit)

    def adapt(self, vendor_limit: int) -> None:
        """Take note of what the vendor says its limit is; ours is never above it, nor above what was configured."""
        if vendor_limit >= 1 and min(vendor_limit, self._configured) != self.limit:
            self._set(min(vendor_limit, self._configured))

    def pause(self, seconds: float) -> None:
        """Let no call out for so long, those that wait already included."""
        with self._lock:
            self._paused_until_ms = max(self._paused_until_ms, self._now_ms() + math.ceil(seconds * 1000))

    async def acquire(self) -> None:
        """Wait for a place in the window, first come first served."""
        while True:
            wait_ms = self._reserve()
            if wait_ms > 0:
                await self._clock.sleep(wait_ms / 1000)
            if self._now_ms() >= self._paused_until_ms:
                return

    def _reserve(self) -> int:
        """Take the next free place; how many milliseconds ahead it is."""
        with self._lock:
            now_ms = self._now_ms()
            self._bucket.leak(now_ms)
            item = RateItem(self.name, max(now_ms, self._paused_until_ms, self._last_ms))
            while not self._bucket.put(item):
                item.timestamp += max(int(self._bucket.waiting(item)), 1)  # type: ignore[arg-type]  # not async here
            self._last_ms = item.timestamp
            return item.timestamp - now_ms

    def _set(self, limit: int) -> None:
        with self._lock:
            self._bucket.rates = [Rate(limit, self._interval_ms)]

    def _now_ms(self) -> int:
        return math.floor(self._clock.monotonic() * 1000)


Limiters = TypeVar("Limiters")


class LimiterRegistry(Generic[Limiters]):
    """The limiters of every account that this process calls, so that all its connectors share one account's."""

    def __init__(self) -> None:
        self._by_account: dict[str, Limiters] = {}
        self._lock = threading.Lock()

    def of(self, account: str, make: Callable[[], Limiters]) -> Limiters:
        """The limiters of an account, made at its first use."""
        with self._lock:
            if account not in self._by_account:
                self._by_account[account] = make()
            return self._by_account[account]
