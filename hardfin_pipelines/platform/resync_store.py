"""Reading a project as Hardfin holds it, and carrying out the plan of its re-sync."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, update

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.bulk_insert import insert_rows
from hardfin_pipelines.platform.entity_rows import entity_texts, new_row
from hardfin_pipelines.platform.entity_values import entity_rows, write_values
from hardfin_pipelines.platform.first_sync_store import SyncStamp, insert_entities, link_row
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.resync_history import keep_resync, take_snapshot, with_added_lines
from hardfin_pipelines.platform.tables import links, project_line_items
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.resync import ACTIVE, REMOVED, STATUS, EntityChange, HeldEntity
from hardfin_pipelines.sync.resync_plan import HeldProject, LinkUpdate, ResyncPlan
from hardfin_pipelines.sync.undo_plan import EntityKey

_ORDER: tuple[EntityType, ...] = ("customer", "item", "project", "project_line_item")


def read_held_project(
    connection: Connection,
    org: str,
    connection_id: str,
    project_id: str,
    customer_id: str | None,
    *,
    for_update: bool = False,
) -> HeldProject | None:
    """The project with its customer and its linked lines; None where the organization has no such project.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: The CRM connection whose links count.
        project_id: The project.
        customer_id: The customer that the deal's company is linked to now, or None.
        for_update: Keep others from writing them until the transaction ends.
    """
    wanted: list[EntityKey] = [("project", project_id)]
    if customer_id is not None:
        wanted.append(("customer", customer_id))
    held = _held(connection, org, connection_id, wanted, for_update=for_update)
    project = held.get(("project", project_id))
    if project is None:
        return None
    lines = select(project_line_items, links.c.external_id, links.c.synced_values).where(
        project_line_items.c.project_id == project_id
    )
    found = _held_lines(connection, _linked(lines, org, connection_id), for_update=for_update)
    return HeldProject(project, found, None if customer_id is None else held.get(("customer", customer_id)))


def lines_elsewhere(
    connection: Connection,
    org: str,
    connection_id: str,
    line_object: str,
    external_ids: Iterable[str],
    project_id: str,
    *,
    for_update: bool = False,
) -> dict[str, HeldEntity]:
    """Lines of other projects that some line items are linked to, by the line item's external id.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: The CRM connection whose links count.
        line_object: The vendor's name of line items.
        external_ids: The line items.
        project_id: The project whose own lines are left out.
        for_update: Keep others from writing them until the transaction ends.
    """
    found: dict[str, HeldEntity] = {}
    for chunk in chunks(external_ids):
        query = select(project_line_items, links.c.external_id, links.c.synced_values).where(
            project_line_items.c.project_id != project_id,
            links.c.object == line_object,
            links.c.external_id.in_(chunk),
        )
        found.update(_held_lines(connection, _linked(query, org, connection_id), for_update=for_update))
    return found


def write_resync(connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> str | None:
    """Carry out a plan in the caller's transaction, with one audit event for every entity it changes.

    Returns:
        The id under which it can be undone; None where there was nothing to write.
    """
    if not (plan.writes or plan.link_updates or plan.new_links):
        return None
    fields = _written_fields(plan)
    linked = [(change.entity, change.entity_id) for change in plan.link_updates]
    before = take_snapshot(connection, stamp.org, stamp.connection_id, fields, linked)
    _write_entities(connection, plan, stamp)
    insert_rows(connection, links, [link_row(link, stamp, plan.pipeline_id) for link in plan.new_links])
    for link_update in plan.link_updates:
        _update_link(connection, link_update, plan, stamp)
    created: list[EntityKey] = [(entity.entity, entity.id) for entity in plan.new_entities]
    after_fields: dict[EntityKey, Iterable[str] | None] = {**fields, **dict.fromkeys(created)}
    after = take_snapshot(connection, stamp.org, stamp.connection_id, after_fields, [*linked, *created])
    _audit(connection, plan, stamp, reason)
    kept = with_added_lines(before, after)
    return keep_resync(connection, stamp, plan.project_id, reason, kept, after)


def _written_fields(plan: ResyncPlan) -> dict[EntityKey, Iterable[str] | None]:
    fields: dict[EntityKey, set[str]] = {key: set(values) for key, values in plan.updates.items()}
    for line in (*plan.removed, *plan.restored):
        fields.setdefault(("project_line_item", line), set()).add(STATUS)
    return {key: sorted(names) for key, names in fields.items()}


def _write_entities(connection: Connection, plan: ResyncPlan, stamp: SyncStamp) -> None:
    for kind in _ORDER:
        created = [new_row(stamp.org, entity, stamp.now) for entity in plan.new_entities if entity.entity == kind]
        insert_entities(connection, kind, created)
    for key, values in plan.updates.items():
        write_values(connection, stamp.org, key, values, stamp.now)
    for ids, status in ((plan.removed, REMOVED), (plan.restored, ACTIVE)):
        for line in ids:
            write_values(connection, stamp.org, ("project_line_item", line), {STATUS: status}, stamp.now)


def _linked(query: Select[Any], org: str, connection_id: str) -> Select[Any]:
    """Lines with their links to one connection's line items."""
    return (
        query.join(
            links,
            (links.c.org == project_line_items.c.org)
            & (links.c.entity_type == "project_line_item")
            & (links.c.entity_id == project_line_items.c.id),
        )
        .where(project_line_items.c.org == org, links.c.connection_id == connection_id)
        .order_by(project_line_items.c.position, project_line_items.c.id)
    )


