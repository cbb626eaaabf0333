"""Rate limiters that never let too many calls out, shared by all who call one account.

A limiter asks for a place in its window and waits until the place's time comes. `Places` says who gives them out:
`MemoryPlaces` within one process, the platform's store among all processes of a deployment.

Ready-made buckets are not used: they say whether a call may go now, while here everyone who waits gets a moment
ahead, in order, and many accounts' places are taken in one transaction.
"""

import math
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.sync.call_windows import (
    CallWindow,
    Entry,
    Place,
    booked,
    matters_until,
    pause_end,
    paused_until,
    queue_too_long,
)

_SLACK_SECONDS = 0.2
_SLACK_SHARE = 0.03

_LATE_SHARE = 0.3
"""A call that is ready to go later than its place by this share of the window's slack lets it lapse and takes another:
the window has moved on."""

_LAPSES = 3
"""On a machine too busy to keep to places, a call goes out after so many; the vendor's word is final then."""


def slack_seconds(seconds: float) -> float:
    """What is added to a window: two calls may reach the vendor closer together than they were sent.

    Where the window is long, more can be given away for the same share of it.
    """
    return max(_SLACK_SECONDS, _SLACK_SHARE * seconds)


class Places(Protocol):
    """Gives out places in windows, on the scale of `Clock.monotonic`; for several event loops and threads."""

    async def reserve(self, window: CallWindow) -> Place:
        """The next place.

        Raises:
            NoPlace: There is none to be had now; the call must not go out.
        """
        ...

    async def pause(self, window: CallWindow, seconds: float) -> None:
        """Give out no place before so many seconds from now.

        Raises:
            NoPlace: That cannot be written down now.
        """
        ...


class MemoryPlaces:
    """Places for one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()

    async def reserve(self, window: CallWindow) -> Place:
        """The next place.

        Raises:
            NoPlace: The queue is longer than five minutes.
        """
        with self._lock:
            now_ms = math.ceil(self._clock.monotonic() * 1000)
            entries = self._current(window, now_ms)
            moments = booked(entries, window, now_ms, 1)
            until_ms = paused_until(entries, now_ms)
            if not moments:
                raise queue_too_long(window)
            entries.append(Entry(moments[0], 1))
        return Place(moments[0] / 1000, until_ms / 1000)

    async def pause(self, window: CallWindow, seconds: float) -> None:
        """Give out no place before so many seconds from now."""
        with self._lock:
            now_ms = math.ceil(self._clock.monotonic() * 1000)
            entries = self._current(window, now_ms)
            entries.append(pause_end(entries, now_ms, seconds))

    def _current(self, window: CallWindow, now_ms: int) -> list[Entry]:
        entries = self._entries.setdefault(window.key, [])
        if entries and matters_until(window, entries[0]) <= now_ms:
            entries[:] = [entry for entry in entries if matters_until(window, entry) > now_ms]
        return entries


class RollingLimiter:
    """At most `limit` calls in any `seconds`. May be used from several event loops and threads."""

    def __init__(
        self,
        name: str,
        limit: int,
        seconds: float,
        clock: Clock,
        *,
        account: str = "",
        places: Places | None = None,
        left_to_others: int = 0,
    ) -> None:
        """A limiter that has let nothing out yet.

        Args:
            name: The vendor's rate bucket.
            limit: Calls in one window.
            seconds: The window's length.
            clock: Time and waiting.
            account: Names vendor and account.
            places: Who gives out places; without, the limiter does by itself.
            left_to_others: See `CallWindow`.
        """
        self.name = name
        self._account = account
        self._clock = clock
        self._configured = limit
        self._limit = limit
        self._late_seconds = _LATE_SHARE * slack_seconds(seconds)
        self._span_ms = math.ceil((seconds + slack_seconds(seconds)) * 1000)
        self._left_to_others = left_to_others
        self._places = places or MemoryPlaces(clock)
        self._paused_until = 0.0

    @property
    def limit(self) -> int:
        """Calls let out in one window now, where no others are seen."""
        return self._limit

    def configure(self, limit: int) -> None:
        """Set how many calls are let out in one window."""
        if limit != self._configured:
            self._configured = self._limit = limit

    def adapt(self, vendor_limit: int) -> None:
        """Take note of what the vendor says its limit is; ours is never above it, nor above what was configured."""
        if vendor_limit >= 1:
            self._limit = min(vendor_limit, self._configured)

    async def pause(self, seconds: float) -> None:
        """Let no call out for so long, those of this process that wait already included.

        Raises:
            NoPlace: Other processes cannot be told.
        """
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)
        await self._places.pause(self.window, seconds)

    async def acquire(self) -> Place:
        """Wait for a place in the window, first come first served. It is there now; see `still`.

        Raises:
            NoPlace: There is none to be had now.
        """
        lapsed = 0
        while True:
            place = await self._places.reserve(self.window)
            self._paused_until = max(self._paused_until, place.paused_until)
            wait = place.at - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            if self._paused(place):
                continue
            if not self._late(place) or lapsed == _LAPSES:
                return place
            lapsed += 1

    async def still(self, place: Place) -> None:
        """Make sure of a place at the moment of sending: where that took long or a pause began, wait for another.

        What takes long is opening a connection: calls behind, which find one open, would come too close to this one.

        Raises:
            NoPlace: There is none to be had now.
        """
        if self._late(place) or self._paused(place):
            await self.acquire()

    def _late(self, place: Place) -> bool:
        return self._clock.monotonic() - place.at > self._late_seconds

    def _paused(self, place: Place) -> bool:
        """Whether a pause began while a call waited for its place, or for a connection."""
        return place.at < self._paused_until - self._late_seconds

    @property
    def window(self) -> CallWindow:
        """The window as it is now."""
        return CallWindow(self._account, self.name, self._limit, self._span_ms, self._left_to_others)


Limiters = TypeVar("Limiters")


class LimiterRegistry(Generic[Limiters]):
    """The limiters of every account that is called, so that all connectors of one account share them.

    Attributes:
        places: Who gives out places; None leaves that to each limiter, within this process.
    """

    def __init__(self, places: Places | None = None) -> None:
        self.places = places
        self._by_account: dict[str, Limiters] = {}
        self._lock = threading.Lock()

    def of(self, account: str, make: Callable[[Places | None], Limiters]) -> Limiters:
        """The limiters of an account, made at its first use with the registry's places."""
        with self._lock:
            if account not in self._by_account:
                self._by_account[account] = make(self.places)
            return self._by_account[account]
