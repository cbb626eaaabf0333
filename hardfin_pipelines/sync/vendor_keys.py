"""Which SKUs and names several items of one accounting system share.

A key must be unique on both sides. Accounting systems do not keep SKUs unique, and two items under different parents
may have one name; a product found by such a key belongs to one of them at most.
"""

from collections import Counter
from collections.abc import Iterable

from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_keys import name_key, sku_key


class VendorKeys:
    """The SKUs and names of the items of one connection, in their normalized forms.

    Inactive items count for SKUs, which people give to something new when the old is gone. They do not count for
    names: an item that was made again has the name of the one that was made inactive.
    """

    def __init__(self, facts: Iterable[ItemFacts] = ()) -> None:
        self._sku_keys: Counter[str] = Counter()
        self._name_keys: Counter[str] = Counter()
        for each in facts:
            self.add(each)

    def add(self, facts: ItemFacts) -> None:
        """Count an item in."""
        self._count(facts, 1)

    def remove(self, facts: ItemFacts) -> None:
        """Count an item out, by the facts that it was counted in with."""
        self._count(facts, -1)

    def with_sku_key(self, key: str) -> int:
        """How many items have a SKU of that normalized form."""
        return self._sku_keys[key]

    def with_name_key(self, key: str) -> int:
        """How many items have a name of their own, without parents, of that normalized form."""
        return self._name_keys[key]

    def _count(self, facts: ItemFacts, number: int) -> None:
        if facts.kind == "helper":
            return
        if key := sku_key(facts.sku):
            self._sku_keys[key] += number
        if facts.active and (key := name_key(facts.name)):
            self._name_keys[key] += number
