"""The time a connector lives in; tests put another in its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a connector reads time and how it waits.

    Attributes:
        now: The wall clock, aware and in UTC: for the life of tokens and dates in `Retry-After`.
        monotonic: Seconds that never go back: for rate limits and patience.
        sleep: Waits so many seconds without blocking the event loop.
    """

    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


SYSTEM_CLOCK = Clock()
"""The machine's own time."""
