"""Records as the record API answers them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS, kind_of_item
from hardfin_pipelines.sandbox.netsuite.roles import SchemaView
from hardfin_pipelines.sandbox.netsuite.schema import Column, Table

TRANSACTION_TYPES: Mapping[str, str] = {
    "salesorder": "SalesOrd",
    "invoice": "CustInvc",
    "cashsale": "CashSale",
    "creditmemo": "CustCred",
    "vendorbill": "VendBill",
    "purchaseorder": "PurchOrd",
    "itemfulfillment": "ItemShip",
    "itemreceipt": "ItemRcpt",
    "journalentry": "Journal",
}
"""Record types of transactions, in lower case, with their codes."""


def table_of(record_type: str) -> tuple[str, str]:
    """The table that holds a record type, and a condition on its rows ("" for all of them)."""
    lowered = record_type.lower()
    kind = ITEM_KINDS.get(lowered)
    if kind is not None:
        subtype = "subtype IS NULL" if not kind.subtype else f"subtype = '{kind.subtype}'"
        flags = f"isserialitem = '{'T' if kind.serial else 'F'}' AND islotitem = '{'T' if kind.lot else 'F'}'"
        return "item", f"itemtype = '{kind.itemtype}' AND {subtype} AND {flags}"
    if lowered in TRANSACTION_TYPES:
        return "transaction", f"type = '{TRANSACTION_TYPES[lowered]}'"
    return lowered, ""


def record_columns(view: SchemaView, table: Table) -> dict[str, Column]:
    """The record API's fields of a table, by their names."""
    return {each.record_field: each for each in table.columns.values() if each.record_field and view.shows(table, each)}


def record_json(account: Account, view: SchemaView, table: Table, row: Mapping[str, Any], base: str) -> dict[str, Any]:
    """A record with its fields; those without a value are left out."""
    body: dict[str, Any] = {}
    for name, column in record_columns(view, table).items():
        value = _json(account, column, row[column.name], base)
        if value is not None:
            body[name] = value
    return body


def _json(account: Account, column: Column, value: Any, base: str) -> Any:
    if value is None:
        return None
    if column.type == "boolean":
        return value == "T"
    if column.type == "reference":
        return _reference(account, column.refers_to, int(value), base)
    if column.type == "multi":
        items = [_reference(account, column.refers_to, int(each), base) for each in str(value).split(", ")]
        return {"links": [], "items": items, "count": len(items), "hasMore": False, "totalResults": len(items)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value) if column.type == "id" else _coded(column, value)


def _coded(column: Column, value: Any) -> Any:
    if not column.labels:
        return value
    return {"id": str(value), "refName": column.labels.get(str(value), str(value))}


def _reference(account: Account, table_name: str, key: int, base: str) -> dict[str, Any]:
    table = account.tables[table_name]
    try:
        held = account.record(table_name, str(key))
    except ValueError:
        return {"links": [], "id": str(key)}
    kind = kind_of_item(held).record_type if table_name == "item" else table_name
    link = {"rel": "self", "href": f"{base}/services/rest/record/v1/{kind}/{key}"}
    named: dict[str, Any] = {"links": [link], "id": str(key)}
    if table.display and held[table.display] is not None:
        named["refName"] = held[table.display]
    return named
