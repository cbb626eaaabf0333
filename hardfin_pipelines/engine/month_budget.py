"""The monthly call budget of vendors that meter reads (QuickBooks: all customers of our app share one allowance)."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from hardfin_pipelines.connectors.errors import ReserveReached
from hardfin_pipelines.connectors.quickbooks.limits import METERED
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.tables import call_counts, connections
from hardfin_pipelines.sync.call_budget import CallForecast, Purpose
from hardfin_pipelines.sync.month_budget import MonthBudget, expected_by_its_end, month_began, rest_of

METERING = frozenset({"quickbooks"})
"""Integrations whose reads are metered by the month (Intuit docs: App Partner Program)."""


def month_budgets(deployment: Deployment, connection: Connection) -> Mapping[str, MonthBudget]:
    """What each metered connection, of ALL organizations, and all together have used of the month (UTC), by id."""
    settings, since = deployment.settings, month_began(deployment.now()).date()
    counted = (
        (call_counts.c.org == connections.c.org)
        & (call_counts.c.connection_id == connections.c.connection_id)
        & (call_counts.c.bucket == METERED)
        & (call_counts.c.day >= since)
    )
    query = (
        select(connections.c.connection_id, func.coalesce(func.sum(call_counts.c.calls), 0))
        .select_from(connections.outerjoin(call_counts, counted))
        .where(connections.c.integration.in_(METERING))
        .group_by(connections.c.connection_id)
    )
    used = {row[0]: int(row[1]) for row in connection.execute(query)}
    own_limit, limit, total = (
        settings.quickbooks_calls_per_connection,
        settings.quickbooks_calls_per_month,
        sum(used.values()),
    )
    return {connection_id: MonthBudget(own, own_limit, total, limit) for connection_id, own in used.items()}


def require_month(deployment: Deployment, row: ConnectionRow, purpose: Purpose) -> None:
    """Make sure that some work may still ask for metered reads this month.

    Raises:
        ReserveReached: The month's calls are used.
    """
    if row.integration not in METERING:
        return
    with reading(deployment.engine) as connection:
        why = month_budgets(deployment, connection)[row.connection_id].rests(purpose)
    if why:
        text = f"{why}; QuickBooks blocks our app for all customers beyond that: raise the limit or wait for next month"
        raise ReserveReached(row.integration, text, delay=rest_of(deployment.now()), purpose=purpose)


def months_over_budget(deployment: Deployment, forecasts: Sequence[CallForecast]) -> list[str]:
    """Where more metered calls are expected this month than there are, of ALL organizations, a line each.

    Args:
        deployment: The deployment.
        forecasts: What each connection is expected to ask in a day.
    """
    now, per_day = deployment.now(), {each.connection_id: each.per_day for each in forecasts}
    with reading(deployment.engine) as connection:
        budgets = month_budgets(deployment, connection)
    found = []
    for connection_id, budget in sorted(budgets.items()):
        expected = expected_by_its_end(budget.own, per_day.get(connection_id, 0), now)
        if expected > budget.own_limit:
            found.append(f"{connection_id}: {_too_many(expected, budget.own_limit)}")
    if budgets:
        any_of_them = next(iter(budgets.values()))
        together = sum(per_day.get(connection_id, 0) for connection_id in budgets)
        expected = expected_by_its_end(any_of_them.total, together, now)
        if expected > any_of_them.total_limit:
            found.append(f"all metered connections together: {_too_many(expected, any_of_them.total_limit)}")
    return found


def _too_many(expected: int, limit: int) -> str:
    return (
        f"about {expected:,} metered calls are expected by the end of the month, and {limit:,} are allowed: visit less "
        "often, or raise the limit"
    )
