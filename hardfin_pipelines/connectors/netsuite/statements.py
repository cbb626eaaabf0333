"""SuiteQL statements (Oracle docs: SuiteQL). It has no parameters: what goes in is digits, names and moments of ours.

Times are compared and written in UTC: without that NetSuite writes the date alone, as the user prefers it, and reads
times in the zone of the session (seen by other connectors, which lost what changed between a tick and local midnight).
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from hardfin_pipelines.connectors.netsuite.fields import PRICE, PRICE_CURRENCY, ItemColumns, item_fields

MODEL = "YYYY-MM-DD HH24:MI:SS"
NOTHING = "item.id < 0"
"""A condition that no item meets: of the statement only the names are looked at."""

DELETED_TYPES = (
    "item",
    "inventoryitem",
    "serializedinventoryitem",
    "lotnumberedinventoryitem",
    "assemblyitem",
    "serializedassemblyitem",
    "lotnumberedassemblyitem",
    "noninventoryitem",
    "noninventorysaleitem",
    "noninventorypurchaseitem",
    "noninventoryresaleitem",
    "serviceitem",
    "servicesaleitem",
    "servicepurchaseitem",
    "serviceresaleitem",
    "otherchargeitem",
    "otherchargesaleitem",
    "otherchargepurchaseitem",
    "otherchargeresaleitem",
    "kititem",
    "itemgroup",
    "downloaditem",
    "giftcertificateitem",
    "discountitem",
    "markupitem",
    "paymentitem",
    "subtotalitem",
    "descriptionitem",
)
"""What `deletedrecord` calls items, in lower case without blanks: the base record, or each kind. The list is closed:
`itemfulfillment` and `itemreceipt` are transactions, whose ids are others' items'."""

ITEMS_DELETED = "REPLACE(LOWER(deletedrecord.type), ' ') IN ('" + "', '".join(DELETED_TYPES) + "')"
"""The condition for rows of `deletedrecord` that tell of items."""

_DIGITS = re.compile(r"-?[0-9]{1,18}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def moment(at: datetime) -> str:
    """A moment as a literal: whole seconds, down, in UTC."""
    return f"TO_TIMESTAMP('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}', '{MODEL}')"


def in_utc(column: str) -> str:
    """A column of dates with times, in UTC."""
    return f"SYS_EXTRACT_UTC({column})"


def written(column: str) -> str:
    """The same as text."""
    return f"TO_CHAR({in_utc(column)}, '{MODEL}')"


NO_DELETIONS = (
    "SELECT 'deletedrecord' AS kind, COUNT(*) AS total FROM (SELECT deletedrecord.recordid, deletedrecord.name, "
    "deletedrecord.type, deletedrecord.deleteddate FROM deletedrecord WHERE deletedrecord.recordid < 0) probed"
)
"""No deletion, but an error where our role does not see what is deleted."""


def number(text: str | int | Decimal) -> str:
    """An id, or a quantity that was read, as a literal.

    Raises:
        ValueError: A text is no whole number.
    """
    if isinstance(text, Decimal):
        return f"{text:f}"
    if not _DIGITS.fullmatch(str(text)):
        raise ValueError(f"{str(text)[:40]!r} is no id: expected digits")
    return str(text)


def symbol(currency: str) -> str:
    """A currency as a literal.

    Raises:
        ValueError: It is none.
    """
    if not _CURRENCY.fullmatch(currency):
        raise ValueError(f"{currency!r} is no currency: expected three capitals")
    return f"'{currency}'"


def is_id(text: str) -> bool:
    """Whether a text may be an item's id."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def since_of(since: datetime) -> str:
    """The condition for items that were changed at or after a moment."""
    return f"{in_utc('item.lastmodifieddate')} >= {moment(since)}"


def among(ids: Sequence[str]) -> str:
    """The condition for items with some ids."""
    return f"item.id IN ({', '.join(map(number, ids))})"


