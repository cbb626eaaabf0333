"""What the store knows of single records of a vendor: for explaining them, and for noting only what is new."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select

from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import (
    customers,
    items,
    ledger,
    ledger_aliases,
    links,
    load_windows,
    pending_work,
    project_line_items,
    projects,
    record_events,
    rejected_records,
)
from hardfin_pipelines.sync.cadence import set_aside_delay
from hardfin_pipelines.sync.explanation_facts import AskedFor, FirstSync, LinkedEntity, Waiting, WindowFacts

_NAMED: dict[str, Table] = {
    "customer": customers,
    "item": items,
    "project": projects,
    "project_line_item": project_line_items,
}


def synced_by_run(connection: Connection, org: str, connection_id: str, run_id: str) -> set[str]:
    """The ids of the deals that were first synced by a run."""
    rows = connection.scalars(
        select(ledger.c.external_id).where(
            ledger.c.org == org, ledger.c.connection_id == connection_id, ledger.c.run_id == run_id
        )
    )
    return set(rows)


def versions_known(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_ids: Iterable[str]
) -> dict[str, datetime]:
    """The newest version (the vendor's stamp) of each of some records that an event, the ledger or a link tells of."""
    newest: dict[str, datetime] = {}
    for chunk in chunks(external_ids):
        for table in (record_events, ledger, links):
            rows = connection.execute(
                select(table.c.external_id, func.max(table.c.vendor_modified_at).label("at"))
                .where(
                    _of(table, org, connection_id, vendor_object),
                    table.c.external_id.in_(chunk),
                    table.c.vendor_modified_at.is_not(None),
                )
                .group_by(table.c.external_id)
            )
            for row in rows:
                newest[row.external_id] = max(row.at, newest.get(row.external_id, row.at))
    return newest


def first_sync(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_id: str
) -> FirstSync | None:
    """The ledger's entry of a deal, under its own id or one that was merged."""
    under = select(ledger_aliases.c.external_id).where(
        _of(ledger_aliases, org, connection_id, vendor_object), ledger_aliases.c.alias_id == external_id
    )
    row = connection.execute(
        select(ledger)
        .where(
            _of(ledger, org, connection_id, vendor_object),
            or_(ledger.c.external_id == external_id, ledger.c.external_id.in_(under)),
        )
        .order_by(ledger.c.first_synced_at)
    ).first()
    if row is None:
        return None
    return FirstSync(
        row.external_id,
        row.project_id,
        row.pipeline_id,
        row.stage_id,
        row.trigger,
        row.vendor_modified_at,
        row.first_synced_at,
        row.run_id,
    )


def aliases_of(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_id: str
) -> tuple[str, ...]:
    """The other ids under which a deal in the ledger is known, in order."""
    rows = connection.scalars(
        select(ledger_aliases.c.alias_id)
        .where(_of(ledger_aliases, org, connection_id, vendor_object), ledger_aliases.c.external_id == external_id)
        .order_by(ledger_aliases.c.alias_id)
    )
    return tuple(rows)


def linked_entity(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_id: str
) -> LinkedEntity | None:
    """What a record is linked to, with its present name and how many projects have to do with it."""
    row = connection.execute(
        select(links).where(_of(links, org, connection_id, vendor_object), links.c.external_id == external_id)
    ).one_or_none()
    if row is None:
        return None
    table = _NAMED[row.entity_type]
    name = connection.scalar(select(table.c.name).where(table.c.org == org, table.c.id == row.entity_id))
    return LinkedEntity(
        row.entity_type,
        row.entity_id,
        name or "",
        row.synced_at,
        row.run_id,
        row.vendor_modified_at,
        _projects_of(connection, org, row),
    )


def waiting(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_id: str
) -> Waiting | None:
    """Why a record is set aside; None where it is not."""
    table = rejected_records
    row = connection.execute(
        select(table).where(_of(table, org, connection_id, vendor_object), table.c.external_id == external_id)
    ).one_or_none()
    if row is None:
        return None
    next_try = row.last_seen_at + set_aside_delay(row.attempts)
    return Waiting(row.reason, row.first_seen_at, row.last_seen_at, row.attempts, next_try)


def asked_for(connection: Connection, org: str, connection_id: str, external_ids: Sequence[str]) -> list[AskedFor]:
    """The work that waits for a record by its ids, and for whatever changed at its connection."""
    table = pending_work
    rows = connection.execute(
        select(table)
        .where(
            table.c.org == org,
            table.c.connection_id == connection_id,
            or_(table.c.kind == "changes", and_(table.c.kind == "record", table.c.external_id.in_(external_ids))),
        )
        .order_by(table.c.requested_at)
    )
    return [AskedFor(row.trigger, row.requested_at, row.requested_by, row.attempts, row.claimed_at) for row in rows]


def windows_of(connection: Connection, org: str, connection_id: str) -> list[WindowFacts]:
    """The windows of a connection's initial loads, oldest first."""
    rows = connection.execute(
        select(load_windows)
        .where(load_windows.c.org == org, load_windows.c.connection_id == connection_id)
        .order_by(load_windows.c.window_start, load_windows.c.window_end)
    )
    return [
        WindowFacts(
            row.window_start,
            row.window_end,
            row.state == "closed",
            tuple((str(pair[0]), str(pair[1])) for pair in row.counts.get("stages") or ()),
        )
        for row in rows
    ]


def _projects_of(connection: Connection, org: str, link: Row[Any]) -> int:
    if link.entity_type == "customer":
        query = (
            select(func.count())
            .select_from(projects)
            .where(projects.c.org == org, projects.c.customer_id == link.entity_id)
        )
    elif link.entity_type == "item":
        query = select(func.count(project_line_items.c.project_id.distinct())).where(
            project_line_items.c.org == org, project_line_items.c.item_id == link.entity_id
        )
    else:
        return 0
    return connection.execute(query).scalar_one()


def _of(table: Table, org: str, connection_id: str, vendor_object: str) -> ColumnElement[bool]:
    return and_(table.c.org == org, table.c.connection_id == connection_id, table.c.object == vendor_object)
