"""What a person is shown to choose from: the likeliest first, with reasons in words, at any size."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.catalogue import Catalogue
from hardfin_pipelines.sync.matching import match
from hardfin_pipelines.sync.suggestions import WOULD_MATCH, Suggester
from hardfin_pipelines_tests.sync.item_builders import catalogue, erp_item, product

OTHERS = (
    product("o1", "Touring Frame - Blue, 54", "FR-T98U-54"),
    product("o2", "Road Tire Tube", "TT-R982"),
    product("o3", "Hydraulic Valve", "HV-7001"),
    product("o4", "Water Bottle - 30 oz.", "WB-H098"),
)


def suggested(item, *items, **more):
    return Suggester(catalogue(*items, *OTHERS)).suggest(item, **more)


@pytest.mark.parametrize(
    ("item", "meant", "reason"),
    [
        (erp_item("Röhre"), product("1", "Rohre"), "the name is the same but for accents, punctuation or zeros"),
        (erp_item("Skiløb"), product("1", "Skilob"), "the name is the same but for accents, punctuation or zeros"),
        (erp_item("Nut, hex, M8"), product("1", "Hex Nut M8"), "the name has the same words in another order"),
        (erp_item("HL Road Frame"), product("1", "HL Road Frame - Red, 58"), "the name is the same without “red 58”"),
        (erp_item("Gripper Arm rev B"), product("1", "Gripper Arm"), "the name is the same but for “rev b” more"),
        (erp_item("Handle bar"), product("1", "Handlebar"), "the name is the same but for spaces"),
        (erp_item("Gripepr"), product("1", "Gripper"), "the name is the same but for “gripepr” instead of “gripper”"),
        (
            erp_item("Cable 10mm"),
            product("1", "Cable 10 mm"),
            "the name is the same but for accents, punctuation or zeros",
        ),
        (erp_item("?", "AB1001"), product("1", "Lamp", "AB-1001"), "the SKU is the same but for punctuation"),
        (erp_item("?", "1001"), product("1", "Lamp", "0001001"), "the SKU is the same but for leading zeros"),
        (
            erp_item("?", "AB-10O1"),
            product("1", "Lamp", "AB-1001"),
            "the SKU is the same if letters like O are read as digits",
        ),
        (erp_item("?", "AB-1010"), product("1", "Lamp", "AB-1001"), "the SKU is one mistake away"),
        (erp_item("?", "XY-1001"), product("1", "Lamp", "AB-1001"), "the SKU has the same digits, 1001"),
        (erp_item("AB-1001"), product("1", "Lamp", "AB-1001"), "its SKU is this name, “AB-1001”"),
        (erp_item("?", "LAMP-77"), product("1", "Lamp 77", "Q"), "its name is this SKU, “LAMP-77”"),
        (erp_item("AB-1001 ceiling light"), product("1", "Lamp", "AB-1001"), "its SKU stands in this name, “AB-1001”"),
        (
            erp_item("X9", description="Ceiling lamp"),
            product("1", "Lamp, ceiling"),
            "the description has the same words in another order",
        ),
    ],
)
def test_the_one_that_is_meant_comes_first_with_the_reason_in_words(item, meant, reason):
    found = suggested(item, meant)

    assert found[0].item_id == "1"
    assert found[0].reasons[0] == reason
    assert 30 <= found[0].score < WOULD_MATCH


def test_of_products_alike_those_of_the_same_price_and_the_fitting_type_come_first():
    items = [
        product(str(n), f"Pump Set {n}", price=price, currency="USD") for n, price in enumerate(("90", "30", "31"), 1)
    ]
    found = suggested(erp_item("Pump Set", price="30.00", currency="USD", kind="kit"), *items)

    assert [each.item_id for each in found] == ["2", "3", "1"]
    assert found[0].reasons == (
        "the name is the same without “2”",
        "the price is the same",
        "the type fits: a kit is a product",
    )
    assert "the price is close" in found[1].reasons


def test_prices_of_different_currencies_are_not_compared():
    found = suggested(
        erp_item("Pump Set", price="30", currency="EUR"), product("1", "Pump Set 1", price="30", currency="USD")
    )

    assert not any("price" in reason for reason in found[0].reasons)


def test_a_parent_that_stands_in_the_name_tells_products_apart():
    found = suggested(
        erp_item("Hose 10", "", "Sprinkler"), product("1", "Garden Hose 12"), product("2", "Sprinkler Hose 12")
    )

    assert found[0].item_id == "2"


def test_only_what_would_match_alone_has_a_hundred():
    both = (product("1", "Pump", "A-1"), product("2", "Pump", "B-2"), product("3", "Pump Set", "C-3"))
    found = suggested(erp_item("pump", "b-2"), *both)

    assert [(each.item_id, each.score == WOULD_MATCH) for each in found] == [("2", True), ("1", True), ("3", False)]
    assert found[0].reasons == ("the SKU is the same", "the name is the same")


def test_products_that_other_items_are_linked_to_come_after_those_alike():
    sizes = [product(str(n), f"Frame, {n}") for n in range(40, 46)]
    found = suggested(erp_item("Frame"), *sizes, taken={"40", "42"})

    assert [each.item_id for each in found] == ["41", "43", "44", "45", "40"]
    assert "another item of the accounting system is linked to it" in found[-1].reasons


def test_nothing_is_suggested_where_nothing_is_alike():
    assert suggested(erp_item("Zzyzx", "QQ")) == ()
    assert suggested(erp_item("", "")) == ()
    assert Suggester(Catalogue()).suggest(erp_item("Pump", "A-1")) == ()


def test_no_more_are_shown_than_asked_for():
    items = [product(str(n), f"Pump {n}") for n in range(20)]

    assert len(suggested(erp_item("Pump"), *items)) == 5
    assert len(suggested(erp_item("Pump"), *items, limit=2)) == 2


def test_what_was_put_into_the_catalogue_since_is_suggested_and_what_was_removed_is_not():
    changing = catalogue(product("1", "Pump A"), *OTHERS)
    suggester = Suggester(changing)
    before = suggester.suggest(erp_item("Pump"))
    changing.put(product("2", "Pump B"))
    changing.remove("1")

    assert [each.item_id for each in before] == ["1"]
    assert [each.item_id for each in suggester.suggest(erp_item("Pump"))] == ["2"]


WORDS = st.lists(
    st.sampled_from(["pump", "Pumpe", "é", "10", "010", "mm", "AB-1", "ab1", "日本", "½", "-"]), max_size=4
)
NAMES = WORDS.map(" ".join) | st.text(st.characters(codec="utf-8"), max_size=10)
PRICES = st.none() | st.decimals("-1e12", "1e12", allow_nan=False).map(str)
PRODUCTS = st.lists(
    st.builds(product, st.uuids().map(str), NAMES, NAMES, price=PRICES), max_size=8, unique_by=lambda item: item.id
)
FACTS = st.builds(erp_item, NAMES, NAMES, NAMES, description=NAMES, price=PRICES)


@settings(deadline=None, max_examples=300)
@given(FACTS, PRODUCTS, st.randoms())
def test_any_texts_give_ordered_suggestions_that_do_not_depend_on_the_catalogues_order(facts, items, shuffler):
    shuffled = list(items)
    shuffler.shuffle(shuffled)
    found = Suggester(Catalogue(items)).suggest(facts)

    assert found == Suggester(Catalogue(shuffled)).suggest(facts)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert len({each.item_id for each in found}) == len(found) <= 5
    assert all(0 <= each.score <= WOULD_MATCH for each in found)
    assert all(each.reasons for each in found if each.score == WOULD_MATCH)


@settings(deadline=None, max_examples=300)
@given(FACTS, PRODUCTS)
def test_what_is_linked_alone_is_suggested_with_a_hundred(facts, items):
    everything = Catalogue(items)
    linked = match(facts, everything).item_id
    if linked is not None:
        assert (linked, WOULD_MATCH) in {(each.item_id, each.score) for each in Suggester(everything).suggest(facts)}


def test_long_texts_and_common_words_get_suggestions_as_others_do():
    chooser = random.Random(7)
    words = [f"{chooser.choice('bcdfgklmnprst')}{chooser.choice('aeiou')}{n:x}" for n in range(400)]
    items = [
        product(f"{n:05}", " ".join(["Pump", "Steel", *chooser.sample(words, 4)]), f"SK-{n:05}") for n in range(20_000)
    ]
    suggester = Suggester(Catalogue(items))
    suggester.suggest(erp_item("Pamp"))
    asked = [
        erp_item("Pump Steel", "SK"),
        erp_item("x" * 4000, "y" * 4000, description="z" * 4000),
        erp_item(" ".join(words), description=" ".join(reversed(words))),
        erp_item("é" * 4000, "é"),
    ]
    for item in asked:
        found = suggester.suggest(item)
        assert len(found) <= 5
        assert all(0 <= each.score <= 100 for each in found)
