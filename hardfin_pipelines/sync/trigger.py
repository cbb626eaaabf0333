"""Rule 1: does a deal meet the trigger of an active rule?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hardfin_pipelines.sync.pipeline_rules import PipelineRule


@dataclass(frozen=True, slots=True)
class DealState:
    """What deciding needs to know of a deal, in words of no vendor.

    Attributes:
        pipeline_id: The pipeline it is in now.
        stage_id: The stage it is in now.
        entered: For each stage it has been in, when it last entered it, as far as the vendor tells.
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
    """A deal that does not sync, and why, in plain words."""

    reason: str


def evaluate_trigger(state: DealState, rules: Sequence[PipelineRule]) -> Triggered | NotTriggered:
    """Whether the deal is in a trigger stage of an active rule, or was in one since that rule is active.

    A rule of the deal's present pipeline goes before one of a pipeline it has left; among those it has left, the
    stage it entered first decides. The answer does not depend on the order of `rules`.

    Args:
        state: The deal.
        rules: The connection's rules; paused ones never trigger.
    """
    active = [rule for rule in rules if rule.status == "active"]
    present = next((rule for rule in active if rule.pipeline_id == state.pipeline_id), None)
    if present is not None and state.stage_id in present.stage_ids:
        return Triggered(present, state.stage_id)
    passed = _passed_through(state, active)
    if passed is not None:
        return passed
    if present is None:
        return NotTriggered(f"pipeline {state.pipeline_id or '(none)'} has no active rule")
    return NotTriggered(
        f"stage {state.stage_id or '(none)'} is not a trigger stage of pipeline {present.pipeline_id} "
        f"({', '.join(present.stage_ids)})"
    )


def _passed_through(state: DealState, active: Sequence[PipelineRule]) -> Triggered | None:
    visits = [
        (rule.pipeline_id != state.pipeline_id, entered_at, rule.pipeline_id, stage_id, rule)
        for rule in active
        for stage_id in rule.stage_ids
        if (entered_at := state.entered.get(stage_id)) is not None
        and rule.active_since is not None
        and entered_at >= rule.active_since
    ]
    if not visits:
        return None
    *_, stage_id, rule = min(visits, key=lambda visit: visit[:4])
    return Triggered(rule, stage_id)
