"""Calls that are counted by the month: who rests, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.month_budget import MonthBudget, expected_by_its_end, month_began, rest_of


@pytest.mark.parametrize(
    ("own", "total", "purpose", "rests"),
    [
        (0, 0, "tick", ""),
        (99, 999, "tick", ""),
        (100, 500, "poll", "100 of the 100 metered calls a month of this connection are used"),
        (50, 1_000, "tick", "1,000 of the 1,000 metered calls a month of all connections are used"),
        (90, 500, "load", "leave the last tenth to ticks"),
        (89, 899, "load", ""),
        (10, 900, "load", "900 of the 1,000 metered calls a month of all connections are used"),
    ],
)
def test_work_rests_where_the_months_calls_end(own, total, purpose, rests):
    told = MonthBudget(own, 100, total, 1_000).rests(purpose)

    assert rests in told
    assert bool(told) == bool(rests)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # aware by it
def test_a_rest_ends_within_a_day_and_never_after_the_month(now):
    rest = rest_of(now)

    assert timedelta(0) < rest <= timedelta(days=1)
    assert month_began(now + rest - timedelta(microseconds=1)) == month_began(now)


@pytest.mark.parametrize(
    ("now", "by_its_end"),
    [
        (datetime(2026, 4, 1, tzinfo=UTC), 5 + 30 * 288),
        (datetime(2026, 4, 30, 12, tzinfo=UTC), 5 + 144),
        (datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), 6),
        (datetime(2026, 12, 31, tzinfo=UTC), 5 + 288),
    ],
)
def test_what_is_expected_by_the_months_end_is_that_of_the_days_that_are_left(now, by_its_end):
    assert expected_by_its_end(5, 288, now) == by_its_end
