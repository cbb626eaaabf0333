"""Rule 5: what becomes of the items of an accounting system.

A stored link decides for ever, until a person removes it; then a person's decision; then matching. What none of them
settles waits in triage. Helpers and inactive items are never matched. Nothing here makes an item of Hardfin's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hardfin_pipelines.sync.catalogue import Catalogue
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_plan import (
    ItemChange,
    ItemStep,
    LeftAlone,
    LinkBroken,
    LinkMade,
    LinkMended,
    TriageClosed,
    TriageWaits,
)
from hardfin_pipelines.sync.match_wording import in_words
from hardfin_pipelines.sync.matching import Match, match_all
from hardfin_pipelines.sync.vendor_items import (
    NOT_KNOWN,
    HeldDecision,
    HeldLink,
    ItemGone,
    KnownItem,
    Sightings,
    TriageState,
    VendorItem,
)
from hardfin_pipelines.sync.vendor_keys import VendorKeys


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What matching depends on besides the items at hand.

    Attributes:
        catalogue: Hardfin's products and parts.
        vendor_keys: The keys of all items that the connection has, with those at hand as they are now.
        links: The links of the connection that are not broken: external id to item id.
    """

    catalogue: Catalogue
    vendor_keys: VendorKeys
    links: Mapping[str, str]


def is_news(item: VendorItem, known: KnownItem) -> bool:
    """Whether an item that was seen can change anything: its stamp alone cannot."""
    if known.item is None or known.item.facts != item.facts or known.gone is not None:
        return True
    if known.link is not None:
        return bool(known.link.broken_because) or known.is_open
    return item.can_match and known.triage is None


def is_loss(gone: ItemGone, known: KnownItem) -> bool:
    """Whether that an item is gone can change anything."""
    told = known.gone is not None and (known.gone.how, known.gone.survivor_id) == (gone.how, gone.survivor_id)
    whole = known.link is not None and not known.link.broken_because
    return not told or whole or known.is_open


def stirs(item: VendorItem, known: KnownItem) -> bool:
    """Whether an item that was seen can change what others match: by a key of its own, or by the item it gives back."""
    before = known.item
    if before is None or known.gone is not None or (known.link is not None and known.link.broken_because):
        return True
    facts = before.facts
    return (facts.name, facts.path, facts.sku, facts.kind, facts.active) != (
        item.facts.name,
        item.facts.path,
        item.facts.sku,
        item.facts.kind,
        item.facts.active,
    )


def plan_items(
    sightings: Sightings,
    known: Mapping[str, KnownItem],
    waiting: Iterable[str],
    surroundings: Callable[[], Surroundings],
) -> list[ItemStep]:
    """What is to be done about some items of one connection.

    The same items, known in the same way, give the same plan, in whatever order they came.

    Args:
        sightings: What a visit saw.
        known: What the store knows of those ids, of the survivors of merged ones, and of those that wait.
        waiting: Ids in triage that are to be matched again, seen or not.
        surroundings: Gives what matching depends on; asked once at most, and only where something is to be matched.

    Returns:
        A step for every item seen, lost or waiting; merges first, then in order of id.
    """
    planner = _Planner(sightings, known)
    for gone in sorted(sightings.gone.values(), key=lambda each: (each.at, each.id)):
        planner.lose(gone)
    for external_id in sorted(sightings.items):
        planner.meet(sightings.items[external_id])
    for external_id in sorted(waiting):
        planner.look_again(external_id)
    planner.match(surroundings)
    return planner.steps


