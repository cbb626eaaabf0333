"""Places in a vendor's rolling windows: which moment each call gets, so that no window ever holds too many.

A place lies at an absolute time in milliseconds. Places of one window are given out in order, each at the earliest
moment that leaves room, so the newest `limit` places decide about the next one: it lies a window after the first of
them. That is exact for every position of the window, whoever took the places.

A pause (the vendor refused a call) is kept as an entry of no places at the moment when calls may go on: what comes
later lies behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

OTHERS_SEEN_MS = 600_000
"""A refusal in a window that all apps of an account share tells of others; they are left room for so long."""

LONGEST_QUEUE_MS = 300_000
"""No place is given out further ahead than this: whoever asks comes back later instead of waiting."""

FARTHEST_MS = 900_000
"""What lies further ahead was written by a clock that has been set back since, and does not count."""


@dataclass(frozen=True, slots=True)
class CallWindow:
    """A rolling window of one account at a vendor.

    Attributes:
        account: Names vendor and account; equal names share the window.
        bucket: The vendor's rate bucket.
        limit: Calls in one window.
        span_ms: The window's length in milliseconds.
        left_to_others: Calls of each window left to the account's other apps for ten minutes after a refusal. Above 0
            only where the vendor counts all apps of an account together.
    """

    account: str
    bucket: str
    limit: int
    span_ms: int
    left_to_others: int = 0

    @property
    def key(self) -> str:
        """What tells windows apart; the limit may change."""
        return f"{self.account} {self.bucket}"


class Entry(NamedTuple):
    """Places that lie at one moment; none of them marks the end of a pause."""

    at_ms: int
    places: int


class Place(NamedTuple):
    """When a call may go out.

    Attributes:
        at: On the scale of a clock that never goes back, in seconds.
        paused_until: The end of the window's latest pause known by then, on the same scale.
    """

    at: float
    paused_until: float


class NoPlace(Exception):
    """No place can be had; the call must not go out. The text is one line.

    Attributes:
        delay_seconds: When to ask again.
    """

    def __init__(self, message: str, delay_seconds: float) -> None:
        super().__init__(message)
        self.delay_seconds = delay_seconds


def queue_too_long(window: CallWindow) -> NoPlace:
    """The error where too many wait already."""
    minutes = LONGEST_QUEUE_MS // 60_000
    return NoPlace(
        f"more calls wait for the {window.bucket} limit than {minutes} minutes take", LONGEST_QUEUE_MS / 1000
    )


def booked(entries: Sequence[Entry], window: CallWindow, now_ms: int, wanted: int) -> list[int]:
    """The moments of the next places, in order.

    Args:
        entries: What was given out in this window before, in any order; older ones may be left out.
        window: The window.
        now_ms: The present moment on the clock by which the entries were made.
        wanted: How many places are wanted.

    Returns:
        Up to `wanted` moments, none before `now_ms`; fewer where the queue would be longer than five minutes.
    """
    known = sorted(entry for entry in entries if entry.at_ms <= now_ms + FARTHEST_MS)
    limit = limit_now(known, window, now_ms)
    taken = [entry.at_ms for entry in known for _ in range(entry.places)]
    # Behind the end of a pause, not at it: entries of one moment are kept as one.
    at_ms = max((now_ms, *(entry.at_ms + (entry.places == 0) for entry in known[-2:])))
    first_new = len(taken)
    for _ in range(wanted):
        if len(taken) >= limit:
            at_ms = max(at_ms, taken[-limit] + window.span_ms)
        if at_ms > now_ms + LONGEST_QUEUE_MS:
            break
        taken.append(at_ms)
    return taken[first_new:]


def limit_now(entries: Sequence[Entry], window: CallWindow, now_ms: int) -> int:
    """Calls in one window now: one or more fewer than the limit where the account's other apps were seen lately."""
    since = now_ms - OTHERS_SEEN_MS
    others = window.left_to_others and any(entry.places == 0 and entry.at_ms > since for entry in entries)
    return max(window.limit - window.left_to_others, 1) if others else window.limit


def pause_end(entries: Sequence[Entry], now_ms: int, seconds: float) -> Entry:
    """The entry of a new pause: at a moment where there is no other."""
    at_ms = now_ms + ceil(seconds * 1000)
    taken = {entry.at_ms for entry in entries}
    while at_ms in taken:
        at_ms += 1
    return Entry(at_ms, 0)


def paused_until(entries: Sequence[Entry], now_ms: int) -> int:
    """When the latest pause ends, or `now_ms` where there is none."""
    ends = (entry.at_ms for entry in entries if entry.places == 0 and entry.at_ms <= now_ms + FARTHEST_MS)
    return max((now_ms, *ends))


def matters_until(window: CallWindow, entry: Entry) -> int:
    """The moment from which an entry makes no difference any more and may be removed."""
    if entry.places:
        return entry.at_ms + window.span_ms
    return entry.at_ms + (OTHERS_SEEN_MS if window.left_to_others else 0)
