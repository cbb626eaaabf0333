"""A bicycle maker's catalogue of near-identical parts, and a large one in which much is wrong."""

import pytest

from benchmarks.catalogue_pairs import (
    adventureworks,
    families,
    without_numbers,
    without_sizes,
    without_skus,
    written_otherwise,
)
from benchmarks.messy_catalogue import messy_catalogue
from hardfin_pipelines.sync.catalogue import Catalogue
from hardfin_pipelines.sync.matching import match, match_all
from hardfin_pipelines.sync.suggestions import Suggester


@pytest.fixture(
    scope="module", params=[pytest.param("AdventureWorks", marks=pytest.mark.shared_data), pytest.param("made up")]
)
def pairs(request):
    if request.param == "made up":
        return families(504)
    found = adventureworks(request.getfixturevalue("shared_data"))
    assert len(found) == 504
    return found


@pytest.fixture(scope="module")
def products(pairs):
    return Catalogue(pair.product for pair in pairs)


@pytest.mark.parametrize(
    "change", [list, written_otherwise, without_skus, lambda pairs: without_skus(written_otherwise(pairs))]
)
def test_every_item_is_linked_to_its_own_product_however_it_is_written(pairs, products, change):
    changed = change(pairs)

    assert [match(pair.facts, products).item_id for pair in changed] == [pair.product.id for pair in pairs]
    assert all(found.item_id for _, found in match_all({pair.product.id: pair.facts for pair in changed}, products))


def test_without_size_and_sku_nothing_is_linked_and_the_right_one_is_among_five(pairs, products):
    cut = without_sizes(pairs)
    suggester = Suggester(products)
    right = sum(pair.product.id in {each.item_id for each in suggester.suggest(pair.facts)} for pair in cut)

    assert len(cut) > 200
    assert {match(pair.facts, products).triage_reason for pair in cut} == {"unmatched"}
    assert right / len(cut) >= 0.95


@pytest.mark.shared_data
def test_nuts_without_their_numbers_are_not_linked_and_the_five_are_nuts_of_that_kind(shared_data):
    pairs = adventureworks(shared_data)
    products, cut = Catalogue(pair.product for pair in pairs), without_numbers(pairs)
    suggester = Suggester(products)

    assert len(cut) > 130
    for pair in cut:
        kin = sum(other.facts.name == pair.facts.name for other in cut)
        shown = [products.item(each.item_id).name.rpartition(" ")[0] for each in suggester.suggest(pair.facts)]
        assert match(pair.facts, products).triage_reason == "unmatched"
        assert shown[: min(kin, 5)] == [pair.facts.name] * min(kin, 5)


def test_in_messy_catalogues_fewer_than_two_links_in_a_hundred_are_wrong():
    linked = wrong = there = 0
    for seed in range(11, 16):
        messy = messy_catalogue(8_000, 4_000, seed)
        matches = dict(match_all(messy.items, Catalogue(messy.products)))
        links = {each: found.item_id for each, found in matches.items() if found.item_id is not None}
        linked += len(links)
        wrong += sum(item_id != messy.truth[each] for each, item_id in links.items())
        there += sum(facts.active and messy.truth[each] is not None for each, facts in messy.items.items())

    assert wrong < 0.02 * linked
    assert linked > 0.75 * there


def test_in_a_messy_catalogue_what_is_not_linked_is_mostly_among_five():
    messy = messy_catalogue(8_000, 4_000, seed=11)
    catalogue = Catalogue(messy.products)
    suggester = Suggester(catalogue)
    matches = match_all(messy.items, catalogue)
    left = [each for each, found in matches if found.is_for_triage and messy.truth[each] is not None][:300]
    shown = [{found.item_id for found in suggester.suggest(messy.items[each])} for each in left]

    assert sum(messy.truth[each] in ids for each, ids in zip(left, shown, strict=True)) >= 0.97 * len(left)
