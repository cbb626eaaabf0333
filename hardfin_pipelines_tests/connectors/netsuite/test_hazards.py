"""Ways to lose items, to tell wrong ones gone, or to read nothing and not notice."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.errors import NeedsAttention, UnknownField, VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.netsuite import NetSuiteConnector, NetSuiteLimits, statements
from hardfin_pipelines.connectors.netsuite.fields import columns_of
from hardfin_pipelines.connectors.netsuite.statements import DELETED_TYPES
from hardfin_pipelines.connectors.netsuite.walk import Position, WalkedPage, walked
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS
from hardfin_pipelines.sandbox.netsuite.load import load_bulk
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.account import BASE_PRICE, NOW, NetSuiteAccount


def load(account: NetSuiteAccount, between: Callable[[int], None] = lambda _: None, **changes: Any) -> list[ItemPage]:
    async def run() -> list[ItemPage]:
        found = []
        async with account.connector(**changes) as connector:
            async for page in connector.item_pages():
                found.append(page)
                between(len(found))
        return found

    return asyncio.run(run())


def tick(account: NetSuiteAccount, since: datetime = START, **changes: Any) -> list[ItemPage]:
    async def run() -> list[ItemPage]:
        async with account.connector(**changes) as connector:
            return [page async for page in connector.changed_pages(since)]

    return asyncio.run(run())


def ids_of(pages: list[ItemPage]) -> list[str]:
    return [record.id for page in pages for record in page.records]


def gone_in(pages: list[ItemPage]) -> list[str]:
    return [each.id for page in pages for each in page.gone]


def facts_of(account: NetSuiteAccount, item_id: str, **changes: Any) -> ItemFacts:
    async def run() -> ItemFacts:
        async with account.connector(**changes) as connector:
            (record,) = (await connector.read_items([item_id])).records
            return connector.item_facts(record)

    return asyncio.run(run())


# Columns


def test_more_columns_than_are_answered_are_refused_before_asking(account: NetSuiteAccount) -> None:
    with pytest.raises(NeedsAttention, match=r"101 fields .*are asked for: choose fewer, 98 can be read at once"):
        columns_of(None, [f"custitem_{n}" for n in range(66)], price_level="1", currency="")
    columns = columns_of(None, [f"custitem_{n}" for n in range(63)], price_level="1", currency="EUR")
    assert statements.items(columns, "", 0).split(" FROM ")[0].count(" AS ") == 100
    assert account.calls() == 0


def test_a_column_that_goes_between_description_and_query_is_left_out(account: NetSuiteAccount) -> None:
    items = account.create_items([START] * 12, upccode="0001")

    def hide(page: int) -> None:
        account.role.hidden |= {"item.upccode", "item.weight"} if page == 1 else set()

    pages = load(account, hide)
    assert sorted(ids_of(pages)) == sorted(items)
    assert "upccode" in pages[0].records[0].properties
    assert "upccode" not in pages[1].records[0].properties
    assert account.calls(status=400) == 2  # one for each, and no more of them on the pages behind
    assert account.calls() == 3 + 2


@pytest.mark.parametrize("hidden", ["pricing", "currency"])
def test_prices_that_go_take_nothing_else_with_them(account: NetSuiteAccount, hidden: str) -> None:
    item = account.create_item(name="Gripper", sku="G", price=Decimal("9.50"), cost=Decimal(1))
    account.role.hidden |= {hidden}
    facts = facts_of(account, item)
    assert (facts.name, facts.cost) == ("Gripper", Decimal(1))
    assert facts.price == (None if hidden == "pricing" else Decimal("9.50"))


@pytest.mark.parametrize("changes", [{"sku_field": "upccode"}, {"fields": ["upccode"]}])
def test_a_column_that_a_person_chose_is_not_left_out_silently(
    account: NetSuiteAccount, changes: dict[str, Any]
) -> None:
    account.create_items([START])
    account.role.hidden |= {"item.upccode"}
    with pytest.raises(UnknownField, match="NetSuite does not have the column upccode, or our role does not see it"):
        load(account, **changes)
    account.describe()  # knows that it is hidden, which changes nothing
    with pytest.raises(UnknownField, match="the column upccode"):
        load(account, **changes)


@pytest.mark.parametrize("column", ["itemid", "isinactive", "lastmodifieddate"])
def test_an_item_without_what_tells_it_is_none(account: NetSuiteAccount, column: str) -> None:
    account.role.hidden |= {f"item.{column}"}
    with pytest.raises(UnknownField, match=f"the column {column}"):
        load(account)


def test_a_role_that_loses_the_items_needs_attention(account: NetSuiteAccount) -> None:
    account.role.permissions -= {"Items"}
    with pytest.raises(NeedsAttention, match="the record type item, or our role does not see it"):
        tick(account)


# Prices


def test_prices_in_other_currencies_and_for_quantities_double_no_item(account: NetSuiteAccount) -> None:
    dollars = account.account.create("currency", {"symbol": "USD", "name": "US Dollar", "isbasecurrency": "F"})
    items = account.create_items([START] * 12)
    for item in items:
        account.set_price(item, Decimal("10.10"))
        account.set_price(item, Decimal("12.20"), currency=dollars)
        account.set_price(item, Decimal("8.80"), quantity=100)
    pages = load(account)
    assert sorted(ids_of(pages)) == sorted(items)
    assert len(pages) == 3
    facts = facts_of(account, items[0])
    assert (facts.price, facts.currency) == (Decimal("10.10"), "EUR")


def test_a_price_without_a_currency_is_in_the_accounts_own(account: NetSuiteAccount) -> None:
    (item,) = account.create_items([START])
    values = {"item": item, "pricelevel": BASE_PRICE, "unitprice": Decimal("7.25"), "quantity": 0}
    account.account.create("pricing", values)
    facts = facts_of(account, item)
    assert (facts.price, facts.currency) == (Decimal("7.25"), "EUR")


def test_rows_that_a_join_doubles_are_given_once(account: NetSuiteAccount) -> None:
    items = account.create_items([START] * 12)
    for item in items * 2:
        account.set_price(item, Decimal(5))
    assert sorted(ids_of(load(account))) == sorted(items)
    assert sorted(ids_of(tick(account))) == sorted(items)


# Paging


def test_a_page_that_shifts_while_it_is_read_hides_nothing(account: NetSuiteAccount) -> None:
    """By offset, rows that go from pages already read would move others over the border unseen."""
    items = account.create_items([START] * 30)
    deleted: list[str] = []

    def shift(page: int) -> None:
        for item in items[5 * (page - 1) : 5 * page - 1]:
            if page < 6:
                deleted.append(item)
                account.delete(item)

    pages = load(account, shift)
    assert ids_of(pages) == items
    assert sorted(gone_in(tick(account, NOW))) == sorted(deleted)


def test_an_item_changed_behind_the_walk_is_told_by_the_next_tick(account: NetSuiteAccount) -> None:
    items = account.create_items([START] * 12)
    since = account.now()
    account.wait(2)
    for item in items[5:]:
        account.modify(item)

    async def run() -> list[ItemPage]:
        found = []
        async with account.connector() as connector:
            async for page in connector.changed_pages(since):
                found.append(page)
                account.wait(2)
                if len(found) == 1:
                    account.modify(items[0])  # behind
                    account.modify(items[11])  # ahead
        return found

    pages = asyncio.run(run())
    assert sorted(ids_of(pages), key=int) == items[5:]
    assert {items[0], items[11]} <= set(ids_of(tick(account, pages[0].vendor_time)))


def test_only_the_vendor_says_when_there_is_no_more() -> None:
    """A short page with more behind it is no end, and a full one may be the last."""
    rows: dict[Position, tuple[list[int], bool]] = {(0,): ([1, 2], True), (2,): ([5], True), (5,): ([7, 8], False)}

    async def fetch(behind: Position) -> Answer:
        ids, more = rows[behind]
        body = {"items": [{"id": str(each)} for each in ids], "hasMore": more}
        return Answer(200, orjson.dumps(body), {}, NOW)

    async def run() -> list[WalkedPage]:
        return [page async for page in walked(fetch, "rows")]

    pages = asyncio.run(run())
    assert [[row.document["id"] for row in page.rows] for page in pages] == [["1", "2"], ["5"], ["7", "8"]]
    assert [page.last for page in pages] == [False, False, True]


@pytest.mark.parametrize("ids", [["9", "3"], ["0"], ["4", "5", "4"]])
def test_an_order_that_is_not_kept_is_noticed(ids: list[str]) -> None:
    async def fetch(_behind: Position) -> Answer:
        return Answer(200, orjson.dumps({"items": [{"id": each} for each in ids], "hasMore": False}), {}, NOW)

    async def run() -> None:
        _ = [page async for page in walked(fetch, "rows")]

    with pytest.raises(VendorContractError, match="order by id, which was asked for"):
        asyncio.run(run())


def test_a_row_without_an_id_stops_nothing() -> None:
    async def fetch(_behind: Position) -> Answer:
        rows = [{"id": "1"}, {"itemid": "x"}, {"id": "x"}, {"id": None}, {"id": "2"}]
        return Answer(200, orjson.dumps({"items": rows, "hasMore": False}), {}, NOW)

    async def run() -> list[str]:
        return [row.document["id"] async for page in walked(fetch, "rows") for row in page.rows]

    assert asyncio.run(run()) == ["1", "2"]


@pytest.mark.slow
def test_more_items_than_one_query_answers_all_come() -> None:
    """A query answers 100,000 rows at most, however it is paged."""
    account = NetSuiteAccount(page_size=1000)
    bulk = load_bulk(account.account, items=100_500)
    with account.serving():
        seen: set[str] = set()
        calls = 0

        async def run() -> None:
            nonlocal calls
            async with account.connector() as connector:
                async for page in connector.item_pages():
                    seen.update(record.id for record in page.records)
                calls = connector.calls.total

        asyncio.run(run())
    assert seen == {str(each) for each in range(bulk.first_item_id, bulk.last_item_id + 1)}
    assert calls == 101


# Deletions


@pytest.mark.parametrize("form", ["base", "record"])
def test_every_kind_of_item_that_is_deleted_is_told_in_either_form(account: NetSuiteAccount, form: str) -> None:
    account.account.settings.change({"deleted_record_type": form})
    items = [item for kind in ITEM_KINDS for item in account.create_items([START], kind)]
    for item in items:
        account.delete(item)
    assert sorted(gone_in(tick(account, NOW))) == sorted(items)


def test_transactions_that_are_deleted_are_no_items(account: NetSuiteAccount) -> None:
    """Their ids are others' items' ids."""
    (item,) = account.create_items([START])
    for kind in ("ItemShip", "ItemRcpt", "SalesOrd"):
        record_type = {"ItemShip": "itemfulfillment", "ItemRcpt": "itemreceipt", "SalesOrd": "salesorder"}[kind]
        made = account.account.create("transaction", {"id": item, "type": kind, "recordtype": record_type})
        account.account.settings.change({"deleted_record_type": "record"})
        account.account.delete("transaction", made)
        account.account.settings.change({"deleted_record_type": "base"})
        account.account.create("transaction", {"id": item, "type": kind, "recordtype": record_type})
        account.account.delete("transaction", made)
    assert gone_in(tick(account, NOW)) == []
    assert not {"itemfulfillment", "itemreceipt", "itemdemandplan"} & set(DELETED_TYPES)


def test_an_item_deleted_and_made_again_with_its_name_is_another(account: NetSuiteAccount) -> None:
    old = account.account.create("inventoryItem", {"itemid": "AMR-100"}, at=START)
    since = account.now()
    account.wait(2)
    account.delete(old)
    new = account.account.create("inventoryItem", {"itemid": "AMR-100"})
    pages = tick(account, since)
    assert (ids_of(pages), gone_in(pages)) == ([new], [old])


def test_more_deletions_than_a_page_all_come(account: NetSuiteAccount) -> None:
    items = account.create_items([START] * 13)
    for item in items:
        account.delete(item)
    pages = tick(account, NOW)
    assert gone_in(pages) == items
    assert [page.last for page in pages] == [False, False, True]


def test_without_the_permission_deletions_are_not_taken_for_none(account: NetSuiteAccount) -> None:
    (item,) = account.create_items([START])
    account.role.permissions -= {"Deleted Records"}
    with pytest.raises(NeedsAttention, match="the record type deletedrecord, or our role does not see it"):
        tick(account)
    pages = tick(account, deletions_needed=False)
    assert ids_of(pages) == [item]
    assert [page.last for page in pages] == [False, True]
    assert pages[-1].deletions_from is not None
    assert pages[-1].deletions_from >= NOW


# Ids


@pytest.mark.parametrize("bad", ["1 OR 1=1", "1)", "-", "", "1.5", "\u0661", "9" * 30, "--1"])
def test_what_is_no_id_never_gets_into_a_statement(bad: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        statements.among(["1", bad])


def test_more_ids_than_one_list_holds_take_a_call_for_a_thousand(account: NetSuiteAccount) -> None:
    load_bulk(account.account, items=2_100, start=START)

    async def run() -> tuple[int, int]:
        async with account.connector(limits=NetSuiteLimits()) as connector:
            result = await connector.read_items([str(each) for each in range(1, 3_001)])
            return len(result.records) + len(result.missing), connector.calls.total

    assert asyncio.run(run()) == (3_000, 3)


def test_a_price_level_that_is_no_id_is_refused(account: NetSuiteAccount) -> None:
    with pytest.raises(ValueError, match="no id"):
        load(account, price_level="1 OR 1=1")


def test_a_connector_is_cheap_and_asks_nothing(account: NetSuiteAccount) -> None:
    async def run() -> NetSuiteConnector:
        async with account.connector() as connector:
            assert connector.look_back is None
            return connector

    assert asyncio.run(run()).calls.total == 0
    assert account.sandbox.call_log.total == 0


def test_a_load_in_thousands_costs_a_call_for_each(account: NetSuiteAccount) -> None:
    load_bulk(account.account, items=2_001, start=START - timedelta(days=1), end=START)

    async def run() -> tuple[int, int]:
        async with account.connector(limits=NetSuiteLimits()) as connector:
            seen = [record.id async for page in connector.item_pages() for record in page.records]
            return len(set(seen)), connector.calls.total

    assert asyncio.run(run()) == (2_001, 3)
