"""Visits to an accounting system's items: what is read is applied once, whole, and the cursor moves behind it."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.engine import item_sync
from hardfin_pipelines.engine.deciding import Answer
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.rematching import rematch_open
from hardfin_pipelines.engine.triage import decide
from hardfin_pipelines.landing.reading import read_landed
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import set_status
from hardfin_pipelines.platform.cursor_store import read_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_plan_store import write_item_steps
from hardfin_pipelines.platform.tables import (
    audit_events,
    call_counts,
    connections,
    cursors,
    items,
    leases,
    links,
    record_events,
    rejected_records,
)
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items
from hardfin_pipelines.sync.item_sync import plan_items
from hardfin_pipelines_tests.engine.accounting import CONNECTION, Accounting, open_accounting

WIDE = "".join(chr(ord(character) + 0xFEE0) for character in "Robot-arm")
"""The same in the wide letters that East Asian keyboards give."""


@pytest.fixture
def acme(database_url: str, tmp_path: Path):
    """An organization with books, once on each database."""
    accounting = open_accounting(database_url, tmp_path)
    yield accounting
    accounting.deployment.engine.dispose()


@pytest.fixture
def sqlite_acme(sqlite_url: str, tmp_path: Path):
    """The same on SQLite, where the database makes no difference."""
    accounting = open_accounting(sqlite_url, tmp_path)
    yield accounting
    accounting.deployment.engine.dispose()


def cursor(acme: Accounting):
    with reading(acme.deployment.engine) as connection:
        return read_cursor(connection, "acme", CONNECTION, "Item")


def fill(acme: Accounting) -> None:
    """A catalogue and books: one by SKU, one by name, one that is not there, a category, an inactive one."""
    acme.add_products(("itm_arm", "Robot arm", "RA-1"), ("itm_base", "Base plate", ""), ("itm_old", "Old", "O-1"))
    acme.books.put("1", "Arm", "ra-1")
    acme.books.put("2", "base  PLATE")
    acme.books.put("3", "Gripper", "G-1", UnitPrice="12.50")
    acme.books.put("4", "Parts", Type="Category")
    acme.books.put("5", "Old", "O-1", Active="false")


def test_a_first_load_links_what_matches_and_asks_about_the_rest(acme):
    fill(acme)

    report = acme.sync()

    assert report.kind == "first load"
    assert acme.by_id(links, "entity_id", "matched_by") == {
        "1": ("itm_arm", "normalized sku"),
        "2": ("itm_base", "normalized name"),
    }
    assert acme.by_id(triage_items, "state", "reason") == {"3": ("open", "unmatched")}
    assert set(acme.by_id(vendor_items, "active")) == {"1", "2", "3", "4", "5"}
    assert report.counts.numbers() == {
        "linked": 2,
        "links_broken": 0,
        "links_mended": 0,
        "into_triage": 1,
        "triage_refreshed": 0,
        "out_of_triage": 0,
        "left_alone": 2,
        "set_aside": 0,
    }
    assert len(acme.rows(items)) == 3, "an accounting system makes no items of Hardfin's"
    assert cursor(acme) == acme.books.clock
    assert [(row["purpose"], row["calls"]) for row in acme.rows(call_counts)] == [("load", 2)]


def test_links_are_audited_triage_is_on_the_timeline_and_records_are_landed(acme):
    fill(acme)

    acme.sync("the-run")

    audited = {row["entity_id"]: row for row in acme.rows(audit_events)}
    assert set(audited) == {"itm_arm", "itm_base"}
    assert audited["itm_arm"]["action"] == "item.linked"
    assert audited["itm_arm"]["changes"] == {f"{CONNECTION} Item 1": [None, "normalized sku"]}
    assert "Robot arm" in audited["itm_arm"]["reason"]
    (event,) = acme.rows(record_events)
    assert (event["external_id"], event["kind"], event["run_id"]) == ("3", "triage", "the-run")
    landed = list(read_landed(acme.deployment.settings.landing_root, "acme", CONNECTION, "Item"))
    assert sorted(record.id for record in landed) == ["1", "2", "3", "4", "5"]


def test_a_quiet_tick_is_one_call_and_moves_the_cursor_with_the_vendors_clock(acme):
    fill(acme)
    acme.books.wait(timedelta(hours=2))
    acme.sync()
    before = {table.name: acme.rows(table) for table in (links, triage_items, vendor_items, audit_events)}
    acme.books.calls.clear()
    acme.books.wait(timedelta(minutes=5))

    report = acme.sync()

    assert (report.kind, report.calls, len(acme.books.calls)) == ("tick", 1, 1)
    assert cursor(acme) == acme.books.clock
    assert before == {table.name: acme.rows(table) for table in (links, triage_items, vendor_items, audit_events)}


def test_a_tick_takes_what_changed_and_looks_a_little_further_back(acme):
    fill(acme)
    acme.sync()
    acme.books.put("3", "Base plate", "O-1")
    acme.books.put("6", "Robot arm")

    report = acme.sync()

    assert report.kind == "tick"
    assert acme.by_id(triage_items, "reason") == {"3": "conflict", "6": "ambiguous"}
    assert report.counts.refreshed == 1
    assert acme.books.calls[-1].startswith("since ")


def test_the_cursor_is_the_vendors_clock_at_the_first_answer(acme):
    fill(acme)
    first = acme.books.clock
    acme.books.between = lambda: acme.books.put("7", "Late", "L")

    acme.sync()

    assert cursor(acme) == first


def test_what_is_deleted_or_merged_and_back(acme):
    fill(acme)
    acme.sync()
    acme.books.delete("3")
    acme.books.delete("1", into="2")
    acme.books.put("8", "Base plate of old")
    acme.books.delete("2", into="8")

    report = acme.sync()

    assert report.counts.broken == 2
    whole = {row["external_id"]: row["entity_id"] for row in acme.rows(links) if not row["broken_because"]}
    assert whole == {"8": "itm_arm"}, "the first of two merges is the one that follows"
    assert acme.by_id(triage_items, "state")["3"] == "gone"
    broken = acme.by_id(links, "broken_because")
    assert "itm_arm" in broken["2"]
    acme.books.put("1", "Arm", "ra-1")
    assert acme.sync().counts.mended == 1
    assert acme.by_id(links, "broken_because")["1"] == ""


def test_after_a_long_gap_everything_is_read_again_and_what_is_not_there_is_gone(acme):
    fill(acme)
    acme.books.put("9", "Screw")
    acme.sync()
    del acme.books.records["2"], acme.books.records["9"]
    acme.books.put("3", "Robot gripper", "G-1")
    acme.books.wait(timedelta(days=31))
    acme.deployment.ahead = timedelta(days=31)

    report = acme.sync()

    assert report.kind == "load after a gap"
    assert acme.books.calls[-1] == "read 2 9"
    assert "deleted at the vendor" in acme.by_id(links, "broken_because")["2"]
    assert acme.by_id(triage_items, "state") == {"3": "open", "9": "gone"}
    assert cursor(acme) == acme.books.clock
    assert acme.sync().kind == "tick"


def test_without_an_end_to_the_look_back_there_is_no_second_load(sqlite_acme):
    sqlite_acme.books.look_back = None
    fill(sqlite_acme)
    sqlite_acme.sync()
    sqlite_acme.deployment.ahead = timedelta(days=400)

    assert sqlite_acme.sync().kind == "tick"


def test_a_second_load_finds_everything_as_it_was(acme):
    fill(acme)
    acme.sync()
    before = {table.name: acme.rows(table) for table in (links, triage_items, vendor_items, audit_events)}
    acme.deployment.ahead = timedelta(days=31)

    acme.sync("again")

    assert before == {table.name: acme.rows(table) for table in (links, triage_items, vendor_items, audit_events)}


def test_a_failure_leaves_the_cursor_and_the_next_visit_asks_for_nothing_twice(acme):
    fill(acme)
    acme.books.failing[1] = RetryLater("quickbooks", "QuickBooks is down", delay=timedelta(minutes=1))

    with pytest.raises(RetryLater):
        acme.sync()
    assert cursor(acme) is None
    assert (acme.rows(links), acme.rows(triage_items), acme.rows(vendor_items)) == ([], [], [])
    assert [row["status_reason"] for row in acme.rows(connections)] == ["QuickBooks is down"]
    acme.sync()

    assert acme.books.calls == ["load 0", "load 1", "load 1"]
    assert set(acme.by_id(links, "entity_id")) == {"1", "2"}


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_killed_between_two_batches_the_work_done_again_comes_to_the_same(sqlite_acme, monkeypatch, batch):
    fill(sqlite_acme)
    monkeypatch.setattr(item_sync, "BATCH", 2)
    written: list[object] = []
    write = write_item_steps

    def killed(*args, **more):
        if len(written) == batch:
            raise Killed
        written.append(write(*args, **more))

    monkeypatch.setattr(item_sync, "write_item_steps", killed)
    with pytest.raises(Killed):
        sqlite_acme.sync()
    assert cursor(sqlite_acme) is None
    monkeypatch.setattr(item_sync, "write_item_steps", write)

    sqlite_acme.sync()

    assert set(sqlite_acme.by_id(links, "entity_id")) == {"1", "2"}
    assert set(sqlite_acme.by_id(triage_items, "state")) == {"3"}
    assert len(sqlite_acme.rows(audit_events)) == 2
    assert len(sqlite_acme.rows(record_events)) == 1


def test_a_pause_takes_effect_before_the_next_batch(acme):
    fill(acme)

    def pause():
        acme.books.between = None
        with writing(acme.deployment.engine) as connection:
            set_status(connection, "acme", CONNECTION, "paused", Cause("ann", "stop", acme.deployment.now()))

    acme.books.between = pause
    report = acme.sync()

    assert "paused" in report.interrupted
    assert cursor(acme) is None
    assert acme.rows(links) == []


def test_another_run_at_the_same_items_is_refused_its_writes(acme):
    fill(acme)

    def take_over():
        with writing(acme.deployment.engine) as connection:
            connection.execute(update(leases).values(holder="other", fence=leases.c.fence + 1))

    acme.books.between = take_over
    report = acme.sync()

    assert "taken over" in report.interrupted
    assert (cursor(acme), acme.rows(links)) == (None, [])


def test_what_cannot_be_read_is_set_aside_and_holds_up_nothing(acme):
    fill(acme)
    acme.books.put("6", "Dear", UnitPrice="a lot")

    report = acme.sync()

    assert report.counts.set_aside == 1
    assert report.remarks() == ["item 6: UnitPrice: expected a number, got 'a lot'"]
    assert [row["external_id"] for row in acme.rows(rejected_records)] == ["6"]
    assert cursor(acme) == acme.books.clock
    acme.books.put("6", "Dear", UnitPrice="1000")
    acme.sync()
    assert acme.rows(rejected_records) == []
    assert "6" in acme.by_id(triage_items, "state")


def test_what_is_set_aside_is_tried_again_with_time(acme):
    fill(acme)
    acme.books.put("6", "Dear", UnitPrice="a lot")
    acme.sync()
    mended = acme.books.records["6"]
    acme.books.records["6"] = type(mended)("item", "6", mended.modified_at, {**mended.properties, "UnitPrice": "5"})
    acme.books.wait(timedelta(days=2))
    acme.deployment.ahead = timedelta(days=2)
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(cursors).values(position=acme.books.clock))

    acme.sync()

    assert acme.books.calls[-1] == "read 6"
    assert acme.rows(rejected_records) == []


def test_items_that_are_asked_for_are_read_by_their_ids(acme):
    fill(acme)
    acme.books.wait(timedelta(hours=1))
    acme.sync()
    del acme.books.records["3"]

    report = acme.sync(asked=["1", "3"])

    assert acme.books.calls[-1] == "read 1 3"
    assert (report.read, report.seen) == (1, 2)
    assert acme.by_id(triage_items, "state") == {"3": "gone"}


def test_a_renamed_product_is_found_at_the_next_tick_and_at_the_next_rematch(acme):
    fill(acme)
    acme.sync()
    assert rematch_open(acme.deployment, "acme").linked == {}
    with writing(acme.deployment.engine) as connection:
        values = {"name": "Gripper", "normalized_name": "gripper", "updated_at": acme.deployment.now()}
        connection.execute(update(items).where(items.c.id == "itm_old").values(**values))

    counts = rematch_open(acme.deployment, "acme", run_id="crm-run")

    assert counts.linked == {"name": 1}
    assert acme.by_id(links, "entity_id", "run_id")["3"] == ("itm_old", "crm-run")
    assert acme.by_id(triage_items, "state") == {"3": "gone"}


def test_a_tick_without_changes_matches_what_waits_when_the_catalogue_has_changed(acme):
    fill(acme)
    acme.books.wait(timedelta(hours=1))
    acme.sync()
    acme.add_products(("itm_grip", "Gripper of steel", "G-1"))

    report = acme.sync()

    assert (report.seen, report.counts.linked) == (0, {"sku": 1})


def test_a_paused_connections_items_are_not_matched_again(acme):
    fill(acme)
    acme.sync()
    with writing(acme.deployment.engine) as connection:
        set_status(connection, "acme", CONNECTION, "paused", Cause("ann", "", acme.deployment.now()))
    acme.add_products(("itm_grip", "Gripper", "G-1"))

    assert rematch_open(acme.deployment, "acme").linked == {}
    assert acme.by_id(triage_items, "state") == {"3": "open"}


def test_what_a_person_changes_while_a_batch_is_planned_stands(sqlite_acme, monkeypatch):
    """A decision between planning and writing: the item is planned again with it."""
    acme = sqlite_acme
    fill(acme)
    acme.sync()
    acme.add_products(("itm_grip", "Gripper", "G-1"))
    plan = plan_items
    planned: list[object] = []

    def and_then_decided(*args):
        steps = plan(*args)
        if not planned:
            planned.append(steps)
            decide(acme.deployment, "acme", [Answer("3", "map", item="itm_old")], actor="cli:ann")
        return steps

    monkeypatch.setattr(item_sync, "plan_items", and_then_decided)
    counts = rematch_open(acme.deployment, "acme")

    assert counts.linked == {}
    assert acme.by_id(links, "entity_id", "matched_by")["3"] == ("itm_old", "decision")
    assert acme.by_id(triage_items, "state") == {"3": "mapped"}


@pytest.mark.parametrize(
    ("name", "sku"),
    [("x" * 4_000, "y" * 4_000), ("a\0b", "c\0d"), ("\ud800", ""), ("", ""), (WIDE, "\u3000")],
)
def test_odd_texts_neither_fail_nor_hold_up_the_others(acme, name, sku):
    fill(acme)
    acme.books.put("6", name, sku)

    acme.sync()

    assert set(acme.by_id(vendor_items, "name")) == {"1", "2", "3", "4", "5", "6"}
    assert "2" in acme.by_id(links, "entity_id")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"status": "paused", "status_reason": "holiday"}, "acme:quickbooks is paused (holiday): it is not synced"),
        ({"integration": "hubspot"}, "acme:quickbooks is no accounting system"),
    ],
)
def test_a_connection_that_cannot_be_synced_is_refused(sqlite_acme, change, says):
    with writing(sqlite_acme.deployment.engine) as connection:
        connection.execute(update(connections).values(**change))

    with pytest.raises(Refusal, match=says.replace("(", r"\(").replace(")", r"\)")):
        sqlite_acme.sync()
