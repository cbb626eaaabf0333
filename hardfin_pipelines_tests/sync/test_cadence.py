"""When connections are visited: examples to read, and properties that hold for any moment."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.cadence import PERIODS, SLOT, TIERS, Tier, late, next_due, retry_delay

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
        ("5m", "09:00:03", 1, "09:05:00"),
        ("5m", "09:00:03", 2, "09:10:00"),
        ("60m", "09:00:03", 1, "09:15:00"),
        ("daily", "09:00:03", 1, "09:15:00"),
    ],
)
def test_examples(tier, now, failures, due):
    assert next_due(tier, "acme:hubspot", at(now), failures) == at(due)


@given(connection_ids, moments, st.integers(1, 10_000))
def test_a_wait_after_failures_is_at_most_a_quarter_shorter_than_told(connection_id, now, failures):
    cases: list[tuple[Tier, int, int]] = [("5m", 5, 240), ("60m", 15, 240), ("daily", 15, 24 * 60)]
    for tier, first, longest in cases:
        told = timedelta(minutes=min(first * 2 ** min(failures - 1, 20), longest))
        wait = next_due(tier, connection_id, now, failures) - (now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % SLOT)
        assert 0.75 * told <= wait <= told


def test_connections_that_failed_together_do_not_all_come_back_together():
    due = Counter(next_due("5m", f"org-{n}:hubspot", at("09:00:00"), 5) for n in range(400))
    assert len(due) >= 4
    assert max(due.values()) < 200


def test_a_connection_that_is_visited_at_every_tick_keeps_its_promised_cadence():
    """The tick comes on the grid, the visit some seconds later; the next tick must find the connection due again."""
    due, visits = at("09:00:00"), 0
    for tick in (at("09:00:00") + n * timedelta(minutes=5) for n in range(12)):
        if due <= tick:
            visits += 1
            due = next_due("5m", "acme:hubspot", tick + timedelta(seconds=17))
    assert visits == 12


@pytest.mark.parametrize("tier", ["15m", "30m", "60m"])
def test_visits_of_a_tier_are_spread_over_its_period(tier):
    slots = PERIODS[tier] // SLOT
    due = Counter(next_due(tier, f"org-{n}:hubspot", at("09:00:00")) for n in range(100 * slots))
    assert len(due) == slots
    assert max(due.values()) < 140


@given(tiers, connection_ids, moments)
def test_the_promised_cadence_is_kept_visit_after_visit_however_late_a_visit_is(tier, connection_id, now):
    """A visit that comes within its slot, however late, does not move the next one."""
    due = next_due(tier, connection_id, now)
    for delay in (timedelta(0), timedelta(seconds=17), SLOT - timedelta(seconds=1)):
        assert next_due(tier, connection_id, due + delay) - due == PERIODS[tier]
        assert not late(due, tier, due + PERIODS[tier] + delay)


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
    assert (due - datetime(1970, 1, 1, tzinfo=UTC)) % SLOT == timedelta(0)


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


@given(connection_ids, st.integers(1, 1_000))
def test_pending_work_of_different_connections_does_not_all_come_back_together(key, attempts):
    assert 0.75 * retry_delay(attempts) <= retry_delay(attempts, key) <= retry_delay(attempts)
    assert len({retry_delay(attempts, f"org-{n}:hubspot") for n in range(50)}) > 40


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
