"""Work that waits for a run: what ticks found changed, and single records that webhooks, retries and people ask for.

A run is handed all work of one connection under one claim. What arrives while it is at work raises a sequence number,
so that the run, when it finishes, takes away only what it has seen.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, delete, func, select, update

from hardfin_pipelines.platform.database import take_turns
from hardfin_pipelines.platform.tables import connections, pending_work
from hardfin_pipelines.platform.upsert import Insert, upsert
from hardfin_pipelines.sync.cadence import retry_delay

WorkKind = Literal["changes", "record"]
WorkTrigger = Literal["poll", "webhook", "census", "retry", "request"]

PRIORITIES: Mapping[WorkTrigger, int] = MappingProxyType(
    {"request": 30, "webhook": 20, "poll": 10, "census": 5, "retry": 0}
)
"""Work of a higher priority is claimed first: what a person waits for, then what a vendor just told us."""

# Any number does that no other turn in this database is taken by.
_CLAIMING = 7_206_011_350


@dataclass(frozen=True, slots=True)
class NewWork:
    """Work to add.

    Attributes:
        kind: "changes" (look for what changed since the cursors) or "record" (this one).
        trigger: What asks for it.
        requested_by: Who, for the log: an actor as in the audit.
        external_id: The vendor's id of the record; "" for changes.
        unit: The landing unit that holds the first page already, or "".
    """

    kind: WorkKind
    trigger: WorkTrigger
    requested_by: str
    external_id: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """All work of one connection, handed to one run.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        key: Never given out twice: fit for a run key.
        trigger: What asked for the most urgent part.
        priority: Of the most urgent part.
        requested_at: When the oldest part was asked for.
        attempts: Runs that failed at it before.
        items: How many rows it covers.
        claimed_at: When it was handed out.
    """

    org: str
    connection_id: str
    key: str
    trigger: WorkTrigger
    priority: int
    requested_at: datetime
    attempts: int
    items: int
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class PendingWork:
    """One piece of claimed work, as the run saw it."""

    kind: WorkKind
    external_id: str
    sequence: int
    trigger: WorkTrigger
    unit: str
    requested_at: datetime
    requested_by: str
    attempts: int


def add_work(connection: Connection, org: str, connection_id: str, work: Sequence[NewWork], now: datetime) -> None:
    """Ask for work.

    The same work asked for twice is done once: the more urgent request counts, and the landing unit of the newer. If a
    run is at it already it is done once more afterwards, since that run may have looked before the change.
    """
    rows = {
        (item.kind, item.external_id): {
            "org": org,
            "connection_id": connection_id,
            "kind": item.kind,
            "external_id": item.external_id,
            "sequence": 1,
            "trigger": item.trigger,
            "priority": PRIORITIES[item.trigger],
            "unit": item.unit,
            "requested_at": now,
            "requested_by": item.requested_by,
        }
        for item in work
    }
    if rows:
        # In one order everywhere, so that two that add the same work cannot wait for each other.
        connection.execute(upsert(connection, pending_work, _asked_again), [rows[key] for key in sorted(rows)])


def claim_work(connection: Connection, limit: int, now: datetime) -> list[Claim]:
    """Hand out the work of up to `limit` connections, of ALL organizations: the most urgent first, then the oldest.

    A connection has at most one claim at a time; connections that are not active, and work that rests after a failed
    run, are passed over. Processes that claim at once take turns and get different work.
    """
    take_turns(connection, _CLAIMING)
    claims = [_new_claim(row, now) for row in connection.execute(_claimable(now).limit(limit))]
    for claim in claims:
        connection.execute(
            update(pending_work)
            .where(_of(claim.org, claim.connection_id, ""), pending_work.c.requested_at <= now)
            .values(claim=claim.key, claimed_at=now)
        )
    return claims


def work_of(connection: Connection, org: str, connection_id: str, claim: str) -> list[PendingWork]:
    """The work that was handed out under a claim, as it is now; empty where the claim was taken back."""
    rows = connection.execute(
        select(pending_work)
        .where(_of(org, connection_id, claim))
        .order_by(pending_work.c.priority.desc(), pending_work.c.requested_at, pending_work.c.external_id)
    )
    return [
        PendingWork(
            kind=row.kind,
            external_id=row.external_id,
            sequence=row.sequence,
            trigger=row.trigger,
            unit=row.unit,
            requested_at=row.requested_at,
            requested_by=row.requested_by,
            attempts=row.attempts,
        )
        for row in rows
    ]


def finish_work(connection: Connection, org: str, connection_id: str, claim: str, done: Sequence[PendingWork]) -> int:
    """Take away the work that a run has done, as `work_of` told it; the rest of the claim can be claimed again.

    Returns:
        How many pieces wait for the next run: those asked for again while this one was at work.
    """
    for item in done:
        connection.execute(
            delete(pending_work).where(
                _of(org, connection_id, claim),
                pending_work.c.kind == item.kind,
                pending_work.c.external_id == item.external_id,
                pending_work.c.sequence == item.sequence,
            )
        )
    freed = connection.execute(
        update(pending_work).where(_of(org, connection_id, claim)).values(claim="", claimed_at=None, attempts=0)
    )
    return freed.rowcount


def release_work(
    connection: Connection,
    org: str,
    connection_id: str,
    claim: str,
    now: datetime,
    *,
    failed: bool = True,
    not_before: datetime | None = None,
) -> int:
    """Take a claim back from a run that did not finish.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        claim: The claim's key.
        now: Our clock.
        failed: Count an attempt and let the work rest, longer each time. False for a run that was interrupted, such as
            by a pause: its work can be claimed again at once.
        not_before: The vendor's own word on when to come back.

    Returns:
        How many pieces there were; 0 where the claim had ended already.
    """
    where = _of(org, connection_id, claim)
    if not failed:
        return connection.execute(update(pending_work).where(where).values(claim="", claimed_at=None)).rowcount
    most = connection.execute(select(func.max(pending_work.c.attempts)).where(where)).scalar()
    if most is None:
        return 0
    attempts = most + 1
    again = now + retry_delay(attempts, connection_id)
    return connection.execute(
        update(pending_work)
        .where(where)
        .values(claim="", claimed_at=None, attempts=attempts, requested_at=max(again, not_before or again))
    ).rowcount


def stale_claims(connection: Connection, older_than: datetime) -> list[Claim]:
    """Claims of ALL organizations that were handed out before a moment and have not ended, the oldest first.

    Their runs may be long, or may never have started or have died: the caller finds out, and releases those.
    """
    query = (
        _summary()
        .add_columns(pending_work.c.claim, pending_work.c.claimed_at)
        .where(pending_work.c.claim != "", pending_work.c.claimed_at < older_than)
        .group_by(pending_work.c.claim, pending_work.c.claimed_at)
        .order_by(pending_work.c.claimed_at, pending_work.c.org, pending_work.c.connection_id)
    )
    return [_claim(row, row.claim, row.claimed_at) for row in connection.execute(query)]


def _asked_again(insert: Insert) -> dict[str, Any]:
    new, held = insert.excluded, pending_work.c
    claimed = held.claim != ""
    urgent = new.priority > held.priority
    # A run is at it: the new request starts anew. It rests after a failure: only a more urgent request wakes it.
    earlier = case((new.requested_at < held.requested_at, new.requested_at), else_=held.requested_at)
    requested_at = case(
        (claimed, new.requested_at), (and_(held.attempts > 0, ~urgent), held.requested_at), else_=earlier
    )
    return {
        "sequence": case((claimed, held.sequence + 1), else_=held.sequence),
        "trigger": case((urgent, new.trigger), else_=held.trigger),
        "priority": case((urgent, new.priority), else_=held.priority),
        "requested_by": case((urgent, new.requested_by), else_=held.requested_by),
        "requested_at": requested_at,
        "unit": new.unit,
    }


def _of(org: str, connection_id: str, claim: str) -> ColumnElement[bool]:
    return and_(pending_work.c.org == org, pending_work.c.connection_id == connection_id, pending_work.c.claim == claim)


def _summary() -> Select[Any]:
    return select(
        pending_work.c.org,
        pending_work.c.connection_id,
        func.max(pending_work.c.priority).label("priority"),
        func.min(pending_work.c.requested_at).label("requested_at"),
        func.max(pending_work.c.sequence).label("sequence"),
        func.max(pending_work.c.attempts).label("attempts"),
        func.count().label("items"),
    ).group_by(pending_work.c.org, pending_work.c.connection_id)


def _claimable(now: datetime) -> Select[Any]:
    taken = pending_work.alias("taken")
    return (
        _summary()
        .join(
            connections,
            (connections.c.org == pending_work.c.org) & (connections.c.connection_id == pending_work.c.connection_id),
        )
        .where(
            connections.c.status == "active",
            pending_work.c.claim == "",
            pending_work.c.requested_at <= now,
            ~select(taken.c.claim)
            .where(
                taken.c.org == pending_work.c.org,
                taken.c.connection_id == pending_work.c.connection_id,
                taken.c.claim != "",
            )
            .exists(),
        )
        .order_by(
            func.max(pending_work.c.priority).desc(),
            func.min(pending_work.c.requested_at),
            pending_work.c.org,
            pending_work.c.connection_id,
        )
    )


def _new_claim(row: Row[Any], now: datetime) -> Claim:
    # Sequence and attempts are for people to read; finished work starts at 1 again, so the rest makes it unique.
    key = f"{row.connection_id}:{row.sequence}.{row.attempts}:{secrets.token_hex(6)}"
    return _claim(row, key, now)


def _claim(row: Row[Any], key: str, claimed_at: datetime) -> Claim:
    return Claim(
        org=row.org,
        connection_id=row.connection_id,
        key=key,
        trigger=_TRIGGER_OF[row.priority],
        priority=row.priority,
        requested_at=row.requested_at,
        attempts=row.attempts,
        items=row.items,
        claimed_at=claimed_at,
    )


_TRIGGER_OF: Mapping[int, WorkTrigger] = MappingProxyType({number: name for name, number in PRIORITIES.items()})
