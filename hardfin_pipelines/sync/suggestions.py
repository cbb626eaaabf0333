"""Which products and parts an item of an accounting system may be, best first, for a person to choose from.

Nothing here makes a link: `matching` does, where it is certain.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import NamedTuple

from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_keys import name_key, path_forms, sku_key
from hardfin_pipelines.sync.suggestion_index import CandidateIndex, sku_forms
from hardfin_pipelines.sync.suggestion_scoring import Comparison, Likeness
from hardfin_pipelines.sync.suggestion_words import folded, mixed_words_of, sort_key, words_of

WOULD_MATCH = 100
"""The score of what would have been linked, had it been the only one."""
LEAST = 30
"""Below this, a suggestion costs a person more than it tells."""

_COMPARED = 80
_MOST_THAT_WOULD_MATCH = 200
_TAKEN_COSTS, _TAKEN = 12.0, "another item of the accounting system is linked to it"
_SKU_COUNTS, _NAME_COUNTS, _PARENT_COUNTS, _DESCRIPTION_COUNTS = 1.5, 1.0, 0.3, 0.4
_JOINED_COUNTS, _LIKE_COUNTS, _SKU_WORDS_COUNT = 1.0, 0.8, 0.4


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An item that another one may be.

    Attributes:
        item_id: Hardfin's id of it.
        score: How alike they are, 0 to 100; 100 is only for what would match, were it the only one.
        reasons: In what they are alike, in words, the weightiest first.
    """

    item_id: str
    score: int
    reasons: tuple[str, ...]


class _Rated(NamedTuple):
    """An item on its way to be suggested.

    Attributes:
        item: The item.
        exact: Which keys would have matched it.
        likeness: How alike it is besides.
    """

    item: CatalogueItem
    exact: tuple[str, ...]
    likeness: Likeness

    def place(self) -> tuple[bool, int, float, tuple[tuple[int, str], ...], str]:
        """What it is sorted by."""
        return (
            not self.exact,
            -len(self.exact),
            -round(self.likeness.score, 6),
            sort_key(self.item.name),
            self.item.id,
        )

    def suggestion(self) -> Suggestion:
        """It as people see it."""
        if not self.exact:
            return Suggestion(self.item.id, int(self.likeness.score), self.likeness.reasons)
        said = {_subject(reason) for reason in self.exact}
        more = tuple(reason for reason in self.likeness.reasons if _subject(reason) not in said)
        return Suggestion(self.item.id, WOULD_MATCH, (*self.exact, *more))


class Suggester:
    """Suggestions from one catalogue; indexes it at the first question, and again at the first after a change."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._index: CandidateIndex | None = None
        self._places: dict[str, int] = {}
        self._changes = -1

    def suggest(self, facts: ItemFacts, limit: int = 5, taken: Collection[str] = ()) -> tuple[Suggestion, ...]:
        """The likeliest items, best first; the same for the same facts and catalogue, in whatever order it was filled.

        Args:
            facts: The item of the accounting system.
            limit: How many at most; there are fewer where fewer are alike.
            taken: Hardfin items that other items of the same connection are linked to; they come after those alike.
        """
        index = self._current_index()
        comparison = Comparison(facts, index)
        would_match = self._would_match(facts)
        near = (index.ids[place] for place in index.nearest(_query(facts, comparison, index), _COMPARED))
        rated: list[_Rated] = []
        for item_id in dict.fromkeys(chain(would_match, near)):
            item = self._catalogue.item(item_id)
            likeness = comparison.with_item(item, index.text(self._places[item_id]))
            if item_id in taken:
                likeness = Likeness(max(likeness.score - _TAKEN_COSTS, 0.0), (*likeness.reasons, _TAKEN))
            rated.append(_Rated(item, would_match.get(item_id, ()), likeness))
        rated = sorted((each for each in rated if each.exact or each.likeness.score >= LEAST), key=_Rated.place)
        return tuple(each.suggestion() for each in rated[:limit])

    def _current_index(self) -> CandidateIndex:
        if self._index is None or self._changes != self._catalogue.changes:
            self._changes = self._catalogue.changes
            self._index = CandidateIndex(sorted(self._catalogue, key=lambda item: item.id))
            self._places = {item_id: place for place, item_id in enumerate(self._index.ids)}
        return self._index

    def _would_match(self, facts: ItemFacts) -> Mapping[str, tuple[str, ...]]:
        """Items with a key of this one, and which keys those are."""
        found: dict[str, tuple[str, ...]] = {}
        _note(found, self._catalogue.with_sku_key(sku_key(facts.sku)), "the SKU is the same")
        forms = (facts.name, *path_forms(facts.path)[:1])
        for form in forms:
            reason = "the name is the same" if form is facts.name else "the name is the same, with its parents"
            _note(found, self._catalogue.with_name_key(name_key(form)), reason)
        return found


def _note(found: dict[str, tuple[str, ...]], ids: Iterable[str], reason: str) -> None:
    for item_id in islice(ids, _MOST_THAT_WOULD_MATCH):
        found[item_id] = (*found.get(item_id, ()), reason)


def _subject(reason: str) -> str:
    """What a reason is about: "the name ..." and "its name ..." are both about the name."""
    return reason.split(" ", 2)[1]


def _query(facts: ItemFacts, comparison: Comparison, index: CandidateIndex) -> dict[str, float]:
    """The words to look for, with what each counts."""
    weights: dict[str, float] = {}
    name = folded(facts.name)
    own, mixed = words_of(name), mixed_words_of(name)
    for words, counts in (
        (words_of(folded(facts.description)), _DESCRIPTION_COUNTS),
        ([word for name in facts.path[:-1] for word in words_of(folded(name))], _PARENT_COUNTS),
        (words_of(folded(facts.sku)), _SKU_WORDS_COUNT),
        ([word for form in comparison.forms for word in form.misspelt], _LIKE_COUNTS),
        (["".join(pair) for pair in pairwise(own)], _JOINED_COUNTS),
        ([like for word in mixed for like in index.spelt_like(word)], _LIKE_COUNTS),
        (mixed, _NAME_COUNTS),
        (sku_forms(facts.name), _JOINED_COUNTS),
        (own, _NAME_COUNTS),
        ([like for form in sku_forms(facts.sku) for like in index.spelt_like(form)], _LIKE_COUNTS),
        (sku_forms(facts.sku), _SKU_COUNTS),
    ):
        for word in words:
            weights[word] = max(counts, weights.get(word, 0.0))
    return weights
