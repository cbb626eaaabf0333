"""Calls that a vendor counts by the month, over all accounts of a deployment together: who rests when they run out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from hardfin_pipelines.sync.call_budget import Purpose

LOADS_REST_AT = 0.9
"""The share of a budget from which on initial loads rest: the rest belongs to the ticks of the days that remain."""

LOOK_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MonthBudget:
    """Metered calls of this month, of one connection and of all together, beside what they may be.

    Attributes:
        own: Calls of the connection.
        own_limit: How many it may make.
        total: Calls of all connections to the vendor together.
        total_limit: How many they may make.
    """

    own: int
    own_limit: int
    total: int
    total_limit: int

    def rests(self, purpose: Purpose) -> str:
        """Why work of a purpose is to rest; "" where it may go on."""
        for what, used, limit in (
            ("of this connection", self.own, self.own_limit),
            ("of all connections", self.total, self.total_limit),
        ):
            share = LOADS_REST_AT if purpose == "load" else 1.0
            if used >= limit * share:
                rest = " (initial loads leave the last tenth to ticks)" if purpose == "load" and used < limit else ""
                return f"{used:,} of the {limit:,} metered calls a month {what} are used{rest}"
        return ""


def expected_by_its_end(used: int, per_day: float, now: datetime) -> int:
    """The calls of a month at its end, where the rest of it takes so many a day."""
    days_left = (_month_ends(now) - now) / timedelta(days=1)
    return used + ceil(per_day * days_left)


def month_began(now: datetime) -> datetime:
    """When the month of a moment began, in UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def rest_of(now: datetime) -> timedelta:
    """How long work rests when the month's calls are used: to the next month, and a day at most, as limits change."""
    return min(_month_ends(now) - now, LOOK_AGAIN)


def _month_ends(now: datetime) -> datetime:
    return (month_began(now) + timedelta(days=32)).replace(day=1)
