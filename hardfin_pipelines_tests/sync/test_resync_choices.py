"""Choices of a person, field by field: each field is decided once, and a choice goes before the general way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.entities import ENTITY_FIELDS, EntityType
from hardfin_pipelines.sync.field_edits import EditProblem, FieldEdit, parse_edit
from hardfin_pipelines.sync.field_names import FieldName, FieldNameProblem, parse_field_name
from hardfin_pipelines.sync.resync import HeldEntity, compare_entity, compare_fields, removed_lines
from hardfin_pipelines.sync.resync_choices import Choices, read_choices

FIELDS: dict[EntityType, list[str]] = {
    "customer": ["name", "website"],
    "project": ["name", "value", "custom.po.number", "customer"],
    "project_line_item": ["quantity", "status", "project"],
}
LINES = {"pli_1": "pli_1", "5": "pli_1", "pli_2": "pli_2", "6": "pli_2"}


def read(keep=(), take=(), *, keep_local_edits=False):
    return read_choices(keep, take, keep_local_edits=keep_local_edits, fields=FIELDS, lines=LINES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("project.value", FieldName("project", "value")),
        (" customer.website ", FieldName("customer", "website")),
        ("project.custom.po.number", FieldName("project", "custom.po.number")),
        ("project_line_item.quantity", FieldName("project_line_item", "quantity")),
        ("line:pli_1.quantity", FieldName("project_line_item", "quantity", "pli_1")),
        ("line:5.custom.bay", FieldName("project_line_item", "custom.bay", "5")),
    ],
)
def test_a_name_is_understood_and_written_the_same_way(text, name):
    assert parse_field_name(text) == name
    assert str(name) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "value", "project", "project.", ".value", "line:.x", "line:5", "item.name", "Project.value"]
)
def test_a_name_of_no_form_says_what_the_forms_are(text):
    with pytest.raises(FieldNameProblem, match=r"names no field: expected project\.FIELD") as problem:
        parse_field_name(text)
    assert "\n" not in str(problem.value)


def test_a_line_is_known_by_either_of_its_ids():
    assert read(keep=["line:5.quantity"]) == read(keep=["line:pli_1.quantity"])


@pytest.mark.parametrize(
    ("keep", "take", "says"),
    [
        (
            ["project.price"],
            [],
            "keep project.price: a re-sync does not touch 'price' of the project; expected one of name, value",
        ),
        (
            [],
            ["line:5.price"],
            "take line:5.price: .* of the project line item; expected one of quantity, status, project",
        ),
        (["line:9.quantity"], [], "the project has no line '9' from the CRM; expected one of pli_1, pli_2"),
        (["line:5.quantity"], ["line:pli_1.quantity"], "keep and take both name line:pli_1.quantity: choose one"),
    ],
)
def test_what_means_nothing_here_says_what_would(keep, take, says):
    with pytest.raises(FieldNameProblem, match=says) as problem:
        read(keep, take)
    assert "\n" not in str(problem.value)


def test_a_project_without_lines_from_the_crm_says_so():
    with pytest.raises(FieldNameProblem, match="the project has no line from the CRM"):
        read_choices(["line:9.quantity"], [], keep_local_edits=False, fields=FIELDS, lines={})


def test_one_line_goes_before_all_lines():
    choices = read(keep=["project_line_item.quantity"], take=["line:5.quantity"])

    decisions = [choices.decide("project_line_item", line, "quantity", edited=True) for line in ("pli_1", "pli_2")]

    assert decisions == ["take", "keep"]


TARGETS = st.sampled_from(["name", "sku", "quantity", "custom.bay"])
TEXTS = st.dictionaries(TARGETS, st.none() | st.sampled_from(["a", "b", "c"]))
NAMES = st.builds(
    FieldName,
    st.just("project_line_item"),
    st.sampled_from(["name", "sku", "quantity", "status"]),
    st.sampled_from(["", "pli_1"]),
)


@st.composite
def choices_of_people(draw):
    keep = draw(st.frozensets(NAMES))
    return Choices(draw(st.booleans()), keep, draw(st.frozensets(NAMES)) - keep)


@given(ours=TEXTS, base=TEXTS, crm=TEXTS, choices=choices_of_people())
def test_every_field_that_differs_is_decided_once_and_no_other_is(ours, base, crm, choices):
    changes = compare_fields(HeldEntity("project_line_item", "pli_1", ours, base), crm, choices)

    assert [change.field for change in changes] == [name for name in crm if ours.get(name) != crm[name]]
    assert {change.decision for change in changes} <= {"take", "keep"}
    for name, theirs in crm.items():
        if base.get(name) == theirs == ours.get(name):
            assert name not in {change.field for change in changes}


@given(ours=TEXTS, base=TEXTS, crm=TEXTS, choices=choices_of_people(), removed=st.booleans())
def test_a_choice_beats_the_general_way_and_without_one_edits_are_kept_where_asked(ours, base, crm, choices, removed):
    held = HeldEntity("project_line_item", "pli_1", ours, base, removed)
    change = compare_entity(held, crm, choices)

    decided = {each.field: each for each in change.fields}
    if change.kind == "restore":
        assert FieldName("project_line_item", "status", "pli_1") not in choices.keep
    for name, each in decided.items():
        own, of_all = FieldName("project_line_item", name, "pli_1"), FieldName("project_line_item", name)
        chosen = next(
            (kind for one in (own, of_all) for kind in ("keep", "take") if one in getattr(choices, kind)), None
        )
        general = "keep" if choices.keep_local_edits and each.edited else "take"
        assert each.decision == (chosen or general)


@given(ours=TEXTS, base=TEXTS, crm=TEXTS)
def test_hazard_keeping_local_edits_loses_none(ours, base, crm):
    held = HeldEntity("project_line_item", "pli_1", ours, base)

    taken = [each for each in compare_fields(held, crm, Choices(keep_local_edits=True)) if each.decision == "take"]

    assert all(ours.get(each.field) == base.get(each.field) for each in taken)


def test_a_line_that_is_gone_stays_where_its_status_is_kept():
    line = HeldEntity("project_line_item", "pli_1", {"name": "Pump"}, {"name": "Pump"})

    (change,) = removed_lines([line], frozenset(), read(keep=["line:5.status"]))

    assert (change.kind, change.writes) == ("update", False)
    assert [(each.field, each.crm, each.hardfin, each.decision) for each in change.fields] == [
        ("status", "removed", "active", "keep")
    ]


def test_a_line_that_a_person_took_away_is_an_edit_one_that_a_sync_did_is_none():
    keeping = Choices(keep_local_edits=True)
    by_person = HeldEntity("project_line_item", "pli_1", {"name": "Pump"}, {"name": "Pump"}, removed=True)
    by_sync = HeldEntity(
        "project_line_item", "pli_1", {"name": "Pump"}, {"name": "Pump", "status": "removed"}, removed=True
    )

    assert not compare_entity(by_person, {"name": "Pump"}, keeping).writes
    assert compare_entity(by_sync, {"name": "Pump"}, keeping).kind == "restore"


@pytest.mark.parametrize(
    ("text", "entity", "field", "line"),
    [
        ("name=a=b", "project", "name", ""),
        ("custom.dock=7", "project", "custom.dock", ""),
        ("project.custom.dock=7", "project", "custom.dock", ""),
        ("line:5.name=Ramp", "project_line_item", "name", "5"),
    ],
)
def test_an_edit_without_an_owner_is_of_the_project(text, entity, field, line):
    edit = parse_edit(text)

    assert edit == FieldEdit(FieldName(entity, field, line), text.partition("=")[2])


WRITTEN = st.sampled_from(
    ["value", "name", "project.closed_on", "customer.city", "line:5.quantity", "custom.dock", "x", ""]
)


def reading_of(text):
    """An edit, or why it is none."""
    try:
        return parse_edit(text)
    except EditProblem as problem:
        return str(problem)


@given(WRITTEN, st.sampled_from(["=", ""]), st.text(max_size=20))
def test_any_text_is_an_edit_of_a_field_there_is_or_says_in_one_line_why_not(name, equals, value):
    found = reading_of(f"{name}{equals}{value}")

    if isinstance(found, str):
        assert len(found.splitlines()) == 1
    else:
        assert found.name.field in ENTITY_FIELDS[found.name.entity] or found.name.field.startswith("custom.")
