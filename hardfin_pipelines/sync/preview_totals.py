"""What a preview comes to, in counts, and how it differs from what is configured now."""

from collections import Counter
from dataclasses import dataclass, field

from hardfin_pipelines.sync.approval import first_difference
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.preview import WRITTEN, DealPlan, MatchedBy, OutcomeKind


@dataclass(frozen=True, slots=True)
class SetAsideDeal:
    """A deal that would be set aside, with the reason."""

    deal_id: str
    name: str
    reason: str


@dataclass(slots=True)
class PreviewTotals:
    """Counts over all deals of a preview. The deals themselves are not kept.

    Attributes:
        outcomes: Deals by what becomes of them.
        triggered_by: Deals that would sync, by (pipeline, stage).
        not_triggering: Deals that trigger nothing, by the reason.
        created: Entities that would be created.
        matched: Records that lead to entities which are there, by kind and by what they are matched.
        shared: Records that lead to entities which an earlier deal of the preview creates, by kind.
        notes: Deals that lack something but would sync all the same, by what.
        set_aside: Every deal that would be set aside.
        shareable: The ids of the customers and items that would be created.
    """

    outcomes: Counter[OutcomeKind] = field(default_factory=Counter)
    triggered_by: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_triggering: Counter[str] = field(default_factory=Counter)
    created: Counter[EntityType] = field(default_factory=Counter)
    matched: Counter[tuple[EntityType, MatchedBy]] = field(default_factory=Counter)
    shared: Counter[EntityType] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    set_aside: list[SetAsideDeal] = field(default_factory=list)
    shareable: set[str] = field(default_factory=set)

    def add(self, plan: DealPlan) -> None:
        """Count one deal."""
        self.outcomes[plan.outcome] += 1
        if plan.outcome == "not triggering":
            self.not_triggering[plan.reason] += 1
        elif plan.outcome == "set aside":
            self.set_aside.append(SetAsideDeal(plan.deal_id, plan.name, plan.reason))
        elif plan.outcome == "synced":
            self.triggered_by[plan.pipeline_id, plan.stage_id] += 1
        self.created.update(entity.entity for entity in plan.entities)
        for match in plan.matches:
            if match.id in self.shareable:
                self.shared[match.entity] += 1
            else:
                self.matched[match.entity, match.by] += 1
        self.shareable.update(entity.id for entity in plan.entities if entity.entity in ("customer", "item"))
        self.notes.update({kind for kind, _ in plan.notes})


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """A deal of which something else would become under another configuration.

    Attributes:
        deal_id: The vendor's id.
        name: What the vendor calls it.
        before: What becomes of it as things are configured now.
        after: What would become of it.
        why: What makes the difference.
    """

    deal_id: str
    name: str
    before: str
    after: str
    why: str


def changed_outcome(before: DealPlan, after: DealPlan) -> OutcomeChange | None:
    """How one deal's outcome differs under two configurations; None where nothing else would be written.

    Args:
        before: What becomes of it as things are configured now.
        after: What would become of it.
    """
    if before.outcome != after.outcome:
        return OutcomeChange(after.deal_id, after.name, before.outcome, after.outcome, after.reason)
    was, would_be = before.document(), after.document()
    if after.outcome not in WRITTEN or was == would_be:
        return None
    why = first_difference(was, would_be)
    return OutcomeChange(after.deal_id, after.name, before.outcome, f"{after.outcome}, but otherwise", why)
