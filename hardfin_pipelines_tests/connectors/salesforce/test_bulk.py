"""Very large searches by Bulk jobs: when, for how many calls, and that they bring what the query API brings."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import Page
from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.salesforce import SalesforceConnector, SalesforceLimits
from hardfin_pipelines.connectors.salesforce.csv_rows import rows_of
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.salesforce import Field
from hardfin_pipelines_tests.connectors.conformance import START, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import DATA, SalesforceAccount

JOBS = f"{DATA}jobs/query"
RESULTS = f"{JOBS}/*/results"
LIMITS = SalesforceLimits(bulk_from_calls=3)
NAMES = ("Name", "Amount", "CloseDate", "NextStep", "Description", "CreatedDate", "Account.Name", "Account.BillingCity")
ODD = (
    'two\nlines, a comma and "quotes"',
    "NA",
    "None",
    "null",
    "00012",
    "1e400",
    "née 東京 🤖",
    "2026-01-01T00:00:00Z",
)


def scan(
    account: SalesforceAccount, memory: AnswerBuffer | None = None, limits: SalesforceLimits = LIMITS
) -> list[Page]:
    async def in_loop() -> list[Page]:
        async with account.connector(memory, limits=limits) as connector:
            return await collect(connector.deal_pages(account.query(), NAMES))

    return asyncio.run(in_loop())


def run(account: SalesforceAccount, work: Callable[[SalesforceConnector], Awaitable[Any]], **changes: Any) -> Any:
    async def in_loop() -> Any:
        async with account.connector(**({"limits": LIMITS} | changes)) as connector:
            return await work(connector)

    return asyncio.run(in_loop())


def job_calls(account: SalesforceAccount) -> list[str]:
    return [
        f"{call.method} {call.path.removeprefix(JOBS).rpartition('/')[2][:7] or 'jobs'}"
        for call in account.sandbox.call_log.entries
        if call.path.startswith(JOBS)
    ]


def test_a_search_of_many_calls_is_a_job_of_few_that_is_deleted_afterwards(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(30))
    pages = scan(account)
    assert sorted(ids_of(pages)) == sorted(deals)
    assert pages[0].total == 30
    assert [page.last for page in pages] == [False, True]
    assert [each.partition(" ")[0] for each in job_calls(account)] == ["POST", "GET", "GET", "DELETE"]
    assert account.api_calls() == 1 + 4
    assert account.org.jobs.jobs == {}


def test_a_search_of_few_calls_and_one_that_needs_histories_are_none(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(20))
    assert sorted(ids_of(scan(account))) == sorted(deals)
    more = account.create_deals(minutes(20))
    query = account.query(entered_since=START)
    ids = run(account, lambda each: collect(each.deal_pages(query, ())))
    assert sorted(ids_of(ids)) == sorted(deals + more)
    assert job_calls(account) == []


def test_a_job_brings_the_same_records_as_queries(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(24))
    for deal, odd in zip(deals, ODD, strict=False):
        account.org.update("Opportunity", deal, {"Description": odd, "NextStep": odd[:80], "Amount": "12345678901.23"})
        firm = account.org.create("Account", {"Name": f"Firm {odd}"})
        account.org.set_silently("Opportunity", deal, {"AccountId": firm})
    by_job = {record.id: record for page in scan(account) for record in page.records}
    assert "POST jobs" in job_calls(account)
    by_query = {record.id: record for page in scan(account, limits=SalesforceLimits()) for record in page.records}
    assert by_job.keys() == by_query.keys() == set(deals)
    for deal, record in by_query.items():
        other = by_job[deal]
        assert (other.modified_at, other.references) == (record.modified_at, record.references)
        for name in (*NAMES, "StageName", "IsWon", "IsClosed", "LastStageChangeDate", "SystemModstamp"):
            assert other.properties.get(name) == record.properties.get(name), name


def test_a_jobs_records_decode_from_what_is_landed_of_them(account: SalesforceAccount) -> None:
    from hardfin_pipelines.connectors.salesforce.decode import SalesforceDecoder

    account.create_deals(minutes(24))
    decoder = SalesforceDecoder()
    for page in scan(account):
        for record, raw in zip(page.records, page.raw, strict=True):
            again = decoder.decode_record("deal", raw)
            assert (again.id, again.modified_at, again.properties) == (record.id, record.modified_at, record.properties)
            assert decoder.deal_state(again).stage_id == "Closed Won"


def test_results_come_in_pages_by_their_locators(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(33))
    account.org.settings.bulk_page_rows = 7
    pages = scan(account)
    assert sorted(ids_of(pages)) == sorted(deals)
    assert job_calls(account).count("GET results") == 5
    assert [page.last for page in pages].count(True) == 1
    assert pages[-1].last


def test_a_run_that_was_killed_runs_no_second_job_and_asks_for_no_page_twice(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(33))
    account.org.settings.bulk_page_rows = 7
    memory = AnswerBuffer()

    async def stop_early(connector: SalesforceConnector) -> None:
        seen = 0
        async for page in connector.deal_pages(account.query(), NAMES):
            seen += len(page.records)
            if seen > 15:
                return

    run(account, stop_early, memory=memory)
    before = account.api_calls()
    assert sorted(ids_of(scan(account, memory))) == sorted(deals)
    assert job_calls(account).count("POST jobs") == 1
    assert job_calls(account).count("GET results") == 5
    after = account.api_calls()
    assert after - before <= 4
    assert sorted(ids_of(scan(account, memory))) == sorted(deals)
    assert account.api_calls() - after == 1  # the job is deleted once more, which is no harm


def test_a_job_is_waited_for_with_growing_pauses(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(30))
    account.org.settings.bulk_queue_seconds = 40
    account.org.settings.bulk_run_seconds = 60
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert sum(each.startswith("GET 750") for each in job_calls(account)) <= 9


def test_a_job_that_takes_too_long_is_aborted_and_the_query_api_goes_on(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(30))
    account.org.settings.bulk_queue_seconds = 10_000
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert [each.partition(" ")[0] for each in job_calls(account)][-2:] == ["PATCH", "DELETE"]
    assert account.org.jobs.jobs == {}


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "api_disabled"},
        {"status": 400, "body": '[{"errorCode":"FEATURENOTENABLED","message":"Bulk API is not enabled"}]'},
        {"status": 404, "body": '[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]'},
    ],
)
def test_where_bulk_is_forbidden_the_query_api_goes_on(account: SalesforceAccount, fault: dict[str, Any]) -> None:
    deals = account.create_deals(minutes(30))
    if "name" in fault:
        account.fault(fault["name"], path=JOBS, times=None)
    else:
        account.sandbox.faults.add(Fault(path=JOBS, times=None, **fault))
    pages = scan(account)
    assert sorted(ids_of(pages)) == sorted(deals)
    assert job_calls(account) == ["POST jobs"]


def test_the_jobs_of_the_day_used_up_and_what_bulk_cannot_select_are_left_to_the_query_api(
    account: SalesforceAccount,
) -> None:
    deals = account.create_deals(minutes(30))
    account.org.settings.bulk_daily_jobs = 0
    assert sorted(ids_of(scan(account))) == sorted(deals)
    account.org.settings.bulk_daily_jobs = 10
    pages = run(account, lambda each: collect(each.deal_pages(account.query(), ("Account.BillingAddress",))))
    assert sorted(ids_of(pages)) == sorted(deals)
    assert job_calls(account) == ["POST jobs"] * 2


def test_a_job_that_fails_is_tried_again_later_and_deleted(account: SalesforceAccount) -> None:
    account.create_deals(minutes(30))
    account.org.settings.bulk_failure = "InternalServerError: an error occurred"
    with pytest.raises(RetryLater, match="Bulk job ended as Failed: InternalServerError") as caught:
        scan(account)
    assert caught.value.delay == timedelta(minutes=5)
    assert account.org.jobs.jobs == {}
    account.org.settings.bulk_failure = None
    assert len(ids_of(scan(account))) == 30


def test_a_job_that_fails_because_bulk_cannot_do_it_is_left_to_the_query_api(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(30))
    account.org.settings.bulk_failure = "API_ERROR: Implementation restriction: this cannot be read in bulk"
    assert sorted(ids_of(scan(account))) == sorted(deals)


def test_a_job_that_somebody_aborts_is_tried_again_later(account: SalesforceAccount) -> None:
    account.create_deals(minutes(30))
    account.org.settings.bulk_queue_seconds = 60

    async def abort(seconds: float) -> None:
        await account._sleep(seconds)
        for job in account.org.jobs.jobs.values():
            job.aborted_at = account.org.now()

    with pytest.raises(RetryLater, match="Bulk job ended as Aborted"):
        run(
            account,
            lambda each: collect(each.deal_pages(account.query(), ())),
            clock=replace(account.clock, sleep=abort),
        )


def test_results_that_are_gone_are_made_anew_and_no_deal_is_lost(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(33))
    account.org.settings.bulk_page_rows = 10
    gone = {"status": 404, "body": '[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]'}
    account.sandbox.faults.add(Fault(path=RESULTS, skip=2, times=1, **gone))  # type: ignore[arg-type]
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert job_calls(account).count("POST jobs") == 2
    account.sandbox.faults.add(Fault(path=RESULTS, skip=2, times=None, **gone))  # type: ignore[arg-type]
    assert sorted(ids_of(scan(account))) == sorted(deals)


@pytest.mark.parametrize("mangle", ["truncated_gzip", "truncated_json", "html", "empty"])
def test_results_that_do_not_come_whole_are_asked_for_again(account: SalesforceAccount, mangle: Any) -> None:
    deals = account.create_deals(minutes(30))
    account.sandbox.faults.add(Fault(path=RESULTS, times=2, mangle=mangle))
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert job_calls(account).count("GET results") == 3


def test_results_cut_off_behind_a_row_are_asked_for_again(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(30))
    short = Fault(
        path=RESULTS,
        times=1,
        status=200,
        body='"Id","SystemModstamp"\n"006A0000000000AAAA","2026-01-01T00:00:00.000Z"\n',
        content_type="text/csv",
        headers={"Sforce-NumberOfRecords": "30", "Sforce-Locator": "null"},
    )
    account.sandbox.faults.add(short)
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert job_calls(account).count("GET results") == 2


def test_a_deal_that_is_modified_while_the_job_runs_comes_again_with_its_new_stamp_only(
    account: SalesforceAccount,
) -> None:
    deals = account.create_deals(minutes(30))

    async def work(connector: SalesforceConnector) -> list[tuple[str, Any]]:
        found = []
        async for page in connector.deal_pages(account.query(), ()):
            found += [(record.id, record.modified_at) for record in page.records]
        return found

    async def modify(seconds: float) -> None:
        await account._sleep(seconds)
        if "POST jobs" in job_calls(account):
            account.modify(deals[0])

    account.org.settings.bulk_queue_seconds = 2
    found = run(account, work, clock=replace(account.clock, sleep=modify))
    assert {each for each, _ in found} == set(deals)
    assert len(found) == len(set(found)) == len(deals) + 1


@pytest.mark.parametrize("with_header", [True, False])
def test_an_empty_result_ends_the_search(account: SalesforceAccount, with_header: bool) -> None:
    deals = account.create_deals(minutes(30))
    if not with_header:
        headers = {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "0"}
        page = Fault(path=RESULTS, status=200, body="", content_type="text/csv", headers=headers, times=None)
        account.sandbox.faults.add(page)

    async def leave(seconds: float) -> None:
        await account._sleep(seconds)
        if "POST jobs" in job_calls(account):
            for deal in deals:
                account.org.set_silently("Opportunity", deal, {"StageName": "Closed Lost"})

    account.org.settings.bulk_queue_seconds = 2
    pages = run(
        account,
        lambda each: collect(each.deal_pages(account.query(), ())),
        clock=replace(account.clock, sleep=leave),
    )
    assert len(ids_of(pages)) == 5
    assert pages[-1].last


def test_wide_rows_make_a_job_worth_while_sooner(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    for name in ("Scope__c", "Notes__c"):
        account.org.add_field("Opportunity", Field(name, "textarea", length=32_000))
    deals = account.create_deals([START] * 450)

    async def work(connector: SalesforceConnector) -> list[Page]:
        return await collect(connector.deal_pages(account.query(), ("Scope__c", "Notes__c")))

    assert sorted(ids_of(run(account, work, limits=SalesforceLimits(bulk_from_calls=1)))) == sorted(deals)
    assert job_calls(account).count("POST jobs") == 1


def test_the_plan_of_calls_is_that_of_a_job_where_there_are_very_many(account: SalesforceAccount) -> None:
    connector = account.new_connector(limits=SalesforceLimits())
    assert connector.plan_calls(100_000, 0, 0, 0).total == 50 + 100
    assert connector.plan_calls(1_000_000, 0, 0, 0).total == 1 + 3 + 40 + 1_000


def test_csv_keeps_texts_as_they_are_and_makes_moments_those_of_json() -> None:
    body = (
        b'"Id","Amount","Account.Name","Account.Owner.Email","At","Note"\r\n'
        b'"006","0.10","A ""B""\nC","","2026-01-01T00:00:00.000Z","at 2026-01-01T00:00:00.000Z"\r\n'
        b'"007","","","","","nul\x00 here"\r\n'
    )
    first, second = (row.document for row in rows_of("Opportunity", body))
    assert first == {
        "attributes": {"type": "Opportunity"},
        "Id": "006",
        "Amount": "0.10",
        "Account": {
            "attributes": {"type": "Account"},
            "Name": 'A "B"\nC',
            "Owner": {"attributes": {"type": "Owner"}, "Email": None},
        },
        "At": "2026-01-01T00:00:00.000+0000",
        "Note": "at 2026-01-01T00:00:00.000Z",
    }
    assert (second["Amount"], second["Note"]) == (None, "nul\x00 here")


@pytest.mark.parametrize("body", [b"\n", b'"Id","Name"\n"006"\n', b'"Id"\n"006","x"\n'])
def test_what_is_no_csv_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(rows_of("Opportunity", body))
