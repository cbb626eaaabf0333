"""What matching looks at in an item of an accounting system, whatever the vendor calls its parts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

ItemKind = Literal["stocked", "assembly", "kit", "non_stocked", "service", "helper"]
"""What an ERP's item is: kept in stock, built from others, sold as a set, neither, work, or nothing that can be sold
(a category, a subtotal, a discount)."""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """An item as its accounting system has it.

    Attributes:
        name: Its own name, without what the vendor appends to names of inactive items.
        path: The names from its outermost parent down to its own.
        sku: The stock keeping unit as written; "" where it has none.
        kind: What it is; helpers are never matched.
        vendor_type: The same in the vendor's word, for people.
        active: Whether the vendor still offers it.
        description: What it is, in the vendor's text.
        price: What one unit is sold for.
        cost: What one unit is bought for.
        currency: Of price and cost, ISO 4217, or "".
        parent_id: The vendor's id of its parent; "" where it has none, or where the path is always up to date.
    """

    name: str
    path: tuple[str, ...]
    sku: str
    kind: ItemKind
    vendor_type: str
    active: bool = True
    description: str = ""
    price: Decimal | None = None
    cost: Decimal | None = None
    currency: str = ""
    parent_id: str = ""
