"""Documents in other forms: differences, YAML, JSON schema, the reference for users."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.organizations.account_descriptions import description_from_json, description_to_json
from hardfin_pipelines.organizations.difference import difference
from hardfin_pipelines.organizations.document import read_document
from hardfin_pipelines.organizations.plans import load_plans
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.organizations.writing import json_schema, to_yaml
from hardfin_pipelines.sync.entities import ENTITY_FIELDS
from hardfin_pipelines.sync.mapping_rules import CONVERSIONS
from hardfin_pipelines_tests.organizations.accounts import hubspot_account
from hardfin_pipelines_tests.organizations.strategies import documents

DOCS = Path(__file__).parents[2] / "docs"


def form(data):
    return read_document(data).configuration.document()


@settings(max_examples=60, deadline=None)
@given(documents())
def test_a_document_written_as_yaml_reads_back_as_the_same_document(data):
    document = form(data)

    (again,) = read_text(to_yaml(document))

    assert again.configuration.document() == document
    jsonschema.validate(document, json_schema(load_plans()))


@settings(max_examples=40, deadline=None)
@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_connections_pipelines_and_keys_makes_no_difference(data, random):
    shuffled = dict(random.sample(list(data.items()), len(data)))
    shuffled["connections"] = random.sample(data["connections"], len(data["connections"]))
    for connection in shuffled["connections"]:
        connection["pipelines"] = random.sample(rules := connection.get("pipelines", []), len(rules))

    assert difference(form(data), form(shuffled)) == ()


def test_a_difference_names_each_value_old_and_new_in_a_stable_order():
    rules: list[dict[str, Any]] = [{"pipeline": "a", "trigger_stages": ["x"]}, {"pipeline": "b"}]
    old = form(
        {
            "organization": "acme",
            "plan": "advanced",
            "connections": [
                {"integration": "hubspot", "cadence": "30m", "pipelines": rules, "mappings": {"item": {"sku": "s"}}},
                {"integration": "quickbooks"},
            ],
        }
    )
    new = form(
        {
            "organization": "acme",
            "plan": "advanced",
            "name": "Acme",
            "connections": [
                {
                    "integration": "hubspot",
                    "start_date": "2025-01-01",
                    "pipelines": [rules[1] | {"status": "paused"}, rules[0] | {"trigger_stages": "won"}],
                    "mappings": {"item": {"sku": {"field": "s", "required": True}}},
                }
            ],
        }
    )

    assert [str(change) for change in difference(old, new)] == [
        '+ name: "Acme"',
        '+ connections[hubspot].start_date: "2025-01-01"',
        '~ connections[hubspot].pipelines[b].status: "active" -> "paused"',
        '~ connections[hubspot].pipelines[a].trigger_stages: ["x"] -> "won"',
        '+ connections[hubspot].mappings.item.sku.field: "s"',
        "+ connections[hubspot].mappings.item.sku.required: true",
        '- connections[hubspot].cadence: "30m"',
        '- connections[hubspot].mappings.item.sku: "s"',
        '- connections[quickbooks].integration: "quickbooks"',
        '- connections[quickbooks].status: "active"',
    ]
    assert [change.kind for change in difference(new, old)].count("removed") == 4
    assert difference(None, new)[0].new == "acme"


def test_an_account_description_survives_being_stored():
    account = hubspot_account()

    assert description_from_json(json.loads(json.dumps(description_to_json(account)))) == account


def test_a_description_that_was_stored_before_calculated_fields_were_told_is_read():
    stored = description_to_json(hubspot_account())
    for properties in stored["properties"].values():
        for about in properties.values():
            del about["calculated"]

    assert description_from_json(stored) == hubspot_account()


def test_the_json_schema_in_the_reference_is_current():
    schema = json_schema(load_plans())
    jsonschema.Draft202012Validator.check_schema(schema)

    assert json.loads((DOCS / "organization.schema.json").read_text(encoding="utf-8")) == schema


@pytest.mark.parametrize(
    "wrong",
    [
        {"plan": "none"},
        {"organization": "A B"},
        {"add_ons": ["hubspot"]},
        {"connections": [{"integration": "hubspot", "cadance": "5m"}]},
        {"connections": [{"integration": "hubspot", "pipelines": [{"pipeline": "a", "trigger_stages": []}]}]},
        {"connections": [{"integration": "hubspot", "mappings": {"item": {"nam": "x"}}}]},
        {"connections": [{"integration": "hubspot", "mappings": {"item": {"name": {"as": "text"}}}}]},
    ],
)
def test_an_editor_sees_mistakes_by_the_json_schema(wrong):
    sound = {"organization": "acme", "plan": "free"}
    jsonschema.validate(sound, json_schema(load_plans()))

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sound | wrong, json_schema(load_plans()))


def test_the_examples_of_the_reference_can_be_used_and_the_tables_are_complete():
    text = (DOCS / "organization.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)

    documents = [document for example in examples for document in read_text(example, "organization.md")]

    assert [document.configuration.organization for document in documents] == ["acme-robotics", "initech"]
    assert all(f"`{conversion}`" in text for conversion in CONVERSIONS)
    for entity, fields in ENTITY_FIELDS.items():
        (row,) = re.findall(rf"^\| `{entity}` \|.*$", text, re.MULTILINE)
        assert set(fields) <= set(re.findall(r"`(\w+)`", row))
    for name, plan in load_plans().plans.items():
        cells = [", ".join(f"`{each}`" for each in part) for part in (plan.integrations, plan.add_ons)]
        assert f"| `{name}` | {cells[0]} | {cells[1]} | `{plan.fastest}` |" in text
