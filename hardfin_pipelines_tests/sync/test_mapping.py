"""Mapping: vendor properties become an entity's fields, exactly or with a reason."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.entities import (
    ENTITY_FIELDS,
    ENTITY_OF_ROLE,
    ENTITY_TYPES,
    ROLE_OF_ENTITY,
    field_of,
)
from hardfin_pipelines.sync.mapping import Mapped, Rejected, map_record, split_custom
from hardfin_pipelines.sync.mapping_rules import CONVERSIONS, EntityMapping, FieldRule, fill_template
from hardfin_pipelines.sync.records import CRM_ROLES, PropertyDescription
from hardfin_pipelines_tests.sync.builders import record

NAME = FieldRule("name", "dealname")
TIERS = PropertyDescription("tier", "Tier", "option", {"g": "Gold", "s": "Silver", "n": " "})
SITES = PropertyDescription("sites", "Sites", "options", {"a": "Bay A", "b": "Bay B"})


def mapped(properties, *rules):
    deal = record("deal", "1", {"dealname": "Deal", **properties})
    return map_record(deal, EntityMapping("project", (NAME, *rules)), {"tier": TIERS, "sites": SITES})


def values(properties, *rules):
    result = mapped(properties, *rules)
    assert isinstance(result, Mapped), result
    return dict(result.values)


def reason(properties, *rules):
    result = mapped(properties, *rules)
    assert isinstance(result, Rejected), result
    return result.reason


def test_a_field_is_read_as_its_own_type_asks():
    rules = (FieldRule("value", "amount"), FieldRule("closed_on", "closedate"), FieldRule("currency", "cur"))

    found = values({"amount": "10.50", "closedate": "2026-01-31T23:00:00Z", "cur": "eur"}, *rules)

    assert found["value"] == Decimal("10.50")
    assert str(found["value"]) == "10.50"
    assert str(found["closed_on"]) == "2026-01-31"
    assert found["currency"] == "EUR"


def test_an_empty_field_has_no_value():
    for empty in (None, "", "  \n"):
        assert values({"amount": empty}, FieldRule("value", "amount"))["value"] is None


def test_hazard_a_field_that_is_hidden_or_deleted_at_the_vendor_is_left_out_and_empties_nothing():
    """HubSpot omits undefined properties from its answer; null is how it says empty."""
    assert "value" not in values({}, FieldRule("value", "amount"))
    assert "site_contact" not in values({}, FieldRule("site_contact", template="{first} {last}"))
    assert values({"last": None}, FieldRule("site_contact", template="{first} {last}"))["site_contact"] is None


def test_a_required_entry_without_a_value_rejects_the_record():
    required = FieldRule("site_contact", "custom_contact", required=True)

    assert reason({"custom_contact": " "}, required) == (
        "project.site_contact from 'custom_contact': is required and empty at the vendor"
    )
    assert "is required" in reason({}, required)
    assert values({"custom_contact": "Ann"}, required)["site_contact"] == "Ann"


def test_a_default_fills_what_is_empty_at_the_vendor_and_is_read_like_a_vendor_value():
    amount = FieldRule("value", "amount", default="12.5", required=True)

    assert values({"amount": None}, amount)["value"] == Decimal("12.5")
    assert values({"amount": " "}, amount)["value"] == Decimal("12.5")
    assert values({}, amount)["value"] == Decimal("12.5")
    assert values({"amount": "0"}, amount)["value"] == Decimal(0), "zero is a value"
    assert "expected a number, got 'many'" in reason({}, FieldRule("value", "amount", default="many"))
    tier = FieldRule("service_level", "tier", convert="option label", default="s")
    assert values({"tier": None}, tier)["service_level"] == "Silver"


def test_a_default_alone_is_a_constant():
    assert values({}, FieldRule("currency", default="usd"))["currency"] == "USD"


def test_a_blank_default_is_no_value():
    assert reason({}, FieldRule("owner", "owner", default=" ", required=True)).endswith(
        "is required and empty at the vendor"
    )


def test_a_default_never_hides_a_value_that_cannot_be_read():
    assert "got 'N/A'" in reason({"amount": "N/A"}, FieldRule("value", "amount", default="1"))


def test_a_list_or_option_without_entries_is_no_value():
    """A multi-select may hold only its separators; a name made of nothing must not pass as a name."""
    sites = FieldRule("description", "sites", convert="option label", required=True)

    assert "is required" in reason({"sites": ";"}, sites)
    assert "is required" in reason({"sites": " ; "}, FieldRule("description", "sites", convert="list", required=True))
    assert (
        values({"sites": ";"}, FieldRule("description", "sites", convert="list", default="none"))["description"]
        == "none"
    )
    assert values({"tier": "n"}, FieldRule("service_level", "tier", convert="option label"))["service_level"] is None
    named_by_list = EntityMapping("project", (FieldRule("name", "sites", convert="list"),))
    assert isinstance(map_record(record("deal", "1", {"sites": ";;"}), named_by_list, {}), Rejected)


LABEL = FieldRule("service_level", "tier", convert="option label")


def test_the_stored_value_stands_for_an_option_the_account_does_not_have_any_more():
    assert values({"tier": "bronze"}, LABEL)["service_level"] == "bronze"
    assert values({"sites": "a;z"}, replace(LABEL, source="sites"))["service_level"] == "Bay A, z"


@pytest.mark.parametrize(
    "rule",
    [replace(LABEL, required=True), replace(LABEL, target="value"), replace(LABEL, target="closed_on")],
    ids=["required", "a number", "a date"],
)
def test_an_option_without_a_label_rejects_the_record_where_no_raw_value_would_do(rule):
    assert reason({"tier": "bronze"}, rule) == (
        f"project.{rule.target} from 'tier': expected one of the options of 'tier', got 'bronze'"
    )


@pytest.mark.parametrize(("hours", "kept"), [(1, True), (0, True), (-1, False)])
def test_an_option_may_be_newer_than_the_description_of_the_account(hours, kept):
    deal = record("deal", "1", {"dealname": "Deal", "tier": "bronze"})
    described_at = deal.modified_at + timedelta(hours=hours)

    found = map_record(deal, EntityMapping("project", (NAME, LABEL)), {"tier": TIERS}, described_at)

    assert isinstance(found, Mapped if kept else Rejected)


def test_a_field_the_entity_needs_is_required_even_when_the_mapping_does_not_say_so():
    assert reason({"dealname": " "}) == (
        "project.name has no value ('dealname' is empty at the vendor); fill it there, or give the mapping a default"
    )


def test_a_mapping_without_a_needed_field_says_so():
    result = map_record(record("deal", "1", {}), EntityMapping("project", ()), {})

    assert result == Rejected("project.name has no value (the mapping has no entry for it); add one to the mapping")


def test_a_target_that_is_no_field_is_named():
    assert reason({"x": "1"}, FieldRule("colour", "x")) == "project.colour from 'x': is no field of this entity"
    assert "custom. from" in reason({"x": "1"}, FieldRule("custom.", "x"))


def test_all_problems_are_named_in_one_line_and_none_hides_another():
    text = "project.name from"  # vendor text that looks like a problem of another field

    found = reason(
        {"dealname": None, "amount": text, "closedate": "soon"},
        *(FieldRule("value", "amount"), FieldRule("closed_on", "closedate")),
    )

    assert found.count("; ") == 3
    assert "project.value from 'amount': expected a number, got 'project.name from'" in found
    assert "project.closed_on from 'closedate'" in found
    assert "project.name has no value" in found


def test_custom_fields_are_kept_as_text_beside_the_entitys_own():
    found = values(
        {"po": "PO-7", "score": "010.50", "empty": None},
        FieldRule("custom.po_number", "po"),
        FieldRule("custom.score", "score", convert="number"),
        FieldRule("custom.empty", "empty"),
    )

    own, custom = split_custom(found)

    assert own == {"name": "Deal"}
    assert custom == {"po_number": "PO-7", "score": "10.5"}


def test_texts_are_canonical_so_that_they_can_be_compared_later():
    result = mapped(
        {"amount": "10.00", "closedate": "1772352000000"},
        FieldRule("value", "amount"),
        FieldRule("closed_on", "closedate"),
        FieldRule("owner", "amount2"),
    )

    assert isinstance(result, Mapped)
    assert result.texts() == {"name": "Deal", "value": "10", "closed_on": "2026-03-01"}


def test_a_template_fills_in_fields_and_trims():
    assert (
        values({"city": "Oslo"}, FieldRule("description", template=" {dealname} ({city}) "))["description"]
        == "Deal (Oslo)"
    )


@pytest.mark.parametrize(
    ("template", "properties", "expected"),
    [
        ("{a} ({b})", {"a": "x", "b": None}, "x ()"),
        ("{a} ({b})", {"a": None, "b": ""}, None),
        ("{a} ({b})", {"a": " ", "b": "\t"}, None),
        ("{a} ({b})", {}, None),
        ("{a}{a}", {"a": "x"}, "xx"),
        ("always this", {}, "always this"),
        ("{Account.Name}", {"Account.Name": "Globex"}, "Globex"),
        ("{not a field}", {"not a field": "x"}, "{not a field}"),
        ("{}", {"": "x"}, "{}"),
    ],
)
def test_templates(template, properties, expected):
    assert fill_template(template, properties) == expected


def test_hazard_braces_and_format_codes_inside_vendor_values_are_data():
    properties = {"a": "{b}", "b": "{a.__class__} %s \\1 {0} $b", "secret": "s3cret"}

    assert fill_template("{a}/{b}", properties) == "{b}/{a.__class__} %s \\1 {0} $b"
    assert fill_template("{a}", {"a": "{secret}", "secret": "s3cret"}) == "{secret}"


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_template_puts_in_any_text_as_it_is(first, second):
    filled = fill_template("<{a}|{b}>", {"a": first, "b": second})

    assert filled == (None if not (first.strip() or second.strip()) else f"<{first}|{second}>")


def test_the_fields_a_mapping_reads_are_listed_once_and_in_order():
    mapping = EntityMapping(
        "project",
        (NAME, FieldRule("description", template="{city}: {dealname}, {city}"), FieldRule("currency", default="USD")),
    )

    assert mapping.sources() == ("dealname", "city")
    assert mapping.rules[2].sources() == ()


def test_overrides_replace_entries_of_the_same_target_and_add_others():
    base = EntityMapping("project", (NAME, FieldRule("value", "amount")))

    merged = base.merged_with(EntityMapping("project", (FieldRule("value", "total"), FieldRule("owner", "owner_name"))))

    assert {each.target: each.source for each in merged.rules} == {
        "name": "dealname",
        "value": "total",
        "owner": "owner_name",
    }
    assert base.rules == (NAME, FieldRule("value", "amount"))


def test_every_role_becomes_one_kind_of_entity_and_every_field_says_what_it_is():
    assert [ENTITY_OF_ROLE[role] for role in CRM_ROLES] == ["customer", "project", "project_line_item", "item"]
    assert {ROLE_OF_ENTITY[entity] for entity in ENTITY_TYPES} == set(CRM_ROLES)
    for entity in ENTITY_TYPES:
        assert field_of(entity, "name") == ENTITY_FIELDS[entity]["name"]
        assert all(each.description for each in ENTITY_FIELDS[entity].values())
    assert field_of("project", "colour") is None
    custom = field_of("project", "custom.po_number")
    assert custom is not None
    assert custom.type == "text"


ANY_TEXT = st.text(st.characters(codec=None)) | st.sampled_from(
    [
        "N/A",
        "NaN",
        "sNaN",
        "Infinity",
        "1e400",
        "0e-999999",
        "1_000",
        "\x00",
        "\ud800",
        "9999-12-31T23:59:59-12:00",
        ";",
    ]
)
TARGETS = [(entity, target) for entity in ENTITY_TYPES for target in (*ENTITY_FIELDS[entity], "custom.any")]


@settings(deadline=None, max_examples=400)
@given(
    target=st.sampled_from(TARGETS),
    convert=st.sampled_from([None, *CONVERSIONS]),
    text=ANY_TEXT,
    default=st.none() | ANY_TEXT,
)
def test_hazard_whatever_a_vendor_sends_is_mapped_or_rejected_with_a_reason_that_can_be_stored(
    target, convert, text, default
):
    entity, name = target
    entry = FieldRule(name, "field", convert=convert, default=default)
    others = () if name == "name" else (FieldRule("name", "other"),)
    received = record(ROLE_OF_ENTITY[entity], "1", {"field": text, "other": "A name"})

    result = map_record(received, EntityMapping(entity, (entry, *others)), {"field": SITES})

    if isinstance(result, Rejected):
        assert result.reason
        result.reason.encode()
        assert "\x00" not in result.reason
    else:
        for value in result.texts().values():
            assert value is None or (value.strip() and "\x00" not in value)
            (value or "").encode()
