"""Fills a company with a catalogue of items."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.company import Company


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One item of a catalogue.

    Attributes:
        key: unique among the rows.
        name: at most 100 characters, unique among its siblings, without a colon.
        sku: "" where it has none.
        type: QuickBooks' item type.
        price: what one is sold for, in the company's currency.
        cost: what one is bought for; None where it is not bought.
        category: the names of its categories from the top, with `/` between them; "" for none.
        parent_key: the row it is a sub-item of, which has no category then; "" for none.
        active: whether it is still offered.
    """

    key: str
    name: str
    sku: str = ""
    type: str = "NonInventory"
    price: Decimal = Decimal(0)
    cost: Decimal | None = None
    category: str = ""
    parent_key: str = ""
    description: str = ""
    active: bool = True


def load_catalogue(company: Company, rows: Iterable[CatalogueRow], *, at: datetime | None = None) -> Mapping[str, str]:
    """Creates the items, their categories first and parents before their sub-items; inactive ones end as such.

    Args:
        company: gets them.
        rows: in any order.
        at: when they were made; now, when left out.

    Returns:
        Row keys with item ids.

    Raises:
        ValueError: a row's parent is not among the rows.
        VendorError: QuickBooks would refuse a row.
    """
    loader = _Loader(company, at)
    waiting = list(rows)
    while waiting:
        ready = [row for row in waiting if not row.parent_key or row.parent_key in loader.ids]
        if not ready:
            raise ValueError(f"row {waiting[0].key!r}: there is no parent {waiting[0].parent_key!r}; add its row")
        for row in ready:
            loader.add(row)
        placed = {row.key for row in ready}
        waiting = [row for row in waiting if row.key not in placed]
    loader.deactivate()
    return loader.ids


class _Loader:
    def __init__(self, company: Company, at: datetime | None) -> None:
        self._company = company
        self._at = at
        self._categories: dict[str, str] = {}
        self._inactive: list[str] = []
        self.ids: dict[str, str] = {}

    def add(self, row: CatalogueRow) -> None:
        parent_id = self.ids[row.parent_key] if row.parent_key else self._category(row.category)
        values: dict[str, Any] = {
            "Name": row.name,
            "Sku": row.sku,
            "Type": row.type,
            "UnitPrice": row.price,
            "PurchaseCost": row.cost,
            "Description": row.description,
        }
        given = {name: value for name, value in values.items() if value not in (None, "")}
        item_id = self._company.create("Item", {**given, **_below(parent_id)}, at=self._at)
        self.ids[row.key] = item_id
        if not row.active:
            self._inactive.append(item_id)

    def _category(self, path: str) -> str:
        """The id of a category, made with those above it where it is new; "" for none."""
        if not path or path in self._categories:
            return self._categories.get(path, "")
        above, _, name = path.rpartition("/")
        parent_id = self._category(above)
        values = {"Name": name, "Type": "Category", **_below(parent_id)}
        self._categories[path] = self._company.create("Item", values, at=self._at)
        return self._categories[path]

    def deactivate(self) -> None:
        """Sub-items come after their parents in `ids`, so they go first."""
        for item_id in reversed(self._inactive):
            self._company.deactivate("Item", item_id, at=self._at)


def _below(parent_id: str) -> dict[str, Any]:
    return {"SubItem": True, "ParentRef": {"value": parent_id}} if parent_id else {}
