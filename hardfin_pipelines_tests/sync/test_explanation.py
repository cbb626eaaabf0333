"""Explaining in plain words: what is said for each state of a record."""

from dataclasses import replace
from datetime import date, timedelta

from hardfin_pipelines.sync.explanation import explain
from hardfin_pipelines.sync.explanation_facts import (
    AskedFor,
    ConnectionFacts,
    CrmAnswer,
    FirstSync,
    Happening,
    LinkedEntity,
    RecordFacts,
    RuleFacts,
    Waiting,
    WindowFacts,
)
from hardfin_pipelines_tests.sync.builders import NOON

DAY = timedelta(days=1)
CONNECTION = ConnectionFacts(
    "acme",
    "acme:hubspot",
    "hubspot",
    "HubSpot",
    "active",
    start_date=date(2026, 1, 1),
    enabled_at=NOON,
    cursor=NOON + DAY,
    windows=(
        WindowFacts(NOON - 60 * DAY, NOON - 30 * DAY, closed=True, stages=(("default", "won"),)),
        WindowFacts(NOON - 30 * DAY, NOON, closed=True, stages=(("default", "won"),)),
        WindowFacts(NOON, NOON + 30 * DAY, closed=False),
    ),
    rules=(RuleFacts("default", "won", "active", NOON), RuleFacts("renewals", ("signed",), "paused", None)),
)
SYNCED = FirstSync("9001", "prj_1", "default", "won", "poll", NOON, NOON + timedelta(minutes=2), "r1")
DEAL = RecordFacts("deal", "9001", "Acme", SYNCED, entity=LinkedEntity("project", "prj_1", "Acme", NOON, "r1", NOON))
UNKNOWN = RecordFacts("deal", "7")


def text(record, connection=CONNECTION, now=None) -> str:
    return "\n".join(explain(record, connection, now))


def test_a_synced_deal():
    first, second = explain(DEAL, CONNECTION)

    assert first == (
        "Deal 9001 'Acme' is project prj_1 since 2026-03-02 12:02 UTC: first synced by a tick (run r1), because it was "
        "in stage won of pipeline default, as modified at 2026-03-02 12:00 UTC."
    )
    assert second == "No later change of it has been seen; one would not be applied, since operations owns the project."


def test_a_later_version_and_a_re_sync():
    later = Happening(NOON + 2 * DAY, "protected", "left alone", modified_at=NOON + 2 * DAY)
    resynced = Happening(NOON + DAY, "project.re-synced", "renamed", by="cli:ann")

    told = text(replace(DEAL, timeline=(resynced, later)))

    assert "It was last re-synced at 2026-03-03 12:00 UTC by cli:ann: renamed" in told
    assert "It was modified at HubSpot at 2026-03-04 12:00 UTC, after the version that was applied: not applied" in told
    assert "`hardfin resync acme 9001`" in told


def test_a_version_that_a_re_sync_applied_is_not_told_as_missing():
    entity = LinkedEntity("project", "prj_1", "Acme", NOON, "r2", NOON + 2 * DAY)
    later = Happening(NOON + 2 * DAY, "protected", "left alone", modified_at=NOON + 2 * DAY)

    assert "No later change of it has been seen" in text(replace(DEAL, entity=entity, timeline=(later,)))


def test_a_deal_of_an_approved_plan_and_one_that_was_merged():
    approved = replace(DEAL, first_sync=replace(SYNCED, trigger="load", run_id="approve-c0ffee"))

    assert "first synced by the approved plan approve-c0ffee, because" in text(approved)
    assert "Deal 9 'Acme', which deal 9001 is known as since a merge, is project prj_1" in text(replace(DEAL, id="9"))


