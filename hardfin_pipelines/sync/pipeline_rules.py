"""Pipeline rules: which deals of which pipeline sync, from when, with which mapping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.mapping_rules import EntityMapping

RuleStatus = Literal["active", "paused"]


@dataclass(frozen=True, slots=True)
class PipelineRule:
    """A rule whose pipeline and stages have been found in the vendor's account.

    Attributes:
        pipeline_id: The vendor's id of the pipeline.
        stage_ids: The ids of its trigger stages, in the vendor's order.
        status: Whether it syncs now.
        active_since: When it was first made active: a deal that entered a trigger stage after it has met the trigger
            even if it has moved on since. None where it never was active.
        overrides: Mapping entries of this pipeline alone.
        held_because: What the account lacks that the rule needs, or "". A held rule triggers nothing: better a project
            later than one with blanks.
    """

    pipeline_id: str
    stage_ids: tuple[str, ...]
    status: RuleStatus
    active_since: datetime | None = None
    overrides: Mapping[EntityType, EntityMapping] = field(default_factory=dict)
    held_because: str = ""


def active_rules(rules: Sequence[PipelineRule]) -> tuple[PipelineRule, ...]:
    """Those that sync now: neither paused by a person nor held."""
    return tuple(rule for rule in rules if rule.status == "active" and not rule.held_because)


def held_rules(rules: Sequence[PipelineRule]) -> tuple[PipelineRule, ...]:
    """Those that would sync now if the account had what they need."""
    return tuple(rule for rule in rules if rule.status == "active" and rule.held_because)
