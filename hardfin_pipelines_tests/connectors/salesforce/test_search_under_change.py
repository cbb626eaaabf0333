"""Whatever happens between pages: every deal that was there and stays in its stage comes, no version twice."""

import asyncio
import re
from collections import deque
from datetime import datetime, timedelta
from typing import Literal

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.salesforce import SalesforceLimits
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines_tests.connectors.conformance import START, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import SalesforceAccount

Kind = Literal["modify", "leave", "archive", "create", "close cursors", "too heavy", "poison"]
KINDS: tuple[Kind, ...] = ("modify", "leave", "archive", "create", "close cursors", "too heavy", "poison")

actions = st.lists(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 10**6)), max_size=3), max_size=8)


class Interference:
    """What others do to an org's deals, one change after the other."""

    def __init__(self, account: SalesforceAccount, deals: list[str]) -> None:
        self._account = account
        self._deals = deals
        self.gone: set[str] = set()

    def act(self, kind: Kind, number: int) -> None:
        account, deal = self._account, self._deals[number % len(self._deals)]
        if kind == "create":
            account.create_deals([account.sandbox.clock.now()])
        elif kind == "close cursors":
            account.org.cursors.close_all()
        elif kind == "too heavy":
            account.fault("query_timeout", times=1 + number % 3)
        elif kind == "poison":
            account.poison(deal)
        elif deal not in self.gone:
            self._change(kind, deal)

    def _change(self, kind: Kind, deal: str) -> None:
        if kind == "modify":
            self._account.modify(deal)
            return
        self.gone.add(deal)
        if kind == "leave":
            self._account.leave_stage(deal)
        else:
            self._account.archive(deal)


@given(actions, st.integers(1, 4), st.booleans(), st.booleans())
@example([[], [], [], [], [], [("modify", 5)], [("close cursors", 0)]], 1, False, False)  # a new stamp at an old place
@example([[("too heavy", 2)] * 3], 1, False, False)  # nine refusals in a row
@example([[], [("modify", 1), ("close cursors", 0), ("too heavy", 2)], [("too heavy", 2)] * 2], 1, False, False)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_deal_is_lost_and_no_version_comes_twice(
    between: list[list[tuple[Kind, int]]], page_size: int, one_stamp: bool, by_job: bool
) -> None:
    limits = SalesforceLimits(bulk_from_calls=0 if by_job else 1_000)
    with SalesforceAccount(page_size=page_size).serving() as account:
        deals = account.create_deals([START] * 9 if one_stamp else minutes(9))
        others = Interference(account, deals)
        waiting = deque(between)

        def interfere() -> None:
            for kind, number in waiting.popleft() if waiting else ():
                others.act(kind, number)

        async def scan() -> list[Record] | None:
            found: list[Record] = []
            async with account.connector(limits=limits) as connector:
                interfere()
                try:
                    async for page in connector.deal_pages(account.query(), ()):
                        found.extend(page.records)
                        interfere()
                except RetryLater:
                    assert by_job or asked_for_a_second(account)
                    return None
            return found

        found = asyncio.run(scan())
        while found is None:  # a visit that could not go on is made again, from its beginning
            found = asyncio.run(scan())
        assert set(deals) - others.gone <= {record.id for record in found}
        versions = [(record.id, record.modified_at) for record in found]
        assert len(versions) == len(set(versions))


def asked_for_a_second(account: SalesforceAccount) -> bool:
    """Whether the last query could not be divided any more: only then may a search give up."""
    begin, end = (
        datetime.fromisoformat(text)
        for text in re.findall(r"SystemModstamp (?:>=|<) (\S+Z)", account.statements()[-1])[:2]
    )
    return end - begin <= timedelta(seconds=1)
