"""When connections are visited: examples to read, and properties that hold for any moment."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.cadence import DAILY_SLOT, PERIODS, TIERS, late, next_due, retry_delay

moments = st.timedeltas(timedelta(0), timedelta(days=20 * 365)).map(
    lambda past: datetime(2020, 1, 1, tzinfo=UTC) + past
)
tiers = st.sampled_from(TIERS)
failures = st.integers(0, 10_000)
connection_ids = st.text(min_size=1, max_size=30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-02T{text}+00:00")


@pytest.mark.parametrize(
    ("tier", "now", "failures", "due"),
    [
        ("5m", "09:00:03", 0, "09:05:00"),
        ("5m", "09:04:59", 0, "09:05:00"),
        ("5m", "09:05:00", 0, "09:10:00"),
        ("15m", "09:01:00", 0, "09:15:00"),
        ("60m", "09:00:01", 0, "10:00:00"),
        ("5m", "09:00:03", 1, "09:05:00"),
        ("5m", "09:00:03", 2, "09:10:00"),
        ("5m", "09:00:03", 3, "09:20:00"),
        ("5m", "09:00:03", 99, "13:00:00"),
        ("60m", "09:00:03", 1, "10:00:00"),
        ("60m", "09:00:03", 4, "11:00:00"),
        ("60m", "09:00:03", 99, "13:00:00"),
        ("daily", "09:00:03", 1, "09:15:00"),
        ("daily", "09:00:03", 3, "10:00:00"),
    ],
)
def test_examples(tier, now, failures, due):
    assert next_due(tier, "acme:hubspot", at(now), failures) == at(due)


def test_a_connection_that_is_visited_at_every_tick_keeps_its_promised_cadence():
    """The tick comes on the grid, the visit some seconds later; the next tick must find the connection due again."""
    due, visits = at("09:00:00"), 0
    for tick in (at("09:00:00") + n * timedelta(minutes=5) for n in range(12)):
        if due <= tick:
            visits += 1
            due = next_due("5m", "acme:hubspot", tick + timedelta(seconds=17))
    assert visits == 12


def test_daily_visits_come_at_the_same_time_every_day():
    first = next_due("daily", "acme:hubspot", at("09:00:00"))
    second = next_due("daily", "acme:hubspot", first)
    assert second - first == timedelta(days=1)


def test_daily_visits_are_spread_over_the_day():
    hours = Counter(next_due("daily", f"org-{n}:hubspot", at("00:00:00")).hour for n in range(2_400))
    assert len(hours) == 24
    assert max(hours.values()) < 160


@given(tiers, connection_ids, moments, failures)
def test_it_is_always_later_and_on_the_grid(tier, connection_id, now, failures):
    due = next_due(tier, connection_id, now, failures)
    assert due > now
    grid = DAILY_SLOT if tier == "daily" else PERIODS[tier]
    assert (due - datetime(1970, 1, 1, tzinfo=UTC)) % grid == timedelta(0)


@given(tiers, connection_ids, moments)
def test_without_failures_it_is_at_most_one_period_away(tier, connection_id, now):
    assert next_due(tier, connection_id, now) - now <= PERIODS[tier]


@given(tiers, connection_ids, moments, st.integers(1, 10_000))
def test_every_failure_waits_at_least_as_long_up_to_a_cap(tier, connection_id, now, failures):
    due = next_due(tier, connection_id, now, failures)
    assert due <= next_due(tier, connection_id, now, failures + 1)
    assert due - now <= max(PERIODS[tier], timedelta(hours=4))


def test_pending_work_rests_longer_after_every_failed_run_up_to_an_hour():
    waits = [retry_delay(attempts).total_seconds() for attempts in (1, 2, 3, 8, 1_000)]
    assert waits == [30, 60, 120, 3600, 3600]


@pytest.mark.parametrize(
    ("last", "tier", "expected"),
    [
        (None, "5m", False),
        ("08:50:00", "5m", False),
        ("08:49:59", "5m", True),
        ("08:49:59", "15m", False),
    ],
)
def test_late_is_longer_ago_than_twice_the_cadence(last, tier, expected):
    assert late(at(last) if last else None, tier, at("09:00:00")) is expected
