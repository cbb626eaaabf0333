"""`hardfin customer`: lists, links, documents of linked customers, and what a person says of them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines_tests.cli.test_refusals import refused
from hardfin_pipelines_tests.engine.kept_books import (
    add_customers,
    add_items,
    keep,
    keep_items,
    left,
    link,
    named_objects,
)
from hardfin_pipelines_tests.product_fixtures import Product
from hardfin_pipelines_tests.store_fixtures import add_connection, add_organization
from hardfin_pipelines_tests.sync.books_facts import CUSTOMER, LINE, LOCATION, ORDER

__all__ = ["named_objects"]

INVOICE = replace(
    ORDER,
    id="1300",
    type="invoice",
    number="INV-1300",
    document_date=date(2026, 3, 2),
    due_date=date(2026, 4, 1),
    status="Open",
    total=Decimal("20.00"),
    unpaid=Decimal("5.50"),
)
ARM = ItemFacts("Robot arm", ("Robot arm",), "RA-1", "stocked", "Inventory Item")


@pytest.fixture
def books(product: Product, named_objects: None) -> Product:
    """An organization whose customer has an order and an invoice in its accounting system, and two links."""
    engine = product.deployment.engine
    with writing(engine) as connection:
        add_organization(connection, "acme")
        add_connection(connection, "acme", "netsuite")
    add_customers(engine, {"cus_globex": "Globex [bold]Corporation[/bold]", "cus_initech": "Initech"})
    add_items(engine, {"itm_arm": {"name": "Robot arm", "sku": "RA-1"}})
    keep_items(engine, {"7": ARM, "8": replace(ARM, name="Gripper", sku="")})
    unlinked_line = replace(LINE, line_id="2", item_id="8")
    keep(engine, CUSTOMER, replace(CUSTOMER, id="301", name="Umbrella"), LOCATION, ORDER, INVOICE, LINE, unlinked_line)
    link(engine, "item", {"7": "itm_arm"}, matched_by="sku")
    link(engine, "customer", {"300": "cus_globex"}, vendor_object="customer", matched_by="normalized name")
    companies = {"connection_id": "acme:hubspot", "vendor_object": "companies", "matched_by": ""}
    link(engine, "customer", {"12": "cus_globex"}, **companies)
    return product


def text(out: str) -> str:
    return " ".join(out.split())


def test_list_says_who_there_is(books, hardfin):
    ended = hardfin("customer", "list", "acme")
    document = hardfin("customer", "list", "acme", "--search", "glob", "--json").json

    assert (ended.code, ended.err) == (0, "")
    assert "acme: 2 of 2 customer(s)" in ended.out
    assert "[bold]Corporation[/bold]" in text(ended.out)
    assert document["total"] == 1
    assert document["customers"][0]["customer"] == "cus_globex"
    assert document["customers"][0]["links"] == 2
    assert hardfin("customer", "list", "acme", "--search", "12", "--json").json["total"] == 1
    assert hardfin("customer", "list", "acme", "--search", "zzz").out == "acme: no customer with that\n"


def test_list_names_the_accounting_systems_customers_without_a_link(books, hardfin):
    ended = hardfin("customer", "list", "acme", "--unlinked")
    document = hardfin("customer", "list", "acme", "--unlinked", "--json").json

    assert "No customer in Hardfin is called" in text(ended.out.replace("│", ""))
    assert max(map(len, ended.out.splitlines())) <= 80
    (umbrella,) = document["customers"]
    assert (umbrella["external_id"], umbrella["connection"]) == ("301", "acme:netsuite")
    assert umbrella["why"] == "No customer in Hardfin is called “Umbrella”."
    assert hardfin("customer", "list", "acme", "--unlinked", "--search", "zzz", "--json").json["total"] == 0
    all_linked = "acme: every active customer of an accounting system with that is linked\n"
    assert hardfin("customer", "list", "acme", "--unlinked", "--search", "zzz").out == all_linked


def test_show_says_links_and_documents(books, hardfin):
    ended = hardfin("customer", "show", "acme", "cus_globex")
    document = hardfin("customer", "show", "acme", "cus_globex", "--json").json

    shown = text(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert "acme:netsuite customer 300 “Globex Corporation” (C-17): linked by normalized name on 2026" in shown
    assert "acme:hubspot companies 12: linked by its sync" in shown
    assert "2 of 2 sales order(s) and invoice(s), the newest first" in shown
    newer = "invoice INV-1300 of 2026-03-02, 20.00 USD, 5.50 USD unpaid, due 2026-04-01, Open"
    assert shown.index(newer) < shown.index("sales order SO-1200 of 2026-03-01, 112.50 USD")
    assert "1 more line(s) of items that are linked to no product or part" in shown
    invoice, order = document["documents"]
    assert (invoice["number"], invoice["unpaid"], invoice["lines"]) == ("INV-1300", "5.50", [])
    (line,) = order["lines"]
    assert (line["item"], line["quantity"], line["amount"], line["location"]) == (
        "itm_arm",
        "10",
        "112.50",
        "East : Dock",
    )
    assert (order["other_lines"], order["as_of"]) == (1, "2026-03-02T09:00:00+00:00")
    assert [each["connection"] for each in document["links"]] == ["acme:hubspot", "acme:netsuite"]


def test_show_leaves_out_what_is_gone(books, hardfin):
    engine = books.deployment.engine
    left(engine, "sales_document", INVOICE)
    left(engine, "sales_document_line")

    document = hardfin("customer", "show", "acme", "cus_globex", "--limit", "1", "--json").json

    assert [each["number"] for each in document["documents"]] == ["INV-1300"]
    assert document["documents_in_all"] == 1
    assert document["documents"][0]["other_lines"] == 0


def test_show_of_a_customer_without_links(books, hardfin):
    shown = text(hardfin("customer", "show", "acme", "Initech").out)

    assert "linked to no external record" in shown
    assert "no customer of an accounting system is linked to it: see `hardfin customer list acme --unlinked`" in shown


def test_link_and_unlink(books, hardfin):
    done = hardfin("customer", "link", "acme", "Initech", "301", "--reason", "their holding")
    shown = text(hardfin("customer", "show", "acme", "Initech").out)
    again = hardfin("customer", "link", "acme", "Initech", "301")
    undone = hardfin("customer", "unlink", "acme", "Initech", "301", "--json").json

    assert text(done.out) == "acme: customer 301 of acme:netsuite “Umbrella” is linked to cus_initech “Initech”"
    assert "linked by decision of cli:" in shown
    assert "(their holding)" in shown
    assert "no sales order or invoice" in shown
    refused(again, "customer 301 of acme:netsuite (“Umbrella”) is linked to it already, by decision")
    assert (undone["linked"], undone["customer"], undone["external_id"]) == (False, "cus_initech", "301")
    assert {row["external_id"] for row in books.table_rows(links) if row["entity_type"] == "customer"} == {"300", "12"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "acme", "Nobody"), "acme: no customer has the id or name “Nobody”; see `hardfin customer list acme`"),
        (("show", "nowhere", "Initech"), "unknown organization 'nowhere'"),
        (("link", "acme", "Initech", "999"), "acme has no customer “999” in an accounting system"),
        (("unlink", "acme", "Initech", "300"), "“Initech” is not linked to a record “300”"),
        (("unlink", "acme", "cus_globex", "12"), "only customers of accounting systems can be unlinked"),
    ],
)
def test_mistakes_get_one_line(books, hardfin, words, says):
    refused(hardfin("customer", *words), says)
