"""Never more requests under way than configured, and half of the account's at most, whoever of us sends them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK
from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.netsuite import NetSuiteConnector, NetSuiteLimits
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.platform.call_slots import StoredSlots
from hardfin_pipelines.platform.database import connect, writing
from hardfin_pipelines.platform.tables import leases
from hardfin_pipelines.sync.books import BOOKS_KINDS
from hardfin_pipelines_tests.connectors.books_harness import collect_books
from hardfin_pipelines_tests.connectors.erp_harness import START, collect
from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount
from hardfin_pipelines_tests.connectors.netsuite.books import NetSuiteBooks


@pytest.fixture(scope="module")
def served() -> Iterator[NetSuiteBooks]:
    """An account whose queries take their time; the sandbox's clock stands still under them."""
    with NetSuiteBooks().serving() as books:
        for kind in BOOKS_KINDS:
            books.make_rows(kind, 7)
        books.account.settings.change({"query_seconds": 0.02})
        yield books


@pytest.fixture
def books(served: NetSuiteBooks) -> NetSuiteBooks:
    served.account.slots.reset()
    served.sandbox.call_log.reset()
    return served


async def read_all(connector: NetSuiteConnector) -> int:
    """Everything at once: items, changes, a pulse and all kinds. How many rows that were."""

    async def items() -> int:
        return sum(len(page.records) for page in await collect(connector.item_pages()))

    async def changes() -> int:
        return sum(len(page.records) for page in await collect(connector.changed_pages(START)))

    async def rows(kind: Any) -> int:
        return sum(len(page.records) for page in await collect_books(connector.books_pages(kind, None)))

    async def pulse() -> int:
        return len((await connector.pulse(dict.fromkeys(("item", *BOOKS_KINDS), START))).marks)

    return sum(await asyncio.gather(items(), changes(), pulse(), *map(rows, BOOKS_KINDS)))


def visit(books: NetSuiteAccount, connectors: int, **changes: Any) -> list[int]:
    """Some connectors of one process read everything at once."""
    clock = replace(SYSTEM_CLOCK, now=books.now)

    async def run() -> list[int]:
        async with AsyncExitStack() as stack:
            made = [await stack.enter_async_context(books.connector(clock=clock, **changes)) for _ in range(connectors)]
            return list(await asyncio.gather(*map(read_all, made)))

    return asyncio.run(run())


@pytest.mark.parametrize(("in_flight", "allowed", "most"), [(3, 5, 2), (3, 15, 3), (4, 9, 4), (3, 1, 1)])
def test_connectors_of_one_account_together_keep_to_what_is_configured(
    books: NetSuiteBooks, in_flight: int, allowed: int, most: int
) -> None:
    limits = NetSuiteLimits(in_flight=in_flight, account_concurrency=allowed, page=5, calls_per_minute=10_000)
    first, second = visit(books, 2, limits=limits)
    assert first == second > 7 * len(BOOKS_KINDS)
    assert books.account.most_in_flight == most
    assert books.calls(status=429) == 0


def test_processes_of_a_deployment_together_keep_to_what_is_configured(books: NetSuiteBooks, database_url: str) -> None:
    """Each thread has what a process has of its own: an event loop, limiters, and an engine for the slots."""
    found: list[int] = []

    def process() -> None:
        engine = connect(database_url)
        limits = NetSuiteLimits(page=5, calls_per_minute=10_000)
        found.extend(visit(books, 2, limits=limits, slots=StoredSlots(engine), limiters=LimiterRegistry()))
        engine.dispose()

    threads = [threading.Thread(target=process) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert books.account.most_in_flight == 2  # half of the five that the account allows
    assert books.calls(status=429) == 0


def test_others_that_take_their_share_are_waited_for_without_more_of_ours(books: NetSuiteBooks) -> None:
    """The account's other integrations have four of its five under way: half of ours are refused, and come again."""
    books.account.settings.change({"requests_of_others": 4})
    limits = NetSuiteLimits(page=5, calls_per_minute=10_000, throttle_pause_seconds=0.05, longest_pause_seconds=0.2)
    try:
        (rows,) = visit(books, 1, limits=limits, limiters=LimiterRegistry())
    finally:
        books.account.settings.change({"requests_of_others": 0})
    assert rows > 7 * len(BOOKS_KINDS)
    assert books.account.most_in_flight <= 2
    assert books.calls(status=429) > 0


def test_where_requests_cannot_be_counted_none_goes_out(books: NetSuiteBooks, database_url: str) -> None:
    engine = connect(database_url)
    with writing(engine) as connection:
        leases.drop(connection)
    with pytest.raises(RetryLater, match="no call to NetSuite was made: Hardfin's database does not let requests be"):
        visit(books, 1, slots=StoredSlots(engine))
    engine.dispose()
    assert books.calls() == 0
