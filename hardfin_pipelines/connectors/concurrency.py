"""Several calls at once, so many and no more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


async def run_bounded(jobs: Sequence[Callable[[], Awaitable[Result]]], most: int | asyncio.Semaphore) -> list[Result]:
    """The results of all jobs in their order, at most `most` of them at work at a time.

    A semaphore in place of the number bounds the jobs of several calls together. The first failure ends the others
    and is raised as it is.
    """
    gate = asyncio.Semaphore(most) if isinstance(most, int) else most

    async def run(job: Callable[[], Awaitable[Result]]) -> Result:
        async with gate:
            return await job()

    first: BaseException
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(job)) for job in jobs]
        return [task.result() for task in tasks]
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
    raise first
