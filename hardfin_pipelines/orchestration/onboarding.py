"""Which organizations have keys for an initial load: from being connected until some days after the load is done.

The keys of finished loads leave, so that the partitions of the history assets stay few; not at once, because people
still look at the page.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, time, timedelta

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from sqlalchemy import Connection, or_, select

from hardfin_pipelines.engine.opening import CRMS
from hardfin_pipelines.platform.tables import connections, load_windows

SHOWN_FOR = timedelta(days=14)
"""How long the partitions of a finished load stay on their page."""

_CONNECTED_LATELY = timedelta(days=90)

_IN_PROGRESS = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]

Window = tuple[datetime, datetime]


def orgs_to_show(connection: Connection, present: Collection[str], now: datetime) -> set[str]:
    """The organizations whose initial load is not done, or was done lately.

    Args:
        connection: An open connection to the product's store.
        present: The organizations that have a key now.
        now: Our clock.
    """
    windows: dict[str, list[tuple[datetime, datetime, datetime]]] = {}
    accounts = _accounts(connection, present, now)
    query = select(
        load_windows.c.connection_id, load_windows.c.window_start, load_windows.c.window_end, load_windows.c.updated_at
    ).where(load_windows.c.connection_id.in_(accounts), load_windows.c.state == "closed")
    for row in connection.execute(query):
        windows.setdefault(row.connection_id, []).append((row.window_start, row.window_end, row.updated_at))
    shown = set()
    for connection_id, (org, start, until) in accounts.items():
        closed = windows.get(connection_id, [])
        done = covers([window[:2] for window in closed], start, until)
        if not done or max(window[2] for window in closed) > now - SHOWN_FOR:
            shown.add(org)
    return shown


def covers(windows: Iterable[Window], start: datetime | None, until: datetime) -> bool:
    """Whether windows leave no moment of [start, until) out.

    Args:
        windows: Half-open windows, in any order.
        start: The first moment; None takes the beginning of the first window.
        until: The end.
    """
    position = start
    for begin, end in sorted(windows):
        if position is None:
            position = begin
        if begin > position:
            break
        position = max(position, end)
    return position is not None and position >= until


def loading_orgs(instance: dg.DagsterInstance, onboarding: Collection[str]) -> set[str]:
    """The organizations for which a backfill or a run of an initial load is under way.

    A backfill that was started in the UI does not say whose it is: while there is one, all of them count.
    """
    busy: set[str] = set()
    for backfill in instance.get_backfills(filters=BulkActionsFilter(statuses=_IN_PROGRESS)):
        org = backfill.tags.get("hardfin/org")
        busy |= {org} if org else set(onboarding)
    unfinished = dg.RunsFilter(statuses=NOT_FINISHED_STATUSES, tags={"hardfin/trigger": "load"})
    for run in instance.get_runs(unfinished):
        org = run.tags.get("hardfin/org") or run.tags.get("dagster/partition/org")
        busy |= {org} if org else set(onboarding)
    return busy


def _accounts(
    connection: Connection, present: Collection[str], now: datetime
) -> dict[str, tuple[str, datetime | None, datetime]]:
    """The CRM connections to look at, by id: organization, start of the load, and its end."""
    table = connections.c
    connected_lately = (table.start_date.is_not(None)) & (table.enabled_at > now - _CONNECTED_LATELY)
    rows = connection.execute(
        select(table.org, table.connection_id, table.start_date, table.enabled_at).where(
            table.integration.in_(CRMS), or_(table.org.in_(present), connected_lately)
        )
    )
    return {
        row.connection_id: (
            row.org,
            datetime.combine(row.start_date, time.min, UTC) if row.start_date else None,
            row.enabled_at or now,
        )
        for row in rows
    }
