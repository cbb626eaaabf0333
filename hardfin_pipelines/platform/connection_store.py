"""Connections: what they are, when they are visited, and what people and visits do to them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, case, select, update

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.tables import connections, cursors
from hardfin_pipelines.sync.cadence import Tier, next_due

ConnectionStatus = Literal["not connected", "connected", "configured", "active", "paused", "needs attention"]

STATUSES: tuple[ConnectionStatus, ...] = get_args(ConnectionStatus)

TRANSITIONS: Mapping[ConnectionStatus, frozenset[ConnectionStatus]] = MappingProxyType(
    {
        "not connected": frozenset({"connected"}),
        "connected": frozenset({"configured", "needs attention", "not connected"}),
        "configured": frozenset({"active", "connected", "needs attention", "not connected"}),
        "active": frozenset({"paused", "configured", "needs attention", "not connected"}),
        "paused": frozenset({"active", "configured", "needs attention", "not connected"}),
        "needs attention": frozenset({"active", "paused", "configured", "connected", "not connected"}),
    }
)
"""From a status to those that may follow it."""


class ConnectionNotFound(LookupError):
    """The organization has no such connection."""


class ConnectionConflict(ValueError):
    """The connection is not in a state, or not at the account, where that could be done."""


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as stored.

    Attributes:
        org: The organization.
        connection_id: "<org>:<integration>".
        integration: The kind of vendor system.
        status: Where it stands.
        status_reason: Why it is paused or needs attention; for an active one, why its last visit failed.
        account_id: The vendor's id of the account, "" before it is connected.
        cadence: How often it is visited.
        start_date: Records modified since are loaded at first.
        enabled_at: When it was first made active; the initial load ends there.
        configuration: The connection's part of the organization's document.
        revision: Grows with every change of configuration or status by a person.
        description: The vendor's description of the account as last read, or None.
        described_at: When it was read.
        next_due_at: When it is visited next.
        last_polled_at: When a visit last succeeded in asking the vendor.
        last_synced_at: When a sync last finished.
        failures: Visits in a row that failed.
        failing_since: When the first of them did.
    """

    org: str
    connection_id: str
    integration: str
    status: ConnectionStatus
    status_reason: str
    account_id: str
    cadence: Tier
    start_date: date | None
    enabled_at: datetime | None
    configuration: Mapping[str, Any] = field(repr=False)
    revision: int
    description: Mapping[str, Any] | None = field(repr=False)
    described_at: datetime | None
    next_due_at: datetime | None
    last_polled_at: datetime | None
    last_synced_at: datetime | None
    failures: int
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class DueConnection:
    """A connection that is to be visited, with the cursor of each of its objects."""

    row: ConnectionRow
    cursors: Mapping[str, datetime]


def get_connection(connection: Connection, org: str, connection_id: str, *, for_update: bool = False) -> ConnectionRow:
    """One connection.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        for_update: Keep others from changing it until the transaction ends.

    Raises:
        ConnectionNotFound: The organization has no such connection.
    """
    query = select(connections).where(_is(org, connection_id))
    row = connection.execute(query.with_for_update() if for_update else query).mappings().one_or_none()
    if row is None:
        raise _not_found(org, connection_id)
    return _connection_row(row)


def list_connections(connection: Connection, org: str) -> list[ConnectionRow]:
    """All connections of an organization, by id."""
    query = select(connections).where(connections.c.org == org).order_by(connections.c.connection_id)
    return [_connection_row(row) for row in connection.execute(query).mappings()]


