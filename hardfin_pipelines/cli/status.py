"""`hardfin status`: how organizations and their connections are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import FAILED, console, print_blocks, print_json, print_table
from hardfin_pipelines.cli.work import AsJson
from hardfin_pipelines.engine.books_states import BooksSummary, books_summaries
from hardfin_pipelines.engine.call_budget import call_forecasts
from hardfin_pipelines.engine.item_health import ItemState, item_states
from hardfin_pipelines.engine.month_budget import month_budgets
from hardfin_pipelines.organizations.integrations import KINDS
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.record_log import list_rejected
from hardfin_pipelines.platform.rule_store import HeldRule, held_rules
from hardfin_pipelines.platform.status import OrganizationState, all_states, organization_state
from hardfin_pipelines.sync.call_budget import CallForecast
from hardfin_pipelines.sync.month_budget import MonthBudget, expected_by_its_end

_SHOWN = 20
_ERPS = frozenset(name for name, kind in KINDS.items() if kind == "ERP")


def status(
    org: Annotated[str, typer.Argument(metavar="[ORG]", help="The organization's slug; left out, all.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show connections, their last visits, what waits and what is set aside. Exits with 1 where a person must act."""
    deployment = open_product()
    if org:
        require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        now = deployment.now()
        found = organization_state(connection, org, now) if org else None
        states = [found] if found else all_states(connection, now)
        aside = list_rejected(connection, org, limit=_SHOWN) if org else []
        held = held_rules(connection, org or None)
        items = item_states(connection, org or None)
        months = month_budgets(deployment, connection)
        books = books_summaries(connection, org or None)
    forecasts = {each.connection_id: each for each in call_forecasts(deployment, org or None)}
    if as_json:
        print_json([_as_json(state, forecasts, held, items, months, books, now) for state in states])
    else:
        _show(states, forecasts, held, items, months, books, now)
        if aside:
            rows = [
                (f"{each.rejection.object} {each.rejection.external_id}", each.attempts, each.rejection.reason)
                for each in aside
            ]
            print_table(f"{org}: set aside", ["record", "tries", "reason"], rows)
    if any(connection.status == "needs attention" for state in states for connection in state.connections):
        raise typer.Exit(FAILED)


def _show(
    states: list[OrganizationState],
    forecasts: Mapping[str, CallForecast],
    held: Sequence[HeldRule],
    items: Mapping[str, ItemState],
    months: Mapping[str, MonthBudget],
    books: Mapping[str, BooksSummary],
    now: datetime,
) -> None:
    if not states:
        console.print("no organizations yet: apply one with `hardfin org apply FILE`", markup=False)
        return
    print_blocks([(state.org, _lines(state, forecasts, held, items, months, books, now)) for state in states])


def _lines(
    state: OrganizationState,
    forecasts: Mapping[str, CallForecast],
    held: Sequence[HeldRule],
    items: Mapping[str, ItemState],
    months: Mapping[str, MonthBudget],
    books: Mapping[str, BooksSummary],
    now: datetime,
) -> dict[str, str]:
    lines = {}
    for each in state.connections:
        late = ", LATE" if each.late else ""
        last = max(filter(None, (each.last_polled_at, each.last_synced_at)), default=None)
        visited = f"last visited {last:%Y-%m-%d %H:%M} UTC" if last else "not visited yet"
        cadence = each.cadence if each.cadence == "daily" else f"every {each.cadence}"
        lines[each.integration] = f"{each.status}, {cadence}, {visited}{late}"
        if each.reason:
            lines[f"{each.integration}: why"] = each.reason
        lines[f"{each.integration}: work"] = (
            f"{each.waiting} waiting, {each.in_progress} in progress, {each.rejected} set aside"
        )
        if each.integration in _ERPS:
            of_items = items.get(each.connection_id, ItemState(0, 0))
            at = each.last_synced_at
            synced = f"last synced {at:%Y-%m-%d %H:%M} UTC" if at else "not synced yet"
            broken = f", {of_items.broken} with a broken link" if of_items.broken else ""
            stands = f"{of_items.linked} linked, {of_items.waiting} in triage{broken}"
            lines[f"{each.integration}: items"] = f"{stands}; {synced}"
        if each.connection_id in books:
            lines[f"{each.integration}: books"] = books[each.connection_id].in_words()
        if each.connection_id in months:
            month = months[each.connection_id]
            per_day = forecasts[each.connection_id].per_day if each.connection_id in forecasts else 0
            lines[f"{each.integration}: month"] = (
                f"{month.own:,} of {month.own_limit:,} metered calls, about "
                f"{expected_by_its_end(month.own, per_day, now):,} by its end; {month.total:,} of "
                f"{month.total_limit:,} for all connections together"
            )
        if each.connection_id in forecasts:
            lines |= _call_lines(each.integration, forecasts[each.connection_id])
        waiting = [rule for rule in held if rule.connection_id == each.connection_id]
        if waiting:
            lines[f"{each.integration}: held"] = "; ".join(
                f"pipeline {rule.pipeline} since {rule.since:%Y-%m-%d %H:%M} UTC: {rule.because}" for rule in waiting
            )
    counts = [f"{number} {kind.replace('_', ' ')}s" for kind, number in state.entities.items() if number]
    lines["in Hardfin"] = ", ".join(counts) or "nothing yet"
    return lines


