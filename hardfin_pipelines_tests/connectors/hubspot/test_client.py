import asyncio
import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from hardfin_pipelines.connectors.base import CallCounts, Page
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorContractError, VendorError
from hardfin_pipelines.connectors.http import open_http_client, user_agent
from hardfin_pipelines.connectors.hubspot import HubSpotConnector, HubSpotLimits
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines_tests.connectors.conformance import minutes
from hardfin_pipelines_tests.connectors.hubspot.account import SEARCH, HubSpotAccount

TEN_SECONDLY = '{"message":"You have reached your ten_secondly_rolling limit.","policyName":"TEN_SECONDLY_ROLLING"}'
SECONDLY = '{"message":"You have reached your secondly limit.","category":"RATE_LIMITS"}'
DAILY = '{"message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}'


def first_page(account: HubSpotAccount, **changes: Any) -> tuple[Page, CallCounts]:
    async def run() -> tuple[Page, CallCounts]:
        async with account.connector(**changes) as connector:
            return await connector.first_page(account.query(), ()), connector.calls

    return asyncio.run(run())


def failure(account: HubSpotAccount, kind: type[VendorError], **changes: Any) -> Any:
    with pytest.raises(kind) as caught:
        first_page(account, **changes)
    assert "\n" not in str(caught.value)
    assert caught.value.integration == "hubspot"
    return caught.value


@pytest.mark.parametrize("status", [423, 500, 502, 503, 504, 521, 523, 524, 525])
def test_a_failure_that_passes_is_tried_again(account: HubSpotAccount, status: int) -> None:
    account.create_deals(minutes(2))
    account.sandbox.faults.add(Fault.gateway_page(status, path=SEARCH, times=3))
    page, calls = first_page(account)
    assert len(page.records) == 2
    assert calls.by_bucket == {"search": 4}


@pytest.mark.parametrize("drop", ["before_reply", "inside_reply"])
def test_a_dropped_connection_is_tried_again(account: HubSpotAccount, drop: str) -> None:
    account.create_deals(minutes(2))
    account.fault(path=SEARCH, times=2, drop=drop)
    page, calls = first_page(account)
    assert (len(page.records), calls.total) == (2, 3)


def test_pauses_grow_and_are_never_equal(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, times=4, status=500)
    first_page(account)
    pauses = [seconds for seconds in account.slept if seconds >= 1]
    assert len(pauses) == 4
    assert all(low <= pause <= low + 1 for low, pause in zip((1, 2, 4, 8), pauses, strict=True))
    assert len({pause % 1 for pause in pauses}) == 4


def test_a_failure_that_stays_is_one_clear_line(account: HubSpotAccount) -> None:
    body = '{"status":"error","message":"internal error","correlationId":"abc-123"}'
    account.fault(path=SEARCH, times=None, status=500, body=body)
    error = failure(account, RetryLater)
    pattern = (
        r"HubSpot answered 500 to POST /crm/objects/2026-03/deals/search 6 times in \d+ s; "
        r"will try again later \(correlation id abc-123\)"
    )
    assert re.fullmatch(pattern, str(error))
    assert timedelta(0) < error.delay <= timedelta(hours=1)
    assert account.searches() == 6


def test_html_instead_of_json_is_tried_again_and_then_named(account: HubSpotAccount) -> None:
    fault = account.fault(path=SEARCH, times=2, status=200, body="<html>hello</html>", content_type="text/html")
    first_page(account)
    assert fault.hits == 2
    account.fault(path=SEARCH, times=None, status=200, body="<html>hello</html>", content_type="text/html")
    assert "text/html that is no JSON object" in str(failure(account, RetryLater))


@pytest.mark.parametrize("mangle", ["truncated_gzip", "truncated_json", "html", "empty"])
def test_a_spoilt_answer_is_asked_for_again(account: HubSpotAccount, mangle: Any) -> None:
    deals = account.create_deals(minutes(3))
    fault = account.fault(path=SEARCH, times=2, mangle=mangle)
    page, _ = first_page(account)
    assert [record.id for record in page.records] == deals
    assert fault.hits == 2


def test_a_server_nobody_answers_at_is_later(account: HubSpotAccount) -> None:
    static = MemoryTokenStore(Tokens("pat-x"))
    error = failure(account, RetryLater, base_url="http://127.0.0.1:9", tokens=static)
    assert "could not be reached (ConnectError) for POST /crm/objects/2026-03/deals/search 6 times" in str(error)


def test_an_answer_that_does_not_come_is_later(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, times=None, delay_seconds=0.5)

    async def run() -> None:
        async with open_http_client(read_seconds=0.05) as http:
            connector = account.new_connector(http, limits=HubSpotLimits(attempts=2))
            await connector.first_page(account.query(), ())

    with pytest.raises(RetryLater, match=r"gave no answer in time \(ReadTimeout\)"):
        asyncio.run(run())


