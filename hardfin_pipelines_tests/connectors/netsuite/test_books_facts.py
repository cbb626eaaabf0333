"""What rows of every kind say, digit for digit, and what cannot be read."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.netsuite.books_facts import books_fact, item_cost
from hardfin_pipelines.sync.books import (
    BooksCustomer,
    InventoryLevel,
    ItemComponent,
    ItemCost,
    ItemPrice,
    LedgerAccount,
    Location,
    PriceLevel,
    SalesDocument,
    SalesDocumentLine,
    SerialNumber,
    Subsidiary,
)
from hardfin_pipelines.sync.records import Record, Role

AT = datetime(2026, 1, 11, tzinfo=UTC)


def record(role: Role, record_id: str = "7", **properties: str | None) -> Record:
    return Record(role, record_id, AT, properties)


def test_lists_say_their_names_parents_and_whether_they_are_used() -> None:
    parts = {"name": "Rover", "fullname": "Group : Rover", "parent": "1", "isinactive": "T"}
    assert books_fact(record("subsidiary", **parts, country="DE", currency_symbol="EUR")) == Subsidiary(
        "7", "Rover", "Group : Rover", "1", "EUR", "DE", active=False
    )
    assert books_fact(record("location", **parts, subsidiary="4")) == Location(
        "7", "Rover", "Group : Rover", "1", "4", active=False
    )
    assert books_fact(record("location", name="Dock")) == Location("7", "Dock", "Dock")
    assert books_fact(record("price_level", name="Dealer", isinactive="F")) == PriceLevel("7", "Dealer")


@pytest.mark.parametrize("name", ["1200 Inventory Asset", "Inventory Asset"])
def test_an_accounts_name_is_without_its_number(name: str) -> None:
    found = books_fact(
        record(
            "ledger_account",
            acctnumber="1200",
            accountsearchdisplayname=name,
            displaynamewithhierarchy="1000 Assets : 1200 Inventory Asset",
            accttype="OthCurrAsset",
            parent="6",
            currency_symbol="USD",
            issummary="F",
            inventory="T",
        )
    )
    full = "1000 Assets : 1200 Inventory Asset"
    assert found == LedgerAccount(
        "7", "1200", "Inventory Asset", full, "OthCurrAsset", "6", "USD", active=True, summary=False, inventory=True
    )


@pytest.mark.parametrize(
    ("properties", "name", "number"),
    [
        ({"entityid": "Initech", "companyname": "Initech"}, "Initech", ""),
        ({"entityid": "CUST-17", "companyname": "Initech"}, "Initech", "CUST-17"),
        ({"entityid": "CUST-18", "altname": "Ada Lovelace"}, "Ada Lovelace", "CUST-18"),
        ({"entityid": "Hooli"}, "Hooli", ""),
    ],
)
def test_a_customer_has_a_name_and_a_number_where_that_is_another(
    properties: dict[str, str], name: str, number: str
) -> None:
    found = books_fact(record("customer", email="a@b.example", subsidiary="4", **properties))
    assert found == BooksCustomer("7", name, number, "a@b.example", "", "4")


def test_members_prices_and_numbers() -> None:
    member = record("item_component", "5:2", parentitem="5", linenumber="2", item="9", quantity="0.3333333333")
    assert books_fact(member) == ItemComponent("5", "2", "9", Decimal("0.3333333333"))
    price = record("item_price", item="9", pricelevel="2", currency="3", quantity="10", unitprice="8.10")
    assert books_fact(price, currency="EUR") == ItemPrice("9", "2", "EUR", Decimal(10), Decimal("8.10"))
    named = record("item_price", item="9", pricelevel="2", quantity="0", currency_symbol="USD")
    assert books_fact(named, currency="EUR") == ItemPrice("9", "2", "USD", Decimal(0), None)
    number = record("serial_number", item="9", inventorynumber="SN-1", expirationdate="2027-02-28")
    assert books_fact(number) == SerialNumber("7", "9", "SN-1", date(2027, 2, 28))


def test_stock_is_digit_for_digit_by_location_and_by_item() -> None:
    quantities = {"quantityonhand": "-3.00000001", "quantityavailable": "0", "quantitycommitted": "12345678901234.5"}
    by_location = record(
        "inventory_level",
        item="9",
        location="18",
        averagecostmli="4.123456789012",
        lastpurchasepricemli="4",
        onhandvaluemli="-12.37",
        lastquantityavailablechange="2026-01-10 23:59:59",
        **quantities,
    )
    numbers = (Decimal("-3.00000001"), Decimal(0), Decimal("12345678901234.5"), None, None, None)
    costs = (Decimal("4.123456789012"), Decimal(4), Decimal("-12.37"))
    moved_at = datetime(2026, 1, 10, 23, 59, 59, tzinfo=UTC)
    assert books_fact(by_location) == InventoryLevel("9", "18", *numbers, *costs, moved_at)
    by_item = record(
        "inventory_level",
        item="9",
        averagecost="4.123456789012",
        lastpurchaseprice="4",
        totalvalue="-12.37",
        lastmodifieddate="2026-01-10 23:59:59",
        **quantities,
    )
    assert books_fact(by_item) == InventoryLevel("9", "", *numbers, *costs)


def test_documents_and_lines_are_positive_for_what_is_sold() -> None:
    invoice = record(
        "sales_document",
        type="CustInvc",
        tranid="INV00007",
        entity="45",
        trandate="2026-01-31",
        duedate="2026-03-02",
        status="A",
        status_name="Invoice : Open",
        currency_symbol="USD",
        exchangerate="0.91",
        foreigntotal="1000.10",
        foreignamountunpaid="0",
        subsidiary="4",
        memo="Berlin",
    )
    days = (date(2026, 1, 31), date(2026, 3, 2))
    amounts = (Decimal("0.91"), Decimal("1000.10"), Decimal(0))
    assert books_fact(invoice, currency="EUR") == SalesDocument(
        "7", "invoice", "INV00007", "45", AT, *days, "Open", "USD", *amounts, "4", "Berlin"
    )
    order = record("sales_document", type="SalesOrd", entity="45", status="B", foreignamountunpaid="3")
    assert books_fact(order, currency="EUR") == SalesDocument(
        "7", "sales order", "", "45", AT, status="B", currency="EUR"
    )
    line = record(
        "sales_document_line",
        "7:1",
        transaction="7",
        id="1",
        item="9",
        quantity="-2.5",
        rate="8.10",
        foreignamount="-20.25",
        location="18",
    )
    sold = SalesDocumentLine("7", "1", "9", Decimal("2.5"), Decimal("8.10"), Decimal("20.25"), "18")
    assert books_fact(line) == sold
    given_back = record("sales_document_line", "7:2", transaction="7", id="2", quantity="1", foreignamount="0.00")
    found = books_fact(given_back)
    assert found == SalesDocumentLine("7", "2", "", Decimal(-1), None, Decimal("0.00"))
    assert isinstance(found, SalesDocumentLine)
    assert str(found.amount) == "0.00"


def test_what_an_item_costs() -> None:
    item = record("item", cost="3.50", averagecost="3.123456789")
    assert item_cost(item, currency="EUR") == ItemCost("7", Decimal("3.50"), Decimal("3.123456789"), None, "EUR")
    with pytest.raises(SkipRecord, match="item 7 cannot be read: its averagecost is 'x': expected a number"):
        item_cost(record("item", averagecost="x"))


@pytest.mark.parametrize(
    ("role", "properties", "says"),
    [
        ("location", {"name": None}, "it has no name"),
        ("location", {"name": "x", "isinactive": "Y"}, "its isinactive is 'Y': expected T or F"),
        ("item_component", {"parentitem": "5", "linenumber": "1"}, "it has no item"),
        ("item_price", {"item": "5", "pricelevel": "1", "unitprice": "NaN"}, "unitprice is 'NaN': expected a number"),
        ("serial_number", {"item": "5", "inventorynumber": "S", "expirationdate": "1/2/26"}, "expected a day such as"),
        ("inventory_level", {"item": "5", "quantityonhand": "1e400"}, "quantityonhand is '1e400': expected a number"),
        ("inventory_level", {"item": "5", "quantityonhand": "9" * 90}, "quantityonhand is '9{40}': expected"),
        ("sales_document", {"type": "Journal", "entity": "1"}, "type is 'Journal': expected SalesOrd or CustInvc"),
        ("sales_document_line", {"transaction": "7", "id": "1", "quantity": "two"}, "its quantity is 'two'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_skipped_with_one_clear_line(role: Role, properties: dict[str, str], says: str) -> None:
    with pytest.raises(SkipRecord, match=says) as caught:
        books_fact(record(role, **properties))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("change it in NetSuite")
    assert caught.value.record_id == "7"
