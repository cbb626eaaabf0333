"""Which months a census counts, and when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.census import CENSUS_AGE, RECOUNT_AGE, Counted, due_again, in_turn, months

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MOMENTS = st.integers(0, 20 * 365 * 24 * 60).map(
    lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def test_the_first_month_begins_at_the_start_date_and_the_last_is_whole():
    assert months(datetime(2026, 1, 20, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)) == [
        (datetime(2026, 1, 20, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
    ]


@given(MOMENTS, MOMENTS)
def test_months_leave_no_moment_out_and_do_not_overlap(since, until):
    spans = months(since, until)
    assert bool(spans) == (since < until)
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    if spans:
        assert spans[0][0] == since
        assert spans[-1][0] < until <= spans[-1][1]


@pytest.mark.parametrize(
    ("counted", "due"),
    [
        ([], True),
        ([Counted(NOW - timedelta(hours=23), 0)], False),
        ([Counted(NOW - CENSUS_AGE, 0)], True),
        ([Counted(NOW - timedelta(days=9), 0), Counted(NOW - timedelta(hours=2), 0)], False),
        ([Counted(NOW - timedelta(minutes=59), 3)], False),
        ([Counted(NOW - RECOUNT_AGE, 3)], True),
    ],
)
def test_a_connection_is_counted_once_a_day_and_soon_again_where_something_was_missing(counted, due):
    assert due_again(counted, NOW) is due


def test_the_latest_month_comes_first_then_those_with_something_missing_then_the_oldest_counts():
    spans = months(datetime(2025, 10, 1, tzinfo=UTC), NOW)
    october, november, december, january, february, march = spans
    counted = {
        october: Counted(NOW - timedelta(days=2), 0),
        november: Counted(NOW - timedelta(days=5), 0),
        december: Counted(NOW - timedelta(days=1), 2),
        january: Counted(NOW - timedelta(minutes=5), 0),
        march: Counted(NOW - timedelta(days=1), 0),
    }
    assert in_turn(spans, counted, NOW) == [march, december, february, november, october]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), min_size=1, max_size=12), st.integers(1, 3))
def test_every_month_gets_its_turn_however_few_a_visit_counts(history, at_once):
    spans = months(NOW - timedelta(days=31 * len(history)), NOW)
    counted = {
        span: Counted(NOW - timedelta(days=days), missing)
        for span, (days, missing) in zip(spans, history, strict=False)
    }
    seen = set()
    for day in range(len(spans) * 2 + 2):
        now = NOW + timedelta(days=day + 1)
        for span in in_turn(spans, counted, now)[: at_once + 1]:
            seen.add(span)
            counted[span] = Counted(now, 0)
    assert seen == set(spans)
