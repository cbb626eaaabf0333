"""Rule 7: a cursor never passes what is accounted for."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.cursors import OVERLAP, covered_until, look_from

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # zoned by hypothesis


@given(MOMENTS, st.lists(MOMENTS))
def test_the_cursor_never_passes_the_first_answer_nor_a_stamp_not_seen(began, stamps):
    cursor = covered_until(began, max(stamps, default=None))
    assert cursor is not None
    assert cursor <= began
    assert not stamps or cursor <= max(stamps)


@given(MOMENTS, st.timedeltas(timedelta(0), OVERLAP))
def test_a_change_that_becomes_visible_within_the_overlap_is_looked_for_again(began, lag):
    cursor = covered_until(began, None)
    assert cursor is not None
    assert began - lag >= look_from(cursor)


def test_a_visit_that_never_searched_leaves_the_cursor_where_it_is():
    assert covered_until(None, None) is None
    assert covered_until(None, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_quiet_visit_follows_the_clock_of_the_vendor():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    assert covered_until(began, None) == began
