"""Applying what was seen of a connection's items to the store: planned once, written in batches.

The plan is made from one snapshot. Every batch is a transaction that looks again at what its part of the plan depends
on; what somebody changed meanwhile is left out of it, and planned again from a new snapshot.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sqlalchemy import Connection, Engine

from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.item_paths import with_paths
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.item_plan_store import write_item_steps
from hardfin_pipelines.platform.item_store import catalogue_mark, existing_items, load_catalogue
from hardfin_pipelines.platform.triage_store import has_open, mark_matched, scopes_to_match_again
from hardfin_pipelines.platform.vendor_item_store import (
    ItemScope,
    open_ids,
    present_keys,
    read_known,
    save_gone,
    save_items,
    whole_links,
)
from hardfin_pipelines.sync.item_plan import (
    ItemStep,
    LeftAlone,
    LinkBroken,
    LinkMade,
    LinkMended,
    TriageClosed,
    TriageWaits,
)
from hardfin_pipelines.sync.item_sync import Surroundings, is_loss, is_news, plan_items, stirs
from hardfin_pipelines.sync.vendor_items import NOT_KNOWN, KnownItem, Sightings, VendorItem
from hardfin_pipelines.sync.vendor_keys import VendorKeys

BATCH = 1_000
"""External ids written in one transaction: other writers of the organization wait no longer than that takes."""

_ROUNDS = 4
"""How often what others keep changing is planned again before the visit gives up for now."""

Check = Callable[[Connection], None]
"""Asked at the start of every transaction whether it may still be made; raises `WorkInterrupted` where it may not."""


@dataclass(slots=True)
class ItemCounts:
    """What became of items.

    Attributes:
        linked: Links made, by how the item was found.
        broken: Links that cannot be followed any more.
        mended: Broken links whose record is back.
        waiting: Items that came into triage.
        refreshed: Items in triage whose reason changed.
        left_triage: Items that need nobody's decision any more, by the state they were put in.
        left_alone: Items of which nothing had to be written, by why.
        set_aside: Items that could not be read.
        reasons: Why those could not.
    """

    linked: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    mended: int = 0
    waiting: int = 0
    refreshed: int = 0
    left_triage: Counter[str] = field(default_factory=Counter)
    left_alone: Counter[str] = field(default_factory=Counter)
    set_aside: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, steps: Sequence[ItemStep]) -> None:
        """Count what was written."""
        for change in chain.from_iterable(step.changes for step in steps):
            if isinstance(change, LinkMade):
                self.linked[change.matched_by] += 1
            elif isinstance(change, LinkBroken):
                self.broken += 1
            elif isinstance(change, LinkMended):
                self.mended += 1
            elif isinstance(change, TriageWaits):
                self.refreshed += change.refreshed
                self.waiting += not change.refreshed
            elif isinstance(change, TriageClosed):
                self.left_triage[change.state] += 1
            else:
                self.left_alone[change.why] += 1

    def numbers(self) -> dict[str, int]:
        """All of it, flat, for people and for the record of a run."""
        return {
            "linked": self.linked.total(),
            "links_broken": self.broken,
            "links_mended": self.mended,
            "into_triage": self.waiting,
            "triage_refreshed": self.refreshed,
            "out_of_triage": self.left_triage.total(),
            "left_alone": self.left_alone.total(),
            "set_aside": self.set_aside,
        }


@dataclass(slots=True)
class ItemStore:
    """Where items are applied, and on whose behalf.

    Attributes:
        engine: The store.
        scope: Whose items.
        stamp: What every row written says of the run.
        check: Asked in every transaction.
    """

    engine: Engine
    scope: ItemScope
    stamp: SyncStamp
    check: Check


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one snapshot came to: steps, what they were planned from, and the catalogue's mark."""

    steps: Sequence[ItemStep]
    sightings: Sightings
    known: Mapping[str, KnownItem]
    mark: str
    matched_all: bool


def apply_sightings(store: ItemStore, sightings: Sightings, counts: ItemCounts, *, only_triage: bool = False) -> None:
    """Plan what was seen and write it, in batches of 1,000.

    What waits in triage is matched again as well, where anything that its match depends on has changed.

    Args:
        store: Where, and on whose behalf.
        sightings: What a visit saw.
        counts: Grows with every batch that is committed.
        only_triage: There is nothing but what waits to be matched again.

    Raises:
        WorkInterrupted: The connection was paused, edited or disconnected, the lease was lost, or others kept changing
            the same items. What is committed stands.
    """
    left: set[str] = set()
    matched_for = ""
    for _round in range(_ROUNDS):
        plan = _planned(store, sightings, left, only_triage=only_triage)
        matched_for = plan.mark if plan.matched_all else matched_for
        left = set()
        for batch in _batches(plan.steps):
            left |= _write_batch(store, plan, batch, counts)
        if not left:
            _note_matched(store, matched_for)
            return
        sightings = plan.sightings.only(left)
    raise WorkInterrupted(
        f"{store.scope.connection_id}: others keep changing {len(left)} of its items; stopped for now"
    )


def waits_for_new_match(connection: Connection, scope: ItemScope) -> bool:
    """Whether something in triage was last matched before an item of Hardfin's was made, renamed or removed."""
    if not has_open(connection, scope):
        return False
    return scope in scopes_to_match_again(connection, scope.org, catalogue_mark(connection, scope.org))


