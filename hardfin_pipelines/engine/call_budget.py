"""Rule 10 at work: calls are counted, work rests where the reserve begins, and each connection has a forecast."""

import logging
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.errors import ReserveReached
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.call_budget import add_calls, allowances, calls_since, save_allowances
from hardfin_pipelines.platform.call_places import taken_now
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.tables import connections
from hardfin_pipelines.sync.call_budget import (
    HISTORY,
    PURPOSES,
    CallCount,
    CallForecast,
    DailyAllowance,
    Purpose,
    Reserve,
    WindowRoom,
    forecast,
)
from hardfin_pipelines.sync.call_windows import CallWindow

_log = logging.getLogger(__name__)


def purpose_of(lane: str) -> Purpose:
    """What the visits of a lane are for."""
    return next((purpose for purpose in PURPOSES if purpose == lane), "tick")


def call_counts(
    org: str, connection_id: str, day: date, purpose: Purpose, calls: CallCounts, *, beyond: CallCounts | None = None
) -> list[CallCount]:
    """A connector's calls as they are counted, by bucket; without those `beyond` has, which are counted elsewhere."""
    before = beyond or CallCounts()
    return [
        CallCount(
            org,
            connection_id,
            day,
            bucket,
            purpose,
            number - before.by_bucket.get(bucket, 0),
            calls.throttled_by_bucket.get(bucket, 0) - before.throttled_by_bucket.get(bucket, 0),
        )
        for bucket, number in calls.by_bucket.items()
        if number > before.by_bucket.get(bucket, 0)
    ]


def count_calls(
    connection: Connection, org: str, connection_id: str, day: date, purpose: Purpose, calls: CallCounts
) -> None:
    """Add a connector's calls to the day's (UTC), and keep what the vendor said of the account's, in a transaction."""
    add_calls(connection, call_counts(org, connection_id, day, purpose, calls))
    if calls.allowance is not None:
        save_allowances(connection, [(org, connection_id, calls.allowance)])


def count_visit(deployment: Deployment, org: str, connection_id: str, purpose: Purpose, calls: CallCounts) -> None:
    """Count the calls of work that has ended, well or not; they belong to the day (UTC) on which it did.

    A store that cannot be written to is told in the log only: the work's own end must not be hidden by it.
    """
    if not calls.by_bucket:
        return
    try:
        with writing(deployment.engine) as connection:
            count_calls(connection, org, connection_id, deployment.now().date(), purpose, calls)
    except SQLAlchemyError as error:
        _log.warning("%d calls of %s could not be counted (%s)", calls.total, connection_id, type(error).__name__)


def require_allowance(deployment: Deployment, row: ConnectionRow, purpose: Purpose) -> None:
    """Make sure that some work may ask anything of a connection's account now.

    Raises:
        ReserveReached: What is left of the account's calls of the day belongs to its other integrations.
    """
    reserve = deployment.vendors.reserve(row.integration, purpose)
    if not reserve.calls(1_000_000):
        return
    with reading(deployment.engine) as connection:
        known = allowances(connection, row.org).get((row.org, row.connection_id))
    refuse_reserved(deployment, row, reserve, known)


def refuse_reserved(
    deployment: Deployment, row: ConnectionRow, reserve: Reserve, allowance: DailyAllowance | None
) -> None:
    """Refuse work that is to rest by what the vendor last said.

    Raises:
        ReserveReached: It is to rest.
    """
    rest = reserve.rests(allowance, deployment.now())
    if allowance is not None and rest is not None:
        text = f"{reserve.sentence(allowance)}; will try again in {max(round(rest.total_seconds() / 60), 1)} min"
        raise ReserveReached(row.integration, text, delay=rest, purpose=reserve.purpose)


def call_forecasts(deployment: Deployment, org: str | None = None) -> list[CallForecast]:
    """The forecast of every connection of an organization, or of ALL, by id. Six short queries, however many."""
    now = deployment.now()
    with reading(deployment.engine) as connection:
        query = select(connections.c.org, connections.c.connection_id, connections.c.integration, connections.c.status)
        query = query.add_columns(connections.c.cadence, connections.c.account_id, connections.c.configuration)
        if org is not None:
            query = query.where(connections.c.org == org)
        rows = connection.execute(query.order_by(connections.c.connection_id)).all()
        counted: dict[tuple[str, str], list[CallCount]] = {}
        for count in calls_since(connection, now.date() - HISTORY, org):
            counted.setdefault((count.org, count.connection_id), []).append(count)
        known = allowances(connection, org)
        windows = {
            (row.org, row.connection_id): deployment.vendors.rate_windows(
                row.integration, row.account_id, row.configuration
            )
            for row in rows
        }
        taken = taken_now(connection, [window for listed in windows.values() for window in listed])
    return [
        forecast(
            row.connection_id,
            row.cadence if row.status == "active" else None,
            counted.get((row.org, row.connection_id), ()),
            now.date(),
            allowance=known.get((row.org, row.connection_id)),
            now=now,
            reserve_share=deployment.settings.daily_reserve,
            floor=deployment.vendors.reserve(row.integration, "poll").floor,
            windows=[_room(window, taken) for window in windows[row.org, row.connection_id]],
        )
        for row in rows
    ]


def _room(window: CallWindow, taken: Mapping[str, int]) -> WindowRoom:
    return WindowRoom(window.bucket, window.limit, round(window.span_ms / 1000), taken.get(window.key, 0))
