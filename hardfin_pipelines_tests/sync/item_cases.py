"""Items of an accounting system, and a memory that plans are carried out in, for tests of the rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_plan import (
    ItemChange,
    ItemStep,
    LinkBroken,
    LinkMade,
    LinkMended,
    TriageClosed,
    TriageWaits,
)
from hardfin_pipelines.sync.item_sync import Surroundings, plan_items
from hardfin_pipelines.sync.vendor_items import (
    NOT_KNOWN,
    HeldDecision,
    HeldLink,
    HeldTriage,
    ItemGone,
    KnownItem,
    Sightings,
    VendorItem,
)
from hardfin_pipelines.sync.vendor_keys import VendorKeys

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def facts(name: str, sku: str = "", **changes: Any) -> ItemFacts:
    return replace(ItemFacts(name, (name,), sku, "stocked", "Inventory"), **changes)


def item(external_id: str, name: str, sku: str = "", minute: int = 0, **changes: Any) -> VendorItem:
    return VendorItem(external_id, facts(name, sku, **changes), at(minute))


def deleted(external_id: str, minute: int = 10) -> ItemGone:
    return ItemGone(external_id, at(minute), "deleted")


def merged(external_id: str, into: str, minute: int = 10) -> ItemGone:
    return ItemGone(external_id, at(minute), "merged", into)


def decision(action: Any, item_id: str = "") -> HeldDecision:
    return HeldDecision("dec_1", action, item_id, "cli:ann", NOON)


@dataclass
class Memory:
    """What a store holds of one connection's items; plans are carried out in it."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    known: dict[str, KnownItem] = field(default_factory=dict)

    def visit(self, *seen: VendorItem, gone: Iterable[ItemGone] = ()) -> list[ItemChange]:
        """Plan what was seen, carry it out, and say what changed."""
        return self.take(Sightings(seen, gone))

    def take(self, sightings: Sightings) -> list[ItemChange]:
        steps = plan_items(sightings, self.known, self.waiting(), lambda: self._surroundings(sightings))
        self._carry_out(steps, sightings)
        return [change for step in steps for change in step.changes]

    def linked(self) -> dict[str, str]:
        """External ids whose links are whole, with what they are linked to."""
        return {
            external_id: each.link.item_id
            for external_id, each in self.known.items()
            if each.link is not None and not each.link.broken_because
        }

    def waiting(self) -> dict[str, str]:
        """External ids that wait in triage, with the reason."""
        return {each: known.triage.reason for each, known in self.known.items() if known.is_open and known.triage}

    def _surroundings(self, sightings: Sightings) -> Surroundings:
        keys = {each: known.item.facts for each, known in self.known.items() if known.item and not known.gone}
        for gone in sightings.gone:
            keys.pop(gone, None)
        keys |= {each.id: each.facts for each in sightings.items.values()}
        return Surroundings(self.catalogue, VendorKeys(keys.values()), self.linked())

    def _carry_out(self, steps: Iterable[ItemStep], sightings: Sightings) -> None:
        for seen in sightings.items.values():
            self._change(seen.id, item=seen, gone=None)
        for gone in sightings.gone.values():
            self._change(gone.id, gone=gone)
        for step in steps:
            for change in step.changes:
                self._carry_out_one(change)

    def _carry_out_one(self, change: ItemChange) -> None:
        held = self.known.get(change.id, NOT_KNOWN)
        if isinstance(change, LinkMade):
            assert held.link is None, "an external id has one link"
            self._change(change.id, link=HeldLink(change.item_id, change.matched_by))
        elif isinstance(change, LinkBroken | LinkMended):
            assert held.link is not None
            broken = change.because if isinstance(change, LinkBroken) else ""
            self._change(change.id, link=replace(held.link, broken_because=broken))
        elif isinstance(change, TriageWaits):
            self._change(change.id, triage=HeldTriage("open", change.reason, change.because))
        elif isinstance(change, TriageClosed):
            assert held.triage is not None
            self._change(change.id, triage=replace(held.triage, state=change.state, detail=change.because))

    def _change(self, external_id: str, **parts: Any) -> None:
        self.known[external_id] = replace(self.known.get(external_id, NOT_KNOWN), **parts)


def catalogue(*items: tuple[str, str, str]) -> Catalogue:
    """Products by id, name and SKU."""
    return Catalogue(CatalogueItem(item_id, "product", name, sku) for item_id, name, sku in items)
