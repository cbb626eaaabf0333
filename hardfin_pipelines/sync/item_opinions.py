"""What several systems say of one item, beside what Hardfin says, and where they disagree.

A disagreement is shown and never resolved: Hardfin's values are operations' own, each system's are its own. Names and
SKUs are compared as written. Amounts are compared where both are in one currency that is known. Who says nothing of a
field disagrees with nobody.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from hardfin_pipelines.sync.match_wording import quoted

OpinionField = Literal["name", "sku", "price", "cost"]

HARDFIN = "Hardfin"
"""Whose opinion it is where it is no other system's."""

_IN_WORDS: dict[OpinionField, str] = {"name": "name", "sku": "SKU", "price": "price", "cost": "cost"}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money; `currency` is ISO 4217, or "" where it is not known."""

    amount: Decimal
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}".strip()


@dataclass(frozen=True, slots=True)
class ItemSaid:
    """What one system says of an item; "" and None where it says nothing.

    Attributes:
        system: Who says it: `HARDFIN`, or the linked record.
        name: What it is called.
        sku: Its SKU as written.
        price: What one unit is sold for.
        cost: What one unit is bought for.
    """

    system: str
    name: str = ""
    sku: str = ""
    price: Money | None = None
    cost: Money | None = None

    def of(self, field: OpinionField) -> "str | Money | None":
        """What it says of one field; None where it says nothing."""
        value: str | Money | None = getattr(self, field)
        return value or None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one system says of one field."""

    system: str
    value: str | Money

    @property
    def text(self) -> str:
        """The value for people and programs."""
        return str(self.value)


@dataclass(frozen=True, slots=True)
class FieldOpinions:
    """What is said of one field.

    Attributes:
        field: The field.
        said: What each system says that says something, Hardfin first, then in the order of the systems.
        conflict: Whether two of them say different things.
    """

    field: OpinionField
    said: tuple[Opinion, ...]
    conflict: bool

    def sentence(self, named: Callable[[str], str] = str) -> str:
        """Who says what, those together who say the same. `named` gives the name that a system goes by here."""
        groups: list[tuple[str | Money, list[str]]] = []
        for each in self.said:
            same = next((systems for value, systems in groups if _same(value, each.value)), None)
            if same is None:
                groups.append((each.value, [named(each.system)]))
            else:
                same.append(named(each.system))
        told = [f"{_shown(value)} by {_together(systems)}" for value, systems in groups]
        return f"{_IN_WORDS[self.field]}: {'; '.join(told)}"


def compare_opinions(hardfin: ItemSaid, systems: Sequence[ItemSaid]) -> tuple[FieldOpinions, ...]:
    """What is said of each field of which anything is said.

    Args:
        hardfin: What Hardfin says.
        systems: What the linked systems say.
    """
    found = []
    for field in _IN_WORDS:
        values = ((each.system, each.of(field)) for each in (hardfin, *systems))
        said = tuple(Opinion(system, value) for system, value in values if value is not None)
        if said:
            found.append(FieldOpinions(field, said, _disagree(each.value for each in said)))
    return tuple(found)


def conflicts(opinions: Iterable[FieldOpinions]) -> tuple[FieldOpinions, ...]:
    """Those of which two systems say different things."""
    return tuple(each for each in opinions if each.conflict)


def _disagree(values: Iterable[str | Money]) -> bool:
    texts: set[str] = set()
    amounts: dict[str, set[Decimal]] = {}
    for value in values:
        if isinstance(value, str):
            texts.add(value)
        elif value.currency:
            amounts.setdefault(value.currency.upper(), set()).add(value.amount)
    return len(texts) > 1 or any(len(each) > 1 for each in amounts.values())


def _same(first: str | Money, second: str | Money) -> bool:
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    return (first.amount, first.currency.upper()) == (second.amount, second.currency.upper())


def _together(systems: Sequence[str]) -> str:
    *others, last = systems
    return f"{', '.join(others)} and {last}" if others else last


def _shown(value: str | Money) -> str:
    return quoted(value) if isinstance(value, str) else str(value)
