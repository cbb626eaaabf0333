"""What each re-sync changed, kept so that it can be undone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, RowMapping, and_, or_, select, update

from hardfin_pipelines.platform.entity_values import entity_rows, stored_texts, stored_value, write_values
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.tables import links, resyncs
from hardfin_pipelines.sync.resync import REMOVED, STATUS
from hardfin_pipelines.sync.undo_plan import EntityKey, StoredTexts, UndoPlan

LinkKey = tuple[str, str]
"""The vendor's object and the external id."""

_LINK_STATE = ("synced_values", "synced_at", "run_id", "mapping_revision", "pipeline_id", "vendor_modified_at")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Some fields of entities, and what some links remember, at one moment; all of it as JSON can hold it."""

    entities: Mapping[EntityKey, StoredTexts]
    links: Mapping[LinkKey, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ResyncRecord:
    """A re-sync that wrote something.

    Attributes:
        resync_id: Its id, rsy_….
        connection_id: The connection whose deal it read.
        project_id: The project.
        at: When, by our clock.
        actor: Who asked for it.
        reason: Why.
        run_id: The run that did it.
        before: What it changed, as it was.
        after: The same as it left it, with what it created.
        undone_at: When it was undone; None where it stands.
        undone_by: By whom.
    """

    resync_id: str
    connection_id: str
    project_id: str
    at: datetime
    actor: str
    reason: str
    run_id: str
    before: Snapshot
    after: Snapshot
    undone_at: datetime | None = None
    undone_by: str = ""


def take_snapshot(
    connection: Connection,
    org: str,
    connection_id: str,
    fields: Mapping[EntityKey, Iterable[str] | None],
    linked: Iterable[EntityKey],
) -> Snapshot:
    """How some entities and links are now.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: The connection whose links are meant.
        fields: Which fields of which entities; None for all of an entity. Entities that are not there are left out.
        linked: The entities whose links are meant.
    """
    entities: dict[EntityKey, StoredTexts] = {}
    for key, row in entity_rows(connection, org, fields).items():
        texts = stored_texts(key[0], row)
        wanted = fields[key]
        entities[key] = texts if wanted is None else {name: texts.get(name) for name in wanted}
    pairs = [and_(links.c.entity_type == kind, links.c.entity_id == entity_id) for kind, entity_id in linked]
    if not pairs:
        return Snapshot(entities, {})
    query = select(links).where(links.c.org == org, links.c.connection_id == connection_id, or_(*pairs))
    rows = connection.execute(query.order_by(links.c.object, links.c.external_id)).mappings()
    return Snapshot(entities, {(row["object"], row["external_id"]): _link_state(row) for row in rows})


def with_added_lines(before: Snapshot, after: Snapshot) -> Snapshot:
    """What an undo goes back to, with the lines that were added: they stay, marked removed.

    Their links say so, too: a line that an undo took away is none that a person took away, so the next re-sync
    brings it back.
    """
    added = {key for key in after.entities if key[0] == "project_line_item" and key not in before.entities}
    ids = {entity_id for _, entity_id in added}
    gone = {
        key: {**state, "synced_values": {**state["synced_values"], STATUS: REMOVED}}
        for key, state in after.links.items()
        if state["entity_id"] in ids
    }
    return Snapshot({**before.entities, **{key: {STATUS: REMOVED} for key in sorted(added)}}, {**before.links, **gone})


def keep_resync(
    connection: Connection, stamp: SyncStamp, project_id: str, reason: str, before: Snapshot, after: Snapshot
) -> str:
    """Keep what a re-sync changed, in the transaction that changes it; its id."""
    resync_id = f"rsy_{uuid4().hex[:16]}"
    connection.execute(
        resyncs.insert().values(
            org=stamp.org,
            resync_id=resync_id,
            connection_id=stamp.connection_id,
            project_id=project_id,
            at=stamp.now,
            actor=stamp.actor,
            reason=reason,
            run_id=stamp.run_id,
            before=_to_json(before),
            after=_to_json(after),
        )
    )
    return resync_id


def list_resyncs(connection: Connection, org: str, project_id: str, *, limit: int | None = None) -> list[ResyncRecord]:
    """The re-syncs of a project that wrote something, the newest first."""
    query = select(resyncs).where(resyncs.c.org == org, resyncs.c.project_id == project_id)
    rows = connection.execute(query.order_by(resyncs.c.at.desc(), resyncs.c.resync_id).limit(limit))
    return [_record(row) for row in rows]


def undo_resync(
    connection: Connection, org: str, record: ResyncRecord, plan: UndoPlan, *, actor: str, now: datetime
) -> None:
    """Put back what the plan says, let the links remember what they did before, and note that it is undone.

    A link that a later sync wrote is left alone.
    """
    for entity in plan.entities:
        values = {
            each.field: stored_value(entity.entity, each.field, each.before) for each in entity.fields if each.put_back
        }
        write_values(connection, org, (entity.entity, entity.id), values, now)
    staying = {
        entity.id
        for entity in plan.entities
        if not entity.writes and any(each.now != each.before for each in entity.fields)
    }
    for key, state in record.before.links.items():
        _restore_link(connection, org, record, key, state, staying)
    mark = resyncs.c.org == org, resyncs.c.resync_id == record.resync_id
    connection.execute(update(resyncs).where(*mark).values(undone_at=now, undone_by=actor))


def _restore_link(
    connection: Connection,
    org: str,
    record: ResyncRecord,
    key: LinkKey,
    state: Mapping[str, Any],
    staying: Iterable[str],
) -> None:
    own = and_(
        links.c.org == org,
        links.c.connection_id == record.connection_id,
        links.c.object == key[0],
        links.c.external_id == key[1],
    )
    row = connection.execute(select(links).where(own)).mappings().one_or_none()
    if row is None or _link_state(row) != record.after.links[key] or state["entity_id"] in staying:
        return
    values = {name: _moment(state[name]) if name.endswith("_at") else state[name] for name in _LINK_STATE}
    connection.execute(update(links).where(own).values(**values))


def _link_state(row: RowMapping) -> dict[str, Any]:
    state = {name: row[name] for name in (*_LINK_STATE, "entity_id")}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in state.items()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _to_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "entities": [[kind, entity_id, dict(texts)] for (kind, entity_id), texts in snapshot.entities.items()],
        "links": [[*key, dict(state)] for key, state in snapshot.links.items()],
    }


def _from_json(kept: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        {(kind, entity_id): texts for kind, entity_id, texts in kept["entities"]},
        {(vendor_object, external_id): state for vendor_object, external_id, state in kept["links"]},
    )


def _record(row: Row[Any]) -> ResyncRecord:
    return ResyncRecord(
        row.resync_id,
        row.connection_id,
        row.project_id,
        row.at,
        row.actor,
        row.reason,
        row.run_id,
        _from_json(row.before),
        _from_json(row.after),
        row.undone_at,
        row.undone_by,
    )
