"""Where a value comes from: by what the link remembers and who was audited since."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.sync.mapping_rules import FieldRule
from hardfin_pipelines.sync.provenance import FieldEvent, FieldSource, edits_since_sync, field_provenance, source_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ACTIONS = {"s": "project.synced", "r": "project.re-synced", "u": "project.resync_undone"}


def events(history: str) -> list[FieldEvent]:
    """s: first sync, r: re-sync, u: its undo, a digit: an edit of that name."""
    return [
        FieldEvent(ACTIONS.get(each, "project.edited"), each, NOON + timedelta(minutes=minute), "", None, each)
        for minute, each in enumerate(history)
    ]


@pytest.mark.parametrize(
    ("history", "edits"),
    [
        ("", ""),
        ("s", ""),
        ("s12", "21"),
        ("s1r", ""),
        ("s1r2", "2"),
        ("s1ru", "1"),
        ("s1r2r", ""),
        ("s1rur", ""),
        ("s1ruru", "1"),
        ("s1r2ruu", "1"),
        ("s1ru2", "21"),
        ("12", "21"),
    ],
)
def test_edits_count_since_the_crms_value_was_last_taken_and_an_undone_re_sync_never_was(history, edits):
    assert "".join(event.actor for event in edits_since_sync(events(history))) == edits


@pytest.mark.parametrize(
    ("value", "synced", "state"),
    [
        ("a", {"x": "a"}, "as synced"),
        ("b", {"x": "a"}, "edited in Hardfin"),
        (None, {"x": "a"}, "edited in Hardfin"),
        ("b", {"x": None}, "entered in Hardfin"),
        ("b", {}, "entered in Hardfin"),
    ],
)
def test_a_value_is_the_crms_or_a_persons(value, synced, state):
    (field,) = field_provenance({"x": value}, synced, {"x": FieldSource(("p",), "p")}, {})

    assert (field.state, field.value, field.synced) == (state, value, synced.get("x"))
    assert (field.source is None) == ("x" not in synced), "what the CRM never filled has no source"


def test_fields_without_a_value_are_shown_only_where_there_is_something_to_say():
    shown = field_provenance(
        {"empty": None, "emptied": None, "edited": None, "never": None},
        {"empty": None, "emptied": "a"},
        {},
        {"edited": events("1")},
    )

    assert [field.field for field in shown] == ["emptied", "edited"]


def test_a_template_names_all_fields_it_reads():
    assert source_of(FieldRule("name", template="{a} of {b}", default="?")) == FieldSource(
        ("a", "b"), "{a} of {b}", "?"
    )
    assert source_of(FieldRule("name", source="dealname")) == FieldSource(("dealname",), "dealname")
