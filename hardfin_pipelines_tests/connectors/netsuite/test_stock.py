"""Stock by item and location."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.netsuite import StockLevel, StockPage
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount


def stock(account: NetSuiteAccount, since: datetime | None = None) -> tuple[list[StockPage], int]:
    async def run() -> tuple[list[StockPage], int]:
        async with account.connector() as connector:
            return [page async for page in connector.stock_pages(since)], connector.calls.total

    return asyncio.run(run())


def levels_of(pages: list[StockPage]) -> list[StockLevel]:
    return [level for page in pages for level in page.levels]


def test_stock_of_every_kind_that_has_some_comes_by_location(account: NetSuiteAccount) -> None:
    places = [account.account.add_location(name) for name in ("North", "South")]
    kinds = ("inventoryItem", "assemblyItem", "serializedInventoryItem", "lotNumberedInventoryItem")
    items = [account.create_items([START], kind)[0] for kind in kinds]
    for item in items:
        for place in places:
            account.account.set_stock(item, place, on_hand="10.125", committed=3, average_cost="4.25")
    pages, calls = stock(account)
    found = levels_of(pages)
    assert [(level.item_id, level.location_id) for level in found] == [(i, p) for i in items for p in places]
    assert (calls, [page.last for page in pages]) == (2, [False, True])
    values = found[0].values
    assert (values["quantityonhand"], values["quantityavailable"]) == (Decimal("10.125"), Decimal("7.125"))
    assert (values["averagecostmli"], values["quantityintransit"]) == (Decimal("4.25"), None)


def test_changes_of_stock_are_told_though_the_items_date_stays(account: NetSuiteAccount) -> None:
    place = account.account.add_location("North")
    items = account.create_items([START] * 7, "inventoryItem")
    for item in items:
        account.account.set_stock(item, place, on_hand=10, at=START)
    since = account.now()
    assert levels_of(stock(account, since)[0]) == []
    account.wait(2)
    account.account.set_stock(items[3], place, on_hand=9)
    pages, calls = stock(account, since)
    (level,) = levels_of(pages)
    assert (level.item_id, level.values["quantityonhand"], calls) == (items[3], Decimal(9), 1)
    assert level.moved_at is not None
    assert since < level.moved_at + timedelta(seconds=1)


def test_a_border_between_locations_of_one_item_loses_none(account: NetSuiteAccount) -> None:
    places = [account.account.add_location(f"Bay {each}") for each in range(4)]
    items = account.create_items([START] * 4, "inventoryItem")
    for item in items:
        for place in places:
            account.account.set_stock(item, place, on_hand=1)
    pages, calls = stock(account)
    assert [(level.item_id, level.location_id) for level in levels_of(pages)] == [(i, p) for i in items for p in places]
    assert calls == 4


def test_an_account_without_multi_location_inventory_says_so() -> None:
    small = NetSuiteAccount(multi_location=False)
    with small.serving(), pytest.raises(NeedsAttention, match="the record type aggregateitemlocation"):
        stock(small)
