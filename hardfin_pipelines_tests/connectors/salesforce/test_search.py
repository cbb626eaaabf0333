"""Finding opportunities: call counts, cursors that die, equal stamps, late commits, stages left between ticks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.salesforce import SalesforceConnector
from hardfin_pipelines.connectors.salesforce.decode import MASTER_RECORD_TYPE
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines_tests.connectors.conformance import START, collect, ids_of, minutes
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


def test_the_census_never_answers_from_memory(account: SalesforceAccount) -> None:
    account.create_deals(minutes(2))
    memory = AnswerBuffer()
    for expected in (1, 2):
        run(account, lambda each: collect(each.census_pages(account.query())), memory=memory)
        assert account.api_calls() == expected
    assert memory.kept == {}


def test_a_run_that_was_killed_asks_for_no_page_twice(account: SalesforceAccount) -> None:
    account.create_deals(minutes(12))
    memory = AnswerBuffer()

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
    assert again == replace(page.records[0], url="")
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


def test_without_a_trigger_stage_there_is_nothing_to_search(account: SalesforceAccount) -> None:
    with pytest.raises(ValueError, match="at least one pipeline"):
        scan(account, TriggerQuery({"default": ()}, START))
