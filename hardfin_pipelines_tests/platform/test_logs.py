"""The audit log, the timelines of records and the records that are set aside."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine

from hardfin_pipelines.platform.audit import AuditEvent, Cause, list_audit, record_audit
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.record_log import (
    RecordEvent,
    Rejection,
    forget_rejections,
    list_rejected,
    prune_sightings,
    record_events,
    reject,
    timeline,
)
from hardfin_pipelines_tests.store_fixtures import A_MOMENT

ACME = "acme:hubspot"
LATER = A_MOMENT + timedelta(minutes=5)


@pytest.fixture
def store(engine: Engine):
    """An open transaction on an empty store."""
    with writing(engine) as connection:
        yield connection


def event(number: int, entity_type: str = "project") -> AuditEvent:
    cause = Cause("console:ann", "price agreed by phone", A_MOMENT + timedelta(seconds=number), "run-1")
    changes = {"value": ("10.50", "11.00"), "owner": (None, "Zoë")}
    return AuditEvent("project.edited", entity_type, f"id-{number}", cause, changes)


def test_audit_events_come_back_as_written_newest_first(store: Connection):
    record_audit(store, "acme", [event(1), event(2), event(3, "customer")])
    record_audit(store, "acme", [])
    assert [entry.event for entry in list_audit(store, "acme")] == [event(3, "customer"), event(2), event(1)]
    assert [entry.event for entry in list_audit(store, "acme", entity_type="project")] == [event(2), event(1)]
    assert [entry.event for entry in list_audit(store, "acme", entity_type="project", entity_id="id-1")] == [event(1)]


def test_audit_events_are_read_page_by_page(store: Connection):
    record_audit(store, "acme", [event(number) for number in range(5)])
    first = list_audit(store, "acme", limit=3)
    second = list_audit(store, "acme", limit=3, before_id=first[-1].id)
    assert [entry.event.entity_id for entry in first + second] == ["id-4", "id-3", "id-2", "id-1", "id-0"]


def test_audit_events_are_of_one_organization(store: Connection):
    record_audit(store, "acme", [event(1)])
    assert list_audit(store, "rival") == []


def test_pruning_leaves_the_newest_entry_of_each_record_and_all_that_changed_something(store: Connection):
    def entry(record: str, kind: str, minutes: int) -> RecordEvent:
        return RecordEvent("deals", record, A_MOMENT + timedelta(minutes=minutes), kind, "why", A_MOMENT, "run-1")

    old = [
        entry("17", "skipped", 0),
        entry("17", "synced", 1),
        entry("17", "protected", 2),
        entry("17", "protected", 3),
    ]
    record_events(store, "acme", ACME, [*old, entry("18", "skipped", 0)])
    record_events(store, "rival", "rival:hubspot", [entry("17", "skipped", 0)])

    assert prune_sightings(store, A_MOMENT + timedelta(minutes=3)) == 2
    assert timeline(store, "acme", ACME, "deals", "17") == [old[1], old[3]]
    assert len(timeline(store, "acme", ACME, "deals", "18")) == 1
    assert len(timeline(store, "rival", "rival:hubspot", "deals", "17")) == 1
    assert prune_sightings(store, A_MOMENT + timedelta(days=1)) == 0


def test_a_timeline_tells_what_happened_to_one_record_in_order(store: Connection):
    seen = RecordEvent("deals", "17", A_MOMENT, "seen", "stage not in trigger", A_MOMENT, "run-1")
    synced = RecordEvent("deals", "17", LATER, "synced", "stage hit", LATER, "run-2")
    other = RecordEvent("deals", "18", LATER, "seen", "stage not in trigger")
    record_events(store, "acme", ACME, [synced, other])
    record_events(store, "acme", ACME, [seen])
    record_events(store, "acme", ACME, [])
    assert timeline(store, "acme", ACME, "deals", "17") == [seen, synced]
    assert timeline(store, "acme", ACME, "deals", "18") == [other]
    assert timeline(store, "rival", ACME, "deals", "17") == []


def test_a_record_that_is_refused_again_counts_attempts_and_keeps_when_it_was_first_seen(store: Connection):
    reject(store, "acme", ACME, [Rejection("deals", "17", "no name", A_MOMENT, 1)], now=A_MOMENT)
    again = Rejection("deals", "17", "no company", LATER, 2)
    reject(store, "acme", ACME, [again], now=LATER)
    (record,) = list_rejected(store, "acme")
    assert record.rejection == again
    assert (record.attempts, record.first_seen_at, record.last_seen_at) == (2, A_MOMENT, LATER)


def test_the_same_record_twice_in_one_batch_counts_once(store: Connection):
    rejections = [Rejection("deals", "17", reason, A_MOMENT, 1) for reason in ("first", "second")]
    reject(store, "acme", ACME, rejections, now=A_MOMENT)
    (record,) = list_rejected(store, "acme")
    assert (record.rejection.reason, record.attempts) == ("second", 1)


def test_settled_records_are_taken_off_the_list(store: Connection):
    rejections = [Rejection("deals", str(number), "no name", A_MOMENT, 1) for number in range(3)]
    reject(store, "acme", ACME, rejections, now=A_MOMENT)
    assert forget_rejections(store, "rival", ACME, "deals", ["0"]) == 0
    assert forget_rejections(store, "acme", ACME, "deals", ["0", "2", "99"]) == 2
    assert forget_rejections(store, "acme", ACME, "deals", []) == 0
    assert [record.rejection.external_id for record in list_rejected(store, "acme")] == ["1"]


def test_rejected_records_can_be_narrowed_down(store: Connection):
    reject(store, "acme", ACME, [Rejection("deals", "1", "no name", A_MOMENT, 1)], now=A_MOMENT)
    reject(store, "acme", ACME, [Rejection("deals", "2", "no name", A_MOMENT, 2)], now=LATER)
    reject(store, "acme", "acme:salesforce", [Rejection("opportunities", "3", "no name", A_MOMENT, 1)], now=LATER)

    def found(*arguments, **options):
        return [record.rejection.external_id for record in list_rejected(store, "acme", *arguments, **options)]

    assert found() == ["1", "2", "3"]
    assert found(ACME) == ["1", "2"]
    assert found(before_revision=2) == ["1", "3"]
    assert found(limit=1) == ["1"]
    assert list_rejected(store, "rival") == []


def test_a_vendors_odd_text_in_a_reason_stops_nothing(store: Connection):
    reject(store, "acme", ACME, [Rejection("deals", "1", "amount 'a\0b' 😀", A_MOMENT, 1)], now=A_MOMENT)
    record_events(store, "acme", ACME, [RecordEvent("deals", "1", A_MOMENT, "rejected", "amount 'a\0b' 😀")])
    assert list_rejected(store, "acme")[0].rejection.reason == "amount 'a\ufffdb' 😀"
    assert timeline(store, "acme", ACME, "deals", "1")[0].detail == "amount 'a\ufffdb' 😀"
