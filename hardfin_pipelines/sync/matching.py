"""Which product or part an item of an accounting system is: certain, or a person's to say.

Levels, strongest first: the same SKU, the same normalized SKU, the same name, the same normalized name. Names are tried
as the item's own and as its full path. Each side, SKU and name, points at what its strongest level with a hit points
at. A link is made where one side points at one item and nothing speaks against it; similarity never makes one
(`suggestions` ranks by it).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal, NamedTuple

from hardfin_pipelines.sync.catalogue import Catalogue
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_keys import name_key, path_forms, sku_key
from hardfin_pipelines.sync.match_wording import in_words, listed, quoted
from hardfin_pipelines.sync.vendor_keys import VendorKeys

MatchedBy = Literal["sku", "normalized sku", "name", "normalized name", ""]
TriageReason = Literal["", "unmatched", "ambiguous", "conflict", "helper", "inactive"]

MOST_CANDIDATES = 25
"""More items than this that share a key are not told apart by a list."""

_NOTHING: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """What matching found out about one item.

    Attributes:
        item_id: The item to link it to; None where a person decides, or nobody does.
        matched_by: The strongest level that says so; "" where there is no link.
        triage_reason: Why there is no link; "" where there is one. Helpers and inactive items are none of triage's.
        detail: The same in one sentence.
        steps: Every level tried, with what it found; () where nobody asked for them.
        candidates: What was found where that was more than one item, those first that both sides point at.
        by_both: Whether SKU and name both say so.
    """

    item_id: str | None
    matched_by: MatchedBy = ""
    triage_reason: TriageReason = ""
    detail: str = ""
    steps: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    by_both: bool = False

    @property
    def is_for_triage(self) -> bool:
        """Whether a person is to decide."""
        return self.triage_reason in {"unmatched", "ambiguous", "conflict"}


def match(
    facts: ItemFacts,
    catalogue: Catalogue,
    vendor_keys: VendorKeys | None = None,
    taken: Collection[str] = (),
    *,
    explained: bool = True,
) -> Match:
    """Match one item.

    Args:
        facts: The item.
        catalogue: What it may be.
        vendor_keys: The keys of all items of its connection, itself among them; a key that it shares with another one
            proves nothing alone. Without them, keys are only unique among Hardfin's items.
        taken: Hardfin items to which other items of the same connection are linked; only a person links a second one.
        explained: With the steps, which take as long to write down as the matching itself.
    """
    if facts.kind == "helper":
        return Match(None, triage_reason="helper", detail=f"{_type(facts)} is nothing that can be a product or part.")
    if not facts.active:
        return Match(None, triage_reason="inactive", detail="It is inactive in the accounting system.")
    return _Decision(facts, catalogue, vendor_keys, taken, explained=explained).made()


def match_all(
    items: Mapping[str, ItemFacts],
    catalogue: Catalogue,
    vendor_keys: VendorKeys | None = None,
    taken: Collection[str] = (),
) -> Iterator[tuple[str, Match]]:
    """Match many items of one connection: as each alone, without steps, and no two are linked to one Hardfin item.

    Where several find the same one, it is linked to the only one of them whose SKU and name both say so, or to none:
    a new thing with an old SKU, beside the old one found by its name, is not told from the opposite.

    Args:
        items: External id to item.
        catalogue: What they may be.
        vendor_keys: The keys of all items of the connection; made of `items` where it is None.
        taken: Hardfin items to which further items of the connection are linked.

    Yields:
        External id and match, in the order of `items`.
    """
    keys = VendorKeys(items.values()) if vendor_keys is None else vendor_keys
    matches = {
        external_id: match(facts, catalogue, keys, taken, explained=False) for external_id, facts in items.items()
    }
    finders: dict[str, list[str]] = {}
    for external_id, found in matches.items():
        if found.item_id is not None:
            finders.setdefault(found.item_id, []).append(external_id)
    for item_id, external_ids in finders.items():
        if len(external_ids) > 1:
            for external_id in _losers(external_ids, matches):
                matches[external_id] = _second(matches[external_id], catalogue, item_id, len(external_ids))
    yield from matches.items()


def _losers(external_ids: list[str], matches: Mapping[str, Match]) -> list[str]:
    certain = [each for each in external_ids if matches[each].by_both]
    return external_ids if len(certain) != 1 else [each for each in external_ids if each != certain[0]]


def _second(found: Match, catalogue: Catalogue, item_id: str, finders: int) -> Match:
    detail = f"{finders} items of the accounting system would be linked to {in_words(catalogue.item(item_id))}."
    return Match(None, "", "ambiguous", detail, found.steps, (item_id,))


class _Pointing(NamedTuple):
    """What one side points at.

    Attributes:
        level: The strongest level with a hit; "" where there is none.
        ids: The items of that level.
        key: What hit, as the vendor has it.
    """

    level: MatchedBy
    ids: Collection[str]
    key: str

    @property
    def one(self) -> str | None:
        return next(iter(self.ids)) if len(self.ids) == 1 else None


class _Decision:
    """One item on its way through the levels."""

    def __init__(
        self,
        facts: ItemFacts,
        catalogue: Catalogue,
        vendor_keys: VendorKeys | None,
        taken: Collection[str],
        *,
        explained: bool,
    ) -> None:
        self._facts, self._catalogue, self._vendor_keys, self._taken = facts, catalogue, vendor_keys, taken
        self._explained = explained
        self._sku_key, self._name_key = sku_key(facts.sku), name_key(facts.name)
        self._path_forms = path_forms(facts.path)
        self._path_key = name_key(self._path_forms[0]) if self._path_forms else ""
        self._steps: list[str] = []

    def made(self) -> Match:
        sku, name = self._pointed_at_by_sku(), self._pointed_at_by_name()
        if sku.one and name.level and sku.one not in name.ids:
            return self._conflict(sku, name)
        if sku.one:
            return self._linked(sku, name)
        if sku.level:
            clashes = name.one is not None and name.one not in sku.ids
            return self._conflict(sku, name) if clashes else self._ambiguous(sku, name)
        if name.one:
            return self._linked(name, sku)
        if name.level:
            return self._ambiguous(name, sku)
        return self._unmatched()

    # -- what the levels say

    def _pointed_at_by_sku(self) -> _Pointing:
        if not self._sku_key:
            self._note(f"SKU: {quoted(self._facts.sku)} is no key" if self._facts.sku.strip() else "SKU: none")
            return _Pointing("", _NOTHING, "")
        exact = self._catalogue.with_sku(self._facts.sku)
        self._step("SKU", self._facts.sku, exact)
        if exact:
            return _Pointing("sku", exact, self._facts.sku)
        normalized = self._catalogue.with_sku_key(self._sku_key)
        self._step("normalized SKU", self._sku_key, normalized)
        return _Pointing("normalized sku" if normalized else "", normalized, self._facts.sku)

    def _pointed_at_by_name(self) -> _Pointing:
        if not self._name_key:
            self._note("name: none")
            return _Pointing("", _NOTHING, "")
        by_key = _together(
            self._catalogue.with_name_key(self._name_key),
            self._catalogue.with_name_key(self._path_key) if self._path_key else _NOTHING,
        )
        exact = self._named_exactly() if by_key else _NOTHING
        self._step("name", self._facts.name, exact)
        if exact and not self._path_says_otherwise(exact):
            return _Pointing("name", exact, self._facts.name)
        self._step("normalized name", self._name_key, by_key)
        return _Pointing("normalized name" if by_key else "", by_key, self._facts.name)

    def _named_exactly(self) -> Collection[str]:
        found = self._catalogue.with_name(self._facts.name)
        for form in self._path_forms:
            found = _together(found, self._catalogue.with_name(form))
        return found

    def _path_says_otherwise(self, exact: Collection[str]) -> bool:
        """Whether the own name and the path, one of them normalized, are names of different items."""
        if not self._path_key:
            return False
        forms = (self._catalogue.with_name_key(self._name_key), self._catalogue.with_name_key(self._path_key))
        return any(hits and not any(each in hits for each in exact) for hits in forms)

    def _step(self, level: str, key: str, ids: Collection[str]) -> None:
        if self._explained:
            self._steps.append(f"{level} {quoted(key)}: {listed(self._catalogue, ids)}")

    def _note(self, step: str) -> None:
        if self._explained:
            self._steps.append(step)

    # -- what comes of it

    def _linked(self, side: _Pointing, other: _Pointing) -> Match:
        item_id = next(iter(side.ids))
        # First what no other item's link changes: what waits would be told another reason at every visit.
        if not other.level and any(crossing := self._crossing(item_id)):
            return self._crossed(side, item_id, *crossing)
        if item_id in self._taken:
            detail = f"Another item of the accounting system is linked to {in_words(self._catalogue.item(item_id))}."
            return self._no_link("ambiguous", detail, (item_id,))
        if objection := self._shared_at_vendor(side, other):
            return self._no_link("ambiguous", objection, (item_id,))
        how = "is the same as" if side.level in {"sku", "name"} else "is, but for how it is written, that of"
        detail = (
            f"Its {_key(side)} {quoted(side.key)} {how} {in_words(self._catalogue.item(item_id))}, and no other item's."
        )
        return Match(item_id, side.level, "", detail, tuple(self._steps), by_both=bool(other.level))

    def _shared_at_vendor(self, side: _Pointing, other: _Pointing) -> str:
        """Why the vendor's own items forbid the link: every key that speaks for it is another item's as well."""
        if self._vendor_keys is None:
            return ""
        objections = [self._shared(each.level) for each in (side, other) if each.level]
        return objections[0] if all(objections) else ""

    def _shared(self, level: MatchedBy) -> str:
        keys = self._vendor_keys
        if keys is None:
            return ""
        if level.endswith("sku"):
            number = keys.with_sku_key(self._sku_key)
            text = f"SKU {quoted(self._facts.sku)}"
        else:
            path_hits = bool(self._path_key and self._catalogue.with_name_key(self._path_key))
            number = 1 if path_hits else keys.with_name_key(self._name_key)
            text = f"name {quoted(self._facts.name)}"
        return f"{number} items of the accounting system have the {text}." if number > 1 else ""

    def _crossing(self, item_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Other items whose name is this one's SKU, and others whose SKU is this one's name."""
        by_name = self._catalogue.with_name_key(name_key(self._facts.sku)) if self._sku_key else _NOTHING
        by_sku = self._catalogue.with_sku_key(sku_key(self._facts.name))
        return _others(by_name, item_id), _others(by_sku, item_id)

    def _crossed(self, side: _Pointing, item_id: str, by_name: tuple[str, ...], by_sku: tuple[str, ...]) -> Match:
        mine, crossing = self._catalogue.item(item_id), (*by_name, *by_sku)
        theirs = in_words(self._catalogue.item(crossing[0]))
        what = (
            f"SKU {quoted(self._facts.sku)} is the name" if by_name else f"name {quoted(self._facts.name)} is the SKU"
        )
        detail = f"Its {_key(side)} {quoted(side.key)} is that of {in_words(mine)}, but its {what} of {theirs}."
        return self._no_link("conflict", detail, (item_id, *crossing))

    def _conflict(self, sku: _Pointing, name: _Pointing) -> Match:
        detail = (
            f"Its SKU {quoted(sku.key)} is that of {listed(self._catalogue, sku.ids)}, "
            f"but its name {quoted(name.key)} is that of {listed(self._catalogue, name.ids)}."
        )
        half = MOST_CANDIDATES // 2
        return self._no_link("conflict", detail, (*islice(sku.ids, half), *islice(name.ids, half)))

    def _ambiguous(self, side: _Pointing, other: _Pointing) -> Match:
        both = [each for each in other.ids if each in side.ids][:MOST_CANDIDATES]
        rest = (each for each in side.ids if each not in both)
        detail = f"Its {_key(side)} {quoted(side.key)} is that of {listed(self._catalogue, side.ids)}."
        candidates = (*both, *sorted(islice(rest, MOST_CANDIDATES - len(both))))
        return self._no_link("ambiguous", detail, candidates)

    def _unmatched(self) -> Match:
        sku = f"the SKU {quoted(self._facts.sku)}" if self._sku_key else ""
        name = f"the name {quoted(self._facts.name)}" if self._name_key else ""
        looked_for = " or ".join(filter(None, (sku, name)))
        detail = f"No product or part has {looked_for}." if looked_for else "It has neither a SKU nor a name."
        return self._no_link("unmatched", detail, ())

    def _no_link(self, reason: TriageReason, detail: str, candidates: tuple[str, ...]) -> Match:
        return Match(None, "", reason, detail, tuple(self._steps), tuple(dict.fromkeys(candidates)))


def _together(first: Collection[str], second: Collection[str]) -> Collection[str]:
    if not first or not second:
        return first or second
    return dict.fromkeys(chain(first, second))


def _others(ids: Collection[str], item_id: str) -> tuple[str, ...]:
    return tuple(islice((each for each in ids if each != item_id), MOST_CANDIDATES))


def _key(side: _Pointing) -> str:
    return "SKU" if side.level in {"sku", "normalized sku"} else "name"


def _type(facts: ItemFacts) -> str:
    return f"The type {quoted(facts.vendor_type)}" if facts.vendor_type else "Its type"
