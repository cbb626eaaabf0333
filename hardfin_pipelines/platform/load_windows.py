"""The windows of initial loads: which are closed, for which trigger stages, and with what counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.tables import load_windows
from hardfin_pipelines.platform.upsert import upsert
from hardfin_pipelines.sync.initial_load import ClosedWindow, StagePair


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window of a load that was worked on and could not be closed.

    Attributes:
        start: Its first moment, in vendor time.
        end: Its end, exclusive.
        counts: What the last attempt came to.
        updated_at: When that ended, by our clock.
    """

    start: datetime
    end: datetime
    counts: Mapping[str, Any]
    updated_at: datetime


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
    row = _row(stamp, start, end, "closed")
    held = _held(connection, stamp, start, end)
    before = held.counts if held is not None else {}
    pairs = {*stages, *_stages(before)}
    row["counts"] = {**counts, "stages": sorted(list(pair) for pair in pairs)}
    connection.execute(upsert(connection, load_windows), row)


def leave_open(
    connection: Connection,
    stamp: SyncStamp,
    start: datetime,
    end: datetime,
    counts: Mapping[str, int],
    unit: str,
    position: datetime | None,
) -> None:
    """Note how far a load of a window came that could not close it. What was closed for other stages stays so.

    Args:
        connection: An open transaction.
        stamp: The run's.
        start: The window's first moment, in vendor time.
        end: Its end, exclusive.
        counts: What the load came to so far.
        unit: The unit of work, which knows for which stages.
        position: Everything of the unit modified before it is committed and landed; None where that is not known.
    """
    held = _held(connection, stamp, start, end)
    progress = None if position is None else {"unit": unit, "position": position.isoformat()}
    if held is not None and held.state == "closed":
        row = _row(stamp, start, end, "closed") | {"updated_at": held.updated_at, "run_id": held.run_id}
        row["counts"] = {**held.counts, "progress": progress}
    else:
        row = _row(stamp, start, end, "open")
        row["counts"] = {**counts, "stages": [], "progress": progress}
    connection.execute(upsert(connection, load_windows), row)


def position_in(
    connection: Connection, org: str, connection_id: str, start: datetime, end: datetime, unit: str
) -> datetime | None:
    """How far an earlier load of a window came: everything of the unit before it is committed and landed."""
    held = connection.execute(_window(org, connection_id, start, end)).one_or_none()
    progress = None if held is None else held.counts.get("progress")
    if not progress or progress["unit"] != unit:
        return None
    return datetime.fromisoformat(progress["position"])


def open_windows(connection: Connection, org: str, connection_id: str) -> list[OpenWindow]:
    """The windows of a connection that were loaded and could not be closed, oldest first."""
    rows = connection.execute(
        select(load_windows)
        .where(load_windows.c.org == org, load_windows.c.connection_id == connection_id, load_windows.c.state == "open")
        .order_by(load_windows.c.window_start, load_windows.c.window_end)
    )
    return [OpenWindow(row.window_start, row.window_end, row.counts, row.updated_at) for row in rows]


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


def _row(stamp: SyncStamp, start: datetime, end: datetime, state: str) -> dict[str, Any]:
    return {
        "org": stamp.org,
        "connection_id": stamp.connection_id,
        "window_start": start,
        "window_end": end,
        "state": state,
        "updated_at": stamp.now,
        "run_id": stamp.run_id,
    }


def _held(connection: Connection, stamp: SyncStamp, start: datetime, end: datetime) -> Row[Any] | None:
    return connection.execute(_window(stamp.org, stamp.connection_id, start, end).with_for_update()).one_or_none()


def _window(org: str, connection_id: str, start: datetime, end: datetime) -> Select[Any]:
    return select(load_windows).where(
        load_windows.c.org == org,
        load_windows.c.connection_id == connection_id,
        load_windows.c.window_start == start,
        load_windows.c.window_end == end,
    )


def _stages(counts: Mapping[str, object]) -> set[StagePair]:
    listed = counts.get("stages")
    return {(str(pair[0]), str(pair[1])) for pair in listed} if isinstance(listed, list) else set()
