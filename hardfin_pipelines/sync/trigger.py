"""Rule 1: does a deal meet the trigger of an active rule?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from hardfin_pipelines.sync.pipeline_rules import PipelineRule, active_rules, held_rules


@dataclass(frozen=True, slots=True)
class DealState:
    """What deciding needs to know of a deal, in words of no vendor.

    Attributes:
        pipeline_id: The pipeline it is in now.
        stage_id: The stage it is in now.
        entered: For each stage it has been in, when it last entered it, as far as the vendor tells. Salesforce's
            stages belong to several pipelines; one it is in now counts as entered in its present pipeline alone.
    """

    pipeline_id: str
    stage_id: str
    entered: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Triggered:
    """A deal that syncs, by which rule and because of which stage."""

    rule: PipelineRule
    stage_id: str


@dataclass(frozen=True, slots=True)
class NotTriggered:
    """A deal that does not sync, and why, in plain words.

    Attributes:
        reason: Why.
        waits: Whether it is to be looked at again: it would sync but for a rule that is held, or it came without what
            decides.
    """

    reason: str
    waits: bool = False


def evaluate_trigger(state: DealState, rules: Sequence[PipelineRule]) -> Triggered | NotTriggered:
    """Whether the deal is in a trigger stage of an active rule, or was in one since that rule is active.

    A rule of the deal's present pipeline goes before one of a pipeline it has left; among those it has left, the
    stage it entered first decides. The answer does not depend on the order of `rules`; of two rules for one pipeline
    and stage (it was configured by its id and by its label) the one with the lower stage ids, then the older, decides.

    Args:
        state: The deal.
        rules: The connection's rules; paused ones never trigger, and for a held one the deal waits.
    """
    if not state.pipeline_id and not state.stage_id:
        return NotTriggered("the CRM gave neither its pipeline nor its stage", waits=True)
    active = sorted(active_rules(rules), key=_precedence)
    triggered = _triggered(state, (*active, *held_rules(rules)))
    if triggered is not None and triggered.rule.held_because:
        held = triggered.rule
        return NotTriggered(f"the rule of pipeline {held.pipeline_id} is held: {held.held_because}", waits=True)
    if triggered is not None:
        return triggered
    present = [rule for rule in active if rule.pipeline_id == state.pipeline_id]
    if not present:
        return NotTriggered(f"pipeline {state.pipeline_id or '(none)'} has no active rule")
    stages = dict.fromkeys(stage_id for rule in present for stage_id in rule.stage_ids)
    return NotTriggered(
        f"stage {state.stage_id or '(none)'} is not a trigger stage of pipeline {state.pipeline_id} "
        f"({', '.join(stages)})"
    )


def _triggered(state: DealState, rules: Sequence[PipelineRule]) -> Triggered | None:
    ordered = sorted(rules, key=_precedence)
    for rule in ordered:
        if rule.pipeline_id == state.pipeline_id and state.stage_id in rule.stage_ids:
            return Triggered(rule, state.stage_id)
    return _passed_through(state, ordered)


def _precedence(rule: PipelineRule) -> tuple[tuple[str, ...], float]:
    return rule.stage_ids, rule.active_since.timestamp() if rule.active_since is not None else inf


def _passed_through(state: DealState, active: Sequence[PipelineRule]) -> Triggered | None:
    visits = [
        (left, entered_at, rule.pipeline_id, stage_id, rule)
        for rule in active
        for left in (rule.pipeline_id != state.pipeline_id,)
        for stage_id in rule.stage_ids
        if not (left and stage_id == state.stage_id)
        and (entered_at := state.entered.get(stage_id)) is not None
        and rule.active_since is not None
        and entered_at >= rule.active_since
    ]
    if not visits:
        return None
    # Equal visits keep the order of precedence that `active` has.
    *_, stage_id, rule = min(visits, key=lambda visit: visit[:4])
    return Triggered(rule, stage_id)
