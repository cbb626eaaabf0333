"""Rule 10: what a connection may ask of its account in a day, and what it is expected to.

The reserve. Where a vendor counts an account's calls by the day, a share of them (a fifth, unless configured) is left
to the customer's other integrations. Work gives way in order of how long it can wait: initial loads and censuses rest
as soon as no more than the reserve remains, polls and ticks when a quarter of it does, and what a person asked for
(re-sync, preview, connecting) goes on until the vendor refuses, or until the floor: a share that nothing takes, where
one is set. What the vendor said counts for an hour: the day of an account ends at a midnight we do not know, so work
that rests asks again hourly.

The forecast. A connection asks once at every tick of its cadence; what it asked besides in the last seven days, on an
average day, is expected again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from hardfin_pipelines.sync.cadence import PERIODS, Tier

Purpose = Literal["poll", "tick", "load", "resync", "preview", "describe", "census"]

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

DEFAULT_RESERVE = 0.2
"""The share of an account's daily calls that is left to its other integrations."""

TRUSTED_FOR = timedelta(hours=1)
"""How long it counts what a vendor said of the day's calls."""

HISTORY = timedelta(days=7)
"""How far the forecast looks back."""

_ROUNDING = 1e-6
"""Shares of a day are floats; what is a whole number of calls but for their last digits is that number."""

_PARTS: Mapping[Purpose, float] = MappingProxyType({"load": 1.0, "census": 1.0, "poll": 0.25, "tick": 0.25})


@dataclass(frozen=True, slots=True)
class DailyAllowance:
    """What a vendor last said of an account's calls of the day.

    Attributes:
        per_day: The account's limit, of all its apps together; 0 where the vendor does not tell.
        remaining: Calls that are left of it.
        seen_at: When it was said, by our clock.
        spent_at: When the vendor last refused a call because the day's were used up; None where it did not.
    """

    per_day: int
    remaining: int
    seen_at: datetime
    spent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """What some work leaves to an account's other integrations.

    Attributes:
        purpose: What the work is for.
        share: The configured share of the day's calls, from 0 to 1.
        floor: The share that is left whatever the work is for.
    """

    purpose: Purpose = "tick"
    share: float = DEFAULT_RESERVE
    floor: float = 0.0

    def calls(self, per_day: int) -> int:
        """How many of the day's calls this work leaves."""
        return ceil(per_day * max(self.share * _PARTS.get(self.purpose, 0.0), self.floor) - _ROUNDING)

    def rests(self, allowance: DailyAllowance | None, now: datetime) -> timedelta | None:
        """How long this work is to rest; None where it may go on.

        Args:
            allowance: What the vendor last said, if it did.
            now: Our clock.
        """
        if allowance is None or not allowance.per_day:
            return None
        trusted = allowance.seen_at + TRUSTED_FOR - now
        kept = self.calls(allowance.per_day)
        if kept == 0 or allowance.remaining > kept or trusted <= timedelta(0):
            return None
        return trusted

    def sentence(self, allowance: DailyAllowance) -> str:
        """Why this work rests."""
        return (
            f"{allowance.remaining:,} of the account's {allowance.per_day:,} calls of the day are left; "
            f"{_WORK[self.purpose]} leave {self.calls(allowance.per_day):,} to its other integrations"
        )


_WORK: Mapping[Purpose, str] = MappingProxyType(
    {
        "poll": "polls",
        "tick": "ticks",
        "load": "initial loads",
        "resync": "re-syncs",
        "preview": "previews",
        "describe": "descriptions",
        "census": "censuses",
    }
)


class CallCount(NamedTuple):
    """Calls of one connection on one day (UTC), by rate bucket and purpose."""

    org: str
    connection_id: str
    day: date
    bucket: str
    purpose: Purpose
    calls: int
    throttled: int


class WindowRoom(NamedTuple):
    """How much of a rate window is taken right now, by all processes of the deployment."""

    bucket: str
    limit: int
    seconds: float
    taken: int


