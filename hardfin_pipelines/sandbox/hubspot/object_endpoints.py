"""Endpoints over single records: list, read, create, update, archive, merge."""

from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply, checked_fields, missing_fields, numeric_id
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, not_found, validation
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.object_types import ObjectType, object_type
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.portal_records import RefusedWriteError
from hardfin_pipelines.sandbox.hubspot.record_json import RecordJson, add_inline_associations, association_types_wanted
from hardfin_pipelines.sandbox.hubspot.record_values import unknown_property
from hardfin_pipelines.sandbox.hubspot.store import RECORDS
from hardfin_pipelines.sandbox.hubspot.values import StoredValue

_LIST_LIMIT = 100
_HISTORY_LIMIT = 50
CREATE_FIELDS: Mapping[str, Any] = {"properties": dict, "associations": list, "objectWriteTraceId": str}
UPDATE_FIELDS: Mapping[str, Any] = {
    "properties": dict,
    "objectWriteTraceId": str,
    "id": (str, int),
    "idProperty": str,
}


def read_scopes(call: Call) -> list[tuple[str, ...]]:
    """Reading needs the type's scope, and that of each type whose associations are asked for."""
    wanted = association_types_wanted(call.query.names("associations"))
    return [call.kind.read_scopes, *(kind.read_scopes for kind in wanted)]


def write_scopes(call: Call) -> list[tuple[str, ...]]:
    """Writing needs the type's write scope."""
    return [call.kind.write_scopes]


def by_unique_value(portal: Portal, kind: ObjectType, id_property: str | None, values: list[Any]) -> dict[Any, int]:
    """Record ids by the value of a unique property, or by themselves where `id_property` is None.

    Raises:
        VendorError: 400, the property is not unique; 404, an id is no number.
    """
    if id_property in {None, "hs_object_id"}:
        return {value: numeric_id(value) for value in values}
    described = portal.schema.properties(kind.name).get(str(id_property))
    if described is None or not described["hasUniqueValue"]:
        raise validation(f"{id_property} is not a unique property of {kind.name}")  # the text is ours
    expression = sa.func.json_extract(RECORDS.c.properties, f'$."{id_property}"')
    statement = sa.select(RECORDS.c.id, expression.label("value")).where(
        RECORDS.c.type == kind.name, RECORDS.c.merged_into.is_(None), expression.in_([str(value) for value in values])
    )
    found = {row.value: row.id for row in portal.store.rows(statement)}
    return {value: found[str(value)] for value in values if str(value) in found}


def list_records(call: Call) -> Reply:
    """`GET /crm/objects/{type}`: by ascending id; `after` is the id the next page starts with."""
    query, kind, portal = call.query, call.kind, call.portal
    history = query.names("propertiesWithHistory")
    limit = query.page_size(10, _HISTORY_LIMIT if history else _LIST_LIMIT)
    after = query.text("after")
    first_id = 0 if after is None else numeric_after(after)
    rows = portal.store.page(kind.name, first_id=first_id, limit=limit + 1, archived=query.flag("archived"))
    shape = RecordJson(call, query.names("properties"), history)
    body: dict[str, Any] = {"results": shape.records(rows[:limit])}
    wanted = association_types_wanted(query.names("associations"))
    add_inline_associations(portal, kind, body["results"], wanted, call.version, call.base_url)
    if len(rows) > limit:
        following = str(rows[limit].id)
        body["paging"] = {
            "next": {"after": following, "link": f"{call.base_url}{call.path}?limit={limit}&after={following}"}
        }
    return Reply(body)


def numeric_after(after: str) -> int:
    """A paging cursor that is a number. The text of the refusal is ours.

    Raises:
        VendorError: 400, it is none.
    """
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise validation(f"Invalid paging cursor: {after}")
    return int(after)


def _row_in_path(call: Call) -> sa.Row[Any]:
    id_property = call.query.text("idProperty")
    value = call.params["record_id"]
    found = by_unique_value(call.portal, call.kind, id_property, [value])
    if value not in found:
        raise not_found()
    return call.portal.record(call.kind.name, found[value])


def get_record(call: Call) -> Reply:
    """`GET /crm/objects/{type}/{id}`; the id of a merged-away record returns the survivor."""
    row = _row_in_path(call)
    if (row.archived_ms is not None) != call.query.flag("archived"):
        raise not_found()
    shape = RecordJson(call, call.query.names("properties"), call.query.names("propertiesWithHistory"))
    records = shape.records([row])
    wanted = association_types_wanted(call.query.names("associations"))
    add_inline_associations(call.portal, call.kind, records, wanted, call.version, call.base_url)
    return Reply(records[0])


def create_one(call: Call, given: Mapping[str, Any]) -> sa.Row[Any]:
    """Makes one record with its associations out of a create input.

    Raises:
        VendorError: 400, a member or an association is wrong.
        RefusedWriteError: a property is.
    """
    fields = checked_fields(given, CREATE_FIELDS, ["properties"])
    kind, portal = call.kind, call.portal
    _checked_values(call, fields["properties"])
    with portal.store.writing():
        record_id = portal.create(kind.name, fields["properties"])
        for association in fields.get("associations", []):
            _associate_new(portal, kind, int(record_id), association)
    return portal.record(kind.name, record_id)


