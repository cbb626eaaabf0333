"""The record API: lists of ids, single records, changes (Oracle docs: working with records through REST)."""

from typing import Any

from hardfin_pipelines.sandbox.netsuite.calls import Call, Endpoint, Reply, collection
from hardfin_pipelines.sandbox.netsuite.errors import (
    VendorError,
    invalid_parameter,
    no_such_record,
    no_such_record_type,
    permission_violation,
)
from hardfin_pipelines.sandbox.netsuite.record_filter import condition
from hardfin_pipelines.sandbox.netsuite.record_json import record_columns, record_json, table_of
from hardfin_pipelines.sandbox.netsuite.roles import SchemaView
from hardfin_pipelines.sandbox.netsuite.schema import Table, has
from hardfin_pipelines.sandbox.netsuite.store import quoted

_CHECKS = ("error", "warning", "ignore")
_READ_ONLY = {"id", "createdDate", "lastModifiedDate", "totalQuantityOnHand", "averageCost", "itemType", "fullname"}


async def list_records(call: Call) -> Reply:
    """Ids and links of one type, a page at a time; the records themselves take a call each.

    Raises:
        VendorError: 400, 403 or 404.
    """
    call.only("limit", "offset", "q")
    view, table, where = _table(call)
    limit, offset = call.page(1_000)
    conditions = [where] if where else []
    values: list[Any] = []
    if call.query.get("q"):
        sql, values = condition(call.query["q"], record_columns(view, table), call.user)
        conditions.append(sql)
    rest = f"FROM {quoted(table.name)}" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
    store = call.account.store
    total = int(store.rows(f"SELECT count(*) AS n {rest}", values)[0]["n"])
    if offset and offset >= total:
        detail = "Specified offset is out of bounds."
        raise VendorError(404, "NONEXISTENT_OFFSET", detail, where=("o:errorQueryParam", "offset"))
    rows = store.rows(f"SELECT id {rest} ORDER BY id LIMIT {limit} OFFSET {offset}", values)
    items = [{"links": [{"rel": "self", "href": f"{call.url}/{row['id']}"}], "id": str(row["id"])} for row in rows]
    return collection(call, items, limit, offset, total)


async def get_record(call: Call) -> Reply:
    """One record; sub-resources are links unless `expandSubResources` asks for them.

    Raises:
        VendorError: 400, 403 or 404.
    """
    call.only("expandSubResources", "fields", "simpleEnumFormat")
    view, table, where = _table(call)
    if "fields" in call.query and "expandSubResources" in call.query:
        detail = "The fields and expandSubResources query parameters cannot be used together."  # ours
        raise invalid_parameter("fields", detail)
    row = _row(call, table, where)
    body: dict[str, Any] = {"links": [{"rel": "self", "href": call.url}]}
    body |= record_json(call.account, view, table, row, call.base)
    for name, rows in _sublists(call, table, row).items():
        link = {"links": [{"rel": "self", "href": f"{call.url}/{name}"}]}
        counts = {"items": rows, "count": len(rows), "hasMore": False, "offset": 0, "totalResults": len(rows)}
        body[name] = {**link, **counts} if call.query.get("expandSubResources") == "true" else link
    if "fields" in call.query:
        wanted = {each.strip() for each in call.query["fields"].split(",")}
        unknown = sorted(wanted - set(record_columns(view, table)))
        if unknown:
            detail = f"Invalid value for the query parameter fields: {unknown[0]}."  # ours
            raise invalid_parameter("fields", detail)
        body = {name: value for name, value in body.items() if name in wanted | {"links"}}
    return Reply(body)


async def patch_record(call: Call) -> Reply:
    """Changes fields of a record and answers where it is.

    Raises:
        VendorError: 400, 403 or 404.
    """
    call.only("replace")
    view, table, where = _table(call)
    row = _row(call, table, where)
    check = call.headers.get("x-netsuite-propertynamevalidation", "error").lower()
    if check not in _CHECKS:
        detail = f"Invalid header value. Use one of {', '.join(_CHECKS)}."  # ours
        where_it_is = ("o:errorHeader", "X-NetSuite-PropertyNameValidation")
        raise VendorError(400, "INVALID_HEADER", detail, where=where_it_is)
    fields = record_columns(view, table)
    values = {}
    for name, value in call.json().items():
        if name in fields and name not in _READ_ONLY:
            values[fields[name].name] = value["id"] if isinstance(value, dict) and "id" in value else value
        elif check == "error":
            detail = f"Unknown reference or field {name}."  # ours
            raise VendorError(400, "INVALID_CONTENT", detail, where=("o:errorPath", name))
    try:
        call.account.update(table.name, str(row["id"]), values)
    except ValueError as error:
        raise VendorError(400, "USER_ERROR", f"Error while accessing a resource. {error}") from error
    return Reply(None, 204, {"Location": call.url})


def _table(call: Call) -> tuple[SchemaView, Table, str]:
    record_type = call.params["type"]
    name, where = table_of(record_type)
    view = call.account.view(call.user)
    table = call.account.tables.get(name)
    if table is None or "id" not in record_columns(view, table) or not has(view.features, table.feature):
        raise no_such_record_type(record_type)
    if view.table(name) is None:
        raise permission_violation(table.permission)
    return view, table, where


def _row(call: Call, table: Table, where: str) -> dict[str, Any]:
    record_type, record_id = call.params["type"], call.params["id"]
    if record_id.isascii() and record_id.isdigit():
        extra = f" AND {where}" if where else ""
        sql = f"SELECT * FROM {quoted(table.name)} WHERE id = ?{extra}"  # noqa: S608  # a table and codes of ours
        found = call.account.store.rows(sql, [int(record_id)])
        if found:
            return found[0]
    raise no_such_record(record_type, record_id)


def _sublists(call: Call, table: Table, row: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The sub-resources that are covered here: members and locations of items, lines of transactions."""
    store, key = call.account.store, [row["id"]]
    if table.name == "transaction":
        lines = store.rows(
            'SELECT id AS line, item, quantity, rate FROM transactionline WHERE "transaction" = ? '
            "AND mainline = 'F' AND taxline = 'F' ORDER BY id",
            key,
        )
        return {"item": [_line(each) for each in lines]}
    if table.name != "item":
        return {}
    found = {}
    members = store.rows(
        "SELECT linenumber AS line, item, quantity FROM itemmember WHERE parentitem = ? ORDER BY linenumber", key
    )
    if members:
        found["member"] = [_line(each) for each in members]
    if "multilocinvt" in call.account.features:
        places = store.rows(
            'SELECT "location", quantityonhand, quantityavailable FROM aggregateitemlocation WHERE item = ? '
            'ORDER BY "location"',
            key,
        )
        found["locations"] = [
            {
                "links": [],
                "locationId": each["location"],
                "quantityOnHand": float(each["quantityonhand"]),
                "quantityAvailable": float(each["quantityavailable"]),
            }
            for each in places
        ]
    return found


def _line(row: dict[str, Any]) -> dict[str, Any]:
    item = {"item": {"links": [], "id": str(row["item"])}} if row["item"] is not None else {}
    numbers = {name: float(row[name]) for name in ("quantity", "rate") if row.get(name) is not None}
    return {"links": [], "line": row["line"], **item, **numbers}


ENDPOINTS = (
    Endpoint("GET", "record/v1/{type}", "record", list_records),
    Endpoint("GET", "record/v1/{type}/{id}", "record", get_record),
    Endpoint("PATCH", "record/v1/{type}/{id}", "record", patch_record),
)