def test_an_account_that_moves_is_later_by_what_hubspot_says(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, status=477, headers={"Retry-After": "7200"})
    assert failure(account, RetryLater).delay == timedelta(hours=2)
    account.fault(path=SEARCH, status=477, headers={"Retry-After": "99999999"})
    assert failure(account, RetryLater).delay == timedelta(hours=24)
    account.fault(path=SEARCH, status=477)
    assert failure(account, RetryLater).delay == timedelta(hours=1)


def test_a_long_retry_after_of_a_failing_server_is_not_waited_for(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, status=503, headers={"Retry-After": "3600"})
    assert failure(account, RetryLater).delay == timedelta(hours=1)
    assert account.searches() == 1


def test_missing_scopes_are_named(account: HubSpotAccount) -> None:
    token = account.portal.issue_static_token(["oauth"])
    error = failure(account, NeedsAttention, tokens=MemoryTokenStore(Tokens(token)), app=None)
    assert "crm.objects.deals.read" in str(error)
    assert "connect HubSpot again" in str(error)


def test_a_forbidden_call_needs_attention(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, status=403, body='{"message":"The user may not do that"}')
    assert "The user may not do that" in str(failure(account, NeedsAttention))


def test_a_static_token_that_is_refused_needs_attention(account: HubSpotAccount) -> None:
    error = failure(account, NeedsAttention, tokens=MemoryTokenStore(Tokens("pat-na1-wrong")), app=None)
    assert "connect HubSpot again with a valid token" in str(error)


def test_a_token_refused_though_it_is_new_needs_attention(account: HubSpotAccount) -> None:
    body = '{"message":"Authentication credentials not found","category":"INVALID_AUTHENTICATION"}'
    account.fault(path=SEARCH, times=None, status=401, body=body)
    assert "connect HubSpot again" in str(failure(account, NeedsAttention))
    assert account.searches() == 2


@pytest.mark.parametrize("status", [400, 404, 405, 409, 414])
def test_another_refusal_is_a_contract_error_with_what_was_said(account: HubSpotAccount, status: int) -> None:
    account.fault(path=SEARCH, status=status, body='{"message":"No\\n  way","correlationId":"abc"}')
    error = failure(account, VendorContractError)
    assert f"HubSpot answered {status} to POST {SEARCH}: No way (correlation id abc)" == str(error)


def test_the_property_of_a_refusal_is_named_in_all_its_forms(account: HubSpotAccount) -> None:
    from hardfin_pipelines.connectors.errors import UnknownField

    bodies = [
        r'{"message":"Property values were not valid: [{\"message\":\"Property \\\"tier\\\" does not exist\"}]"}',
        '{"message":"x","errors":[{"message":"y","context":{"propertyName":["tier"]}}]}',
        '{"message":"There was a problem. Property \'tier\' does not exist","category":"VALIDATION_ERROR"}',
    ]
    for body in bodies:
        account.fault(path=SEARCH, status=400, body=body)
        error = failure(account, UnknownField)
        assert error.context["properties"] == "tier"


@pytest.mark.parametrize("body", [TEN_SECONDLY, SECONDLY, "<html>slow down</html>"])
@pytest.mark.parametrize("retry_after", [None, "0", "2", "-5", "soon", "nan"])
def test_twenty_refusals_are_waited_out_whatever_they_say(
    account: HubSpotAccount, body: str, retry_after: str | None
) -> None:
    account.create_deals(minutes(1))
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    account.fault(path=SEARCH, times=20, status=429, body=body, headers=headers)
    page, calls = first_page(account)
    assert len(page.records) == 1
    assert (calls.throttled, calls.by_bucket["search"]) == (20, 21)
    assert sum(account.slept) >= 19.9


@pytest.mark.parametrize(("body", "seconds"), [(TEN_SECONDLY, 10), (SECONDLY, 1)])
def test_without_retry_after_the_named_window_is_waited_for(account: HubSpotAccount, body: str, seconds: int) -> None:
    account.fault(path=SEARCH, status=429, body=body)
    first_page(account)
    assert sum(account.slept) == pytest.approx(seconds, abs=0.2)


def test_retry_after_may_be_a_date(account: HubSpotAccount) -> None:
    moment = account.sandbox.clock.now() + timedelta(seconds=30)
    account.fault(path=SEARCH, status=429, body=SECONDLY, headers={"Retry-After": format_datetime(moment, usegmt=True)})
    first_page(account)
    assert 27 <= sum(account.slept) <= 31


def test_an_absurd_retry_after_is_left_to_the_caller(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, status=429, body=SECONDLY, headers={"Retry-After": "1e12"})
    error = failure(account, RetryLater)
    assert error.delay == timedelta(hours=24)
    assert account.searches() == 1


