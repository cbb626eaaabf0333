"""An item that is linked to four systems at once, which do not agree, and what their books hold of it."""

from dataclasses import replace
from decimal import Decimal

from sqlalchemy import Engine

from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.sync.books import ItemCost
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines_tests.engine.kept_books import add_items, keep, keep_items, link
from hardfin_pipelines_tests.store_fixtures import add_connection, add_organization
from hardfin_pipelines_tests.sync.books_facts import COMPONENT, LEVEL, LOCATION, PRICE, PRICE_LEVEL, SERIAL_NUMBER

QUICKBOOKS = BooksScope("acme", "acme:quickbooks")

ARM = ItemFacts(
    "Robot arm",
    ("Robot arm",),
    "RA-1",
    "assembly",
    "Assembly",
    price=Decimal("99.00"),
    cost=Decimal(61),
    currency="USD",
)
ARM_IN_QUICKBOOKS = ItemFacts(
    "Robot Arm", ("Arms", "Robot Arm"), "RA-1", "stocked", "Inventory", price=Decimal("100.5"), currency="USD"
)
GRIPPER = ItemFacts("Gripper", ("Gripper",), "G-1", "stocked", "Inventory Item")


def add_linked_items(engine: Engine) -> None:
    """Two products: an arm with four links, a gripper with one; a third item of the books is linked to nothing."""
    with writing(engine) as connection:
        add_organization(connection, "acme")
        for integration in ("hubspot", "salesforce", "quickbooks", "netsuite"):
            add_connection(connection, "acme", integration)
    add_items(
        engine,
        {
            "itm_arm": {"name": "Robot arm", "sku": "RA-1", "price": Decimal("100.50"), "currency": "USD"},
            "itm_gripper": {"name": "Gripper", "sku": None},
        },
    )
    of_crm = {"entity_type": "item", "matched_by": ""}
    values = {"name": "Robot arm", "sku": None, "price": "100.50", "currency": "USD"}
    link(
        engine,
        made={"3": "itm_arm"},
        connection_id="acme:hubspot",
        vendor_object="products",
        synced_values=values,
        **of_crm,
    )
    link(
        engine,
        made={"01t5": "itm_arm"},
        connection_id="acme:salesforce",
        vendor_object="Product2",
        synced_values={**values, "price": "92.00", "currency": "EUR"},
        **of_crm,
    )
    link(engine, "item", {"5": "itm_arm"}, connection_id="acme:quickbooks", vendor_object="Item", matched_by="sku")
    link(engine, "item", {"7": "itm_arm"}, matched_by="sku")
    link(engine, "item", {"8": "itm_gripper"}, matched_by="name")
    keep_items(engine, {"5": ARM_IN_QUICKBOOKS}, QUICKBOOKS, vendor_object="Item")
    keep_items(engine, {"7": ARM, "8": GRIPPER, "9": replace(GRIPPER, name="Bolt", sku="")})
    keep(
        engine,
        LOCATION,
        LEVEL,
        replace(LEVEL, location_id="11", on_hand=Decimal("-2")),
        replace(LEVEL, item_id="8"),
        replace(LEVEL, item_id="9"),
        PRICE_LEVEL,
        PRICE,
        ItemCost("7", Decimal("60.00"), Decimal("58.25"), None, "USD"),
        COMPONENT,
        replace(COMPONENT, line="2", item_id="9", quantity=Decimal(4)),
        SERIAL_NUMBER,
    )
    keep(engine, ItemCost("5", Decimal("60.00"), None, None, "USD"), scope=QUICKBOOKS)
    keep(engine, replace(LEVEL, item_id="5", location_id="", on_hand=Decimal(6)), scope=QUICKBOOKS)
