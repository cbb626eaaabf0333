"""Reading projects for people: lists of them, their lines, and what is linked to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, func, or_, select

from hardfin_pipelines.platform.tables import (
    customers,
    ledger,
    links,
    organization_revisions,
    project_line_items,
    projects,
)
from hardfin_pipelines.sync.undo_plan import EntityKey


@dataclass(frozen=True, slots=True)
class ListedProject:
    """A project in a list. `deal_id` is "" where it was not synced; `connection_id` as well."""

    id: str
    name: str
    customer: str | None
    value: Decimal | None
    currency: str | None
    connection_id: str
    deal_id: str
    updated_at: datetime


def list_projects(
    connection: Connection, org: str, *, search: str = "", limit: int | None = None
) -> tuple[list[ListedProject], int]:
    """Projects, the last changed first, and how many there are in all.

    Args:
        connection: An open transaction.
        org: The organization.
        search: Only those whose name or customer's name has this text in it, or whose id or deal's id it is.
        limit: At most so many.
    """
    query = (
        select(
            projects.c.id,
            projects.c.name,
            customers.c.name.label("customer"),
            projects.c.value,
            projects.c.currency,
            func.coalesce(ledger.c.connection_id, "").label("connection_id"),
            func.coalesce(ledger.c.external_id, "").label("deal_id"),
            projects.c.updated_at,
        )
        .outerjoin(customers, (customers.c.org == projects.c.org) & (customers.c.id == projects.c.customer_id))
        .outerjoin(ledger, (ledger.c.org == projects.c.org) & (ledger.c.project_id == projects.c.id))
        .where(projects.c.org == org)
    )
    if search:
        query = query.where(
            or_(
                projects.c.name.icontains(search, autoescape=True),
                customers.c.name.icontains(search, autoescape=True),
                projects.c.id == search,
                ledger.c.external_id == search,
            )
        )
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    rows = connection.execute(query.order_by(projects.c.updated_at.desc(), projects.c.id).limit(limit))
    return [ListedProject(*row) for row in rows], total


def lines_of(connection: Connection, org: str, project_id: str) -> list[EntityKey]:
    """The lines of a project, in order."""
    lines = project_line_items
    query = select(lines.c.id).where(lines.c.org == org, lines.c.project_id == project_id)
    return [("project_line_item", line) for line in connection.scalars(query.order_by(lines.c.position, lines.c.id))]


def links_of(connection: Connection, org: str, keys: Sequence[EntityKey]) -> dict[EntityKey, list[RowMapping]]:
    """The links of some entities; those with values first, then by age."""
    ids = [entity_id for _, entity_id in keys]
    query = select(links).where(links.c.org == org, links.c.entity_id.in_(ids))
    found: dict[EntityKey, list[RowMapping]] = {}
    rows = connection.execute(query.order_by(links.c.synced_at, links.c.connection_id, links.c.external_id)).mappings()
    for row in sorted(rows, key=lambda each: not each["synced_values"]):
        found.setdefault((row["entity_type"], row["entity_id"]), []).append(row)
    return found


def ledger_of(connection: Connection, org: str, project_id: str) -> RowMapping | None:
    """The ledger's row of a project; None where it was not synced."""
    query = select(ledger).where(ledger.c.org == org, ledger.c.project_id == project_id)
    return connection.execute(query.order_by(ledger.c.first_synced_at)).mappings().first()


def document_at(connection: Connection, org: str, moment: datetime) -> RowMapping | None:
    """The revision of an organization's document that was in force at a moment; the first one, if it is older."""
    query = select(organization_revisions).where(organization_revisions.c.org == org)
    newest = query.where(organization_revisions.c.applied_at <= moment).order_by(
        organization_revisions.c.revision.desc()
    )
    found = connection.execute(newest.limit(1)).mappings().first()
    return found or connection.execute(query.order_by(organization_revisions.c.revision)).mappings().first()
