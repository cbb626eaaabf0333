"""Rule 1, lines and their items: by link, else by unique exact normalized name, else created."""

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from hardfin_pipelines.sync.first_sync import item_names, plan_batch, plan_project
from hardfin_pipelines.sync.identity import entity_id, product_item_ids
from hardfin_pipelines.sync.mapping_rules import EntityMapping, FieldRule
from hardfin_pipelines.sync.plans import Known, KnownLine
from hardfin_pipelines.sync.records import Reference
from hardfin_pipelines.sync.trigger import Triggered
from hardfin_pipelines_tests.sync.builders import (
    CONNECTION,
    ORG,
    bundle,
    context,
    created,
    line,
    links,
    product,
    record,
    rule,
    set_aside,
    synced,
)

if TYPE_CHECKING:
    from hardfin_pipelines.sync.entities import EntityType


def plan_one(deal, known=None):
    return plan_batch([deal], known or Known(), context())[0]


def items_of_lines(outcome):
    return {
        entity.values["name"]: entity.parents["item_id"]
        for entity in sorted(created(outcome, "project_line_item"), key=lambda entity: entity.position)
    }


def product_id(external_id):
    return entity_id("item", ORG, CONNECTION, external_id)


def name_id(name):
    return entity_id("item", ORG, "", f"name:{name}")


def test_a_line_takes_the_item_its_product_is_linked_to_and_the_product_need_not_be_read():
    outcome = plan_one(bundle(lines=[line("5", of_product="9")]), Known(links={("product", "9"): "itm_known"}))

    assert items_of_lines(outcome) == {"Pump": "itm_known"}
    assert created(outcome, "item") == []
    assert links(outcome, "product") == {}


def test_an_unknown_product_takes_the_only_item_of_its_normalized_name_and_is_linked_to_it():
    deal = bundle(lines=[line("5", of_product="9")], products=[product("9", "  P\uff35MP\u00a0 x1 ")])

    outcome = plan_one(deal, Known(items_by_name={"pump x1": ("itm_named",)}))

    assert list(items_of_lines(outcome).values()) == ["itm_named"]
    assert created(outcome, "item") == []
    assert links(outcome, "product")["9"].entity_id == "itm_named"


def test_a_product_that_matches_nothing_is_created_with_its_own_values():
    outcome = plan_one(bundle(lines=[line("5", of_product="9")], products=[product("9", price="100.10")]))

    (item,) = created(outcome, "item")
    assert item.id == product_id("9")
    assert {name: str(value) for name, value in item.values.items()} == {
        "name": "Pump",
        "sku": "SKU-9",
        "price": "100.10",
    }
    assert links(outcome, "product")["9"].synced_values == {"name": "Pump", "sku": "SKU-9", "price": "100.1"}


def test_hazard_a_product_is_never_guessed_among_two_items_of_one_name():
    known = Known(items_by_name={"pump": ("itm_a", "itm_b")})

    outcome = plan_one(bundle(lines=[line("5", of_product="9")], products=[product("9")]), known)

    assert items_of_lines(outcome) == {"Pump": product_id("9")}
    assert known.items_by_name["pump"] == ("itm_a", "itm_b", product_id("9"))


def test_names_that_are_only_alike_are_different_items():
    known = Known(items_by_name={"pump x1": ("itm_a",), "pumps": ("itm_b",)})

    outcome = plan_one(bundle(lines=[line("5", of_product="9")], products=[product("9", "Pump")]), known)

    assert items_of_lines(outcome) == {"Pump": product_id("9")}


def test_two_products_of_one_name_lead_to_one_item():
    deal = bundle(
        lines=[line("5", "First", of_product="8"), line("6", "Second", of_product="9")],
        products=[product("8"), product("9", "PUMP")],
    )

    outcome = plan_one(deal)

    assert [item.id for item in created(outcome, "item")] == [product_id("8")]
    assert items_of_lines(outcome) == {"First": product_id("8"), "Second": product_id("8")}
    assert {link.entity_id for link in links(outcome, "product").values()} == {product_id("8")}


def test_a_line_without_a_product_takes_the_only_item_of_its_name():
    outcome = plan_one(bundle(lines=[line("5")]), Known(items_by_name={"pump": ("itm_a",)}))

    assert items_of_lines(outcome) == {"Pump": "itm_a"}
    assert created(outcome, "item") == []


def test_a_line_without_a_product_or_item_of_its_name_creates_one_without_a_link():
    outcome = plan_one(bundle(lines=[line("5", "Pump", "12.50")]))

    (item,) = created(outcome, "item")
    assert item.id == name_id("pump")
    assert (item.values["name"], str(item.values["price"]), item.values["currency"]) == ("Pump", "12.50", "USD")
    assert links(outcome, "product") == {}


def test_lines_of_one_name_share_the_item_however_the_name_is_written():
    outcomes = plan_batch(
        [bundle("1", lines=[line("5", "Pump"), line("6", " pump ")]), bundle("2", lines=[line("7", "PUMP")])],
        Known(),
        context(),
    )

    assert [len(created(outcome, "item")) for outcome in outcomes] == [1, 0]
    assert {item for outcome in outcomes for item in items_of_lines(outcome).values()} == {name_id("pump")}


