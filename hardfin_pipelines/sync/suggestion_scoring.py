"""How alike an item of an accounting system and one of Hardfin's are, and in what."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from hardfin_pipelines.sync.catalogue import CatalogueItem, CatalogueKind
from hardfin_pipelines.sync.item_facts import ItemFacts, ItemKind
from hardfin_pipelines.sync.match_wording import quoted
from hardfin_pipelines.sync.suggestion_index import CandidateIndex
from hardfin_pipelines.sync.suggestion_words import compact, folded, words_of

_KNOWN_BY_KIND: dict[ItemKind, CatalogueKind] = {"assembly": "product", "kit": "product", "service": "product"}
_KIND_WORDS: dict[ItemKind, str] = {"assembly": "an assembly", "kit": "a kit", "service": "a service"}

_SAME_WORDS = 98.0
_SAME_NAME_BUT_SPACES = 95.0
_SAME_SKU_OTHERWISE_WRITTEN = 96.0
_SAME_SKU_BUT_ZEROS = 94.0
_SAME_SKU_BUT_LOOKALIKES = 92.0
_SKU_IN_NAME = 93.0
_ONE_CHARACTER_OFF = 84.0
_SAME_DIGITS = 72.0
_PART_OF_SKU = 74.0
_SHORTEST_ALIKE = 4

_LOOKALIKES = str.maketrans("oil", "011")
"""Letters that are read and typed as digits."""

_DESCRIPTION_COUNTS = 0.85
_MISSPELT_COUNTS = 0.85
_AGREEMENT_COUNTS = 0.12
_FAR_SKU = 2.0
_SAME_PRICE, _NEAR_PRICE, _FAR_PRICE = 4.0, 2.0, -3.0
_NEAR, _FAR = Decimal("0.05"), Decimal("0.6")
_KIND_FITS = 1.0
_PARENT_AGREES = 3.0
_NEARLY_THE_SAME = 85.0
_MANY_SHARED = 0.5
_MOST_WORDS_SHOWN = 4


class Likeness(NamedTuple):
    """How alike two items are.

    Attributes:
        score: 0 to 99, with fractions.
        reasons: In what, the weightiest first.
    """

    score: float
    reasons: tuple[str, ...]


class _Part(NamedTuple):
    score: float
    reason: str


_NO_PART = _Part(0.0, "")


@dataclass(frozen=True, slots=True)
class NameForm:
    """A name to compare.

    Attributes:
        words: Its words, unknown ones replaced by known ones that are spelt like them.
        text: The same words as they were, with a space between them.
        misspelt: Those in `words` that stand for an unknown one.
        counts: What a likeness to it counts; the item's own name counts 1.
    """

    words: tuple[str, ...]
    text: str
    misspelt: Collection[str]
    counts: float = 1.0


class Comparison:
    """One item of an accounting system, ready to be compared with many."""

    def __init__(self, facts: ItemFacts, index: CandidateIndex) -> None:
        self._facts, self._index = facts, index
        self.forms = _forms(facts, index)
        self._parents = {word for name in facts.path[:-1] for word in words_of(folded(name))}
        self._sku = _SkuForms.of(facts.sku)
        self._name_as_sku = _SkuForms.of(facts.name)

    def with_item(self, item: CatalogueItem, text: str) -> Likeness:
        """How alike it is to an item.

        Args:
            item: The item.
            text: The words of its name as the index has them.
        """
        name, sku = self._name(text), self._any_sku(item, text)
        strong, weak = (sku, name) if sku.score >= name.score else (name, sku)
        score = strong.score + _AGREEMENT_COUNTS * weak.score
        if self._sku.compact and item.sku and not sku.score:
            score -= _FAR_SKU
        parts = [part for part in self._small_parts(item, text) if part.score]
        score += sum(part.score for part in parts)
        reasons = [part.reason for part in (strong, weak, *parts) if part.reason]
        return Likeness(min(max(score, 0.0), 99.0), tuple(reasons))

    # -- names

    def _name(self, text: str) -> _Part:
        words = text.split()
        best, best_form = 0.0, None
        for form in self.forms:
            score = form.counts * self._words_alike(form, text, words)
            if score > best:
                best, best_form = score, form
        return _Part(best, self._why(best_form, text, words)) if best_form is not None else _NO_PART

    def _words_alike(self, form: NameForm, text: str, words: Sequence[str]) -> float:
        if form.text.replace(" ", "") == text.replace(" ", ""):
            return _SAME_NAME_BUT_SPACES if form.text != text else _SAME_WORDS
        shared = set(form.words).intersection(words)
        if not shared and form.counts < 1:
            return 0.0
        rarity = self._index.rarity
        both = sum([rarity(word) * (_MISSPELT_COUNTS if word in form.misspelt else 1.0) for word in shared])
        mine, theirs = sum(map(rarity, set(form.words))), sum(map(rarity, set(words)))
        covered, filled = (both / mine if mine else 0.0), (both / theirs if theirs else 0.0)
        spelt = fuzz.token_sort_ratio(form.text, text)
        return 45.0 * covered + 20.0 * filled + 0.35 * spelt

    def _why(self, form: NameForm | None, text: str, words: Sequence[str]) -> str:
        if form is None:
            return ""
        mine, theirs = form.text.split(), list(words)
        where = "the description" if form.counts < 1 else "the name"
        if mine == theirs:
            return f"{where} is the same but for accents, punctuation or zeros"
        if sorted(mine) == sorted(theirs):
            return f"{where} has the same words in another order"
        if "".join(mine) == "".join(theirs):
            return f"{where} is the same but for spaces"
        more, fewer = _without(theirs, mine), _without(mine, theirs)
        if not fewer:
            return f"{where} is the same without {_shown(more)}"
        if not more:
            return f"{where} is the same but for {_shown(fewer)} more"
        return self._roughly(form, text, words, where)

    def _roughly(self, form: NameForm, text: str, words: Sequence[str], where: str) -> str:
        if fuzz.ratio(form.text, text) >= _NEARLY_THE_SAME:
            more, fewer = _without(list(words), form.text.split()), _without(form.text.split(), list(words))
            return f"{where} is the same but for {_shown(fewer)} instead of {_shown(more)}"
        shared = [word for word in dict.fromkeys(form.words) if word in words]
        if not shared:
            return f"{where} is spelt alike" if fuzz.ratio(form.text, text) >= 100 * _MANY_SHARED else ""
        return f"{where} shares {_shown(shared)}"

    # -- SKUs

    def _any_sku(self, item: CatalogueItem, text: str) -> _Part:
        theirs = _SkuForms.of(item.sku)
        if self._sku.compact and theirs.compact:
            found = _skus_alike(self._sku, theirs)
            if found.score:
                return found
        if theirs.is_telling and theirs.compact == self._name_as_sku.compact:
            return _Part(_SKU_IN_NAME, f"its SKU is this name, {quoted(item.sku)}")
        if self._sku.is_telling and self._sku.compact == text.replace(" ", ""):
            return _Part(_SKU_IN_NAME, f"its name is this SKU, {quoted(self._facts.sku)}")
        if theirs.is_telling and theirs.has_digit and theirs.compact in self._name_as_sku.compact:
            return _Part(_SKU_IN_NAME, f"its SKU stands in this name, {quoted(item.sku)}")
        return _NO_PART

    # -- what decides between items that are alike

    def _small_parts(self, item: CatalogueItem, text: str) -> Sequence[_Part]:
        return (_price(self._facts, item), _kind(self._facts, item), self._parent(text))

    def _parent(self, text: str) -> _Part:
        shared = [word for word in text.split() if word in self._parents]
        own = self.forms[0].words if self.forms else ()
        shared = [word for word in shared if word not in own]
        return _Part(_PARENT_AGREES, f"its name has the parent's {_shown(shared)}") if shared else _NO_PART


class _SkuForms(NamedTuple):
    """A SKU as it is compared: as letters and digits, without leading zeros, its digits."""

    compact: str
    plain: str
    digits: str

    @classmethod
    def of(cls, sku: str) -> "_SkuForms":
        text = folded(sku)
        if not text:
            return _NO_SKU
        plain = "".join(words_of(text))
        return cls(compact(text), plain, "".join(filter(str.isdigit, plain)))

    @property
    def is_telling(self) -> bool:
        """Whether it is long enough not to stand anywhere by chance."""
        return len(self.compact) >= _SHORTEST_ALIKE

    @property
    def has_digit(self) -> bool:
        return bool(self.digits)


_NO_SKU = _SkuForms("", "", "")


def _skus_alike(mine: _SkuForms, theirs: _SkuForms) -> _Part:
    if mine.compact == theirs.compact:
        return _Part(_SAME_SKU_OTHERWISE_WRITTEN, "the SKU is the same but for punctuation")
    if mine.plain == theirs.plain:
        return _Part(_SAME_SKU_BUT_ZEROS, "the SKU is the same but for leading zeros")
    if not mine.is_telling or not theirs.is_telling:
        return _NO_PART
    if mine.compact.translate(_LOOKALIKES) == theirs.compact.translate(_LOOKALIKES):
        return _Part(_SAME_SKU_BUT_LOOKALIKES, "the SKU is the same if letters like O are read as digits")
    if OSA.distance(mine.compact, theirs.compact, score_cutoff=1) == 1:
        return _Part(_ONE_CHARACTER_OFF, "the SKU is one mistake away")
    if len(mine.digits) >= _SHORTEST_ALIKE and mine.digits == theirs.digits:
        return _Part(_SAME_DIGITS, f"the SKU has the same digits, {mine.digits[:20]}")
    if mine.compact.startswith(theirs.compact) or theirs.compact.startswith(mine.compact):
        return _Part(_PART_OF_SKU, "one SKU begins with the other")
    return _NO_PART


def _price(facts: ItemFacts, item: CatalogueItem) -> _Part:
    mine, theirs = facts.price, item.price
    if not mine or not theirs or (facts.currency and item.currency and facts.currency != item.currency):
        return _NO_PART
    if mine == theirs:
        return _Part(_SAME_PRICE, "the price is the same")
    apart = abs(mine - theirs) / max(abs(mine), abs(theirs))
    if apart <= _NEAR:
        return _Part(_NEAR_PRICE, "the price is close")
    return _Part(_FAR_PRICE, "") if apart >= _FAR else _NO_PART


def _kind(facts: ItemFacts, item: CatalogueItem) -> _Part:
    if _KNOWN_BY_KIND.get(facts.kind) != item.kind:
        return _NO_PART
    return _Part(_KIND_FITS, f"the type fits: {_KIND_WORDS[facts.kind]} is a {item.kind}")


def _forms(facts: ItemFacts, index: CandidateIndex) -> list[NameForm]:
    forms = [_form(facts.name, index, 1.0)]
    if len(facts.path) > 1:
        forms.append(_form(" ".join(facts.path), index, 1.0))
    if facts.description and folded(facts.description) != folded(facts.name):
        forms.append(_form(facts.description, index, _DESCRIPTION_COUNTS))
    return [form for form in forms if form.words]


def _form(name: str, index: CandidateIndex, counts: float) -> NameForm:
    written = words_of(folded(name))
    words: list[str] = []
    misspelt: set[str] = set()
    for word in written:
        like = index.spelt_like(word)
        words.extend(like[:1] or [word])
        misspelt.update(like[:1])
    return NameForm(tuple(words), " ".join(written), misspelt, counts)


def _without(words: list[str], others: list[str]) -> list[str]:
    left = list(words)
    for word in others:
        if word in left:
            left.remove(word)
    return left


def _shown(words: Sequence[str]) -> str:
    more = " …" if len(words) > _MOST_WORDS_SHOWN else ""
    return quoted(" ".join(words[:_MOST_WORDS_SHOWN]) + more)
