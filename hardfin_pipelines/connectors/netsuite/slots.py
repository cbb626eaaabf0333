"""Slots for requests under way: so many of an account at once and no more, whoever of us sends them."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

_LOOK_AGAIN_SECONDS = 0.01


class Slots(Protocol):
    """Gives out slots, to as many processes as its maker wants to count together."""

    def held(self, account: str, most: int) -> AbstractAsyncContextManager[None]:
        """Waits until fewer than `most` requests to an account are under way, and counts one more while it is held.

        Raises:
            NoPlace: None is to be had now; the call must not go out.
        """
        ...


class ProcessSlots:
    """Slots of one process; of any thread and event loop."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._guard = threading.Lock()

    @asynccontextmanager
    async def held(self, account: str, most: int) -> AsyncIterator[None]:
        """Waits until fewer than `most` requests to an account are under way, and counts one more while it is held."""
        while not self._taken(account, most):  # noqa: ASYNC110  # an asyncio.Event belongs to one loop
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            with self._guard:
                self._under_way[account] -= 1

    def _taken(self, account: str, most: int) -> bool:
        with self._guard:
            free = self._under_way[account] < most
            self._under_way[account] += free
            return free


PROCESS_SLOTS = ProcessSlots()
"""The slots of every account this process calls, where nobody brings others."""
