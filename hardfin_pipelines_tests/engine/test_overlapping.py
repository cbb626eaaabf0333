"""Work that overlaps: in order, one item ahead, errors in their place, and nothing left running."""

import asyncio
import threading
import time
from contextlib import aclosing

import pytest

from hardfin_pipelines.engine.overlapping import each_of, in_thread, one_ahead


class Source:
    """Numbers, and what became of who makes them."""

    def __init__(self, count: int, *, fails_at: int | None = None) -> None:
        self.made: list[int] = []
        self.closed = False
        self._count = count
        self._fails_at = fails_at

    async def numbers(self):
        try:
            for number in range(self._count):
                await asyncio.sleep(0)
                if number == self._fails_at:
                    raise ValueError(number)
                self.made.append(number)
                yield number
        finally:
            self.closed = True


def test_items_come_in_order_and_only_the_next_one_is_made_meanwhile():
    source = Source(5)

    async def consume() -> list[tuple[int, int]]:
        seen = []
        async for number in one_ahead(source.numbers()):
            await asyncio.sleep(0.01)
            seen.append((number, len(source.made)))
        return seen

    assert asyncio.run(consume()) == [(0, 2), (1, 3), (2, 4), (3, 5), (4, 5)]
    assert source.closed


def test_an_error_comes_after_the_items_before_it():
    source = Source(5, fails_at=2)
    seen = []

    async def consume() -> None:
        async for number in one_ahead(each_of(one_ahead(source.numbers()), doubled)):
            await asyncio.sleep(0.01)
            seen.append(number)

    with pytest.raises(ValueError, match="2"):
        asyncio.run(consume())

    assert seen == [0, 2]
    assert source.closed


def test_whoever_stops_early_leaves_nothing_running():
    source = Source(5)

    async def consume() -> int:
        async with aclosing(one_ahead(each_of(one_ahead(source.numbers()), never))) as items:
            async for _ in items:
                break
        return len(asyncio.all_tasks())

    assert asyncio.run(consume()) == 1
    assert source.closed


def test_a_thread_is_waited_for_when_its_caller_is_cancelled():
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        time.sleep(0.2)
        ended.set()

    async def cancel() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(began.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert ended.is_set()


def test_what_a_thread_returns_or_raises_is_its_callers():
    def fail() -> None:
        raise KeyError("x")

    assert asyncio.run(in_thread(lambda: 7)) == 7
    with pytest.raises(KeyError):
        asyncio.run(in_thread(fail))


async def doubled(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def never(number: int) -> int:
    if number:
        await asyncio.Event().wait()
    return number
