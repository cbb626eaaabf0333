"""How many calls each connection made, and what its vendor said of the account's day."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, case, select

from hardfin_pipelines.platform.tables import call_allowances, call_counts
from hardfin_pipelines.platform.upsert import Insert, upsert
from hardfin_pipelines.sync.call_budget import CallCount, DailyAllowance


def add_calls(connection: Connection, counts: Iterable[CallCount]) -> None:
    """Add calls to those that were counted before; they may be of several organizations."""
    sums: dict[tuple[str, str, date, str, str], tuple[int, int]] = {}
    for org, connection_id, day, bucket, purpose, calls, throttled in counts:
        before = sums.get((org, connection_id, day, bucket, purpose), (0, 0))
        sums[org, connection_id, day, bucket, purpose] = before[0] + calls, before[1] + throttled
    # In one order everywhere, so that two that count at once cannot wait for each other.
    rows = [
        {
            "org": org,
            "connection_id": connection_id,
            "day": day,
            "bucket": bucket,
            "purpose": purpose,
            "calls": calls,
            "throttled": throttled,
        }
        for (org, connection_id, day, bucket, purpose), (calls, throttled) in sorted(sums.items())
    ]
    if rows:
        connection.execute(upsert(connection, call_counts, _add), rows)


def calls_since(connection: Connection, since: date, org: str | None = None) -> list[CallCount]:
    """The calls of an organization, or of ALL, from a day (UTC) on."""
    query = select(
        call_counts.c.org,
        call_counts.c.connection_id,
        call_counts.c.day,
        call_counts.c.bucket,
        call_counts.c.purpose,
        call_counts.c.calls,
        call_counts.c.throttled,
    ).where(call_counts.c.day >= since)
    if org is not None:
        query = query.where(call_counts.c.org == org)
    return [CallCount(*row) for row in connection.execute(query.order_by(call_counts.c.day))]


def save_allowances(connection: Connection, said: Sequence[tuple[str, str, DailyAllowance]]) -> None:
    """Keep what vendors said of their accounts' days.

    Args:
        connection: An open transaction.
        said: Organization, connection, and what was said. A limit of 0 (not told) leaves the one that is known, and
            what was said earlier than what is known changes nothing.
    """
    rows = [
        {
            "org": org,
            "connection_id": connection_id,
            "per_day": allowance.per_day,
            "remaining": allowance.remaining,
            "seen_at": allowance.seen_at,
            "spent_at": allowance.spent_at,
        }
        for org, connection_id, allowance in sorted(said, key=lambda each: each[:2])
    ]
    if rows:
        connection.execute(upsert(connection, call_allowances, _replace), rows)


def allowances(connection: Connection, org: str | None = None) -> dict[tuple[str, str], DailyAllowance]:
    """What vendors said, by organization and connection; of one organization, or of ALL."""
    query = select(call_allowances)
    if org is not None:
        query = query.where(call_allowances.c.org == org)
    return {
        (row.org, row.connection_id): DailyAllowance(row.per_day, row.remaining, row.seen_at, row.spent_at)
        for row in connection.execute(query)
    }


def _add(insert: Insert) -> dict[str, object]:
    return {
        "calls": call_counts.c.calls + insert.excluded.calls,
        "throttled": call_counts.c.throttled + insert.excluded.throttled,
    }


def _replace(insert: Insert) -> dict[str, object]:
    new, known = insert.excluded, call_allowances.c
    newer = new.seen_at >= known.seen_at
    return {
        "per_day": case((newer & (new.per_day > 0), new.per_day), else_=known.per_day),
        "remaining": case((newer, new.remaining), else_=known.remaining),
        "seen_at": case((newer, new.seen_at), else_=known.seen_at),
        "spent_at": case((new.spent_at.is_not(None), new.spent_at), else_=known.spent_at),
    }
