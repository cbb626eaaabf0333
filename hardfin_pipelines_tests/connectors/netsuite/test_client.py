"""One call: how many are under way, what is waited for, and what each refusal becomes."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK
from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    RetryLater,
    UnknownField,
    VendorContractError,
    VendorError,
)
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.netsuite import NetSuiteConnector, NetSuiteLimits
from hardfin_pipelines.connectors.netsuite.limits import rate_windows
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines_tests.connectors.netsuite.account import SUITEQL, NetSuiteAccount

FEW_TRIES = NetSuiteLimits(attempts=2)
ERROR = '{{"type":"t","title":"Bad Request","status":{0},"o:errorDetails":[{{"detail":"{1}","o:errorCode":"{2}"}}]}}'


def tick(account: NetSuiteAccount, **changes: Any) -> tuple[list[ItemPage], dict[str, int]]:
    """The pages of one tick, and its calls by bucket."""

    async def run() -> tuple[list[ItemPage], dict[str, int]]:
        async with account.connector(**changes) as connector:
            pages = [page async for page in connector.changed_pages(account.now() - timedelta(hours=1))]
            return pages, connector.calls.by_bucket

    return asyncio.run(run())


def test_calls_are_counted_as_the_vendor_was_sent_them(account: NetSuiteAccount) -> None:
    account.create_items([account.now()] * 12)
    account.fault("gateway_502", times=1)
    account.throttle(1)
    pages, counted = tick(account)
    assert sum(len(page.records) for page in pages) == 12
    assert counted == {"suiteql": account.calls()} == {"suiteql": 3 + 1 + 2}


@pytest.mark.parametrize(("in_flight", "allowed", "most"), [(3, 5, 2), (8, 15, 7), (2, 15, 2), (3, 1, 1)])
def test_no_more_than_half_of_the_accounts_requests_are_under_way(
    account: NetSuiteAccount, in_flight: int, allowed: int, most: int
) -> None:
    account.account.settings.change({"concurrent_requests": max(allowed, 1), "query_seconds": 0.02})
    limits = NetSuiteLimits(in_flight=in_flight, account_concurrency=allowed)
    clock = replace(SYSTEM_CLOCK, now=account.now)
    account.account.slots.reset()

    async def visit() -> None:
        async with (
            account.connector(limits=limits, clock=clock) as one,
            account.connector(limits=limits, clock=clock) as two,
        ):
            await asyncio.gather(*(each.read_items([str(n)]) for each in (one, two) for n in range(1, 11)))

    threads = [threading.Thread(target=asyncio.run, args=(visit(),)) for _ in range(2)]  # two event loops at once
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.account.most_in_flight == most
    assert (account.calls(), account.calls(status=429)) == (40, 0)


def test_what_administrators_are_told_bounds_the_requests_under_way(account: NetSuiteAccount) -> None:
    account.role.administrator = True
    account.account.settings.change({"concurrent_requests": 2})
    account.describe(limits=NetSuiteLimits(account_concurrency=20))
    account.account.settings.change({"query_seconds": 0.02})
    account.account.slots.reset()

    async def visit() -> None:
        async with account.connector(limits=NetSuiteLimits(account_concurrency=20)) as connector:
            await asyncio.gather(*(connector.read_items([str(n)]) for n in range(1, 6)))

    asyncio.run(visit())
    assert account.account.most_in_flight == 1


def test_refusals_without_retry_after_are_waited_for_longer_and_longer(account: NetSuiteAccount) -> None:
    account.throttle(6)
    tick(account)
    assert len(account.slept) >= 6
    assert account.calls(status=429) == 6
    pauses = [each for each in account.slept if each > 0.1]
    assert pauses[-1] > 5 * pauses[0]  # 1 s, 2 s, 4 s ... each half left to chance


def test_pauses_differ_by_chance(account: NetSuiteAccount) -> None:
    firsts = set()
    for _ in range(4):
        account.slept.clear()
        account.throttle(1)
        tick(account)
        firsts.add(round(max(account.slept), 3))
    assert len(firsts) > 1
    assert all(0.4 < each < 1.6 for each in firsts)


@pytest.mark.parametrize("name", ["concurrency_limit", "too_many_requests", "frequency_limit"])
def test_any_refusal_for_now_is_survived_whatever_its_title(account: NetSuiteAccount, name: str) -> None:
    account.fault(name, times=3)
    began = account.now()
    tick(account)
    least = timedelta(seconds=30) if name == "frequency_limit" else timedelta(seconds=2)
    assert account.now() - began > least


def test_patience_ends_and_names_what_was_said(account: NetSuiteAccount) -> None:
    account.fault("concurrency_limit", times=None)
    began = account.now()
    with pytest.raises(RetryLater, match="limits our requests at once: Concurrent request limit exceeded") as caught:
        tick(account)
    assert timedelta(minutes=10) < account.now() - began < timedelta(minutes=20)
    assert caught.value.delay == timedelta(minutes=15)
    account.sandbox.faults.clear()
    account.fault("frequency_limit", times=None)
    with pytest.raises(RetryLater, match="limits our requests in a time"):
        tick(account)


def test_retry_after_is_heeded_where_there_is_one(account: NetSuiteAccount) -> None:
    account.fault("concurrency_limit", times=1, retry_after_seconds=33)
    began = account.now()
    tick(account)
    assert timedelta(seconds=33) <= account.now() - began < timedelta(seconds=45)
    account.fault("concurrency_limit", times=None, retry_after_seconds=3600)
    with pytest.raises(RetryLater, match=r"It asks us to wait\. .*try again in 60 min"):
        tick(account)


def test_a_pause_stops_the_accounts_other_connectors_too(account: NetSuiteAccount) -> None:
    """In real time: where one waits, it would move the sandbox's clock under the other."""
    account.fault("concurrency_limit", times=1, retry_after_seconds=2)
    clock = replace(SYSTEM_CLOCK, now=account.now)

    async def late(connector: NetSuiteConnector) -> None:
        await asyncio.sleep(0.5)
        await connector.read_items(["2"])

    async def run() -> None:
        async with account.connector(clock=clock) as one, account.connector(clock=clock) as two:
            await asyncio.gather(one.read_items(["1"]), late(two))

    asyncio.run(run())
    refused, *later = [call.at for call in account.sandbox.call_log.entries if call.path == SUITEQL]
    assert len(later) == 2
    assert min(later) - refused > timedelta(seconds=1.8)