def _checked_values(call: Call, properties: Mapping[str, Any]) -> dict[str, StoredValue]:
    """The values of an API write in kept form. A property the token may not write is as good as none.

    Raises:
        RefusedWriteError: a property is wrong.
    """
    kind, portal = call.kind, call.portal
    writable = portal.schema.visible_to(kind.name, call.grant.scopes, "write")
    named = {name: value for name, value in properties.items() if name in writable}
    values, problems = portal.values.keep(kind.name, named, allow_read_only=False)
    problems += [unknown_property(name) for name in properties if name not in writable]
    if problems:
        raise RefusedWriteError(kind.name, problems)
    return values


def _associate_new(portal: Portal, kind: ObjectType, record_id: int, association: Any) -> None:
    known: Mapping[str, Any] = {"to": dict, "types": list}
    fields = checked_fields(association if isinstance(association, dict) else {}, known, ["to", "types"])
    if fields["to"].get("id") is None:
        raise missing_fields(["id"])
    to_id = numeric_id(fields["to"]["id"])
    for spec in fields["types"]:
        type_id = spec.get("associationTypeId") if isinstance(spec, dict) else None
        reached = [
            each
            for each in ("companies", "deals", "line_items")
            if isinstance(type_id, int) and portal.associations.type_named(kind.name, each, type_id)
        ]
        if not reached:
            raise validation(f"association type {type_id} is not one of {kind.name}")  # the text is ours
        portal.associate(kind.name, record_id, reached[0], to_id, type_id)


def create_record(call: Call) -> Reply:
    """`POST /crm/objects/{type}`."""
    return Reply(shown(call, [create_one(call, call.json())])[0], 201)


def shown(call: Call, rows: list[sa.Row[Any]]) -> list[dict[str, Any]]:
    """Written records as the reply shows them: every property that has a value."""
    records = []
    for row in rows:
        names = [*orjson.loads(row.properties), *call.kind.default_properties]
        records.append(RecordJson(call, names).record(row))
    return records


def write_properties(call: Call, row: sa.Row[Any], properties: Mapping[str, Any]) -> None:
    """Writes properties over a record after the checks of an API write.

    Raises:
        RefusedWriteError: a property is wrong.
    """
    portal, kind = call.portal, call.kind
    portal.write(kind.name, row, _checked_values(call, properties), portal.sandbox.clock.now_ms())


def update_record(call: Call) -> Reply:
    """`PATCH /crm/objects/{type}/{id}`; a merged-away id changes the survivor."""
    fields = call.fields(UPDATE_FIELDS, ["properties"])
    row = _row_in_path(call)
    if row.archived_ms is not None:
        raise not_found()
    write_properties(call, row, fields["properties"])
    return Reply(shown(call, [call.portal.record(call.kind.name, row.id)])[0])


def archive_record(call: Call) -> Reply:
    """`DELETE /crm/objects/{type}/{id}`: 204, and no difference where it is gone already."""
    try:
        row = call.portal.record(call.kind.name, call.record_id())
    except VendorError:
        return Reply(None, 204)
    call.portal.archive(call.kind.name, row.id)
    return Reply(None, 204)


def merge_records(call: Call) -> Reply:
    """`POST /crm/objects/{type}/merge`."""
    known: Mapping[str, Any] = {"primaryObjectId": str, "objectIdToMerge": str}
    fields = call.fields(known, ["primaryObjectId", "objectIdToMerge"])
    if object_type(call.params["object_type"]).name not in {"deals", "companies"}:
        raise validation(f"{call.kind.name} cannot be merged")  # the text is ours
    try:
        new_id = call.portal.merge(
            call.kind.name, numeric_id(fields["primaryObjectId"]), numeric_id(fields["objectIdToMerge"])
        )
    except ValueError as error:
        raise validation(str(error)) from error
    return Reply(shown(call, [call.portal.record(call.kind.name, new_id)])[0])


_READ_QUERY = frozenset({"properties", "propertiesWithHistory", "associations", "archived"})

ENDPOINTS = (
    Endpoint("GET", "/{object_type}", list_records, read_scopes, _READ_QUERY | {"limit", "after"}),
    Endpoint("POST", "/{object_type}", create_record, write_scopes),
    Endpoint("POST", "/{object_type}/merge", merge_records, write_scopes),
    Endpoint("GET", "/{object_type}/{record_id}", get_record, read_scopes, _READ_QUERY | {"idProperty"}),
    Endpoint("PATCH", "/{object_type}/{record_id}", update_record, write_scopes, frozenset({"idProperty"})),
    Endpoint("DELETE", "/{object_type}/{record_id}", archive_record, write_scopes),
)
