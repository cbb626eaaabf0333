"""Carrying out a first-sync plan: every row of it, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.bulk_insert import insert_rows
from hardfin_pipelines.platform.entity_rows import ENTITY_TABLES, new_row
from hardfin_pipelines.platform.tables import (
    audit_events,
    ledger,
    ledger_aliases,
    links,
    project_line_items,
)
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.plans import NewLink, Protected, Synced
from hardfin_pipelines.sync.records import Role
from hardfin_pipelines.sync.resync import PROJECT, REMOVED

# Parents before children, as the foreign keys ask.
_ORDER: tuple[EntityType, ...] = ("customer", "item", "project", "project_line_item")


@dataclass(frozen=True, slots=True)
class SyncStamp:
    """Who writes, when and why; the same for everything one run writes.

    Attributes:
        org: The organization.
        connection_id: The connection the records come from.
        objects: The vendor's object name of each role.
        run_id: The run.
        trigger: What asked for it: poll, load, webhook, record.
        mapping_revision: The revision of the connection's configuration that the plan was made with.
        now: Our clock, for created and updated stamps.
        actor: For the audit.
    """

    org: str
    connection_id: str
    objects: Mapping[Role, str]
    run_id: str
    trigger: str
    mapping_revision: int
    now: datetime
    actor: str = "sync"


def write_synced(connection: Connection, synced: Sequence[Synced], stamp: SyncStamp) -> dict[EntityType, int]:
    """Write the projects of a plan with all that belongs to them; the caller's transaction makes it all or nothing.

    Returns:
        How many entities of each kind were created.

    Raises:
        sqlalchemy.exc.IntegrityError: Another run has synced one of the deals since the plan was made; plan again.
    """
    rows: dict[EntityType, list[dict[str, Any]]] = {entity: [] for entity in _ORDER}
    for outcome in synced:
        for entity in outcome.entities:
            rows[entity.entity].append(new_row(stamp.org, entity, stamp.now))
    for outcome in synced:
        if outcome.lines_taken:
            _take_lines(connection, outcome, stamp)
    for kind in _ORDER:
        insert_entities(connection, kind, rows[kind])
    insert_rows(
        connection,
        links,
        [link_row(link, stamp, outcome.ledger.pipeline_id) for outcome in synced for link in outcome.links],
    )
    insert_rows(connection, ledger, [_ledger_row(outcome, stamp) for outcome in synced])
    insert_rows(
        connection,
        ledger_aliases,
        [
            _alias_row(alias, outcome.ledger.external_id, stamp)
            for outcome in synced
            for alias in outcome.ledger.aliases
        ],
        keep_existing=True,
    )
    insert_rows(connection, audit_events, [_audit_row(outcome, stamp) for outcome in synced])
    return {kind: len(kind_rows) for kind, kind_rows in rows.items()}


def _take_lines(connection: Connection, outcome: Synced, stamp: SyncStamp) -> None:
    """Make room for lines that come from other projects, where they are marked removed, and tell both projects."""
    own = links.c.org == stamp.org, links.c.connection_id == stamp.connection_id
    cause = Cause(stamp.actor, f"{stamp.objects['line_item']} moved with a deal's first sync", stamp.now, stamp.run_id)
    for link in outcome.links:
        origin = outcome.lines_taken.get(link.external_id) if link.role == "line_item" else None
        if origin is None:
            continue
        record = links.c.object == stamp.objects["line_item"], links.c.external_id == link.external_id
        connection.execute(delete(links).where(*own, *record))
        line = project_line_items.c.org == stamp.org, project_line_items.c.id == link.entity_id
        connection.execute(delete(project_line_items).where(*line, project_line_items.c.status == REMOVED))
        moved = {f"line:{link.entity_id}.{PROJECT}": (origin or None, outcome.ledger.project_id)}
        projects = filter(None, (origin, outcome.ledger.project_id))
        events = [AuditEvent("project.line_moved", "project", each, cause, moved) for each in projects]
        record_audit(connection, stamp.org, events)


def write_aliases(connection: Connection, protected: Sequence[Protected], stamp: SyncStamp) -> int:
    """Remember ids that turned out to belong to deals in the ledger (merges); the number written."""
    rows = [_alias_row(alias, outcome.ledger_id, stamp) for outcome in protected for alias in outcome.new_aliases]
    insert_rows(connection, ledger_aliases, rows, keep_existing=True)
    return len(rows)


def insert_entities(connection: Connection, kind: EntityType, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert entities of one kind.

    The id of a customer or an item follows from its record, so one that is there already (its link was removed since)
    is the same one.
    """
    insert_rows(connection, ENTITY_TABLES[kind], rows, keep_existing=kind in {"customer", "item"})


def link_row(link: NewLink, stamp: SyncStamp, pipeline_id: str) -> dict[str, Any]:
    """The row of a link; `pipeline_id` is the pipeline whose rule's mapping its values were made with."""
    return {
        "org": stamp.org,
        "connection_id": stamp.connection_id,
        "object": stamp.objects[link.role],
        "external_id": link.external_id,
        "entity_type": link.entity,
        "entity_id": link.entity_id,
        "synced_values": dict(link.synced_values),
        "synced_at": stamp.now,
        "run_id": stamp.run_id,
        "mapping_revision": stamp.mapping_revision,
        "url": link.url,
        "vendor_modified_at": link.vendor_modified_at,
        "pipeline_id": pipeline_id,
    }


def _ledger_row(outcome: Synced, stamp: SyncStamp) -> dict[str, Any]:
    return {
        "org": stamp.org,
        "connection_id": stamp.connection_id,
        "object": stamp.objects["deal"],
        "external_id": outcome.ledger.external_id,
        "project_id": outcome.ledger.project_id,
        "pipeline_id": outcome.ledger.pipeline_id,
        "stage_id": outcome.ledger.stage_id,
        "trigger": stamp.trigger,
        "vendor_modified_at": outcome.ledger.vendor_modified_at,
        "first_synced_at": stamp.now,
        "run_id": stamp.run_id,
    }


def _alias_row(alias: str, external_id: str, stamp: SyncStamp) -> dict[str, Any]:
    return {
        "org": stamp.org,
        "connection_id": stamp.connection_id,
        "object": stamp.objects["deal"],
        "alias_id": alias,
        "external_id": external_id,
    }


def _audit_row(outcome: Synced, stamp: SyncStamp) -> dict[str, Any]:
    deal_link = next(link for link in outcome.links if link.role == "deal")
    lines = sum(entity.entity == "project_line_item" for entity in outcome.entities)
    changes = {field: [None, value] for field, value in deal_link.synced_values.items() if value is not None}
    return {
        "org": stamp.org,
        "at": stamp.now,
        "actor": stamp.actor,
        "action": "project.synced",
        "entity_type": "project",
        "entity_id": outcome.ledger.project_id,
        "reason": f"{stamp.objects['deal']} {outcome.deal.id} met the trigger of pipeline "
        f"{outcome.ledger.pipeline_id} (stage {outcome.ledger.stage_id}, by {stamp.trigger})",
        "changes": changes | {"line_items": [None, str(lines)]},
        "run_id": stamp.run_id,
    }
