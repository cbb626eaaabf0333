"""`hardfin item` and `hardfin stock`: an item with four links, what is said of it, and what there is of it."""

from pathlib import Path

import pytest

from hardfin_pipelines.platform.tables import audit_events, links
from hardfin_pipelines.platform.triage_tables import item_decisions
from hardfin_pipelines_tests.cli.test_refusals import refused
from hardfin_pipelines_tests.engine.kept_books import left
from hardfin_pipelines_tests.engine.linked_items import add_linked_items
from hardfin_pipelines_tests.product_fixtures import Product


@pytest.fixture
def four_links(product: Product) -> Product:
    """An organization whose item is linked to four systems."""
    add_linked_items(product.deployment.engine)
    return product


def text(out: str) -> str:
    """What a table and the lines around it say, whatever is broken where."""
    return " ".join(out.replace("│", " ").split())


def test_show_says_every_link_and_where_systems_disagree(four_links, hardfin):
    ended = hardfin("item", "show", "acme", "RA-1")

    shown = text(ended.out)
    assert (ended.code, ended.err) == (0, "")
    for says in (
        "hubspot products 3: linked by its sync on 2026-03-02 09:00 UTC, run run-1",
        "salesforce Product2 01t5: linked by its sync",
        "quickbooks Item 5 “Robot Arm” (RA-1): linked by sku",
        "netsuite item 7 “Robot arm” (RA-1): linked by sku",
        "conflict, name: “Robot arm” by Hardfin, hubspot products 3, netsuite item 7 and salesforce",
        "conflict, price: 100.50 USD by Hardfin, hubspot products 3 and quickbooks Item 5; 99.00 USD by",
        "99.00 USD by netsuite item 7; 92.00 EUR by salesforce Product2 01t5",
    ):
        assert says in shown
    assert "conflict, sku" not in shown
    assert "conflict, cost" not in shown
    assert shown.count("(conflict)") == 2, "in the heads of the columns of names and prices"
    assert max(map(len, ended.out.splitlines())) <= 80


def test_show_says_stock_costs_prices_components_and_serial_numbers(four_links, hardfin):
    shown = text(hardfin("item", "show", "acme", "itm_arm").out)

    for says in ("stock", "costs", "prices", "components", "serial and lot numbers: 1 of 1"):
        assert says in shown
    for says in ("58.25 USD", "Dealer", "11.25 USD", "itm_gripper Gripper", "9 Bolt", "SN-0007", "2027-01-31"):
        assert says in shown
    assert "East : Dock" in shown
    assert "all together" in shown


def test_show_has_all_of_it_as_json(four_links, hardfin):
    document = hardfin("item", "show", "acme", "itm_arm", "--json").json

    assert document["conflicts"] == ["name", "price"]
    assert [each["connection"] for each in document["links"]] == [
        "acme:hubspot",
        "acme:netsuite",
        "acme:quickbooks",
        "acme:salesforce",
    ]
    crm, netsuite, quickbooks, _ = document["links"]
    assert "stock" not in crm
    assert (netsuite["matched_by"], netsuite["as_of"]) == ("sku", "2026-03-02T09:00:00+00:00")
    assert [(each["location"], each["on_hand"]) for each in netsuite["stock"]] == [("11", "-2"), ("East : Dock", "4")]
    assert netsuite["stock"][0]["as_of"] == "2026-03-02T09:00:00+00:00"
    assert netsuite["cost"]["average_cost"] == "58.25"
    assert netsuite["prices"][0]["price"] == "11.25"
    assert netsuite["components"][0]["item"] == {"id": "itm_gripper", "name": "Gripper", "sku": ""}
    assert netsuite["components"][1]["item"] is None
    assert netsuite["serial_numbers"][0]["number"] == "SN-0007"
    assert quickbooks["stock"][0]["on_hand"] == "6"
    (sku,) = (each for each in document["opinions"] if each["field"] == "sku")
    assert sku["conflict"] is False
    assert {each["system"]: each["value"] for each in sku["said"]} == {
        "Hardfin": "RA-1",
        "acme:netsuite item 7": "RA-1",
        "acme:quickbooks Item 5": "RA-1",
    }


def test_show_of_an_item_without_links(four_links, hardfin):
    for external_id in ("8",):
        assert hardfin("item", "unlink", "acme", external_id).code == 0

    ended = hardfin("item", "show", "acme", "itm_gripper")

    assert "linked to no external record" in ended.out
    assert "what each system says" not in ended.out