def _call_lines(integration: str, forecast: CallForecast) -> dict[str, str]:
    """What is expected of the account, what was asked today, and how much room there is."""
    expected = f"about {forecast.per_day:,} a day expected ({forecast.ticks:,} polls)"
    if forecast.share_of_limit is not None:
        expected += (
            f", {forecast.share_of_limit:.1%} of the account's {forecast.limit_per_day:,}, of which "
            f"{forecast.reserve:,} are left to its other integrations"
        )
    today = f"{forecast.today:,} today"
    if forecast.throttled_today:
        today += f", {forecast.throttled_today:,} refused"
    if forecast.allowance is not None and forecast.limit_per_day:
        today += f", {forecast.allowance.remaining:,} left at {forecast.allowance.seen_at:%H:%M} UTC"
    free = ", ".join(f"{room.bucket} {room.limit - room.taken} of {room.limit}" for room in forecast.windows)
    lines = {f"{integration}: calls": "; ".join(filter(None, (expected, today, free and f"free now: {free}")))}
    if forecast.resting:
        lines[f"{integration}: rests"] = "; ".join(forecast.resting)
    return lines


def _calls_as_json(forecast: CallForecast | None, now: datetime) -> dict[str, object] | None:
    if forecast is None:
        return None
    allowance = forecast.allowance
    return {
        "expected_a_day": forecast.per_day,
        "polls_a_day": forecast.ticks,
        "today": forecast.today,
        "refused_today": forecast.throttled_today,
        "limit_a_day": forecast.limit_per_day,
        "share_of_limit": forecast.share_of_limit,
        "left_today": None if allowance is None or not allowance.per_day else allowance.remaining,
        "told_at": None if allowance is None else allowance.seen_at,
        "reserve": forecast.reserve_share,
        "left_to_others": forecast.reserve,
        "over_budget": forecast.over_budget(now),
        "resting": list(forecast.resting),
        "windows": [
            {"bucket": room.bucket, "limit": room.limit, "seconds": room.seconds, "free": room.limit - room.taken}
            for room in forecast.windows
        ],
    }


def _items_as_json(integration: str, state: ItemState) -> dict[str, object]:
    of_books = integration in _ERPS
    return {
        "items_linked": state.linked if of_books else None,
        "items_in_triage": state.waiting if of_books else None,
        "items_with_broken_link": state.broken if of_books else None,
    }


def _books_as_json(summary: BooksSummary | None) -> dict[str, object] | None:
    """What else an accounting system holds; None where nothing of it is read."""
    return None if summary is None else {"rows": summary.rows, "not_seen": summary.lacking}


def _month_as_json(month: MonthBudget | None) -> dict[str, int] | None:
    """Metered calls; None where the vendor does not count by the month."""
    if month is None:
        return None
    return {
        "metered_calls": month.own,
        "limit": month.own_limit,
        "metered_calls_of_all_connections": month.total,
        "limit_of_all_connections": month.total_limit,
    }


def _as_json(
    state: OrganizationState,
    forecasts: Mapping[str, CallForecast],
    held: Sequence[HeldRule],
    items: Mapping[str, ItemState],
    months: Mapping[str, MonthBudget],
    books: Mapping[str, BooksSummary],
    now: datetime,
) -> dict[str, object]:
    return {
        "organization": state.org,
        "name": state.name,
        "plan": state.plan,
        "entities": dict(state.entities),
        "connections": [
            {
                "connection": each.connection_id,
                "integration": each.integration,
                "status": each.status,
                "reason": each.reason,
                "account": each.account_id,
                "cadence": each.cadence,
                "last_polled_at": each.last_polled_at,
                "last_synced_at": each.last_synced_at,
                "next_due_at": each.next_due_at,
                "late": each.late,
                "failures": each.failures,
                "failing_since": each.failing_since,
                "waiting": each.waiting,
                "in_progress": each.in_progress,
                "set_aside": each.rejected,
                "held_rules": [
                    {"pipeline": rule.pipeline, "because": rule.because, "since": rule.since}
                    for rule in held
                    if rule.connection_id == each.connection_id
                ],
                "books": _books_as_json(books.get(each.connection_id)),
                **_items_as_json(each.integration, items.get(each.connection_id, ItemState(0, 0))),
                "month": _month_as_json(months.get(each.connection_id)),
                "calls": _calls_as_json(forecasts.get(each.connection_id), now),
            }
            for each in state.connections
        ],
    }
