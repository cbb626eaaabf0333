"""Hardfin's products and parts, indexed by what an item of an accounting system can be recognized by."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from hardfin_pipelines.sync.item_keys import name_key, sku_key

CatalogueKind = Literal["product", "part"]

_NONE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """A product or part.

    Attributes:
        id: Hardfin's id of it.
        kind: Which of both it is.
        name: Its name as written.
        sku: Its SKU as written; "" where it has none.
        price: What one unit is sold for.
        currency: Of the price, ISO 4217, or "".
    """

    id: str
    kind: CatalogueKind
    name: str
    sku: str = ""
    price: Decimal | None = None
    currency: str = ""


class Catalogue:
    """All products and parts of one organization.

    It follows one change at a time, so whoever makes an item of a triage item need not build it again. What it answers
    does not depend on the order that items came in, but for the order of ids under one key.
    """

    def __init__(self, items: Iterable[CatalogueItem] = ()) -> None:
        self._items: dict[str, CatalogueItem] = {}
        self._skus = _Index()
        self._sku_keys = _Index()
        self._names = _Index()
        self._name_keys = _Index()
        self._changes = 0
        for item in sorted(items, key=_id_of):
            self.put(item)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[CatalogueItem]:
        return iter(self._items.values())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    @property
    def changes(self) -> int:
        """How often it was changed; what is made of it is out of date when this has grown."""
        return self._changes

    def item(self, item_id: str) -> CatalogueItem:
        """The item of an id.

        Raises:
            KeyError: There is none.
        """
        return self._items[item_id]

    def put(self, item: CatalogueItem) -> None:
        """Add an item, or replace the one of the same id."""
        if item.id in self._items:
            self.remove(item.id)
        self._items[item.id] = item
        self._changes += 1
        alone = (item.id,)
        if key := sku_key(item.sku):
            self._skus.add(item.sku, alone)
            self._sku_keys.add(key, alone)
        if key := name_key(item.name):
            self._names.add(item.name, alone)
            self._name_keys.add(key, alone)

    def remove(self, item_id: str) -> None:
        """Take an item out; nothing happens where there is none of that id."""
        item = self._items.pop(item_id, None)
        if item is None:
            return
        self._changes += 1
        if key := sku_key(item.sku):
            self._skus.remove(item.sku, item_id)
            self._sku_keys.remove(key, item_id)
        if key := name_key(item.name):
            self._names.remove(item.name, item_id)
            self._name_keys.remove(key, item_id)

    def with_sku(self, sku: str) -> Collection[str]:
        """The ids of items with exactly that SKU; none for a SKU that is no key."""
        return self._skus.ids(sku)

    def with_sku_key(self, key: str) -> Collection[str]:
        """The ids of items whose SKU has that normalized form (`item_keys.sku_key`)."""
        return self._sku_keys.ids(key)

    def with_name(self, name: str) -> Collection[str]:
        """The ids of items with exactly that name."""
        return self._names.ids(name)

    def with_name_key(self, key: str) -> Collection[str]:
        """The ids of items whose name has that normalized form (`item_keys.name_key`)."""
        return self._name_keys.ids(key)


def _id_of(item: CatalogueItem) -> str:
    return item.id


class _Index:
    """Keys to ids.

    Nearly all keys have one id, so they hold a tuple that the item's other keys hold too. The others hold a dict, since
    a catalogue where every item has the same name must not take forever.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[str, tuple[str] | dict[str, None]] = {}

    def ids(self, key: str) -> Collection[str]:
        return self._ids.get(key, _NONE)

    def add(self, key: str, alone: tuple[str]) -> None:
        there = self._ids.setdefault(key, alone)
        if there is alone:
            return
        if isinstance(there, tuple):
            there = self._ids[key] = dict.fromkeys(there)
        there[alone[0]] = None

    def remove(self, key: str, item_id: str) -> None:
        there = self._ids[key]
        if isinstance(there, dict):
            del there[item_id]
            if there:
                return
        del self._ids[key]
