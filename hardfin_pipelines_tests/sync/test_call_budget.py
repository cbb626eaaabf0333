"""What is left of an account's day to others, and what a connection is expected to ask."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.cadence import TIERS
from hardfin_pipelines.sync.call_budget import (
    PURPOSES,
    TRUSTED_FOR,
    CallCount,
    DailyAllowance,
    Reserve,
    forecast,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TODAY = NOW.date()


def said(remaining: int, per_day: int = 250_000, **changes) -> DailyAllowance:
    return replace(DailyAllowance(per_day, remaining, NOW), **changes)


def count(day: date, purpose, calls: int, throttled: int = 0, bucket: str = "general") -> CallCount:
    return CallCount("acme", "acme:hubspot", day, bucket, purpose, calls, throttled)


@pytest.mark.parametrize(
    ("remaining", "resting"),
    [
        (250_000, set()),
        (50_001, set()),
        (50_000, {"load", "census"}),
        (12_501, {"load", "census"}),
        (12_500, {"load", "census", "poll", "tick"}),
        (0, {"load", "census", "poll", "tick"}),
    ],
)
def test_work_gives_way_in_the_order_in_which_it_can_wait(remaining, resting):
    assert {each for each in PURPOSES if Reserve(each, 0.2).rests(said(remaining), NOW)} == resting


def test_what_was_said_counts_for_an_hour():
    reserve = Reserve("load", 0.2)
    assert reserve.rests(said(10), NOW) == TRUSTED_FOR
    assert reserve.rests(said(10), NOW + timedelta(minutes=59)) == timedelta(minutes=1)
    assert reserve.rests(said(10), NOW + TRUSTED_FOR) is None


def test_nothing_rests_where_the_vendor_tells_no_limit_or_no_reserve_is_wanted():
    assert Reserve("load", 0.2).rests(None, NOW) is None
    assert Reserve("load", 0.2).rests(said(0, per_day=0), NOW) is None
    assert Reserve("load", 0.0).rests(said(0), NOW) is None


@given(st.integers(0, 2_000_000), st.integers(0, 2_000_000), st.floats(0, 0.9))
def test_whoever_may_wait_less_never_rests_first(per_day, remaining, share):
    allowance = said(remaining, per_day)
    loads, ticks, people = (Reserve(each, share).rests(allowance, NOW) for each in ("load", "tick", "resync"))
    assert people is None
    assert ticks is None or loads is not None


@given(st.integers(1, 2_000_000), st.sampled_from(PURPOSES), st.floats(0, 0.9), st.floats(0.01, 0.9))
def test_nothing_whatever_takes_what_is_below_the_floor(per_day, purpose, share, floor):
    kept = Reserve(purpose, share, floor).calls(per_day)
    assert kept >= Reserve(purpose, share).calls(per_day)
    assert kept >= per_day * floor - 1e-3
    assert Reserve(purpose, share, floor).rests(said(kept, per_day), NOW) is not None
    assert Reserve(purpose, share, floor).rests(said(kept + 1, per_day), NOW) is None


def test_a_floor_of_a_whole_number_of_calls_is_that_number():
    assert Reserve("resync", 0.2, 1 - 0.95).calls(110_000) == 5_500


def test_why_work_rests_is_one_clear_line():
    assert Reserve("load", 0.2).sentence(said(49_000)) == (
        "49,000 of the account's 250,000 calls of the day are left; "
        "initial loads leave 50,000 to its other integrations"
    )


def test_the_forecast_is_the_ticks_and_an_average_day_of_everything_else():
    counts = [
        *(count(TODAY - timedelta(days=back), "poll", 288, bucket="search") for back in range(1, 8)),
        count(TODAY - timedelta(days=7), "load", 700),
        count(TODAY - timedelta(days=1), "tick", 7),
        count(TODAY, "poll", 30, bucket="search"),
        count(TODAY, "tick", 12, throttled=2),
        count(TODAY - timedelta(days=8), "load", 90_000),
    ]
    found = forecast("acme:hubspot", "5m", counts, TODAY, allowance=said(249_000), now=NOW)
    assert (found.ticks, found.others, found.per_day) == (288, 101.0, 389)
    assert (found.today, found.throttled_today) == (42, 2)
    assert found.share_of_limit == pytest.approx(389 / 250_000)
    assert (found.over_budget(NOW), found.resting) == ("", ())


def test_a_young_connection_is_averaged_over_the_days_it_has():
    found = forecast("acme:hubspot", "60m", [count(TODAY - timedelta(days=2), "load", 500)], TODAY, now=NOW)
    assert (found.ticks, found.others) == (24, 250.0)
    assert found.limit_per_day is None
    assert found.share_of_limit is None


@pytest.mark.parametrize(("tier", "ticks"), [*zip(TIERS, (288, 96, 48, 24, 1), strict=True), (None, 0)])
def test_ticks_follow_from_the_cadence(tier, ticks):
    assert forecast("a:hubspot", tier, [], TODAY, now=NOW).per_day == ticks


def test_more_than_the_limit_less_the_reserve_is_over_budget():
    yesterday = TODAY - timedelta(days=1)
    for calls, over in ((511, False), (513, True)):
        found = forecast(
            "a:hubspot", "5m", [count(yesterday, "tick", calls)], TODAY, allowance=said(900, 1_000), now=NOW
        )
        assert bool(found.over_budget(NOW)) is over
    assert found.over_budget(NOW) == (
        "about 801 calls a day are expected, and 200 of the account's 1,000 are left to its other integrations: "
        "visit it less often, or ask the vendor for more"
    )


def test_a_day_that_was_used_up_is_told_for_a_day():
    allowance = said(0, per_day=0, spent_at=NOW)
    found = forecast("a:hubspot", "5m", [], TODAY, allowance=allowance, now=NOW)
    assert found.over_budget(NOW) == "the account's calls of the day were used up at 2026-03-02 09:00 UTC"
    assert found.over_budget(NOW + timedelta(days=1)) == ""


def test_what_rests_is_told_with_when_it_goes_on():
    (line,) = forecast("a:hubspot", "5m", [], TODAY, allowance=said(40_000), now=NOW).resting
    assert line.startswith("initial loads rest until 10:00 UTC: 40,000 of the account's 250,000 calls")
    both = forecast("a:hubspot", "5m", [], TODAY, allowance=said(100), now=NOW).resting
    assert [each.split(" rest")[0] for each in both] == ["initial loads", "ticks"]
