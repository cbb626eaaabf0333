"""Rows of a query, page by page behind the highest id of the page before: nothing that moves meanwhile hides another.

A page is never asked for by its place (offset): rows that come, go or change meanwhile would shift those behind them,
and 100,000 rows are the most that one query answers, however it is paged (Oracle docs: SuiteQL limits).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.answers import number_of, rows_in

Position = tuple[int | Decimal, ...]
"""The key of a row, in the order in which rows are sorted: ids, and quantities where those tell rows apart."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WalkedPage:
    """Rows of one answer that were not given before.

    Attributes:
        rows: In the order of their ids.
        vendor_time: NetSuite's clock when it answered.
        last: True when there is no more.
    """

    rows: list[Row]
    vendor_time: datetime
    last: bool


async def walked(
    fetch: Callable[[Position], Awaitable[Answer]], about: str, key: tuple[str, ...] = ("id",)
) -> AsyncIterator[WalkedPage]:
    """All pages of a query; only the last one may be empty.

    Args:
        fetch: Asks for the rows behind a position.
        about: What is asked for, for messages.
        key: The columns that make the position, numbers of which the first is above 0.

    Raises:
        VendorContractError: The rows are not in the order that was asked for, or do not go on.
    """
    behind: Position = (0,) * len(key)
    while True:
        answer = await fetch(behind)
        found = rows_in(answer, f"POST suiteql ({about})")
        placed = _placed(found.rows, key, about)
        _check_order([place for place, _ in placed], behind, about)
        rows, last = _fresh(placed, behind)
        if found.more and not rows:
            raise errors.unknown_shape(f"POST suiteql ({about})", f"row behind {behind}, though it says there are more")
        yield WalkedPage(rows, answer.vendor_time, not found.more)
        if not found.more:
            return
        behind = last


def _placed(rows: list[Row], key: tuple[str, ...], about: str) -> list[tuple[Position, Row]]:
    placed = []
    for row in rows:
        ids = [number_of(row, name) for name in key]
        if None in ids:
            _log.warning("%s sent a row among %s that has no %s", errors.VENDOR, about, " and ".join(key))
            continue
        placed.append((tuple(each for each in ids if each is not None), row))
    return placed


def _fresh(placed: list[tuple[Position, Row]], behind: Position) -> tuple[list[Row], Position]:
    """The first row of each position, and the last position."""
    rows = []
    for place, row in placed:
        if place > behind:
            rows.append(row)
            behind = place
    return rows, behind


def _check_order(places: list[Position], behind: Position, about: str) -> None:
    """The paging stands on the order. Equal ids may follow each other: a join can double a row."""
    if any(later < earlier for earlier, later in pairwise(places)) or any(place <= behind for place in places):
        raise errors.unknown_shape(f"POST suiteql ({about})", "order by id, which was asked for")
