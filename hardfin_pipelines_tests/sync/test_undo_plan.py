"""Undoing a re-sync, pure: what goes back, what somebody has changed since, what stays."""

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.undo_plan import EntityKey, UndoneField, created_beside, plan_undo

Rows = dict[EntityKey, dict[str, str | None]]
PROJECT: EntityKey = ("project", "prj_1")
LINE: EntityKey = ("project_line_item", "pli_1")


def test_what_nobody_touched_since_goes_back():
    plan = plan_undo(
        {PROJECT: {"name": "a", "value": "1"}},
        {PROJECT: {"name": "b", "value": "2"}},
        {PROJECT: {"name": "b", "value": "2"}},
    )

    (entity,) = plan.entities
    assert [(each.field, each.before, each.put_back) for each in entity.fields] == [
        ("name", "a", True),
        ("value", "1", True),
    ]
    assert (plan.edited, plan.writes) == ((), True)


def test_what_was_edited_since_is_named_and_stays():
    plan = plan_undo(
        {PROJECT: {"name": "a"}, LINE: {"quantity": "1"}},
        {PROJECT: {"name": "b"}, LINE: {"quantity": "2"}},
        {PROJECT: {"name": "c"}, LINE: {"quantity": "3"}},
    )

    assert plan.edited == ("project.name", "line:pli_1.quantity")
    assert not plan.writes


def test_what_is_as_before_already_is_no_obstacle_and_not_written():
    plan = plan_undo({PROJECT: {"name": "a"}}, {PROJECT: {"name": "b"}}, {PROJECT: {"name": "a"}})

    assert (plan.edited, plan.writes) == ((), False)


def test_money_is_compared_as_money_and_goes_back_digit_for_digit():
    plan = plan_undo({PROJECT: {"value": "1.10"}}, {PROJECT: {"value": "2.50"}}, {PROJECT: {"value": "2.5"}})

    assert plan.entities[0].fields == (UndoneField("value", "1.10", "2.50", "2.5", put_back=True),)


def test_an_added_line_goes_as_a_whole_or_stays_as_a_whole():
    before: Rows = {LINE: {"status": "removed"}}
    after: Rows = {LINE: {"status": "active", "name": "Ramp", "quantity": "1"}}

    untouched = plan_undo(before, after, {LINE: {"status": "active", "name": "Ramp", "quantity": "1", "sku": "x"}})
    edited = plan_undo(before, after, {LINE: {"status": "active", "name": "Ramp", "quantity": "2"}})

    assert (untouched.edited, untouched.writes) == ((), True)
    assert (edited.edited, edited.writes) == (("line:pli_1.quantity",), False)


def test_an_entity_that_is_gone_was_changed_since():
    assert plan_undo({LINE: {"name": "a"}}, {LINE: {"name": "b"}}, {}).edited == ("line:pli_1.name",)


def test_what_was_created_beside_is_told():
    assert created_beside([LINE], [LINE, ("item", "itm_1"), ("customer", "cus_1")]) == (
        ("item", "itm_1"),
        ("customer", "cus_1"),
    )


VALUES = st.none() | st.sampled_from(["a", "b", "c"])
FIELDS = st.sampled_from(["name", "description", "custom.dock"])


@given(rows=st.dictionaries(FIELDS, st.tuples(VALUES, VALUES), min_size=1), edits=st.dictionaries(FIELDS, VALUES))
def test_hazard_an_undo_never_loses_an_edit_and_puts_all_else_back(rows, edits):
    before = {name: pair[0] for name, pair in rows.items()}
    after = {name: pair[1] for name, pair in rows.items()}
    now = {**after, **{name: value for name, value in edits.items() if name in rows}}

    plan = plan_undo({PROJECT: before}, {PROJECT: after}, {PROJECT: now})

    back = {each.field: each.before for entity in plan.entities for each in entity.fields if each.put_back}
    done = {**now, **back}
    for name in rows:
        edited = now[name] != after[name]
        assert done[name] == (now[name] if edited else before[name])
        assert (f"project.{name}" in plan.edited) == (edited and now[name] != before[name])