def test_a_minute_has_no_more_calls_than_allowed(account: NetSuiteAccount) -> None:
    limits = NetSuiteLimits(calls_per_minute=30, ids_in_statement=1)

    async def run() -> None:
        async with account.connector(limits=limits) as connector:
            await connector.read_items([str(each) for each in range(1, 62)])

    account.limiters = type(account.limiters)()
    asyncio.run(run())
    times = sorted(call.at for call in account.sandbox.call_log.entries if call.path == SUITEQL)
    assert all(later - earlier >= timedelta(seconds=60) for earlier, later in zip(times, times[30:], strict=False))


def test_the_window_is_named_by_account() -> None:
    (minute,) = rate_windows(NetSuiteLimits(), "https://netsuite.example", "1234567_SB1")
    assert (minute.bucket, minute.limit, minute.left_to_others) == ("minute", 240, 120)
    assert minute.account == "netsuite https://netsuite.example 1234567_SB1"


@pytest.mark.parametrize("wrong", [{"page": 0}, {"page": 1001}, {"ids_in_statement": 1001}])
def test_limits_beyond_the_vendors_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"expected 1 to 1000"):
        NetSuiteLimits(**wrong)


@pytest.mark.parametrize(
    ("status", "code", "detail", "kind", "says"),
    [
        (400, "INVALID_PARAMETER", "Unknown identifier 'nope'. Known: {item=item}.", UnknownField, "column nope"),
        (400, "INVALID_PARAMETER", "Invalid search type: nope.", UnknownField, "the record type nope"),
        (400, "INVALID_PARAMETER", "Record 'nope' was not found.", UnknownField, "the record type nope"),
        (400, "INVALID_PARAMETER", "Field 'x' for record 'y' was not found. Reason: R", UnknownField, "column x"),
        (400, "NONEXISTENT_FIELD", "The field does not exist.", UnknownField, "not have what we ask for"),
        (400, "INVALID_PARAMETER", "Invalid or unsupported search.", VendorContractError, "unsupported search"),
        (400, "INVALID_CONTENT", "Invalid content in the request body.", VendorContractError, "Invalid content"),
        (403, "INSUFFICIENT_PERMISSION", "Permission Violation: You need X.", NeedsAttention, "lacks a permission"),
        (404, "INVALID_PATH", "Invalid URL path", VendorContractError, "answered 404 INVALID_PATH"),
        (405, "METHOD_NOT_ALLOWED", "no", VendorContractError, "answered 405"),
        (500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: abc", RetryLater, "500 UNEXPECTED_ERROR"),
        (502, "", "", RetryLater, "answered 502"),
        (408, "", "", RetryLater, "answered 408"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_clear_line_of_the_right_kind(
    account: NetSuiteAccount, status: int, code: str, detail: str, kind: type[VendorError], says: str
) -> None:
    account.fault("invalid_search", status=status, body=ERROR.format(status, detail, code), times=None)
    with pytest.raises(kind, match=says) as caught:
        tick(account, limits=FEW_TRIES)
    assert "\n" not in str(caught.value)
    assert caught.value.integration == "netsuite"


@pytest.mark.parametrize(
    ("status", "body", "media", "kind", "says"),
    [
        (503, "<html>maintenance</html>", "text/html", RetryLater, "answered 503"),
        (200, "<html>busy</html>", "text/html", RetryLater, "text/html that is no whole JSON"),
        (200, '{"items":[', "application/json", RetryLater, "no whole JSON"),
        (200, '{"items":[]}', "application/json", VendorContractError, "has no items and hasMore"),
        (200, '{"items":7,"hasMore":false}', "application/json", VendorContractError, "has no items and hasMore"),
        (200, '{"items":[],"hasMore":"no"}', "application/json", VendorContractError, "has no items and hasMore"),
        (200, '{"items":[],"hasMore":true}', "application/json", VendorContractError, "it says there are more"),
        (400, "no", "text/plain", VendorContractError, "text/plain, no message"),
        (400, '{"title":"line\\none"}', "application/json", VendorContractError, "line one"),
        (400, '{"o:errorDetails":"none"}', "application/json", VendorContractError, "answered 400"),
    ],
)
def test_odd_answers_have_their_kind_as_well(account, status, body, media, kind, says) -> None:
    account.fault("invalid_search", status=status, body=body, content_type=media, times=None)
    with pytest.raises(kind, match=says) as caught:
        tick(account, limits=FEW_TRIES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mangle", ["truncated_gzip", "truncated_json", "html", "empty"])
def test_a_spoilt_answer_is_asked_for_again(account: NetSuiteAccount, mangle: str) -> None:
    items = account.create_items([account.now()] * 40)
    account.fault("invalid_search", status=None, mangle=mangle, times=2)
    pages, _ = tick(account)
    assert {record.id for page in pages for record in page.records} == set(items)


@pytest.mark.parametrize("drop", ["before_reply", "inside_reply"])
def test_a_dropped_connection_is_survived(account: NetSuiteAccount, drop: str) -> None:
    account.fault("invalid_search", status=None, drop=drop, times=3)
    tick(account)
    assert account.calls() == 5


def test_maintenance_is_waited_for_by_whoever_comes_back(account: NetSuiteAccount) -> None:
    account.account.settings.change({"maintenance": True})
    with pytest.raises(RetryLater, match="answered 503"):
        tick(account)
    account.account.settings.change({"maintenance": False})
    assert tick(account)[0][-1].last


def test_an_answer_that_never_comes_is_not_waited_for(account: NetSuiteAccount) -> None:
    account.fault("invalid_search", status=None, delay_seconds=20, times=None)

    async def run() -> None:
        async with open_http_client(read_seconds=0.2) as http, account.connector(http=http, limits=FEW_TRIES) as one:
            await one.read_items(["1"])

    with pytest.raises(RetryLater, match="gave no answer in time"):
        asyncio.run(run())


def test_a_server_that_is_not_there_is_no_lost_grant(account: NetSuiteAccount) -> None:
    with pytest.raises(RetryLater, match="could not be reached"):
        tick(account, api_url="http://127.0.0.1:9", limits=FEW_TRIES)


def test_no_redirect_is_followed_and_no_token_goes_elsewhere(account: NetSuiteAccount) -> None:
    seen: list[str] = []

    async def catch(request):
        seen.append(request.headers.get("authorization", ""))
        return RedirectResponse("/nowhere", 302)

    with SandboxServer(Starlette(routes=[Route("/{rest:path}", catch, methods=["GET", "POST"])])) as other:
        account.fault("invalid_search", status=302, body="", headers={"Location": f"{other.url}/x"}, times=None)
        with pytest.raises(RetryLater, match="answered 302"):
            tick(account, limits=FEW_TRIES)
    assert seen == []
