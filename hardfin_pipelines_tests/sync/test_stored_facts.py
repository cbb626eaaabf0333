"""Item facts come back from JSON as they were."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.stored_facts import facts_from_json, facts_to_json

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
MONEY = st.none() | st.decimals(allow_nan=False, allow_infinity=False)
KINDS = st.sampled_from(["stocked", "assembly", "kit", "non_stocked", "service", "helper"])
FACTS = st.builds(
    ItemFacts, TEXT, st.lists(TEXT).map(tuple), TEXT, KINDS, TEXT, st.booleans(), TEXT, MONEY, MONEY, TEXT
)
STORED = facts_to_json(ItemFacts("Pump", ("Pump",), "A-1", "stocked", "Inventory", price=Decimal("1.50")))


@given(FACTS)
def test_facts_come_back_digit_for_digit(facts):
    stored = json.loads(json.dumps(facts_to_json(facts)))

    assert facts_from_json(stored) == facts
    assert [str(facts_from_json(stored).price), str(facts_from_json(stored).cost)] == [
        str(facts.price),
        str(facts.cost),
    ]


def test_a_member_of_a_later_version_is_left_out():
    assert facts_from_json({**STORED, "color": "red"}).name == "Pump"


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("name", 7, "name: expected a text, found 7"),
        ("sku", None, "sku: expected a text, found None"),
        ("path", ["Pump", 1], "path: expected a list of texts"),
        ("kind", "gadget", "kind: expected one of assembly, helper, kit"),
        ("kind", ["kit"], "kind: expected one of"),
        ("active", "yes", "active: expected true or false, found 'yes'"),
        ("price", 1.5, "price: expected a number as text"),
        ("price", "NaN", "price: expected a number as text"),
        ("cost", "a lot" * 100, "cost: expected a number as text"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(member, value, expected):
    with pytest.raises(ValueError, match=expected) as raised:
        facts_from_json({**STORED, member: value})

    assert len(str(raised.value)) < 250
    assert "\n" not in str(raised.value)
