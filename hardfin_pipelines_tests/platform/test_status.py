"""How organizations and connections stand."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event

from hardfin_pipelines.platform.connection_store import mark_failed
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.pending import NewWork, add_work, claim_work
from hardfin_pipelines.platform.record_log import Rejection, reject
from hardfin_pipelines.platform.status import all_states, organization_state
from hardfin_pipelines.platform.tables import customers
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization

ACME = "acme:hubspot"


@pytest.fixture
def store(engine: Engine):
    """An open transaction on a store with organizations acme (two connections) and rival (none)."""
    with writing(engine) as connection:
        add_organization(connection, "acme", name="Acme Robotics")
        add_connection(connection, "acme", last_polled_at=A_MOMENT, last_synced_at=A_MOMENT, account_id="4711")
        add_connection(connection, "acme", "salesforce", status="paused", status_reason="stocktaking", cadence="60m")
        add_organization(connection, "rival")
        for number in range(3):
            row = {"org": "acme", "id": f"c{number}", "name": "x", "custom": {}}
            connection.execute(customers.insert().values(**row, created_at=A_MOMENT, updated_at=A_MOMENT))
        yield connection


def test_an_organization_shows_its_connections_and_counts(store: Connection):
    add_work(store, "acme", ACME, [NewWork("changes", "poll", "sync")], A_MOMENT)
    claim_work(store, 1, A_MOMENT)
    add_work(store, "acme", ACME, [NewWork("record", "webhook", "hubspot", str(n)) for n in range(2)], A_MOMENT)
    reject(store, "acme", ACME, [Rejection("deals", "1", "no name", A_MOMENT, 1)], now=A_MOMENT)
    state = organization_state(store, "acme", A_MOMENT + timedelta(minutes=10))
    assert state is not None
    assert (state.name, state.plan) == ("Acme Robotics", "advanced")
    assert state.entities == {"customer": 3, "item": 0, "project": 0, "project_line_item": 0}
    hubspot, salesforce = state.connections
    assert (hubspot.waiting, hubspot.in_progress, hubspot.rejected) == (2, 1, 1)
    assert (hubspot.last_polled_at, hubspot.last_synced_at, hubspot.next_due_at) == (A_MOMENT, A_MOMENT, A_MOMENT)
    assert (hubspot.account_id, hubspot.reason, hubspot.late) == ("4711", "", False)
    assert (salesforce.status, salesforce.reason, salesforce.next_due_at) == ("paused", "stocktaking", None)
    assert (salesforce.waiting, salesforce.in_progress, salesforce.rejected) == (0, 0, 0)


def test_an_active_connection_that_was_not_visited_is_late(store: Connection):
    state = organization_state(store, "acme", A_MOMENT + timedelta(minutes=10, seconds=1))
    assert state is not None
    assert [connection.late for connection in state.connections] == [True, False]


def test_a_connection_that_was_never_visited_is_late_since_it_was_enabled(store: Connection):
    add_connection(store, "rival", enabled_at=A_MOMENT)
    state = organization_state(store, "rival", A_MOMENT + timedelta(minutes=11))
    assert state is not None
    assert state.connections[0].late


def test_a_failing_connection_says_why_and_since_when(store: Connection):
    mark_failed(store, "acme", ACME, "no answer", A_MOMENT)
    state = organization_state(store, "acme", A_MOMENT)
    assert state is not None
    shown = state.connections[0]
    assert (shown.reason, shown.failures, shown.failing_since) == ("no answer", 1, A_MOMENT)


def test_an_organization_that_is_not_there_is_none(store: Connection):
    assert organization_state(store, "nobody", A_MOMENT) is None


def test_all_organizations_are_told_in_five_queries(store: Connection, engine: Engine):
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    states = all_states(store, A_MOMENT)
    assert [(state.org, len(state.connections)) for state in states] == [("acme", 2), ("rival", 0)]
    assert states[0] == organization_state(store, "acme", A_MOMENT)
    assert len(statements) == 10
