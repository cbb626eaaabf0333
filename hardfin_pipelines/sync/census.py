"""Rule 8, the slow lane: which months of a connection are counted again, and when.

Ticks and loads prove their own windows when they close them. A census looks again later: at records that a vendor
indexed late, restored, or changed without telling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from hardfin_pipelines.sync.initial_load import Span

CENSUS_AGE = timedelta(days=1)
"""How often a connection is counted: its latest month each time, the others in turn."""

RECOUNT_AGE = timedelta(hours=1)
"""A month with a deal that had no answer is counted again so soon: by then a run has seen to it."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of a month.

    Attributes:
        at: When it was counted, by our clock.
        unaccounted: How many of its deals had no answer then.
    """

    at: datetime
    unaccounted: int


def months(since: datetime, until: datetime) -> list[Span]:
    """The months from one moment to another, the first one from that moment on, the last one whole.

    Args:
        since: The first moment.
        until: Exclusive end; [] where it is not after `since`.
    """
    found: list[Span] = []
    start = since
    while start < until:
        end = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + relativedelta(months=1)
        found.append((start, end))
        start = end
    return found


def due_again(counted: Sequence[Counted], now: datetime) -> bool:
    """Whether a connection with these months counted so far is to be counted now."""
    if not counted:
        return True
    if now - max(each.at for each in counted) >= CENSUS_AGE:
        return True
    return any(each.unaccounted and now - each.at >= RECOUNT_AGE for each in counted)


def in_turn(spans: Sequence[Span], counted: Mapping[Span, Counted], now: datetime) -> list[Span]:
    """Months in the order in which they are counted: the latest, those with something missing, then the oldest counts.

    Months counted less than `RECOUNT_AGE` ago are left out.

    Args:
        spans: All months of the connection, oldest first.
        counted: What is known of them.
        now: Our clock.
    """
    latest = spans[-1:]

    def rank(span: Span) -> tuple[bool, bool, float]:
        known = counted.get(span)
        return (span not in latest, not (known and known.unaccounted), known.at.timestamp() if known else 0.0)

    waiting = [span for span in spans if span not in counted or now - counted[span].at >= RECOUNT_AGE]
    return sorted(waiting, key=rank)
