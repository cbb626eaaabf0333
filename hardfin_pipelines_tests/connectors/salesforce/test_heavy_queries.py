"""Queries that are too heavy for Salesforce are asked for in smaller pages and shorter windows, and lose nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.salesforce import SalesforceConnector
from hardfin_pipelines.connectors.salesforce.errors import QueryTooHeavy
from hardfin_pipelines_tests.connectors.conformance import START, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import DATA, QUERY, WON, SalesforceAccount

HEAVY = ("query_timeout", "operation_too_large")
FURTHER_PAGES = f"{DATA}query/01g*"


def run(account: SalesforceAccount, work: Callable[[SalesforceConnector], Awaitable[Any]], **changes: Any) -> Any:
    async def in_loop() -> Any:
        async with account.connector(**changes) as connector:
            return await work(connector)

    return asyncio.run(in_loop())


def month(account: SalesforceAccount) -> TriggerQuery:
    return account.query(before=START + timedelta(days=30))


def found(account: SalesforceAccount, query: TriggerQuery) -> tuple[list[str], int | None]:
    pages = run(account, lambda each: collect(each.deal_pages(query, ("Name",))))
    assert [page.last for page in pages].count(True) == 1
    assert pages[-1].last
    return ids_of(pages), pages[0].total


@pytest.mark.parametrize("name", HEAVY)
@pytest.mark.parametrize("times", [1, 2, 3, 5])
@pytest.mark.parametrize("is_open", [False, True])
def test_every_deal_comes_once_however_often_the_query_is_too_heavy(
    account: SalesforceAccount, name: str, times: int, is_open: bool
) -> None:
    deals = account.create_deals([START + timedelta(days=each) for each in range(29)])
    account.fault(name, path=f"{DATA}query/", times=times)
    ids, total = found(account, account.query() if is_open else month(account))
    assert sorted(ids) == sorted(deals)
    assert total == len(deals)
    assert sum(account.slept) < 1  # nothing was waited for


def test_one_that_is_too_heavy_once_costs_one_call(account: SalesforceAccount) -> None:
    account.create_deals(minutes(3))
    account.fault("query_timeout", times=1)
    found(account, month(account))
    assert account.api_calls() == 2


def test_it_is_divided_by_stamp_and_counted_once_and_grows_back(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    deals = account.create_deals([START + timedelta(days=each) for each in range(30)])
    account.fault("query_timeout", path=f"{DATA}query/", times=2)
    assert sorted(found(account, month(account))[0]) == sorted(deals)
    windows = [text.partition("SystemModstamp >= ")[2].partition(" ORDER")[0] for text in account.statements()]
    assert windows == [
        "2026-01-01T00:00:00Z AND SystemModstamp < 2026-01-31T00:00:00Z",
        "2026-01-01T00:00:00Z AND SystemModstamp < 2026-01-31T00:00:00Z",
        "2026-01-01T00:00:00Z AND SystemModstamp < 2026-01-16T00:00:00Z",
        "2026-01-01T00:00:00Z AND SystemModstamp < 2026-01-31T00:00:00Z",
        "2026-01-16T00:00:00Z AND SystemModstamp < 2026-01-31T00:00:00Z",
    ]
    assert account.statements()[3].startswith("SELECT COUNT() FROM Opportunity")


def test_a_search_that_cannot_even_be_counted_has_no_total(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(3))
    account.fault("query_timeout", times=2)
    account.fault("query_timeout", skip=1, times=1)
    ids, total = found(account, month(account))
    assert (sorted(ids), total) == (sorted(deals), None)


@pytest.mark.parametrize("times", [1, 3, 6])
def test_a_further_page_that_is_too_heavy_loses_no_row(account: SalesforceAccount, times: int) -> None:
    deals = account.create_deals(minutes(23))
    account.fault("query_timeout", path=FURTHER_PAGES, skip=1, times=times)
    assert sorted(found(account, month(account))[0]) == sorted(deals)


def test_a_first_page_that_was_a_part_is_gone_on_from_by_another_connector(account: SalesforceAccount) -> None:
    deals = account.create_deals([START + timedelta(days=each) for each in range(12)])
    account.fault("query_timeout", path=f"{DATA}query/", times=2)

    async def first_then_others(connector: SalesforceConnector) -> list[str]:
        page = await connector.first_page(month(account), ())
        assert not page.last
        other = account.new_connector()
        return ids_of(await collect(other.deal_pages(month(account), (), first=page)))

    assert sorted(run(account, first_then_others)) == sorted(deals)


@pytest.mark.parametrize("name", HEAVY)
def test_what_stays_too_heavy_ends_and_says_when_to_come_back(account: SalesforceAccount, name: str) -> None:
    account.fault(name, times=None)
    with pytest.raises(RetryLater, match="will try again later") as caught:
        found(account, month(account))
    assert isinstance(caught.value, QueryTooHeavy)
    assert caught.value.delay == timedelta(minutes=5)
    assert account.api_calls() <= 10


@pytest.mark.parametrize("name", HEAVY)
def test_what_deals_point_to_is_asked_for_in_parts(account: SalesforceAccount, name: str) -> None:
    account.org.settings.largest_page = None
    deals = account.create_deals(minutes(8))
    lines = {deal: account.create_product_lines(deal, 2) for deal in deals}
    account.fault(name, path=f"{DATA}composite", times=1)
    account.fault(name, path=QUERY, times=3)

    async def work(connector: SalesforceConnector) -> dict[str, list[str]]:
        connector.expect({"line_item": ("Quantity",), "company": ("Name",), "product": ("Name",)})
        await collect(connector.deal_pages(TriggerQuery({"default": (WON,)}, START), ()))
        references = await connector.references(deals, ("company", "line_item"))
        return {deal: [each.id for each in references[deal]["line_item"]] for deal in deals}

    assert run(account, work) == lines


def test_ids_are_halved_to_an_end(account: SalesforceAccount) -> None:
    asked = [f"006A00000{each:06}" for each in range(64)]
    account.fault("query_timeout", times=None)
    with pytest.raises(QueryTooHeavy):
        run(account, lambda each: each.read("deal", asked, ()), record_types=False)
    assert account.api_calls() <= 8
