"""Mappings: the integrations' own, and what a connection makes of them."""

from datetime import UTC, datetime

import pytest

from hardfin_pipelines.organizations.checking import check_against_account
from hardfin_pipelines.organizations.default_mappings import default_mappings
from hardfin_pipelines.organizations.document import read_document
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.resolving import mapping_set
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ENTITY_TYPES
from hardfin_pipelines.sync.mapping import Mapped, map_record
from hardfin_pipelines.sync.mapping_rules import FieldRule
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines_tests.organizations.accounts import hubspot_account


def connection(integration: str = "hubspot", **keys) -> ConnectionConfiguration:
    data = {"organization": "acme", "plan": "advanced", "add_ons": ["salesforce"]}
    return read_document(data | {"connections": [{"integration": integration, **keys}]}).configuration.connections[0]


def test_hubspots_own_mapping_fills_every_required_field_from_default_properties():
    mappings = default_mappings("hubspot")

    assert set(mappings) == set(ENTITY_TYPES)
    for entity, fields in ENTITY_FIELDS.items():
        targets = [rule.target for rule in mappings[entity].rules]
        assert targets == [target for target in fields if target in targets]
        assert {target for target, about in fields.items() if about.required} <= set(targets)
    assert check_against_account(connection(pipelines=[{"pipeline": "default"}]), hubspot_account()) == []


def test_hubspots_own_mapping_reads_a_line_item():
    record = Record(
        "line_item",
        "1",
        datetime(2026, 1, 1, tzinfo=UTC),
        {"name": "Arm", "quantity": "2", "price": "10.50", "hs_recurring_billing_period": "P1Y"},
    )

    mapped = map_record(record, default_mappings("hubspot")["project_line_item"], {})

    assert isinstance(mapped, Mapped)
    assert {k: v for k, v in mapped.texts().items() if v is not None} == {
        "name": "Arm",
        "quantity": "2",
        "unit_price": "10.5",
        "term_months": "12",
    }


def test_a_block_left_out_is_the_integrations_own_and_a_block_given_replaces_it_but_for_required_fields():
    mappings = mapping_set(connection(mappings={"customer": {"website": "site"}, "item": {"name": "title"}}))

    assert mappings["customer"].rules == (FieldRule("name", "name"), FieldRule("website", "site"))
    assert mappings["item"].rules == (FieldRule("name", "title"),)
    assert mappings["project"] == default_mappings("hubspot")["project"]


def test_an_entry_says_how_it_is_read():
    entry = {"template": "{a} {b}", "required": True, "default": 0.5}
    mappings = mapping_set(connection(mappings={"project": {"custom.note": entry | {"default": "none"}}}))

    assert mappings["project"].rules == (
        FieldRule("name", "dealname"),
        FieldRule("custom.note", template="{a} {b}", required=True, default="none"),
    )


def test_fields_of_the_integrations_own_mapping_that_an_account_lacks_are_not_read():
    lacking = hubspot_account(without=("hs_line_item_currency_code", "hs_sku"))

    mapped = mapping_set(connection(), lacking)["project_line_item"]

    assert {"currency", "sku"}.isdisjoint(rule.target for rule in mapped.rules)
    assert len(mapped.rules) == len(default_mappings("hubspot")["project_line_item"].rules) - 2


def test_an_integration_without_a_mapping_of_its_own_needs_the_required_fields():
    with pytest.raises(ConfigurationError) as caught:
        connection("dynamics", pipelines=[{"pipeline": "a"}], mappings={"customer": {"name": "Name"}})

    assert [str(problem) for problem in caught.value.problems] == [
        f"connections[0].mappings.{entity}.name: expected the Microsoft Dynamics 365 field with {what}: "
        f"{whose} cannot do without it"
        for entity, what, whose in [
            ("item", "what the product or part is called", "an item"),
            ("project", "what the project is called", "a project"),
            ("project_line_item", "what the line is for", "a project line item"),
        ]
    ]
    assert mapping_set(connection("dynamics"))["customer"].rules == ()
