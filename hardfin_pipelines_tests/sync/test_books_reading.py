"""When what an accounting system holds besides items is read, and how much of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.books import BOOKS_KINDS, BooksKind
from hardfin_pipelines.sync.books_reading import (
    FIRST_LOOK,
    WHOLE_AGAIN_AFTER,
    WHOLE_EVERY,
    BooksState,
    is_unexplained,
    moved,
    needs_whole,
    newly_lacking,
    pulse_question,
    read_since,
    settled,
)
from hardfin_pipelines.sync.cursors import OVERLAP

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
READ = BooksState(NOW - timedelta(hours=3), "3 of yesterday", 3, NOW - timedelta(hours=2), NOW - timedelta(hours=2))

marks = st.dictionaries(st.sampled_from(BOOKS_KINDS), st.sampled_from(["a", "b", "c"]))


def test_a_kind_is_asked_for_since_the_moment_its_mark_is_of():
    asked = pulse_question(("item", "location"), {"location": READ}, NOW)

    assert asked == {"item": NOW - FIRST_LOOK, "location": READ.since}


def test_a_mark_that_is_as_it_was_is_no_news():
    assert moved({"location": READ}, {"location": "3 of yesterday"}) == []


@pytest.mark.parametrize(
    ("states", "mark"),
    [
        ({}, "3 of yesterday"),
        ({"location": READ}, "4 of today"),
        ({"location": replace(READ, mark="")}, "3 of yesterday"),
        ({"location": replace(READ, lacking="the permission Lists > Locations")}, "3 of yesterday"),
    ],
    ids=["never read", "another mark", "something was left to be done", "seen again"],
)
def test_a_kind_has_moved(states, mark):
    assert moved(states, {"location": mark}) == ["location"]


@given(marks, marks)
def test_exactly_the_kinds_with_another_mark_have_moved(before, after):
    states = {kind: replace(READ, mark=mark) for kind, mark in before.items()}

    assert set(moved(states, after)) == {kind for kind, mark in after.items() if before.get(kind) != mark}


def test_what_is_not_seen_is_said_once():
    needs: dict[BooksKind, str] = {"location": "the feature Locations"}

    assert newly_lacking({}, needs) == ["location"]
    assert newly_lacking({"location": READ}, needs) == ["location"]
    assert newly_lacking({"location": replace(READ, lacking=needs["location"])}, needs) == []


def test_stamped_rows_are_read_since_the_last_reading_with_overlap():
    assert read_since("location", READ, NOW, stamped=True) == READ.read_at - OVERLAP


@pytest.mark.parametrize(
    ("state", "stamped"),
    [
        (None, True),
        (READ, False),
        (replace(READ, whole_at=None), True),
        (replace(READ, lacking="the feature Locations"), True),
    ],
    ids=["never read", "without stamps", "never read whole", "was not seen"],
)
def test_all_of_a_kind_is_read(state, stamped):
    assert read_since("location", state, NOW, stamped=stamped) is None


def test_stock_that_moved_is_read_whole_once_a_day_since_costs_have_no_stamp():
    old = replace(READ, whole_at=NOW - WHOLE_EVERY)

    assert read_since("inventory_level", READ, NOW, stamped=True) is not None
    assert read_since("inventory_level", old, NOW, stamped=True) is None
    assert read_since("location", old, NOW, stamped=True) is not None


def test_all_is_read_where_the_numbers_of_rows_disagree():
    since = READ.read_at

    assert not needs_whole(since, READ, NOW, total=3, held=3)
    assert needs_whole(since, READ, NOW, total=2, held=3)
    assert not needs_whole(None, READ, NOW, total=2, held=3)


def test_numbers_that_go_on_to_disagree_are_not_a_reason_to_read_all_at_every_tick():
    left = settled(READ, agrees=False)
    assert (left.mark, settled(READ, agrees=True)) == ("", READ)

    just, long_ago = NOW - timedelta(minutes=5), NOW - WHOLE_AGAIN_AFTER
    assert not needs_whole(READ.read_at, replace(left, whole_at=just), NOW, total=2, held=3)
    assert needs_whole(READ.read_at, replace(left, whole_at=long_ago), NOW, total=2, held=3)


def test_costs_that_moved_without_a_stamp_are_read_within_the_hour():
    assert is_unexplained("inventory_level", written=0)
    assert not is_unexplained("inventory_level", written=1)
    assert not is_unexplained("location", written=0)

    since, hour_old = READ.read_at, replace(READ, whole_at=NOW - WHOLE_AGAIN_AFTER)
    assert needs_whole(since, hour_old, NOW, total=3, held=3, unexplained=True)
    just = replace(READ, whole_at=NOW - timedelta(minutes=5))
    assert not needs_whole(since, just, NOW, total=3, held=3, unexplained=True)
