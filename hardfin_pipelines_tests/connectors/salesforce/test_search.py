"""Finding opportunities: call counts, cursors that die, equal stamps, late commits, stages left between ticks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.salesforce import SalesforceConnector
from hardfin_pipelines.connectors.salesforce.decode import MASTER_RECORD_TYPE
from hardfin_pipelines.sync.cursors import OVERLAP
from hardfin_pipelines_tests.connectors.conformance import START, DictMemory, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import LOST, WON, SalesforceAccount


def run(account: SalesforceAccount, work: Callable[[SalesforceConnector], Awaitable[Any]], **changes: Any) -> Any:
    async def in_loop() -> Any:
        async with account.connector(**changes) as connector:
            return await work(connector)

    return asyncio.run(in_loop())


def scan(account: SalesforceAccount, query: TriggerQuery | None = None) -> list[Page]:
    pages: list[Page] = run(account, lambda connector: collect(connector.deal_pages(query or account.query(), ())))
    return pages


def test_a_quiet_tick_is_one_call(account: SalesforceAccount) -> None:
    since = account.sandbox.clock.now()
    account.create_deals(minutes(3))
    page = run(account, lambda each: each.first_page(account.query(entered_since=since), ("Name", "Account.Name")))
    assert (len(page.records), page.last) == (3, True)
    assert account.api_calls() == 1


def test_two_thousand_deals_are_one_call_each(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    deals = account.create_deals([START + timedelta(seconds=each // 3) for each in range(4_100)])
    pages = scan(account)
    assert sorted(ids_of(pages)) == sorted(deals)
    assert [len(page.records) for page in pages] == [2_000, 2_000, 100]
    assert account.api_calls() == 3
    assert pages[0].settled_before == pages[0].records[-1].modified_at


def test_more_than_two_thousand_rows_of_one_stamp_all_come_though_every_cursor_dies(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    deals = account.create_deals([START] * 4_500)
    account.fault("dead_locator", path="/services/data/v62.0/query/01g*", times=None)
    pages = scan(account)
    assert sorted(ids_of(pages)) == sorted(deals)
    # A refused locator and a new query in place of each further page.
    assert account.api_calls() == 1 + 2 * 2


@pytest.mark.parametrize("dies_at", range(4))
def test_a_cursor_that_dies_costs_two_calls_and_no_row(account: SalesforceAccount, dies_at: int) -> None:
    deals = account.create_deals(minutes(23))
    account.fault("dead_locator", path="/services/data/v62.0/query/01g*", skip=dies_at, times=1)
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert account.api_calls() == 6


def test_a_row_changed_while_cursors_die_comes_again_with_its_new_stamp_only(account: SalesforceAccount) -> None:
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


def test_a_new_stamp_at_an_old_stamps_place_settles_nothing(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(12))

    async def work(connector: SalesforceConnector) -> list[datetime | None]:
        settled = []
        async for page in connector.deal_pages(account.query(), ()):
            settled.append(page.settled_before)
            if len(settled) == 1:
                account.modify(deals[9])
        return settled

    assert run(account, work) == [START + timedelta(minutes=4), START + timedelta(minutes=8), None]


@pytest.mark.parametrize("offset", [0, 1])
def test_rows_of_the_cursors_own_second_and_later_ones_are_seen_by_the_next_tick(
    account: SalesforceAccount, offset: int
) -> None:
    account.create_deals([START + timedelta(hours=1)])
    cursor = START + timedelta(hours=1)
    late = account.create_deals([cursor + timedelta(seconds=offset)] * 3)
    query = TriggerQuery({"default": (WON,)}, cursor)
    assert set(late) <= set(ids_of(scan(account, query)))


@pytest.mark.parametrize(("minutes_late", "by_tick"), [(5, True), (14, True), (30, False)])
def test_late_commits_are_found_by_the_overlap_or_else_by_the_census(
    account: SalesforceAccount, minutes_late: int, by_tick: bool
) -> None:
    clock = account.sandbox.clock
    began = clock.now()
    given = {"Name": "Late", "StageName": WON, "CloseDate": "2026-01-31"}
    late = account.org.create("Opportunity", given, commit_after=timedelta(minutes=minutes_late))
    # The last tick before it shows: its cursor is the vendor's clock.
    clock.advance(minutes_late * 60 - 1)
    cursor = scan(account, account.query())[0].vendor_time
    clock.advance(2)
    tick = TriggerQuery({"default": (WON,)}, cursor - OVERLAP)
    assert (late in ids_of(scan(account, tick))) is by_tick
    month = TriggerQuery({"default": (WON,)}, began - timedelta(days=1), began + timedelta(days=1))
    census = run(account, lambda each: collect(each.census_pages(month)))
    assert ids_of(census) == [late]
    assert census[0].total == 1


def test_the_census_never_answers_from_memory(account: SalesforceAccount) -> None:
    account.create_deals(minutes(2))
    memory = DictMemory()
    for expected in (1, 2):
        run(account, lambda each: collect(each.census_pages(account.query())), memory=memory)
        assert account.api_calls() == expected
    assert memory.kept == {}


def test_a_run_that_was_killed_asks_for_no_page_twice(account: SalesforceAccount) -> None:
    account.create_deals(minutes(12))
    memory = DictMemory()

    async def stop_early(connector: SalesforceConnector) -> int:
        seen = 0
        async for page in connector.deal_pages(account.query(), ()):
            seen += len(page.records)
            if seen == 10:
                break
        return connector.calls.total

    assert run(account, stop_early, memory=memory) == 2
    pages = run(account, lambda each: collect(each.deal_pages(account.query(), ())), memory=memory)
    assert len(ids_of(pages)) == 12
    assert account.api_calls() == 3


def test_a_deal_that_passed_a_trigger_stage_between_ticks_comes_with_the_moment(account: SalesforceAccount) -> None:
    now = account.sandbox.clock.now().replace(microsecond=0)
    passed, never, before = account.create_deals(minutes(3), StageName="Prospecting")
    account.move(before, WON, at=now - timedelta(hours=2))
    account.move(before, LOST, at=now - timedelta(hours=1))
    account.modify(before)
    account.move(passed, WON, at=now - timedelta(minutes=9))
    account.move(passed, LOST, at=now - timedelta(minutes=8))
    account.move(never, LOST, at=now - timedelta(minutes=8))
    since = now - timedelta(minutes=10)
    query = TriggerQuery({"default": (WON,)}, since, None, since)

    async def work(connector: SalesforceConnector) -> dict[str, dict[str, datetime]]:
        page = await connector.first_page(query, ())
        return {record.id: dict(connector.deal_state(record).entered) for record in page.records}

    entered = run(account, work)
    assert entered.keys() == {passed, never}
    assert entered[passed] == {WON: now - timedelta(minutes=9), LOST: now - timedelta(minutes=8)}
    assert WON not in entered[never]
    assert account.api_calls() == 1


@pytest.mark.parametrize("by_id", [False, True])
def test_a_history_that_overflows_its_page_is_read_to_its_end(account: SalesforceAccount, by_id: bool) -> None:
    now = account.sandbox.clock.now().replace(microsecond=0)
    (deal,) = account.create_deals(minutes(1), StageName="Prospecting")
    account.move(deal, WON, at=now - timedelta(minutes=30))  # the oldest row comes last
    for each in range(18):
        account.move(deal, ("Prospecting", "Qualification")[each % 2], at=now - timedelta(minutes=29 - each))
    query = TriggerQuery({"default": (WON,)}, START, None, now - timedelta(hours=1))

    async def work(connector: SalesforceConnector) -> datetime | None:
        if by_id:
            result = await connector.read("deal", [deal], connector.deciding_fields([WON]))
            return connector.deal_state(result.records[0]).entered.get(WON)
        page = await connector.first_page(query, ())
        return connector.deal_state(page.records[0]).entered.get(WON)

    assert run(account, work, record_types=False) == now - timedelta(minutes=30)
    assert account.api_calls() > 1


def test_an_org_that_hides_its_history_is_searched_without_it(account: SalesforceAccount) -> None:
    account.org.hide_object(account.user, "OpportunityHistory")
    deals = account.create_deals(minutes(7))
    since = account.sandbox.clock.now()

    async def work(connector: SalesforceConnector) -> list[str]:
        pages = await collect(connector.deal_pages(account.query(entered_since=since), ()))
        await connector.first_page(account.query(entered_since=since), ())
        return ids_of(pages)

    assert sorted(run(account, work)) == sorted(deals)
    assert account.api_calls() == 1 + 2 + 1  # one refusal, once


def test_a_stage_passed_is_known_of_the_landed_bytes_as_well(account: SalesforceAccount) -> None:
    from hardfin_pipelines.connectors.salesforce.decode import SalesforceDecoder

    now = account.sandbox.clock.now().replace(microsecond=0)
    (deal,) = account.create_deals(minutes(1), StageName="Prospecting")
    account.move(deal, WON, at=now - timedelta(minutes=2))
    account.move(deal, LOST, at=now - timedelta(minutes=1))
    query = TriggerQuery({"default": (WON,)}, START, None, now - timedelta(minutes=5))
    page = run(account, lambda each: each.first_page(query, ("Account.Name",)))
    decoder = SalesforceDecoder()
    again = decoder.decode_record("deal", page.raw[0])
    assert again == page.records[0]
    assert decoder.deal_state(again).entered[WON] == now - timedelta(minutes=2)


def test_record_types_are_pipelines(account: SalesforceAccount) -> None:
    new = account.org.add_sales_process("New business", "New_Business", ["Prospecting", WON, LOST])
    renewals = account.org.add_sales_process("Renewals", "Renewals", ["Prospecting", WON, LOST])
    (master,) = account.create_deals(minutes(1))
    (fresh,) = account.create_deals(minutes(1), RecordTypeId=new.record_type_id)
    (renewed,) = account.create_deals(minutes(1), RecordTypeId=renewals.record_type_id)
    account.create_deals(minutes(1), RecordTypeId=renewals.record_type_id, StageName="Prospecting")

    def found(stages: dict[str, tuple[str, ...]]) -> dict[str, str]:
        async def work(connector: SalesforceConnector) -> dict[str, str]:
            page = await connector.first_page(TriggerQuery(stages, START), ())
            return {record.id: connector.deal_state(record).pipeline_id for record in page.records}

        pipelines: dict[str, str] = run(account, work)
        return pipelines

    assert found({new.record_type_id: (WON,)}) == {fresh: new.record_type_id}
    assert found({MASTER_RECORD_TYPE: (WON,)}) == {master: MASTER_RECORD_TYPE}
    assert found({new.record_type_id: (WON,), renewals.record_type_id: (WON, "O'Won")}).keys() == {fresh, renewed}


def test_many_stages_make_a_query_too_long_for_a_url_and_it_is_still_one_call(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(7))
    stages = (WON, *(f"Stage number {each:04} of a very long process" for each in range(400)))
    pages = scan(account, TriggerQuery({"default": stages}, START))
    assert sorted(ids_of(pages)) == sorted(deals)
    assert account.api_calls() == 2  # and its second page


def test_without_a_trigger_stage_there_is_nothing_to_search(account: SalesforceAccount) -> None:
    with pytest.raises(ValueError, match="at least one pipeline"):
        scan(account, TriggerQuery({"default": ()}, START))
