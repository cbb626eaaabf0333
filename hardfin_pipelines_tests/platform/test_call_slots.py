"""Slots for requests under way: within one process, and over all that share a database."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from hardfin_pipelines.connectors.netsuite.slots import ProcessSlots, Slots
from hardfin_pipelines.platform.call_slots import StoredSlots
from hardfin_pipelines.platform.database import connect, writing
from hardfin_pipelines.platform.tables import leases
from hardfin_pipelines.sync.call_windows import NoPlace

ACCOUNT = "netsuite https://example 1234567"
SHORT = timedelta(seconds=0.6)


class Watched:
    """Counts how many hold a slot at once."""

    def __init__(self) -> None:
        self.now = self.most = self.all = 0
        self._guard = threading.Lock()

    async def work(self, slots: Slots, most: int, seconds: float = 0.01, account: str = ACCOUNT) -> None:
        async with slots.held(account, most):
            with self._guard:
                self.now += 1
                self.all += 1
                self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(seconds)
            finally:
                with self._guard:
                    self.now -= 1

    async def begun(self) -> None:
        """Wait until somebody holds a slot."""
        while not self.now:  # noqa: ASYNC110  # several event loops count here
            await asyncio.sleep(0.01)


@pytest.fixture(params=["process", "sqlite", "postgresql"])
def slots(request: pytest.FixtureRequest) -> Iterator[Slots]:
    """Whoever gives out slots must pass what asks for this."""
    if request.param == "process":
        yield ProcessSlots()
        return
    engine = connect(request.getfixturevalue(f"{request.param}_url"))
    yield StoredSlots(engine)
    engine.dispose()


# What every kind of slots must do


def test_no_more_are_under_way_than_may_and_all_have_their_turn(slots: Slots) -> None:
    watched = Watched()

    async def run() -> None:
        await asyncio.gather(*(watched.work(slots, 3) for _ in range(12)))

    threads = [threading.Thread(target=asyncio.run, args=(run(),)) for _ in range(2)]  # two event loops at once
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (watched.most, watched.all, watched.now) == (3, 24, 0)


def test_accounts_do_not_wait_for_each_other(slots: Slots) -> None:
    watched = Watched()

    async def run() -> None:
        async with slots.held("another", 1):
            await asyncio.wait_for(watched.work(slots, 1), 10)

    asyncio.run(run())
    assert watched.all == 1


def test_a_slot_is_free_again_whatever_ends_its_request(slots: Slots) -> None:
    watched = Watched()

    async def fail() -> None:
        async with slots.held(ACCOUNT, 1):
            raise ValueError

    async def run() -> None:
        for _ in range(2):
            with pytest.raises(ValueError):  # noqa: PT011  # our own
                await fail()
        sleeping = asyncio.create_task(watched.work(slots, 1, 60))
        await watched.begun()
        waiting = [asyncio.create_task(watched.work(slots, 1, 60)) for _ in range(3)]
        await asyncio.sleep(0.05)
        for task in (*waiting, sleeping):
            task.cancel()
        await asyncio.gather(sleeping, *waiting, return_exceptions=True)
        await asyncio.wait_for(watched.work(slots, 1), 10)

    asyncio.run(run())
    assert watched.now == 0


def test_whoever_may_have_fewer_waits_for_them(slots: Slots) -> None:
    """Limits change between connectors of one account: the smaller one is kept by those who know it."""
    watched = Watched()

    async def run() -> None:
        async with slots.held(ACCOUNT, 2), slots.held(ACCOUNT, 2):
            waiting = asyncio.create_task(watched.work(slots, 1))
            await asyncio.sleep(0.2)
            assert watched.all == 0
        await asyncio.wait_for(waiting, 10)

    asyncio.run(run())


# Several processes


def together(database_url: str, work: Callable[[StoredSlots], None]) -> None:
    """Four threads, each with an engine, an event loop and slots of its own, as processes have."""
    barrier = threading.Barrier(4)

    def process(_: int) -> None:
        engine = connect(database_url)
        barrier.wait()
        try:
            work(StoredSlots(engine))
        finally:
            engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(process, range(4)))


def test_several_processes_together_have_no_more_under_way(database_url: str) -> None:
    watched = Watched()

    def work(slots: StoredSlots) -> None:
        async def run() -> None:
            await asyncio.gather(*(watched.work(slots, 2) for _ in range(6)))

        asyncio.run(run())

    together(database_url, work)
    assert (watched.most, watched.all) == (2, 24)


def test_a_request_that_takes_longer_than_a_lease_lives_keeps_its_slot(engine: Engine) -> None:
    one, other = StoredSlots(engine, time_to_live=SHORT), StoredSlots(engine, time_to_live=SHORT)
    watched = Watched()

    async def run() -> None:
        long = asyncio.create_task(watched.work(one, 1, 2.0))
        await asyncio.sleep(0.2)
        await asyncio.gather(long, watched.work(other, 1))

    asyncio.run(run())
    assert (watched.most, watched.all) == (1, 2)


def test_the_slot_of_a_process_that_was_killed_is_free_when_it_expires(database_url: str) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from datetime import timedelta\n"
        "from hardfin_pipelines.platform.call_slots import StoredSlots\n"
        "from hardfin_pipelines.platform.database import connect\n"
        "async def run():\n"
        "    async with StoredSlots(connect(sys.argv[1]), time_to_live=timedelta(seconds=1.5)).held(sys.argv[2], 1):\n"
        "        os._exit(9)\n"
        "asyncio.run(run())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, database_url, ACCOUNT], check=False)
    assert ended.returncode == 9
    watched = Watched()
    engine = connect(database_url)
    asyncio.run(watched.work(StoredSlots(engine), 1))
    engine.dispose()
    assert watched.all == 1


def test_a_ghost_gives_back_no_slot_that_another_has_taken(engine: Engine) -> None:
    """A process that slept past its lease (here: whose renewals fail) ends while another holds the slot."""
    ghost, other = StoredSlots(engine, time_to_live=timedelta(seconds=0.3)), StoredSlots(engine)
    watched = Watched()

    async def run() -> None:
        with ExitStack() as stack:
            renew = ghost._renew
            stack.callback(setattr, ghost, "_renew", renew)
            ghost._renew = lambda lease: None  # type: ignore[method-assign]
            ghosts = asyncio.create_task(watched.work(ghost, 1, 0.8))
            await asyncio.sleep(0.4)
            theirs = asyncio.create_task(watched.work(other, 1, 1.5))
            await ghosts
            third = asyncio.create_task(watched.work(StoredSlots(engine), 1))
            await asyncio.sleep(0.2)
            assert watched.now == 1  # the third one waits
            await asyncio.gather(theirs, third)

    asyncio.run(run())
    assert watched.all == 3


def test_without_the_store_no_request_goes_out(engine: Engine) -> None:
    with writing(engine) as connection:
        leases.drop(connection)
    watched = Watched()
    with pytest.raises(NoPlace, match=r"^Hardfin's database does not let requests be counted \(.*Error\): see that"):
        asyncio.run(watched.work(StoredSlots(engine), 1))
    assert watched.all == 0


def test_a_store_that_goes_while_a_request_is_under_way_does_not_end_it(engine: Engine) -> None:
    slots, watched = StoredSlots(engine, time_to_live=SHORT), Watched()

    async def run() -> None:
        under_way = asyncio.create_task(watched.work(slots, 1, 0.5))
        await watched.begun()
        with writing(engine) as connection:
            leases.drop(connection)
        await under_way

    asyncio.run(run())
    assert watched.all == 1


def test_nobody_waits_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardfin_pipelines.platform.call_slots.LONGEST_WAIT_SECONDS", 0.3)

    async def run() -> None:
        async with StoredSlots(engine).held(ACCOUNT, 1):
            with pytest.raises(NoPlace, match="1 requests at once, as many as we may"):
                await Watched().work(StoredSlots(engine), 1)

    asyncio.run(run())
