"""The index of products and parts: found by every key, and following every change."""

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem
from hardfin_pipelines.sync.item_keys import name_key, sku_key
from hardfin_pipelines_tests.sync.item_builders import catalogue, product

NAMES = st.sampled_from(["Pump", "pump", "PUMP ", "Valve", "-", "", "Pump - A", "Pump\u2013A"])
SKUS = st.sampled_from(["", "A-1", "a-1", "A\u20131", "0012", "12", "N/A"])
ITEMS = st.builds(CatalogueItem, st.sampled_from("abcdef"), st.just("part"), NAMES, SKUS)
CHANGES = st.lists(st.tuples(st.sampled_from(["put", "remove"]), ITEMS), max_size=30)


def test_an_item_is_found_by_its_sku_and_name_as_written_and_normalized():
    found = catalogue(product("1", "Pump  X", "AB-1"), product("2", "Valve"))

    assert list(found.with_sku("AB-1")) == list(found.with_sku_key("ab-1")) == ["1"]
    assert list(found.with_name("Pump  X")) == list(found.with_name_key("pump x")) == ["1"]
    assert not found.with_sku("ab-1")
    assert not found.with_name("Pump X")
    assert not found.with_sku("")
    assert len(found) == 2
    assert found.item("2").name == "Valve"
    assert "3" not in found


def test_an_item_that_is_put_again_is_found_by_its_new_keys_alone():
    found = catalogue(product("1", "Pump", "A"), product("2", "Pump", "B"))
    found.put(product("1", "Valve", "C"))

    assert list(found.with_name("Pump")) == ["2"]
    assert list(found.with_sku("C")) == ["1"]
    assert not found.with_sku("A")
    assert len(found) == 2


def test_removing_what_is_not_there_changes_nothing():
    found = catalogue(product("1", "Pump"))
    before = found.changes
    found.remove("2")

    assert (len(found), found.changes) == (1, before)


@given(CHANGES)
def test_after_any_changes_it_answers_as_one_built_of_what_is_left(changes):
    changed, left = Catalogue(), {}
    for what, item in changes:
        if what == "put":
            changed.put(item)
            left[item.id] = item
        else:
            changed.remove(item.id)
            left.pop(item.id, None)

    assert {item.id: item for item in changed} == left
    for item in left.values():
        assert set(changed.with_name(item.name)) == {
            i for i, x in left.items() if x.name == item.name and name_key(x.name)
        }
        assert set(changed.with_sku(item.sku)) == {i for i, x in left.items() if x.sku == item.sku and sku_key(x.sku)}
    for key in ("pump", "valve", "pump-a", ""):
        assert set(changed.with_name_key(key)) == {i for i, x in left.items() if key and name_key(x.name) == key}
    for key in ("a-1", "12", "0012", "n/a", ""):
        assert set(changed.with_sku_key(key)) == {i for i, x in left.items() if key and sku_key(x.sku) == key}


@given(st.permutations([product(str(n), "Pump", f"A-{n}") for n in range(6)]))
def test_the_order_in_which_items_come_makes_no_difference(items):
    assert list(Catalogue(items).with_name("Pump")) == ["0", "1", "2", "3", "4", "5"]


def test_any_number_of_items_may_have_one_name():
    items = [product(f"{n:06}", "Service", "N/A") for n in range(100_000)]
    found = Catalogue(items)
    for item in items[:50_000]:
        found.remove(item.id)

    assert len(found.with_name("Service")) == 50_000
