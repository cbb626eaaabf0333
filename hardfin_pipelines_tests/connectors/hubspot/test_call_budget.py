"""Calls that are left to the account's other integrations, and calls for which there is no place."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import ReserveReached, RetryLater
from hardfin_pipelines.connectors.hubspot import HubSpotConnector, HubSpotLimits
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sync.call_budget import Reserve
from hardfin_pipelines.sync.call_windows import CallWindow, NoPlace, Place
from hardfin_pipelines_tests.connectors.conformance import minutes
from hardfin_pipelines_tests.connectors.hubspot.account import SEARCH, HubSpotAccount

if TYPE_CHECKING:
    from hardfin_pipelines.connectors.hubspot.limits import AccountLimiters

SECONDLY = '{"message":"You have reached your secondly limit.","category":"RATE_LIMITS"}'


Static = Callable[..., HubSpotConnector]


@pytest.fixture
def static(account: HubSpotAccount) -> Static:
    """Connectors with a static token: HubSpot tells those what is left of the day."""
    tokens = MemoryTokenStore(Tokens(account.portal.issue_static_token()))

    def make(http: Any, purpose: Any = "tick", share: float = 0.2) -> HubSpotConnector:
        limits = replace(HubSpotLimits(), reserve=Reserve(purpose, share))
        return account.new_connector(http, tokens=tokens, app=None, limits=limits)

    return make


def run(account: HubSpotAccount, work: Any) -> Any:
    async def in_loop() -> Any:
        from hardfin_pipelines.connectors.http import open_http_client

        async with open_http_client() as http:
            return await work(http)

    return asyncio.run(in_loop())


def test_what_hubspot_says_of_the_day_is_kept(account: HubSpotAccount, static: Static) -> None:
    account.portal.settings.change({"daily_calls": 1_000})

    async def work(http: Any) -> CallCounts:
        connector = static(http)
        await connector.first_page(account.query(), ())
        assert connector.calls.allowance is None  # searches do not tell
        await connector.read("deal", ["1"], ())
        return connector.calls

    allowance = run(account, work).allowance
    assert allowance is not None
    assert (allowance.per_day, allowance.remaining, allowance.spent_at) == (1_000, 997, None)
    assert abs(allowance.seen_at - account.clock.now()) < timedelta(minutes=1)


def test_loads_rest_first_then_ticks_and_what_a_person_asked_for_goes_on(
    account: HubSpotAccount, static: Static
) -> None:
    account.portal.settings.change({"daily_calls": 40})

    async def ask_until_refused(connector: HubSpotConnector) -> None:
        while True:
            await connector.first_page(account.query(), ())
            await connector.references(["1"], ("company",))

    async def work(http: Any) -> dict[str, int]:
        made: dict[str, int] = {}
        for purpose in ("load", "tick", "resync"):
            connector = static(http, purpose)
            with pytest.raises(RetryLater) as caught:
                await ask_until_refused(connector)
            made[purpose] = account.sandbox.call_log.count()
            if purpose != "resync":
                assert isinstance(caught.value, ReserveReached)
                assert caught.value.purpose == purpose
                assert "to its other integrations; will try again in 60 min" in str(caught.value)
                assert caught.value.delay <= timedelta(hours=1)
            else:
                assert "The day's calls are used up." in str(caught.value)
                assert connector.calls.allowance is not None
                assert connector.calls.allowance.spent_at is not None
        return made

    made = run(account, work)
    assert made["load"] < made["tick"] < made["resync"]


def test_an_hour_later_the_account_is_asked_again(account: HubSpotAccount, static: Static) -> None:
    account.clock = replace(account.clock, now=account.sandbox.clock.now)
    account.portal.settings.change({"daily_calls": 10})

    async def ask(http: Any) -> None:
        await static(http, "load", 0.9).references(["1"], ("company",))

    async def spend(http: Any) -> None:
        await static(http, "describe").describe()

    run(account, spend)
    with pytest.raises(ReserveReached):
        run(account, ask)
    account.sandbox.clock.advance(3_590)
    with pytest.raises(ReserveReached):
        run(account, ask)
    account.portal.settings.change({"daily_calls": 100_000})
    account.sandbox.clock.advance(20)
    run(account, ask)


def test_a_search_that_is_refused_leaves_one_in_five_to_the_accounts_other_apps(account: HubSpotAccount) -> None:
    account.create_deals(minutes(1))
    account.fault(path=SEARCH, status=429, body=SECONDLY)

    async def work(http: Any) -> list[float]:
        connector = account.new_connector(http)
        moments = []
        for _ in range(13):
            await connector.first_page(account.query(), ())
            moments.append(account.clock.monotonic())
        return moments

    moments = run(account, work)
    assert max(sum(start <= each < start + 1.0 for each in moments[1:]) for start in moments[1:]) <= 4


class NoPlaces:
    """A store that is down."""

    async def reserve(self, window: CallWindow) -> Place:
        raise NoPlace("Hardfin's database does not let it be counted (OperationalError): see that it runs", 60.0)

    async def pause(self, window: CallWindow, seconds: float) -> None:
        raise NoPlace("Hardfin's database does not let it be counted (OperationalError): see that it runs", 60.0)


def test_without_a_place_no_call_goes_out(account: HubSpotAccount) -> None:
    limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry(NoPlaces())

    async def work(http: Any) -> None:
        await account.new_connector(http, limiters=limiters).first_page(account.query(), ())

    with pytest.raises(RetryLater) as caught:
        run(account, work)
    assert str(caught.value) == (
        "no call to HubSpot was made: Hardfin's database does not let it be counted (OperationalError): see that it "
        f"runs (POST {SEARCH}); will try again in 60 s"
    )
    assert caught.value.delay == timedelta(minutes=1)
    assert account.searches() == 0


def test_connectors_of_one_account_share_its_places_whoever_gives_them(account: HubSpotAccount) -> None:
    asked: list[CallWindow] = []

    class Recording:
        def __init__(self, clock: Clock) -> None:
            self._clock = clock

        async def reserve(self, window: CallWindow) -> Place:
            asked.append(window)
            return Place(self._clock.monotonic(), 0.0)

        async def pause(self, window: CallWindow, seconds: float) -> None:
            raise AssertionError("nothing was refused")

    limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry(Recording(account.clock))

    async def work(http: Any) -> None:
        for _ in range(2):
            await account.new_connector(http, limiters=limiters).first_page(account.query(), ())

    run(account, work)
    assert [(each.bucket, each.limit, each.left_to_others) for each in asked] == [("search", 5, 1)] * 2
    assert {each.account for each in asked} == {f"hubspot {account.url} 4242"}


def test_a_call_whose_connection_takes_long_takes_another_place_before_it_is_sent(account: HubSpotAccount) -> None:
    """What tells of opening a connection is httpcore; a name of its steps that changes must not go unnoticed."""
    waited: list[float] = []

    class Slow:
        async def reserve(self, window: CallWindow) -> Place:
            waited.append(account.clock.monotonic())
            if len(waited) == 2:
                raise NoPlace("nothing is free any more", 60.0)
            account.sandbox.clock.advance(-1.0)  # so that a second has passed when the connection is open
            place = Place(account.clock.monotonic(), 0.0)
            asyncio.get_running_loop().call_soon(account.sandbox.clock.advance, 1.0)
            return place

        async def pause(self, window: CallWindow, seconds: float) -> None:
            raise AssertionError("nothing was refused")

    limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry(Slow())
    tokens = MemoryTokenStore(Tokens(account.portal.issue_static_token()))

    async def work(http: Any) -> None:
        await account.new_connector(http, limiters=limiters, tokens=tokens, app=None).first_page(account.query(), ())

    with pytest.raises(RetryLater, match="no call to HubSpot was made: nothing is free any more"):
        run(account, work)
    assert len(waited) == 2
    assert account.searches() == 0
