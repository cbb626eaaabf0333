"""One call: what it sends, what it waits for, what it tries again, and what it counts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    ReserveReached,
    RetryLater,
    UnknownField,
    VendorContractError,
)
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.salesforce import SalesforceConnector, SalesforceLimits, SalesforceTransport
from hardfin_pipelines.connectors.salesforce.requests import run_query
from hardfin_pipelines.connectors.salesforce.soql import select
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sync.call_budget import PURPOSES, DailyAllowance, Purpose, Reserve
from hardfin_pipelines.sync.call_windows import CallWindow, NoPlace, Place
from hardfin_pipelines_tests.connectors.conformance import minutes
from hardfin_pipelines_tests.connectors.salesforce.account import QUERY, SalesforceAccount


def run(account: SalesforceAccount, work: Callable[[SalesforceConnector], Awaitable[Any]], **changes: Any) -> Any:
    async def in_loop() -> Any:
        async with account.connector(**changes) as connector:
            return await work(connector)

    return asyncio.run(in_loop())


async def ask(connector: SalesforceConnector) -> CallCounts:
    from hardfin_pipelines.connectors.base import TriggerQuery
    from hardfin_pipelines_tests.connectors.conformance import START

    await connector.first_page(TriggerQuery({"default": ("Closed Won",)}, START), ("Name",))
    return connector.calls


@pytest.mark.parametrize(
    "name",
    [
        "server_unavailable",
        "unknown_exception",
        "maintenance_page",
        "maintenance_redirect",
        "gateway_502",
        "gateway_504",
        "security_metering",
    ],
)
def test_what_passes_is_tried_again_and_counted(account: SalesforceAccount, name: str) -> None:
    account.fault(name, times=3)
    calls = run(account, ask)
    assert calls.total == account.api_calls() == 4
    assert calls.throttled == 0


@pytest.mark.parametrize("name", ["server_unavailable", "maintenance_page", "gateway_502"])
def test_what_does_not_pass_ends_and_says_when_to_come_back(account: SalesforceAccount, name: str) -> None:
    account.fault(name, times=None)
    with pytest.raises(RetryLater, match=r"6 times in .* s; will try again later") as caught:
        run(account, ask)
    assert caught.value.delay == timedelta(minutes=5)
    assert account.api_calls() == 6


@pytest.mark.parametrize(
    "spoilt",
    [
        {"drop": "before_reply"},
        {"drop": "inside_reply"},
        {"mangle": "truncated_gzip"},
        {"mangle": "truncated_json"},
        {"mangle": "html"},
        {"mangle": "empty"},
    ],
)
def test_an_answer_that_does_not_come_whole_is_asked_for_again_and_never_remembered(
    account: SalesforceAccount, spoilt: dict[str, str]
) -> None:
    from hardfin_pipelines.sandbox.faults import Fault

    account.create_deals(minutes(40))
    account.org.settings.largest_page = None
    account.sandbox.faults.add(Fault(path=QUERY, times=2, **spoilt))  # type: ignore[arg-type]
    memory = AnswerBuffer()
    assert run(account, ask, memory=memory).total == 3
    assert run(account, ask, memory=memory).total == 0


def test_a_server_that_hangs_is_given_up_on(account: SalesforceAccount) -> None:
    from hardfin_pipelines.sandbox.faults import Fault

    account.sandbox.faults.add(Fault(path=QUERY, delay_seconds=0.6, times=1))
    transport = SalesforceTransport(read_seconds=0.2)
    assert run(account, ask, transport=transport).total == 2
    transport.close()


def test_too_many_long_calls_are_waited_for_until_patience_ends(account: SalesforceAccount) -> None:
    account.throttle(3)
    calls = run(account, ask)
    assert (calls.total, calls.throttled) == (4, 3)
    assert calls.throttled_by_bucket == {"api": 3}
    account.throttle(10_000)
    with pytest.raises(RetryLater, match=r"It refused this call for \d+ s"):
        run(account, ask)
    assert 890 < sum(account.slept) < 1_000


def test_the_days_end_is_not_waited_for(account: SalesforceAccount) -> None:
    account.org.settings.daily_calls = 3
    for _ in range(3):
        run(account, ask)
    with pytest.raises(RetryLater, match="The calls of 24 hours are used up") as caught:
        run(account, ask)
    assert caught.value.delay == timedelta(hours=1)
    assert account.api_calls() == 4
    account.sandbox.clock.advance(86_400)
    run(account, ask)


def test_what_salesforce_says_of_the_day_is_kept(account: SalesforceAccount) -> None:
    account.org.settings.daily_calls = 1_000
    account.org.settings.calls_of_others = 400
    account.org.settings.per_app_usage = True
    allowance = run(account, ask).allowance
    assert allowance is not None
    assert (allowance.per_day, allowance.remaining, allowance.spent_at) == (1_000, 599, None)


def test_loads_rest_first_then_ticks_and_what_a_person_asked_for_goes_on(account: SalesforceAccount) -> None:
    account.org.settings.daily_calls = 40
    made = {}
    for purpose in ("load", "tick", "resync"):
        limits = SalesforceLimits(reserve=Reserve(purpose, 0.2))

        async def ask_until_refused(connector: SalesforceConnector) -> None:
            while True:
                await ask(connector)

        with pytest.raises(RetryLater) as caught:
            run(account, ask_until_refused, limits=limits)
        made[purpose] = account.api_calls()
        assert isinstance(caught.value, ReserveReached) is (purpose != "resync")
    assert made == {"load": 32, "tick": 38, "resync": 41}


@pytest.mark.parametrize("of_others", [0, 13, 30])
def test_with_a_reserve_of_half_the_orgs_day_half_is_never_exceeded_whoever_used_it(
    account: SalesforceAccount, of_others: int
) -> None:
    account.org.settings.daily_calls = 40
    account.org.settings.calls_of_others = of_others
    limits = SalesforceLimits(reserve=Reserve("load", 0.5))

    async def ask_until_refused(connector: SalesforceConnector) -> None:
        while True:
            await ask(connector)

    with pytest.raises(ReserveReached, match=r"initial loads leave 20 to its other integrations"):
        run(account, ask_until_refused, limits=limits)
    # Only an answer tells how much is used: the first call goes out.
    assert account.api_calls() == max(20 - of_others, 1)
    others_go_on = account.api_calls()
    with pytest.raises(ReserveReached):
        run(account, ask_until_refused, limits=limits)
    assert account.api_calls() == others_go_on


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_share_of_the_orgs_day_is_never_exceeded_whatever_the_work_is_for(
    account: SalesforceAccount, purpose: Purpose
) -> None:
    account.org.settings.daily_calls = 40
    limits = SalesforceLimits(reserve=Reserve(purpose, 0.0, floor=0.25))

    async def ask_until_refused(connector: SalesforceConnector) -> DailyAllowance | None:
        while True:
            try:
                await ask(connector)
            except ReserveReached:
                return connector.calls.allowance

    said = run(account, ask_until_refused, limits=limits)
    assert account.api_calls() == 30
    # Another process knows it from the store, and asks for nothing either.
    with pytest.raises(ReserveReached, match=r"10 of the account's 40 calls .* leave 10 to its other integrations"):
        run(account, ask, limits=limits, limiters=LimiterRegistry(), day_so_far=lambda: said)
    assert account.api_calls() == 30


def test_calls_that_are_under_way_count_towards_the_reserve(account: SalesforceAccount) -> None:
    account.org.settings.daily_calls = 40
    limits = SalesforceLimits(reserve=Reserve("load", 0.5), in_flight=8)

    async def ask_often(connector: SalesforceConnector) -> list[Any]:
        await ask(connector)
        found: list[Any] = []
        while not found:
            answers = await asyncio.gather(*(ask(connector) for _ in range(8)), return_exceptions=True)
            found += [each for each in answers if isinstance(each, BaseException)]
        return found

    assert {type(each) for each in run(account, ask_often, limits=limits)} == {ReserveReached}
    assert 12 <= account.api_calls() <= 20


def test_the_days_end_is_noted(account: SalesforceAccount) -> None:
    account.org.settings.daily_calls = 2

    async def ask_until_refused(connector: SalesforceConnector) -> DailyAllowance | None:
        await ask(connector)
        await ask(connector)
        with pytest.raises(RetryLater, match="24 hours are used up"):
            await ask(connector)
        return connector.calls.allowance

    allowance = run(account, ask_until_refused)
    assert (allowance.per_day, allowance.remaining) == (2, 0)
    assert abs(allowance.spent_at - account.sandbox.clock.now()) < timedelta(minutes=1)


def test_a_place_that_aged_while_the_connection_was_opened_is_asked_for_anew(account: SalesforceAccount) -> None:
    waited: list[float] = []
    late_by = [1.0]

    class Slow:
        """The connection takes so long that the place is over."""

        async def reserve(self, window: CallWindow) -> Place:
            waited.append(account.clock.monotonic())
            if len(waited) == 2:
                raise NoPlace("nothing is free any more", 60.0)
            late = late_by.pop() if late_by else 0.0
            account.sandbox.clock.advance(-late)  # so that as much has passed when the connection is open
            place = Place(account.clock.monotonic(), 0.0)
            asyncio.get_running_loop().call_soon(account.sandbox.clock.advance, late)
            return place

        async def pause(self, window: CallWindow, seconds: float) -> None:
            raise AssertionError("nothing was refused")

    session = MemoryTokenStore(Tokens(account.sandbox.session(account.org), instance_url=account.url))
    with pytest.raises(RetryLater, match="no call to Salesforce was made: nothing is free any more"):
        run(account, ask, limiters=LimiterRegistry(Slow()), tokens=session, app=None)
    assert len(waited) == 2
    assert account.api_calls() == 0


def test_a_place_is_made_sure_of_on_connections_that_were_open_already(account: SalesforceAccount) -> None:
    told: list[int] = []

    async def counted() -> None:
        told.append(account.api_calls())

    async def ask_twice(connector: SalesforceConnector) -> None:
        for _ in range(2):
            await ask(connector)
            tokens = account.store.load()
            request = run_query(select(("Id",), "Opportunity"))
            session = account.transport.org(tokens.access, tokens.instance_url)
            await account.transport.ask(session, request, now=account.clock.now(), before_sending=counted)

    run(account, ask_twice)
    # Told before the call was counted, each time.
    assert told == [1, 3]


class NoPlaces:
    """A store that is down."""

    async def reserve(self, window: CallWindow) -> Place:
        raise NoPlace("the database is down", 60.0)

    async def pause(self, window: CallWindow, seconds: float) -> None:
        raise NoPlace("the database is down", 60.0)


def test_without_a_place_no_call_goes_out(account: SalesforceAccount) -> None:
    with pytest.raises(RetryLater, match="no call to Salesforce was made: the database is down"):
        run(account, ask, limiters=LimiterRegistry(NoPlaces()))
    assert account.api_calls() == 0


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("api_disabled", NeedsAttention, "give Hardfin's user API Enabled"),
        ("api_currently_disabled", NeedsAttention, "give Hardfin's user API Enabled"),
    ],
)
def test_what_a_person_must_mend_is_asked_once(account: SalesforceAccount, name: str, kind: Any, text: str) -> None:
    account.fault(name, times=None)
    with pytest.raises(kind, match=text):
        run(account, ask)
    assert account.api_calls() == 1


def test_a_field_that_is_hidden_is_named_with_the_permission(account: SalesforceAccount) -> None:
    account.org.hide_field(account.user, "Opportunity", "Amount")

    async def work(connector: SalesforceConnector) -> None:
        await connector.first_page(account.query(), ("Name", "Amount"))

    with pytest.raises(UnknownField, match="grant Hardfin's user Read on it") as caught:
        run(account, work)
    assert caught.value.context["properties"] == "Amount"
    assert account.api_calls() == 1


def test_a_hidden_object_is_named_with_the_permission(account: SalesforceAccount) -> None:
    account.org.hide_object(account.user, "OpportunityLineItem")

    async def work(connector: SalesforceConnector) -> None:
        await connector.references(["006A0000006Vm9r"], ("line_item",))

    with pytest.raises(NeedsAttention, match="grant it Read on OpportunityLineItem"):
        run(account, work)


def test_a_part_of_a_composite_call_that_fails_is_refused_or_tried_again(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    (deal,) = account.create_deals(minutes(1))
    account.create_product_lines(deal, 1)

    async def unknown(connector: SalesforceConnector) -> None:
        connector.expect({"line_item": ("Nope__c",), "company": (), "product": ()})
        await connector.references([deal], ("company", "line_item"))

    with pytest.raises(UnknownField, match="Nope__c"):
        run(account, unknown)
    assert account.api_calls() == 1


def test_json_comes_compact_and_gzipped_from_a_pool_of_connections(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    account.create_deals(minutes(100))

    async def work(connector: SalesforceConnector) -> Any:
        statement = select(("Id", "Name"), "Opportunity")
        return await connector._send(run_query(statement))

    answer = run(account, work)
    assert b"\n" not in answer.body
    assert b'": ' not in answer.body
    assert answer.headers["content-encoding"] == "gzip"


def test_orgs_share_no_cookie_and_no_netrc(account: SalesforceAccount, monkeypatch, tmp_path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    account.fault("server_unavailable", times=1, headers={"Set-Cookie": "BrowserId=1; Path=/"})
    assert run(account, ask).total == 2
    assert not account.transport._http.session.cookies


def test_tokens_without_an_address_are_a_bug_that_says_so(account: SalesforceAccount) -> None:
    store = MemoryTokenStore(Tokens("00Dx!y"))
    with pytest.raises(VendorContractError, match="connect Salesforce again"):
        run(account, ask, tokens=store)


def test_pages_of_another_size_are_asked_for_by_header(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    account.create_deals(minutes(250))
    page = run(account, lambda each: each.first_page(account.query(), ()), limits=replace(SalesforceLimits(), page=200))
    assert (len(page.records), page.total, page.last) == (200, 250, False)
