"""Fills an account: a catalogue of items, stock and business around them, or very many rows at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS

_RECORD_TYPES: Mapping[str, str] = {
    "inventory": "inventoryItem",
    "noninventory": "nonInventoryResaleItem",
    "service": "serviceSaleItem",
    "group": "kitItem",
    "assembly": "assemblyItem",
    "other charge": "otherChargeSaleItem",
    "subtotal": "subtotalItem",
    "discount": "discountItem",
    "payment": "paymentItem",
    "description": "descriptionItem",
}
"""What kinds of items in other systems are here, in lower case."""


class CatalogueRow(Protocol):
    """One item of a catalogue; the rows of any vendor's loader fit.

    Attributes:
        key: unique among the rows.
        name: what people call it.
        sku: "" where it has none.
        type: an item type of the record API such as `assemblyItem`, or a kind such as `Inventory` or `Service`.
        price: what one is sold for.
        cost: what one is bought for; None where it is not bought.
        category: its classes from the top, with `/` between them; "" for none.
        parent_key: the row it is a sub-item of; "" for none.
        active: whether it is still offered.
    """

    @property
    def key(self) -> str: ...  # noqa: D102  # described above
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def sku(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def price(self) -> Decimal: ...  # noqa: D102
    @property
    def cost(self) -> Decimal | None: ...  # noqa: D102
    @property
    def category(self) -> str: ...  # noqa: D102
    @property
    def parent_key(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def active(self) -> bool: ...  # noqa: D102


def load_catalogue(account: Account, rows: Iterable[CatalogueRow], *, at: datetime | None = None) -> Mapping[str, str]:
    """Creates the items, parents before their sub-items; inactive ones end as such.

    An item's number is its SKU, or its name where it has none or another item has taken the SKU: NetSuite's numbers are
    unique. The SKU is then kept as `mpn`. The price goes to the base price level.

    Args:
        account: gets them.
        rows: in any order.
        at: when they were made; now, when left out.

    Returns:
        Row keys with item ids.

    Raises:
        ValueError: a row's parent is not among the rows, its type is not known, or its number and name are taken.
    """
    loader = _Loader(account, at)
    waiting = list(rows)
    while waiting:
        ready = [row for row in waiting if not row.parent_key or row.parent_key in loader.ids]
        if not ready:
            raise ValueError(f"row {waiting[0].key!r}: there is no parent {waiting[0].parent_key!r}; add its row")
        for row in ready:
            loader.add(row)
        placed = {row.key for row in ready}
        waiting = [row for row in waiting if row.key not in placed]
    return loader.ids


class _Loader:
    def __init__(self, account: Account, at: datetime | None) -> None:
        self._account = account
        self._at = at
        self._classes: dict[str, str] = {}
        self._taken = {row["itemid"] for row in account.store.rows("SELECT itemid FROM item")}
        self.ids: dict[str, str] = {}

    def add(self, row: CatalogueRow) -> None:
        record_type = _RECORD_TYPES.get(row.type.lower(), row.type)
        if record_type.lower() not in ITEM_KINDS:
            raise ValueError(f"row {row.key!r}: type is {row.type!r}; expected one of {', '.join(_RECORD_TYPES)}")
        number = row.sku if row.sku and row.sku not in self._taken else row.name
        if number in self._taken:
            number = f"{row.name} ({row.key})"
        self._taken.add(number)
        account = self._account
        values: dict[str, Any] = {
            "itemid": number,
            "displayname": row.name,
            "mpn": row.sku if row.sku != number else None,
            "salesdescription": row.description,
            "parent": self.ids.get(row.parent_key),
            "class": self._class(row.category) if "classes" in account.features else None,
            "cost": row.cost,
            "subsidiary": account.main_subsidiary,
            "incomeaccount": account.ledger["4000"],
            "expenseaccount": account.ledger["5000"] if row.cost is not None else None,
            "assetaccount": account.ledger["1200"] if ITEM_KINDS[record_type.lower()].stocked else None,
            "isinactive": not row.active,
        }
        item_id = self.ids[row.key] = account.create(record_type, values, at=self._at)
        price = {
            "item": item_id,
            "pricelevel": account.price_levels["Base Price"],
            "unitprice": row.price,
            "quantity": 0,
        }
        account.create("pricing", price)

    def _class(self, path: str) -> str | None:
        """The id of a class, made with those above it where it is new; None for none."""
        if not path or path in self._classes:
            return self._classes.get(path)
        above, _, name = path.rpartition("/")
        parent = self._class(above)
        self._classes[path] = self._account.create("classification", {"name": name, "parent": parent}, at=self._at)
        return self._classes[path]


@dataclass(frozen=True, slots=True)
class BulkLoad:
    """The ids that a bulk load took: every whole number from the first to the last."""

    first_item_id: int
    last_item_id: int


def load_bulk(
    account: Account,
    *,
    items: int,
    stock_rows: int = 0,
    start: datetime | None = None,
    end: datetime | None = None,
) -> BulkLoad:
    """Creates very many items and rows of stock in one go; 50,000 and 100,000 take about a second.

    Item n is `BULK-0000n`, an inventory item with a base price; its stock is spread over as many locations as it takes
    (which are added).
    lastmodifieddate goes evenly from `start` to `end`.

    Args:
        account: gets them.
        items: how many, 1 or more.
        stock_rows: how many rows of stock, none where the account does not keep it by location.
        start: the first item's stamps; 30 days before `end`, when left out.
        end: the last item's stamps; now, when left out.

    Raises:
        ValueError: a number does not fit, or the account has no Multi-Location Inventory for the stock.
    """
    if items < 1 or stock_rows < 0 or (stock_rows and "multilocinvt" not in account.features):
        raise ValueError("bulk load: items must be 1 or more, and stock needs Multi-Location Inventory")
    last_stamp = (end or account.clock.now()).astimezone(UTC)
    first_stamp = (start or last_stamp - timedelta(days=30)).astimezone(UTC)
    step = (last_stamp - first_stamp) / max(items - 1, 1)
    places = -(-stock_rows // items)
    with account.store.writing():
        locations = [account.add_location(f"Bulk {number + 1}") for number in range(places)]
        first = account.newest_id + 1
        account.newest_id += items
        step_us = step // timedelta(microseconds=1)
        account.store.run(_ITEMS, [first, first_stamp, step_us, account.ledger["1200"], account.main_subsidiary, items])
        account.store.run(_PRICES, [first, int(account.price_levels["Base Price"]), int(account.base_currency)])
        for index, location in enumerate(locations):
            rows = min(items, stock_rows - index * items)
            account.store.run(_STOCK, [first, int(location), first_stamp, step_us, rows])
            account.store.run(_BALANCES, [int(location)])
        account.store.run(_TOTALS, [first])
    return BulkLoad(first, first + items - 1)


_ITEMS = """
INSERT INTO item BY NAME
SELECT $1 + n AS id, 'BULK-' || lpad(CAST(n AS VARCHAR), 5, '0') AS itemid, 'Bulk item ' || n AS displayname,
  'BULK-' || lpad(CAST(n AS VARCHAR), 5, '0') AS fullname, 'InvtPart' AS itemtype, 'F' AS isserialitem,
  'F' AS islotitem, 'F' AS isinactive, stamp AS createddate, stamp AS lastmodifieddate,
  CAST(10 + n % 90 AS DECIMAL(18, 8)) AS cost, CAST($4 AS BIGINT) AS assetaccount, CAST($5 AS VARCHAR) AS subsidiary
