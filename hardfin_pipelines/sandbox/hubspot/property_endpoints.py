"""Endpoints over property definitions: list, read, create, change, archive, batches, groups.

HubSpot docs: properties guide; what a definition takes and how refusals look is as seen on the wire.
"""

import re
from collections.abc import Mapping
from typing import Any

from hardfin_pipelines.sandbox.hubspot.account_schema import NON_SENSITIVE, sensitive_scopes
from hardfin_pipelines.sandbox.hubspot.batch_endpoints import batch_reply
from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply, checked_fields
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, no_such_object, validation
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.property_definitions import definition
from hardfin_pipelines.sandbox.hubspot.values import instant_text

_LIMIT = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")
_SENSITIVITIES = (NON_SENSITIVE, "sensitive", "highly_sensitive")
_FIELD_TYPES: Mapping[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "file", "html", "phonenumber", "calculation_equation"}),
    "phone_number": frozenset({"phonenumber", "text"}),
    "number": frozenset({"number", "calculation_equation"}),
    "bool": frozenset({"booleancheckbox", "calculation_equation"}),
    "enumeration": frozenset({"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
}
_TEXTS = frozenset({"string", "phone_number"})
_UPDATE_FIELDS: Mapping[str, Any] = {
    "label": str,
    "type": str,
    "fieldType": str,
    "groupName": str,
    "description": str,
    "options": list,
    "displayOrder": int,
    "hidden": bool,
    "formField": bool,
    "calculationFormula": str,
    "numberDisplayHint": str,
    "textDisplayHint": str,
    "showCurrencySymbol": bool,
    "currencyPropertyName": str,
    "hasUniqueValue": bool,
    "dataSensitivity": str,
    "externalOptions": bool,
    "referencedObjectType": str,
}
_CREATE_FIELDS: Mapping[str, Any] = {"name": str, **_UPDATE_FIELDS}
_REQUIRED = ("name", "label", "type", "fieldType", "groupName")
_KEPT_ON_UPDATE = frozenset({"hasUniqueValue", "dataSensitivity", "referencedObjectType"})
_OPTION_FIELDS: Mapping[str, Any] = {
    "label": str,
    "value": str,
    "displayOrder": int,
    "hidden": bool,
    "description": str,
}


def _read_scopes(call: Call) -> list[tuple[str, ...]]:
    return [call.kind.schema_scopes]


def _write_scopes(call: Call) -> list[tuple[str, ...]]:
    return [
        (f"crm.schemas.{call.kind.name}.write", *(each for each in call.kind.schema_scopes if each == "e-commerce"))
    ]


def _now(call: Call) -> str:
    return instant_text(call.portal.sandbox.clock.now_ms())


def _sensitivity(call: Call) -> str:
    wanted = call.query.text("dataSensitivity") or NON_SENSITIVE
    if wanted not in _SENSITIVITIES:
        raise validation(f"Invalid value for dataSensitivity: {wanted}")  # the text is ours
    return wanted


def _definitions(call: Call, *, archived: bool, sensitivity: str) -> dict[str, dict[str, Any]]:
    schema = call.portal.schema
    held = schema.archived_properties(call.kind.name) if archived else schema.properties(call.kind.name)
    return {name: described for name, described in held.items() if described["dataSensitivity"] == sensitivity}


def _missing(name: str) -> VendorError:
    return no_such_object(f"Property named '{name}' does not exist.")  # the text is ours


def list_properties(call: Call) -> Reply:
    """`GET /crm/properties/{type}`: all of one sensitivity, in one page; the non-sensitive ones unless asked."""
    found = _definitions(call, archived=call.query.flag("archived"), sensitivity=_sensitivity(call))
    return Reply({"results": list(found.values())})


def get_property(call: Call) -> Reply:
    """`GET /crm/properties/{type}/{name}`; sensitive or archived ones only where asked for."""
    name = call.params["name"]
    found = _definitions(call, archived=call.query.flag("archived"), sensitivity=_sensitivity(call))
    if name not in found:
        raise _missing(name)
    return Reply(found[name])


def create_property(call: Call) -> Reply:
    """`POST /crm/properties/{type}`; the name of an archived property restores its values under the new definition."""
    described = _create(call, call.json())
    return Reply(described, 201, {"Location": f"{call.base_url}{call.path}/{described['name']}"})


def _create(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    fields = checked_fields(given, _CREATE_FIELDS, _REQUIRED)
    name = fields["name"]
    if name in call.portal.schema.properties(call.kind.name):
        raise VendorError(
            409,
            f"A property named '{name}' already exists.",
            category="OBJECT_ALREADY_EXISTS",
            subCategory="Properties.PROPERTY_WITH_NAME_EXISTS",
        )
    if not _NAME.match(name):
        raise validation(f"Property name '{name}' is invalid")  # the text is ours
    _check_types(fields["type"], fields["fieldType"])
    _check_sensitivity(call, fields.get("dataSensitivity", NON_SENSITIVE))
    described = definition(
        name,
        fields["label"],
        fields["type"],
        fields["fieldType"],
        fields["groupName"],
        created_at=_now(call),
        built_in=False,
        unique=fields.get("hasUniqueValue", False),
    )
    options = {"options": _options(fields["type"], fields.get("options", []))}
    described |= {key: value for key, value in fields.items() if key != "options"} | options
    described["calculated"] = fields["fieldType"] == "calculation_equation"
    call.portal.schema.add_property(call.kind.name, described)
    return described


def _check_types(property_type: str, field_type: str) -> None:
    """The texts are ours."""
    if property_type not in _FIELD_TYPES:
        raise validation(f"Invalid input JSON: {property_type} is not one of [{', '.join(_FIELD_TYPES)}]")
    if field_type not in _FIELD_TYPES[property_type]:
        raise validation(f"Field type {field_type} does not go with type {property_type}")


def _check_sensitivity(call: Call, sensitivity: str) -> None:
    """A sensitive property needs the scope to write its values (seen on the wire, with this text)."""
    if sensitivity not in _SENSITIVITIES:
        raise validation(f"Invalid input JSON: {sensitivity} is not one of [{', '.join(_SENSITIVITIES)}]")
    if sensitivity == NON_SENSITIVE:
        return
    if not call.grant.allows(sensitive_scopes(call.kind.name, sensitivity, "write")):
        raise VendorError(403, "Missing required scope for: sensitive-data-property-create", category="MISSING_SCOPES")


def _options(property_type: str, given: list[Any]) -> list[dict[str, Any]]:
    """Options in the wire's form; the texts of the refusals are ours."""
    options = []
    for order, each in enumerate(given):
        option = checked_fields(each if isinstance(each, dict) else {"": 0}, _OPTION_FIELDS, ["label", "value"])
        options.append({"displayOrder": order, "hidden": False, "description": "", **option})
    values = [option["value"] for option in options]
    if property_type == "bool" and sorted(values) != ["false", "true"]:
        raise validation("A boolean property needs the options true and false", subCategory="INVALID_BOOLEAN_OPTION")
    if property_type == "enumeration" and not values:
        raise validation("An enumeration property needs options")
    for what in ("value", "label"):
        if len({option[what] for option in options}) < len(options):
            raise validation(f"Property option {what}s must be unique")
    return options


def update_property(call: Call) -> Reply:
    """`PATCH /crm/properties/{type}/{name}`: members left out stay, `options` replaces the whole list."""
    fields = call.fields(_UPDATE_FIELDS)
    name, schema = call.params["name"], call.portal.schema
    held = schema.properties(call.kind.name).get(name)
    if held is None:
        raise _missing(name)
    _check_sensitivity(call, held["dataSensitivity"])
    changes = {key: value for key, value in fields.items() if key not in _KEPT_ON_UPDATE and value != held.get(key)}
    _check_editable(name, held, changes)
    if "options" in changes:
        changes["options"] = _options(held["type"], changes["options"])
    return Reply(schema.redefine_property(call.kind.name, name, {**changes, "updatedAt": _now(call)}))


def _check_editable(name: str, held: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """The texts are ours. Of type changes only those among texts are seen on the wire; all others are refused."""
    marks = held["modificationMetadata"]
    if "options" in changes and marks["readOnlyOptions"]:
        raise validation(f"The options of {name} are read only")
    if marks["readOnlyDefinition"] and changes.keys() - {"options"}:
        raise validation(f"{name} is a HubSpot-defined property; its definition is read only")
    new_type = changes.get("type", held["type"])
    if new_type != held["type"] and not {new_type, held["type"]} <= _TEXTS:
        raise validation(f"The type of {name} cannot be changed from {held['type']} to {new_type}")
    if {"type", "fieldType"} & changes.keys():
        _check_types(new_type, changes.get("fieldType", held["fieldType"]))


def archive_property(call: Call) -> Reply:
    """`DELETE /crm/properties/{type}/{name}`: 204 once, then 404; HubSpot's own properties stay."""
    _archive(call, call.params["name"])
    return Reply(None, 204)


def _archive(call: Call, name: str) -> None:
    if name not in call.portal.schema.properties(call.kind.name):
        raise _missing(name)
    if not call.portal.schema.archive_property(call.kind.name, name, _now(call)):
        raise validation(f"{name} is a HubSpot-defined property and cannot be deleted")  # the text is ours


def batch_read(call: Call) -> Reply:
    """`POST /crm/properties/{type}/batch/read`: 207 where a name is not there."""
    beside: Mapping[str, Any] = {"archived": bool, "dataSensitivity": str}
    fields = call.fields({"inputs": list, **beside})
    inputs = call.inputs(_LIMIT, {"name": str}, ["name"], beside=beside)
    sensitivity = fields.get("dataSensitivity", NON_SENSITIVE)
    found = _definitions(call, archived=fields.get("archived", False), sensitivity=sensitivity)
    errors = [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": f"Property named '{each['name']}' does not exist.",  # the text is ours
            "context": {"name": [each["name"]]},
        }
        for each in inputs
        if each["name"] not in found
    ]
    return batch_reply(call.portal, [found[each["name"]] for each in inputs if each["name"] in found], errors)


def batch_create(call: Call) -> Reply:
    """`POST /crm/properties/{type}/batch/create`: all or nothing."""
    inputs = call.inputs(_LIMIT, _CREATE_FIELDS, _REQUIRED)
    with call.portal.store.writing():
        made = [_create(call, each) for each in inputs]
    return batch_reply(call.portal, made, [], 201)


def batch_archive(call: Call) -> Reply:
    """`POST /crm/properties/{type}/batch/archive`: 204."""
    inputs = call.inputs(_LIMIT, {"name": str}, ["name"])
    with call.portal.store.writing():
        for each in inputs:
            if each["name"] in call.portal.schema.properties(call.kind.name):
                _archive(call, each["name"])
    return Reply(None, 204)


def _groups(call: Call) -> list[dict[str, Any]]:
    held = call.portal.schema.properties(call.kind.name).values()
    names = dict.fromkeys(described["groupName"] for described in held)
    return [
        {"name": name, "label": name.capitalize(), "displayOrder": order, "archived": False}
        for order, name in enumerate(names)
    ]


def list_groups(call: Call) -> Reply:
    """`GET /crm/properties/{type}/groups`: those that properties are in."""
    return Reply({"results": _groups(call)})


def get_group(call: Call) -> Reply:
    """`GET /crm/properties/{type}/groups/{name}`."""
    for group in _groups(call):
        if group["name"] == call.params["name"]:
            return Reply(group)
    raise no_such_object(f"Property group named '{call.params['name']}' does not exist.")  # the text is ours


_QUERY = frozenset({"archived", "dataSensitivity", "properties", "locale"})
_LOCALE = frozenset({"locale"})

ENDPOINTS = (
    Endpoint("GET", "/{object_type}", list_properties, _read_scopes, _QUERY),
    Endpoint("POST", "/{object_type}", create_property, _write_scopes),
    Endpoint("POST", "/{object_type}/batch/read", batch_read, _read_scopes, _LOCALE),
    Endpoint("POST", "/{object_type}/batch/create", batch_create, _write_scopes),
    Endpoint("POST", "/{object_type}/batch/archive", batch_archive, _write_scopes),
    Endpoint("GET", "/{object_type}/groups", list_groups, _read_scopes, _LOCALE),
    Endpoint("GET", "/{object_type}/groups/{name}", get_group, _read_scopes, _LOCALE),
    Endpoint("GET", "/{object_type}/{name}", get_property, _read_scopes, _QUERY),
    Endpoint("PATCH", "/{object_type}/{name}", update_property, _write_scopes),
    Endpoint("DELETE", "/{object_type}/{name}", archive_property, _write_scopes),
)
