"""Deals change while they are paged: hypothesis chooses what happens between pages."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hardfin_pipelines_tests.connectors.conformance import START
from hardfin_pipelines_tests.connectors.hubspot.account import HubSpotAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from hardfin_pipelines.connectors.base import Page
    from hardfin_pipelines.connectors.hubspot import HubSpotConnector

# Few different stamps, so that ties are common; the last of them are too fresh to be trusted as places.
_AGES = st.sampled_from([timedelta(days=30), timedelta(days=30, minutes=-1), timedelta(days=2), timedelta(minutes=5)])
_PLACES = st.integers(0, 1_000)


class SearchUnderChange(RuleBasedStateMachine):
    """Whatever happens, no deal that stays is lost, and none comes twice with one stamp."""

    account: HubSpotAccount

    @initialize(
        ages=st.lists(_AGES, min_size=1, max_size=30),
        page_size=st.sampled_from([1, 2, 3, 7]),
        ragged=st.booleans(),
        as_text=st.booleans(),
        lag=st.sampled_from([0, 30, 600]),
    )
    def begin(self, ages: list[timedelta], page_size: int, ragged: bool, as_text: bool, lag: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.account = HubSpotAccount(page_size=page_size)
        self.server: AbstractContextManager[HubSpotAccount] = self.account.serving()
        self.server.__enter__()
        self.account.deal_ids = count(7)
        now = datetime.now(UTC).replace(microsecond=0)
        self.deals = self.account.create_deals([now - age for age in sorted(ages, reverse=True)])
        self.account.portal.settings.change(
            {"ragged_search_pages": ragged, "search_ids_as_text": as_text, "search_lag_seconds": float(lag)}
        )
        self.gone: set[str] = set()
        self.found: list[tuple[str, datetime]] = []
        self.ended = False
        self.connection: AbstractAsyncContextManager[HubSpotConnector] = self.account.connector()
        connector = self.loop.run_until_complete(self.connection.__aenter__())
        self.pages: AsyncIterator[Page] = connector.deal_pages(self.account.query(), ())
        assert now - timedelta(days=30) > START

    def present(self, place: int) -> str | None:
        left = [deal for deal in self.deals if deal not in self.gone]
        return left[place % len(left)] if left else None

    @precondition(lambda self: not self.ended)
    @rule()
    def take_a_page(self) -> None:
        try:
            page = self.loop.run_until_complete(anext(self.pages))
        except StopAsyncIteration:
            self.ended = True
            return
        self.found.extend((record.id, record.modified_at) for record in page.records)

    @rule(place=_PLACES)
    def modify(self, place: int) -> None:
        deal = self.present(place)
        if deal is not None:
            self.account.modify(deal)

    @rule(places=st.lists(_PLACES, min_size=3, max_size=12))
    def modify_many_at_once(self, places: list[int]) -> None:
        moment = self.account.sandbox.clock.now()
        for deal in {self.present(place) for place in places} - {None}:
            self.account.portal.update("deals", str(deal), {"description": str(moment)}, at=moment)

    @rule(place=_PLACES)
    def leave_stage(self, place: int) -> None:
        deal = self.present(place)
        if deal is not None:
            self.account.leave_stage(deal)
            self.gone.add(deal)

    @rule(place=_PLACES)
    def archive(self, place: int) -> None:
        deal = self.present(place)
        if deal is not None:
            self.account.archive(deal)
            self.gone.add(deal)

    @rule(one=_PLACES, other=_PLACES)
    def merge(self, one: int, other: int) -> None:
        first, second = self.present(one), self.present(other)
        if first is not None and second is not None and first != second:
            self.account.merge(first, second)
            self.gone |= {first, second}

    @rule()
    def create(self) -> None:
        self.account.portal.create("deals", {"dealname": "New", "pipeline": "default", "dealstage": "closedwon"})

    @rule(seconds=st.sampled_from([1, 40, 700]))
    def wait(self, seconds: int) -> None:
        self.account.sandbox.clock.advance(seconds)

    def teardown(self) -> None:
        if not hasattr(self, "pages"):
            return
        try:
            while not self.ended:
                self.take_a_page()
            staying = set(self.deals) - self.gone
            assert staying <= {deal for deal, _ in self.found}
            assert len(set(self.found)) == len(self.found)
        finally:
            self.loop.run_until_complete(self.connection.__aexit__(None, None, None))
            self.loop.close()
            self.server.__exit__(None, None, None)


SearchUnderChange.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSearchUnderChange = SearchUnderChange.TestCase
