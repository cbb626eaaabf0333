"""The windows of initial loads: which are closed, for which trigger stages, and with what counts."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.tables import load_windows
from hardfin_pipelines.platform.upsert import upsert
from hardfin_pipelines.sync.initial_load import ClosedWindow, StagePair


def close_window(
    connection: Connection,
    stamp: SyncStamp,
    start: datetime,
    end: datetime,
    counts: Mapping[str, int],
    stages: Iterable[StagePair],
) -> None:
    """Remember that everything in [start, end) has an answer; a window loaded again takes the new counts.

    Args:
        connection: An open transaction.
        stamp: The run's.
        start: The window's first moment, in vendor time.
        end: Its end, exclusive.
        counts: What the load came to.
        stages: The trigger stages it was loaded for; those of an earlier load of the same window stay.
    """
    key = (
        load_windows.c.org == stamp.org,
        load_windows.c.connection_id == stamp.connection_id,
        load_windows.c.window_start == start,
        load_windows.c.window_end == end,
    )
    before = connection.scalar(select(load_windows.c.counts).where(*key).with_for_update())
    pairs = {*stages, *_stages(before or {})}
    row = {
        "org": stamp.org,
        "connection_id": stamp.connection_id,
        "window_start": start,
        "window_end": end,
        "state": "closed",
        "counts": {**counts, "stages": sorted(list(pair) for pair in pairs)},
        "updated_at": stamp.now,
        "run_id": stamp.run_id,
    }
    connection.execute(upsert(connection, load_windows), row)


def closed_windows(connection: Connection, org: str, connection_id: str) -> list[ClosedWindow]:
    """The closed windows of a connection, oldest first."""
    rows = connection.execute(
        select(load_windows)
        .where(
            load_windows.c.org == org,
            load_windows.c.connection_id == connection_id,
            load_windows.c.state == "closed",
        )
        .order_by(load_windows.c.window_start, load_windows.c.window_end)
    )
    return [
        ClosedWindow(
            row.window_start,
            row.window_end,
            frozenset(_stages(row.counts)),
            reached_now=row.window_end > row.updated_at,
        )
        for row in rows
    ]


def forget_stages(connection: Connection, org: str, connection_id: str, wanted: frozenset[StagePair]) -> bool:
    """Forget loads for trigger stages that are not on any more: turned on again, they are looked back for again.

    Returns:
        Whether there were any.
    """
    rows = connection.execute(
        select(load_windows).where(load_windows.c.org == org, load_windows.c.connection_id == connection_id)
    ).all()
    stale = [row for row in rows if not wanted.issuperset(_stages(row.counts))]
    for row in stale:
        kept = sorted(list(pair) for pair in wanted.intersection(_stages(row.counts)))
        connection.execute(
            update(load_windows)
            .where(
                load_windows.c.org == org,
                load_windows.c.connection_id == connection_id,
                load_windows.c.window_start == row.window_start,
                load_windows.c.window_end == row.window_end,
            )
            .values(counts={**row.counts, "stages": kept})
        )
    return bool(stale)


def _stages(counts: Mapping[str, object]) -> set[StagePair]:
    listed = counts.get("stages")
    return {(str(pair[0]), str(pair[1])) for pair in listed} if isinstance(listed, list) else set()