def due_connections(
    connection: Connection, tier: Tier, now: datetime, *, limit: int | None = None
) -> list[DueConnection]:
    """The connections of a tier that are to be visited now, of ALL organizations, the longest due first.

    Two queries, however many there are. `mark_polled` and `mark_failed` move a connection on, so a caller that gives a
    `limit` gets the next ones when it asks again.
    """
    wanted = (connections.c.cadence == tier) & (connections.c.status == "active") & (connections.c.next_due_at <= now)
    order = (connections.c.next_due_at, connections.c.org, connections.c.connection_id)
    rows = connection.execute(select(connections).where(wanted).order_by(*order).limit(limit)).mappings().all()
    keys = select(connections.c.org, connections.c.connection_id).where(wanted).order_by(*order).limit(limit).subquery()
    positions: dict[tuple[str, str], dict[str, datetime]] = {}
    for cursor in connection.execute(
        select(cursors.c.org, cursors.c.connection_id, cursors.c.object, cursors.c.position).join(
            keys, (keys.c.org == cursors.c.org) & (keys.c.connection_id == cursors.c.connection_id)
        )
    ):
        positions.setdefault((cursor.org, cursor.connection_id), {})[cursor.object] = cursor.position
    return [DueConnection(_connection_row(row), positions.get((row["org"], row["connection_id"]), {})) for row in rows]


def mark_polled(connection: Connection, polled: Collection[ConnectionRow], now: datetime) -> None:
    """Note that connections were visited, and when they are due again; they may be of several organizations."""
    if not polled:
        return
    statement = (
        update(connections)
        .where(connections.c.org == bindparam("of_org"), connections.c.connection_id == bindparam("of_connection"))
        .values(next_due_at=bindparam("due"), last_polled_at=now, **_recovered())
    )
    # In one order everywhere, so that two that mark the same rows cannot wait for each other.
    connection.execute(
        statement,
        [
            {
                "of_org": row.org,
                "of_connection": row.connection_id,
                "due": next_due(row.cadence, row.connection_id, now),
            }
            for row in sorted(polled, key=lambda row: (row.org, row.connection_id))
        ],
    )


def mark_synced(connection: Connection, org: str, connection_id: str, now: datetime) -> None:
    """Note that a sync finished."""
    _update(connection, org, connection_id, last_synced_at=now, **_recovered())


def mark_failed(
    connection: Connection,
    org: str,
    connection_id: str,
    reason: str,
    now: datetime,
    *,
    not_before: datetime | None = None,
) -> datetime:
    """Note that a visit failed: the next one waits longer with every failure in a row.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        reason: What went wrong, in one line; shown as the connection's status reason.
        now: Our clock.
        not_before: The vendor's own word on when to come back.

    Returns:
        When it is due again.

    Raises:
        ConnectionNotFound: The organization has no such connection.
    """
    row = get_connection(connection, org, connection_id, for_update=True)
    due = next_due(row.cadence, connection_id, now, row.failures + 1)
    if not_before is not None:
        due = max(due, not_before)
    values: dict[str, Any] = {
        "failures": row.failures + 1,
        "failing_since": row.failing_since or now,
        "next_due_at": due,
    }
    if row.status == "active":
        values["status_reason"] = reason
    _update(connection, org, connection_id, **values)
    return due


def mark_resting(connection: Connection, org: str, connection_id: str, reason: str, until: datetime) -> None:
    """Visit an active connection no sooner than `until`, for a reason that is no failure."""
    resting = update(connections).where(_is(org, connection_id), connections.c.status == "active")
    connection.execute(resting.values(status_reason=reason, next_due_at=until))


def mark_needs_attention(connection: Connection, org: str, connection_id: str, cause: Cause) -> bool:
    """Stop visiting a connection until a person has acted; the cause's reason tells them what to do.

    Nothing is done where the connection needs attention for that very reason already, or is not connected.

    Returns:
        Whether anything changed.

    Raises:
        ConnectionNotFound: The organization has no such connection.
    """
    row = get_connection(connection, org, connection_id, for_update=True)
    same = row.status == "needs attention" and row.status_reason == cause.reason
    if same or row.status == "not connected":
        return False
    # The revision stays: it counts what people change. A run at work stops at the status.
    _update(connection, org, connection_id, status="needs attention", status_reason=cause.reason)
    _audit(connection, row, "needs attention", cause, row.revision)
    return True


