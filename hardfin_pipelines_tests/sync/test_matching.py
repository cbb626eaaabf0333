"""Which product an item is: linked where that is certain, else a person's to say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem
from hardfin_pipelines.sync.matching import MOST_CANDIDATES, match, match_all
from hardfin_pipelines.sync.vendor_keys import VendorKeys
from hardfin_pipelines_tests.sync.item_builders import catalogue, erp_item, product

PUMP, VALVE = product("pump", "Pump X1", "AB-1"), product("valve", "Valve", "CD-2")


def outcome(found):
    return found.item_id, found.matched_by, found.triage_reason


# -- one level at a time


@pytest.mark.parametrize(
    ("item", "matched_by"),
    [
        (erp_item("Something else", "AB-1"), "sku"),
        (erp_item("Something else", "ab\u20111 "), "normalized sku"),
        (erp_item("Pump X1"), "name"),
        (erp_item(" PUMP  x1"), "normalized name"),
        (erp_item("Pump X1", "AB-1"), "sku"),
        (erp_item("pump x1", "AB-1"), "sku"),
        (erp_item("Pump X1", "ab-1"), "normalized sku"),
        (erp_item("Pump X1", "unknown to Hardfin"), "name"),
        (erp_item("Pump X1", "N/A"), "name"),
    ],
)
def test_the_strongest_level_that_points_at_one_item_links_it(item, matched_by):
    assert outcome(match(item, catalogue(PUMP, VALVE))) == ("pump", matched_by, "")


@pytest.mark.parametrize(
    "item",
    [
        erp_item("Pump X2", "AB-2"),
        erp_item("Pümp X1"),
        erp_item("Pumps X1"),
        erp_item("X1 Pump"),
        erp_item("Pump-X1", "AB1"),
        erp_item("", ""),
        erp_item("-", "-"),
    ],
)
def test_nothing_is_linked_because_it_is_alike(item):
    found = match(item, catalogue(PUMP, VALVE))

    assert outcome(found) == (None, "", "unmatched")
    assert found.is_for_triage


def test_leading_zeros_are_kept():
    both = catalogue(product("1", "One", "0012"), product("2", "Two", "12"))

    assert match(erp_item("x", "0012"), both).item_id == "1"
    assert match(erp_item("x", "12"), both).item_id == "2"
    assert outcome(match(erp_item("x", "00012"), both)) == (None, "", "unmatched")


def test_an_exact_key_decides_between_items_whose_normalized_keys_are_one():
    both = catalogue(product("1", "Pump", "ab-1"), product("2", "PUMP", "AB-1"))

    assert outcome(match(erp_item("x", "AB-1"), both)) == ("2", "sku", "")
    assert outcome(match(erp_item("Pump"), both)) == ("1", "name", "")
    assert outcome(match(erp_item("x", "Ab-1"), both)) == (None, "", "ambiguous")
    assert outcome(match(erp_item("pump"), both)) == (None, "", "ambiguous")


def test_empty_skus_are_no_key():
    assert outcome(match(erp_item("Hose", " "), catalogue(product("1", "Pump", "")))) == (None, "", "unmatched")
    assert outcome(match(erp_item("Hose", ""), catalogue(product("1", "Pump", " ")))) == (None, "", "unmatched")


# -- paths


@pytest.mark.parametrize("name", ["Pipes:Hose", "Pipes : Hose", "pipes: HOSE", "Hose"])
def test_a_product_may_be_named_by_the_items_own_name_or_by_its_path(name):
    assert match(erp_item("Hose", "", "Pipes"), catalogue(product("1", name))).item_id == "1"


def test_an_own_name_below_another_parent_is_not_the_path():
    assert match(erp_item("Hose", "", "Fittings"), catalogue(product("1", "Pipes:Hose"))).triage_reason == "unmatched"


@pytest.mark.parametrize(("leaf", "path"), [("Hose", "Pipes:Hose"), ("hose", "Pipes:Hose"), ("Hose", "pipes : hose")])
def test_an_own_name_and_a_path_of_different_items_are_ambiguous(leaf, path):
    found = match(erp_item("Hose", "", "Pipes"), catalogue(product("1", leaf), product("2", path)))

    assert outcome(found) == (None, "", "ambiguous")
    assert set(found.candidates) == {"1", "2"}


# -- more than one, and contradictions


def test_two_products_of_one_name_are_never_linked_by_it():
    found = match(erp_item("Pump"), catalogue(product("1", "Pump", "A"), product("2", "Pump", "B")))

    assert outcome(found) == (None, "", "ambiguous")
    assert found.candidates == ("1", "2")
    assert found.detail == "Its name “Pump” is that of 2 items: the product “Pump” and the product “Pump”."


def test_a_sku_decides_between_products_of_one_name():
    both = catalogue(product("1", "Pump", "A"), product("2", "Pump", "B"), product("3", "Valve", "C"))

    assert outcome(match(erp_item("Pump", "B"), both)) == ("2", "sku", "")
    assert outcome(match(erp_item("Pump", "C"), both)) == (None, "", "conflict")


def test_two_products_of_one_sku_are_a_persons_to_tell_apart_with_the_one_of_the_name_first():
    found = match(erp_item("Valve", "A"), catalogue(product("1", "Pump", "A"), product("2", "Valve", "A")))

    assert outcome(found) == (None, "", "ambiguous")
    assert found.candidates == ("2", "1")


def test_a_sku_and_a_name_of_different_items_are_a_conflict():
    found = match(erp_item("Valve", "AB-1"), catalogue(PUMP, VALVE))

    assert outcome(found) == (None, "", "conflict")
    assert found.candidates == ("pump", "valve")
    assert found.detail == (
        "Its SKU “AB-1” is that of the product “Pump X1”, but its name “Valve” is that of the product “Valve”."
    )


def test_a_sku_of_two_and_a_name_of_a_third_are_a_conflict():
    three = catalogue(product("1", "Pump", "A"), product("2", "Hose", "A"), product("3", "Valve"))

    assert outcome(match(erp_item("Valve", "A"), three)) == (None, "", "conflict")


@pytest.mark.parametrize(
    ("item", "other"),
    [
        (erp_item("Unknown", "AB-1"), product("other", "ab-1", "ZZ")),
        (erp_item("Pump X1", "P 100"), product("other", "P 100", "ZZ")),
        (erp_item("Pump X1"), product("other", "Hose", "PumpX1")),
    ],
)
def test_a_key_that_is_a_key_of_the_other_kind_of_another_item_is_a_conflict(item, other):
    found = match(item, catalogue(PUMP, other))

    assert outcome(found) == (None, "", "conflict")
    assert found.candidates == ("pump", "other")
    assert "other" not in match(item, catalogue(PUMP)).candidates


def test_a_sku_and_a_name_that_agree_stand_above_another_items_name():
    assert match(erp_item("Pump X1", "AB-1"), catalogue(PUMP, product("2", "AB-1", "ZZ"))).item_id == "pump"


def test_a_name_that_is_a_products_sku_is_no_link():
    found = match(erp_item("AB-1"), catalogue(PUMP))

    assert outcome(found) == (None, "", "unmatched")


# -- what never enters


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (erp_item("Pump X1", "AB-1", kind="helper"), "helper"),
        (erp_item("Pump X1", "AB-1", active=False), "inactive"),
        (erp_item("Pump X1", "AB-1", kind="helper", active=False), "helper"),
    ],
)
def test_helpers_and_inactive_items_are_neither_linked_nor_for_triage(item, reason):
    found = match(item, catalogue(PUMP))

    assert outcome(found) == (None, "", reason)
    assert not found.is_for_triage
    assert found.detail


# -- what people read


def test_every_level_tried_is_told_with_what_it_found():
    found = match(erp_item("pump x1", "ZZ-9"), catalogue(PUMP, VALVE))

    assert found.steps == (
        "SKU “ZZ-9”: nothing",
        "normalized SKU “zz-9”: nothing",
        "name “pump x1”: nothing",
        "normalized name “pump x1”: the product “Pump X1”",
    )
    assert found.detail == (
        "Its name “pump x1” is, but for how it is written, that of the product “Pump X1”, and no other item's."
    )


def test_what_people_read_stays_short_and_on_one_line():
    long = "line\nbreak " * 400
    found = match(erp_item(long, long), Catalogue(product(str(n), long) for n in range(1000)))

    assert outcome(found) == (None, "", "ambiguous")
    assert len(found.candidates) == MOST_CANDIDATES
    assert all(len(text) < 600 and "\n" not in text for text in (found.detail, *found.steps))


# -- the other items of the accounting system


def test_a_sku_that_two_items_of_the_accounting_system_have_proves_nothing_alone():
    items = [erp_item("Unheard of", "AB-1"), erp_item("Unknown", "ab-1"), erp_item("Pump X1", "AB-1")]
    found = [match(item, catalogue(PUMP), VendorKeys(items)) for item in items]

    assert [outcome(each) for each in found] == [
        (None, "", "ambiguous"),
        (None, "", "ambiguous"),
        ("pump", "sku", ""),
    ]
    assert found[0].detail == "3 items of the accounting system have the SKU “AB-1”."


def test_the_sku_of_an_inactive_item_may_be_another_things_by_now():
    keys = VendorKeys([erp_item("Old pump", "AB-1", active=False), erp_item("New thing", "AB-1")])

    assert match(erp_item("New thing", "AB-1"), catalogue(PUMP), keys).triage_reason == "ambiguous"


def test_an_item_made_again_under_its_old_name_is_linked():
    keys = VendorKeys([erp_item("Pump X1", active=False), erp_item("Pump X1")])

    assert match(erp_item("Pump X1"), catalogue(PUMP), keys).item_id == "pump"


def test_a_name_under_two_parents_is_only_a_key_with_its_parents():
    items = [erp_item("Hose", "", "Pipes"), erp_item("Hose", "", "Fittings")]
    keys = VendorKeys(items)

    assert match(items[0], catalogue(product("1", "Hose")), keys).triage_reason == "ambiguous"
    assert match(items[0], catalogue(product("1", "Pipes:Hose")), keys).item_id == "1"


def test_keys_are_counted_out_again():
    items = [erp_item("Unheard of", "AB-1"), erp_item("Unknown", "AB-1")]
    keys = VendorKeys(items)
    keys.remove(items[1])

    assert match(items[0], catalogue(PUMP), keys).item_id == "pump"


def test_only_a_person_links_a_second_item_to_a_product():
    found = match(erp_item("Pump X1"), catalogue(PUMP), taken={"pump"})

    assert outcome(found) == (None, "", "ambiguous")
    assert found.candidates == ("pump",)


def test_of_two_items_that_find_one_product_the_one_gets_it_whose_keys_both_say_so():
    items = {"10": erp_item("Old", "ab-1"), "11": erp_item("Pump X1", "AB-1")}
    found = dict(match_all(items, catalogue(PUMP)))

    assert outcome(found["11"]) == ("pump", "sku", "")
    assert outcome(found["10"]) == (None, "", "ambiguous")
    assert found["10"].candidates == ("pump",)
    assert found["11"].by_both


@pytest.mark.parametrize(
    "items",
    [
        {"10": erp_item("Pump X1"), "11": erp_item("Compressor", "AB-1")},
        {"10": erp_item("Other", "", "Pump X1"), "11": erp_item("Pump X1:Other")},
    ],
)
def test_of_two_items_that_find_one_product_by_one_key_each_neither_gets_it(items):
    found = [each for _, each in match_all(items, catalogue(PUMP, product("1", "Pump X1:Other")))]

    assert [outcome(each) for each in found] == [(None, "", "ambiguous")] * 2
    assert found[0].detail.startswith("2 items of the accounting system would be linked to the product “Pump X1")


# -- properties

WORDS = ["A", "a", "B", "A-1", "a\u20131", "01", "1", "", "N/A", "A : B"]
ITEMS = st.builds(
    CatalogueItem, st.sampled_from("123456"), st.just("part"), st.sampled_from(WORDS), st.sampled_from(WORDS)
)
CATALOGUES = st.lists(ITEMS, max_size=6, unique_by=lambda item: item.id)
FACTS = st.builds(erp_item, st.sampled_from(WORDS), st.sampled_from(WORDS)) | st.builds(
    erp_item, st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(["A", "a", "Z"])
)


@settings(max_examples=400)
@given(FACTS, CATALOGUES)
def test_a_link_has_one_key_of_the_item_and_no_key_leads_elsewhere(facts, items):
    everything = Catalogue(items)
    found = match(facts, everything)

    if found.item_id is None:
        assert found.triage_reason
        assert found.matched_by == ""
        return
    alone = match(facts, catalogue(everything.item(found.item_id)))
    assert (alone.item_id, alone.matched_by) == (found.item_id, found.matched_by)
    rivals = {"sku": "sku", "name": "name"}.get(found.matched_by)
    for item in items:
        if item.id != found.item_id and rivals:
            assert getattr(item, rivals) != getattr(facts, rivals)


@settings(max_examples=200)
@given(FACTS, CATALOGUES, st.randoms())
def test_the_order_of_the_catalogue_makes_no_difference(facts, items, random):
    shuffled = list(items)
    random.shuffle(shuffled)

    assert match(facts, Catalogue(shuffled)) == match(facts, Catalogue(items))


@settings(max_examples=200)
@given(FACTS, CATALOGUES)
def test_a_twin_of_what_was_linked_leaves_no_link_by_the_key_they_share(facts, items):
    found = match(facts, Catalogue(items))
    if found.item_id is None:
        return
    linked = next(item for item in items if item.id == found.item_id)
    twin = CatalogueItem("7", linked.kind, linked.name, linked.sku)

    assert match(facts, Catalogue([*items, twin])).item_id is None


@settings(max_examples=200)
@given(st.lists(FACTS, max_size=6), CATALOGUES)
def test_together_no_two_items_get_one_product_and_none_gets_another_than_alone(facts, items):
    everything = Catalogue(items)
    numbered = {str(number): each for number, each in enumerate(facts)}
    together = dict(match_all(numbered, everything))
    linked = [found.item_id for found in together.values() if found.item_id is not None]

    assert len(linked) == len(set(linked))
    assert list(together) == list(numbered)
    for external_id, found in together.items():
        if found.item_id is not None:
            assert found.item_id == match(numbered[external_id], everything).item_id
