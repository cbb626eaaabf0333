"""Loading a catalogue, and the generated one with its verdicts."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.quickbooks.load import CatalogueRow, load_catalogue
from hardfin_pipelines.sandbox.quickbooks.messy_catalogue import messy_catalogue
from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, asked


@pytest.fixture(scope="module")
def products():
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    return robotics_rental(seed=3, won_deals=4, products=120, start=start, end=end).products


def test_a_catalogue_is_loaded_with_categories_and_parents(company):
    rows = [
        CatalogueRow("hose", "Hose", sku="H-1", parent_key="system", price=Decimal("9.50")),
        CatalogueRow("system", "Water system", category="Robots/Wet", type="Service", active=True),
        CatalogueRow("pump", "Pump", type="Inventory", category="Robots", cost=Decimal("4.20"), active=False),
    ]
    ids = load_catalogue(company, rows, at=NOON)
    hose, pump = (company.record("Item", ids[key]) for key in ("hose", "pump"))
    assert hose["FullyQualifiedName"] == "Robots:Wet:Water system:Hose"
    assert (hose["UnitPrice"], hose["Sku"], hose["Type"]) == (Decimal("9.50"), "H-1", "NonInventory")
    assert (pump["Active"], pump["Name"], pump["PurchaseCost"]) == (False, "Pump (deleted)", Decimal("4.20"))
    assert company.count("Item") == 5


def test_an_inactive_parent_goes_after_its_sub_items(company):
    rows = [
        CatalogueRow("below", "Hose", parent_key="above", active=False),
        CatalogueRow("above", "Pipes", active=False),
    ]
    ids = load_catalogue(company, rows)
    assert {company.record("Item", item_id)["Active"] for item_id in ids.values()} == {False}


def test_a_row_below_nothing_is_named(company):
    with pytest.raises(ValueError, match="row 'hose': there is no parent 'system'"):
        load_catalogue(company, [CatalogueRow("hose", "Hose", parent_key="system")])


@pytest.mark.parametrize("latin1", [True, False])
def test_the_generated_catalogue_is_equal_for_equal_arguments(products, latin1):
    made = messy_catalogue(products, seed=5, latin1=latin1)
    assert made == messy_catalogue(products, seed=5, latin1=latin1)
    assert made != messy_catalogue(products, seed=6, latin1=latin1)


@pytest.mark.parametrize("latin1", [True, False])
def test_every_row_is_loaded_as_it_is_and_has_a_verdict(products, sandbox, latin1):
    company = sandbox.add_company(name="Rover Rentals", country="US" if latin1 else "DE")
    made = messy_catalogue(products, seed=5, latin1=latin1)
    ids = load_catalogue(company, made.rows)
    assert set(ids) == set(made.expected) == {row.key for row in made.rows}
    for row in made.rows:
        record = company.record("Item", ids[row.key])
        assert (record["Name"].removesuffix(" (deleted)"), record.get("Sku", "")) == (row.name, row.sku)


@pytest.mark.parametrize("latin1", [True, False])
def test_forty_products_bring_every_case(products, latin1):
    made = messy_catalogue(products[:40], latin1=latin1)
    cases = Counter(each.case for each in made.expected.values())
    assert cases["same_sku"] > 10
    special = {"lost_characters"} if latin1 else {"sku_with_other_dashes"}
    assert set(cases) == special | {
        *("same_sku", "same_sku_other_name", "sku_in_another_form", "name_only", "name_in_another_form"),
        *("placeholder_sku", "name_with_suffix", "sub_item", "parent_item", "duplicate_sku", "same_name_twice"),
        *("conflict", "inactive", "unknown", "helper"),
    }


def test_the_verdicts_follow_from_the_rows(products):
    """Each verdict by the plainest reading of SKUs and names."""
    made = messy_catalogue(products, seed=5)
    by_key = {product.key: product for product in products}
    for row in made.rows:
        expected = made.expected[row.key]
        named = [by_key[key] for key in expected.product_keys]
        if expected.verdict == "linked":
            [product] = named
            same_sku = "".join(row.sku.split()).lower() == product.sku.lower()
            same_name = " ".join(row.name.split()).lower() == " ".join(product.name.split()).lower()
            assert same_sku or same_name
        if expected.verdict == "conflict":
            assert (row.sku, row.name) == (named[0].sku, named[1].name)
        if expected.verdict == "unmatched":
            assert row.sku not in {product.sku for product in products}
            assert row.name not in {product.name for product in products}
    linked = Counter(each.product_keys for each in made.expected.values() if each.verdict != "unmatched")
    ambiguous = [each for each in made.expected.values() if each.verdict == "ambiguous"]
    assert all(linked[each.product_keys] == 2 for each in ambiguous)


def test_a_loaded_catalogue_is_found_by_queries(api, company, products):
    made = messy_catalogue(products, seed=5)
    load_catalogue(company, made.rows)
    active = sum(row.active for row in made.rows)
    categories = asked(api, "SELECT COUNT(*) FROM Item WHERE Type = 'Category'")["totalCount"]
    assert asked(api, "SELECT COUNT(*) FROM Item")["totalCount"] == active + categories
