"""What systems say of one item: compared as written, amounts in one currency, and never resolved."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.item_opinions import HARDFIN, ItemSaid, Money, compare_opinions, conflicts

OURS = ItemSaid(HARDFIN, "Robot arm", "RA-1", Money(Decimal("100.50"), "USD"))
CRM = ItemSaid("acme:hubspot products 3", "Robot arm", "RA-1", Money(Decimal("100.5"), "usd"))
ERP = ItemSaid("acme:netsuite item 7", "Robot arm", "RA-1", Money(Decimal("100.50"), "USD"), Money(Decimal(60), "USD"))


def disagreed(*systems: ItemSaid, hardfin: ItemSaid = OURS) -> set[str]:
    return {each.field for each in conflicts(compare_opinions(hardfin, systems))}


def test_who_says_the_same_agrees():
    opinions = compare_opinions(OURS, [CRM, ERP])

    assert [(each.field, each.conflict) for each in opinions] == [
        ("name", False),
        ("sku", False),
        ("price", False),
        ("cost", False),
    ]
    assert [each.system for each in opinions[0].said] == [HARDFIN, CRM.system, ERP.system]
    assert [(each.system, each.text) for each in opinions[3].said] == [(ERP.system, "60 USD")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Robot Arm"}, "name"),
        ({"name": "Robot arm "}, "name"),
        ({"sku": "ra-1"}, "sku"),
        ({"sku": "RA1"}, "sku"),
        ({"price": Money(Decimal("100.51"), "USD")}, "price"),
    ],
)
def test_each_difference_is_a_conflict(change, field):
    assert disagreed(replace(CRM, **change), ERP) == {field}
    assert disagreed(replace(ERP, **change)) == {field}, "with Hardfin alone"


def test_costs_are_compared_among_accounting_systems():
    quickbooks = ItemSaid("acme:quickbooks Item 5", cost=Money(Decimal("59.99"), "USD"))

    assert disagreed(ERP, quickbooks) == {"cost"}
    assert disagreed(ERP, replace(quickbooks, cost=Money(Decimal("60.00"), "USD"))) == set()


@pytest.mark.parametrize("currency", ["EUR", ""])
def test_amounts_in_other_or_unknown_currencies_are_not_compared(currency):
    other = replace(ERP, price=Money(Decimal(92), currency))

    assert disagreed(CRM, other) == set()
    assert disagreed(replace(CRM, price=Money(Decimal(91), currency)), other) == ({"price"} if currency else set())


def test_who_says_nothing_disagrees_with_nobody():
    silent = ItemSaid("acme:salesforce Product2 01t")

    assert disagreed(silent, CRM) == set()
    assert disagreed(CRM, hardfin=replace(OURS, sku="", price=None)) == set()
    assert compare_opinions(ItemSaid(HARDFIN), [silent]) == ()


def test_a_conflict_is_told_with_who_says_what():
    (name,) = conflicts(compare_opinions(OURS, [CRM, replace(ERP, name="Arm"), ItemSaid("x", "Arm")]))
    (price,) = conflicts(compare_opinions(OURS, [CRM, replace(ERP, price=Money(Decimal(99), "USD"))]))

    assert name.sentence() == (
        "name: “Robot arm” by Hardfin and acme:hubspot products 3; “Arm” by acme:netsuite item 7 and x"
    )
    assert price.sentence() == (
        "price: 100.50 USD by Hardfin and acme:hubspot products 3; 99 USD by acme:netsuite item 7"
    )


MONEY = st.none() | st.builds(
    Money, st.sampled_from([Decimal(1), Decimal("1.0"), Decimal(2)]), st.sampled_from(["USD", "usd", "EUR", ""])
)
SAID = st.builds(
    ItemSaid,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["", "Pump", "pump"]),
    st.sampled_from(["", "P-1", "P1"]),
    MONEY,
    MONEY,
)


@given(SAID, st.lists(SAID, max_size=5), st.randoms())
def test_the_order_of_systems_makes_no_difference(hardfin, systems, random):
    shuffled = random.sample(systems, len(systems))

    assert disagreed(*shuffled, hardfin=hardfin) == disagreed(*systems, hardfin=hardfin)


@given(SAID, st.lists(SAID, max_size=5))
def test_there_is_a_conflict_just_where_two_of_them_disagree_alone(hardfin, systems):
    everyone = [hardfin, *systems]
    pairs = [disagreed(second, hardfin=first) for first in everyone for second in everyone]

    assert disagreed(*systems, hardfin=hardfin) == set().union(*pairs)


@given(SAID, st.lists(SAID, max_size=5))
def test_nothing_that_is_said_is_left_out_and_nothing_is_made_up(hardfin, systems):
    opinions = {each.field: each for each in compare_opinions(hardfin, systems)}

    for field in ("name", "sku", "price", "cost"):
        said = [(each.system, each.of(field)) for each in (hardfin, *systems) if each.of(field) is not None]
        held = opinions.get(field)
        assert [(each.system, each.value) for each in held.said] == said if held else not said
    assert disagreed(hardfin, *systems, hardfin=hardfin) == disagreed(*systems, hardfin=hardfin)
