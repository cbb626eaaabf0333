"""An item with four links: what each system says of it, where they disagree, and what their books hold."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine, update

from hardfin_pipelines.engine.item_view import ItemView, list_disagreements, show_item
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_books import LinkedItem
from hardfin_pipelines.platform.stock_queries import Stock, stock, stock_locations
from hardfin_pipelines.platform.tables import items, links
from hardfin_pipelines.platform.triage_tables import vendor_items
from hardfin_pipelines.platform.vendor_item_store import ItemScope, save_gone
from hardfin_pipelines.sync.vendor_items import ItemGone
from hardfin_pipelines_tests.engine.kept_books import add_items, keep, keep_items, left, link
from hardfin_pipelines_tests.engine.linked_items import ARM, QUICKBOOKS, add_linked_items
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization
from hardfin_pipelines_tests.sync.books_facts import LEVEL, LOCATION, SERIAL_NUMBER

OTHER = BooksScope("other", "other:netsuite")


@pytest.fixture
def acme(engine: Engine):
    """The store of an organization whose item has four links, once on each database."""
    add_linked_items(engine)
    return engine


class _Of:
    """As much of a deployment as looking needs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine


def shown(engine: Engine, item: str = "itm_arm", org: str = "acme") -> ItemView:
    return show_item(_Of(engine), org, item)  # type: ignore[arg-type]  # see there


def conflicts(engine: Engine) -> dict[str, set[str]]:
    found, _ = list_disagreements(_Of(engine), "acme")  # type: ignore[arg-type]  # see there
    return {each.item.id: {one.field for one in each.conflicts} for each in found}


def said(view: ItemView, field: str) -> dict[str, str]:
    (opinions,) = (each for each in view.opinions if each.field == field)
    return {each.system: each.text for each in opinions.said}


def test_an_item_has_its_links_in_four_systems_with_what_each_says(acme: Engine):
    view = shown(acme)

    assert [(each.link.connection_id, each.link.external_id, each.link.matched_by) for each in view.records] == [
        ("acme:hubspot", "3", ""),
        ("acme:netsuite", "7", "sku"),
        ("acme:quickbooks", "5", "sku"),
        ("acme:salesforce", "01t5", ""),
    ]
    assert said(view, "name") == {
        "Hardfin": "Robot arm",
        "acme:hubspot products 3": "Robot arm",
        "acme:netsuite item 7": "Robot arm",
        "acme:quickbooks Item 5": "Robot Arm",
        "acme:salesforce Product2 01t5": "Robot arm",
    }
    assert said(view, "price") == {
        "Hardfin": "100.50 USD",
        "acme:hubspot products 3": "100.50 USD",
        "acme:netsuite item 7": "99.00 USD",
        "acme:quickbooks Item 5": "100.5 USD",
        "acme:salesforce Product2 01t5": "92.00 EUR",
    }
    assert said(view, "cost") == {"acme:netsuite item 7": "60.00 USD", "acme:quickbooks Item 5": "60.00 USD"}
    assert {each.field for each in view.opinions if each.conflict} == {"name", "price"}
    assert shown(acme, "RA-1").id == "itm_arm"


def test_what_its_books_hold_comes_with_each_accounting_system(acme: Engine):
    of_books = {each.link.connection_id: each.books for each in shown(acme).records if each.books}

    assert of_books.keys() == {"acme:netsuite", "acme:quickbooks"}
    netsuite = of_books["acme:netsuite"]
    assert [(each.location, str(each.on_hand)) for each in netsuite.levels] == [("11", "-2"), ("East : Dock", "4")]
    assert netsuite.levels[1].moved_at == LEVEL.moved_at
    assert netsuite.cost is not None
    assert (netsuite.cost.purchase_price, netsuite.cost.average_cost) == (Decimal("60.00"), Decimal("58.25"))
    assert [(each.price_level, str(each.from_quantity), str(each.price)) for each in netsuite.prices] == [
        ("Dealer", "10", "11.25")
    ]
    gripper, bolt = netsuite.components
    assert (gripper.name, gripper.quantity, gripper.item) == (
        "Gripper",
        Decimal(2),
        LinkedItem("itm_gripper", "Gripper", ""),
    )
    assert (bolt.name, bolt.quantity, bolt.item) == ("Bolt", Decimal(4), None)
    assert [each.number for each in netsuite.serial_numbers] == [SERIAL_NUMBER.number]
    assert {each.as_of for each in netsuite.serial_numbers} == {A_MOMENT}
    assert [(each.location, str(each.on_hand)) for each in of_books["acme:quickbooks"].levels] == [("", "6")]


def test_what_is_gone_from_the_books_is_not_shown(acme: Engine):
    for kind in ("inventory_level", "item_price", "item_component", "serial_number"):
        left(acme, kind)

    (netsuite,) = (each.books for each in shown(acme).records if each.link.connection_id == "acme:netsuite")
    assert (netsuite.levels, netsuite.prices, netsuite.components, netsuite.serial_numbers) == ((), (), (), ())