@dataclass(frozen=True, slots=True)
class CallForecast:
    """What a connection is expected to ask of its account in a day, beside what the account allows.

    Attributes:
        connection_id: The connection.
        ticks: Polls a day at its cadence, one call each; 0 where it is not active.
        others: All other calls on an average day of the last seven.
        today: Calls made today (UTC).
        throttled_today: Calls of today that the vendor refused for now.
        allowance: What the vendor last said of the day.
        reserve_share: The share of the day's calls left to other integrations.
        resting: Why work rests now, a line for each kind of work.
        windows: The rate windows of its account.
    """

    connection_id: str
    ticks: int
    others: float
    today: int
    throttled_today: int
    allowance: DailyAllowance | None
    reserve_share: float
    resting: tuple[str, ...] = ()
    windows: tuple[WindowRoom, ...] = ()

    @property
    def per_day(self) -> int:
        """Calls expected in a day."""
        return self.ticks + ceil(self.others)

    @property
    def limit_per_day(self) -> int | None:
        """The account's limit, where the vendor tells."""
        return self.allowance.per_day if self.allowance is not None and self.allowance.per_day else None

    @property
    def left(self) -> int | None:
        """Calls of the account's day that were left when the vendor last said so."""
        return self.allowance.remaining if self.allowance is not None and self.allowance.per_day else None

    @property
    def reserve(self) -> int | None:
        """Calls of a day that are left to the account's other integrations, where its limit is known."""
        return None if self.limit_per_day is None else ceil(self.limit_per_day * self.reserve_share)

    @property
    def share_of_limit(self) -> float | None:
        """The forecast as a share of the account's limit."""
        return None if self.limit_per_day is None else self.per_day / self.limit_per_day

    def over_budget(self, now: datetime) -> str:
        """Why the connection is not within its budget, in one line; "" where it is."""
        limit, reserve = self.limit_per_day, self.reserve
        if limit is not None and reserve is not None and self.per_day + reserve > limit:
            return (
                f"about {self.per_day:,} calls a day are expected, and {reserve:,} of the account's {limit:,} are "
                "left to its other integrations: visit it less often, or ask the vendor for more"
            )
        spent = None if self.allowance is None else self.allowance.spent_at
        if spent is not None and now - spent < timedelta(days=1):
            return f"the account's calls of the day were used up at {spent:%Y-%m-%d %H:%M} UTC"
        return ""


def forecast(
    connection_id: str,
    cadence: Tier | None,
    counts: Iterable[CallCount],
    today: date,
    *,
    allowance: DailyAllowance | None = None,
    now: datetime,
    reserve_share: float = DEFAULT_RESERVE,
    floor: float = 0.0,
    windows: Iterable[WindowRoom] = (),
) -> CallForecast:
    """What one connection is expected to ask in a day.

    Args:
        connection_id: The connection.
        cadence: How often it is visited; None where it is not active.
        counts: Its calls, at least of today and the seven days before.
        today: The present day, UTC. It is not over, so the average leaves it out.
        allowance: What the vendor last said of the account's day.
        now: Our clock.
        reserve_share: The configured reserve.
        floor: The share that is left whatever the work is for.
        windows: The account's rate windows.
    """
    listed = list(counts)
    first = today - HISTORY
    # A connection younger than the history is averaged over the days it has.
    past = [count for count in listed if first <= count.day < today]
    days = (today - min(count.day for count in past)).days if past else 1
    others = sum(count.calls for count in past if count.purpose != "poll")
    return CallForecast(
        connection_id=connection_id,
        ticks=0 if cadence is None else PERIODS["daily"] // PERIODS[cadence],
        others=others / days,
        today=sum(count.calls for count in listed if count.day == today),
        throttled_today=sum(count.throttled for count in listed if count.day == today),
        allowance=allowance,
        reserve_share=max(reserve_share, floor),
        resting=_resting(allowance, reserve_share, floor, now),
        windows=tuple(windows),
    )


def _resting(allowance: DailyAllowance | None, share: float, floor: float, now: datetime) -> tuple[str, ...]:
    lines = []
    purposes: tuple[Purpose, ...] = ("load", "tick", "resync") if floor else ("load", "tick")
    for purpose in purposes:
        reserve = Reserve(purpose, share, floor)
        rest = reserve.rests(allowance, now)
        if allowance is not None and rest is not None:
            until = now + rest
            lines.append(f"{_WORK[purpose]} rest until {until:%H:%M} UTC: {reserve.sentence(allowance)}")
    return tuple(lines)