def items(columns: ItemColumns, condition: str, behind: int | Decimal) -> str:
    """Items that meet a condition ("" for all), behind an id, in the order of ids."""
    shown = [_shown(name) for name in columns.names]
    prices = ""
    if columns.pricing != "none":
        shown.append(f"base.unitprice AS {PRICE}")
        prices = f" LEFT JOIN ({_base_prices(columns)}) base ON base.item = item.id"
    if columns.pricing == "by currency":
        shown.append(f"base.symbol AS {PRICE_CURRENCY}")
    where = " AND ".join(each for each in (condition, f"item.id > {number(behind)}") if each)
    return f"SELECT {', '.join(shown)} FROM item{prices} WHERE {where} ORDER BY item.id"  # noqa: S608  # see module


def item_names(names: Collection[str]) -> str:
    """No item, but an error where one of the columns is not there."""
    return f"SELECT {', '.join(f'item.{name}' for name in names)} FROM item WHERE {NOTHING}"  # noqa: S608  # see module


def deletions(since: datetime, behind: int | Decimal) -> str:
    """Items deleted at or after a moment, behind an id, in the order of ids."""
    return (
        "SELECT deletedrecord.recordid AS id, deletedrecord.name AS name, "  # noqa: S608  # see module
        f"{written('deletedrecord.deleteddate')} AS deleteddate FROM deletedrecord "
        f"WHERE {ITEMS_DELETED} AND {in_utc('deletedrecord.deleteddate')} >= {moment(since)} "
        f"AND deletedrecord.recordid > {number(behind)} ORDER BY deletedrecord.recordid"
    )


def nothing_of(table: str, column: str = "id") -> str:
    """No row, but an error where a table is not there; `table` is a name of ours."""
    return f"SELECT {table}.{column} FROM {table} WHERE {table}.{column} < 0"  # noqa: S608  # see module


_HERE = f"TO_CHAR(CURRENT_DATE, '{MODEL}') AS here"

HERE = f"SELECT {_HERE} FROM dual"  # noqa: S608  # see module
"""The time in the zone of the user we act as; no table is needed for it."""


def main_currency(*, timed: bool) -> str:
    """OneWorld: the currency of the topmost subsidiary; `timed` asks for the time there as well."""
    shown = f"currency.symbol AS symbol{f', {_HERE}' * timed}"
    return (
        f"SELECT {shown} FROM subsidiary INNER JOIN currency ON currency.id = subsidiary.currency "  # noqa: S608
        "WHERE subsidiary.parent IS NULL ORDER BY subsidiary.id"
    )


def base_currency(*, timed: bool) -> str:
    """Other accounts: the currency that is marked as theirs; `timed` as in `main_currency`."""
    shown = f"currency.symbol AS symbol{f', {_HERE}' * timed}"
    return f"SELECT {shown} FROM currency WHERE currency.isbasecurrency = 'T' ORDER BY currency.id"  # noqa: S608


def _base_prices(columns: ItemColumns) -> str:
    """The first price of each item at the base price level, in the account's currency."""
    level = f"pricing.pricelevel = {number(columns.price_level)} AND NVL(pricing.quantity, 0) = 0"
    if columns.pricing == "one currency":
        return f"SELECT pricing.item AS item, pricing.unitprice AS unitprice FROM pricing WHERE {level}"  # noqa: S608
    return (
        "SELECT pricing.item AS item, pricing.unitprice AS unitprice, currency.symbol AS symbol FROM pricing "  # noqa: S608
        f"LEFT JOIN currency ON currency.id = pricing.currency WHERE {level} "
        f"AND (currency.symbol = {symbol(columns.currency)} OR pricing.currency IS NULL)"
    )


def _shown(name: str) -> str:
    known = item_fields().get(name)
    timed = known is not None and known.type == "datetime"
    return f"{written(f'item.{name}')} AS {name}" if timed else f"item.{name} AS {name}"
