"""Holding pipeline rules that an account cannot serve, releasing them, and remembering which deals they have missed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select, update

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection
from hardfin_pipelines.platform.record_log import retry_soon
from hardfin_pipelines.platform.tables import connections, pipeline_rules
from hardfin_pipelines.sync.cadence import Tier


@dataclass(frozen=True, slots=True)
class Holds:
    """How the active rules of a connection stand at its account.

    Attributes:
        held: Pipeline as configured to what the account lacks, for the rules that cannot run.
        found: Pipeline as configured to what the rule's names stand for ("pipeline": its id, and more), for those
            that could be found.
        position: How far the connection's ticks have come, in vendor time: what a newly held rule has seen.
    """

    held: Mapping[str, str]
    found: Mapping[str, Mapping[str, Any]]
    position: datetime


@dataclass(slots=True)
class HoldChanges:
    """The pipelines, as configured, whose rules became held or were released."""

    held: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


def settle_holds(connection: Connection, org: str, connection_id: str, holds: Holds, cause: Cause) -> HoldChanges:
    """Hold the rules that cannot run and release those that can again, each with an audit event.

    A rule that is held remembers from when on it has seen no deals, beyond its release, until `mark_seen`. What was
    set aside is tried again soon after a release. A rule that takes the place of a held one in the document (its
    pipeline was renamed) takes over what that one has missed.
    """
    rows = _rules(connection, org, connection_id)
    changes = HoldChanges()
    events: list[AuditEvent] = []
    for row in rows:
        because = holds.held.get(row.pipeline, "") if row.status == "active" else ""
        values = _new_values(row, because, holds, cause)
        if values:
            _update(connection, row, values)
        if row.status == "active" and because != row.held_because:
            (changes.held if because else changes.released).append(row.pipeline)
            action = "pipeline_rule.held" if because else "pipeline_rule.released"
            told = replace(cause, reason=because or "the account has what the rule needs")
            changed = {"held_because": (row.held_because, because)}
            events.append(AuditEvent(action, "pipeline_rule", f"{connection_id}/{row.pipeline}", told, changed))
    record_audit(connection, org, events)
    if changes.released:
        retry_soon(connection, org, connection_id)
    _hand_over(connection, org, connection_id)
    return changes


def mark_seen(connection: Connection, org: str, connection_id: str, caught_up: Mapping[str, datetime]) -> None:
    """Note that a visit has looked at all that released rules had missed, in the transaction that moves its cursor.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        caught_up: Pipeline as configured to `unseen_since` when the visit began. A rule that was held again meanwhile
            stays as it is.
    """
    for pipeline, since in sorted(caught_up.items()):
        connection.execute(
            update(pipeline_rules)
            .where(
                pipeline_rules.c.org == org,
                pipeline_rules.c.connection_id == connection_id,
                pipeline_rules.c.pipeline == pipeline,
                pipeline_rules.c.unseen_since == since,
                pipeline_rules.c.held_because == "",
            )
            .values(unseen_since=None)
        )


def take_wholly_held(
    connection: Connection, tier: Tier, now: datetime, *, again_after: timedelta, org: str = ""
) -> list[ConnectionRow]:
    """The connections that wait for a person because all their active rules are held, where it is time to look again.

    They are marked as looked at: whatever comes of it, the next look is `again_after` later.

    Args:
        connection: An open transaction.
        tier: Only connections of this cadence.
        now: Our clock.
        again_after: How long to leave them alone afterwards.
        org: This organization's, of whatever cadence and whether it is time or not; "" for ALL organizations.
    """
    rule = pipeline_rules.c
    own = and_(rule.org == connections.c.org, rule.connection_id == connections.c.connection_id)
    active = and_(own, rule.status == "active")
    due = or_(connections.c.next_due_at.is_(None), connections.c.next_due_at <= now)
    asked = connections.c.org == org if org else and_(connections.c.cadence == tier, due)
    query = (
        select(connections.c.org, connections.c.connection_id)
        .where(
            connections.c.status == "needs attention",
            asked,
            exists().where(active),
            ~exists().where(active, rule.held_because == ""),
        )
        .order_by(connections.c.org, connections.c.connection_id)
    )
    found = connection.execute(query).all()
    for row in found:
        own_row = and_(connections.c.org == row.org, connections.c.connection_id == row.connection_id)
        connection.execute(update(connections).where(own_row).values(next_due_at=now + again_after))
    return [get_connection(connection, row.org, row.connection_id) for row in found]


def _rules(connection: Connection, org: str, connection_id: str) -> list[Row[Any]]:
    query = (
        select(pipeline_rules)
        .where(pipeline_rules.c.org == org, pipeline_rules.c.connection_id == connection_id)
        .order_by(pipeline_rules.c.pipeline)
    )
    return list(connection.execute(query.with_for_update()).all())


def _new_values(row: Row[Any], because: str, holds: Holds, cause: Cause) -> dict[str, Any]:
    values: dict[str, Any] = {}
    found = holds.found.get(row.pipeline)
    if found is not None and found != row.found:
        values["found"] = dict(found)
    if because != row.held_because:
        values["held_because"] = because
        values["held_since"] = (row.held_since or cause.at) if because else None
    if because and not row.held_because:
        values["unseen_since"] = min(filter(None, (row.unseen_since, holds.position)))
    return values


def _hand_over(connection: Connection, org: str, connection_id: str) -> None:
    """What a rule that is off has missed goes to the active one that has its pipeline now."""
    rows = _rules(connection, org, connection_id)
    active = {
        row.found["pipeline"]: row for row in rows if row.status == "active" and row.found and not row.held_because
    }
    for row in rows:
        heir = active.get(row.found["pipeline"]) if row.found else None
        if row.status == "active" or row.unseen_since is None or heir is None:
            continue
        _update(
            connection,
            heir,
            {
                "unseen_since": _earliest((heir.unseen_since, row.unseen_since)),
                "active_since": _earliest((heir.active_since, row.active_since)),
            },
        )
        _update(connection, row, {"unseen_since": None})


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _update(connection: Connection, row: Row[Any], values: Mapping[str, Any]) -> None:
    connection.execute(
        update(pipeline_rules)
        .where(
            pipeline_rules.c.org == row.org,
            pipeline_rules.c.connection_id == row.connection_id,
            pipeline_rules.c.pipeline == row.pipeline,
        )
        .values(**values)
    )