def test_a_record_that_cannot_be_followed_says_nothing_and_is_still_shown(acme: Engine):
    with writing(acme) as connection:
        save_gone(connection, ItemScope("acme", QUICKBOOKS.connection_id, "Item"), [ItemGone("5", A_MOMENT, "deleted")])
        broken = links.c.connection_id == QUICKBOOKS.connection_id
        connection.execute(update(links).where(broken).values(broken_because="deleted at the vendor"))

    view = shown(acme)

    (record,) = (each for each in view.records if each.link.connection_id == QUICKBOOKS.connection_id)
    assert (record.link.broken_because, record.said) == ("deleted at the vendor", None)
    assert {each.field for each in view.opinions if each.conflict} == {"price"}
    assert len(view.records) == 4


def test_facts_of_another_version_say_no_amounts(acme: Engine):
    with writing(acme) as connection:
        connection.execute(update(vendor_items).where(vendor_items.c.external_id == "7").values(facts={"name": 1}))

    view = shown(acme)

    assert said(view, "name")["acme:netsuite item 7"] == "Robot arm"
    assert "acme:netsuite item 7" not in said(view, "price")
    assert said(view, "cost")["acme:netsuite item 7"] == "60.00 USD"


def test_items_of_which_different_things_are_said_are_listed(acme: Engine):
    assert conflicts(acme) == {"itm_arm": {"name", "price"}}
    with writing(acme) as connection:
        connection.execute(update(items).where(items.c.id == "itm_gripper").values(sku="G-2"))

    assert conflicts(acme) == {"itm_arm": {"name", "price"}, "itm_gripper": {"sku"}}
    found, total = list_disagreements(_Of(acme), "acme", search="grip", limit=5)  # type: ignore[arg-type]  # see there
    assert ([each.item.id for each in found], total) == (["itm_gripper"], 1)
    found, total = list_disagreements(_Of(acme), "acme", limit=1)  # type: ignore[arg-type]  # see there
    assert (len(found), total) == (1, 2)


def test_a_conflict_goes_when_the_systems_agree(acme: Engine):
    keep_items(acme, {"7": replace(ARM, price=Decimal("100.50"))})
    keep_items(acme, {"5": replace(ARM, price=None)}, QUICKBOOKS, vendor_object="Item")

    assert conflicts(acme) == {}


def test_organizations_do_not_see_each_others_items(acme: Engine):
    with writing(acme) as connection:
        add_organization(connection, "other")
        add_connection(connection, "other", "netsuite")
    add_items(acme, {"itm_arm": {"name": "Their arm"}}, "other")
    link(acme, "item", {"7": "itm_arm"}, connection_id=OTHER.connection_id)
    keep_items(acme, {"7": replace(ARM, name="Their arm")}, OTHER)
    keep(acme, replace(LEVEL, on_hand=Decimal(1)), scope=OTHER)

    theirs = shown(acme, org="other")

    assert said(theirs, "name") == {"Hardfin": "Their arm", "other:netsuite item 7": "Their arm"}
    assert [each.on_hand for each in theirs.records[0].books.levels] == [1]
    assert len(shown(acme).records) == 4
    assert stocked(acme, org="other").total == 1
    with reading(acme) as connection:
        assert stock_locations(connection, "other") == []


def test_an_item_that_is_not_there_is_refused(acme: Engine):
    with pytest.raises(Refusal, match="acme: no product or part has the id or SKU 'itm_none'"):
        shown(acme, "itm_none")
    add_items(acme, {"itm_twin": {"name": "Twin", "sku": "RA-1"}})
    with pytest.raises(Refusal, match=r"acme: 2 products or parts have the id or SKU 'RA-1' \(itm_arm, itm_twin\)"):
        shown(acme, "RA-1")


# -- stock


def stocked(engine: Engine, org: str = "acme", **options) -> Stock:
    with reading(engine) as connection:
        return stock(connection, org, **options)


def test_stock_of_linked_items_by_name_and_location(acme: Engine):
    found = stocked(acme)

    assert [(each.name, each.connection_id, each.location, str(each.on_hand)) for each in found.levels] == [
        ("Gripper", "acme:netsuite", "East : Dock", "4"),
        ("Robot arm", "acme:netsuite", "11", "-2"),
        ("Robot arm", "acme:netsuite", "East : Dock", "4"),
        ("Robot arm", "acme:quickbooks", "", "6"),
    ]
    assert (found.total, found.unlinked) == (4, 1)
    assert found.levels[0].available == Decimal("3.5")
    assert len(stocked(acme, limit=2).levels) == 2
    assert stocked(acme, limit=2).total == 4


def test_stock_at_a_location_and_below_zero(acme: Engine):
    with reading(acme) as connection:
        (dock,) = stock_locations(connection, "acme")
    assert (dock.id, dock.full_name) == ("10", LOCATION.full_name)

    assert {each.item_id for each in stocked(acme, at=[dock]).levels} == {"itm_arm", "itm_gripper"}
    assert stocked(acme, at=[dock]).unlinked == 1
    assert stocked(acme, at=[]).levels == ()
    assert [each.on_hand for each in stocked(acme, negative=True).levels] == [-2]
    assert stocked(acme, negative=True).unlinked == 0
    left(acme, "inventory_level")
    assert [each.connection_id for each in stocked(acme).levels] == ["acme:quickbooks"]
    assert (stocked(acme).total, stocked(acme).unlinked) == (1, 0)
