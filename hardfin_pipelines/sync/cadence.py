"""When a connection is visited next.

Every time is on a grid of five minutes, because what starts the visits runs on that grid too: a connection that came
due some seconds after its tick would otherwise wait for the one after it, and be visited half as often as promised.
Within that, connections of one tier are spread: each has a slot of its tier's period (or of the day) that follows from
its id, so it is the same for ever, and the vendors and we are not asked for everything at the full hour.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Literal, get_args

Tier = Literal["5m", "15m", "30m", "60m", "daily"]

TIERS: tuple[Tier, ...] = get_args(Tier)

PERIODS: Mapping[Tier, timedelta] = MappingProxyType(
    {
        "5m": timedelta(minutes=5),
        "15m": timedelta(minutes=15),
        "30m": timedelta(minutes=30),
        "60m": timedelta(minutes=60),
        "daily": timedelta(days=1),
    }
)

SLOT = timedelta(minutes=5)
"""Visits are spread over their tier's period in slots of this length; every tier is looked at once in each."""

_FIRST_RETRY = timedelta(minutes=15)
_LONGEST_RETRY = timedelta(hours=4)
_FIRST_WORK_RETRY = timedelta(seconds=30)
_LONGEST_WORK_RETRY = timedelta(hours=1)
_SPREAD = 0.25
"""Waits after a failure are shorter by up to this share, each key's by its own: what failed together does not all
come back together."""
_DOUBLINGS = 20  # far past every cap, and far below what a timedelta can hold


def next_due(tier: Tier, connection_id: str, now: datetime, failures: int = 0) -> datetime:
    """The next visit, always after `now`; without failures at most the tier's period away.

    Args:
        tier: The connection's cadence.
        connection_id: Decides the slot of the period, so that visits are spread evenly.
        now: Our clock, aware.
        failures: Visits in a row that failed. Each doubles the wait, from the tier's period (15 minutes where that is
            longer) up to four hours (a day for the daily tier).
    """
    if failures > 0:
        return _floor(now, SLOT) + _back_off(tier, connection_id, failures)
    period = PERIODS[tier]
    slot = int(_fraction(connection_id) * (period // SLOT)) * SLOT
    due = _floor(now, period) + slot
    return due if due > now else due + period


def retry_delay(attempts: int, key: str = "") -> timedelta:
    """How long pending work rests after a run that failed: 30 seconds, doubling up to an hour.

    Args:
        attempts: Runs that failed so far, at least one.
        key: What the work is for: another key's wait is a little longer or shorter.
    """
    return _spread(min(_FIRST_WORK_RETRY * (1 << min(attempts - 1, _DOUBLINGS)), _LONGEST_WORK_RETRY), key)


def set_aside_delay(attempts: int) -> timedelta:
    """How long a record that cannot be mapped rests before it is tried as it is: 15 minutes, doubling up to a day.

    Args:
        attempts: How often it was refused so far, at least one.
    """
    return min(_FIRST_RETRY * (1 << min(attempts - 1, _DOUBLINGS)), PERIODS["daily"])


def late(last_polled_at: datetime | None, tier: Tier, now: datetime) -> bool:
    """Whether the last visit is longer ago than twice the cadence; False where there was none to measure from."""
    return last_polled_at is not None and now - last_polled_at > 2 * PERIODS[tier]


def _back_off(tier: Tier, connection_id: str, failures: int) -> timedelta:
    first = min(PERIODS[tier], _FIRST_RETRY)
    longest = max(PERIODS[tier], _LONGEST_RETRY)
    wait = _spread(min(first * (1 << min(failures - 1, _DOUBLINGS)), longest), connection_id)
    return -(-wait // SLOT) * SLOT  # up to a whole number of slots


def _spread(wait: timedelta, key: str) -> timedelta:
    return wait * (1 - _SPREAD * _fraction(key)) if key else wait


def _fraction(key: str) -> float:
    """A number from 0 up to 1 that follows from a key: the same for ever, and evenly spread over keys."""
    return int.from_bytes(sha256(key.encode()).digest()[:6], "big") / (1 << 48)


def _floor(moment: datetime, grid: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // grid * grid
