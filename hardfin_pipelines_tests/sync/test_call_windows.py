"""Places in rolling windows: whatever happens in whatever order, no window ever holds too many."""

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.call_windows import (
    FARTHEST_MS,
    LONGEST_QUEUE_MS,
    OTHERS_SEEN_MS,
    CallWindow,
    Entry,
    booked,
    limit_now,
    matters_until,
    pause_end,
    paused_until,
)

NOW = 1_750_000_000_000


def window(limit: int = 5, span_ms: int = 1_000, left_to_others: int = 0) -> CallWindow:
    return CallWindow("hubspot 4242", "search", limit, span_ms, left_to_others)


def most_in_a_window(moments: list[int], span_ms: int) -> int:
    return max((sum(start <= each < start + span_ms for each in moments) for start in moments), default=0)


limits = st.integers(1, 8)
steps = st.lists(
    st.tuples(
        st.integers(0, 700),  # milliseconds until somebody comes
        st.integers(1, 12),  # for how many places
        st.one_of(st.none(), st.floats(0, 3)),  # or with a pause of so many seconds
    ),
    max_size=25,
)


@given(limits, st.integers(1, 2_000), steps)
def test_no_window_ever_holds_more_than_its_limit(limit, span_ms, steps):
    """The entries are all that is shared: who asks is of no importance, so this is any interleaving of processes."""
    shared, moments, now = window(limit, span_ms), [], NOW
    entries: list[Entry] = []
    for pause, wanted, refused_for in steps:
        now += pause
        entries = [entry for entry in entries if matters_until(shared, entry) > now]
        if refused_for is not None:
            entries.append(pause_end(entries, now, refused_for))
            continue
        ends = paused_until(entries, now)
        new = booked(entries, shared, now, wanted)
        assert all(moment >= max(now, ends) for moment in new)
        assert new == sorted(new)
        moments += new
        entries += [Entry(moment, 1) for moment in new]
    assert most_in_a_window(moments, span_ms) <= limit


@given(st.lists(st.tuples(st.integers(0, 500), limits, st.integers(1, 6)), max_size=20))
def test_the_largest_limit_holds_where_each_knows_another_one(steps):
    entries: list[Entry] = []
    moments, now = [], NOW
    for pause, limit, wanted in steps:
        now += pause
        new = booked(entries, window(limit), now, wanted)
        moments += new
        entries += [Entry(moment, 1) for moment in new]
    assert most_in_a_window(moments, 1_000) <= max((limit for _, limit, _ in steps), default=0)


@given(limits, st.integers(1, 40))
def test_places_are_as_early_as_the_limit_allows(limit, wanted):
    found = booked([], window(limit), NOW, wanted)
    assert found == [NOW + each // limit * 1_000 for each in range(wanted)]


def test_places_of_one_moment_count_each():
    assert booked([Entry(NOW - 100, 5)], window(), NOW, 1) == [NOW + 900]


def test_a_queue_of_more_than_five_minutes_takes_nobody_more():
    found = booked([], window(1), NOW, 1_000)
    assert len(found) == LONGEST_QUEUE_MS // 1_000 + 1
    assert booked([Entry(moment, 1) for moment in found], window(1), NOW, 1) == []


def test_what_a_clock_wrote_that_was_set_back_since_holds_nobody_up():
    assert booked([Entry(NOW + FARTHEST_MS + 1, 5)], window(), NOW, 1) == [NOW]


def test_one_place_is_left_to_others_for_ten_minutes_after_a_refusal():
    shared = window(5, left_to_others=1)
    refused = [pause_end([], NOW, 1)]
    assert limit_now([], shared, NOW) == 5
    assert limit_now(refused, shared, NOW + 2_000) == 4
    assert limit_now(refused, shared, NOW + 1_000 + OTHERS_SEEN_MS) == 5
    assert matters_until(shared, refused[0]) == NOW + 1_000 + OTHERS_SEEN_MS
    assert most_in_a_window(booked(refused, shared, NOW, 20), 1_000) == 4


def test_a_window_of_our_own_leaves_nothing_and_never_less_than_one_call():
    refused = [pause_end([], NOW, 1)]
    assert limit_now(refused, window(5), NOW) == 5
    assert limit_now(refused, window(1, left_to_others=1), NOW) == 1


def test_a_pause_never_takes_the_moment_of_a_place_nor_a_place_that_of_a_pause():
    end = pause_end([Entry(NOW + 1_000, 2)], NOW, 1)
    assert end == Entry(NOW + 1_001, 0)
    assert booked([end], window(), NOW, 2) == [NOW + 1_002] * 2
