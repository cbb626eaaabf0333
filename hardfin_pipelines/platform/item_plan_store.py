"""Carrying out a plan for items of an accounting system: links, triage, audit and timeline, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, update

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.record_log import RecordEvent, record_events
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_tables import triage_items
from hardfin_pipelines.platform.upsert import Insert, upsert
from hardfin_pipelines.platform.vendor_item_store import ItemScope
from hardfin_pipelines.sync.item_plan import (
    ItemChange,
    ItemStep,
    LinkBroken,
    LinkMade,
    LinkMended,
    TriageClosed,
    TriageWaits,
)
from hardfin_pipelines.sync.vendor_items import VendorItem


def write_item_steps(
    connection: Connection,
    scope: ItemScope,
    steps: Iterable[ItemStep],
    stamp: SyncStamp,
    *,
    items: Mapping[str, VendorItem],
    mark: str,
) -> None:
    """Write what steps of a plan change.

    Args:
        connection: The caller's transaction.
        scope: Whose items they are.
        steps: The steps.
        stamp: Who writes, when, in which run.
        items: The items as they are now, as far as they were seen: their addresses and stamps go with the links.
        mark: Of the catalogue that the plan was made with.

    Raises:
        sqlalchemy.exc.IntegrityError: Somebody has linked one of the items since the plan was made.
    """
    changes = [change for step in steps for change in step.changes]
    made = [change for change in changes if isinstance(change, LinkMade)]
    if made:
        connection.execute(links.insert(), [_link_row(scope, each, stamp, items.get(each.id)) for each in made])
    _mark_links(connection, scope, changes)
    waiting = [change for change in changes if isinstance(change, TriageWaits)]
    if waiting:
        rows = [triage_row(scope, each, stamp, mark) for each in waiting]
        connection.execute(upsert(connection, triage_items, _waits_again), rows)
    _close(connection, scope, [change for change in changes if isinstance(change, TriageClosed)], stamp.now)
    record_audit(connection, scope.org, _audited(scope, changes, stamp))
    record_events(connection, scope.org, scope.connection_id, _events(scope, changes, stamp, items))


def item_link_row(
    scope: ItemScope, external_id: str, item_id: str, matched_by: str, stamp: SyncStamp, item: VendorItem | None
) -> dict[str, Any]:
    """The row of a link that takes no values from the vendor's item."""
    return {
        **scope.key(external_id),
        "entity_type": "item",
        "entity_id": item_id,
        "synced_values": {},
        "synced_at": stamp.now,
        "run_id": stamp.run_id,
        "mapping_revision": stamp.mapping_revision,
        "url": "" if item is None else item.url,
        "vendor_modified_at": None if item is None else item.modified_at,
        "matched_by": matched_by,
    }


def triage_row(scope: ItemScope, waits: TriageWaits, stamp: SyncStamp, mark: str) -> dict[str, Any]:
    """The row of an item that waits for a person from now on."""
    return {
        **scope.key(waits.id),
        "state": "open",
        "reason": waits.reason,
        "detail": waits.because,
        "matched_for": mark,
        "suggestions": [],
        "first_seen_at": stamp.now,
        "state_at": stamp.now,
        "run_id": stamp.run_id,
    }


def link_name(scope: ItemScope, external_id: str) -> str:
    """How the audit log calls a link."""
    return f"{scope.connection_id} {scope.object} {external_id}"


def _link_row(scope: ItemScope, made: LinkMade, stamp: SyncStamp, item: VendorItem | None) -> dict[str, Any]:
    return item_link_row(scope, made.id, made.item_id, made.matched_by, stamp, item)


def _mark_links(connection: Connection, scope: ItemScope, changes: Sequence[ItemChange]) -> None:
    marks = [
        {"of_id": change.id, "why": change.because if isinstance(change, LinkBroken) else ""}
        for change in changes
        if isinstance(change, LinkBroken | LinkMended)
    ]
    if marks:
        whose = (scope.of(links), links.c.external_id == bindparam("of_id"))
        connection.execute(update(links).where(*whose).values(broken_because=bindparam("why")), marks)


def _waits_again(insert: Insert) -> dict[str, Any]:
    """One that has waited before keeps when it was first seen, and its suggestions with the mark they are for.

    One that waits already, for another reason by now, keeps since when it does.
    """
    new = insert.excluded
    since = case((triage_items.c.state == new.state, triage_items.c.state_at), else_=new.state_at)
    kept = {name: new[name] for name in ("state", "reason", "detail", "matched_for", "run_id")}
    return kept | {"state_at": since}


def _close(connection: Connection, scope: ItemScope, closed: Sequence[TriageClosed], now: datetime) -> None:
    if not closed:
        return
    statement = (
        update(triage_items)
        .where(scope.of(triage_items), triage_items.c.external_id == bindparam("of_id"))
        .values(state=bindparam("to"), detail=bindparam("why"), state_at=now)
    )
    rows = [{"of_id": each.id, "to": each.state, "why": _sentence(each)} for each in closed]
    connection.execute(statement, rows)


def _sentence(closed: TriageClosed) -> str:
    return closed.because[:1].upper() + closed.because[1:]


def _audited(scope: ItemScope, changes: Sequence[ItemChange], stamp: SyncStamp) -> list[AuditEvent]:
    events = []
    for change in changes:
        told = _told(change)
        if told is not None:
            action, item_id, before, after = told
            cause = Cause(stamp.actor, change.because, stamp.now, stamp.run_id)
            events.append(AuditEvent(action, "item", item_id, cause, {link_name(scope, change.id): (before, after)}))
    return events


def _told(change: ItemChange) -> tuple[str, str, str | None, str] | None:
    """The audit's action, the item that it is about, and what was before and after."""
    if isinstance(change, LinkMade):
        return "item.linked", change.item_id, None, change.matched_by
    if isinstance(change, LinkBroken):
        return "item.link_broken", change.item_id, "", change.because
    if isinstance(change, LinkMended):
        return "item.link_mended", change.item_id, change.because, ""
    return None


def _events(
    scope: ItemScope, changes: Sequence[ItemChange], stamp: SyncStamp, items: Mapping[str, VendorItem]
) -> list[RecordEvent]:
    """The timeline of what concerns triage; what happens to links is in the audit of their items."""
    events = []
    for change in changes:
        if isinstance(change, TriageWaits):
            kind, detail = "triage", f"{change.reason}: {change.because}"
        elif isinstance(change, TriageClosed):
            kind, detail = f"triage {change.state}", change.because
        else:
            continue
        item = items.get(change.id)
        modified_at = None if item is None else item.modified_at
        events.append(RecordEvent(scope.object, change.id, stamp.now, kind, detail, modified_at, stamp.run_id))
    return events