class _Planner:
    def __init__(self, sightings: Sightings, known: Mapping[str, KnownItem]) -> None:
        self._sightings = sightings
        self._known_items = known
        self._made: dict[str, LinkMade] = {}
        self._broken: set[str] = set()
        self._to_match: dict[str, ItemFacts] = {}
        self._decided: dict[str, ItemFacts] = {}
        self.steps: list[ItemStep] = []

    # -- gone at the vendor

    def lose(self, gone: ItemGone) -> None:
        changes, ids = self._closed(gone.id, "gone", gone.in_words()), [gone.id]
        link = self._known(gone.id).link
        if link is not None:
            because, moved = gone.in_words(), None
            if gone.how == "merged" and gone.survivor_id:
                survivor_id, lost = self._survivor(gone)
                ids.append(survivor_id)
                moved, told = self._followed(gone, link, survivor_id, lost)
                because = f"{because}, {told}"
            if not link.broken_because:
                self._broken.add(gone.id)
                changes.append(LinkBroken(gone.id, link.item_id, because))
            if moved is not None:
                changes += [moved, *self._closed(moved.id, "gone", moved.because)]
        if not changes:
            changes.append(LeftAlone(gone.id, "gone", gone.in_words()))
        self._step(ids, changes)

    def _survivor(self, gone: ItemGone) -> tuple[str, ItemGone | None]:
        """The last of those that an item was merged into, one after the other, and that it is gone, if it is."""
        passed, last = {gone.id}, gone
        while last.how == "merged" and last.survivor_id and last.survivor_id not in passed:
            survivor_id = last.survivor_id
            passed.add(survivor_id)
            lost = None if survivor_id in self._sightings.items else self._lost(survivor_id)
            if lost is None:
                return survivor_id, None
            last = lost
        return last.id, last

    def _lost(self, external_id: str) -> ItemGone | None:
        return self._sightings.gone.get(external_id) or self._known(external_id).gone

    def _followed(
        self, gone: ItemGone, link: HeldLink, survivor_id: str, lost: ItemGone | None
    ) -> tuple[LinkMade | None, str]:
        """The survivor's link, where it takes over the lost one's, and what became of it in words."""
        survivor = self._known(survivor_id)
        held = self._link(survivor_id)
        if lost is not None:
            return None, f"and {survivor_id} was {lost.in_words()}"
        if held is not None:
            which = "the same item" if held == link.item_id else f"another item, {held}"
            return None, f"which is linked to {which}"
        if survivor.decision is not None and survivor.decision.item_id != link.item_id:
            return None, f"but {survivor.decision.in_words()}"
        if link.item_id in survivor.refused:
            return None, f"but a person took {link.item_id} away from that"
        because = f"{gone.id}, which was linked to it by {link.matched_by}, was {gone.in_words()}"
        moved = self._made[survivor_id] = LinkMade(survivor_id, link.item_id, link.matched_by, because)
        return moved, "which its link has followed"

    # -- there at the vendor

    def meet(self, item: VendorItem) -> None:
        known = self._known(item.id)
        if known.link is not None:
            self._step([item.id], self._linked(item, known.link))
        elif item.id in self._made:
            self._step([item.id], [LeftAlone(item.id, "linked", self._made[item.id].because)])
        elif not item.can_match:
            why = "helper" if item.facts.kind == "helper" else "inactive"
            because = _cannot_match(item.facts)
            self._step([item.id], self._closed(item.id, "gone", because) or [LeftAlone(item.id, why, because)])
        elif known.decision is not None and known.decision.action == "ignore":
            because = known.decision.in_words()
            self._step([item.id], self._closed(item.id, "ignored", because) or [LeftAlone(item.id, "ignored", because)])
        elif known.decision is not None:
            self._decided[item.id] = item.facts
        else:
            self._to_match[item.id] = item.facts

    def _linked(self, item: VendorItem, link: HeldLink) -> list[ItemChange]:
        changes = self._closed(item.id, "gone", f"it is linked to {link.item_id}")
        # What was merged away may still be listed, as inactive: that is not back.
        if link.broken_because and item.facts.active:
            changes.append(LinkMended(item.id, link.item_id, f"it is back at the vendor (was: {link.broken_because})"))
        elif not changes and link.broken_because:
            changes.append(LeftAlone(item.id, "broken", link.broken_because))
        return changes or [LeftAlone(item.id, "linked", f"linked to {link.item_id} by {link.matched_by}")]

    def look_again(self, external_id: str) -> None:
        known = self._known(external_id)
        seen = external_id in self._sightings.items or external_id in self._sightings.gone
        if known.item is None or seen or not known.is_open or external_id in self._made:
            return
        self.meet(known.item)

    # -- matching

    def match(self, surroundings: Callable[[], Surroundings]) -> None:
        if not self._to_match and not self._decided:
            return
        around = surroundings()
        for external_id, facts in self._decided.items():
            decision = self._known(external_id).decision
            if decision is not None and decision.item_id in around.catalogue:
                self._carry_out(external_id, decision)
            else:  # the item is gone from Hardfin: the question is open again
                self._to_match[external_id] = facts
        taken = {item_id for each, item_id in around.links.items() if each not in self._broken}
        taken |= {made.item_id for made in self._made.values()}
        for external_id, found in self._matches(around, taken).items():
            self._settle(external_id, found, around.catalogue)

    def _matches(self, around: Surroundings, taken: set[str]) -> dict[str, Match]:
        to_match = {external_id: self._to_match[external_id] for external_id in sorted(self._to_match)}
        matches = dict(match_all(to_match, around.catalogue, around.vendor_keys, taken))
        found = {
            each.item_id
            for external_id, each in matches.items()
            if each.item_id is not None and each.item_id not in self._known(external_id).refused
        }
        # What several items found is one's by now: the others are told so, as they would be at the next visit.
        losers = {each: facts for each, facts in to_match.items() if matches[each].triage_reason == "ambiguous"}
        return matches | dict(match_all(losers, around.catalogue, around.vendor_keys, taken | found))

    def _carry_out(self, external_id: str, decision: HeldDecision) -> None:
        because = decision.in_words()
        made = self._made[external_id] = LinkMade(external_id, decision.item_id, "decision", because)
        state = self._closed(external_id, "created" if decision.action == "create" else "mapped", because)
        self._step([external_id], [made, *state])

    def _settle(self, external_id: str, found: Match, catalogue: Catalogue) -> None:
        if found.item_id is None:
            self._step([external_id], [self._waits(external_id, found.triage_reason, found.detail)])
        elif found.item_id in self._known(external_id).refused:
            item = in_words(catalogue.item(found.item_id))
            because = f"Its {found.matched_by} is that of {item}, but a person took that link away."
            self._step([external_id], [self._waits(external_id, "conflict", because)])
        else:
            made = LinkMade(external_id, found.item_id, found.matched_by, found.detail)
            self._step([external_id], [made, *self._closed(external_id, "gone", found.detail)])

    def _waits(self, external_id: str, reason: str, because: str) -> ItemChange:
        held = self._known(external_id).triage
        if held is None or held.state != "open":
            return TriageWaits(external_id, reason, because)
        if (held.reason, held.detail) == (reason, because):
            return LeftAlone(external_id, "waiting", because)
        return TriageWaits(external_id, reason, because, refreshed=True)

    # -- what all of them need

    def _known(self, external_id: str) -> KnownItem:
        return self._known_items.get(external_id, NOT_KNOWN)

    def _link(self, external_id: str) -> str | None:
        """The item that an id is linked to, by now."""
        held = self._known(external_id).link
        if held is not None:
            return held.item_id
        return self._made[external_id].item_id if external_id in self._made else None

    def _closed(self, external_id: str, state: TriageState, because: str) -> list[ItemChange]:
        return [TriageClosed(external_id, state, because)] if self._known(external_id).is_open else []

    def _step(self, ids: Iterable[str], changes: Iterable[ItemChange]) -> None:
        self.steps.append(ItemStep(tuple(dict.fromkeys(ids)), tuple(changes)))


def _cannot_match(facts: ItemFacts) -> str:
    if facts.kind == "helper":
        return f"a {facts.vendor_type or 'helper'} is nothing that can be a product or part"
    return "it is inactive in the accounting system"
