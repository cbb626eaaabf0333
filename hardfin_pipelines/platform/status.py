"""How each organization and connection stands: for the command line, the console and the checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, case, func, literal, select, union_all

from hardfin_pipelines.platform.connection_store import ConnectionStatus
from hardfin_pipelines.platform.entity_rows import ENTITY_TABLES
from hardfin_pipelines.platform.tables import connections, organizations, pending_work, rejected_records
from hardfin_pipelines.sync.cadence import Tier, late
from hardfin_pipelines.sync.entities import EntityType


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How a connection stands.

    Attributes:
        connection_id: "<org>:<integration>".
        integration: The kind of vendor system.
        status: Where it stands.
        reason: Why it is paused, needs attention or fails; "" where all is well.
        account_id: The vendor's id of the account.
        cadence: How often it is visited.
        last_polled_at: When a visit last succeeded in asking the vendor.
        last_synced_at: When a sync last finished.
        next_due_at: When it is visited next; None unless it is active.
        late: Active, and not visited for longer than twice its cadence.
        failures: Visits in a row that failed.
        failing_since: When the first of them did.
        waiting: Pieces of work that wait for a run.
        in_progress: Pieces of work that a run has.
        rejected: Records that are set aside.
    """

    connection_id: str
    integration: str
    status: ConnectionStatus
    reason: str
    account_id: str
    cadence: Tier
    last_polled_at: datetime | None
    last_synced_at: datetime | None
    next_due_at: datetime | None
    late: bool
    failures: int
    failing_since: datetime | None
    waiting: int
    in_progress: int
    rejected: int


@dataclass(frozen=True, slots=True)
class OrganizationState:
    """How an organization stands: its connections by id, and how many entities of each kind it has."""

    org: str
    name: str
    plan: str
    connections: tuple[ConnectionState, ...]
    entities: Mapping[EntityType, int]


def organization_state(connection: Connection, org: str, now: datetime) -> OrganizationState | None:
    """How one organization stands, or None where there is no such organization."""
    states = _states(connection, now, org)
    return states[0] if states else None


def all_states(connection: Connection, now: datetime) -> list[OrganizationState]:
    """How ALL organizations of the deployment stand, by slug. Five queries, however many there are."""
    return _states(connection, now, None)


def _states(connection: Connection, now: datetime, org: str | None) -> list[OrganizationState]:
    entities = _entity_counts(connection, org)
    of_org = _connection_states(connection, now, org)
    rows = connection.execute(
        select(organizations.c.org, organizations.c.name, organizations.c.plan)
        .where(_only(organizations, org))
        .order_by(organizations.c.org)
    )
    return [
        OrganizationState(
            org=row.org,
            name=row.name,
            plan=row.plan,
            connections=tuple(of_org.get(row.org, ())),
            entities={kind: entities.get((row.org, kind), 0) for kind in ENTITY_TABLES},
        )
        for row in rows
    ]


def _connection_states(connection: Connection, now: datetime, org: str | None) -> dict[str, list[ConnectionState]]:
    work = _work_counts(connection, org)
    rejected = _rejected_counts(connection, org)
    # Without the configuration and the vendor's description, which are large and not shown.
    columns = [column for column in connections.c if column.name not in ("configuration", "description")]
    rows = connection.execute(
        select(*columns).where(_only(connections, org)).order_by(connections.c.org, connections.c.connection_id)
    )
    states: dict[str, list[ConnectionState]] = {}
    for row in rows:
        key = (row.org, row.connection_id)
        waiting, in_progress = work.get(key, (0, 0))
        active = row.status == "active"
        state = ConnectionState(
            connection_id=row.connection_id,
            integration=row.integration,
            status=row.status,
            reason=row.status_reason,
            account_id=row.account_id,
            cadence=row.cadence,
            last_polled_at=row.last_polled_at,
            last_synced_at=row.last_synced_at,
            next_due_at=row.next_due_at if active else None,
            late=active and late(row.last_polled_at or row.enabled_at, row.cadence, now),
            failures=row.failures,
            failing_since=row.failing_since,
            waiting=waiting,
            in_progress=in_progress,
            rejected=rejected.get(key, 0),
        )
        states.setdefault(row.org, []).append(state)
    return states


def _work_counts(connection: Connection, org: str | None) -> dict[tuple[str, str], tuple[int, int]]:
    waiting = func.sum(case((pending_work.c.claim == "", 1), else_=0)).label("waiting")
    rows = connection.execute(
        select(pending_work.c.org, pending_work.c.connection_id, waiting, func.count().label("pieces"))
        .where(_only(pending_work, org))
        .group_by(pending_work.c.org, pending_work.c.connection_id)
    )
    return {(row.org, row.connection_id): (row.waiting, row.pieces - row.waiting) for row in rows}


def _rejected_counts(connection: Connection, org: str | None) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        select(rejected_records.c.org, rejected_records.c.connection_id, func.count().label("records"))
        .where(_only(rejected_records, org))
        .group_by(rejected_records.c.org, rejected_records.c.connection_id)
    )
    return {(row.org, row.connection_id): row.records for row in rows}


def _entity_counts(connection: Connection, org: str | None) -> dict[tuple[str, EntityType], int]:
    counts = [
        select(table.c.org, literal(kind).label("kind"), func.count().label("entities"))
        .where(_only(table, org))
        .group_by(table.c.org)
        for kind, table in ENTITY_TABLES.items()
    ]
    return {(row.org, row.kind): row.entities for row in connection.execute(union_all(*counts))}


def _only(table: Table, org: str | None) -> ColumnElement[bool]:
    return literal(value=True) if org is None else table.c.org == org
