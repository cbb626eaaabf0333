"""Doing the next piece of work while the present one is being finished, in order, and leaving nothing running."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def one_ahead(items: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    """The same items; the next one is made while the consumer is at work on the last.

    At most one item waits, so memory is bounded. An error comes in its place, after the items before it. Close it
    (`aclosing`) when it may not be read to its end: what is being made then is cancelled.
    """

    async def next_item() -> tuple[Item] | None:
        try:
            return (await anext(items),)
        except StopAsyncIteration:
            return None

    async with aclosing(items):
        coming = asyncio.create_task(next_item())
        try:
            while (item := await coming) is not None:
                coming = asyncio.create_task(next_item())
                yield item[0]
        finally:
            coming.cancel()
            await asyncio.wait([coming])


async def each_of(items: AsyncGenerator[Item], work: Callable[[Item], Awaitable[Result]]) -> AsyncGenerator[Result]:
    """What `work` makes of each item, one after the other."""
    async with aclosing(items):
        async for item in items:
            yield await work(item)


async def in_thread(work: Callable[[], Result]) -> Result:
    """What `work` returns, done in a thread so that answers are taken in meanwhile.

    When cancelled it ends only after `work` has: what writes must not go on behind its caller's back.
    """
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
