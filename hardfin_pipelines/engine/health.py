"""Statements about all organizations at once, for asset checks and the status page: what holds, and where not.

These queries are the deployment's own: they look at every organization, and every row they give names its own.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import and_, func, select

from hardfin_pipelines.engine.call_budget import call_forecasts
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.month_budget import months_over_budget
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.rule_store import held_rules
from hardfin_pipelines.platform.tables import (
    connections,
    ledger,
    ledger_aliases,
    links,
    organizations,
    pending_work,
    project_line_items,
    projects,
    rejected_records,
)
from hardfin_pipelines.sync.cadence import late


@dataclass(frozen=True, slots=True)
class SyncHealth:
    """How the connections of a deployment are. The tuples hold one line for each connection."""

    organizations: int
    active: int
    late: tuple[str, ...]
    failing: tuple[str, ...]
    needing_attention: tuple[str, ...]
    pending: int
    rejected: int


def sync_health(deployment: Deployment) -> SyncHealth:
    """Count connections by how they are now."""
    now = deployment.now()
    with reading(deployment.engine) as connection:
        rows = connection.execute(
            select(
                connections.c.connection_id,
                connections.c.status,
                connections.c.status_reason,
                connections.c.cadence,
                connections.c.enabled_at,
                connections.c.last_polled_at,
                connections.c.failures,
            ).order_by(connections.c.connection_id)
        ).all()
        count = select(func.count())
        return SyncHealth(
            organizations=connection.execute(count.select_from(organizations)).scalar_one(),
            active=sum(row.status == "active" for row in rows),
            late=tuple(
                f"{row.connection_id}: last visited {row.last_polled_at or 'never'}, cadence {row.cadence}"
                for row in rows
                if row.status == "active" and late(row.last_polled_at or row.enabled_at, row.cadence, now)
            ),
            failing=tuple(
                f"{row.connection_id}: {row.failures} failure(s) in a row: {row.status_reason}"
                for row in rows
                if row.status == "active" and row.failures
            ),
            needing_attention=tuple(
                f"{row.connection_id}: {row.status_reason}" for row in rows if row.status == "needs attention"
            ),
            pending=connection.execute(count.select_from(pending_work)).scalar_one(),
            rejected=connection.execute(count.select_from(rejected_records)).scalar_one(),
        )


def connections_over_budget(deployment: Deployment) -> list[str]:
    """Connections whose calls do not fit into what their account allows, as "connection: why"."""
    now, forecasts = deployment.now(), call_forecasts(deployment)
    lines = [(each.connection_id, each.over_budget(now)) for each in forecasts]
    of_a_day = [f"{connection_id}: {why}" for connection_id, why in lines if why]
    return [*of_a_day, *months_over_budget(deployment, forecasts)]


def rules_held(deployment: Deployment) -> list[str]:
    """Pipeline rules that wait because their account lacks what they need, as "connection: which, and why"."""
    with reading(deployment.engine) as connection:
        return [str(each) for each in held_rules(connection)]


def projects_without_customer(deployment: Deployment) -> list[str]:
    """Projects that have no customer now although their deal led to one, as "org: project"."""
    led_to = links.c.synced_values["customer"].as_string()
    query = (
        select(projects.c.org, projects.c.id)
        .join(
            links,
            and_(links.c.org == projects.c.org, links.c.entity_type == "project", links.c.entity_id == projects.c.id),
        )
        .where(projects.c.customer_id.is_(None), led_to.is_not(None))
        .order_by(projects.c.org, projects.c.id)
    )
    with reading(deployment.engine) as connection:
        return [f"{row.org}: {row.id}" for row in connection.execute(query)]


def external_ids_linked_twice(deployment: Deployment) -> list[str]:
    """Deals that lead to more than one project, under their own id or one merged into them, as "org: deal"."""
    under_another = (
        select(ledger.c.org, ledger.c.connection_id, ledger.c.external_id)
        .join(
            ledger_aliases,
            and_(
                ledger_aliases.c.org == ledger.c.org,
                ledger_aliases.c.connection_id == ledger.c.connection_id,
                ledger_aliases.c.object == ledger.c.object,
                ledger_aliases.c.alias_id == ledger.c.external_id,
                ledger_aliases.c.external_id != ledger.c.external_id,
            ),
        )
        .order_by(ledger.c.org, ledger.c.external_id)
    )
    shared_project = (
        select(ledger.c.org, ledger.c.project_id)
        .group_by(ledger.c.org, ledger.c.project_id)
        .having(func.count() > 1)
        .order_by(ledger.c.org, ledger.c.project_id)
    )
    with reading(deployment.engine) as connection:
        found = [f"{row.org}: {row.connection_id} deal {row.external_id}" for row in connection.execute(under_another)]
        found += [f"{row.org}: {row.project_id} has several deals" for row in connection.execute(shared_project)]
    return found


def projects_that_do_not_add_up(deployment: Deployment) -> list[str]:
    """Projects whose lines, as last synced, come to another amount than the deal, as "org: project: lines, deal".

    Projects without a value, without lines, or with a line that has no amount say nothing either way.
    """
    with reading(deployment.engine) as connection:
        line_rows = connection.execute(
            select(project_line_items.c.org, project_line_items.c.project_id, project_line_items.c.amount).where(
                project_line_items.c.status == "active"
            )
        )
        sums: dict[tuple[str, str], list[Decimal | None]] = defaultdict(list)
        for row in line_rows:
            sums[row.org, row.project_id].append(row.amount)
        values = connection.execute(
            select(projects.c.org, projects.c.id, projects.c.value)
            .where(projects.c.value.is_not(None))
            .order_by(projects.c.org, projects.c.id)
        ).all()
    return _differing({(row.org, row.id): row.value for row in values}, sums)


def _differing(
    values: Mapping[tuple[str, str], Decimal], sums: Mapping[tuple[str, str], list[Decimal | None]]
) -> list[str]:
    found = []
    for (org, project_id), value in values.items():
        amounts = sums.get((org, project_id))
        if not amounts or None in amounts:
            continue
        total = sum((amount for amount in amounts if amount is not None), Decimal(0))
        if total != value:
            found.append(f"{org}: {project_id}: lines {total}, deal {value}")
    return found