@pytest.mark.parametrize(
    ("header", "delay"), [({}, timedelta(hours=1)), ({"Retry-After": "600"}, timedelta(minutes=10))]
)
def test_the_daily_limit_is_left_to_the_caller_at_once(
    account: HubSpotAccount, header: dict[str, str], delay: timedelta
) -> None:
    account.fault(path=SEARCH, times=None, status=429, body=DAILY, headers=header)
    error = failure(account, RetryLater)
    assert error.delay == delay
    assert account.searches() == 1


def test_patience_with_refusals_ends(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, times=None, status=429, body=TEN_SECONDLY)
    error = failure(account, RetryLater, limits=HubSpotLimits(patience_seconds=60))
    assert "refused this call for" in str(error)
    assert 6 <= account.searches() <= 8


def test_a_refusal_holds_back_the_whole_bucket_and_no_other(account: HubSpotAccount) -> None:
    account.create_deals(minutes(1))
    account.fault(path=SEARCH, status=429, body=TEN_SECONDLY)

    async def run() -> tuple[float, float]:
        async with account.connector() as one, account.connector() as other:
            began = account.clock.monotonic()
            await one.read("deal", ["1"], ())
            general = account.clock.monotonic() - began
            await asyncio.gather(one.first_page(account.query(), ()), other.first_page(account.query(), ()))
            return general, account.clock.monotonic() - began

    general, both = asyncio.run(run())
    assert general < 5
    assert 10 <= both < 12


def test_the_sandbox_never_refuses_what_the_limiters_let_out(account: HubSpotAccount) -> None:
    """Real time: twelve connectors of one account search at once, over one HTTP client."""
    account.create_deals(minutes(1))
    portal = account.portal
    portal.settings.change({"general_per_ten_seconds": 100, "search_per_second": 5})

    async def run() -> tuple[int, float]:
        from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK

        async with open_http_client() as http:
            made = [account.new_connector(http, clock=SYSTEM_CLOCK) for _ in range(12)]
            began = time.monotonic()
            await asyncio.gather(*(each.first_page(account.query(), ()) for each in made))
            return sum(each.calls.throttled for each in made), time.monotonic() - began

    throttled, seconds = asyncio.run(run())
    assert throttled == 0
    assert seconds >= 2 * 1.1 - 0.05


def test_the_limit_in_hubspots_headers_is_kept(account: HubSpotAccount) -> None:
    account.portal.settings.change({"general_per_ten_seconds": 40})

    async def run() -> int:
        async with account.connector() as connector:
            for _ in range(60):
                await connector.read("deal", ["1"], ())
            return connector.calls.throttled

    assert asyncio.run(run()) == 0


def test_two_hundred_connectors_are_made_without_a_call(account: HubSpotAccount) -> None:
    before = len(account.portal.calls)

    async def run() -> int:
        async with open_http_client() as http:
            return len([account.new_connector(http, account=f"{each}") for each in range(200)])

    assert asyncio.run(run()) == 200
    assert len(account.portal.calls) == before


def test_we_say_who_we_are(account: HubSpotAccount) -> None:
    assert re.fullmatch(r"hardfin-pipelines/\d+\.\d+.*", user_agent())

    async def run() -> httpx.Headers:
        async with open_http_client() as http:
            return http.headers

    assert asyncio.run(run())["user-agent"] == user_agent()


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def _whole(error: BaseException) -> str:
    """Everything an error report might show of an error and what led to it."""
    seen = f"{error!s} {error!r} {vars(error)!r}"
    return seen + "".join(_whole(each) for each in (error.__cause__, error.__context__) if each is not None)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "times": None, "body": '{"message":"token SECRET failed"}'},
        {"status": 400, "body": '{"message":"token SECRET failed","errors":[{"context":{"propertyName":["SECRET"]}}]}'},
        {"status": 401, "times": None, "body": '{"message":"token SECRET is wrong"}'},
        {"status": 403, "body": '{"message":"token SECRET is wrong"}'},
        {"status": 429, "body": '{"message":"daily limit of SECRET"}'},
        {"drop": "before_reply", "times": None},
    ],
)
def test_no_token_is_in_an_error_or_a_log(
    account: HubSpotAccount, all_logs: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    secret = account.portal.issue_static_token()
    fields = {**fault, "body": fault.get("body", "").replace("SECRET", secret)}
    account.fault(path=SEARCH, **fields)

    async def run() -> tuple[HubSpotConnector, VendorError]:
        async with account.connector(tokens=MemoryTokenStore(Tokens(secret))) as connector:
            with pytest.raises(VendorError) as caught:
                await connector.first_page(account.query(), ())
            return connector, caught.value

    connector, error = asyncio.run(run())
    assert secret not in _whole(error)
    assert secret not in all_logs.text
    assert secret not in repr(connector)
    assert secret not in repr(Tokens(secret, secret))
    assert account.app.client_secret not in repr(account.app)


def test_a_cancelled_call_is_cancelled(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, delay_seconds=1.0)

    async def run() -> None:
        async with account.connector() as connector:
            await asyncio.wait_for(connector.first_page(account.query(), ()), 0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert account.searches() <= 1