def test_a_line_never_guesses_among_two_items_of_its_name_and_finds_its_own_again():
    known = Known(items_by_name={"pump": ("itm_a", "itm_b")})

    first, second = plan_batch([bundle("1", lines=[line("5")]), bundle("2", lines=[line("6")])], known, context())

    assert [item.id for item in created(first, "item")] == [name_id("pump")]
    assert created(second, "item") == []
    assert items_of_lines(second) == {"Pump": name_id("pump")}


def test_a_catalogue_product_goes_before_a_line_of_its_name_whose_price_was_negotiated():
    deal = bundle(
        lines=[line("5", "Pump", "80"), line("6", "Pump, spare", "90", of_product="9")],
        products=[product("9", "Pump", "100")],
    )

    outcome = plan_one(deal)

    (item,) = created(outcome, "item")
    assert (item.id, str(item.values["price"]), item.values["sku"]) == (product_id("9"), "100", "SKU-9")
    assert items_of_lines(outcome) == {"Pump": item.id, "Pump, spare": item.id}


def test_a_product_that_is_gone_is_replaced_by_the_name_of_its_line():
    outcome = plan_one(bundle(lines=[line("5", of_product="9")]))

    assert items_of_lines(outcome) == {"Pump": name_id("pump")}
    assert links(outcome, "product") == {}


def test_a_product_that_cannot_be_mapped_stops_no_deal_that_sells_it():
    deal = bundle(lines=[line("5", of_product="9")], products=[product("9", price="N/A")])

    outcome = plan_one(deal)

    assert items_of_lines(outcome) == {"Pump": name_id("pump")}
    assert links(outcome, "product") == {}, "it is linked when it can be mapped"


def test_the_first_product_that_leads_to_an_item_decides():
    two_products = record(
        "line_item", "5", {"name": "Pump", "price": "1"}, {"product": (Reference("8"), Reference("9"))}
    )

    outcome = plan_one(bundle(lines=[two_products], products=[product("9", "Other")]))

    assert items_of_lines(outcome) == {"Pump": product_id("9")}


def test_hazard_a_survivor_that_is_linked_already_is_not_linked_a_second_time():
    """The line names product 8, merged into 9, which has a link: a second one would fail the whole batch."""
    deal = bundle(lines=[line("5", of_product="8")], products=[product("9", merged_ids=["8"])])

    outcome = plan_one(deal, Known(links={("product", "9"): "itm_9"}, items_by_name={"pump": ("itm_other",)}))

    assert items_of_lines(outcome) == {"Pump": "itm_9"}
    assert {external_id: link.entity_id for external_id, link in links(outcome, "product").items()} == {"8": "itm_9"}


def test_the_survivor_of_merged_products_gets_the_item_of_the_one_merged_into_it():
    deal = bundle(lines=[line("5", of_product="9")], products=[product("9", merged_ids=["8"])])

    outcome = plan_one(deal, Known(links={("product", "8"): "itm_8"}))

    assert items_of_lines(outcome) == {"Pump": "itm_8"}
    assert links(outcome, "product")["9"].entity_id == "itm_8"


def test_a_survivor_matched_by_name_is_linked_under_both_ids():
    deal = bundle(lines=[line("5", of_product="8")], products=[product("9", merged_ids=["8"])])

    outcome = plan_one(deal, Known(items_by_name={"pump": ("itm_a",)}))

    assert {external_id: link.entity_id for external_id, link in links(outcome, "product").items()} == {
        "9": "itm_a",
        "8": "itm_a",
    }


def test_a_product_that_a_person_took_away_from_an_item_does_not_come_back_by_its_name():
    deal = bundle(lines=[line("5", of_product="9")], products=[product("9")])
    known = Known(items_by_name={"pump": ("itm_a",)}, refused={"9": frozenset({"itm_a"})})

    outcome = plan_one(deal, known)

    (item,) = created(outcome, "item")
    assert item.id == product_id("9")
    assert links(outcome, "product")["9"].entity_id == item.id
    assert known.items_by_name["pump"] == ("itm_a", item.id)


def test_a_product_that_was_taken_away_from_its_own_item_becomes_another_one():
    deal = bundle(lines=[line("5", of_product="9")], products=[product("9")])
    own, second, third = islice(product_item_ids(ORG, CONNECTION, "9"), 3)
    assert own == product_id("9")

    once = plan_one(deal, Known(items_by_name={"pump": (own,)}, refused={"9": frozenset({own})}))
    named = (own, second)
    twice = plan_one(deal, Known(items_by_name={"pump": named}, refused={"9": frozenset(named)}))

    assert [item.id for item in created(once, "item")] == [second]
    assert [item.id for item in created(twice, "item")] == [third]
    assert plan_one(deal, Known(items_by_name={"pump": (own,)}, refused={"9": frozenset({own})})) == once


