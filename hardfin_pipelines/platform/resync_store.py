"""Reading a project as Hardfin holds it, and carrying out the plan of its re-sync."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from hardfin_pipelines.platform.entity_rows import (
    ENTITY_TABLES,
    entity_texts,
    item_search_forms,
    new_row,
    read_entities,
)
from hardfin_pipelines.platform.first_sync_store import SyncStamp, insert_rows, link_row
from hardfin_pipelines.platform.tables import audit_events, links, project_line_items
from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, EntityType
from hardfin_pipelines.sync.mapping import Values, split_custom
from hardfin_pipelines.sync.plans import PARENT_FIELDS
from hardfin_pipelines.sync.resync import EntityChange, HeldEntity
from hardfin_pipelines.sync.resync_plan import HeldProject, LinkUpdate, ResyncPlan

_ORDER: tuple[EntityType, ...] = ("customer", "item", "project", "project_line_item")


def read_held_project(
    connection: Connection, org: str, connection_id: str, project_id: str, customer_id: str | None
) -> HeldProject | None:
    """The project with its customer and its linked lines; None where the organization has no such project.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: The CRM connection whose links count.
        project_id: The project.
        customer_id: The customer that the deal's company is linked to now, or None.
    """
    projects = read_entities(connection, org, "project", [project_id])
    if not projects:
        return None
    row = projects[project_id]
    synced = _synced_values(connection, org, connection_id, "project", [project_id])
    project = _held_entity("project", row, synced.get(project_id, {}))
    customer = None
    if customer_id is not None:
        customer = _held(connection, org, connection_id, "customer", [customer_id]).get(customer_id)
    return HeldProject(project, _held_lines(connection, org, connection_id, project_id), customer)


def write_resync(connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> None:
    """Carry out a plan in the caller's transaction, with one audit event for every entity it changes."""
    for kind in _ORDER:
        created = [new_row(stamp.org, entity, stamp.now) for entity in plan.new_entities if entity.entity == kind]
        insert_rows(connection, ENTITY_TABLES[kind], created)
    insert_rows(connection, links, [link_row(link, stamp) for link in plan.new_links])
    for (kind, entity_id), values in plan.updates.items():
        _update_entity(connection, kind, entity_id, values, stamp)
    _set_line_status(connection, plan.removed, "removed", stamp)
    _set_line_status(connection, plan.restored, "active", stamp)
    for link_update in plan.link_updates:
        _update_link(connection, link_update, stamp)
    changed = [change for change in plan.changes if change.writes]
    insert_rows(connection, audit_events, [_audit_row(change, stamp, reason) for change in changed])


def _held_lines(connection: Connection, org: str, connection_id: str, project_id: str) -> dict[str, HeldEntity]:
    rows = connection.execute(
        select(project_line_items, links.c.external_id, links.c.synced_values)
        .join(
            links,
            (links.c.org == project_line_items.c.org)
            & (links.c.entity_type == "project_line_item")
            & (links.c.entity_id == project_line_items.c.id),
        )
        .where(
            project_line_items.c.org == org,
            project_line_items.c.project_id == project_id,
            links.c.connection_id == connection_id,
        )
        .order_by(project_line_items.c.position, project_line_items.c.id)
    ).mappings()
    return {row["external_id"]: _held_entity("project_line_item", row, row["synced_values"]) for row in rows}


def _held(
    connection: Connection, org: str, connection_id: str, entity: EntityType, ids: Sequence[str]
) -> dict[str, HeldEntity]:
    synced = _synced_values(connection, org, connection_id, entity, ids)
    rows = read_entities(connection, org, entity, ids)
    return {entity_id: _held_entity(entity, row, synced.get(entity_id, {})) for entity_id, row in rows.items()}


def _held_entity(entity: EntityType, row: RowMapping, synced: Mapping[str, str | None]) -> HeldEntity:
    removed = entity == "project_line_item" and row["status"] == "removed"
    return HeldEntity(entity, row["id"], entity_texts(entity, row), synced, removed)


def _synced_values(
    connection: Connection, org: str, connection_id: str, entity: EntityType, ids: Sequence[str]
) -> dict[str, Mapping[str, str | None]]:
    rows = connection.execute(
        select(links.c.entity_id, links.c.synced_values)
        .where(
            links.c.org == org,
            links.c.connection_id == connection_id,
            links.c.entity_type == entity,
            links.c.entity_id.in_(ids),
        )
        .order_by(links.c.external_id)
    )
    # An id that was merged away has a link without values beside the survivor's.
    return {row.entity_id: row.synced_values for row in rows if row.synced_values}


def _update_entity(connection: Connection, kind: EntityType, entity_id: str, values: Values, stamp: SyncStamp) -> None:
    table = ENTITY_TABLES[kind]
    own, custom = split_custom(values)
    changed: dict[str, Any] = dict(own)
    for name, column in PARENT_FIELDS.get(kind, {}).items():
        if name in changed:
            changed[column] = changed.pop(name)
    if any(target.startswith(CUSTOM_PREFIX) for target in values):
        held = read_entities(connection, stamp.org, kind, [entity_id])[entity_id]["custom"]
        gone = {target.removeprefix(CUSTOM_PREFIX) for target, value in values.items() if value is None}
        changed["custom"] = {name: text for name, text in held.items() if name not in gone} | custom
    if kind == "item" and changed.keys() & {"name", "sku"}:
        held_row = read_entities(connection, stamp.org, kind, [entity_id])[entity_id]
        changed.update(item_search_forms({**held_row, **changed}))
    changed["updated_at"] = stamp.now
    connection.execute(update(table).where(table.c.org == stamp.org, table.c.id == entity_id).values(changed))


def _set_line_status(connection: Connection, ids: Sequence[str], status: str, stamp: SyncStamp) -> None:
    if ids:
        connection.execute(
            update(project_line_items)
            .where(project_line_items.c.org == stamp.org, project_line_items.c.id.in_(ids))
            .values(status=status, updated_at=stamp.now)
        )


def _update_link(connection: Connection, change: LinkUpdate, stamp: SyncStamp) -> None:
    connection.execute(
        update(links)
        .where(
            links.c.org == stamp.org,
            links.c.connection_id == stamp.connection_id,
            links.c.entity_type == change.entity,
            links.c.entity_id == change.entity_id,
        )
        .values(
            synced_values=dict(change.synced_values),
            synced_at=stamp.now,
            run_id=stamp.run_id,
            mapping_revision=stamp.mapping_revision,
        )
    )


def _audit_row(change: EntityChange, stamp: SyncStamp, reason: str) -> dict[str, Any]:
    changes = {field.field: [field.hardfin, field.crm] for field in change.fields if field.decision == "take"}
    if change.kind in {"remove", "restore"}:
        before, after = ("active", "removed") if change.kind == "remove" else ("removed", "active")
        changes["status"] = [before, after]
    return {
        "org": stamp.org,
        "at": stamp.now,
        "actor": stamp.actor,
        "action": f"{change.entity}.re-synced",
        "entity_type": change.entity,
        "entity_id": change.id,
        "reason": reason,
        "changes": changes,
        "run_id": stamp.run_id,
    }
