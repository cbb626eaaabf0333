"""Rule 11: pausing, editing and disconnecting take effect at the next transaction, and no work is lost."""

import time

import pytest

from hardfin_pipelines.engine import applying, crm_sync
from hardfin_pipelines.engine.connecting import disconnect
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.tables import credentials, load_windows, pending_work
from hardfin_pipelines_tests.engine.interference import interfere, take_over
from hardfin_pipelines_tests.engine.product import Organization

LINES = "/crm/objects/*/line_items/batch/read"


def pause(acme: Organization) -> None:
    acme.pause()


def edit(acme: Organization) -> None:
    acme.apply(document="    mappings:\n      project: {name: dealname, description: dealtype}\n")


def leave(acme: Organization) -> None:
    disconnect(acme.deployment, acme.org, "hubspot", actor="cli:ann", reason="contract ended")


@pytest.mark.parametrize(("change", "note"), [(pause, "is paused"), (edit, "was edited"), (leave, "is not connected")])
def test_a_load_stops_before_its_next_transaction(acme, change, note):
    acme.won_deals(3)
    before = acme.dump()
    happened = interfere(acme, after=LINES, change=lambda: change(acme))

    synced = acme.load()

    assert happened == [True]
    assert acme.projects() == []
    assert {name: rows for name, rows in acme.dump().items() if name != "audit_events"} == {
        name: rows for name, rows in before.items() if name != "audit_events"
    }
    (told,) = synced.notes
    assert note in told
    assert acme.rows(load_windows) == []


@pytest.mark.parametrize(("change", "note"), [(pause, "is paused"), (edit, "was edited")])
def test_a_tick_stops_its_cursor_stands_and_its_work_is_done_after_all(acme, change, note):
    acme.poll()
    cursor = acme.cursor()
    acme.won_deals(3)
    acme.poll()
    interfere(acme, after=LINES, change=lambda: change(acme))

    (synced,) = acme.product.run_all()

    assert note in synced.notes[0]
    assert acme.projects() == []
    assert acme.cursor() == cursor
    (work,) = acme.rows(pending_work)
    assert (work["claim"], work["attempts"]) == ("", 0)

    if change is pause:
        assert acme.product.claims() == []
        acme.pause(paused=False)
    acme.product.run_all()
    assert len(acme.projects()) == 3
    assert acme.rows(pending_work) == []


def pause_once_something_is_committed(acme):
    deadline = time.monotonic() + 30
    while not acme.projects() and time.monotonic() < deadline:
        time.sleep(0.01)
    acme.pause()


def test_what_is_committed_before_the_pause_stands_and_the_rest_follows(acme, monkeypatch):
    monkeypatch.setattr(crm_sync, "CHUNK", 2)
    acme.won_deals(6)
    # The last chunk's lines are on their way while the first is applied.
    happened = interfere(acme, after=LINES, skip=2, change=lambda: pause_once_something_is_committed(acme))

    acme.load()

    assert happened == [True]
    assert len(acme.projects()) in {2, 4}
    assert len(acme.rows(load_windows)) == 0
    acme.pause(paused=False)
    acme.load("again")
    assert len(acme.projects()) == 6
    assert len(acme.rows(load_windows)) == 1


@pytest.mark.parametrize("change", [pause, edit])
def test_a_change_between_the_last_deal_and_the_cursor_is_noted_and_the_work_done_again(acme, change, monkeypatch):
    acme.poll()
    cursor = acme.cursor()
    acme.add_deal()
    acme.poll()
    apply_bundles = applying.apply_bundles

    def apply_and_change(*arguments):
        apply_bundles(*arguments)
        change(acme)

    monkeypatch.setattr(crm_sync, "apply_bundles", apply_and_change)
    (synced,) = acme.product.run_all()

    assert len(synced.notes) == 1
    assert len(acme.projects()) == 1
    assert acme.cursor() == cursor
    monkeypatch.undo()
    acme.pause(paused=False)
    acme.tick()
    assert len(acme.projects()) == 1
    assert acme.rows(pending_work) == []
    assert acme.cursor() >= cursor


def test_a_load_that_lost_its_lease_at_the_end_does_not_close_its_window(acme, monkeypatch):
    acme.add_deal()
    apply_bundles = applying.apply_bundles

    def apply_and_lose(*arguments):
        apply_bundles(*arguments)
        take_over(acme)

    monkeypatch.setattr(crm_sync, "apply_bundles", apply_and_lose)
    synced = acme.load()

    assert "was taken over" in synced.notes[0]
    assert acme.rows(load_windows) == []


def test_work_for_a_connection_that_was_paused_before_its_run_began_waits(acme):
    acme.add_deal()
    acme.poll()
    (claim,) = acme.product.claims()
    acme.pause()

    with pytest.raises(Refusal, match=r"acme:hubspot is paused \(quarter end\)"):
        acme.product.run(claim)
    assert acme.product.claims() == []

    acme.pause(paused=False)
    acme.tick()
    assert len(acme.projects()) == 1


def test_a_disconnected_account_is_connected_again_and_nothing_syncs_twice(acme):
    acme.add_deal()
    acme.tick()
    before = acme.dump(tables=[table for table in acme.product.entity_tables() if table.name != "audit_events"])
    leave(acme)
    assert acme.rows(credentials) == []
    assert acme.poll().asked == 0

    acme.connect()
    acme.tick()
    acme.load()

    assert acme.dump(tables=[table for table in acme.product.entity_tables() if table.name != "audit_events"]) == before


def test_every_such_change_is_in_the_audit_with_before_and_after(acme):
    acme.pause()
    acme.pause(paused=False)
    leave(acme)

    events = [entry.event for entry in reversed(acme.audit(entity_type="connection"))]
    told = [(event.action, event.changes.get("status")) for event in events if "status" in event.changes][-3:]
    assert told == [
        ("connection.paused", ("active", "paused")),
        ("connection.activated", ("paused", "active")),
        ("connection.disconnected", ("active", "not connected")),
    ]
    assert {event.cause.actor for event in events[-3:]} == {"cli:ann"}
