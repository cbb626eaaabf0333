"""Rule 6: what an initial load still has to cover."""

from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.initial_load import ClosedWindow, by_pipeline, not_loaded, spans_to_load, stage_pairs

WON = ("default", "closedwon")
RENEWED = ("renewals", "signed")


def month(number):
    return datetime(2025, 1, 1, tzinfo=UTC) + relativedelta(months=number)


MONTHS = [(month(number), month(number + 1)) for number in range(6)]


def test_everything_is_to_load_at_first():
    assert spans_to_load(MONTHS, month(0), frozenset({WON}), []) == MONTHS


def test_months_before_the_start_date_are_not_loaded():
    assert spans_to_load(MONTHS, month(2), frozenset({WON}), []) == MONTHS[2:]


def test_a_start_date_within_a_month_is_covered_by_a_window_that_begins_there():
    since = month(2).replace(day=15)
    closed = [ClosedWindow(since, month(6), frozenset({WON}))]
    assert spans_to_load(MONTHS, since, frozenset({WON}), closed) == []


def test_a_stage_that_is_turned_on_later_brings_all_months_back_for_that_stage_alone():
    closed = [ClosedWindow(month(0), month(6), frozenset({WON}))]
    wanted = frozenset({WON, RENEWED})
    assert spans_to_load(MONTHS, month(0), wanted, closed) == MONTHS
    assert not_loaded((month(0), month(6)), wanted, closed) == {RENEWED}


def test_a_start_date_that_moves_back_asks_for_the_months_before_only():
    closed = [ClosedWindow(month(3), month(6), frozenset({WON}))]
    assert spans_to_load(MONTHS, month(0), frozenset({WON}), closed) == MONTHS[:3]


def test_months_that_begin_after_a_load_that_reached_the_present_belong_to_ticks():
    closed = [ClosedWindow(month(0), month(3), frozenset({WON}), reached_now=True)]
    assert spans_to_load(MONTHS, month(0), frozenset({WON}), closed) == []
    assert spans_to_load(MONTHS, month(0), frozenset({WON, RENEWED}), closed) == MONTHS


def test_a_load_that_failed_half_way_leaves_its_other_half_to_do():
    closed = [ClosedWindow(month(0), month(3), frozenset({WON}))]
    assert spans_to_load(MONTHS, month(0), frozenset({WON}), closed) == MONTHS[3:]


def test_a_stage_that_is_turned_off_asks_for_nothing():
    closed = [ClosedWindow(month(0), month(6), frozenset({WON, RENEWED}))]
    assert spans_to_load(MONTHS, month(0), frozenset({WON}), closed) == []


@given(st.sets(st.integers(0, 5)))
def test_loading_what_is_to_load_leaves_nothing_to_load(done):
    wanted = frozenset({WON})
    closed = [ClosedWindow(month(number), month(number + 1), wanted) for number in done]
    left = spans_to_load(MONTHS, month(0), wanted, closed)
    assert left == [span for number, span in enumerate(MONTHS) if number not in done]
    closed += [ClosedWindow(start, end, wanted) for start, end in left]
    assert spans_to_load(MONTHS, month(0), wanted, closed) == []


def test_pairs_and_pipelines_are_two_forms_of_one_thing():
    stages = {"default": ("closedwon", "live"), "renewals": ("signed",)}
    assert by_pipeline(stage_pairs(stages)) == stages
