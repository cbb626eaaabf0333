"""One call: what is counted and waited for, and what each refusal becomes."""

import asyncio
import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK
from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    RetryLater,
    SkipRecord,
    VendorContractError,
    VendorError,
)
from hardfin_pipelines.connectors.quickbooks import QuickBooksLimits, QuickBooksTransport
from hardfin_pipelines.connectors.quickbooks.limits import METERED, UNMETERED, CompanyLimiters, rate_windows
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines_tests.connectors.quickbooks.account import API, QuickBooksAccount

FEW_TRIES = QuickBooksLimits(attempts=2)


def tick(account: QuickBooksAccount, **changes: object) -> tuple[list[ItemPage], dict[str, int]]:
    """The pages of one tick, and its calls by bucket."""

    async def run() -> tuple[list[ItemPage], dict[str, int]]:
        connector = account.new_connector(**changes)
        pages = [page async for page in connector.changed_pages(account.now() - timedelta(hours=1))]
        return pages, connector.calls.by_bucket

    return asyncio.run(run())


def test_reads_are_counted_as_the_vendor_counts_them(account: QuickBooksAccount) -> None:
    account.create_items([account.now()] * 12)

    async def run() -> dict[str, int]:
        connector = account.new_connector()
        await connector.describe()
        _ = [page async for page in connector.item_pages()]
        _ = [page async for page in connector.changed_pages(account.now() - timedelta(hours=1))]
        await connector.read_items(["1", "2"])
        return connector.calls.by_bucket

    counted = asyncio.run(run())
    assert counted == {METERED: account.metered()}
    assert account.metered() == account.api_calls() + 1  # a description is one call with two queries


def test_calls_that_are_refused_cost_nothing(account: QuickBooksAccount) -> None:
    account.fault("throttled", times=2)
    account.fault("gateway_502", times=1)
    account.fault("token_expired", times=1)
    _, counted = tick(account)
    assert counted == {METERED: 1, UNMETERED: 4}
    assert account.metered() == 1


def test_a_call_that_got_no_answer_may_have_cost_something(account: QuickBooksAccount) -> None:
    account.fault("internal_error", status=None, drop="inside_reply", times=1)
    _, counted = tick(account)
    assert counted == {METERED: 2}
    assert account.metered() == 2


def test_a_server_that_is_not_there_costs_nothing(account: QuickBooksAccount) -> None:
    store = MemoryTokenStore(Tokens("anything"))
    connector = account.new_connector(api_url="http://127.0.0.1:9", tokens=store, limits=FEW_TRIES)
    with pytest.raises(RetryLater, match="could not be reached") as caught:
        asyncio.run(connector.describe())
    assert connector.calls.by_bucket == {UNMETERED: 2}
    assert caught.value.delay == timedelta(minutes=5)


@pytest.mark.parametrize("name", ["token_expired", "token_expired_capital"])
def test_a_refused_token_is_renewed_once_in_either_shape(account: QuickBooksAccount, name: str) -> None:
    account.fault(name, times=1)
    tick(account)
    assert account.token_calls() == 2
    fault = account.fault(name, times=None)
    with pytest.raises(NeedsAttention, match="connect QuickBooks again"):
        tick(account)
    assert fault.hits == 2


def test_the_sandboxs_own_refusal_of_a_token_shows_no_token(account: QuickBooksAccount) -> None:
    store = MemoryTokenStore(Tokens(account.sandbox.issue_tokens(account.company).access_token))
    account.revoke()
    with pytest.raises(NeedsAttention) as caught:
        tick(account, tokens=store, app=None)
    assert store.load().access not in f"{caught.value} {caught.value.context}"


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("authorization_failure_120", NeedsAttention, "connect QuickBooks again as an administrator"),
        ("authorization_failure_3201", NeedsAttention, "connect QuickBooks again as an administrator"),
        ("wrong_environment", NeedsAttention, "its keys are for another environment"),
        ("subscription_lapsed", NeedsAttention, "subscription has ended or is not paid: renew it"),
        ("internal_error", RetryLater, "answered 500 10000 to GET cdc"),
        ("system_fault_400", RetryLater, "answered 400 10000 to GET cdc"),
        ("code_is_a_word", RetryLater, "answered 500 SystemFault to GET cdc"),
        ("service_unavailable", RetryLater, "answered 503 3003 to GET cdc"),
        ("query_processing", RetryLater, "answered 400 4002 to GET cdc"),
        ("gateway_502", RetryLater, "answered 502 to GET cdc"),
        ("gateway_504", RetryLater, "answered 504 to GET cdc"),
        ("allowance_used_up", RetryLater, "Our app's reads of the month are used up"),
    ],
)
def test_a_refusal_is_one_clear_line_of_the_right_kind(
    account: QuickBooksAccount, name: str, kind: type[VendorError], says: str
) -> None:
    account.fault(name, times=None)
    with pytest.raises(kind, match=says) as caught:
        tick(account, limits=FEW_TRIES)
    assert "\n" not in str(caught.value)
    assert caught.value.integration == "quickbooks"


