"""Places in rate windows that several processes share through the database."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select, update

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK
from hardfin_pipelines.connectors.rate_limiter import RollingLimiter
from hardfin_pipelines.platform.call_places import StoredPlaces, taken_now
from hardfin_pipelines.platform.database import connect, reading, writing
from hardfin_pipelines.platform.tables import call_reservations
from hardfin_pipelines.sync.call_windows import CallWindow, NoPlace, Place

SPAN_MS = 400


def window(account: str = "hubspot 4242", limit: int = 5, **changes) -> CallWindow:
    return replace(CallWindow(account, "search", limit, SPAN_MS), **changes)


async def reserve(places: StoredPlaces, windows: Sequence[CallWindow]) -> list[Place]:
    return list(await asyncio.gather(*(places.reserve(each) for each in windows)))


def most_in_a_window(moments: Sequence[float], span: float) -> int:
    return max(sum(start <= each < start + span for each in moments) for start in moments)


def rows(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(call_reservations)).scalar_one()


def test_places_come_in_order_and_never_too_many_in_a_window(engine: Engine):
    found = asyncio.run(reserve(StoredPlaces(engine), [window()] * 23))
    moments = [place.at for place in found]
    assert moments == sorted(moments)
    assert most_in_a_window([round(moment, 3) for moment in moments], SPAN_MS / 1000 - 0.002) == 5
    assert moments[-1] - moments[0] == pytest.approx(4 * SPAN_MS / 1000, abs=0.2)


def test_the_callers_of_two_hundred_accounts_share_a_handful_of_transactions(engine: Engine):
    places = StoredPlaces(engine)
    asyncio.run(reserve(places, [window(f"account {number}") for number in range(200)]))
    assert places.transactions <= 5
    assert rows(engine) == 200


def test_several_processes_together_keep_to_the_limit(database_url: str):
    """Each thread has an engine, an event loop and places of its own, as a process has."""
    barrier = threading.Barrier(4)

    def process(_: int) -> list[float]:
        engine = connect(database_url)
        limiter = RollingLimiter("search", 5, 0.3, SYSTEM_CLOCK, account="hubspot 4242", places=StoredPlaces(engine))

        async def call() -> float:
            await limiter.acquire()
            return time.monotonic()

        async def run() -> list[float]:
            return list(await asyncio.gather(*(call() for _ in range(12))))

        barrier.wait()
        try:
            return asyncio.run(run())
        finally:
            engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        moments = [moment for listed in pool.map(process, range(4)) for moment in listed]
    assert len(moments) == 48
    assert most_in_a_window(moments, 0.3) <= 5


def test_a_pause_holds_back_every_process_and_tells_of_it(engine: Engine):
    one, other = StoredPlaces(engine), StoredPlaces(engine)
    before = time.monotonic()
    asyncio.run(one.pause(window(), 3.0))
    after = time.monotonic()
    place = asyncio.run(other.reserve(window()))
    assert before + 2.9 < place.at < after + 3.1
    assert place.paused_until == pytest.approx(place.at, abs=0.05)
    elsewhere = asyncio.run(other.reserve(window("another account")))
    assert elsewhere.at < time.monotonic() + 0.1


def test_a_process_that_waits_already_hears_of_another_ones_pause(engine: Engine):
    places = StoredPlaces(engine)
    limiter = RollingLimiter("search", 1, 0.3, SYSTEM_CLOCK, account="a", places=places)

    async def run() -> float:
        began = time.monotonic()
        await limiter.acquire()
        waiting = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0.1)
        await StoredPlaces(engine).pause(limiter.window, 1.0)
        later = asyncio.create_task(limiter.acquire())
        await asyncio.gather(waiting, later)
        return time.monotonic() - began

    assert asyncio.run(run()) >= 1.1


def test_after_a_refusal_one_place_is_left_to_others_by_every_process(engine: Engine):
    shared = window(left_to_others=1)
    asyncio.run(StoredPlaces(engine).pause(shared, 0.01))
    found = asyncio.run(reserve(StoredPlaces(engine), [shared] * 12))
    assert most_in_a_window([round(place.at, 3) for place in found], SPAN_MS / 1000 - 0.002) == 4


def test_the_smallest_limit_anybody_knows_counts_for_those_who_come_together(engine: Engine):
    found = asyncio.run(reserve(StoredPlaces(engine), [window(limit=5), *[window(limit=2)] * 5]))
    assert most_in_a_window([round(place.at, 3) for place in found[1:]], SPAN_MS / 1000 - 0.002) == 2


def test_old_entries_are_removed_also_those_of_accounts_nobody_asks_for_any_more(engine: Engine):
    places = StoredPlaces(engine)
    asyncio.run(reserve(places, [window(f"account {number}", span_ms=1) for number in range(60)]))
    time.sleep(0.01)
    asyncio.run(reserve(places, [window(f"account {number}", span_ms=1) for number in range(30)]))
    assert rows(engine) == 30


def test_entries_of_a_clock_that_was_set_back_hold_nobody_up(engine: Engine):
    places = StoredPlaces(engine)
    asyncio.run(reserve(places, [window()] * 5))
    with writing(engine) as connection:
        connection.execute(
            update(call_reservations).values(
                at_ms=call_reservations.c.at_ms + 3_600_000, until_ms=call_reservations.c.until_ms + 3_600_000
            )
        )
    assert asyncio.run(places.reserve(window())).at < time.monotonic() + 1.0


def test_a_queue_that_is_too_long_is_refused_with_one_line(engine: Engine):
    places = StoredPlaces(engine)
    slow = window(limit=1, span_ms=200_000)

    async def run() -> list[Place | BaseException]:
        return await asyncio.gather(*(places.reserve(slow) for _ in range(4)), return_exceptions=True)

    found = asyncio.run(run())
    assert sum(isinstance(each, Place) for each in found) == 2
    refused = [each for each in found if isinstance(each, NoPlace)]
    assert [str(each) for each in refused] == ["more calls wait for the search limit than 5 minutes take"] * 2


def test_without_the_store_no_place_is_given(engine: Engine):
    places = StoredPlaces(engine)
    with writing(engine) as connection:
        call_reservations.drop(connection)
    with pytest.raises(NoPlace, match=r"^Hardfin's database does not let it be counted \(.*Error\): see that it runs"):
        asyncio.run(places.reserve(window()))


def test_a_caller_that_gives_up_disturbs_nobody(engine: Engine):
    places = StoredPlaces(engine)

    async def run() -> list[Place]:
        gone = [asyncio.create_task(places.reserve(window("gone"))) for _ in range(5)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        return await reserve(places, [window()] * 3)

    assert len(asyncio.run(run())) == 3


def test_a_process_that_was_killed_only_wastes_its_places(database_url: str):
    program = (
        "import asyncio, os, sys\n"
        "from hardfin_pipelines.platform.call_places import StoredPlaces\n"
        "from hardfin_pipelines.platform.database import connect\n"
        "from hardfin_pipelines.sync.call_windows import CallWindow\n"
        "places = StoredPlaces(connect(sys.argv[1]))\n"
        "asyncio.run(places.reserve(CallWindow('a', 'search', 1, 1_500)))\n"
        "os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, database_url], check=False).returncode == 9
    engine = connect(database_url)
    began = time.monotonic()
    place = asyncio.run(StoredPlaces(engine).reserve(CallWindow("a", "search", 1, 1_500)))
    engine.dispose()
    assert place.at < max(time.monotonic(), began + 1.5) + 0.1


def test_a_writer_that_takes_long_delays_places_and_loses_none(sqlite_engine: Engine):
    """The applying transactions of a run hold SQLite's write lock while places are asked for."""
    places = StoredPlaces(sqlite_engine)

    async def run() -> list[Place]:
        with writing(sqlite_engine):
            asking = asyncio.gather(*(places.reserve(window(f"account {each}")) for each in range(20)))
            await asyncio.sleep(0.4)
            assert not asking.done()
        return await asking

    found = asyncio.run(run())
    assert len(found) == 20
    assert places.transactions <= 3


def test_what_is_taken_now_is_told_for_every_window(engine: Engine):
    asyncio.run(reserve(StoredPlaces(engine), [window(span_ms=5_000)] * 3))
    asked = [window(span_ms=5_000), window("another", span_ms=5_000)]
    with reading(engine) as connection:
        assert list(taken_now(connection, asked).values()) == [3, 0]
