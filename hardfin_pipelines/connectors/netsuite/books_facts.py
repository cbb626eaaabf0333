"""What NetSuite's rows say besides items: stock, prices, accounts, sales documents (Oracle docs: records catalog)."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.netsuite.answers import decimal_of, moment_of
from hardfin_pipelines.connectors.netsuite.decode import OBJECTS
from hardfin_pipelines.connectors.netsuite.errors import INTEGRATION, VENDOR
from hardfin_pipelines.sync.books import (
    BooksCustomer,
    BooksFact,
    BooksKind,
    InventoryLevel,
    ItemComponent,
    ItemCost,
    ItemPrice,
    LedgerAccount,
    Location,
    PriceLevel,
    SalesDocument,
    SalesDocumentLine,
    SalesDocumentType,
    SerialNumber,
    Subsidiary,
)
from hardfin_pipelines.sync.records import Record

_TYPES: Mapping[str, SalesDocumentType] = {"SalesOrd": "sales order", "CustInvc": "invoice"}
_ZERO = Decimal(0)


def books_fact(record: Record, *, currency: str = "") -> BooksFact:
    """What a row of a kind says.

    Args:
        record: The row.
        currency: The account's own, ISO 4217, for rows that do not name theirs; "" where it is not known.

    Raises:
        SkipRecord: It lacks what tells it, or has a value that is not of its kind.
    """
    return _READERS[record.role](record, currency)  # type: ignore[index]  # items have another way


def item_cost(record: Record, *, currency: str = "") -> ItemCost:
    """What an item costs, all locations together.

    Args:
        record: The item.
        currency: The account's own, ISO 4217, or "".

    Raises:
        SkipRecord: A cost is no number.
    """
    return ItemCost(
        record.id,
        _number(record, "cost"),
        _number(record, "averagecost"),
        _number(record, "lastpurchaseprice"),
        currency,
    )


def _subsidiary(record: Record, _currency: str) -> Subsidiary:
    name = _needed(record, "name")
    return Subsidiary(
        record.id,
        name,
        _text(record, "fullname") or name,
        _text(record, "parent"),
        _text(record, "currency_symbol"),
        _text(record, "country"),
        not _flag(record, "isinactive"),
    )


def _location(record: Record, _currency: str) -> Location:
    name = _needed(record, "name")
    return Location(
        record.id,
        name,
        _text(record, "fullname") or name,
        _text(record, "parent"),
        _text(record, "subsidiary"),
        not _flag(record, "isinactive"),
    )


def _ledger_account(record: Record, _currency: str) -> LedgerAccount:
    number = _text(record, "acctnumber")
    name = _needed(record, "accountsearchdisplayname")
    if number:
        name = name.removeprefix(f"{number} ") or name
    return LedgerAccount(
        record.id,
        number,
        name,
        _text(record, "displaynamewithhierarchy") or name,
        _needed(record, "accttype"),
        _text(record, "parent"),
        _text(record, "currency_symbol"),
        not _flag(record, "isinactive"),
        _flag(record, "issummary"),
        _flag(record, "inventory"),
    )


def _price_level(record: Record, _currency: str) -> PriceLevel:
    return PriceLevel(record.id, _needed(record, "name"), not _flag(record, "isinactive"))


def _customer(record: Record, _currency: str) -> BooksCustomer:
    number = _needed(record, "entityid")
    name = _text(record, "companyname") or _text(record, "altname") or number
    return BooksCustomer(
        record.id,
        name,
        "" if number == name else number,
        _text(record, "email"),
        _text(record, "currency_symbol"),
        _text(record, "subsidiary"),
        not _flag(record, "isinactive"),
    )


def _item_component(record: Record, _currency: str) -> ItemComponent:
    return ItemComponent(
        _needed(record, "parentitem"),
        _needed(record, "linenumber"),
        _needed(record, "item"),
        _number(record, "quantity"),
    )


def _item_price(record: Record, currency: str) -> ItemPrice:
    return ItemPrice(
        _needed(record, "item"),
        _needed(record, "pricelevel"),
        _text(record, "currency_symbol") or currency,
        _number(record, "quantity") or _ZERO,
        _number(record, "unitprice"),
    )


def _serial_number(record: Record, _currency: str) -> SerialNumber:
    number = _needed(record, "inventorynumber")
    return SerialNumber(record.id, _needed(record, "item"), number, _day(record, "expirationdate"))


def _inventory_level(record: Record, _currency: str) -> InventoryLevel:
    properties = record.properties
    costs = _COSTS_OF_ITEMS if "lastmodifieddate" in properties else _COSTS_BY_LOCATION
    moved = properties.get("lastquantityavailablechange")
    return InventoryLevel(
        _needed(record, "item"),
        properties.get("location") or "",
        _number(record, "quantityonhand"),
        _number(record, "quantityavailable"),
        _number(record, "quantitycommitted"),
        _number(record, "quantityonorder"),
        _number(record, "quantitybackordered"),
        _number(record, "quantityintransit"),
        _number(record, costs[0]),
        _number(record, costs[1]),
        _number(record, costs[2]),
        moment_of(moved) if moved else None,
    )


_COSTS_BY_LOCATION = ("averagecostmli", "lastpurchasepricemli", "onhandvaluemli")
_COSTS_OF_ITEMS = ("averagecost", "lastpurchaseprice", "totalvalue")


def _sales_document(record: Record, currency: str) -> SalesDocument:
    code = _needed(record, "type")
    if code not in _TYPES:
        raise _unreadable(record, f"its type is {code[:40]!r}: expected {' or '.join(_TYPES)}")
    return SalesDocument(
        record.id,
        _TYPES[code],
        _text(record, "tranid"),
        _text(record, "entity"),
        record.modified_at,
        _day(record, "trandate"),
        _day(record, "duedate"),
        _status(record),
        _text(record, "currency_symbol") or currency,
        _number(record, "exchangerate"),
        _number(record, "foreigntotal"),
        _number(record, "foreignamountunpaid") if code == "CustInvc" else None,
        _text(record, "subsidiary"),
        _text(record, "memo"),
    )


def _status(record: Record) -> str:
    """The status in words, without the type before it ("Sales Order : Billed"); its code where there are none."""
    shown = _text(record, "status_name")
    return shown.rpartition(" : ")[2] or _text(record, "status")


def _sales_document_line(record: Record, _currency: str) -> SalesDocumentLine:
    """NetSuite counts what leaves the stock below zero, and its amounts with it; rates are as they were agreed."""
    return SalesDocumentLine(
        _needed(record, "transaction"),
        _needed(record, "id"),
        _text(record, "item"),
        _turned(_number(record, "quantity")),
        _number(record, "rate"),
        _turned(_number(record, "foreignamount")),
        _text(record, "location"),
        _text(record, "memo"),
    )


_READERS: Mapping[BooksKind, Callable[[Record, str], BooksFact]] = MappingProxyType(
    {
        "subsidiary": _subsidiary,
        "location": _location,
        "ledger_account": _ledger_account,
        "price_level": _price_level,
        "customer": _customer,
        "item_component": _item_component,
        "item_price": _item_price,
        "serial_number": _serial_number,
        "inventory_level": _inventory_level,
        "sales_document": _sales_document,
        "sales_document_line": _sales_document_line,
    }
)


def _text(record: Record, name: str) -> str:
    return record.properties.get(name) or ""


def _needed(record: Record, name: str) -> str:
    text = record.properties.get(name)
    if not text:
        raise _unreadable(record, f"it has no {name}")
    return text


def _flag(record: Record, name: str) -> bool:
    text = record.properties.get(name)
    if text not in {None, "", "T", "F"}:
        raise _unreadable(record, f"its {name} is {text[:40]!r}: expected T or F")
    return text == "T"


def _number(record: Record, name: str) -> Decimal | None:
    text = record.properties.get(name)
    if not text:
        return None
    number = decimal_of(text)
    if number is None:
        raise _unreadable(record, f"its {name} is {text[:40]!r}: expected a number")
    return number


def _turned(number: Decimal | None) -> Decimal | None:
    """The number with the other sign; nothing stays nothing, and zero has none."""
    return number and number.copy_negate()


def _day(record: Record, name: str) -> date | None:
    text = record.properties.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _unreadable(record, f"its {name} is {text[:40]!r}: expected a day such as 2026-01-31") from None


def _unreadable(record: Record, why: str) -> SkipRecord:
    text = f"{VENDOR}'s {OBJECTS[record.role]} {record.id} cannot be read: {why}; change it in {VENDOR}"
    return SkipRecord(INTEGRATION, text, record_id=record.id)