JSON = "application/json;charset=UTF-8"
XML = '<IntuitResponse xmlns="http://schema.intuit.com/finance/v3">{}</IntuitResponse>'


@pytest.mark.parametrize(
    ("status", "body", "media", "kind", "says"),
    [
        (400, '{"Fault":{"Error":[{"Message":"Object Not Found","code":"610"}]}}', JSON, SkipRecord, "610"),
        (400, '{"Fault":{"Error":[{"Message":"Invalid query","code":"4001"}]}}', JSON, VendorContractError, "4001"),
        # The code decides, though the status says another thing.
        (500, '{"Fault":{"Error":[{"Message":"m","code":"6190"}]}}', JSON, NeedsAttention, "renew it"),
        (200, '{"Fault":{"Error":[{"Message":"m","code":"003100"}]}}', JSON, NeedsAttention, "another environment"),
        (401, '{"fault":{"error":[{"message":"errorCode=003201; statusCode=401"}]}}', JSON, NeedsAttention, "adminis"),
        (403, XML.format('<Fault><Error code="003100"/></Fault>'), "text/xml", NeedsAttention, "another environment"),
        (403, "no", "text/plain", NeedsAttention, "connect QuickBooks again"),
        (404, "", "text/plain", VendorContractError, "answered 404"),
        (200, "<html>busy</html>", "text/html", RetryLater, "text/html that is no whole JSON"),
        (200, XML.format("<CDCResponse/>"), "application/xml", RetryLater, "application/xml that is no whole JSON"),
        (200, '{"CDCResponse":[', JSON, RetryLater, "no whole JSON"),
        (200, '{"time":"2026-01-01T00:00:00Z"}', JSON, VendorContractError, "has no CDCResponse"),
        (200, '{"CDCResponse":[{"QueryResponse":7}]}', JSON, VendorContractError, "has no CDCResponse"),
    ],
)
def test_odd_answers_have_their_kind_as_well(account, status, body, media, kind, says) -> None:
    account.fault("internal_error", status=status, body=body, content_type=media, times=None)
    with pytest.raises(kind, match=says):
        tick(account, limits=FEW_TRIES)


@pytest.mark.parametrize("mangle", ["truncated_gzip", "truncated_json", "html", "empty"])
def test_a_spoilt_answer_is_asked_for_again(account: QuickBooksAccount, mangle: str) -> None:
    items = account.create_items([account.now()] * 40)
    account.fault("internal_error", status=None, mangle=mangle, times=2)
    pages, _ = tick(account)
    assert {record.id for page in pages for record in page.records} == set(items)


@pytest.mark.parametrize("drop", ["before_reply", "inside_reply"])
def test_a_dropped_connection_is_survived(account: QuickBooksAccount, drop: str) -> None:
    account.fault("internal_error", status=None, drop=drop, times=3)
    tick(account)
    assert account.api_calls() == 4


@pytest.mark.parametrize("name", ["throttled", "throttled_json", "throttled_503"])
def test_a_refusal_for_now_is_waited_out_for_a_minute_in_any_shape(account: QuickBooksAccount, name: str) -> None:
    account.fault(name, times=2)
    began = account.now()
    tick(account)
    assert timedelta(seconds=120) <= account.now() - began < timedelta(seconds=130)


def test_retry_after_is_heeded(account: QuickBooksAccount) -> None:
    account.fault("throttled", times=1, retry_after_seconds=7)
    began = account.now()
    tick(account)
    assert timedelta(seconds=7) <= account.now() - began < timedelta(seconds=20)
    account.fault("throttled", times=None, retry_after_seconds=3600)
    with pytest.raises(RetryLater, match="try again in 60 min") as caught:
        tick(account)
    assert caught.value.delay == timedelta(hours=1)


def test_patience_ends(account: QuickBooksAccount) -> None:
    fault = account.fault("throttled", times=None)
    with pytest.raises(RetryLater, match="limits our calls"):
        tick(account)
    assert fault.hits == 15  # 900 seconds, a minute between two


def test_a_pause_stops_the_companys_other_connectors_too(account: QuickBooksAccount) -> None:
    async def run() -> None:
        tick_one, tick_two = account.new_connector(), account.new_connector()
        account.fault("throttled", times=1)
        await asyncio.gather(tick_one.describe(), tick_two.describe())
        await account.new_connector().describe()

    asyncio.run(run())
    refused = [call.at for call in account.sandbox.call_log.entries if call.status == 429]
    later = [call.at for call in account.sandbox.call_log.entries if call.at > refused[0] + timedelta(seconds=1)]
    assert min(later) >= refused[0] + timedelta(seconds=59)


