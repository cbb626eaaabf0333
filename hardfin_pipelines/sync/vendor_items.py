"""Items of an accounting system as the rules see them: what a visit saw of each, and what the store knows of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.storable_text import is_storable, storable_text

DecisionAction = Literal["map", "create", "ignore", "unlink"]
"""What a person chose: this item of Hardfin, a new one, none at all; or that a link is wrong."""

TriageState = Literal["open", "mapped", "created", "ignored", "gone"]
TRIAGE_STATES: tuple[TriageState, ...] = ("open", "mapped", "created", "ignored", "gone")


@dataclass(frozen=True, slots=True)
class VendorItem:
    """An item as its accounting system has it.

    Attributes:
        id: The vendor's id.
        facts: What matching looks at.
        modified_at: The vendor's stamp, aware and in UTC.
        url: Where a person sees it, or "".
        merged_ids: Ids of items that were merged into it.
    """

    id: str
    facts: ItemFacts
    modified_at: datetime
    url: str = ""
    merged_ids: tuple[str, ...] = field(default=(), compare=False)

    @property
    def can_match(self) -> bool:
        """Whether it can be a product or part, by what it is."""
        return self.facts.active and self.facts.kind != "helper"


@dataclass(frozen=True, slots=True)
class ItemGone:
    """That the vendor has an item no more, since when (vendor time), and what became of it."""

    id: str
    at: datetime
    how: Literal["deleted", "merged"]
    survivor_id: str = ""

    def in_words(self) -> str:
        """The same, for the end of a sentence."""
        if self.how == "merged":
            into = f" into {self.survivor_id}" if self.survivor_id else ""
            return f"merged{into} at the vendor on {self.at:%Y-%m-%d}"
        return f"deleted at the vendor on {self.at:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class HeldLink:
    """A link as stored. `broken_because` is "" while its external record can be followed."""

    item_id: str
    matched_by: str
    broken_because: str = ""


@dataclass(frozen=True, slots=True)
class HeldDecision:
    """What a person chose for an item and has not taken back."""

    decision_id: str
    action: DecisionAction
    item_id: str
    decided_by: str
    decided_at: datetime

    def in_words(self) -> str:
        """The same, for the middle of a sentence."""
        did = {"map": f"mapped it to {self.item_id}", "create": f"made {self.item_id} of it", "ignore": "ignored it"}
        return f"{self.decided_by} {did.get(self.action, self.action)} on {self.decided_at:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class HeldTriage:
    """Its row in triage."""

    state: TriageState
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What the store knows of an external id.

    Attributes:
        item: The item as last read; None where it was never read.
        gone: That the vendor has it no more; None where it has.
        link: Its link.
        decision: The newest decision that holds: map, create or ignore.
        refused: Hardfin items that a person took away from it.
        triage: Its row in triage.
    """

    item: VendorItem | None = None
    gone: ItemGone | None = None
    link: HeldLink | None = None
    decision: HeldDecision | None = None
    refused: frozenset[str] = frozenset()
    triage: HeldTriage | None = None

    @property
    def is_open(self) -> bool:
        """Whether it waits for a person."""
        return self.triage is not None and self.triage.state == "open"


NOT_KNOWN = KnownItem()


class Sightings:
    """What the pages of one visit say of each item. The newest word counts, whatever order the pages come in.

    Attributes:
        items: The items that are there, by id.
        gone: Those that are not, by id.
    """

    def __init__(self, items: Iterable[VendorItem] = (), gone: Iterable[ItemGone] = ()) -> None:
        self.items: dict[str, VendorItem] = {}
        self.gone: dict[str, ItemGone] = {}
        for item in items:
            self.see(item)
        for each in gone:
            self.lose(each)

    def __len__(self) -> int:
        return len(self.items) + len(self.gone)

    def see(self, item: VendorItem) -> None:
        """Take in an item. Of two versions with one stamp, the one that is read later counts."""
        for merged in item.merged_ids:
            if merged != item.id:
                self.lose(ItemGone(merged, item.modified_at, "merged", item.id))
        lost, held = self.gone.get(item.id), self.items.get(item.id)
        if (lost is not None and lost.at >= item.modified_at) or (held and held.modified_at > item.modified_at):
            return
        self.gone.pop(item.id, None)
        self.items[item.id] = item

    def lose(self, gone: ItemGone) -> None:
        """Take in that an item is gone."""
        there, held = self.items.get(gone.id), self.gone.get(gone.id)
        if (there is not None and there.modified_at > gone.at) or (held and _weight(held) >= _weight(gone)):
            return
        self.items.pop(gone.id, None)
        self.gone[gone.id] = gone

    def with_items(self, items: Iterable[VendorItem]) -> "Sightings":
        """The same with some items as given, whatever was seen of them."""
        changed = Sightings()
        changed.items = self.items | {item.id: item for item in items}
        changed.gone = {each: gone for each, gone in self.gone.items() if each not in changed.items}
        return changed

    def only(self, ids: Iterable[str]) -> "Sightings":
        """What they say of some items."""
        part = Sightings()
        for each in ids:
            if each in self.items:
                part.items[each] = self.items[each]
            elif each in self.gone:
                part.gone[each] = self.gone[each]
        return part


def storable_facts(facts: ItemFacts) -> ItemFacts:
    """The facts without what a database refuses in text: NUL, and halves of surrogate pairs."""
    texts = (facts.name, *facts.path, facts.sku, facts.vendor_type, facts.description, facts.currency, facts.parent_id)
    if is_storable("".join(texts)):
        return facts
    return replace(
        facts,
        name=storable_text(facts.name),
        path=tuple(map(storable_text, facts.path)),
        sku=storable_text(facts.sku),
        vendor_type=storable_text(facts.vendor_type),
        description=storable_text(facts.description),
        currency=storable_text(facts.currency),
        parent_id=storable_text(facts.parent_id),
    )


def _weight(gone: ItemGone) -> tuple[datetime, bool, str]:
    return (gone.at, gone.how == "merged", gone.survivor_id)