FROM (SELECT range AS n, CAST($2 AS TIMESTAMPTZ) + to_microseconds(range * CAST($3 AS BIGINT)) AS stamp
  FROM range(CAST($6 AS BIGINT)))
"""
_PRICES = """
INSERT INTO pricing BY NAME
SELECT id AS item, $2 AS pricelevel, CAST(cost * 1.6 AS DECIMAL(18, 8)) AS unitprice,
  CAST(0 AS DECIMAL(18, 8)) AS quantity, $3 AS currency
FROM item WHERE id >= $1
"""
_STOCK = """
INSERT INTO aggregateitemlocation BY NAME
SELECT $1 + n AS item, CAST($2 AS BIGINT) AS location, CAST(n % 50 AS DECIMAL(18, 8)) AS quantityonhand,
  CAST(n % 50 AS DECIMAL(18, 8)) AS quantityavailable, CAST(0 AS DECIMAL(18, 8)) AS quantitycommitted,
  CAST(0 AS DECIMAL(18, 8)) AS quantityonorder, CAST(0 AS DECIMAL(18, 8)) AS quantitybackordered,
  CAST(10 + n % 90 AS DECIMAL(18, 8)) AS averagecostmli, stamp AS lastquantityavailablechange, stamp AS lastmodifieddate
FROM (SELECT range AS n, CAST($3 AS TIMESTAMPTZ) + to_microseconds(range * CAST($4 AS BIGINT)) AS stamp
  FROM range(CAST($5 AS BIGINT)))
"""
_BALANCES = """
INSERT INTO inventorybalance BY NAME
SELECT item, location, '1' AS inventorystatus, quantityonhand, quantityavailable
FROM aggregateitemlocation WHERE location = $1
"""
_TOTALS = """
UPDATE item SET totalquantityonhand = s.n, averagecost = s.c
FROM (SELECT item, sum(quantityonhand) AS n, avg(averagecostmli) AS c FROM aggregateitemlocation GROUP BY item) s
WHERE s.item = item.id AND item.id >= $1
"""
