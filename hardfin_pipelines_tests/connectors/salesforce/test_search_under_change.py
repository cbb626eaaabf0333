"""Whatever happens between pages: every deal that was there and stays in its stage comes, no version twice."""

import asyncio
from collections import deque
from typing import Literal

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.records import Record
from hardfin_pipelines_tests.connectors.conformance import START, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import SalesforceAccount

Kind = Literal["modify", "leave", "archive", "create", "close cursors", "poison"]
KINDS: tuple[Kind, ...] = ("modify", "leave", "archive", "create", "close cursors", "poison")

actions = st.lists(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 10**6)), max_size=3), max_size=8)


@given(actions, st.integers(1, 4), st.booleans())
@example([[], [], [], [], [("modify", 5)], [("close cursors", 0)]], 1, False)  # a new stamp at an old stamp's place
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_deal_is_lost_and_no_version_comes_twice(
    between: list[list[tuple[Kind, int]]], page_size: int, one_stamp: bool
) -> None:
    with SalesforceAccount(page_size=page_size).serving() as account:
        deals = account.create_deals([START] * 9 if one_stamp else minutes(9))
        gone: set[str] = set()
        waiting = deque(between)

        def act(kind: Kind, number: int) -> None:
            deal = deals[number % len(deals)]
            if kind == "create":
                account.create_deals([account.sandbox.clock.now()])
            elif kind == "close cursors":
                account.org.cursors.close_all()
            elif kind == "poison":
                account.poison(deal)
            elif deal not in gone and kind == "modify":
                account.modify(deal)
            elif deal not in gone:
                gone.add(deal)
                account.leave_stage(deal) if kind == "leave" else account.archive(deal)

        async def scan() -> list[Record]:
            found: list[Record] = []
            async with account.connector() as connector:
                async for page in connector.deal_pages(account.query(), ()):
                    found.extend(page.records)
                    for kind, number in waiting.popleft() if waiting else ():
                        act(kind, number)
            return found

        found = asyncio.run(scan())
        assert set(deals) - gone <= {record.id for record in found}
        versions = [(record.id, record.modified_at) for record in found]
        assert len(versions) == len(set(versions))
