"""Leases: at most one run works at a connection, and one that slept past its lease can write no more.

Every take-over gives the lease a larger fence number. A write transaction asks `check_fence` first, which holds the
lease's row until it ends: whoever wants to take over waits for that, and a ghost finds a fence that is not its own.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, or_, select, update

from hardfin_pipelines.platform.tables import leases
from hardfin_pipelines.platform.upsert import Insert, upsert


class LeaseLost(Exception):
    """Another run has taken over, or the lease was given back: nothing more may be written under it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work at something.

    Attributes:
        org: The organization.
        name: What it is for, such as a connection's id.
        holder: Who has it: a run id.
        fence: Grows at every take-over.
        expires_at: When others may take over, by our clock.
    """

    org: str
    name: str
    holder: str
    fence: int
    expires_at: datetime


def acquire_lease(
    connection: Connection, org: str, name: str, holder: str, *, now: datetime, ttl: timedelta
) -> Lease | None:
    """Take a lease that is free or expired, or one's own again; None where another holder has it.

    Clocks of different machines may differ by less than `ttl`; the fence is right whatever they show.
    """
    row = {"org": org, "name": name, "holder": holder, "fence": 1, "expires_at": now + ttl}
    free = or_(leases.c.expires_at <= now, leases.c.holder == holder)
    fence = connection.execute(
        upsert(connection, leases, _take_over, where=free).returning(leases.c.fence), row
    ).scalar_one_or_none()
    return None if fence is None else Lease(org, name, holder, fence, now + ttl)


def renew_lease(connection: Connection, lease: Lease, *, now: datetime, ttl: timedelta) -> Lease:
    """Hold a lease for longer, also after it expired if nobody has taken it since.

    Raises:
        LeaseLost: Somebody has.
    """
    result = connection.execute(_own(lease).values(expires_at=now + ttl))
    if result.rowcount == 0:
        raise _lost(lease)
    return replace(lease, expires_at=now + ttl)


def release_lease(connection: Connection, lease: Lease, *, now: datetime) -> bool:
    """Give a lease back; False where it was lost already. The row stays, so that fences keep growing."""
    return connection.execute(_own(lease).values(holder="", expires_at=now)).rowcount > 0


def lease_holder(connection: Connection, org: str, name: str, *, now: datetime) -> str | None:
    """Who has a lease now, or None."""
    return connection.execute(
        select(leases.c.holder).where(leases.c.org == org, leases.c.name == name, leases.c.expires_at > now)
    ).scalar_one_or_none()


def check_fence(connection: Connection, lease: Lease) -> None:
    """Make sure, until the transaction ends, that the lease is still ours. Call it first in every write transaction.

    Raises:
        LeaseLost: It is not.
    """
    row = connection.execute(
        select(leases.c.fence, leases.c.holder)
        .where(leases.c.org == lease.org, leases.c.name == lease.name)
        .with_for_update()
    ).one_or_none()
    if row is None or (row.fence, row.holder) != (lease.fence, lease.holder):
        raise _lost(lease)


def _take_over(insert: Insert) -> dict[str, object]:
    return {
        "holder": insert.excluded.holder,
        "fence": leases.c.fence + 1,
        "expires_at": insert.excluded.expires_at,
    }


def _own(lease: Lease) -> Update:
    return update(leases).where(
        leases.c.org == lease.org,
        leases.c.name == lease.name,
        leases.c.holder == lease.holder,
        leases.c.fence == lease.fence,
    )


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"{lease.name}: the lease of {lease.holder} was taken over; its work is done by the other run")
