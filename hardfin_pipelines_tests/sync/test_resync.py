"""Rule 4, one entity: as last synced, CRM now, Hardfin now."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.mapping import Mapped
from hardfin_pipelines.sync.resync import (
    EntityChange,
    FieldChange,
    HeldEntity,
    added_entity,
    compare_entity,
    compare_fields,
    removed_lines,
)
from hardfin_pipelines.sync.resync_choices import BY_DEFAULT, Choices
from hardfin_pipelines.sync.values import as_decimal, as_instant, to_text

KEEPING = Choices(keep_local_edits=True)


def held(texts, synced, *, removed=False, entity_id="pli_1"):
    return HeldEntity("project_line_item", entity_id, texts, synced, removed)


def one_field(base, crm, hardfin, *, keep):
    """The change of a field that was `base`, is `crm` in the CRM and `hardfin` in Hardfin; None for no change."""
    changes = compare_fields(held({"name": hardfin}, {"name": base}), {"name": crm}, KEEPING if keep else BY_DEFAULT)
    assert len(changes) <= 1
    return changes[0] if changes else None


@pytest.mark.parametrize(
    ("base", "crm", "hardfin", "by_default", "keeping_edits", "edited"),
    [
        ("a", "a", "a", None, None, False),  # nothing happened
        ("a", "b", "a", "take", "take", False),  # changed in the CRM only
        ("a", "a", "c", "take", "keep", True),  # edited in Hardfin only
        ("a", "b", "c", "take", "keep", True),  # both: a conflict
        ("a", "b", "b", None, None, True),  # both, alike
        ("a", None, "a", "take", "take", False),  # emptied in the CRM
        ("a", "a", None, "take", "keep", True),  # emptied in Hardfin
        ("a", None, None, None, None, True),  # emptied in both
        (None, "b", None, "take", "take", False),  # filled in the CRM, or mapped since
        (None, "b", "c", "take", "keep", True),  # filled in Hardfin before it was mapped
        (None, None, "c", "take", "keep", True),  # filled in Hardfin only
    ],
)
def test_three_states_of_a_field(base, crm, hardfin, by_default, keeping_edits, edited):
    for keep, decision in ((False, by_default), (True, keeping_edits)):
        expected = None if decision is None else FieldChange("name", base, crm, hardfin, decision, edited)
        assert one_field(base, crm, hardfin, keep=keep) == expected


def test_a_field_that_was_never_synced_has_no_base():
    changes = compare_fields(held({"name": "a"}, {}), {"name": "b", "sku": None, "quantity": "1"}, KEEPING)

    assert [(change.field, change.base, change.decision, change.edited) for change in changes] == [
        ("name", None, "keep", True),
        ("quantity", None, "take", False),
    ]


def test_unmapped_fields_are_not_looked_at():
    line = held({"name": "a", "description": "added in Hardfin", "custom.bay": "7"}, {"name": "a"})

    assert compare_fields(line, {"name": "a"}) == ()


@pytest.mark.parametrize(
    ("read", "at_vendor", "in_hardfin"),
    [
        (as_decimal, "10.00", "10"),
        (as_decimal, "1E+1", "10.0"),
        (as_decimal, "-0.0", "0"),
        (as_instant, "2026-03-01T08:00:00.000+0000", "2026-03-01T08:00:00Z"),
    ],
)
def test_equal_values_are_no_change_however_they_are_written(read, at_vendor, in_hardfin):
    crm = Mapped({"x": _text_or_number(read(at_vendor))}).texts()
    ours = to_text(_text_or_number(read(in_hardfin)))

    assert compare_fields(held({"x": ours}, {}), crm) == ()


def _text_or_number(value):
    return value if isinstance(value, Decimal) else value.isoformat()


def test_changes_are_in_the_order_of_the_mapping():
    crm = {"quantity": "2", "name": "b", "custom.bay": "8"}

    changes = compare_fields(held({}, {}), crm)

    assert [change.field for change in changes] == ["quantity", "name", "custom.bay"]


def test_an_entity_that_only_keeps_edits_writes_nothing():
    line = held({"name": "mine"}, {"name": "a"})

    kept = compare_entity(line, {"name": "b"}, KEEPING)
    taken = compare_entity(line, {"name": "b"})

    assert (kept.kind, kept.title, kept.writes) == ("update", "mine", False)
    assert (taken.kind, taken.title, taken.writes) == ("update", "mine", True)
    assert not compare_entity(line, {"name": "mine"}).writes


def test_a_removed_line_that_came_back_is_restored_even_if_no_field_differs():
    line = held({"name": "a"}, {"name": "a", "status": "removed"}, removed=True)

    change = compare_entity(line, {"name": "a"}, KEEPING)

    assert change == EntityChange("project_line_item", "pli_1", "a", "restore")
    assert change.writes


def test_a_new_line_takes_every_value_it_has():
    change = added_entity("project_line_item", "pli_9", {"name": "Pump", "quantity": Decimal("2.00"), "sku": None})

    assert change == EntityChange(
        "project_line_item",
        "pli_9",
        "Pump",
        "add",
        (
            FieldChange("name", None, "Pump", None, "take", edited=False),
            FieldChange("quantity", None, "2", None, "take", edited=False),
        ),
    )
    assert change.writes
    assert added_entity("project_line_item", "pli_9", {}).title == ""


def test_lines_gone_from_the_crm_are_marked_removed_once():
    there, gone, gone_before = (
        held({"name": name}, {}, entity_id=name, removed=removed)
        for name, removed in (("there", False), ("gone", False), ("gone before", True))
    )

    changes = removed_lines([there, gone, gone_before], frozenset({"there"}))

    assert changes == (EntityChange("project_line_item", "gone", "gone", "remove"),)
    assert changes[0].writes


FIELDS = st.sampled_from(["name", "sku", "quantity", "custom.bay"])
TEXTS = st.dictionaries(FIELDS, st.none() | st.sampled_from(["a", "b", "c"]))


def applied(entity, changes):
    taken = {change.field: change.crm for change in changes if change.decision == "take"}
    return replace(entity, texts={**entity.texts, **taken})


@given(ours=TEXTS, base=TEXTS, crm=TEXTS, removed=st.booleans())
def test_after_a_default_re_sync_crm_and_hardfin_agree_on_all_mapped_fields_and_the_rest_is_untouched(
    ours, base, crm, removed
):
    entity = held(ours, base, removed=removed)

    after = applied(entity, compare_entity(entity, crm).fields)

    assert {name: after.texts.get(name) for name in crm} == crm
    assert {name: after.texts.get(name) for name in ours if name not in crm} == {
        name: value for name, value in ours.items() if name not in crm
    }


@given(ours=TEXTS, base=TEXTS, crm=TEXTS)
def test_hazard_keeping_local_edits_never_changes_a_field_that_was_edited(ours, base, crm):
    entity = held(ours, base)

    after = applied(entity, compare_fields(entity, crm, KEEPING))

    for name in {*ours, *base, *crm}:
        if ours.get(name) != base.get(name):
            assert after.texts.get(name) == ours.get(name)
        elif name in crm:
            assert after.texts.get(name) == crm[name]


@given(ours=TEXTS, base=TEXTS, crm=TEXTS, keep=st.booleans())
def test_a_second_re_sync_of_the_same_crm_values_changes_nothing(ours, base, crm, keep):
    entity = held(ours, base)
    after = replace(applied(entity, compare_fields(entity, crm, KEEPING if keep else BY_DEFAULT)), synced=crm)

    again = compare_fields(after, crm, KEEPING if keep else BY_DEFAULT)

    assert not [change for change in again if change.decision == "take"]


@given(ours=TEXTS, base=TEXTS, crm=TEXTS, later=TEXTS)
def test_an_edit_that_was_kept_is_kept_again_after_the_base_has_moved(ours, base, crm, later):
    entity = held(ours, base)
    kept = [change.field for change in compare_fields(entity, crm, KEEPING) if change.decision == "keep"]
    after = replace(applied(entity, compare_fields(entity, crm, KEEPING)), synced=crm)

    later_changes = {change.field: change for change in compare_fields(after, later, KEEPING)}

    for name in kept:
        assert name not in later_changes or later_changes[name].decision == "keep"
