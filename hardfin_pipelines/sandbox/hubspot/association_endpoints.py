"""Endpoints over associations: batch read, batch create and archive, one record's list, labels."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from hardfin_pipelines.sandbox.hubspot.batch_endpoints import batch_reply
from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply, missing_fields, numeric_id
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, validation
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.object_types import USER_DEFINED, AssociationType, ObjectType, object_type
from hardfin_pipelines.sandbox.hubspot.record_json import (
    after_association_cursor,
    association_cursor,
    association_path,
)

_READ_LIMIT = 1_000
_WRITE_LIMIT = 2_000
_LIST_LIMIT = 500
_PAIR_FIELDS: Mapping[str, Any] = {"from": dict, "to": (dict, list)}
_LABELLED_FIELDS: Mapping[str, Any] = {**_PAIR_FIELDS, "types": list}


def _ends(call: Call) -> tuple[ObjectType, ObjectType]:
    return object_type(call.params["from_type"]), object_type(call.params["to_type"])


def _read_scopes(call: Call) -> list[tuple[str, ...]]:
    return [kind.read_scopes for kind in _ends(call)]


def _write_scopes(call: Call) -> list[tuple[str, ...]]:
    return [kind.write_scopes for kind in _ends(call)]


def _types_json(call: Call, types: list[AssociationType], type_ids: list[int]) -> list[dict[str, Any]]:
    """Association types on the wire: the unlabelled one first, its label null (seen on the wire)."""
    held = [kind for kind in types if kind.type_id in type_ids]
    held.sort(key=lambda kind: kind.label is not None)
    listed = [{"category": kind.category, "typeId": kind.type_id, "label": kind.label} for kind in held]
    if call.portal.settings.spec_strict:
        return [{name: value for name, value in each.items() if value is not None} for each in listed]
    return listed


def _to_id(call: Call, to_id: int) -> int | str:
    """An associated record's id: a number (seen on the wire), text in HubSpot's specification."""
    return str(to_id) if call.portal.settings.spec_strict else to_id


def _type_lists(call: Call, types: list[AssociationType]) -> Callable[[list[int]], list[dict[str, Any]]]:
    """`_types_json` that remembers: a thousand inputs have few different combinations."""
    remembered: dict[tuple[int, ...], list[dict[str, Any]]] = {}

    def list_of(type_ids: list[int]) -> list[dict[str, Any]]:
        key = tuple(type_ids)
        if key not in remembered:
            remembered[key] = _types_json(call, types, type_ids)
        return remembered[key]

    return list_of


def _page_of(
    call: Call, from_id: str, linked: Mapping[int, list[int]], after: int, size: int
) -> tuple[list[int], dict[str, Any] | None]:
    """The ids of one page after a cursor, and the `paging` that leads on."""
    from_type, to_type = _ends(call)
    left = [to_id for to_id in linked if to_id > after]
    if len(left) <= size:
        return left, None
    cursor = association_cursor(to_type, left[size - 1])
    path = association_path("v4" if call.version == "v4" else call.version, from_type.name, from_id, to_type.name)
    return left[:size], {"next": {"after": cursor, "link": f"{call.base_url}{path}?after={quote(cursor)}"}}


def batch_read(call: Call) -> Reply:
    """`POST /crm/associations/{from}/{to}/batch/read`: an input without associations is an error in a 207.

    `from.id` is text while `toObjectId` is a number (seen on the wire).
    """
    from_type, to_type = _ends(call)
    inputs = call.inputs(_READ_LIMIT, {"id": (str, int), "after": str})
    types_of = _type_lists(call, call.portal.associations.types_between(from_type.name, to_type.name))
    cursors = {numeric_id(each["id"]): after_association_cursor(each.get("after")) for each in inputs}
    found = call.portal.associations.of(from_type.name, cursors, to_type.name)
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for from_id, after in cursors.items():
        linked = found.get(from_id)
        if not linked:
            errors.append(_none_found(from_type, to_type, str(from_id)))
            continue
        shown, paging = _page_of(call, str(from_id), linked, after, call.portal.settings.association_page_size)
        result: dict[str, Any] = {
            "from": {"id": str(from_id)},
            "to": [{"toObjectId": _to_id(call, to_id), "associationTypes": types_of(linked[to_id])} for to_id in shown],
        }
        if paging is not None:
            result["paging"] = paging
        results.append(result)
    return batch_reply(call.portal, results, errors)


def _none_found(from_type: ObjectType, to_type: ObjectType, from_id: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {to_type.singular} is associated with {from_type.singular} {from_id}.",
        "context": {
            "fromObjectId": [from_id],
            "fromObjectType": [from_type.singular],
            "toObjectType": [to_type.singular],
        },
    }


def _input_ends(given: Mapping[str, Any]) -> tuple[int, int]:
    ends = given.get("from"), given.get("to")
    if not all(isinstance(end, dict) and end.get("id") is not None for end in ends):
        raise missing_fields(["from", "to"])
    return numeric_id(given["from"]["id"]), numeric_id(given["to"]["id"])


def _type_ids(call: Call, specs: Any) -> list[int]:
    """The association type ids of a list of specs; the texts of the refusals are ours."""
    from_type, to_type = _ends(call)
    if not isinstance(specs, list) or not specs:
        raise missing_fields(["types"])
    chosen = []
    for spec in specs:
        type_id = spec.get("associationTypeId") if isinstance(spec, dict) else None
        kind = isinstance(type_id, int) and call.portal.associations.type_named(from_type.name, to_type.name, type_id)
        if not kind:
            raise validation(f"association type {type_id} does not join {from_type.name} to {to_type.name}")
        if spec.get("associationCategory", kind.category) != kind.category:
            raise validation(f"association type {type_id} is of category {kind.category}")
        chosen.append(kind.type_id)
    return chosen


def _associate(call: Call, from_id: int, to_id: int, type_ids: list[int] | None) -> list[int]:
    """Associates two records that must exist; a line item has one deal only (HubSpot docs: line items guide)."""
    from_type, to_type = _ends(call)
    portal = call.portal
    if (from_type, from_id) == (to_type, to_id):
        raise validation(f"{from_type.singular} {from_id} cannot be associated with itself")  # the text is ours
    near, far = portal.record(from_type.name, from_id), portal.record(to_type.name, to_id)
    if near.archived_ms is not None or far.archived_ms is not None:
        raise VendorError(404, "resource not found")
    for line_item, deal in ((near, far), (far, near)):
        if (line_item.type, deal.type) == ("line_items", "deals"):
            parents = portal.associations.of("line_items", [line_item.id], "deals").get(line_item.id, {})
            if any(parent != deal.id for parent in parents):
                raise validation(f"line item {line_item.id} is associated with another deal")  # the text is ours
    try:
        if type_ids is None:
            set_ids = portal.associations.add(near.type, near.id, far.type, far.id)
        else:
            set_ids = [portal.associations.add(near.type, near.id, far.type, far.id, each)[0] for each in type_ids]
    except ValueError as error:
        raise validation(str(error)) from error
    portal.after_association_change([(near.type, near.id), (far.type, far.id)])
    return set_ids


def _labels_json(call: Call, from_id: int, to_id: int, type_ids: list[int]) -> dict[str, Any]:
    from_type, to_type = _ends(call)
    types = call.portal.associations.types_between(from_type.name, to_type.name)
    return {
        "fromObjectTypeId": from_type.type_id,
        "fromObjectId": from_id,
        "toObjectTypeId": to_type.type_id,
        "toObjectId": to_id,
        "labels": [kind.label for kind in types if kind.type_id in type_ids and kind.label],
    }


def batch_create(call: Call) -> Reply:
    """`POST .../batch/create`: 201, in 2026-09 200 (HubSpot's specification)."""
    results = []
    with call.portal.store.writing():
        for each in call.inputs(_WRITE_LIMIT, _LABELLED_FIELDS, ["from", "to", "types"]):
            from_id, to_id = _input_ends(each)
            set_ids = _associate(call, from_id, to_id, _type_ids(call, each["types"]))
            results.append(_labels_json(call, from_id, to_id, set_ids))
    return batch_reply(call.portal, results, [], 200 if call.version == "2026-09" else 201)


def batch_create_default(call: Call) -> Reply:
    """`POST .../batch/associate/default`."""
    results: list[dict[str, Any]] = []
    with call.portal.store.writing():
        for each in call.inputs(_WRITE_LIMIT, _PAIR_FIELDS, ["from", "to"]):
            results += _default_results(call, *_input_ends(each))
    return batch_reply(call.portal, results, [])


def _default_results(call: Call, from_id: int, to_id: int) -> list[dict[str, Any]]:
    return [
        {
            "from": {"id": str(from_id)},
            "to": {"id": str(to_id)},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id},
        }
        for type_id in _associate(call, from_id, to_id, None)
    ]


