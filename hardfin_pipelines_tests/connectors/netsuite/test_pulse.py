"""What one call tells of an account, and what becomes of it where the account hides or refuses something."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hardfin_pipelines.connectors.books import Pulse
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorContractError
from hardfin_pipelines.connectors.netsuite import NetSuiteLimits
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sandbox.netsuite.load import load_bulk
from hardfin_pipelines.sandbox.netsuite.purchases import PurchaseLine, add_purchase
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine
from hardfin_pipelines.sync.books import BOOKS_KINDS
from hardfin_pipelines.sync.books_reading import PulseKind
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.account import NOW
from hardfin_pipelines_tests.connectors.netsuite.books import NetSuiteBooks

ALL: tuple[PulseKind, ...] = ("item", *BOOKS_KINDS)


@pytest.fixture
def books() -> Iterator[NetSuiteBooks]:
    with NetSuiteBooks().serving() as served:
        yield served


def pulses(
    books: NetSuiteBooks, times: int = 1, kinds: Iterable[PulseKind] = ALL, since: datetime = START, **changes: Any
) -> list[tuple[Pulse, int]]:
    """Pulses of one connector, each with the calls it took."""

    async def run() -> list[tuple[Pulse, int]]:
        found = []
        async with books.connector(**changes) as connector:
            for _ in range(times):
                before = connector.calls.total
                found.append((await connector.pulse(dict.fromkeys(kinds, since)), connector.calls.total - before))
        return found

    return asyncio.run(run())


def mark(books: NetSuiteBooks, kind: PulseKind, **changes: Any) -> str:
    return pulses(books, kinds=[kind], **changes)[0][0].marks[kind]


# What moves a mark


def test_a_quantity_on_order_shows_though_no_stamp_moves(books: NetSuiteBooks) -> None:
    item = books.item()
    books.stock(item, at=START)
    vendor = books.account.create("vendor", {"entityid": "Acme"})
    before = mark(books, "inventory_level", since=NOW)
    add_purchase(books.account, vendor, [PurchaseLine(item, Decimal(5), Decimal(2), books.location())])
    after = mark(books, "inventory_level", since=NOW)
    assert before != after
    assert before.split("/")[:3] == after.split("/")[:3]  # rows, changes and the newest change are the same


def test_quantities_that_go_from_one_item_to_another_show(books: NetSuiteBooks) -> None:
    """Plain sums would stay as they are."""
    one, other = books.item(), books.item()
    books.stock(one, on_order=5, at=START)
    books.stock(other, on_order=2, at=START)
    before = mark(books, "inventory_level")
    books.stock(one, on_order=2, at=START)
    books.stock(other, on_order=5, at=START)
    assert mark(books, "inventory_level") != before


def test_prices_and_members_that_change_places_show(books: NetSuiteBooks) -> None:
    first, second = (made.partition(":")[0] for made in books.make_rows("item_price", 2))
    run = books.account.store.run
    run("UPDATE pricing SET unitprice = 9 WHERE item = ?", [int(first)])
    before = mark(books, "item_price")
    run("UPDATE pricing SET unitprice = CASE WHEN item = ? THEN 8.25 ELSE 9 END", [int(first)])
    assert mark(books, "item_price") != before
    kit = books.item("kitItem")
    rows = [{"parentitem": kit, "item": each, "quantity": 1, "linenumber": int(each)} for each in (first, second)]
    books.account.create_many("itemmember", rows)
    before = mark(books, "item_component")
    run("UPDATE itemmember SET item = ? WHERE item = ?", [int(books.item()), int(second)])
    assert mark(books, "item_component") != before


def test_a_price_level_that_is_renamed_shows_whatever_its_new_name(books: NetSuiteBooks) -> None:
    books.account.create_many("pricelevel", [{"name": f"Level {n:03d}"} for n in range(300)])
    before = mark(books, "price_level")
    (made,) = books.account.store.rows("SELECT id FROM pricelevel WHERE name = 'Level 150'")
    books.account.update("pricelevel", str(made["id"]), {"name": "Lavel 150"})
    after = mark(books, "price_level")
    assert after != before
    books.account.update("pricelevel", str(made["id"]), {"name": "Level 150"})
    assert mark(books, "price_level") == before


def test_a_change_that_is_seen_only_after_a_later_one_shows(books: NetSuiteBooks) -> None:
    """A save takes its stamp when it begins: another one may begin later, end earlier, and be read before it."""
    early, late = books.make_rows("customer", 2, START)
    books.account.update("customer", early, {"email": "a@b.example"}, at=NOW - timedelta(seconds=10))
    books.account.update("customer", late, {"email": "a@b.example"}, at=NOW)
    books.wait(600)
    before = mark(books, "customer")
    books.account.update("customer", early, {"email": "b@b.example"}, at=NOW - timedelta(seconds=2))
    after = mark(books, "customer")
    assert before.split("/")[:3] == after.split("/")[:3]
    assert before != after


def test_the_mark_of_what_changed_a_moment_ago_is_good_once(books: NetSuiteBooks) -> None:
    books.make_rows("customer", 1)
    found = []
    for _ in range(4):
        found.append(mark(books, "customer"))
        books.wait(300)
    first, second, third, fourth = found
    assert first != second == third == fourth


def test_items_that_go_show_though_as_many_come(books: NetSuiteBooks) -> None:
    item = books.item()
    since = books.now() - timedelta(days=3)
    before = pulses(books, kinds=["item"], since=since)[0][0]
    books.delete(item)
    books.item()
    after = pulses(books, kinds=["item"], since=since)[0][0]
    assert after.totals == before.totals
    assert after.marks != before.marks


def test_base_prices_come_with_the_items_and_are_not_counted_again(books: NetSuiteBooks) -> None:
    item = books.create_item(name="Gripper", sku="G", price=Decimal("9.50"), cost=Decimal(1))
    assert pulses(books, kinds=["item_price"])[0][0].totals == {"item_price": 0}
    books.set_price(item, Decimal("8.50"), quantity=10)
    dollars = books.account.create("currency", {"symbol": "USD", "name": "US Dollar", "isbasecurrency": "F"})
    books.set_price(item, Decimal("11.50"), currency=dollars)
    assert pulses(books, kinds=["item_price"])[0][0].totals == {"item_price": 2}


def test_documents_before_a_moment_are_not_counted(books: NetSuiteBooks) -> None:
    books.sale(at=START)
    books.sale(SaleLine(books.item(), Decimal(1), Decimal(2)), SaleLine(books.item(), Decimal(1), Decimal(3)), at=NOW)
    kinds: tuple[PulseKind, ...] = ("sales_document", "sales_document_line")
    assert list(pulses(books, kinds=kinds)[0][0].totals.values()) == [2, 3]
    assert list(pulses(books, kinds=kinds, documents_since=NOW)[0][0].totals.values()) == [1, 2]
    later = NOW + timedelta(days=1)
    assert list(pulses(books, kinds=kinds, documents_since=later)[0][0].totals.values()) == [0, 0]


def test_a_quiet_account_of_any_size_costs_one_call() -> None:
    with NetSuiteBooks().serving() as large:
        load_bulk(large.account, items=3_000, stock_rows=6_000, start=START, end=START + timedelta(days=1))
        for _ in range(4):
            large.sale()
        ((pulse, calls),) = pulses(large)
    assert (calls, pulse.totals["item"], pulse.totals["inventory_level"]) == (1, 3_004, 6_000)


def test_a_visit_that_is_resumed_sees_the_same_pulse_in_whatever_order_it_asks(books: NetSuiteBooks) -> None:
    memory = AnswerBuffer()
    ((first, calls),) = pulses(books, memory=memory)
    books.make_rows("customer", 1)
    ((again, later),) = pulses(books, kinds=reversed(ALL), memory=memory)
    assert (calls, later) == (1, 0)
    assert again == first


# What is hidden


def test_hidden_tables_cost_a_call_each_once_and_are_named(books: NetSuiteBooks) -> None:
    books.role.permissions -= {"Transactions", "Deleted Records"}
    books.wait(600)
    (first, calls), (second, later) = pulses(books, 2)
    assert (calls, later) == (3, 1)  # transaction and deletedrecord were refused
    assert dict(first.lacking) == dict.fromkeys(
        ("sales_document", "sales_document_line"), "the permission Transactions"
    )
    assert set(first.marks) == set(ALL) - set(first.lacking)
    assert second.marks == first.marks
    books.describe()
    (described, calls), _ = pulses(books, 2)
    assert (calls, described.marks, described.lacking) == (1, first.marks, first.lacking)


@pytest.mark.parametrize("column", ["averagecostmli", "quantityonorder"])
def test_a_sum_that_is_hidden_takes_only_itself_away(books: NetSuiteBooks, column: str) -> None:
    books.stock(books.item(), average_cost=4, on_order=3)
    books.role.hidden |= {f"aggregateitemlocation.{column}"}
    (first, calls), (_, later) = pulses(books, 2)
    assert (calls, later) == (2, 1)
    assert first.lacking == {}
    before = first.marks["inventory_level"]
    books.stock(books.account.store.rows("SELECT item FROM aggregateitemlocation")[0]["item"], 11)
    assert mark(books, "inventory_level") != before


@pytest.mark.parametrize(
    ("hidden", "kind", "needs"),
    [
        ("location.lastmodifieddate", "location", "a role that may see location.lastmodifieddate"),
        ("transactionline.iscogs", "sales_document_line", "a role that may see transactionline.iscogs"),
        ("pricing.unitprice", "item_price", "a role that may see pricing.unitprice"),
        ("aggregateitemlocation.item", "inventory_level", "a role that may see aggregateitemlocation.item"),
    ],
)
def test_a_column_without_which_nothing_goes_takes_its_kind_away(
    books: NetSuiteBooks, hidden: str, kind: Any, needs: str
) -> None:
    books.role.hidden |= {hidden}
    books.describe()
    ((pulse, calls),) = pulses(books)
    assert (calls, dict(pulse.lacking)) == (1, {kind: needs})
    assert set(pulse.marks) == set(ALL) - {kind}


def test_a_small_account_says_what_it_has() -> None:
    small = NetSuiteBooks(one_world=False, multi_location=False, without=["locations", "multicurrency"])
    with small.serving():
        for kind in ("customer", "inventory_level", "item_price", "sales_document"):
            small.make_rows(kind, 2)
        ((pulse, calls),) = pulses(small)
    assert calls == 1
    assert set(pulse.lacking) == {"subsidiary", "location"}
    assert pulse.lacking["subsidiary"] == "NetSuite OneWorld and the permission Lists > Subsidiaries"
    assert (pulse.totals["inventory_level"], pulse.totals["item_price"]) == (2 + 2, 2)


def test_a_role_without_items_needs_attention(books: NetSuiteBooks) -> None:
    books.role.permissions -= {"Items"}
    with pytest.raises(NeedsAttention, match="items to our role: it needs the permission Lists > Items"):
        pulses(books)
    assert set(pulses(books, kinds=["customer", "item_price"])[0][0].lacking) == {"item_price"}
    ((pulse, _),) = pulses(books, kinds=["item_component"])
    assert (pulse.marks, set(pulse.lacking)) == ({}, {"item_component"})
    assert pulse.vendor_time.utcoffset() == timedelta(0)


# Accounts that take no set operations


def test_an_account_that_takes_no_unions_is_asked_kind_by_kind(books: NetSuiteBooks) -> None:
    for kind in BOOKS_KINDS:
        books.make_rows(kind, 2)
    books.wait(600)
    ((together, _),) = pulses(books)
    books.account.settings.change({"set_operations": False})
    (first, calls), (second, later) = pulses(books, 2)
    assert (calls, later) == (1 + 14, 14)  # a refusal; then items, deletions, eleven kinds, names of price levels
    assert first.marks == second.marks == together.marks
    assert (first.totals, first.lacking) == (together.totals, {})
    books.describe()
    assert books.described is not None
    assert books.described.properties["item"]["setoperations"].hidden
    assert pulses(books)[0][1] == 14  # the description knows it
    assert pulses(books, kinds=["customer"])[0][1] == 1


def test_hidden_tables_are_left_out_there_too(books: NetSuiteBooks) -> None:
    books.account.settings.change({"set_operations": False})
    books.role.hidden |= {"customer", "aggregateitemlocation.quantityonorder"}
    (first, _), (_, later) = pulses(books, 2)
    assert set(first.lacking) == {"customer"}
    assert later == 13


def test_another_refusal_is_not_taken_for_one_of_unions(books: NetSuiteBooks) -> None:
    few = NetSuiteLimits(attempts=2)
    books.fault("invalid_search", times=None)
    with pytest.raises(VendorContractError, match="unsupported search"):
        pulses(books)
    books.sandbox.faults.clear()
    books.fault("unexpected_error", times=None)
    with pytest.raises(RetryLater, match="UNEXPECTED_ERROR"):
        pulses(books, limits=few)
    books.sandbox.faults.clear()
    assert pulses(books)[0][1] == 1


@pytest.mark.parametrize("total", ["", "many", None])
def test_an_answer_without_its_numbers_is_no_pulse(books: NetSuiteBooks, total: str | None) -> None:
    def spoil(row: dict[str, Any]) -> None:
        if row.get("part") == "customer":
            row["total"] = total

    books.answers.rewrites.append(spoil)
    with pytest.raises(VendorContractError, match="single row for customer"):
        pulses(books)
