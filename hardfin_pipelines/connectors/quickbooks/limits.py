"""How hard one QuickBooks company may be asked (Intuit docs: API call limits and throttles; partner program).

Calls are limited by the second and by the minute, and reads are paid for: those that succeed count against what our
app may read in a month, all companies together.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry, Places, RollingLimiter
from hardfin_pipelines.sync.call_windows import CallWindow, Place

Bucket = Literal["core_plus", "unmetered"]

METERED: Bucket = "core_plus"
"""Reads that Intuit counts against the month: queries, company information and change data capture that succeeded, and
those of which we cannot know. Each query of a batch counts, since Intuit does not say that the batch counts once."""

UNMETERED: Bucket = "unmetered"
"""Calls that were refused or never got there; they cost nothing."""

PAGE = 1_000
"""Rows of an answer to a query at most (Intuit docs: data queries)."""

CHANGES = 1_000
"""Objects that change data capture tells of at once, of all entities together (Intuit docs: change data capture)."""

LEFT_OF_MINUTE = 100
"""Calls of a minute that are left to the company's other apps for ten minutes after QuickBooks refused one of ours.

All apps of a company share the 500 calls of a minute. Ours never exceed them, so a refusal tells of others.
"""

CONCURRENT = 8
"""Calls of ours under way at once. An older notice of Intuit's allows ten, today's documents limit by the second; one
that is answered may count for another moment.
"""

_LOOK_AGAIN_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class QuickBooksLimits:
    """How hard and how long one company may be asked.

    Attributes:
        calls_per_second: Calls of our app.
        calls_per_minute: Calls of all apps together.
        in_flight: Reads by id of one connector that are under way at once.
        page: Rows of an answer, at most 1,000.
        changes: Objects in an answer of change data capture from which on it may lack some.
        ids_in_statement: Ids that one query asks for.
        attempts: Tries of a call that fails on the way or with a 5xx.
        throttle_pause_seconds: How long nothing is asked after a 429 that does not say how long.
        longest_wait_seconds: A longer `Retry-After` is not waited for: `RetryLater` says when to come back.
        patience_seconds: How long one call may be refused with 429 before `RetryLater`.
    """

    calls_per_second: int = 10
    calls_per_minute: int = 500
    in_flight: int = 4
    page: int = PAGE
    changes: int = CHANGES
    ids_in_statement: int = 500
    attempts: int = 6
    throttle_pause_seconds: float = 60.0
    longest_wait_seconds: float = 120.0
    patience_seconds: float = 900.0

    def windows(self) -> Iterator[tuple[str, int, float, int]]:
        """Each window: its name, calls, seconds, and calls left to the company's other apps once they are seen."""
        yield "minute", self.calls_per_minute, 60, LEFT_OF_MINUTE
        yield "second", self.calls_per_second, 1, 0


class CompanyLimiters:
    """The rate limiters of one company; a call needs a place in each. Of any thread and event loop."""

    def __init__(
        self, limits: QuickBooksLimits, clock: Clock, *, account: str = "", places: Places | None = None
    ) -> None:
        self._windows = tuple(
            RollingLimiter(name, calls, seconds, clock, account=account, places=places, left_to_others=left)
            for name, calls, seconds, left in limits.windows()
        )
        self._under_way = threading.BoundedSemaphore(CONCURRENT)

    @asynccontextmanager
    async def one_more_under_way(self) -> AsyncIterator[None]:
        """Waits until a call of ours may be under way besides the others of this process."""
        # Looked at, not waited for: a wait in a thread could not be cancelled, and would keep what it got.
        while not self._under_way.acquire(blocking=False):  # noqa: ASYNC110  # an asyncio lock belongs to one loop
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            self._under_way.release()

    async def acquire(self) -> tuple[Place, ...]:
        """Wait for a place in every window, the longest first.

        Raises:
            NoPlace: There is none to be had now.
        """
        return tuple([await limiter.acquire() for limiter in self._windows])

    async def still(self, places: tuple[Place, ...]) -> None:
        """Make sure of the places at the moment of sending.

        Raises:
            NoPlace: There is none to be had now.
        """
        for limiter, place in zip(self._windows, places, strict=True):
            await limiter.still(place)

    async def pause(self, seconds: float) -> None:
        """Let no call out for so long. Every call passes the first window, so that one is paused.

        Raises:
            NoPlace: Other processes cannot be told.
        """
        await self._windows[0].pause(seconds)

    def configure(self, limits: QuickBooksLimits) -> None:
        """Take over changed limits."""
        for limiter, (_name, calls, _seconds, _left) in zip(self._windows, limits.windows(), strict=True):
            limiter.configure(calls)

    def windows(self) -> list[CallWindow]:
        """The windows as they are now."""
        return [limiter.window for limiter in self._windows]


def account_name(api_url: str, realm_id: str) -> str:
    """What tells companies apart in the windows that processes share."""
    return f"quickbooks {api_url} {realm_id}"


def rate_windows(limits: QuickBooksLimits, api_url: str, realm_id: str) -> list[CallWindow]:
    """The windows of a company."""
    return CompanyLimiters(limits, SYSTEM_CLOCK, account=account_name(api_url, realm_id)).windows()


PROCESS_LIMITERS: LimiterRegistry[CompanyLimiters] = LimiterRegistry()
"""The limiters of every company this process calls, where nobody brings others."""
