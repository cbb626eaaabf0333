"""The windows of initial loads: which are closed, and with what counts."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.tables import load_windows
from hardfin_pipelines.platform.upsert import upsert


def close_window(
    connection: Connection, stamp: SyncStamp, start: datetime, end: datetime, counts: Mapping[str, int]
) -> None:
    """Remember that everything in [start, end) has an answer; a window loaded again takes the new counts."""
    row = {
        "org": stamp.org,
        "connection_id": stamp.connection_id,
        "window_start": start,
        "window_end": end,
        "state": "closed",
        "counts": dict(counts),
        "updated_at": stamp.now,
        "run_id": stamp.run_id,
    }
    connection.execute(upsert(connection, load_windows), row)


def closed_windows(connection: Connection, org: str, connection_id: str) -> list[tuple[datetime, datetime]]:
    """The closed windows of a connection, oldest first."""
    rows = connection.execute(
        select(load_windows.c.window_start, load_windows.c.window_end)
        .where(
            load_windows.c.org == org,
            load_windows.c.connection_id == connection_id,
            load_windows.c.state == "closed",
        )
        .order_by(load_windows.c.window_start)
    )
    return [(row.window_start, row.window_end) for row in rows]
