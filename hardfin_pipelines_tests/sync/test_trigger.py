"""Rule 1: which deals meet the trigger."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.pipeline_rules import PipelineRule, active_rules
from hardfin_pipelines.sync.records import AccountDescription, PipelineDescription, StageDescription
from hardfin_pipelines.sync.trigger import DealState, NotTriggered, Triggered, evaluate_trigger
from hardfin_pipelines_tests.sync.builders import NOON, rule

HOUR = timedelta(hours=1)


def state(pipeline: str = "default", stage: str = "open", **entered: float) -> DealState:
    """A deal; `entered` gives hours after noon, by stage."""
    return DealState(pipeline, stage, {name: NOON + hours * HOUR for name, hours in entered.items()})


def triggered(deal: DealState, *rules: PipelineRule) -> Triggered:
    verdict = evaluate_trigger(deal, rules)
    assert isinstance(verdict, Triggered), verdict
    return verdict


def reason(deal: DealState, *rules: PipelineRule) -> str:
    verdict = evaluate_trigger(deal, rules)
    assert isinstance(verdict, NotTriggered), verdict
    return verdict.reason


def test_a_deal_in_a_trigger_stage_of_an_active_rule_syncs():
    verdict = triggered(state(stage="won"), rule(stages=("signed", "won")))

    assert (verdict.rule.pipeline_id, verdict.stage_id) == ("default", "won")


def test_a_deal_in_another_stage_does_not_sync_and_the_reason_names_the_stages():
    assert reason(state(), rule(stages=("signed", "won"))) == (
        "stage open is not a trigger stage of pipeline default (signed, won)"
    )


def test_a_deal_in_a_pipeline_without_a_rule_does_not_sync_though_the_stage_has_the_same_id():
    assert reason(state("renewals", "won"), rule("default")) == "pipeline renewals has no active rule"


def test_a_deal_that_came_with_nothing_that_decides_waits_for_another_look():
    verdict = evaluate_trigger(state("", ""), [rule()])

    assert verdict == NotTriggered("the CRM gave neither its pipeline nor its stage", waits=True)


def test_a_deal_without_pipeline_or_stage_does_not_sync():
    assert reason(state("", "open"), rule()) == "pipeline (none) has no active rule"
    assert "stage (none) is not a trigger stage" in reason(state("default", ""), rule())


def test_a_deal_waits_for_a_rule_that_is_held_and_for_no_other():
    held = replace(rule("renewals"), held_because="the field zip is gone")

    verdict = evaluate_trigger(state("renewals", "won"), [rule(), held])

    assert verdict == NotTriggered("the rule of pipeline renewals is held: the field zip is gone", waits=True)
    assert triggered(state("default", "won"), rule(), held).rule.pipeline_id == "default"
    still_open = evaluate_trigger(state("renewals", "open"), [rule(), held])
    assert isinstance(still_open, NotTriggered)
    assert not still_open.waits


def test_a_deal_waits_where_the_held_rule_would_decide_though_it_passed_through_another():
    held = replace(rule("renewals", stages=("signed",)), held_because="the field zip is gone")
    moved_on = state("renewals", "signed", won=1)

    passed = rule(since=NOON)
    assert evaluate_trigger(moved_on, [passed, held]) == NotTriggered(
        "the rule of pipeline renewals is held: the field zip is gone", waits=True
    )
    assert triggered(moved_on, passed).rule.pipeline_id == "default"


def test_paused_rules_never_trigger():
    paused = rule(status="paused", since=NOON)

    assert reason(state(stage="won"), paused) == "pipeline default has no active rule"
    assert reason(state(stage="open", won=1), paused) == "pipeline default has no active rule"
    assert active_rules([paused, rule("renewals")]) == (rule("renewals"),)


def test_a_deal_that_passed_through_a_trigger_stage_since_the_rule_is_active_syncs():
    verdict = triggered(state(stage="open", won=1), rule(since=NOON))

    assert verdict.stage_id == "won"


def test_a_deal_that_left_the_trigger_stage_before_the_rule_was_active_does_not_sync():
    assert "is not a trigger stage" in reason(state(stage="open", won=-1), rule(since=NOON))


def test_entering_at_the_very_moment_the_rule_became_active_counts():
    assert triggered(state(stage="open", won=0), rule(since=NOON)).stage_id == "won"


def test_a_rule_that_never_was_active_looks_at_the_present_stage_only():
    assert "is not a trigger stage" in reason(state(stage="open", won=1), rule(since=None))
    assert triggered(state(stage="won"), rule(since=None)).stage_id == "won"


def test_the_present_stage_goes_before_a_stage_passed_earlier():
    verdict = triggered(state(stage="won", signed=-2, won=-1), rule(stages=("signed", "won"), since=NOON - 9 * HOUR))

    assert verdict.stage_id == "won"


def test_a_deal_that_moved_to_another_pipeline_syncs_by_the_rule_of_the_pipeline_it_left():
    left = rule("default", since=NOON)

    assert triggered(state("renewals", "open", won=1), left).rule is left
    assert triggered(state("renewals", "open", won=1), left, rule("renewals", ("renewed",), since=NOON)).rule is left


def test_the_rule_of_the_present_pipeline_goes_before_that_of_one_the_deal_has_left():
    left, present = rule("default", since=NOON), rule("renewals", ("renewed",), since=NOON)

    verdict = triggered(state("renewals", "open", won=1, renewed=2), left, present)

    assert (verdict.rule, verdict.stage_id) == (present, "renewed")


def test_among_pipelines_the_deal_has_left_the_stage_entered_first_decides():
    first, second = rule("default", ("won",), since=NOON), rule("renewals", ("renewed",), since=NOON)

    assert triggered(state("archive", "filed", renewed=1, won=2), first, second).rule is second
    assert triggered(state("archive", "filed", renewed=2, won=1), first, second).rule is first


def test_a_stage_that_several_pipelines_share_is_not_taken_for_a_visit_to_another_pipeline():
    """Salesforce: "Closed Won" is a stage of every sales process."""
    deal = DealState("services", "Closed Won", {"Closed Won": NOON + HOUR})

    assert reason(deal, rule("sales", ("Closed Won",), since=NOON)) == "pipeline services has no active rule"
    assert triggered(deal, rule("services", ("Closed Won",), since=NOON)).rule.pipeline_id == "services"


def test_two_rules_for_one_pipeline_by_id_and_by_label_both_count_in_any_order():
    by_id, by_label = rule("default", ("won",), since=NOON), rule("default", ("signed",), since=NOON)

    for rules in permutations((by_id, by_label)):
        assert triggered(state(stage="signed"), *rules).rule is by_label
        assert triggered(state(stage="won"), *rules).rule is by_id
        assert reason(state(stage="open"), *rules).endswith("pipeline default (signed, won)")


def test_of_two_rules_for_one_stage_the_older_decides_in_any_order():
    older, younger = rule(since=NOON), rule(since=NOON + HOUR)

    for rules in permutations((older, younger, rule(since=None))):
        assert triggered(state(stage="won"), *rules).rule is older
        assert triggered(state(stage="open", won=2), *rules).rule is older


def test_the_won_flag_is_the_vendors_own_and_no_stage_is_won_by_its_label():
    stages = (StageDescription("7", "Closed won"), StageDescription("8", "Gewonnen", won=True, closed=True))
    account = AccountDescription("1", (PipelineDescription("default", "Sales", stages),), {}, NOON)
    pipeline = account.pipeline("default")

    assert pipeline is not None
    assert [stage.id for stage in pipeline.stages if stage.won] == ["8"]
    assert account.pipeline("renewals") is None


PIPELINES = st.sampled_from(["default", "renewals", "archive"])
STAGES = st.sampled_from(["open", "signed", "won"])
MOMENTS = st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)
RULES = st.lists(
    st.builds(
        PipelineRule,
        PIPELINES,
        st.lists(STAGES, min_size=1, max_size=2, unique=True).map(tuple),
        st.sampled_from(["active", "paused"]),
        st.none() | MOMENTS,
    ),
    max_size=5,
)
STATES = st.builds(DealState, PIPELINES, STAGES, st.dictionaries(STAGES, MOMENTS))


@settings(deadline=None)
@given(deal=STATES, rules=RULES, data=st.data())
def test_the_answer_does_not_depend_on_the_order_of_the_rules(deal, rules, data):
    shuffled = data.draw(st.permutations(rules))

    assert evaluate_trigger(deal, shuffled) == evaluate_trigger(deal, rules)


@settings(deadline=None)
@given(deal=STATES, rules=RULES)
def test_a_verdict_always_follows_from_one_active_rule(deal, rules):
    verdict = evaluate_trigger(deal, rules)
    active = [each for each in rules if each.status == "active"]
    in_stage_now = [each for each in active if each.pipeline_id == deal.pipeline_id and deal.stage_id in each.stage_ids]

    if in_stage_now:
        assert isinstance(verdict, Triggered)
        assert verdict.rule in in_stage_now
    elif isinstance(verdict, Triggered):
        assert verdict.rule in active
        assert verdict.stage_id in verdict.rule.stage_ids
        assert verdict.rule.active_since is not None
        assert deal.entered[verdict.stage_id] >= verdict.rule.active_since
    else:
        assert "\n" not in verdict.reason


@settings(deadline=None)
@given(deal=STATES, rules=RULES)
def test_paused_rules_change_no_answer(deal, rules):
    assert evaluate_trigger(deal, rules) == evaluate_trigger(deal, active_rules(rules))
