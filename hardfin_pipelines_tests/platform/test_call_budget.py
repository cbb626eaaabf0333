"""Counted calls, and what vendors said of their accounts' days."""

from datetime import timedelta

from sqlalchemy import Engine

from hardfin_pipelines.platform.call_budget import add_calls, allowances, calls_since, save_allowances
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.sync.call_budget import CallCount, DailyAllowance
from hardfin_pipelines_tests.store_fixtures import A_MOMENT

TODAY = A_MOMENT.date()


def count(calls: int, org: str = "acme", **changes) -> CallCount:
    return CallCount(org, f"{org}:hubspot", TODAY, "search", "poll", calls, 0)._replace(**changes)


def said(remaining: int, minutes: int = 0, per_day: int = 1_000, spent: bool = False) -> DailyAllowance:
    at = A_MOMENT + timedelta(minutes=minutes)
    return DailyAllowance(per_day, remaining, at, at if spent else None)


def test_calls_add_up_by_day_bucket_and_purpose(engine: Engine):
    for counts in ([count(2), count(3, throttled=1), count(5, "rival")], [count(4), count(1, purpose="tick")], []):
        with writing(engine) as connection:
            add_calls(connection, counts)
    with reading(engine) as connection:
        found = calls_since(connection, TODAY, "acme")
        assert sorted(found) == [count(9, throttled=1), count(1, purpose="tick")]
        assert {each.org for each in calls_since(connection, TODAY)} == {"acme", "rival"}
        assert calls_since(connection, TODAY + timedelta(days=1)) == []


def test_what_was_said_last_counts_whichever_process_writes_last(engine: Engine):
    for allowance in (said(500, 5), said(700, 1)):
        with writing(engine) as connection:
            save_allowances(connection, [("acme", "acme:hubspot", allowance)])
    with reading(engine) as connection:
        assert allowances(connection) == {("acme", "acme:hubspot"): said(500, 5)}
        assert allowances(connection, "rival") == {}


def test_a_refusal_that_names_no_limit_leaves_the_one_that_is_known(engine: Engine):
    with writing(engine) as connection:
        save_allowances(connection, [("acme", "acme:hubspot", said(500))])
        save_allowances(connection, [("acme", "acme:hubspot", said(0, 3, per_day=0, spent=True))])
        save_allowances(connection, [("acme", "acme:hubspot", said(990, 9))])
    with reading(engine) as connection:
        (found,) = allowances(connection).values()
    assert (found.per_day, found.remaining, found.spent_at) == (1_000, 990, A_MOMENT + timedelta(minutes=3))
