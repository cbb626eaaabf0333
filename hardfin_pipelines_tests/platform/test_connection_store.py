"""Connections: when they are due, what failures do, which changes of status are allowed, and what is audited."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from hardfin_pipelines.platform.audit import Cause, list_audit
from hardfin_pipelines.platform.connection_store import (
    STATUSES,
    TRANSITIONS,
    ConnectionConflict,
    ConnectionNotFound,
    due_connections,
    get_connection,
    list_connections,
    mark_failed,
    mark_needs_attention,
    mark_polled,
    mark_synced,
    save_account_id,
    save_description,
    set_status,
)
from hardfin_pipelines.platform.cursor_store import save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.sync.cadence import next_due
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization

ACME = "acme:hubspot"
BY_ANN = Cause("console:ann", "stocktaking", A_MOMENT)


@pytest.fixture
def store(engine: Engine):
    """An open transaction on a store with organizations acme and rival, each with an active HubSpot connection."""
    with writing(engine) as connection:
        for org in ("acme", "rival"):
            add_organization(connection, org)
            add_connection(connection, org)
        yield connection


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_a_connection_is_found_in_its_own_organization_only(store: Connection):
    assert get_connection(store, "acme", ACME).connection_id == ACME
    assert [row.connection_id for row in list_connections(store, "acme")] == [ACME]
    with pytest.raises(ConnectionNotFound, match="organization rival has no connection acme:hubspot"):
        get_connection(store, "rival", ACME)


def test_due_are_active_connections_of_the_tier_of_all_organizations_longest_due_first(store: Connection):
    others: dict[str, dict[str, Any]] = {
        "a-later": {"next_due_at": A_MOMENT + minutes(1)},
        "a-first": {"next_due_at": A_MOMENT - minutes(1)},
        "a-paused": {"status": "paused"},
        "a-hourly": {"cadence": "60m"},
        "a-never": {"next_due_at": None},
    }
    for org, columns in others.items():
        add_organization(store, org)
        add_connection(store, org, **columns)
    due = due_connections(store, "5m", A_MOMENT)
    assert [found.row.org for found in due] == ["a-first", "acme", "rival"]
    assert [found.row.org for found in due_connections(store, "60m", A_MOMENT)] == ["a-hourly"]


def test_due_brings_the_cursors_along_in_two_queries(store: Connection, engine: Engine):
    for org in ("acme", "rival"):
        for vendor_object in ("deals", "companies"):
            position = A_MOMENT - minutes(len(org))
            save_cursor(store, org, f"{org}:hubspot", vendor_object, position, now=A_MOMENT, run_id="run")
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    due = due_connections(store, "5m", A_MOMENT)
    assert len(statements) == 2
    assert [found.cursors for found in due] == [
        {"deals": A_MOMENT - minutes(4), "companies": A_MOMENT - minutes(4)},
        {"deals": A_MOMENT - minutes(5), "companies": A_MOMENT - minutes(5)},
    ]


def test_a_limit_gives_the_next_ones_once_the_first_are_marked(store: Connection):
    first = due_connections(store, "5m", A_MOMENT, limit=1)
    mark_polled(store, [found.row for found in first], A_MOMENT)
    second = due_connections(store, "5m", A_MOMENT, limit=1)
    mark_failed(store, second[0].row.org, second[0].row.connection_id, "no answer", A_MOMENT)
    assert [found.row.org for found in first + second] == ["acme", "rival"]
    assert due_connections(store, "5m", A_MOMENT) == []


def test_polled_connections_are_due_again_by_their_own_cadence(store: Connection):
    add_organization(store, "hourly")
    add_connection(store, "hourly", cadence="60m")
    rows = [*list_connections(store, "acme"), *list_connections(store, "hourly")]
    mark_polled(store, rows, A_MOMENT + timedelta(seconds=17))
    mark_polled(store, [], A_MOMENT)
    assert get_connection(store, "acme", ACME).next_due_at == A_MOMENT + minutes(5)
    hourly = next_due("60m", "hourly:hubspot", A_MOMENT + timedelta(seconds=17))
    assert get_connection(store, "hourly", "hourly:hubspot").next_due_at == hourly <= A_MOMENT + minutes(60)
    assert get_connection(store, "acme", ACME).last_polled_at == A_MOMENT + timedelta(seconds=17)
    assert get_connection(store, "rival", "rival:hubspot").last_polled_at is None


def test_every_failure_waits_longer_and_a_success_forgets_them(store: Connection):
    waits = []
    for number in range(12):
        due = mark_failed(store, "acme", ACME, f"no answer ({number})", A_MOMENT + minutes(number))
        waits.append(due - (A_MOMENT + minutes(number)))
    row = get_connection(store, "acme", ACME)
    assert (row.failures, row.failing_since, row.status) == (12, A_MOMENT, "active")
    assert row.status_reason == "no answer (11)"
    assert max(waits) <= timedelta(hours=4)
    assert waits[-1] > waits[3] > waits[0]
    mark_polled(store, [row], A_MOMENT + minutes(30))
    row = get_connection(store, "acme", ACME)
    assert (row.failures, row.failing_since, row.status_reason) == (0, None, "")
    assert get_connection(store, "rival", "rival:hubspot").failures == 0


def test_the_vendors_word_on_when_to_come_back_is_kept(store: Connection):
    tomorrow = A_MOMENT + timedelta(days=1, seconds=3)
    assert mark_failed(store, "acme", ACME, "daily limit", A_MOMENT, not_before=tomorrow) == tomorrow
    assert get_connection(store, "acme", ACME).next_due_at == tomorrow


def test_a_finished_sync_is_noted(store: Connection):
    mark_synced(store, "acme", ACME, A_MOMENT)
    assert get_connection(store, "acme", ACME).last_synced_at == A_MOMENT


def test_pausing_and_resuming_are_audited_with_before_and_after(store: Connection):
    paused = set_status(store, "acme", ACME, "paused", BY_ANN)
    assert (paused.status, paused.status_reason, paused.revision) == ("paused", "stocktaking", 2)
    mark_failed(store, "acme", ACME, "a visit that was under way", A_MOMENT)
    later = Cause("cli:bob", "done", A_MOMENT + minutes(90))
    resumed = set_status(store, "acme", ACME, "active", later)
    assert (resumed.status, resumed.status_reason, resumed.revision) == ("active", "", 3)
    assert (resumed.next_due_at, resumed.enabled_at, resumed.failures) == (later.at, later.at, 0)
    entries = list_audit(store, "acme", entity_type="connection", entity_id=ACME)
    assert [(entry.event.action, entry.event.changes, entry.event.cause) for entry in entries] == [
        ("connection.activated", {"status": ("paused", "active"), "revision": (2, 3)}, later),
        ("connection.paused", {"status": ("active", "paused"), "revision": (1, 2)}, BY_ANN),
    ]
    assert list_audit(store, "rival") == []


def test_resuming_keeps_when_it_was_first_enabled(store: Connection):
    set_status(store, "acme", ACME, "paused", BY_ANN)
    first = set_status(store, "acme", ACME, "active", BY_ANN).enabled_at
    later = Cause("console:ann", "", A_MOMENT + minutes(5))
    set_status(store, "acme", ACME, "paused", later)
    assert set_status(store, "acme", ACME, "active", later).enabled_at == first


def test_a_paused_connection_keeps_its_reason_when_a_visit_ends(store: Connection):
    before = get_connection(store, "acme", ACME)
    set_status(store, "acme", ACME, "paused", BY_ANN)
    mark_polled(store, [before], A_MOMENT)
    mark_failed(store, "acme", ACME, "no answer", A_MOMENT)
    mark_synced(store, "acme", ACME, A_MOMENT)
    row = get_connection(store, "acme", ACME)
    assert (row.status, row.status_reason) == ("paused", "stocktaking")


def test_asking_for_the_status_it_has_changes_nothing(store: Connection):
    assert set_status(store, "acme", ACME, "active", BY_ANN).revision == 1
    assert list_audit(store, "acme") == []


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_only_sensible_changes_of_status_are_made(sqlite_engine: Engine, before, after):
    with writing(sqlite_engine) as connection:
        add_organization(connection, "acme")
        add_connection(connection, "acme", status=before)
        if before == after or after in TRANSITIONS[before]:
            assert set_status(connection, "acme", ACME, after, BY_ANN).status == after
            return
        with pytest.raises(ConnectionConflict, match=f"acme:hubspot is {before} and cannot become {after}"):
            set_status(connection, "acme", ACME, after, BY_ANN)
        assert get_connection(connection, "acme", ACME).status == before


def test_a_connection_that_needs_attention_is_not_visited_and_says_why_once(store: Connection):
    cause = Cause("sync", "access was revoked: connect the account again", A_MOMENT, "run-1")
    assert mark_needs_attention(store, "acme", ACME, cause)
    assert not mark_needs_attention(store, "acme", ACME, cause)
    row = get_connection(store, "acme", ACME)
    assert (row.status, row.status_reason, row.revision) == ("needs attention", cause.reason, 1)
    assert [found.row.org for found in due_connections(store, "5m", A_MOMENT)] == ["rival"]
    (entry,) = list_audit(store, "acme")
    assert entry.event.action == "connection.needs_attention"
    assert entry.event.changes == {"status": ("active", "needs attention")}
    assert entry.event.cause == cause


def test_a_disconnected_connection_stays_so_when_a_run_ends_badly(store: Connection):
    set_status(store, "acme", ACME, "not connected", BY_ANN)
    assert not mark_needs_attention(store, "acme", ACME, Cause("sync", "access was revoked", A_MOMENT))
    assert get_connection(store, "acme", ACME).status == "not connected"


def test_the_vendors_description_is_kept(store: Connection):
    save_description(store, "acme", ACME, {"pipelines": [{"id": "default"}]}, A_MOMENT)
    row = get_connection(store, "acme", ACME)
    assert row.description == {"pipelines": [{"id": "default"}]}
    assert row.described_at == A_MOMENT
    with pytest.raises(ConnectionNotFound):
        save_description(store, "rival", ACME, {}, A_MOMENT)


def test_a_connection_stays_with_its_account(store: Connection):
    save_account_id(store, "acme", ACME, "4711")
    save_account_id(store, "acme", ACME, "4711")
    with pytest.raises(ConnectionConflict, match="belongs to account 4711, but account 4712"):
        save_account_id(store, "acme", ACME, "4712")
    assert get_connection(store, "acme", ACME).account_id == "4711"


def test_what_is_read_can_be_read_in_a_snapshot(engine: Engine):
    with writing(engine) as connection:
        add_organization(connection, "acme")
        add_connection(connection, "acme")
    with reading(engine) as connection:
        assert len(list_connections(connection, "acme")) == 1
        assert len(due_connections(connection, "5m", A_MOMENT)) == 1