def test_list_conflicts_names_who_says_what(four_links, hardfin):
    ended = hardfin("item", "list", "acme", "--conflicts")
    document = hardfin("item", "list", "acme", "--conflicts", "--json").json

    assert (ended.code, ended.err) == (0, "")
    assert "acme: 1 of 1 product(s) and part(s) of which different things are said" in text(ended.out)
    assert "itm_gripper" not in ended.out
    (arm,) = document["items"]
    assert (arm["item"], [each["field"] for each in arm["conflicts"]]) == ("itm_arm", ["name", "price"])
    agree = hardfin("item", "list", "acme", "--conflicts", "--search", "grip").out
    assert text(agree) == "acme: the systems and Hardfin agree about every product and part with that"
    assert hardfin("item", "list", "acme", "--conflicts", "--kind", "part", "--json").json["total"] == 0


@pytest.mark.parametrize(
    ("external_id", "connection"), [("3", "acme:hubspot"), ("01t5", "acme:salesforce"), ("7", ""), ("5", "")]
)
def test_every_link_can_be_taken_away_with_a_reason(four_links, hardfin, external_id, connection):
    named = ("--connection", connection) if connection else ()

    ended = hardfin("item", "unlink", "acme", external_id, *named, "--reason", "another arm")

    assert ended.code == 0, ended.err
    assert f"item {external_id} is not linked to itm_arm any more" in text(ended.out)
    assert external_id not in {row["external_id"] for row in four_links.table_rows(links)}
    (event,) = four_links.table_rows(audit_events)
    assert (event["action"], event["entity_id"], event["reason"]) == ("item.unlinked", "itm_arm", "another arm")
    assert event["actor"].startswith("cli:")
    (decision,) = four_links.table_rows(item_decisions)
    assert (decision["action"], decision["external_id"], decision["reason"]) == ("unlink", external_id, "another arm")
    assert len(hardfin("item", "show", "acme", "itm_arm", "--json").json["links"]) == 3


# -- stock


def test_stock_says_what_there_is(four_links, hardfin):
    ended = hardfin("stock", "acme")
    document = hardfin("stock", "acme", "--json").json

    assert (ended.code, ended.err) == (0, "")
    assert "acme: 4 of 4 level(s)" in ended.out
    besides = "besides, 1 level(s) of items that are linked to no product or part; see `hardfin triage list acme`"
    assert text(ended.out).endswith(besides)
    assert (document["total"], document["unlinked"]) == (4, 1)
    first = document["levels"][0]
    assert (first["item"], first["on_hand"], first["available"]) == ("itm_gripper", "4", "3.5")
    assert (first["location"], first["connection"]) == ("East : Dock", "acme:netsuite")
    assert document["levels"][3]["location"] is None


def test_stock_of_a_location_or_below_zero(four_links, hardfin):
    dock = hardfin("stock", "acme", "--location", "dock", "--json").json
    below = hardfin("stock", "acme", "--negative", "--json").json

    assert {each["location_id"] for each in dock["levels"]} == {"10"}
    assert hardfin("stock", "acme", "--location", "10", "--json").json == dock
    assert hardfin("stock", "acme", "--location", "EAST", "--json").json == dock
    assert [(each["on_hand"], each["location_id"]) for each in below["levels"]] == [("-2", "11")]
    assert "acme: 1 of 1 level(s) below zero" in hardfin("stock", "acme", "--negative").out
    nothing = hardfin("stock", "acme", "--location", "10", "--negative").out
    assert text(nothing).startswith("acme: no stock below zero of linked items; 0 level(s) of items that are linked to")


def test_mistakes_get_one_line(four_links, hardfin, tmp_path: Path):
    refused(hardfin("stock", "acme", "--location", "Mars"), "acme has no location “Mars”: it has “East : Dock”")
    left(four_links.deployment.engine, "location")
    refused(hardfin("stock", "acme", "--location", "Mars"), "no location was read of any connection")
    refused(hardfin("stock", "nowhere"), "unknown organization 'nowhere'")
    refused(hardfin("item", "show", "acme", "itm_none"), "acme: no product or part has the id or SKU 'itm_none'")
    refused(hardfin("item", "unlink", "acme", "99"), "no product or part that is linked to a record “99”")