def create_default(call: Call) -> Reply:
    """`PUT /crm/objects/{from}/{id}/associations/default/{to}/{id}`."""
    results = _default_results(call, call.record_id("from_id"), call.record_id("to_id"))
    return batch_reply(call.portal, results, [])


def create_labelled(call: Call) -> Reply:
    """`PUT /crm/objects/{from}/{id}/associations/{to}/{id}` with a list of association types as its body."""
    try:
        specs = orjson.loads(call.raw_body)
    except orjson.JSONDecodeError as error:
        raise validation(f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}") from error
    from_id, to_id = call.record_id("from_id"), call.record_id("to_id")
    set_ids = _associate(call, from_id, to_id, _type_ids(call, specs))
    return Reply(_labels_json(call, from_id, to_id, set_ids), 201)


def _dissociate(call: Call, from_id: int, to_id: int, type_ids: list[int] | None) -> None:
    from_type, to_type = _ends(call)
    call.portal.associations.remove(from_type.name, from_id, to_type.name, to_id, type_ids)
    present = [
        (kind.name, each)
        for kind, each in ((from_type, from_id), (to_type, to_id))
        if call.portal.store.get(kind.name, each) is not None
    ]
    call.portal.after_association_change(present)


def remove_all(call: Call) -> Reply:
    """`DELETE /crm/objects/{from}/{id}/associations/{to}/{id}`: 204."""
    _dissociate(call, call.record_id("from_id"), call.record_id("to_id"), None)
    return Reply(None, 204)