def test_what_was_taken_away_from_a_merged_product_stays_away_from_the_survivor():
    deal = bundle(lines=[line("5", of_product="8")], products=[product("9", merged_ids=["8"])])

    outcome = plan_one(deal, Known(items_by_name={"pump": ("itm_a",)}, refused={"8": frozenset({"itm_a"})}))

    assert {link.entity_id for link in links(outcome, "product").values()} == {product_id("9")}


def test_other_products_still_find_the_item_by_its_name():
    deal = bundle(lines=[line("5", of_product="9")], products=[product("9")])
    known = Known(items_by_name={"pump": ("itm_a", "itm_b")}, refused={"9": frozenset({"itm_a"})})

    assert links(plan_one(deal, known), "product")["9"].entity_id == "itm_b", "the only one that is left"
    known = Known(items_by_name={"pump": ("itm_a",)}, refused={"7": frozenset({"itm_a"})})
    assert links(plan_one(deal, known), "product")["9"].entity_id == "itm_a"


def test_lines_are_created_in_the_order_of_their_ids_with_their_positions():
    outcome = plan_one(bundle(lines=[line("11", "C"), line("9", "A"), line("10", "B")]))

    lines = created(outcome, "project_line_item")
    assert [(entity.values["name"], entity.position) for entity in lines] == [("A", 1), ("B", 2), ("C", 3)]
    assert {entity.parents["project_id"] for entity in lines} == {synced(outcome).ledger.project_id}
    assert set(links(outcome, "line_item")) == {"9", "10", "11"}


def test_a_line_that_is_gone_at_the_vendor_is_left_out():
    deal = replace(bundle(lines=[line("5", "Kept"), line("6", "Gone")]), line_items={"5": line("5", "Kept")})

    assert list(items_of_lines(plan_one(deal))) == ["Kept"]


def test_hazard_one_line_on_two_deals_sets_the_second_deal_aside_and_not_the_batch():
    """A line has one link: a second one would fail every batch the deal is in, for ever."""
    known = Known()
    deals = [bundle("1", lines=[line("5")]), bundle("2", lines=[line("5"), line("6")]), bundle("3")]

    first, second, third = plan_batch(deals, known, context())

    assert len(created(first, "project_line_item")) == 1
    assert set_aside(second).reason == (
        "line item 5: is a line of another project already; re-sync that project if the line item has moved here, "
        "else remove it from one of the two deals"
    )
    assert ("line_item", "6") not in known.links
    synced(third)


def test_a_line_that_is_linked_in_the_store_sets_a_first_sync_aside_but_no_re_sync():
    deal = bundle("1", lines=[line("5")])
    lines = {"5": KnownLine("prj_other", given_up=False)}
    known = Known(links={("line_item", "5"): "pli_known"}, lines=lines)

    assert "line item 5: is a line of project prj_other already" in set_aside(plan_one(deal, known)).reason
    again = plan_project(deal, known, context(), Triggered(rule(), "won"), project_id="prj_known")
    assert synced(again).ledger.project_id == "prj_known"
    assert len(created(again, "project_line_item")) == 1


def test_a_pipelines_own_mapping_entries_go_before_those_of_the_connection():
    overrides: dict[EntityType, EntityMapping] = {
        "project": EntityMapping("project", (FieldRule("name", "renewal_name"),))
    }
    deal = bundle(properties={"renewal_name": "Renewal"})

    overridden = plan_batch([deal], Known(), context(rule(overrides=overrides)))[0]
    elsewhere = plan_batch([deal], Known(), context(rule(), rule("renewals", overrides=overrides)))[0]

    assert created(overridden, "project")[0].values["name"] == "Renewal"
    assert str(created(overridden, "project")[0].values["value"]) == "10", "the other entries stay"
    assert created(elsewhere, "project")[0].values["name"] == "Deal 1"


def test_the_names_to_look_up_are_those_of_products_and_lines_under_every_mapping():
    renamed = EntityMapping("item", (FieldRule("name", "hs_sku"),))
    deal = bundle(
        lines=[line("5", "Pump, wet", of_product="9"), line("6", None)], products=[product("9", "Pump"), product("8")]
    )

    names = item_names([deal], context(rule(), rule("renewals", overrides={"item": renamed})))

    assert names == {"pump", "pump, wet", "sku-9", "sku-8"}


@pytest.mark.parametrize("origin", ["prj_other", ""])
def test_a_line_that_another_project_gave_up_comes_as_it_is_and_only_once(origin):
    known = Known(links={("line_item", "5"): "pli_known"}, lines={"5": KnownLine(origin, given_up=True)})

    first, second = plan_batch([bundle("1", lines=[line("5")]), bundle("2", lines=[line("5")])], known, context())

    (moved,) = created(first, "project_line_item")
    assert moved.id == "pli_known"
    assert moved.parents["project_id"] == synced(first).ledger.project_id
    assert links(first, "line_item")["5"].entity_id == "pli_known"
    assert synced(first).lines_taken == {"5": origin}
    assert f"is a line of project {synced(first).ledger.project_id} already" in set_aside(second).reason
