"""When a connection is visited next.

Every time is on a grid (of the tier's period; of five minutes for the daily tier), because what starts the visits runs
on that grid too: a connection that came due some seconds after its tick would otherwise wait for the one after it, and
be visited half as often as promised.
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

DAILY_SLOT = timedelta(minutes=5)
"""Daily visits are spread over the day in slots of this length; the daily tier is looked at once in each."""

_FIRST_RETRY = timedelta(minutes=15)
_LONGEST_RETRY = timedelta(hours=4)
_FIRST_WORK_RETRY = timedelta(seconds=30)
_LONGEST_WORK_RETRY = timedelta(hours=1)
_DOUBLINGS = 20  # far past every cap, and far below what a timedelta can hold


def next_due(tier: Tier, connection_id: str, now: datetime, failures: int = 0) -> datetime:
    """The next visit, always after `now`.

    Args:
        tier: The connection's cadence.
        connection_id: Decides the slot of the day for the daily tier, so that visits are spread evenly.
        now: Our clock, aware.
        failures: Visits in a row that failed. Each doubles the wait, from the tier's period (15 minutes where that is
            longer) up to four hours (a day for the daily tier).
    """
    grid = DAILY_SLOT if tier == "daily" else PERIODS[tier]
    if failures > 0:
        return _floor(now, grid) + _back_off(tier, failures, grid)
    if tier == "daily":
        return _next_slot(connection_id, now)
    return _floor(now, grid) + grid


def retry_delay(attempts: int) -> timedelta:
    """How long pending work rests after a run that failed: 30 seconds, doubling up to an hour.

    Args:
        attempts: Runs that failed so far, at least one.
    """
    return min(_FIRST_WORK_RETRY * (1 << min(attempts - 1, _DOUBLINGS)), _LONGEST_WORK_RETRY)


def set_aside_delay(attempts: int) -> timedelta:
    """How long a record that cannot be mapped rests before it is tried as it is: 15 minutes, doubling up to a day.

    Args:
        attempts: How often it was refused so far, at least one.
    """
    return min(_FIRST_RETRY * (1 << min(attempts - 1, _DOUBLINGS)), PERIODS["daily"])


def late(last_polled_at: datetime | None, tier: Tier, now: datetime) -> bool:
    """Whether the last visit is longer ago than twice the cadence; False where there was none to measure from."""
    return last_polled_at is not None and now - last_polled_at > 2 * PERIODS[tier]


def _back_off(tier: Tier, failures: int, grid: timedelta) -> timedelta:
    first = min(PERIODS[tier], _FIRST_RETRY)
    longest = max(PERIODS[tier], _LONGEST_RETRY)
    wait = min(first * (1 << min(failures - 1, _DOUBLINGS)), longest)
    return -(-wait // grid) * grid  # up to a whole number of grid steps


def _floor(moment: datetime, grid: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // grid * grid


def _next_slot(connection_id: str, now: datetime) -> datetime:
    slots = PERIODS["daily"] // DAILY_SLOT
    slot = int.from_bytes(sha256(connection_id.encode()).digest()[:8], "big") % slots
    today = _floor(now, PERIODS["daily"]) + slot * DAILY_SLOT
    return today if today > now else today + PERIODS["daily"]