def test_a_deal_that_is_set_aside_with_work_for_it():
    waiting = Waiting("project.name has no value", NOON, NOON + DAY, 3, NOON + 2 * DAY)
    asked = AskedFor("retry", NOON, "sync", 2, NOON + DAY)

    told = text(replace(UNKNOWN, waiting=waiting, asked_for=(asked,)))

    assert (
        "is set aside since 2026-03-02 12:00 UTC, tried 3 time(s), last at 2026-03-03 12:00 UTC: project.name" in told
    )
    assert "by the first visit after 2026-03-04 12:00 UTC." in told
    assert "Work for it is with a run since 2026-03-03 12:00 UTC: it is tried again after being set aside" in told
    assert "2 run(s) failed at it" in told


def test_a_deal_that_nobody_knows_is_told_what_was_looked_at():
    told = text(UNKNOWN)

    assert "Deal 7 is not in Hardfin, and no visit has noted it." in told
    assert "Ticks have looked at everything modified up to 2026-03-03 12:00 UTC" in told
    assert "from 2026-01-01 to 2026-03-02, for the stages default/won" in told
    assert "The load of 2026-03-02 to 2026-04-01 is still open." in told
    assert "The rule of pipeline default (stages: won) is active since 2026-03-02 12:00 UTC." in told
    assert "The rule of pipeline renewals (stages: signed) is paused." in told


def test_connections_that_do_not_sync_say_so():
    revoked = replace(CONNECTION, status="needs attention", reason="access was revoked")
    bare = replace(revoked, start_date=None, cursor=None, windows=(), rules=())

    told = text(UNKNOWN, bare)

    assert "acme:hubspot needs attention (access was revoked): nothing syncs until it is active." in told
    assert "Ticks begin at 2026-03-02 12:00 UTC and have finished none yet." in told
    assert "It has no start date" in told
    assert "It has no pipeline rule." in told
    held = replace(bare, rules=(RuleFacts("default", "won", "active", NOON, "the stage won is gone"),))
    assert "is held: the stage won is gone." in text(UNKNOWN, held)
    assert "No initial load is done yet." in text(UNKNOWN, replace(bare, start_date=date(2026, 1, 1)))


def test_a_deal_that_was_skipped_is_told_with_the_last_look():
    seen = Happening(NOON, "skipped", "stage open is not a trigger stage", modified_at=NOON - DAY)

    assert (
        "It was last looked at on 2026-03-02 12:00 UTC in its version of 2026-03-01 12:00 UTC: stage open is not"
        in text(replace(UNKNOWN, timeline=(seen,)))
    )


def test_what_the_crm_says_now():
    won = CrmAnswer(id="7", modified_at=NOON, pipeline_id="default", stage_id="won", taken_by=("default", "won"))
    lost = replace(won, stage_id="lost", taken_by=None, why_not="stage lost is not a trigger stage")

    assert "HubSpot does not give deal 7 now: it is archived." in text(UNKNOWN, now=CrmAnswer(missing="it is archived"))
    assert "No rule takes it: stage lost is not a trigger stage." in text(UNKNOWN, now=lost)
    assert "merged into deal 8," in text(UNKNOWN, now=replace(won, id="8"))


def test_a_deal_that_triggers_and_is_not_there_is_told_what_brings_it():
    def bringing(modified_at, connection=CONNECTION):
        now = CrmAnswer(
            id="7", modified_at=modified_at, pipeline_id="default", stage_id="won", taken_by=("default", "won")
        )
        return explain(UNKNOWN, connection, now)[-1]

    assert "the next tick brings it" in bringing(NOON + 2 * DAY)
    assert "`hardfin load acme --since 2025-11-22`" in bringing(NOON - 100 * DAY)
    assert "`hardfin census acme` finds it" in bringing(NOON - 10 * DAY)
    assert "The rule of pipeline default takes it" in bringing(NOON, replace(CONNECTION, status="paused"))


def test_other_records():
    linked = LinkedEntity("customer", "cus_1", "Globex", NOON, "r1", None, projects=3)

    told = text(RecordFacts("company", "77", "Globex", entity=linked))

    assert "Company 77 'Globex' is customer cus_1 ('Globex') since 2026-03-02 12:00 UTC (run r1)." in told
    assert "3 project(s) belong to it." in told
    assert "Line item 5 is not linked to anything in Hardfin" in text(RecordFacts("line_item", "5"))