def _note_matched(store: ItemStore, mark: str) -> None:
    if not mark:
        return
    with reading(store.engine) as connection:
        if not has_open(connection, store.scope):
            return
    with writing(store.engine) as connection:
        store.check(connection)
        mark_matched(connection, store.scope, mark)


def _planned(store: ItemStore, sightings: Sightings, left: set[str], *, only_triage: bool) -> _Plan:
    scope = store.scope
    with reading(store.engine) as connection:
        known = _known_around(connection, scope, sightings)
        sightings = with_paths(connection, scope, sightings, known)
        news = _news(sightings, known)
        mark = catalogue_mark(connection, scope.org)
        again = only_triage or _stirred(sightings.only(news), known)
        again = again or scope in scopes_to_match_again(connection, scope.org, mark)
        waiting = {*open_ids(connection, scope)} if again else left
        known |= read_known(connection, scope, waiting - known.keys())
        told = sightings.only(news)

        def surroundings() -> Surroundings:
            keys = present_keys(connection, scope)
            for gone in told.gone:
                keys.pop(gone, None)
            keys.update((external_id, item.facts) for external_id, item in told.items.items())
            catalogue = load_catalogue(connection, scope.org)
            return Surroundings(catalogue, VendorKeys(keys.values()), whole_links(connection, scope))

        steps = plan_items(told, known, waiting, surroundings)
    return _Plan([*steps, *_unchanged(sightings, steps, known)], sightings, known, mark, again)


def _known_around(connection: Connection, scope: ItemScope, sightings: Sightings) -> dict[str, KnownItem]:
    """What is known of the items seen, and of those that any was merged into, one after the other."""
    known: dict[str, KnownItem] = {}
    wanted = {*sightings.items, *sightings.gone, *(each.survivor_id for each in sightings.gone.values())} - {""}
    asked: set[str] = set()
    while wanted:
        found = read_known(connection, scope, wanted)
        known |= found
        asked |= wanted
        wanted = {each.gone.survivor_id for each in found.values() if each.gone is not None} - asked - {""}
    return known


def _news(sightings: Sightings, known: Mapping[str, KnownItem]) -> list[str]:
    items = (item.id for item in sightings.items.values() if is_news(item, known.get(item.id, NOT_KNOWN)))
    gone = (each.id for each in sightings.gone.values() if is_loss(each, known.get(each.id, NOT_KNOWN)))
    return [*items, *gone]


def _stirred(news: Sightings, known: Mapping[str, KnownItem]) -> bool:
    """Whether what waits may match otherwise because of something else that was seen."""
    return bool(news.gone) or any(stirs(item, known.get(item.id, NOT_KNOWN)) for item in news.items.values())


def _unchanged(sightings: Sightings, steps: Sequence[ItemStep], known: Mapping[str, KnownItem]) -> Iterator[ItemStep]:
    """Steps for what was seen and is as it was; where only its stamp moved, that is kept."""
    planned = {external_id for step in steps for external_id in step.ids}
    for external_id in sorted({*sightings.items, *sightings.gone} - planned):
        held = known.get(external_id, NOT_KNOWN)
        why = "gone" if external_id in sightings.gone else "linked" if held.link else "waiting"
        yield ItemStep((external_id,), (LeftAlone(external_id, why, "nothing of it has changed"),))


def _batches(steps: Sequence[ItemStep]) -> Iterator[list[ItemStep]]:
    batch: list[ItemStep] = []
    size = 0
    for step in steps:
        if size and size + len(step.ids) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(step)
        size += len(step.ids)
    if batch:
        yield batch


def _write_batch(store: ItemStore, plan: _Plan, batch: Sequence[ItemStep], counts: ItemCounts) -> set[str]:
    """Write the steps whose footing is as it was when they were planned; the ids of the others."""
    scope, stamp, sightings = store.scope, store.stamp, plan.sightings
    ids = [external_id for step in batch for external_id in step.ids]
    with writing(store.engine) as connection:
        store.check(connection)
        now_known = read_known(connection, scope, ids)
        there = existing_items(connection, scope.org, _targets(batch))
        sound = [
            step
            for step in batch
            if all(now_known.get(each, NOT_KNOWN) == plan.known.get(each, NOT_KNOWN) for each in step.ids)
            and there.issuperset(_targets([step]))
        ]
        written = {each for step in sound for each in step.ids}
        seen = [sightings.items[each] for each in sorted(written & sightings.items.keys())]
        changed = [item for item in seen if _differs(item, plan.known.get(item.id, NOT_KNOWN))]
        save_items(connection, scope, changed, now=stamp.now, run_id=stamp.run_id)
        save_gone(connection, scope, [sightings.gone[each] for each in sorted(written & sightings.gone.keys())])
        write_item_steps(connection, scope, sound, stamp, items=sightings.items, mark=plan.mark)
    counts.add(sound)
    return set(ids) - written if len(sound) < len(batch) else set()


def _targets(steps: Sequence[ItemStep]) -> set[str]:
    return {change.item_id for step in steps for change in step.changes if isinstance(change, LinkMade)}


def _differs(item: VendorItem, known: KnownItem) -> bool:
    return known.item != item or known.gone is not None
