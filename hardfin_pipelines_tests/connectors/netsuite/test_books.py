"""How books are read: what moved, by which key, with which columns, in how many calls."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.connectors.netsuite import NetSuiteLimits
from hardfin_pipelines.sandbox.netsuite.load import load_bulk
from hardfin_pipelines.sandbox.netsuite.purchases import PurchaseLine, add_purchase, receive
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine
from hardfin_pipelines.sync.books import (
    BOOKS_KINDS,
    BooksFact,
    BooksKind,
    InventoryLevel,
    ItemPrice,
    SalesDocument,
    SalesDocumentLine,
)
from hardfin_pipelines_tests.connectors.books_harness import books_ids, collect_books
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.account import NOW
from hardfin_pipelines_tests.connectors.netsuite.books import NetSuiteBooks


@pytest.fixture
def books() -> Iterator[NetSuiteBooks]:
    with NetSuiteBooks().serving() as served:
        yield served


def read(
    books: NetSuiteBooks,
    kind: BooksKind,
    since: datetime | None = None,
    between: Callable[[int], None] | None = None,
    **changes: Any,
) -> tuple[list[str], list[BooksFact], int]:
    """Ids, facts, and how many calls it took."""

    async def run() -> tuple[list[str], list[BooksFact], int]:
        async with books.connector(**changes) as connector:
            pages = await collect_books(connector.books_pages(kind, since), between)
            facts = [connector.books_fact(record) for page in pages for record in page.records]
            return books_ids(pages), facts, connector.calls.total

    return asyncio.run(run())


def levels(
    books: NetSuiteBooks, since: datetime | None = None, **changes: Any
) -> dict[tuple[str, str], InventoryLevel]:
    _, facts, _ = read(books, "inventory_level", since, **changes)
    return {(fact.item_id, fact.location_id): fact for fact in facts if isinstance(fact, InventoryLevel)}


# Stock


def test_stock_of_every_kind_that_has_some_comes_by_location(books: NetSuiteBooks) -> None:
    places = [books.location(name) for name in ("North", "South")]
    kinds = ("inventoryItem", "assemblyItem", "serializedInventoryItem", "lotNumberedInventoryItem")
    items = [books.item(kind) for kind in kinds]
    for item in items:
        for place in places:
            books.account.set_stock(item, place, on_hand="10.125", committed=3, average_cost="4.25")
    ids, _, calls = read(books, "inventory_level")
    assert ids == [f"{item}:{place}" for item in items for place in places]
    assert calls == 2
    level = levels(books)[items[0], places[0]]
    assert (level.on_hand, level.available, level.average_cost) == (
        Decimal("10.125"),
        Decimal("7.125"),
        Decimal("4.25"),
    )
    assert level.in_transit is None


def test_what_purchases_move_is_told_though_the_available_quantity_stays(books: NetSuiteBooks) -> None:
    item, other, place = books.item(), books.item(), books.location()
    for each in (item, other):
        books.stock(each, 10, average_cost=2, at=START)
    vendor = books.account.create("vendor", {"entityid": "Acme"})
    since = books.now()
    books.wait(2)
    assert levels(books, since) == {}
    order = add_purchase(books.account, vendor, [PurchaseLine(item, Decimal(4), Decimal(5), place)])
    (level,) = levels(books, since).values()
    assert (level.item_id, level.on_order, level.available, level.average_cost) == (item, *map(Decimal, (4, 10, 2)))
    assert level.moved_at == START
    since = books.now() + timedelta(seconds=1)
    books.wait(2)
    receive(books.account, order, [PurchaseLine(item, Decimal(4), Decimal(9), place)])
    (level,) = levels(books, since).values()
    costs = (level.average_cost, level.last_purchase_price)
    assert (level.on_order, level.on_hand, *costs) == tuple(map(Decimal, (0, 14, 4, 9)))


def test_without_transactions_stock_is_told_by_its_own_stamp_alone(books: NetSuiteBooks) -> None:
    item, other, place = books.item(), books.item(), books.location()
    for each in (item, other):
        books.stock(each, 10, at=START)
    vendor = books.account.create("vendor", {"entityid": "Acme"})
    since = books.now()
    books.wait(2)
    add_purchase(books.account, vendor, [PurchaseLine(item, Decimal(4), Decimal(5), place)])
    books.stock(other, 9)
    books.role.permissions -= {"Transactions"}
    ids, _, calls = read(books, "inventory_level", since)
    assert (ids, calls) == ([f"{other}:{place}"], 2)  # refused once
    books.describe()
    assert read(books, "inventory_level", since)[2] == 1


def test_a_border_between_locations_of_one_item_loses_none(books: NetSuiteBooks) -> None:
    places = [books.location(f"Bay {each}") for each in range(4)]
    items = [books.item() for _ in range(4)]
    for item in items:
        for place in places:
            books.account.set_stock(item, place, on_hand=1)
    ids, _, calls = read(books, "inventory_level")
    assert (ids, calls) == ([f"{item}:{place}" for item in items for place in places], 4)


@pytest.mark.parametrize("described", [True, False])
def test_without_multi_location_inventory_items_have_their_stock_themselves(described: bool) -> None:
    small = NetSuiteBooks(multi_location=False)
    with small.serving():
        if not described:
            small.described = None
        items = [small.item() for _ in range(7)]
        small.item("serviceSaleItem")
        for item in items:
            small.stock(item, "3.5", average_cost=2, last_price=4)
        found = levels(small)
        assert list(found) == [(item, "") for item in items]
        level = found[items[0], ""]
        assert (level.on_hand, level.average_cost) == (Decimal("3.5"), Decimal(2))
        assert (level.last_purchase_price, level.moved_at) == (Decimal(4), None)
        since = small.now()
        small.wait(2)
        vendor = small.account.create("vendor", {"entityid": "Acme"})
        add_purchase(small.account, vendor, [PurchaseLine(items[2], Decimal(4), Decimal(5))])
        small.modify(items[4])
        assert list(levels(small, since)) == [(items[2], ""), (items[4], "")]


def test_stock_of_an_account_that_hides_both_is_not_visible(books: NetSuiteBooks) -> None:
    books.role.hidden |= {"aggregateitemlocation"}
    with pytest.raises(
        UnknownField, match="inventory level to our role: it needs the feature Multi-Location"
    ) as caught:
        levels(books)
    assert "\n" not in str(caught.value)


# Prices, components


def test_prices_by_level_currency_and_quantity_come_each_once(books: NetSuiteBooks) -> None:
    dealer = books.account.create("pricelevel", {"name": "Dealer"})
    dollars = books.account.create("currency", {"symbol": "USD", "name": "US Dollar", "isbasecurrency": "F"})
    euros, item = books.account.base_currency, books.create_item(name="A", sku="A", price=Decimal(9), cost=Decimal(1))
    expected = set()
    for currency, symbol in ((euros, "EUR"), (dollars, "USD")):
        for quantity in ("0", "2.5", "10", "100"):
            price = {"item": item, "pricelevel": dealer, "currency": currency, "unitprice": "8", "quantity": quantity}
            books.account.create("pricing", price)
            expected.add((dealer, symbol, Decimal(quantity)))
    books.set_price(item, Decimal(7), quantity=5)  # the base level's price from five on is no item's own
    expected.add(("1", "EUR", Decimal(5)))
    ids, facts, calls = read(books, "item_price")
    found = {(each.price_level_id, each.currency, each.from_quantity) for each in facts if isinstance(each, ItemPrice)}
    assert found == expected
    assert (len(ids), len(set(ids)), calls) == (9, 9, 2)


def test_without_currencies_prices_are_in_the_accounts_own(books: NetSuiteBooks) -> None:
    made = books.make_rows("item_price", 12)
    books.role.hidden |= {"currency", "pricing.currency"}
    ids, facts, calls = read(books, "item_price")
    assert [each.partition(":")[0] for each in ids] == [each.partition(":")[0] for each in made]
    assert {fact.currency for fact in facts if isinstance(fact, ItemPrice)} == {"EUR"}
    assert calls == 3 + 2  # the table was refused, then the column


def test_rows_without_a_key_are_neither_read_nor_counted(books: NetSuiteBooks) -> None:
    (made,) = books.make_rows("item_price", 1)
    books.account.create("pricing", {"item": books.item(), "unitprice": 5, "quantity": 1})
    (member,) = books.make_rows("item_component", 1)
    books.account.create("itemmember", {"parentitem": books.item("kitItem"), "item": books.item(), "quantity": 1})

    async def run() -> None:
        async with books.connector() as connector:
            pulse = await connector.pulse({"item_price": START, "item_component": START})
            assert pulse.totals == {"item_price": 1, "item_component": 1}

    asyncio.run(run())
    assert (read(books, "item_price")[0], read(books, "item_component")[0]) == ([made], [member])


# Sales documents


def test_lines_that_people_do_not_see_are_none_of_a_document(books: NetSuiteBooks) -> None:
    item = books.item()
    books.stock(item, average_cost="4.50")
    line = SaleLine(item, Decimal(3), Decimal("9.99"), books.location())
    order = books.sale(line)
    invoice = books.sale(line, kind="CustInvc", tax=Decimal("2.10"), created_from=order)
    ids, facts, _ = read(books, "sales_document_line")
    assert ids == [f"{order}:1", f"{invoice}:1"]
    sold = SalesDocumentLine(order, "1", item, Decimal(3), Decimal("9.99"), Decimal("29.97"), books.location())
    assert facts[0] == sold
    _, (_, bill), _ = read(books, "sales_document")
    assert isinstance(bill, SalesDocument)
    assert (bill.type, bill.total, bill.unpaid, bill.status) == ("invoice", Decimal("32.07"), Decimal("32.07"), "Open")
    assert bill.subsidiary_id == books.account.main_subsidiary


def test_of_a_document_that_changed_all_lines_come(books: NetSuiteBooks) -> None:
    lines = [SaleLine(books.item(), Decimal(1), Decimal(2)) for _ in range(7)]
    books.sale(*lines, at=START)
    changed = books.sale(*lines, at=START)
    books.sale(*lines, at=START)
    since = books.now()
    books.wait(2)
    books.account.store.run('DELETE FROM transactionline WHERE "transaction" = ? AND id = 3', [int(changed)])
    books.account.update("transaction", changed, {"memo": "without the third"})
    ids, _, calls = read(books, "sales_document_line", since)
    assert ids == [f"{changed}:{number}" for number in (1, 2, 4, 5, 6, 7)]
    assert calls == 2


@pytest.mark.parametrize("kind", ["sales_document", "sales_document_line"])
def test_documents_before_a_moment_are_not_read(books: NetSuiteBooks, kind: BooksKind) -> None:
    books.make_rows(kind, 2, START)
    made = books.make_rows(kind, 2, NOW)
    assert read(books, kind, documents_since=NOW)[0] == made
    assert read(books, kind, START, documents_since=NOW)[0] == made
    assert read(books, kind, NOW + timedelta(seconds=1), documents_since=START)[0] == []


def test_other_transactions_are_no_sales_documents(books: NetSuiteBooks) -> None:
    item = books.item()
    vendor = books.account.create("vendor", {"entityid": "Acme"})
    add_purchase(books.account, vendor, [PurchaseLine(item, Decimal(1), Decimal(1), books.location())])
    assert read(books, "sales_document")[0] == read(books, "sales_document_line")[0] == []


# Columns


@pytest.mark.parametrize(
    ("kind", "hidden"),
    [
        ("subsidiary", {"currency"}),
        ("ledger_account", {"account.currency", "account.inventory"}),
        ("location", {"location.subsidiary"}),
        ("customer", {"customer.email", "customer.subsidiary", "currency.symbol"}),
        ("serial_number", {"inventorynumber.expirationdate"}),
        ("inventory_level", {"aggregateitemlocation.averagecostmli"}),
        ("sales_document", {"transactionline.subsidiary", "transaction.memo"}),
        ("sales_document_line", {"transactionline.location", "transactionline.rate"}),
    ],
)
def test_a_column_that_is_hidden_is_left_out_and_not_asked_for_again(
    books: NetSuiteBooks, kind: BooksKind, hidden: set[str]
) -> None:
    made = books.make_rows(kind, 3)
    books.role.hidden |= hidden

    async def run() -> tuple[int, int]:
        async with books.connector() as connector:
            pages = await collect_books(connector.books_pages(kind, None))
            assert set(made) <= set(books_ids(pages))
            assert all(connector.books_fact(record) for page in pages for record in page.records)
            first = connector.calls.total
            await collect_books(connector.books_pages(kind, None))
            return first - len(pages), connector.calls.total - first - len(pages)

    assert asyncio.run(run()) == (len(hidden), 0)
    books.describe()
    books.sandbox.call_log.reset()
    read(books, kind)
    assert books.calls(status=400) == 0


def test_a_column_that_goes_between_pages_is_left_out_from_then_on(books: NetSuiteBooks) -> None:
    made = books.make_rows("customer", 12)

    def hide(page: int) -> None:
        books.role.hidden |= {"customer.companyname"} if page == 1 else set()

    ids, facts, calls = read(books, "customer", between=hide)
    assert (ids, calls) == (made, 3 + 1)
    assert [fact.name for fact in facts[4:6]] == ["Thing 5", "Thing 6"]  # type: ignore[union-attr]  # customers


@pytest.mark.parametrize("kind", ["location", "serial_number", "sales_document_line"])
def test_a_table_that_goes_between_pages_ends_the_walk_with_a_clear_word(books: NetSuiteBooks, kind: BooksKind) -> None:
    books.make_rows(kind, 12)

    def hide(page: int) -> None:
        if page == 1:
            books.hide_kind(kind)

    with pytest.raises(UnknownField, match="or our role does not see it"):
        read(books, kind, between=hide)


@pytest.mark.slow
def test_fifty_thousand_items_with_their_stock_cost_no_more_calls_than_they_have_pages() -> None:
    """And a pulse, and what describing the account takes: 160 calls in all, whoever counts."""
    large = NetSuiteBooks(page_size=1000)
    load_bulk(large.account, items=50_000, stock_rows=100_000, start=START, end=NOW)

    async def run() -> tuple[int, int, int]:
        async with large.connector(described=None, limits=NetSuiteLimits(calls_per_minute=10_000)) as connector:
            pulse = await connector.pulse(dict.fromkeys(("item", *BOOKS_KINDS), START))
            items: set[str] = set()
            rows: set[tuple[str, str]] = set()
            async for page in connector.item_pages():
                items.update(record.id for record in page.records)
            for kind in connector.readings:
                if pulse.totals[kind]:
                    async for books in connector.books_pages(kind, None):
                        rows.update((kind, record.id) for record in books.records)
            assert len(rows) == sum(pulse.totals[kind] for kind in connector.readings)
            return len(items), len(rows), connector.calls.total

    with large.serving(described=False):
        items, rows, calls = asyncio.run(run())
    assert items == 50_000
    assert rows == 100_000 + 1 + 3 + 10 + 2  # a subsidiary, locations, accounts, price levels
    assert calls == 5 + 1 + 50 + 100 + 4


def test_a_load_costs_a_call_for_a_thousand_rows() -> None:
    with NetSuiteBooks(page_size=1000).serving() as large:
        load_bulk(large.account, items=1_000, stock_rows=3_000, start=START, end=NOW)
        ids, _, calls = read(large, "inventory_level", limits=NetSuiteLimits())
        assert (len(set(ids)), calls) == (3_000, 3)
