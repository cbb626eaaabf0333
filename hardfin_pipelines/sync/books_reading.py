"""When to read what an accounting system holds besides items, and how much of it.

A pulse says of every kind a mark; a kind whose mark is as it was is not read. A kind that moved is read since its last
reading where the vendor stamps changes, and whole where it does not, where rows are gone, or where the vendor's number
of rows and ours disagree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from hardfin_pipelines.sync.books import BooksKind
from hardfin_pipelines.sync.cursors import look_from

PulseKind = BooksKind | Literal["item"]

MOVES_UNSTAMPED: frozenset[BooksKind] = frozenset({"inventory_level"})
"""Kinds of which some values change though no stamp does, such as costs: read whole once a day, if they moved."""

WHOLE_EVERY = timedelta(days=1)

WHOLE_AGAIN_AFTER = timedelta(hours=1)
"""Where the numbers of rows disagree after all was read, it is read again no sooner than this."""

FIRST_LOOK = timedelta(days=1)
"""From how far before our clock the first marks count changes: more than our clock and the vendor's may differ."""


@dataclass(frozen=True, slots=True)
class BooksState:
    """How far a kind of one connection was read.

    Attributes:
        since: From when on the mark counts changes (vendor time).
        mark: The pulse's mark when it was last read; "" where something was left to be done.
        total: The vendor's number of rows then.
        read_at: The vendor's clock before it was last read: changes since then are news.
        whole_at: The vendor's clock before all of it was last read; None where it never was.
        lacking: What the connection needs to see it; "" where it does.
    """

    since: datetime
    mark: str
    total: int
    read_at: datetime
    whole_at: datetime | None = None
    lacking: str = ""


def pulse_question(
    kinds: Iterable[PulseKind], states: Mapping[PulseKind, BooksState], now: datetime
) -> dict[PulseKind, datetime]:
    """What to ask a pulse for: every kind, and since when.

    Args:
        kinds: All kinds there are.
        states: Those that were read before.
        now: Our clock.
    """
    return {kind: states[kind].since if kind in states else now - FIRST_LOOK for kind in kinds}


def moved(states: Mapping[PulseKind, BooksState], marks: Mapping[PulseKind, str]) -> list[PulseKind]:
    """The kinds of which something changed, came or went, or that were never read; in the marks' order."""
    return [kind for kind, mark in marks.items() if not _is_settled(states.get(kind), mark)]


def _is_settled(state: BooksState | None, mark: str) -> bool:
    return state is not None and state.mark == mark and not state.lacking


def newly_lacking(states: Mapping[PulseKind, BooksState], lacking: Mapping[BooksKind, str]) -> list[BooksKind]:
    """The kinds that are not seen any more, or for another reason than before."""
    return [kind for kind, needs in lacking.items() if kind not in states or states[kind].lacking != needs]


def read_since(kind: BooksKind, state: BooksState | None, told_at: datetime, *, stamped: bool) -> datetime | None:
    """Since when to read a kind that moved; None to read all of it.

    Args:
        kind: The kind.
        state: How far it was read; None where it never was.
        told_at: The vendor's clock at the pulse.
        stamped: Whether the vendor stamps changes of the kind.
    """
    if state is None or state.whole_at is None or state.lacking or not stamped:
        return None
    if kind in MOVES_UNSTAMPED and told_at - state.whole_at >= WHOLE_EVERY:
        return None
    return look_from(state.read_at)


def needs_whole(
    since: datetime | None,
    state: BooksState | None,
    told_at: datetime,
    *,
    total: int,
    held: int,
    unexplained: bool = False,
) -> bool:
    """Whether a kind that was read since a moment has to be read whole after all: rows are gone, or were not told of.

    Args:
        since: What was read; None where it was all of it already.
        state: How far it was read before.
        told_at: The vendor's clock at the pulse.
        total: The vendor's number of rows.
        held: How many are here now, those that are set aside included.
        unexplained: The mark moved, and nothing that was read is other than before.
    """
    if since is None or (total == held and not unexplained):
        return False
    if state is None or state.whole_at is None or told_at - state.whole_at >= WHOLE_AGAIN_AFTER:
        return True
    return total != held and bool(state.mark)


def is_unexplained(kind: BooksKind, *, written: int) -> bool:
    """Whether a kind's mark may have moved for values that no stamp tells of: nothing that was read had changed."""
    return kind in MOVES_UNSTAMPED and not written


def settled(state: BooksState, *, agrees: bool) -> BooksState:
    """The state to keep: without its mark where the numbers of rows disagree, so that the next tick looks again."""
    return state if agrees else replace(state, mark="")
