"""Pending work: handed out once, in the right order, and never lost while a run is at it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine

from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import set_status
from hardfin_pipelines.platform.database import connect, writing
from hardfin_pipelines.platform.pending import (
    Claim,
    NewWork,
    add_work,
    claim_work,
    finish_work,
    release_work,
    stale_claims,
    work_of,
)
from hardfin_pipelines.sync.cadence import retry_delay
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization

ACME = "acme:hubspot"
POLLED = NewWork("changes", "poll", "sync", unit="unit-1")


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def store(engine: Engine):
    """An open transaction on a store with three organizations, each with an active HubSpot connection."""
    with writing(engine) as connection:
        for org in ("acme", "bolt", "cog"):
            add_organization(connection, org)
            add_connection(connection, org)
        yield connection


def add(store: Connection, org: str, *work: NewWork, after: float = 0) -> None:
    add_work(store, org, f"{org}:hubspot", work, A_MOMENT + seconds(after))


def claim(store: Connection, limit: int = 10, after: float = 60) -> list[Claim]:
    return claim_work(store, limit, A_MOMENT + seconds(after))


def test_a_run_is_handed_all_work_of_one_connection(store: Connection):
    add(store, "acme", POLLED, NewWork("record", "webhook", "hubspot", "17"), NewWork("record", "request", "ann", "18"))
    (claimed,) = claim(store)
    assert (claimed.org, claimed.connection_id, claimed.items, claimed.attempts) == ("acme", ACME, 3, 0)
    assert (claimed.trigger, claimed.priority, claimed.requested_at) == ("request", 30, A_MOMENT)
    work = work_of(store, "acme", ACME, claimed.key)
    assert [(item.kind, item.external_id, item.unit) for item in work] == [
        ("record", "18", ""),
        ("record", "17", ""),
        ("changes", "", "unit-1"),
    ]


def test_the_most_urgent_comes_first_then_the_oldest(store: Connection):
    add(store, "acme", POLLED, after=1)
    add(store, "bolt", POLLED, after=0)
    add(store, "cog", NewWork("record", "webhook", "hubspot", "1"), after=2)
    assert [found.org for found in claim(store, limit=2)] == ["cog", "bolt"]
    assert [found.org for found in claim(store, limit=2)] == ["acme"]
    assert claim(store) == []


def test_a_connection_has_one_claim_at_a_time(store: Connection):
    add(store, "acme", POLLED)
    (first,) = claim(store)
    add(store, "acme", NewWork("record", "webhook", "hubspot", "17"), after=1)
    assert claim(store) == []
    finish_work(store, "acme", ACME, first.key, work_of(store, "acme", ACME, first.key))
    (second,) = claim(store)
    assert [item.external_id for item in work_of(store, "acme", ACME, second.key)] == ["17"]


def test_connections_that_are_not_active_are_passed_over(store: Connection):
    add(store, "acme", POLLED)
    set_status(store, "acme", ACME, "paused", Cause("ann", "", A_MOMENT))
    assert claim(store) == []
    set_status(store, "acme", ACME, "active", Cause("ann", "", A_MOMENT))
    assert len(claim(store)) == 1


def test_the_same_work_asked_for_twice_is_done_once(store: Connection):
    add(store, "acme", POLLED)
    add(store, "acme", NewWork("changes", "request", "ann", unit="unit-2"), after=1)
    add(store, "acme", NewWork("changes", "poll", "sync", unit="unit-3"), after=2)
    (claimed,) = claim(store)
    (item,) = work_of(store, "acme", ACME, claimed.key)
    assert (item.trigger, item.requested_by, item.requested_at) == ("request", "ann", A_MOMENT)
    assert (item.sequence, item.unit) == (1, "unit-3")
    assert finish_work(store, "acme", ACME, claimed.key, [item]) == 0
    assert claim(store) == []


def test_the_same_work_twice_in_one_request_is_one_piece(store: Connection):
    add(store, "acme", *[NewWork("record", "webhook", "hubspot", "17")] * 2)
    assert claim(store)[0].items == 1


def test_what_arrives_while_a_run_is_at_it_is_left_to_the_next(store: Connection):
    add(store, "acme", POLLED, NewWork("record", "webhook", "hubspot", "17"))
    (first,) = claim(store)
    seen = work_of(store, "acme", ACME, first.key)
    add(store, "acme", NewWork("changes", "poll", "sync", unit="unit-2"), after=5)
    assert finish_work(store, "acme", ACME, first.key, seen) == 1
    (second,) = claim(store)
    (item,) = work_of(store, "acme", ACME, second.key)
    assert (item.kind, item.sequence, item.unit, item.attempts) == ("changes", 2, "unit-2", 0)
    assert item.requested_at == A_MOMENT + seconds(5)
    assert second.key != first.key


def test_every_claim_has_a_key_of_its_own(store: Connection):
    keys = []
    for _ in range(3):
        add(store, "acme", POLLED)
        (claimed,) = claim(store)
        keys.append(claimed.key)
        finish_work(store, "acme", ACME, claimed.key, work_of(store, "acme", ACME, claimed.key))
    assert len(set(keys)) == 3


def test_work_of_a_failed_run_rests_longer_each_time(store: Connection):
    add(store, "acme", POLLED)
    now = A_MOMENT
    for attempt in (1, 2, 3):
        rest = retry_delay(attempt, ACME)
        (claimed,) = claim_work(store, 10, now)
        assert claimed.attempts == attempt - 1
        assert release_work(store, "acme", ACME, claimed.key, now) == 1
        assert claim_work(store, 10, now + rest - seconds(1)) == []
        now += rest
    assert len(claim_work(store, 10, now)) == 1


def test_only_a_more_urgent_request_wakes_work_that_rests(store: Connection):
    add(store, "acme", POLLED)
    (claimed,) = claim(store, after=0)
    release_work(store, "acme", ACME, claimed.key, A_MOMENT)
    add(store, "acme", POLLED, after=1)
    assert claim(store, after=2) == []
    add(store, "acme", NewWork("changes", "request", "ann"), after=3)
    assert len(claim(store, after=3)) == 1


def test_an_interrupted_run_gives_its_work_back_without_blame(store: Connection):
    add(store, "acme", POLLED)
    (claimed,) = claim(store)
    assert release_work(store, "acme", ACME, claimed.key, A_MOMENT, failed=False) == 1
    (again,) = claim(store)
    assert again.attempts == 0


def test_a_run_whose_claim_was_taken_back_takes_nothing_away(store: Connection):
    add(store, "acme", POLLED)
    (first,) = claim(store)
    seen = work_of(store, "acme", ACME, first.key)
    release_work(store, "acme", ACME, first.key, A_MOMENT)
    assert work_of(store, "acme", ACME, first.key) == []
    (second,) = claim(store)
    assert finish_work(store, "acme", ACME, first.key, seen) == 0
    assert release_work(store, "acme", ACME, first.key, A_MOMENT) == 0
    assert len(work_of(store, "acme", ACME, second.key)) == 1


def test_work_is_of_one_organization(store: Connection):
    add(store, "acme", POLLED)
    (claimed,) = claim(store)
    seen = work_of(store, "acme", ACME, claimed.key)
    assert work_of(store, "bolt", ACME, claimed.key) == []
    assert finish_work(store, "bolt", ACME, claimed.key, seen) == 0
    assert release_work(store, "bolt", ACME, claimed.key, A_MOMENT) == 0
    assert len(work_of(store, "acme", ACME, claimed.key)) == 1


def test_claims_that_did_not_end_are_found(store: Connection):
    add(store, "acme", POLLED, NewWork("record", "webhook", "hubspot", "17"))
    add(store, "bolt", POLLED)
    (early,) = claim(store, limit=1, after=60)
    claim(store, limit=1, after=120)
    assert stale_claims(store, A_MOMENT + seconds(60)) == []
    assert stale_claims(store, A_MOMENT + seconds(61)) == [early]
    assert len(stale_claims(store, A_MOMENT + seconds(121))) == 2


def test_processes_that_claim_at_once_get_different_work(database_url: str):
    """Eight claimers with connections of their own, while work keeps arriving for the same connections."""
    engine = connect(database_url)
    orgs = [f"org-{number:02}" for number in range(40)]
    with writing(engine) as connection:
        for org in orgs:
            add_organization(connection, org)
            add_connection(connection, org)
            add(connection, org, NewWork("record", "webhook", "hubspot", "0"))

    def claimer(number: int) -> list[Claim]:
        own = connect(database_url)
        got: list[Claim] = []
        for turn in range(10):
            with writing(own) as connection:
                add(connection, orgs[(number * 7 + turn) % 40], NewWork("record", "webhook", "hubspot", str(number)))
            with writing(own) as connection:
                got.extend(claim_work(connection, 3, A_MOMENT))
        own.dispose()
        return got

    with ThreadPoolExecutor(8) as pool:
        claims = [found for got in pool.map(claimer, range(8)) for found in got]
    assert Counter(found.connection_id for found in claims) == Counter(f"{org}:hubspot" for org in orgs)
    with writing(engine) as connection:
        work = [work_of(connection, found.org, found.connection_id, found.key) for found in claims]
    assert all(work)
    engine.dispose()


def test_work_added_while_runs_finish_is_never_lost(database_url: str):
    """One side asks again and again, the other claims and finishes: the last request is always seen by a later run."""
    engine = connect(database_url)
    with writing(engine) as connection:
        add_organization(connection, "acme")
        add_connection(connection, "acme")
    asked: list[int] = []
    done: list[int] = []

    def asker() -> None:
        for number in range(60):
            with writing(engine) as connection:
                add(connection, "acme", NewWork("changes", "poll", "sync"))
                asked.append(number)

    def runner() -> None:
        while not (len(asked) == 60 and done and done[-1] == 60):
            with writing(engine) as connection:
                claims = claim_work(connection, 1, A_MOMENT)
            if not claims:
                continue
            with writing(engine) as connection:
                seen = work_of(connection, "acme", ACME, claims[0].key)
            done.append(len(asked))  # what this run could have found
            with writing(engine) as connection:
                finish_work(connection, "acme", ACME, claims[0].key, seen)

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(asker), pool.submit(runner)]
        for end in ends:
            end.result(timeout=60)
    assert done[-1] == 60
    engine.dispose()
