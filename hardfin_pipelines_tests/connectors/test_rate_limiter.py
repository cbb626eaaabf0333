import asyncio

import pytest

from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry, Places, RollingLimiter, slack_seconds
from hardfin_pipelines.sync.call_windows import CallWindow, NoPlace, Place


class VirtualTime:
    """Time that moves only while somebody sleeps; the earliest sleeper wakes first."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._waking: list[float] = []
        self.clock = Clock(monotonic=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        self._waking.append(end)
        while self.now < end:
            await asyncio.sleep(0)
            if min(self._waking) == end:
                self.now = max(self.now, end)
        self._waking.remove(end)


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in times) for start in times)


async def calls(limiter: RollingLimiter, count: int, clock: Clock) -> list[float]:
    async def call() -> float:
        await limiter.acquire()
        return clock.monotonic()

    return sorted(await asyncio.gather(*(call() for _ in range(count))))


@pytest.mark.parametrize(("limit", "seconds"), [(5, 1.0), (110, 10.0), (1, 1.0)])
def test_no_window_ever_holds_more_calls_than_the_limit(limit: int, seconds: float) -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", limit, seconds, virtual.clock)
    times = asyncio.run(calls(limiter, 4 * limit + 1, virtual.clock))
    assert most_in_a_window(times, seconds) == limit
    assert times[-1] - times[0] == pytest.approx(4 * (seconds + slack_seconds(seconds)), abs=0.02)


def test_calls_that_come_now_and_then_are_counted_in_a_sliding_window() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 3, 1.0, virtual.clock)

    async def run() -> list[float]:
        times = []
        for pause in (0.0, 0.9, 0.0, 0.15, 0.0, 0.0, 0.5, 0.0):
            await virtual.sleep(pause)
            await limiter.acquire()
            times.append(virtual.now)
        return times

    assert most_in_a_window(asyncio.run(run()), 1.0) == 3


def test_calls_go_out_in_the_order_in_which_they_came() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 2, 1.0, virtual.clock)
    order: list[int] = []

    async def call(place: int) -> None:
        await limiter.acquire()
        order.append(place)

    async def run() -> None:
        await asyncio.gather(*(call(place) for place in range(12)))

    asyncio.run(run())
    assert order == list(range(12))


def test_a_pause_holds_back_those_who_wait_already_and_frees_no_burst() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 2, 1.0, virtual.clock)

    async def run() -> list[float]:
        waiting = asyncio.create_task(calls(limiter, 8, virtual.clock))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # all have their places, the first two have gone out
        await limiter.pause(5.0)
        return await waiting

    times = asyncio.run(run())
    assert len([each for each in times if each == times[0]]) == 2
    assert all(each >= times[0] + 5 for each in times[2:])
    assert most_in_a_window(times, 1.0) == 2


def test_a_lower_limit_of_the_vendor_is_kept_and_a_higher_one_is_not_taken() -> None:
    limiter = RollingLimiter("test", 110, 10.0, VirtualTime().clock)
    limiter.adapt(100)
    assert limiter.limit == 100
    limiter.adapt(190)
    assert limiter.limit == 110
    limiter.adapt(0)
    assert limiter.limit == 110
    limiter.configure(50)
    assert limiter.limit == 50


class LatePlaces:
    """Gives out places that are over by the time their caller hears of them, as on a machine that is too busy."""

    def __init__(self, clock: Clock, late_by: float, times: int) -> None:
        self.given = 0
        self._clock, self._late_by, self._times = clock, late_by, times

    async def reserve(self, window: CallWindow) -> Place:
        self.given += 1
        late_by = self._late_by if self.given <= self._times else 0.0
        return Place(self._clock.monotonic() - late_by, 0.0)

    async def pause(self, window: CallWindow, seconds: float) -> None:
        raise NoPlace("nobody can be told", 60)


@pytest.mark.parametrize(("late_by", "times", "given"), [(0.05, 99, 1), (0.2, 1, 2), (0.2, 99, 4)])
def test_a_place_that_is_over_lapses_and_another_is_taken_a_few_times(late_by: float, times: int, given: int) -> None:
    virtual = VirtualTime()
    places = LatePlaces(virtual.clock, late_by, times)
    asyncio.run(RollingLimiter("test", 5, 1.0, virtual.clock, places=places).acquire())
    assert places.given == given


def test_a_place_is_made_sure_of_at_the_moment_of_sending() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 1, 1.0, virtual.clock)

    async def run() -> list[float]:
        place = await limiter.acquire()
        await limiter.still(place)  # the connection was open
        sent = [virtual.now]
        place = await limiter.acquire()
        await virtual.sleep(0.4)  # it had to be opened
        await limiter.still(place)
        sent.append(virtual.now)
        await limiter.acquire()
        return [*sent, virtual.now]

    sent = asyncio.run(run())
    assert most_in_a_window(sent, 1.0) == 1


def test_a_pause_that_begins_while_a_connection_is_opened_is_waited_for() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 5, 1.0, virtual.clock)

    async def run() -> float:
        began = virtual.now
        place = await limiter.acquire()
        await limiter.pause(3.0)
        await limiter.still(place)
        return virtual.now - began

    assert asyncio.run(run()) >= 3.0


def test_a_pause_that_cannot_be_told_to_others_is_no_secret() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 5, 1.0, virtual.clock, places=LatePlaces(virtual.clock, 0, 0))
    with pytest.raises(NoPlace, match="nobody can be told"):
        asyncio.run(limiter.pause(1))


def test_more_callers_than_five_minutes_take_are_refused() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("search", 1, 200.0, virtual.clock)

    async def run() -> list[Place | BaseException]:
        return await asyncio.gather(*(limiter.acquire() for _ in range(4)), return_exceptions=True)

    refused = [each for each in asyncio.run(run()) if isinstance(each, BaseException)]
    assert [str(each) for each in refused] == ["more calls wait for the search limit than 5 minutes take"] * 2


def test_after_a_refusal_places_are_left_to_others_for_ten_minutes() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("search", 5, 1.0, virtual.clock, left_to_others=1)

    async def run() -> tuple[list[float], list[float]]:
        await limiter.pause(1.0)
        soon = await calls(limiter, 20, virtual.clock)
        await virtual.sleep(700)
        return soon, await calls(limiter, 20, virtual.clock)

    soon, later = asyncio.run(run())
    assert (most_in_a_window(soon, 1.0), most_in_a_window(later, 1.0)) == (4, 5)


def make(_places: Places | None) -> object:
    return object()


def test_all_who_name_one_account_share_its_limiter() -> None:
    registry: LimiterRegistry[object] = LimiterRegistry()
    assert registry.of("a", make) is registry.of("a", make)
    assert registry.of("a", make) is not registry.of("b", make)


def test_a_call_that_need_not_wait_does_not_wait() -> None:
    virtual = VirtualTime()
    limiter = RollingLimiter("test", 2_000, 10.0, virtual.clock)

    async def run() -> float:
        for _ in range(2_000):
            await limiter.acquire()
        return virtual.now

    assert asyncio.run(run()) == VirtualTime().now