def read_one_by_one(account: QuickBooksAccount, count: int, **changes: object) -> list[datetime]:
    """When the vendor was sent so many calls."""

    async def run() -> None:
        await account.new_connector(**changes).read_items([str(each) for each in range(1, count + 1)])

    asyncio.run(run())
    assert account.sandbox.call_log.count(status=429) == 0
    times = sorted(call.at for call in account.sandbox.call_log.entries if call.path.startswith("/v3/"))
    assert len(times) == count
    return times


def test_a_minute_has_no_more_than_five_hundred_calls(account: QuickBooksAccount) -> None:
    account.company.settings.calls_per_second = 100  # else the second's limit keeps the minute's
    limits = QuickBooksLimits(ids_in_statement=1, in_flight=1, calls_per_second=100)
    times = read_one_by_one(account, 660, limits=limits)
    assert times[500] - times[0] >= timedelta(seconds=60)


def test_a_second_has_no_more_than_ten_calls_however_many_are_under_way(account: QuickBooksAccount) -> None:
    """In real time: where several wait, each would move the sandbox's clock under the calls of the others."""
    clock = replace(SYSTEM_CLOCK, now=account.now)
    times = read_one_by_one(account, 34, limits=QuickBooksLimits(ids_in_statement=1, in_flight=6), clock=clock)
    assert times[-1] - times[0] >= timedelta(seconds=3)


def test_no_more_than_ten_calls_are_under_way(account: QuickBooksAccount) -> None:
    account.company.settings.limits_enabled = False
    most, under_way, lock = 0, 0, threading.Lock()
    inner = account.answers._app

    async def counting(scope, receive, send):
        nonlocal most, under_way
        with lock:
            under_way += 1
            most = max(most, under_way)
        await asyncio.sleep(0.005)
        await inner(scope, receive, send)
        with lock:
            under_way -= 1

    account.answers._app = counting
    limits = QuickBooksLimits(ids_in_statement=1, in_flight=8, calls_per_second=1000, calls_per_minute=9000)

    async def run() -> None:
        readers = [account.new_connector(limits=limits) for _ in range(3)]
        await asyncio.gather(*(each.read_items([str(number) for number in range(1, 41)]) for each in readers))

    asyncio.run(run())
    assert 4 < most <= 10


def test_a_call_that_has_its_places_heeds_a_pause_that_begins_before_it_is_sent(account: QuickBooksAccount) -> None:
    limiters = CompanyLimiters(QuickBooksLimits(), account.clock)

    async def run() -> None:
        places = await limiters.acquire()
        await limiters.still(places)
        assert sum(account.slept) < 0.1
        await limiters.pause(60)
        await limiters.still(places)

    asyncio.run(run())
    assert sum(account.slept) >= 59


def test_the_windows_are_named_by_company() -> None:
    minute, second = rate_windows(QuickBooksLimits(), "https://quickbooks.example", "123")
    assert (minute.bucket, minute.limit, minute.left_to_others) == ("minute", 500, 100)
    assert (second.bucket, second.limit, second.left_to_others) == ("second", 10, 0)
    assert minute.account == second.account == "quickbooks https://quickbooks.example 123"


def test_no_redirect_is_followed_and_no_token_goes_elsewhere(account: QuickBooksAccount) -> None:
    seen: list[str] = []

    async def catch(request):
        seen.append(request.headers.get("authorization", ""))
        return RedirectResponse("/nowhere", 302)

    with SandboxServer(Starlette(routes=[Route("/{rest:path}", catch, methods=["GET", "POST"])])) as other:
        account.fault(
            "internal_error", status=302, body="", headers={"Location": f"{other.url}/v3/company/1"}, times=None
        )
        with pytest.raises(RetryLater, match="answered 302"):
            tick(account, limits=FEW_TRIES)
    assert seen == []


def test_an_answer_that_never_comes_is_not_waited_for(account: QuickBooksAccount) -> None:
    account.fault("time_out", delay_seconds=30, times=None)
    transport = QuickBooksTransport(read_seconds=0.2)
    try:
        with pytest.raises(RetryLater, match="gave no answer in time"):
            tick(account, limits=FEW_TRIES, transport=transport)
    finally:
        transport.close()


def test_the_api_is_asked_as_it_wants_to_be(account: QuickBooksAccount) -> None:
    tick(account)
    (call,) = [each for each in account.sandbox.call_log.entries if each.path.startswith("/v3/")]
    assert call.path == API.replace("*", f"{account.company.realm_id}/cdc")
    assert "minorversion=75" in call.query
    assert "changedSince=2026-01-10T23%3A" in call.query