def _held_lines(connection: Connection, query: Select[Any], *, for_update: bool) -> dict[str, HeldEntity]:
    rows = connection.execute(query.with_for_update(of=project_line_items) if for_update else query).mappings()
    return {row["external_id"]: _held_entity("project_line_item", row, row["synced_values"]) for row in rows}


def _held(
    connection: Connection, org: str, connection_id: str, keys: Sequence[EntityKey], *, for_update: bool
) -> dict[EntityKey, HeldEntity]:
    rows = entity_rows(connection, org, keys, for_update=for_update)
    return {
        (kind, entity_id): _held_entity(kind, row, _synced_values(connection, org, connection_id, kind, entity_id))
        for (kind, entity_id), row in rows.items()
    }


def _held_entity(entity: EntityType, row: RowMapping, synced: Mapping[str, str | None]) -> HeldEntity:
    removed = entity == "project_line_item" and row["status"] == REMOVED
    return HeldEntity(entity, row["id"], entity_texts(entity, row), synced, removed)


def _synced_values(
    connection: Connection, org: str, connection_id: str, entity: EntityType, entity_id: str
) -> Mapping[str, str | None]:
    rows = connection.execute(
        select(links.c.synced_values)
        .where(
            links.c.org == org,
            links.c.connection_id == connection_id,
            links.c.entity_type == entity,
            links.c.entity_id == entity_id,
        )
        .order_by(links.c.external_id)
    )
    # An id that was merged away has a link without values beside the survivor's.
    found: list[Mapping[str, str | None]] = [row.synced_values for row in rows if row.synced_values]
    return found[-1] if found else {}


def _update_link(connection: Connection, change: LinkUpdate, plan: ResyncPlan, stamp: SyncStamp) -> None:
    values: dict[str, Any] = {
        "synced_values": dict(change.synced_values),
        "synced_at": stamp.now,
        "run_id": stamp.run_id,
        "mapping_revision": stamp.mapping_revision,
        "pipeline_id": plan.pipeline_id,
    }
    if change.vendor_modified_at is not None:
        values["vendor_modified_at"] = change.vendor_modified_at
    connection.execute(
        update(links)
        .where(
            links.c.org == stamp.org,
            links.c.connection_id == stamp.connection_id,
            links.c.entity_type == change.entity,
            links.c.entity_id == change.entity_id,
        )
        .values(**values)
    )


def _audit(connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> None:
    cause = Cause(stamp.actor, reason, stamp.now, stamp.run_id)
    events = [_event(change, cause) for change in plan.changes if change.writes]
    for line, origin in plan.moves.items():
        for project in (origin, plan.project_id):
            changes = {f"line:{line}.project": (origin, plan.project_id)}
            events.append(AuditEvent("project.line_moved", "project", project, cause, changes))
    record_audit(connection, stamp.org, events)


def _event(change: EntityChange, cause: Cause) -> AuditEvent:
    changes = {each.field: (each.hardfin, each.crm) for each in change.fields if each.decision == "take"}
    if change.kind in {"remove", "restore"}:
        changes[STATUS] = (ACTIVE, REMOVED) if change.kind == "remove" else (REMOVED, ACTIVE)
    return AuditEvent(f"{change.entity}.re-synced", change.entity, change.id, cause, changes)
