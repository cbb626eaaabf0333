"""The rooms that all vendors' sandboxes share: clock, rate windows, fault plan, call log."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.sandbox.call_log import CallLog, LoggedCall
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.faults import Fault, FaultPlan
from hardfin_pipelines.sandbox.limits import DailyCount, RollingWindow

START = datetime(2026, 3, 8, 4, 0, tzinfo=UTC)


def test_a_frozen_clock_moves_only_when_told():
    clock = SandboxClock(START, frozen=True)
    assert clock.now() == clock.now() == START
    clock.advance(1.5)
    assert clock.now() == START + timedelta(seconds=1.5)
    assert clock.now_ms() % 1000 == 500
    clock.advance(-1.5)
    assert clock.now() == START


def test_a_running_clock_starts_where_it_is_set_and_goes_on():
    clock = SandboxClock(START)
    first = clock.now()
    assert START <= first < START + timedelta(seconds=30)
    assert clock.now() >= first
    clock.freeze()
    assert clock.frozen
    clock.set(START)
    clock.run()
    assert START <= clock.now() < START + timedelta(seconds=30)


def test_an_offset_clock_follows_the_machine():
    clock = SandboxClock(START, frozen=True)
    clock.offset_from_machine(-3600)
    behind = datetime.now(UTC) - clock.now()
    assert timedelta(minutes=59) < behind < timedelta(minutes=61)


def test_a_clock_refuses_times_without_a_zone():
    with pytest.raises(ValueError, match="no time zone"):
        SandboxClock(datetime(2026, 1, 1))  # noqa: DTZ001  # the point of the test


def test_a_rolling_window_frees_each_call_after_its_span():
    window = RollingWindow(10)
    assert [window.take(at, 2) for at in (0, 4_000, 9_999)] == [True, True, False]
    assert window.free_in_ms(9_999) == 1
    assert [window.take(at, 2) for at in (10_000, 13_999, 14_000)] == [True, False, True]
    assert window.remaining(14_000, 2) == 0
    assert window.remaining(30_000, 2) == 2
    assert window.free_in_ms(30_000) == 0


def test_a_rolling_window_survives_a_clock_that_is_put_back():
    window = RollingWindow(10)
    assert window.take(100_000, 1)
    assert window.take(5_000, 1)


def test_a_daily_count_starts_again_at_midnight_of_its_zone():
    count = DailyCount("America/New_York")
    assert count.take(START, 1)
    assert not count.take(START + timedelta(minutes=59), 1)
    assert count.remaining(START, 1) == 0
    assert count.take(START + timedelta(hours=1), 1)  # 00:00 in New York


def test_the_first_fault_that_hits_wins_and_clearing_ends_them():
    plan = FaultPlan([Fault(path="/a/*", status=500), Fault(status=503, times=None)])
    hits = [plan.pick("GET", "/a/b", None) for _ in range(2)]
    assert [hit.status for hit in hits if hit] == [500, 503]
    plan.clear()
    assert plan.pick("GET", "/a/b", None) is None


def test_a_call_log_counts_by_everything_it_knows():
    log = CallLog()
    for path, account, bucket, status in (("/a/1", "1", "x", 200), ("/a/2", "1", "y", 429), ("/b", None, None, 404)):
        log.add(LoggedCall(START, "GET", path, "", account, bucket, status))
    assert (log.total, log.count(path="/a/*"), log.count(account="1", bucket="y"), log.count(status=404)) == (
        3,
        2,
        1,
        1,
    )
    assert log.count(method="POST") == 0
    assert log.summary("1") == {"total": 2, "by_bucket": {"x": 1, "y": 1}, "by_status": {"200": 1, "429": 1}}
    assert log.summary()["total"] == 3
    log.reset()
    assert (log.total, len(log.entries)) == (0, 0)
