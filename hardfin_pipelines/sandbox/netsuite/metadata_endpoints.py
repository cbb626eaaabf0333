"""The metadata catalogue (Oracle docs: working with the metadata catalog)."""

import asyncio
from typing import Any

from hardfin_pipelines.sandbox.netsuite.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.netsuite.errors import VendorError, no_such_record_type
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS
from hardfin_pipelines.sandbox.netsuite.record_json import record_columns, table_of
from hardfin_pipelines.sandbox.netsuite.schema import Column

_SCHEMA, _SWAGGER = "application/schema+json", "application/swagger+json"
_TRANSACTIONS = ("salesOrder", "invoice", "cashSale", "creditMemo", "vendorBill", "purchaseOrder")


def _types(call: Call) -> list[str]:
    view = call.account.view(call.user)
    plain = [
        table.name
        for table in call.account.tables.values()
        if table.name not in {"item", "transaction"}
        and view.table(table.name)
        and record_columns(view, table).get("id")
    ]
    items = [each.record_type for each in ITEM_KINDS.values()] if view.table("item") else []
    return sorted([*plain, *items, *(_TRANSACTIONS if view.table("transaction") else ())])


async def catalogue(call: Call) -> Reply:
    """All record types, or the schemas of those that `select` names.

    Raises:
        VendorError: 400 or 404.
    """
    call.only("select")
    if call.account.settings.metadata_seconds:
        await asyncio.sleep(call.account.settings.metadata_seconds)
    names = _types(call)
    if "select" in call.query:
        wanted = [each.strip() for each in call.query["select"].split(",") if each.strip()]
        names = [_known(call, each) for each in wanted]
    if _accepts(call, _SWAGGER):
        return _swagger(call, names)
    items = [{"name": name, "links": _links(call, name)} for name in names]
    return Reply({"items": items, "links": [{"rel": "self", "href": call.url}]}, kind="collection")


async def one_type(call: Call) -> Reply:
    """One record type, as a JSON schema or a part of an OpenAPI document, as `Accept` asks.

    Raises:
        VendorError: 404 or 406.
    """
    call.only()
    name = _known(call, call.params["type"])
    if _accepts(call, _SWAGGER):
        return _swagger(call, [name])
    return Reply(
        {"$schema": "http://json-schema.org/draft-06/hyper-schema#", **_schema(call, name)}, media_type=_SCHEMA
    )


def _known(call: Call, name: str) -> str:
    found = next((each for each in _types(call) if each.lower() == name.lower()), None)
    if found is None:
        raise no_such_record_type(name)
    return found


def _accepts(call: Call, media_type: str) -> bool:
    accept = call.headers.get("accept", "*/*")
    if not any(each in accept for each in ("*/*", "application/json", _SCHEMA, _SWAGGER)):
        detail = f"Invalid header value. Use {_SCHEMA} or {_SWAGGER}."  # ours
        raise VendorError(400, "INVALID_HEADER", detail, where=("o:errorHeader", "Accept"))
    return media_type in accept


def _links(call: Call, name: str) -> list[dict[str, str]]:
    href = f"{call.base}/services/rest/record/v1/metadata-catalog/{name}"
    return [
        {"rel": "canonical", "href": href, "mediaType": "application/json"},
        {"rel": "describes", "href": f"{call.base}/services/rest/record/v1/{name}"},
        *({"rel": "alternate", "href": href, "mediaType": each} for each in (_SWAGGER, _SCHEMA)),
    ]


def _schema(call: Call, name: str) -> dict[str, Any]:
    view = call.account.view(call.user)
    table = call.account.tables[table_of(name)[0]]
    fields = {field: _property(column) for field, column in record_columns(view, table).items()}
    return {"type": "object", "properties": fields}


def _property(column: Column) -> dict[str, Any]:
    shapes: dict[str, dict[str, Any]] = {
        "boolean": {"type": "boolean"},
        "number": {"type": "number", "format": "double"},
        "integer": {"type": "integer", "format": "int64"},
        "date": {"type": "string", "format": "date"},
        "datetime": {"type": "string", "format": "date-time"},
        "reference": {"$ref": "/services/rest/record/v1/metadata-catalog/nsResource"},
        "multi": {"$ref": "/services/rest/record/v1/metadata-catalog/nsResourceCollection"},
    }
    return {
        **shapes.get(column.type, {"type": "string"}),
        "title": column.record_field,
        "nullable": column.type != "id",
    }


def _swagger(call: Call, names: list[str]) -> Reply:
    body = {
        "openapi": "3.0.1",
        "info": {"title": "NetSuite REST API", "version": "1.0.0"},
        "paths": {f"/{name}": {"get": {"tags": [name], "summary": "Get list of records."}} for name in names},
        "components": {"schemas": {name: _schema(call, name) for name in names}},
    }
    return Reply(body, media_type=_SWAGGER)


ENDPOINTS = (
    Endpoint("GET", "record/v1/metadata-catalog", "metadata", catalogue),
    Endpoint("GET", "record/v1/metadata-catalog/{type}", "metadata", one_type),
)
