"""Where NetSuite keeps what is read besides items: tables, columns, and what tells of their changes.

Most tables have a stamp of their own. What has none is read whole, and sums of its numbers tell whether it changed.
Stock has a stamp for the available quantity alone: orders and costs move with transactions, which have theirs.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, cast

from hardfin_pipelines.connectors.books import Reading
from hardfin_pipelines.connectors.netsuite.visibility import Name
from hardfin_pipelines.sync.books import BOOKS_KINDS, BooksKind
from hardfin_pipelines.sync.records import PropertyType

Written = Literal["", "utc", "day", "zero", "shown"]
"""How a statement writes a column: as it is, a time in UTC, a day, zero for nothing, or its display text."""

SALES_TYPES = ("SalesOrd", "CustInvc")
STOCK_TYPES = ("InvtPart", "Assembly")
"""Codes of `item.itemtype` that keep stock; serialized and lot numbered items have the same."""


@dataclass(frozen=True, slots=True)
class BooksField:
    """A field of a kind's rows.

    Attributes:
        name: What answers call it.
        column: Where it is.
        written: How the statement writes it.
        needed: Without it the row cannot be told or used.
        needs: What shows it; "" where all that is needed is the table.
        calculated: NetSuite works it out.
    """

    name: str
    column: Name
    written: Written
    type: PropertyType
    needed: bool
    needs: str
    calculated: bool
    label: str


@dataclass(frozen=True, slots=True)
class Join:
    """Another table that fields or conditions are taken from.

    Attributes:
        table: Its name.
        on: The condition of the join.
        reads: The columns of the condition.
        inner: Rows without one in the other table are none; else they come without.
    """

    table: str
    on: str
    reads: tuple[Name, ...]
    inner: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A way to read a kind.

    Attributes:
        kind: What is read.
        name: Tells sources of one kind apart; what its fields are listed under.
        table: The table whose rows are read.
        key: The fields that tell rows apart, whole numbers but for quantities, in the order to walk through them.
        needs: What shows the table.
        stamp: The field that tells when a row changed; "" where there is none.
        joins: Other tables.
        condition: Which rows are read, always.
        reads: The columns of the condition.
        checks: Fields whose sums tell of changes that no stamp tells of.
    """

    kind: BooksKind
    name: str
    table: str
    key: tuple[str, ...]
    needs: str
    stamp: str = "lastmodifieddate"
    joins: tuple[Join, ...] = ()
    condition: str = ""
    reads: tuple[Name, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[BooksField, ...]:
        """All its fields."""
        return books_fields()[self.name]

    def field(self, name: str) -> BooksField:
        """One of its fields."""
        return next(each for each in self.fields if each.name == name)

    @property
    def reading(self) -> Reading:
        """How changes are asked for."""
        return "by stamp" if self.stamp else "whole"


@cache
def books_fields() -> Mapping[str, tuple[BooksField, ...]]:
    """The fields of every source, by its name."""
    found: dict[str, tuple[BooksField, ...]] = {}
    text = files(__package__).joinpath("books_fields.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        field = BooksField(
            row["name"],
            Name(row["table"], row["column"]),
            cast("Written", row["written"]),
            cast("PropertyType", row["type"]),
            row["needed"] == "yes",
            row["needs"],
            row["calculated"] == "yes",
            row["label"],
        )
        found[row["source"]] = (*found.get(row["source"], ()), field)
    return found


def _currency_of(table: str) -> Join:
    reads = (Name(table, "currency"), Name("currency", "id"))
    return Join("currency", f"currency.id = {table}.currency", reads)


def _listed(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


_MAIN_LINE = Join(
    "transactionline",
    "transactionline.transaction = transaction.id AND transactionline.mainline = 'T'",
    (Name("transactionline", "transaction"), Name("transactionline", "mainline")),
)
_DOCUMENT = Join(
    "transaction",
    "transaction.id = transactionline.transaction",
    (Name("transaction", "id"), Name("transactionline", "transaction")),
    inner=True,
)
_SALES = f"transaction.type IN ({_listed(SALES_TYPES)})"
_ITEMS = "the permission Lists > Items"

SOURCES: tuple[Source, ...] = (
    Source(
        "subsidiary",
        "subsidiary",
        "subsidiary",
        ("id",),
        "NetSuite OneWorld and the permission Lists > Subsidiaries",
        joins=(_currency_of("subsidiary"),),
    ),
    Source("location", "location", "location", ("id",), "the feature Locations and the permission Lists > Locations"),
    Source(
        "ledger_account",
        "ledger_account",
        "account",
        ("id",),
        "the permission Lists > Accounts",
        joins=(_currency_of("account"),),
    ),
    Source("price_level", "price_level", "pricelevel", ("id",), _ITEMS, stamp=""),
    Source(
        "customer",
        "customer",
        "customer",
        ("id",),
        "the permission Lists > Customers",
        joins=(_currency_of("customer"),),
    ),
    Source(
        "item_component",
        "item_component",
        "itemmember",
        ("parentitem", "linenumber"),
        _ITEMS,
        stamp="",
        checks=("item", "quantity"),
    ),
    Source(
        "item_price",
        "item_price",
        "pricing",
        ("item", "pricelevel", "currency", "quantity"),
        _ITEMS,
        stamp="",
        joins=(_currency_of("pricing"),),
        checks=("unitprice", "quantity"),
    ),
    Source("serial_number", "serial_number", "inventorynumber", ("id",), _ITEMS),
    Source(
        "inventory_level",
        "inventory_level",
        "aggregateitemlocation",
        ("item", "location"),
        f"the feature Multi-Location Inventory and {_ITEMS}",
        stamp="lastquantityavailablechange",
        checks=("quantityonhand", "quantityavailable", "quantityonorder", "quantitycommitted", "averagecostmli"),
    ),
    Source(
        "inventory_level",
        "inventory_by_item",
        "item",
        ("item",),
        f"the feature Inventory and {_ITEMS}",
        condition=f"item.itemtype IN ({_listed(STOCK_TYPES)})",
        reads=(Name("item", "itemtype"),),
        checks=("quantityonhand", "quantityavailable", "quantityonorder", "quantitycommitted", "averagecost"),
    ),
    Source(
        "sales_document",
        "sales_document",
        "transaction",
        ("id",),
        "the permission Transactions",
        joins=(_currency_of("transaction"), _MAIN_LINE),
        condition=_SALES,
    ),
    Source(
        "sales_document_line",
        "sales_document_line",
        "transactionline",
        ("transaction", "id"),
        "the permission Transactions",
        joins=(_DOCUMENT,),
        condition=(
            f"{_SALES} AND transactionline.mainline = 'F' AND transactionline.taxline = 'F' "
            "AND NVL(transactionline.iscogs, 'F') = 'F'"
        ),
        reads=(
            Name("transaction", "type"),
            *(Name("transactionline", column) for column in ("mainline", "taxline", "iscogs")),
        ),
    ),
)
"""Every way to read every kind; of a kind's ways the first whose table is seen is taken."""

READINGS: Mapping[BooksKind, Reading] = MappingProxyType(
    {kind: next(source.reading for source in SOURCES if source.kind == kind) for kind in BOOKS_KINDS}
)
"""How changes of each kind are asked for, in the order to read them."""

MOVED_BY_TRANSACTIONS = (
    Name("transaction", "id"),
    Name("transaction", "lastmodifieddate"),
    Name("transactionline", "transaction"),
    Name("transactionline", "item"),
)
"""What must be seen to find the items that transactions moved."""


def sources_of(kind: BooksKind) -> tuple[Source, ...]:
    """The ways to read a kind."""
    return tuple(source for source in SOURCES if source.kind == kind)
