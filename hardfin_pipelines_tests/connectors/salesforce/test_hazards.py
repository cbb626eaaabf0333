"""Hazards at which tools like ours are known to lose records, by name: every record comes exactly once.

Where one cannot come, there is one clear line that says why.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.salesforce import SalesforceConnector
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.engine.vendors.salesforce import SalesforceVendor
from hardfin_pipelines_tests.connectors.conformance import START, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import DATA, LOST, WON, SalesforceAccount

FURTHER_PAGES = f"{DATA}query/01g*"
HOUR = timedelta(hours=1)


def run(account: SalesforceAccount, work: Callable[[SalesforceConnector], Awaitable[Any]], **changes: Any) -> Any:
    async def in_loop() -> Any:
        async with account.connector(**changes) as connector:
            return await work(connector)

    return asyncio.run(in_loop())


def scan(account: SalesforceAccount, query: TriggerQuery | None = None, **changes: Any) -> list[Page]:
    async def work(connector: SalesforceConnector) -> list[Page]:
        return await collect(connector.deal_pages(query or account.query(), ()))

    pages: list[Page] = run(account, work, **changes)
    return pages


def exactly_once(found: Sequence[str], expected: Sequence[str]) -> bool:
    return Counter(found) == Counter(expected)


# P8: rows modified in the watermark's own second


@pytest.mark.parametrize("offset", [0, 1])
def test_p8_rows_of_the_watermarks_own_second_and_later_ones_are_seen_by_the_next_tick(
    account: SalesforceAccount, offset: int
) -> None:
    account.create_deals([START + HOUR])
    cursor = START + HOUR
    late = account.create_deals([cursor + timedelta(seconds=offset)] * 3)
    query = TriggerQuery({"default": (WON,)}, cursor)
    assert set(late) <= set(ids_of(scan(account, query)))


def test_p8b_a_row_updated_later_is_one_record_with_its_new_stamp(account: SalesforceAccount) -> None:
    deals = account.create_deals([START + HOUR] * 7)
    assert exactly_once(ids_of(scan(account)), deals)
    account.org.update("Opportunity", deals[3], {"NextStep": "Call"}, at=START + 2 * HOUR)
    later = scan(account, TriggerQuery({"default": (WON,)}, START + HOUR + timedelta(seconds=1)))
    assert [(each.id, each.modified_at) for page in later for each in page.records] == [(deals[3], START + 2 * HOUR)]
    assert exactly_once(ids_of(scan(account)), deals)


@pytest.mark.parametrize(("minutes_late", "by_tick"), [(5, True), (30, True), (59, True), (90, False)])
def test_p8c_late_commits_are_found_by_the_overlap_or_else_by_the_census(
    account: SalesforceAccount, minutes_late: int, by_tick: bool
) -> None:
    clock = account.sandbox.clock
    began = clock.now()
    values = {"Name": "Late", "StageName": WON, "CloseDate": "2026-01-31"}
    made = httpx.post(
        f"{account.url}/_sandbox/orgs/acme/records/Opportunity",
        json={"values": values, "commit_after_seconds": minutes_late * 60},
    )
    late = made.json()["id"]
    # The last tick before it shows: its cursor is the vendor's clock.
    clock.advance(minutes_late * 60 - 1)
    cursor = scan(account)[0].vendor_time
    clock.advance(2)
    tick = TriggerQuery({"default": (WON,)}, cursor - SalesforceVendor.shows_late)
    assert (late in ids_of(scan(account, tick))) is by_tick
    month = TriggerQuery({"default": (WON,)}, began - timedelta(days=1), began + timedelta(days=1))
    census = run(account, lambda each: collect(each.census_pages(month)))
    assert ids_of(census) == [late]
    assert census[0].total == 1


def test_a_change_of_stage_that_commits_thirty_minutes_late_is_in_the_census_with_its_history(
    account: SalesforceAccount,
) -> None:
    clock = account.sandbox.clock
    began = clock.now().replace(microsecond=0)
    (deal,) = account.create_deals([began], StageName="Prospecting")
    account.org.update("Opportunity", deal, {"StageName": WON}, commit_after=timedelta(minutes=30))
    assert ids_of(scan(account)) == []
    clock.advance(1_801)
    assert ids_of(scan(account)) == [deal]
    query = account.query(entered_since=began - HOUR)
    state = run(account, lambda each: _entered(each, query))
    assert abs(state[deal][WON] - began) < timedelta(minutes=1)


# stages passed between two ticks


async def _entered(connector: SalesforceConnector, query: TriggerQuery) -> dict[str, dict[str, datetime]]:
    page = await connector.first_page(query, ())
    return {record.id: dict(connector.deal_state(record).entered) for record in page.records}


def test_a_deal_that_was_won_and_reopened_between_two_ticks_is_found_by_one_call(account: SalesforceAccount) -> None:
    now = account.sandbox.clock.now().replace(microsecond=0)
    passed, never, before = account.create_deals(minutes(3), StageName="Prospecting")
    account.move(before, WON, at=now - timedelta(hours=2))
    account.move(before, LOST, at=now - HOUR)
    account.modify(before)
    account.move(passed, WON, at=now - timedelta(minutes=9))
    account.move(passed, LOST, at=now - timedelta(minutes=8))
    account.move(never, LOST, at=now - timedelta(minutes=8))
    since = now - timedelta(minutes=10)
    entered = run(account, lambda each: _entered(each, TriggerQuery({"default": (WON,)}, since, None, since)))
    assert entered.keys() == {passed, never}
    assert entered[passed] == {WON: now - timedelta(minutes=9), LOST: now - timedelta(minutes=8)}
    assert WON not in entered[never]
    assert account.api_calls() == 1


def test_a_quiet_tick_that_looks_for_passed_stages_is_one_call_and_no_record(account: SalesforceAccount) -> None:
    account.create_deals(minutes(3))
    since = account.sandbox.clock.now()
    page = run(account, lambda each: each.first_page(TriggerQuery({"default": (WON,)}, since, None, since), ("Name",)))
    assert (page.records, page.last, page.total) == ((), True, 0)
    assert account.api_calls() == 1


def test_other_changes_since_a_deal_was_won_and_reopened_do_not_hide_it(account: SalesforceAccount) -> None:
    now = account.sandbox.clock.now().replace(microsecond=0)
    account.org.settings.largest_page = None
    (deal,) = account.create_deals(minutes(1), StageName="Prospecting")
    account.move(deal, WON, at=now - timedelta(minutes=30))
    account.move(deal, LOST, at=now - timedelta(minutes=29))
    for each in range(230):  # an integration that keeps changing the amount
        account.org.update("Opportunity", deal, {"Amount": each + 1}, at=now - timedelta(seconds=1_000 - each))
    query = TriggerQuery({"default": (WON,)}, START, None, now - HOUR)
    assert run(account, lambda each: _entered(each, query))[deal][WON] == now - timedelta(minutes=30)


# children that overflow


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("cursors_die", [False, True])
def test_child_overflow_of_a_history_is_read_to_its_end(
    account: SalesforceAccount, by_id: bool, cursors_die: bool
) -> None:
    now = account.sandbox.clock.now().replace(microsecond=0)
    (deal,) = account.create_deals(minutes(1), StageName="Prospecting")
    account.move(deal, WON, at=now - timedelta(minutes=30))  # the oldest rows come last
    for each in range(18):
        account.move(deal, ("Prospecting", "Qualification")[each % 2], at=now - timedelta(minutes=29 - each))
    query = TriggerQuery({"default": (WON,)}, START, None, now - HOUR)
    if cursors_die:
        account.fault("dead_locator", path=FURTHER_PAGES, times=1)

    async def work(connector: SalesforceConnector) -> datetime | None:
        if not by_id:
            return (await _entered(connector, query))[deal].get(WON)
        result = await connector.read("deal", [deal], connector.deciding_fields([WON]))
        return connector.deal_state(result.records[0]).entered.get(WON)

    assert run(account, work, record_types=False, memory=AnswerBuffer()) == now - timedelta(minutes=30)
    assert account.api_calls() > 1


@pytest.mark.parametrize("count", [199, 201, 2_001, 4_300])
def test_child_overflow_of_line_items_is_read_to_its_end(account: SalesforceAccount, count: int) -> None:
    account.org.settings.largest_page = None
    few, many = account.create_deals(minutes(2))
    lines = {few: account.create_product_lines(few, 1), many: _lines(account, many, count)}
    memory = AnswerBuffer()

    async def work(connector: SalesforceConnector) -> dict[str, list[str]]:
        connector.expect({"line_item": ("Quantity",)})
        references = await connector.references([few, many], ("line_item",))
        read = await connector.read("line_item", [each.id for each in references[many]["line_item"]], ("Quantity",))
        assert exactly_once([each.id for each in read.records], lines[many])
        return {deal: [each.id for each in references[deal]["line_item"]] for deal in (few, many)}

    found = run(account, work, memory=memory)
    assert all(exactly_once(found[deal], lines[deal]) for deal in lines)
    calls = account.api_calls()
    assert calls == 1 + count // 2_000  # and a call for each further page
    assert run(account, work, memory=memory) == found
    assert account.api_calls() == calls


@pytest.mark.parametrize("remembers", [False, True])
def test_child_overflow_whose_cursor_dies_loses_no_line(account: SalesforceAccount, remembers: bool) -> None:
    (deal,) = account.create_deals(minutes(1))
    lines = account.create_product_lines(deal, 12)
    account.fault("dead_locator", path=FURTHER_PAGES, skip=1, times=2)

    async def work(connector: SalesforceConnector) -> list[str]:
        return [each.id for each in (await connector.references([deal], ("line_item",)))[deal]["line_item"]]

    assert exactly_once(run(account, work, memory=AnswerBuffer() if remembers else None), lines)


def _lines(account: SalesforceAccount, deal: str, count: int) -> list[str]:
    product = account.create_product_lines(deal, 1)[0]
    entry = account.org.record("OpportunityLineItem", product)["PricebookEntryId"]
    given = {"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": "2.00"}
    return [product, *account.org.create_many("OpportunityLineItem", [given] * (count - 1))]


# cursors and pages


def test_more_than_two_thousand_rows_with_one_system_modstamp_all_come(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    deals = account.create_deals([START] * 4_500)
    assert exactly_once(ids_of(scan(account)), deals)
    assert account.api_calls() == 3
    account.fault("dead_locator", path=FURTHER_PAGES, times=None)
    assert exactly_once(ids_of(scan(account)), deals)
    # A refused locator and a new query in place of each further page.
    assert account.api_calls() == 3 + 1 + 2 * 2


@pytest.mark.parametrize("dies_at", range(4))
def test_locators_that_die_cost_two_calls_and_no_row(account: SalesforceAccount, dies_at: int) -> None:
    deals = account.create_deals(minutes(23))
    account.fault("dead_locator", path=FURTHER_PAGES, skip=dies_at, times=1)
    assert exactly_once(ids_of(scan(account)), deals)
    assert account.api_calls() == 6


def test_locators_that_die_while_a_row_changes_bring_it_again_with_its_new_stamp_only(
    account: SalesforceAccount,
) -> None:
    deals = account.create_deals(minutes(12))

    async def work(connector: SalesforceConnector) -> list[tuple[str, datetime]]:
        found = []
        async for page in connector.deal_pages(account.query(), ()):
            found += [(record.id, record.modified_at) for record in page.records]
            if len(found) == len(page.records):
                account.modify(deals[0])
                account.org.cursors.close_all()
        return found

    found = run(account, work)
    assert {each for each, _ in found} == set(deals)
    assert len(found) == len(set(found)) == len(deals) + 1


def test_locators_that_are_two_days_old_are_dead_and_the_scan_goes_on_behind_them(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(12))
    memory = AnswerBuffer()

    async def stop_early(connector: SalesforceConnector) -> None:
        async for page in connector.deal_pages(account.query(), ()):
            assert not page.last
            return

    run(account, stop_early, memory=memory)
    account.sandbox.clock.advance(timedelta(days=2, hours=1).total_seconds())
    assert exactly_once(ids_of(scan(account, memory=memory)), deals)
