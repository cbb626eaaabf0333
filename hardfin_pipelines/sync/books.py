"""What an accounting system holds besides items, as the rules see it, whatever the vendor calls its parts.

The accounting system owns all of it: Hardfin keeps it as it was last read, and never decides about it. Rows name other
rows by the vendor's ids, so that what is linked later needs no second reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, get_args

BooksKind = Literal[
    "subsidiary",
    "location",
    "ledger_account",
    "price_level",
    "customer",
    "item_component",
    "item_price",
    "serial_number",
    "inventory_level",
    "sales_document",
    "sales_document_line",
]
"""What is read besides items. In this order: what others name comes first."""

BOOKS_KINDS: tuple[BooksKind, ...] = get_args(BooksKind)

SalesDocumentType = Literal["sales order", "invoice"]


@dataclass(frozen=True, slots=True)
class Subsidiary:
    """A company of a group. `currency` is ISO 4217 or "", `parent_id` "" at the top."""

    id: str
    name: str
    full_name: str
    parent_id: str = ""
    currency: str = ""
    country: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Location:
    """Where stock is kept."""

    id: str
    name: str
    full_name: str
    parent_id: str = ""
    subsidiary_id: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """An account of the general ledger. `type` is the vendor's word, such as "Income" or "COGS"."""

    id: str
    number: str
    name: str
    full_name: str
    type: str
    parent_id: str = ""
    currency: str = ""
    active: bool = True
    summary: bool = False
    inventory: bool = False


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """A kind of price, such as a base price or a dealer price."""

    id: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class BooksCustomer:
    """A customer as the accounting system has it. `number` is its number or code there, "" where it has none."""

    id: str
    name: str
    number: str = ""
    email: str = ""
    currency: str = ""
    subsidiary_id: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class ItemComponent:
    """One member of an assembly or a kit: how many of `item_id` one `parent_id` holds. `line` tells members apart."""

    parent_id: str
    line: str
    item_id: str
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ItemPrice:
    """A price of an item at a price level, from a quantity on. The base price is the item's own and not among these."""

    item_id: str
    price_level_id: str
    currency: str
    from_quantity: Decimal
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ItemCost:
    """What an item costs, all locations together; None where the account does not say."""

    item_id: str
    purchase_price: Decimal | None = None
    average_cost: Decimal | None = None
    last_purchase_price: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class SerialNumber:
    """A serial number, or a lot's number, of an item."""

    id: str
    item_id: str
    number: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class InventoryLevel:
    """What there is of an item at a location; `location_id` is "" where the account keeps stock by item alone.

    Quantities are in the item's stock unit, costs in the account's currency; None where the vendor says nothing.
    `moved_at` is when the available quantity last changed (vendor time, UTC).
    """

    item_id: str
    location_id: str
    on_hand: Decimal | None = None
    available: Decimal | None = None
    committed: Decimal | None = None
    on_order: Decimal | None = None
    backordered: Decimal | None = None
    in_transit: Decimal | None = None
    average_cost: Decimal | None = None
    last_purchase_price: Decimal | None = None
    on_hand_value: Decimal | None = None
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SalesDocument:
    """A sales order or a customer invoice. Amounts are in `currency`; `exchange_rate` leads to the account's own.

    `unpaid` is what is left of an invoice; None for orders. `modified_at` is vendor time, UTC.
    """

    id: str
    type: SalesDocumentType
    number: str
    customer_id: str
    modified_at: datetime
    document_date: date | None = None
    due_date: date | None = None
    status: str = ""
    currency: str = ""
    exchange_rate: Decimal | None = None
    total: Decimal | None = None
    unpaid: Decimal | None = None
    subsidiary_id: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True)
class SalesDocumentLine:
    """A line of a sales document. What is sold has quantities and amounts above zero, what is given back below."""

    document_id: str
    line_id: str
    item_id: str
    quantity: Decimal | None = None
    rate: Decimal | None = None
    amount: Decimal | None = None
    location_id: str = ""
    memo: str = ""


BooksFact = (
    Subsidiary
    | Location
    | LedgerAccount
    | PriceLevel
    | BooksCustomer
    | ItemComponent
    | ItemPrice
    | SerialNumber
    | InventoryLevel
    | SalesDocument
    | SalesDocumentLine
)

FACT_TYPES: Mapping[BooksKind, type[BooksFact]] = MappingProxyType(
    {
        "subsidiary": Subsidiary,
        "location": Location,
        "ledger_account": LedgerAccount,
        "price_level": PriceLevel,
        "customer": BooksCustomer,
        "item_component": ItemComponent,
        "item_price": ItemPrice,
        "serial_number": SerialNumber,
        "inventory_level": InventoryLevel,
        "sales_document": SalesDocument,
        "sales_document_line": SalesDocumentLine,
    }
)

BOOKS_KEYS: Mapping[BooksKind, tuple[str, ...]] = MappingProxyType(
    {
        "item_component": ("parent_id", "line"),
        "item_price": ("item_id", "price_level_id", "currency", "from_quantity"),
        "inventory_level": ("item_id", "location_id"),
        "sales_document_line": ("document_id", "line_id"),
    }
)
"""The fields that tell rows of a kind apart, where it is not `id`."""


def key_fields(kind: BooksKind) -> tuple[str, ...]:
    """The fields that tell rows of a kind apart."""
    return BOOKS_KEYS.get(kind, ("id",))
