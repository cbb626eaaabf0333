"""Whole catalogues in QuickBooks, over real HTTP: each item finds the product it is, or waits for the right reason."""

from datetime import UTC, datetime

import pytest

from benchmarks.catalogue_pairs import adventureworks, without_sizes, written_otherwise
from hardfin_pipelines.engine.triage import list_waiting
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.item_store import insert_items
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_tables import triage_items
from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.quickbooks.load import load_catalogue
from hardfin_pipelines.sandbox.quickbooks.messy_catalogue import messy_catalogue

YEAR = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


def linked(organization):
    return {row["external_id"]: row["entity_id"] for row in organization.rows(links)}


def waiting(organization):
    return {row["external_id"]: row["reason"] for row in organization.rows(triage_items) if row["state"] == "open"}


def suggested(organization):
    """What each waiting item may be, by external id."""
    found, _ = list_waiting(organization.deployment, organization.org, suggest=True)
    return {each.item.external_id: [one.item_id for one in each.suggestions] for each in found}


def add_products(organization, products):
    with writing(organization.deployment.engine) as connection:
        insert_items(connection, organization.org, products, organization.deployment.now())


@pytest.mark.parametrize("latin1", [True, False])
@pytest.mark.parametrize("seed", [3, 4])
def test_a_bookkeepers_catalogue_is_matched_as_somebody_who_knows_it_would(ledgerly, seed, latin1):
    """The sandbox says of every item what it is, without knowing how it is matched."""
    start, end = YEAR
    products = robotics_rental(seed=seed, won_deals=4, products=120, start=start, end=end).products
    add_products(ledgerly, [(f"itm_{each.key}", "product", {"name": each.name, "sku": each.sku}) for each in products])
    ledgerly.company.settings.lossy_latin1 = latin1
    made = messy_catalogue(products, seed=seed, latin1=latin1)
    ids = load_catalogue(ledgerly.company, made.rows)

    ledgerly.tick_items()

    expected = {ids[key]: verdict for key, verdict in made.expected.items()}
    assert linked(ledgerly) == {
        each: f"itm_{verdict.product_keys[0]}" for each, verdict in expected.items() if verdict.verdict == "linked"
    }
    assert waiting(ledgerly) == {
        each: verdict.verdict for each, verdict in expected.items() if verdict.verdict not in {"linked", "ignored"}
    }
    shown = suggested(ledgerly)
    for each in waiting(ledgerly):
        assert {f"itm_{key}" for key in expected[each].product_keys} <= set(shown[each])


@pytest.mark.shared_data
@pytest.mark.parametrize("change", [list, written_otherwise], ids=["as it is", "written otherwise"])
def test_adventureworks_against_itself_is_504_links_and_none_in_triage(ledgerly, shared_data, change):
    pairs = adventureworks(shared_data)
    products = [pair.product for pair in pairs]
    add_products(ledgerly, [(each.id, each.kind, {"name": each.name, "sku": each.sku}) for each in products])
    ledgerly.company.settings.lossy_latin1 = False
    made = {}
    for pair in change(pairs):
        name = pair.facts.name.replace("\t", " ")  # QuickBooks takes no tabs in names
        made[ledgerly.add_item(name, pair.facts.sku)] = pair.product.id

    ledgerly.tick_items()

    assert len(made) == 504
    assert linked(ledgerly) == made
    assert waiting(ledgerly) == {}


@pytest.mark.shared_data
def test_adventureworks_without_sizes_and_skus_waits_with_the_right_one_suggested(ledgerly, shared_data):
    pairs = adventureworks(shared_data)
    products = [pair.product for pair in pairs]
    rows = [
        (each.id, each.kind, {"name": each.name, "sku": each.sku, "price": each.price, "currency": each.currency})
        for each in products
    ]
    add_products(ledgerly, rows)
    made = {}
    # Names are unique below a parent, so each of those that differ in size alone is below one of its own.
    for number, pair in enumerate(without_sizes(pairs)):
        shelf = ledgerly.add_item(f"Shelf {number}", Type="Category")
        below = {"SubItem": True, "ParentRef": {"value": shelf}, "UnitPrice": pair.facts.price}
        made[ledgerly.add_item(pair.facts.name, **below)] = pair.product.id

    ledgerly.tick_items()

    assert len(made) == 210
    assert linked(ledgerly) == {}
    assert waiting(ledgerly).keys() == made.keys()
    shown = suggested(ledgerly)
    assert sum(product in shown[each] for each, product in made.items()) >= 0.95 * len(made)