def set_status(
    connection: Connection, org: str, connection_id: str, status: ConnectionStatus, cause: Cause
) -> ConnectionRow:
    """Change a connection's status for a person: pause, resume, disconnect and the like.

    Making it active makes it due at once and, the first time, sets `enabled_at`. Asking for the status it has changes
    nothing.

    Returns:
        The connection as it is now.

    Raises:
        ConnectionNotFound: The organization has no such connection.
        ConnectionConflict: That status cannot follow the present one.
    """
    row = get_connection(connection, org, connection_id, for_update=True)
    if row.status == status:
        return row
    if status not in TRANSITIONS[row.status]:
        possible = ", ".join(name for name in STATUSES if name in TRANSITIONS[row.status])
        raise ConnectionConflict(
            f"{connection_id} is {row.status} and cannot become {status} from there; possible: {possible}"
        )
    shown_reason = cause.reason if status in ("paused", "needs attention") else ""
    values: dict[str, Any] = {"status": status, "status_reason": shown_reason, "revision": row.revision + 1}
    if status == "active":
        values |= {
            "enabled_at": row.enabled_at or cause.at,
            "next_due_at": cause.at,
            "failures": 0,
            "failing_since": None,
        }
    _update(connection, org, connection_id, **values)
    _audit(connection, row, status, cause, row.revision + 1)
    return get_connection(connection, org, connection_id)


def save_description(
    connection: Connection, org: str, connection_id: str, description: Mapping[str, Any], now: datetime
) -> None:
    """Keep the vendor's description of the account.

    Raises:
        ConnectionNotFound: The organization has no such connection.
    """
    _update(connection, org, connection_id, description=dict(description), described_at=now)


def doubt_description(connection: Connection, org: str, connection_id: str) -> None:
    """Let the account be described again before the next visit.

    Raises:
        ConnectionNotFound: The organization has no such connection.
    """
    _update(connection, org, connection_id, described_at=None)


def save_account_id(connection: Connection, org: str, connection_id: str, account_id: str) -> None:
    """Keep the vendor's id of the account.

    Raises:
        ConnectionNotFound: The organization has no such connection.
        ConnectionConflict: It is another account than before: its ids would be taken for those of the first one.
    """
    row = get_connection(connection, org, connection_id, for_update=True)
    if row.account_id and row.account_id != account_id:
        raise ConnectionConflict(
            f"{connection_id} belongs to account {row.account_id}, but account {account_id} was signed in to: "
            f"sign in to {row.account_id}"
        )
    _update(connection, org, connection_id, account_id=account_id)


def _is(org: str, connection_id: str) -> ColumnElement[bool]:
    return and_(connections.c.org == org, connections.c.connection_id == connection_id)


def _recovered() -> dict[str, Any]:
    """What a visit that went well resets; a paused connection keeps the reason a person gave."""
    reason = case((connections.c.status == "active", ""), else_=connections.c.status_reason)
    return {"failures": 0, "failing_since": None, "status_reason": reason}


def _update(connection: Connection, org: str, connection_id: str, **values: Any) -> None:
    result = connection.execute(update(connections).where(_is(org, connection_id)).values(**values))
    if result.rowcount == 0:
        raise _not_found(org, connection_id)


def _audit(connection: Connection, before: ConnectionRow, status: str, cause: Cause, revision: int) -> None:
    changes: dict[str, tuple[Any, Any]] = {"status": (before.status, status)}
    if revision != before.revision:
        changes["revision"] = (before.revision, revision)
    event = AuditEvent(_ACTIONS[status], "connection", before.connection_id, cause, changes)
    record_audit(connection, before.org, [event])


_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "not connected": "connection.disconnected",
        "connected": "connection.connected",
        "configured": "connection.configured",
        "active": "connection.activated",
        "paused": "connection.paused",
        "needs attention": "connection.needs_attention",
    }
)


def _not_found(org: str, connection_id: str) -> ConnectionNotFound:
    return ConnectionNotFound(f"organization {org} has no connection {connection_id}")


def _connection_row(row: RowMapping) -> ConnectionRow:
    return ConnectionRow(**row)
