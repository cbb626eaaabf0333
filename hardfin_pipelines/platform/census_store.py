"""What censuses counted: months of a connection, the vendor's deals in them, those without an answer here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from hardfin_pipelines.platform.tables import censuses, ledger, ledger_aliases, rejected_records
from hardfin_pipelines.platform.upsert import upsert
from hardfin_pipelines.sync.census import Counted
from hardfin_pipelines.sync.initial_load import Span

_REMEMBERED_IDS = 20


@dataclass(frozen=True, slots=True)
class MonthCount:
    """One month as it was counted last.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        span: The month, [start, end) of the vendor's modification stamps.
        at: When, by our clock.
        at_vendor: The vendor's own count.
        accounted: Deals the vendor listed that had an answer here.
        unaccounted: Deals that had none, and were asked for.
        ids: The first of those, by id.
    """

    org: str
    connection_id: str
    span: Span
    at: datetime
    at_vendor: int
    accounted: int
    unaccounted: int
    ids: tuple[str, ...] = ()


def save_counts(connection: Connection, counts: Sequence[MonthCount], run_id: str) -> None:
    """Keep what was counted; a month counted again takes the new numbers."""
    rows = [
        {
            "org": count.org,
            "connection_id": count.connection_id,
            "window_start": count.span[0],
            "window_end": count.span[1],
            "counted_at": count.at,
            "counts": {
                "at_the_vendor": count.at_vendor,
                "accounted": count.accounted,
                "unaccounted": count.unaccounted,
                "ids": list(count.ids[:_REMEMBERED_IDS]),
            },
            "run_id": run_id,
        }
        for count in counts
    ]
    if rows:
        connection.execute(upsert(connection, censuses), rows)


def read_counts(connection: Connection, org: str, connection_id: str) -> list[MonthCount]:
    """The months of a connection as counted last, oldest first."""
    rows = connection.execute(
        select(censuses)
        .where(censuses.c.org == org, censuses.c.connection_id == connection_id)
        .order_by(censuses.c.window_start)
    )
    return [_month(row) for row in rows]


def as_counted(counts: Sequence[MonthCount]) -> dict[Span, Counted]:
    """What the rules of the census look at."""
    return {count.span: Counted(count.at, count.unaccounted) for count in counts}


def months_with_something_missing(connection: Connection) -> list[MonthCount]:
    """The months of ALL organizations in which the last count found deals without an answer."""
    rows = connection.execute(select(censuses).order_by(censuses.c.org, censuses.c.window_start))
    return [_month(row) for row in rows if row.counts["unaccounted"]]


def answered_ids(connection: Connection, org: str, connection_id: str, ids: Sequence[str]) -> set[str]:
    """Those of some deals that have an answer by now: in the ledger, under a merged id, or set aside."""
    answered: set[str] = set()
    for table, column in (
        (ledger, ledger.c.external_id),
        (ledger_aliases, ledger_aliases.c.alias_id),
        (rejected_records, rejected_records.c.external_id),
    ):
        query = select(column).where(table.c.org == org, table.c.connection_id == connection_id, column.in_(list(ids)))
        answered.update(connection.scalars(query))
    return answered


def _month(row: Row[Any]) -> MonthCount:
    return MonthCount(
        row.org,
        row.connection_id,
        (row.window_start, row.window_end),
        row.counted_at,
        row.counts["at_the_vendor"],
        row.counts["accounted"],
        row.counts["unaccounted"],
        tuple(row.counts["ids"]),
    )