def batch_archive(call: Call) -> Reply:
    """`POST .../batch/archive`: inputs name one `from` and several `to`."""
    for each in call.inputs(_WRITE_LIMIT, _PAIR_FIELDS, ["from", "to"]):
        targets = each["to"] if isinstance(each["to"], list) else [each["to"]]
        for target in targets:
            _dissociate(call, *_input_ends({"from": each["from"], "to": target}), None)
    return Reply(None, 204)


def batch_archive_labels(call: Call) -> Reply:
    """`POST .../batch/labels/archive`: takes the named association types away only."""
    for each in call.inputs(_WRITE_LIMIT, _LABELLED_FIELDS, ["from", "to", "types"]):
        _dissociate(call, *_input_ends(each), _type_ids(call, each["types"]))
    return Reply(None, 204)


def list_of_record(call: Call) -> Reply:
    """`GET /crm/objects/{from}/{id}/associations/{to}`: an entry per type in v3, per record in later versions."""
    from_type, to_type = _ends(call)
    from_id = call.record_id("from_id")
    call.portal.record(from_type.name, from_id)
    size = call.query.page_size(_LIST_LIMIT, _LIST_LIMIT)
    types = call.portal.associations.types_between(from_type.name, to_type.name)
    linked = call.portal.associations.of(from_type.name, [from_id], to_type.name).get(from_id, {})
    shown, paging = _page_of(call, str(from_id), linked, after_association_cursor(call.query.text("after")), size)
    if call.version == "v3":
        results: list[dict[str, Any]] = [
            {"id": str(to_id), "type": kind.wire_name}
            for kind in types
            for to_id in shown
            if kind.type_id in linked[to_id]
        ]
    else:
        results = [
            {"toObjectId": _to_id(call, to_id), "associationTypes": _types_json(call, types, linked[to_id])}
            for to_id in shown
        ]
    return Reply({"results": results, **({"paging": paging} if paging else {})})


def labels(call: Call) -> Reply:
    """`GET /crm/associations/{from}/{to}/labels`."""
    from_type, to_type = _ends(call)
    types = call.portal.associations.types_between(from_type.name, to_type.name)
    return Reply({"results": _types_json(call, types, [kind.type_id for kind in types])})


def create_label(call: Call) -> Reply:
    """`POST /crm/associations/{from}/{to}/labels`: a label of the account's own, both ways."""
    known: Mapping[str, Any] = {"label": str, "name": str, "inverseLabel": str}
    fields = call.fields(known, ["label", "name"])
    from_type, to_type = _ends(call)
    try:
        there, back = call.portal.associations.add_label(
            from_type.name, to_type.name, fields["label"], fields.get("inverseLabel")
        )
    except ValueError as error:
        raise validation(str(error)) from error
    made = [(there, fields["label"]), (back, fields.get("inverseLabel", fields["label"]))]
    return Reply(
        {"results": [{"category": USER_DEFINED, "typeId": type_id, "label": label} for type_id, label in made]}
    )


BATCH_ENDPOINTS = (
    Endpoint("POST", "/{from_type}/{to_type}/batch/read", batch_read, _read_scopes, bucket="associations"),
    Endpoint("POST", "/{from_type}/{to_type}/batch/create", batch_create, _write_scopes, bucket="associations"),
    Endpoint(
        "POST",
        "/{from_type}/{to_type}/batch/associate/default",
        batch_create_default,
        _write_scopes,
        bucket="associations",
    ),
    Endpoint("POST", "/{from_type}/{to_type}/batch/archive", batch_archive, _write_scopes, bucket="associations"),
    Endpoint(
        "POST",
        "/{from_type}/{to_type}/batch/labels/archive",
        batch_archive_labels,
        _write_scopes,
        bucket="associations",
    ),
    Endpoint("GET", "/{from_type}/{to_type}/labels", labels, _read_scopes),
    Endpoint("POST", "/{from_type}/{to_type}/labels", create_label, _write_scopes),
)
LIST_ENDPOINT = Endpoint(
    "GET",
    "/{from_type}/{from_id}/associations/{to_type}",
    list_of_record,
    _read_scopes,
    frozenset({"limit", "after"}),
)
RECORD_ENDPOINTS = (
    LIST_ENDPOINT,
    Endpoint("PUT", "/{from_type}/{from_id}/associations/default/{to_type}/{to_id}", create_default, _write_scopes),
    Endpoint("PUT", "/{from_type}/{from_id}/associations/{to_type}/{to_id}", create_labelled, _write_scopes),
    Endpoint("DELETE", "/{from_type}/{from_id}/associations/{to_type}/{to_id}", remove_all, _write_scopes),
)
