"""Which of many items are worth comparing with a text: those that share its rare words, and words like its own.

An inverted index (word to items) with weights by rarity, as in text search. A query adds up a bounded number of
postings, the rarest words first, and of the common words only intersects a few, so a catalogue of 100,000 items costs
little more than one of 1,000.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from heapq import nlargest, nsmallest

from rapidfuzz import process
from rapidfuzz.distance import OSA

from hardfin_pipelines.sync.catalogue import CatalogueItem
from hardfin_pipelines.sync.suggestion_words import compact, folded, mixed_words_of, words_of

_MOST_POSTINGS = 15_000
"""What one query adds up at most; words that would go beyond are its common words."""
_WIDE = 500
"""How many of what the rare words found, and of what has the common words together, are looked at for all of them."""
_MOST_INTERSECTED = 5
_MOST_NEIGHBOURS = 5_000
_MOST_FEATURES = 48

_SHORTEST_MISSPELT = 4
_LIKE_ENOUGH = 0.7
_LIKE_WORDS = 3
_FEWEST_DIGITS = 3


def sku_forms(sku: str) -> list[str]:
    """The words under which a SKU is found: without punctuation, without leading zeros as well, its long numbers."""
    text = folded(sku)
    apart = words_of(text)
    numbers = [word for word in apart if len(word) >= _FEWEST_DIGITS and word.isdigit()]
    return [form for form in dict.fromkeys([compact(text), "".join(apart), *numbers]) if form]


class CandidateIndex:
    """Items by their words."""

    def __init__(self, items: Iterable[CatalogueItem]) -> None:
        self.ids: list[str] = []
        self._texts: list[str] = []
        self._postings: dict[str, list[int]] = {}
        for item in items:
            self._add(item)
        size = len(self.ids)
        self._rarity = {word: math.log1p(size / len(found)) for word, found in self._postings.items()}
        self._lengths = [self._length(text) for text in self._texts]
        self._spellings: Spellings | None = None

    def rarity(self, word: str) -> float:
        """How much it says that two items share a word; an unknown word is as rare as can be."""
        return self._rarity.get(word) or math.log1p(len(self.ids))

    def text(self, place: int) -> str:
        """The words of the item at a place, with a space between them."""
        return self._texts[place]

    def knows(self, word: str) -> bool:
        """Whether any item has the word."""
        return word in self._postings

    def spelt_like(self, word: str) -> Sequence[str]:
        """Known words that an unknown one may be a misspelling of, best first."""
        if len(word) < _SHORTEST_MISSPELT or word in self._postings:
            return ()
        if self._spellings is None:
            self._spellings = Spellings(self._postings)
        return self._spellings.like(word)

    def nearest(self, weights: Mapping[str, float], limit: int) -> list[int]:
        """The places of the items that share most with a query, best first.

        Args:
            weights: The query's words with what each counts beside its rarity.
            limit: How many at most.
        """
        known = sorted((word for word in weights if word in self._postings), key=lambda w: (len(self._postings[w]), w))
        known = known[:_MOST_FEATURES]
        scores, common = self._found_by_rare(known, weights)
        if not common:
            return self._best(scores, limit)
        wide = {place: scores[place] for place in self._best(scores, _WIDE)}
        for place in self._having_together(common[:_MOST_INTERSECTED]):
            wide.setdefault(place, scores.get(place, 0.0))
        added = [(f" {word} ", self._weight(word, weights)) for word in common]
        for place in wide:
            padded = f" {self._texts[place]} "
            wide[place] += sum([weight for word, weight in added if word in padded])
        return self._best(wide, limit)

    def _found_by_rare(self, known: Sequence[str], weights: Mapping[str, float]) -> tuple[dict[int, float], list[str]]:
        scores: dict[int, float] = {}
        read = 0
        for number, word in enumerate(known):
            found = self._postings[word]
            if read + len(found) > _MOST_POSTINGS:
                return scores, list(known[number:])
            weight = self._weight(word, weights)
            for place in found:
                scores[place] = scores.get(place, 0.0) + weight
            read += len(found)
        return scores, []

    def _having_together(self, common: Sequence[str]) -> list[int]:
        """Those that have the most of some words, leaving out a word that none of the others goes with."""
        together = set(self._postings[common[0]])
        for word in common[1:]:
            together = together.intersection(self._postings[word]) or together
        lengths = self._lengths
        return nsmallest(_WIDE, together, key=lambda place: (lengths[place], place))

    def _weight(self, word: str, weights: Mapping[str, float]) -> float:
        return weights[word] * self._rarity[word] ** 2

    def _best(self, scores: Mapping[int, float], limit: int) -> list[int]:
        lengths = self._lengths
        ranked = nlargest(limit, ((score / lengths[place], -place) for place, score in scores.items()))
        return [-negated for _, negated in ranked]

    def _add(self, item: CatalogueItem) -> None:
        place = len(self.ids)
        self.ids.append(item.id)
        name = folded(item.name)
        words = words_of(name)
        self._texts.append(" ".join(words))
        features = {*words, *mixed_words_of(name)}
        if item.sku:
            features.update(sku_forms(item.sku))
        postings = self._postings
        for feature in features:
            found = postings.get(feature)
            if found is None:
                postings[feature] = [place]
            else:
                found.append(place)

    def _length(self, text: str) -> float:
        rarity = self._rarity
        return math.sqrt(sum([rarity[word] ** 2 for word in set(text.split())])) or 1.0


class Spellings:
    """Words by their halves and their letters: one mistake leaves a half as it was, or the letters in another order."""

    def __init__(self, words: Iterable[str]) -> None:
        self._near: dict[str, list[str]] = {}
        for word in words:
            if len(word) >= _SHORTEST_MISSPELT:
                for key in _halves(word, len(word) // 2):
                    self._near.setdefault(key, []).append(word)
        self.like = lru_cache(maxsize=4096)(self._like)
        """The likest words to one, at most three, best first; an item's words are asked for several times."""

    def _like(self, word: str) -> tuple[str, ...]:
        keys = {key for half in {(len(word) - 1) // 2, (len(word) + 1) // 2} for key in _halves(word, half)}
        near: dict[str, None] = {}
        for key in sorted(keys):
            near.update(dict.fromkeys(self._near.get(key, ())[:_MOST_NEIGHBOURS]))
        found = process.extract(
            word, list(near), scorer=OSA.normalized_similarity, score_cutoff=_LIKE_ENOUGH, limit=_LIKE_WORDS
        )
        return tuple(like for like, _, _ in found)


def _halves(word: str, half: int) -> tuple[str, str, str]:
    return f"^{word[:half]}", f"${word[-half:]}", f"~{''.join(sorted(word))}"
