"""Which project is meant: people name it by its own id, by its deal's, or by one that was merged into that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from hardfin_pipelines.connectors.salesforce.ids import own_id
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.tables import ledger, ledger_aliases, links, project_line_items, projects


@dataclass(frozen=True, slots=True)
class ResyncTarget:
    """The ledger's row of a synced project.

    Attributes:
        connection_id: The connection its deal belongs to.
        object: The vendor's name of deals.
        deal_id: The deal it was first synced from.
        project_id: The project.
        pipeline_id: The pipeline whose rule it was first synced by; `stage_id` is the trigger stage.
    """

    connection_id: str
    object: str
    deal_id: str
    project_id: str
    pipeline_id: str
    stage_id: str


def find_target(connection: Connection, org: str, wanted: str, connection_id: str = "") -> ResyncTarget:
    """The synced project that somebody means.

    Args:
        connection: An open transaction.
        org: The organization.
        wanted: The project's id, its deal's id, or one merged into that.
        connection_id: The connection, where two know a deal of that id; "" for any.

    Raises:
        Refusal: There is none, or more than one.
    """
    wanted = wanted.strip()
    rows = _rows(connection, org, wanted, connection_id)
    if not rows:
        raise Refusal(f"{org}: no synced project {wanted!r}; give a project id (prj_…) or the id of a synced deal")
    if len({row.connection_id for row in rows}) > 1:
        names = ", ".join(row.connection_id for row in rows)
        raise Refusal(f"{org}: deal id {wanted!r} is known to {names}; name the connection")
    row = rows[0]
    return ResyncTarget(row.connection_id, row.object, row.external_id, row.project_id, row.pipeline_id, row.stage_id)


def find_project_id(connection: Connection, org: str, wanted: str, connection_id: str = "") -> str:
    """The project that somebody means, synced or made in Hardfin.

    Raises:
        Refusal: There is none, or more than one.
    """
    own = connection.scalar(select(projects.c.id).where(projects.c.org == org, projects.c.id == wanted.strip()))
    return own or find_target(connection, org, wanted, connection_id).project_id


def deals_of_projects(
    connection: Connection, org: str, connection_id: str, project_ids: Sequence[str]
) -> dict[str, str]:
    """Project id to the id of the deal it was first synced from; projects without one are absent."""
    rows = connection.execute(
        select(ledger.c.project_id, ledger.c.external_id).where(
            ledger.c.org == org, ledger.c.connection_id == connection_id, ledger.c.project_id.in_(project_ids)
        )
    )
    return {row.project_id: row.external_id for row in rows}


def named_lines(connection: Connection, org: str, target: ResyncTarget, asked: Sequence[str]) -> dict[str, str]:
    """The lines that a choice may name, by each of their ids: the project's own from the CRM, and those asked for.

    Lines of other projects are among them: whether one comes to this project, only the CRM can say.
    """
    rows = connection.execute(
        select(links.c.external_id, links.c.entity_id)
        .join(
            project_line_items,
            (project_line_items.c.org == links.c.org) & (project_line_items.c.id == links.c.entity_id),
        )
        .where(
            links.c.org == org,
            links.c.connection_id == target.connection_id,
            links.c.entity_type == "project_line_item",
            or_(
                project_line_items.c.project_id == target.project_id,
                links.c.external_id.in_(asked),
                links.c.entity_id.in_(asked),
            ),
        )
    )
    return {each: row.entity_id for row in rows for each in (row.external_id, row.entity_id)}


def _rows(connection: Connection, org: str, wanted: str, connection_id: str) -> Sequence[Row[Any]]:
    own = [ledger.c.connection_id == connection_id] if connection_id else []
    ids = {wanted, own_id(wanted)}  # people copy Salesforce ids of 15 characters, and addresses
    named = or_(ledger.c.project_id == wanted, ledger.c.external_id.in_(ids))
    query = select(ledger).where(ledger.c.org == org, named, *own).order_by(ledger.c.connection_id)
    rows = connection.execute(query).all()
    if rows:
        return rows
    joined = select(ledger).join(
        ledger_aliases,
        (ledger_aliases.c.org == ledger.c.org)
        & (ledger_aliases.c.connection_id == ledger.c.connection_id)
        & (ledger_aliases.c.object == ledger.c.object)
        & (ledger_aliases.c.external_id == ledger.c.external_id),
    )
    by_alias = joined.where(ledger.c.org == org, ledger_aliases.c.alias_id.in_(ids), *own)
    return connection.execute(by_alias.order_by(ledger.c.connection_id)).all()
