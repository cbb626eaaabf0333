"""Which of Hardfin's customers a customer of an accounting system is: certain, or a person's to say.

Levels, strongest first: the same name, the same normalized name. A name must be one customer's alone on both sides;
nothing is linked by similarity, and nobody waits in a queue: a customer without a link is one whose documents are not
shown.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.sync.item_keys import name_key
from hardfin_pipelines.sync.match_wording import quoted

CustomerMatchedBy = Literal["name", "normalized name", ""]


@dataclass(frozen=True, slots=True)
class CustomerMatch:
    """What matching found out about one customer of an accounting system.

    Attributes:
        external_id: The vendor's id.
        customer_id: Hardfin's customer to link it to; None where a person has to say so.
        matched_by: The level that says so; "" where there is no link.
        because: Why, or why not, in one sentence.
    """

    external_id: str
    customer_id: str | None
    matched_by: CustomerMatchedBy
    because: str


class CustomerNames:
    """Hardfin's customers, by what they can be recognized by."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take in customers: their names by id."""
        self._names: dict[str, list[str]] = {}
        self._keys: dict[str, list[str]] = {}
        for customer_id, name in sorted(names.items()):
            if key := name_key(name):
                self._names.setdefault(name, []).append(customer_id)
                self._keys.setdefault(key, []).append(customer_id)
        self._of = names

    def found(self, name: str, key: str) -> tuple[CustomerMatchedBy, list[str]]:
        """The strongest level with a hit, and the customers of that level."""
        if exact := self._names.get(name):
            return "name", exact
        normalized = self._keys.get(key, [])
        return ("normalized name" if normalized else ""), normalized

    def name(self, customer_id: str) -> str:
        """What a customer is called."""
        return self._of[customer_id]


def match_customers(
    vendor: Mapping[str, str], hardfin: Mapping[str, str], *, linked: Mapping[str, str], left_alone: Collection[str]
) -> Iterator[CustomerMatch]:
    """Match the customers of one accounting system that are not linked yet.

    Args:
        vendor: The names of its active customers, by the vendor's id; a name that two of them share proves nothing.
        hardfin: The names of Hardfin's customers, by id.
        linked: The links there are, from the vendor's id to Hardfin's: they hold, and no second customer of the same
            accounting system joins them by its name.
        left_alone: The vendor's ids of those whose link a person took away.

    Yields:
        One match for each that is neither linked nor left alone, in the order of ids.
    """
    names = CustomerNames(hardfin)
    keys = Counter(name_key(name) for name in vendor.values())
    taken = set(linked.values())
    for external_id in sorted(vendor.keys() - linked.keys() - set(left_alone)):
        yield _match(external_id, vendor[external_id], names, keys, taken)


def _match(
    external_id: str, name: str, names: CustomerNames, keys: Mapping[str, int], taken: Collection[str]
) -> CustomerMatch:
    def nobody(because: str) -> CustomerMatch:
        return CustomerMatch(external_id, None, "", because)

    key = name_key(name)
    if not key:
        return nobody(f"Its name {quoted(name)} says nothing.")
    level, found = names.found(name, key)
    if not level:
        return nobody(f"No customer in Hardfin is called {quoted(name)}.")
    if len(found) > 1:
        return nobody(f"{len(found)} customers in Hardfin are called {quoted(name)}.")
    if keys[key] > 1:
        return nobody(f"{keys[key]} customers of the accounting system are called {quoted(name)}.")
    (customer_id,) = found
    theirs = quoted(names.name(customer_id))
    if customer_id in taken:
        return nobody(f"Another customer of the accounting system is linked to {theirs}.")
    how = "is the same as that of" if level == "name" else "is, but for how it is written, that of"
    because = f"Its name {quoted(name)} {how} the customer {theirs}, and no other customer's."
    return CustomerMatch(external_id, customer_id, level, because)
