"""Endpoints over up to 100 records at once: batch read, create, update, archive."""

from collections.abc import Mapping
from typing import Any

from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.object_endpoints import (
    CREATE_FIELDS,
    UPDATE_FIELDS,
    by_unique_value,
    create_one,
    read_scopes,
    shown,
    write_properties,
    write_scopes,
)
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.record_json import RecordJson
from hardfin_pipelines.sandbox.hubspot.values import instant_text

_LIMIT = 100
_HISTORY_LIMIT = 50
_ID_FIELDS: Mapping[str, Any] = {"id": (str, int)}
_READ_FIELDS: Mapping[str, Any] = {
    "properties": list,
    "propertiesWithHistory": list,
    "idProperty": str,
}


def batch_reply(portal: Portal, results: list[Any], errors: list[dict[str, Any]], status: int = 200) -> Reply:
    """A batch's reply: 207 with `errors` where something went wrong (seen on the wire)."""
    now = instant_text(portal.sandbox.clock.now_ms())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Reply(body, 207 if errors else status)


def missing_error(singular: str, ids: list[str]) -> dict[str, Any]:
    """The error of ids that were not found (seen on the wire)."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {singular.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": ids},
    }


def batch_read(call: Call) -> Reply:
    """`POST .../batch/read`: in no particular order; ids of merged-away records are left out without an error."""
    fields = call.fields({"inputs": list, **_READ_FIELDS}, ["inputs"])
    history = fields.get("propertiesWithHistory", [])
    inputs = call.inputs(_HISTORY_LIMIT if history else _LIMIT, _ID_FIELDS, beside=_READ_FIELDS)
    archived = call.query.flag("archived")
    wanted = [str(each["id"]) for each in inputs]
    found = by_unique_value(call.portal, call.kind, fields.get("idProperty"), wanted)
    rows = {row.id: row for row in call.portal.store.get_many(call.kind.name, set(found.values()))}
    results, missing = [], []
    for value in dict.fromkeys(wanted):
        row = rows.get(found.get(value, -1))
        if row is None or (row.merged_into is None and (row.archived_ms is not None) != archived):
            missing.append(value)
        elif row.merged_into is None:
            results.append(row)
    results.sort(key=lambda row: str(row.id)[::-1])  # not the order asked for, as on the wire
    shape = RecordJson(call, fields.get("properties", []), history)
    errors = [missing_error(call.kind.singular, missing)] if missing else []
    return batch_reply(call.portal, shape.records(results), errors)


def batch_create(call: Call) -> Reply:
    """`POST .../batch/create`: all or nothing."""
    inputs = call.inputs(_LIMIT, CREATE_FIELDS, ["properties"])
    with call.portal.store.writing():
        rows = [create_one(call, each) for each in inputs]
    return batch_reply(call.portal, shown(call, rows), [], 201)


def batch_update(call: Call) -> Reply:
    """`POST .../batch/update`: unknown, archived and merged-away ids are errors, the rest is written."""
    inputs = call.inputs(_LIMIT, UPDATE_FIELDS, ["id", "properties"])
    missing: list[str] = []
    written = []
    with call.portal.store.writing():
        for each in inputs:
            value = str(each["id"])
            found = by_unique_value(call.portal, call.kind, each.get("idProperty"), [value])
            row = call.portal.store.get(call.kind.name, found.get(value, -1))
            if row is None or row.archived_ms is not None:
                missing.append(value)
                continue
            write_properties(call, row, each["properties"])
            written.append(call.portal.record(call.kind.name, row.id))
    errors = [missing_error(call.kind.singular, missing)] if missing else []
    return batch_reply(call.portal, shown(call, written), errors)


def batch_archive(call: Call) -> Reply:
    """`POST .../batch/archive`: 204, ids that are gone already make no difference."""
    ids = by_unique_value(call.portal, call.kind, None, [each["id"] for each in call.inputs(_LIMIT, _ID_FIELDS)])
    with call.portal.store.writing():
        for row in call.portal.store.get_many(call.kind.name, ids.values()):
            if row.archived_ms is None:
                call.portal.archive(call.kind.name, row.id)
    return Reply(None, 204)


ENDPOINTS = (
    Endpoint("POST", "/{object_type}/batch/read", batch_read, read_scopes, frozenset({"archived"})),
    Endpoint("POST", "/{object_type}/batch/create", batch_create, write_scopes),
    Endpoint("POST", "/{object_type}/batch/update", batch_update, write_scopes),
    Endpoint("POST", "/{object_type}/batch/archive", batch_archive, write_scopes),
)
