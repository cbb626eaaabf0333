"""Who or what changed which field from what to what, when and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from hardfin_pipelines.platform.tables import audit_events


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changes something, and why.

    Attributes:
        actor: "sync", "cli:<user>", "console:<user>".
        reason: In a person's words, or the engine's.
        at: Our clock.
        run_id: The run, where one does it.
    """

    actor: str
    reason: str
    at: datetime
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change of one thing.

    Attributes:
        action: What was done, such as project.synced or connection.paused.
        entity_type: The kind of thing: customer, item, project, project_line_item, connection, organization.
        entity_id: Its id.
        cause: Who, when and why.
        changes: Field to (before, after), in values that JSON can hold exactly (money as text).
    """

    action: str
    entity_type: str
    entity_id: str
    cause: Cause
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An audit event as stored. `id` grows: a later event has a larger one."""

    id: int
    event: AuditEvent


def record_audit(connection: Connection, org: str, events: Sequence[AuditEvent]) -> None:
    """Write events in the transaction that makes the changes they tell of."""
    rows = [
        {
            "org": org,
            "at": event.cause.at,
            "actor": event.cause.actor,
            "action": event.action,
            "entity_type": event.entity_type,
            "entity_id": event.entity_id,
            "reason": event.cause.reason,
            "changes": {name: list(change) for name, change in event.changes.items()},
            "run_id": event.cause.run_id,
        }
        for event in events
    ]
    if rows:
        connection.execute(audit_events.insert(), rows)


def list_audit(
    connection: Connection,
    org: str,
    *,
    entity_type: str | None = None,
    entity_id: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """An organization's events, newest first.

    Args:
        connection: An open transaction.
        org: The organization.
        entity_type: Only of this kind of thing.
        entity_id: Only of this thing.
        before_id: Only older ones than this: the smallest id of the page before.
        limit: At most so many.
    """
    query = select(audit_events).where(audit_events.c.org == org)
    if entity_type is not None:
        query = query.where(audit_events.c.entity_type == entity_type)
    if entity_id is not None:
        query = query.where(audit_events.c.entity_id == entity_id)
    if before_id is not None:
        query = query.where(audit_events.c.id < before_id)
    rows = connection.execute(query.order_by(audit_events.c.id.desc()).limit(limit))
    return [
        AuditEntry(
            row.id,
            AuditEvent(
                action=row.action,
                entity_type=row.entity_type,
                entity_id=row.entity_id,
                cause=Cause(row.actor, row.reason, row.at, row.run_id),
                changes={name: (change[0], change[1]) for name, change in row.changes.items()},
            ),
        )
        for row in rows
    ]
