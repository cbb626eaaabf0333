"""Leases: one holder at a time, and a ghost whose lease was taken writes nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from hardfin_pipelines.platform.cursor_store import read_cursor, read_cursors, save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.leases import (
    LeaseLost,
    acquire_lease,
    check_fence,
    lease_holder,
    release_lease,
    renew_lease,
)
from hardfin_pipelines.platform.tables import organizations
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_organization

ACME = "acme:hubspot"
TTL = timedelta(minutes=2)
EXPIRED = A_MOMENT + TTL


def acquire(engine: Engine, holder: str, now=A_MOMENT, org: str = "acme"):
    with writing(engine) as connection:
        return acquire_lease(connection, org, ACME, holder, now=now, ttl=TTL)


def held(engine: Engine, holder: str, now=A_MOMENT):
    lease = acquire(engine, holder, now)
    assert lease is not None
    return lease


def test_a_lease_has_one_holder(engine: Engine):
    lease = held(engine, "run-1")
    assert acquire(engine, "run-2") is None
    assert acquire(engine, "run-2", EXPIRED - timedelta(microseconds=1)) is None
    assert (lease.fence, lease.expires_at) == (1, EXPIRED)
    with reading(engine) as connection:
        assert lease_holder(connection, "acme", ACME, now=A_MOMENT) == "run-1"
        assert lease_holder(connection, "acme", ACME, now=EXPIRED) is None


def test_leases_of_organizations_do_not_touch(engine: Engine):
    held(engine, "run-1")
    assert acquire(engine, "run-2", org="rival") is not None


def test_an_expired_lease_can_be_taken_over_with_a_larger_fence(engine: Engine):
    first = held(engine, "run-1")
    second = held(engine, "run-2", EXPIRED)
    assert second.fence == first.fence + 1


def test_a_lease_that_was_given_back_is_free_and_its_fence_still_grows(engine: Engine):
    first = held(engine, "run-1")
    with writing(engine) as connection:
        assert release_lease(connection, first, now=A_MOMENT)
        assert not release_lease(connection, first, now=A_MOMENT)
        with pytest.raises(LeaseLost):
            check_fence(connection, first)
    assert held(engine, "run-2").fence == 2


def test_a_renewed_lease_lasts_longer(engine: Engine):
    lease = held(engine, "run-1")
    with writing(engine) as connection:
        renewed = renew_lease(connection, lease, now=A_MOMENT + timedelta(minutes=1), ttl=TTL)
    assert renewed.expires_at == EXPIRED + timedelta(minutes=1)
    assert acquire(engine, "run-2", EXPIRED) is None
    with writing(engine) as connection:
        check_fence(connection, renewed)
        check_fence(connection, lease)


def test_a_run_that_starts_again_takes_its_own_lease_from_its_former_self(engine: Engine):
    former = held(engine, "run-1")
    again = held(engine, "run-1")
    with writing(engine) as connection:
        check_fence(connection, again)
        with pytest.raises(LeaseLost):
            check_fence(connection, former)


def test_a_ghost_whose_lease_was_taken_writes_nothing(engine: Engine):
    ghost = held(engine, "run-1")
    successor = held(engine, "run-2", EXPIRED)
    with writing(engine) as connection:
        check_fence(connection, successor)
        add_organization(connection, "acme")
    with pytest.raises(LeaseLost, match=r"acme:hubspot: the lease of run-1 was taken over"), writing(engine) as ours:
        check_fence(ours, ghost)
    with writing(engine) as connection:
        with pytest.raises(LeaseLost):
            renew_lease(connection, ghost, now=EXPIRED, ttl=TTL)
        assert not release_lease(connection, ghost, now=EXPIRED)
        check_fence(connection, successor)


def test_nobody_takes_over_in_the_middle_of_a_guarded_transaction(engine: Engine):
    """The lease expires while a transaction that checked it is open: the next holder gets it after the commit only."""
    lease = held(engine, "run-1")
    order: list[str] = []
    started = threading.Event()

    def take_over() -> None:
        started.set()
        held(engine, "run-2", EXPIRED)
        order.append("taken over")

    thread = threading.Thread(target=take_over)
    with writing(engine) as connection:
        check_fence(connection, lease)
        add_organization(connection, "acme")
        thread.start()
        started.wait()
        thread.join(timeout=0.3)
        order.append("committed")
    thread.join()
    assert order == ["committed", "taken over"]
    with reading(engine) as connection:
        assert connection.execute(select(organizations.c.org)).scalar() == "acme"


def test_of_many_that_ask_at_once_one_gets_it(engine: Engine):
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda number: acquire(engine, f"run-{number}"), range(8)))
    assert len([lease for lease in leases if lease is not None]) == 1


def test_a_cursor_moves_forwards_only_unless_told_otherwise(engine: Engine):
    later, latest = A_MOMENT + timedelta(seconds=1), A_MOMENT + timedelta(seconds=2)
    with writing(engine) as connection:

        def save(position, **options):
            return save_cursor(connection, "acme", ACME, "deals", position, now=A_MOMENT, run_id="run", **options)

        assert read_cursor(connection, "acme", ACME, "deals") is None
        assert save(later)
        assert not save(A_MOMENT)
        assert not save(later)
        assert read_cursor(connection, "acme", ACME, "deals") == later
        assert save(latest)
        assert save(A_MOMENT, backwards=True)
        assert read_cursor(connection, "acme", ACME, "deals") == A_MOMENT
        assert read_cursors(connection, "acme", ACME) == {"deals": A_MOMENT}
        assert read_cursor(connection, "rival", ACME, "deals") is None
        assert read_cursors(connection, "rival", ACME) == {}
