"""Endpoints over what an account has set up: properties, pipelines, owners, account details."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from hardfin_pipelines.sandbox.hubspot.account_schema import NewStage
from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply, checked_fields
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, not_found, validation
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.object_endpoints import numeric_after
from hardfin_pipelines.sandbox.hubspot.property_definitions import definition
from hardfin_pipelines.sandbox.hubspot.values import instant_text

_OWNERS_LIMIT = 500
_PROPERTY_FIELDS: Mapping[str, Any] = {
    "name": str,
    "label": str,
    "type": str,
    "fieldType": str,
    "groupName": str,
    "description": str,
    "options": list,
    "hasUniqueValue": bool,
    "displayOrder": int,
    "hidden": bool,
    "formField": bool,
}
_PIPELINE_FIELDS: Mapping[str, Any] = {"label": str, "displayOrder": int, "stages": list, "pipelineId": str}
_STAGE_FIELDS: Mapping[str, Any] = {"label": str, "displayOrder": int, "metadata": dict, "stageId": str}


def _schema_scopes(call: Call) -> list[tuple[str, ...]]:
    return [call.kind.schema_scopes]


def _schema_write_scopes(call: Call) -> list[tuple[str, ...]]:
    return [
        (f"crm.schemas.{call.kind.name}.write", *(each for each in call.kind.schema_scopes if each == "e-commerce"))
    ]


def _pipeline_scopes(call: Call) -> list[tuple[str, ...]]:
    return [(*call.kind.read_scopes, *call.kind.schema_scopes)]


def properties(call: Call) -> Reply:
    """`GET /crm/properties/{type}`: all of them, in one page."""
    if call.query.flag("archived"):
        return Reply({"results": []})
    return Reply({"results": list(call.portal.schema.properties(call.kind.name).values())})


def get_property(call: Call) -> Reply:
    """`GET /crm/properties/{type}/{name}`."""
    described = call.portal.schema.properties(call.kind.name).get(call.params["name"])
    if described is None or call.query.flag("archived"):
        raise not_found()
    return Reply(described)


def create_property(call: Call) -> Reply:
    """`POST /crm/properties/{type}`: a property of the account's own."""
    fields = call.fields(_PROPERTY_FIELDS, ["name", "label", "type", "fieldType", "groupName"])
    if fields["name"] in call.portal.schema.properties(call.kind.name):
        text = f"A property named '{fields['name']}' already exists."
        raise VendorError(409, text, category="OBJECT_ALREADY_EXISTS")
    options = {str(each.get("value")): str(each.get("label")) for each in fields.get("options", [])}
    described = definition(
        fields["name"],
        fields["label"],
        fields["type"],
        fields["fieldType"],
        fields["groupName"],
        options=options,
        created_at=_now(call),
        built_in=False,
        unique=fields.get("hasUniqueValue", False),
    )
    described["description"] = fields.get("description", "")
    call.portal.schema.add_property(call.kind.name, described)
    return Reply(described, 201)


def archive_property(call: Call) -> Reply:
    """`DELETE /crm/properties/{type}/{name}`: 204; HubSpot's own properties stay."""
    name = call.params["name"]
    known = name in call.portal.schema.properties(call.kind.name)
    if known and not call.portal.schema.remove_property(call.kind.name, name):
        raise validation(f"{name} is a HubSpot-defined property and cannot be deleted")  # the text is ours
    return Reply(None, 204)


def _now(call: Call) -> str:
    return instant_text(call.portal.sandbox.clock.now_ms())


def _pipelines_of(call: Call) -> dict[str, dict[str, Any]]:
    return call.portal.schema.pipelines if call.kind.name == "deals" else {}


def pipelines(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}`."""
    return Reply({"results": list(_pipelines_of(call).values())})


def _pipeline(call: Call) -> dict[str, Any]:
    found = _pipelines_of(call).get(call.params["pipeline_id"])
    if found is None:
        raise not_found()
    return found


def get_pipeline(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}/{id}`."""
    return Reply(_pipeline(call))


def stages(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}/{id}/stages`."""
    return Reply({"results": _pipeline(call)["stages"]})


def get_stage(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}/{id}/stages/{stage}`."""
    found = [stage for stage in _pipeline(call)["stages"] if stage["id"] == call.params["stage_id"]]
    if not found:
        raise not_found()
    return Reply(found[0])


def create_pipeline(call: Call) -> Reply:
    """`POST /crm/pipelines/deals`."""
    fields = call.fields(_PIPELINE_FIELDS, ["label", "displayOrder", "stages"])
    if call.kind.name != "deals":
        raise validation(f"{call.kind.name} have no pipelines")  # the text is ours
    made = []
    for given in fields["stages"]:
        stage = checked_fields(given if isinstance(given, dict) else {"": 0}, _STAGE_FIELDS, ["label", "metadata"])
        made.append(_new_stage(stage))
    if fields.get("pipelineId") in call.portal.schema.pipelines:
        raise VendorError(409, f"pipeline {fields['pipelineId']} already exists", category="CONFLICT")
    try:
        pipeline_id = call.portal.add_pipeline(fields["label"], made, fields.get("pipelineId"))
    except ValueError as error:
        raise validation(str(error)) from error
    return Reply(call.portal.schema.pipelines[pipeline_id], 201)


def _new_stage(stage: Mapping[str, Any]) -> NewStage:
    try:
        probability = Decimal(str(stage["metadata"].get("probability")))
    except InvalidOperation as error:
        raise validation("Stage metadata needs a probability from 0.0 to 1.0") from error
    if not 0 <= probability <= 1:
        raise validation("Stage metadata needs a probability from 0.0 to 1.0")
    closed = str(stage["metadata"].get("isClosed", probability in {0, 1})).lower() == "true"
    return NewStage(stage["label"], probability, closed, stage.get("stageId"))


def owners(call: Call) -> Reply:
    """`GET /crm/owners`: 100 a page (at most 500), by id; `after` goes on behind an owner."""
    limit = call.query.page_size(100, _OWNERS_LIMIT)
    after = numeric_after(call.query.text("after") or "0")
    email, archived = call.query.text("email"), call.query.flag("archived")
    fitting = sorted(
        (
            owner
            for owner in call.portal.schema.owners.values()
            if owner["archived"] == archived and int(owner["id"]) > after and email in {None, owner["email"]}
        ),
        key=lambda owner: int(owner["id"]),
    )
    body: dict[str, Any] = {"results": fitting[:limit]}
    if len(fitting) > limit:
        cursor = fitting[limit - 1]["id"]
        body["paging"] = {"next": {"after": cursor, "link": f"{call.base_url}{call.path}?after={cursor}"}}
    return Reply(body)


def get_owner(call: Call) -> Reply:
    """`GET /crm/owners/{id}`, by owner id or, with `idProperty=userId`, by user id."""
    by_user = call.query.text("idProperty") == "userId"
    for owner in call.portal.schema.owners.values():
        held = str(owner["userId"]) if by_user else owner["id"]
        if held == call.params["owner_id"] and owner["archived"] == call.query.flag("archived"):
            return Reply(owner)
    raise not_found()


def account_details(call: Call) -> Reply:
    """`GET /account-info/details`."""
    portal = call.portal
    offset = portal.sandbox.clock.now().astimezone(ZoneInfo(portal.time_zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return Reply(
        {
            "portalId": portal.hub_id,
            "accountType": "STANDARD",
            "timeZone": portal.time_zone,
            "companyCurrency": portal.currencies[0],
            "additionalCurrencies": list(portal.currencies[1:]),
            "utcOffset": f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def api_usage(call: Call) -> Reply:
    """`GET /account-info/api-usage/daily/private-apps`."""
    portal = call.portal
    used = portal.sandbox.limits[portal.hub_id].used_today
    limit = portal.settings.daily_limit(portal.tier)
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limit,
        "currentUsage": used,
        "collectedAt": _now(call),
        "fetchStatus": "SUCCESS",
        "resetsAt": None,
    }
    return Reply({"results": [usage]})


_ARCHIVED = frozenset({"archived"})
_PROPERTY_QUERY = _ARCHIVED | {"dataSensitivity", "properties", "locale"}

PROPERTY_ENDPOINTS = (
    Endpoint("GET", "/{object_type}", properties, _schema_scopes, _PROPERTY_QUERY),
    Endpoint("POST", "/{object_type}", create_property, _schema_write_scopes),
    Endpoint("GET", "/{object_type}/{name}", get_property, _schema_scopes, _PROPERTY_QUERY),
    Endpoint("DELETE", "/{object_type}/{name}", archive_property, _schema_write_scopes),
)
PIPELINE_ENDPOINTS = (
    Endpoint("GET", "/{object_type}", pipelines, _pipeline_scopes),
    Endpoint("POST", "/{object_type}", create_pipeline, lambda call: [call.kind.write_scopes]),
    Endpoint("GET", "/{object_type}/{pipeline_id}", get_pipeline, _pipeline_scopes),
    Endpoint("GET", "/{object_type}/{pipeline_id}/stages", stages, _pipeline_scopes),
    Endpoint("GET", "/{object_type}/{pipeline_id}/stages/{stage_id}", get_stage, _pipeline_scopes),
)
_OWNER_SCOPES: list[tuple[str, ...]] = [("crm.objects.owners.read",)]
_OWNERS_QUERY = _ARCHIVED | {"limit", "after", "email"}
OWNER_ENDPOINTS = (
    Endpoint("GET", "", owners, lambda _call: _OWNER_SCOPES, _OWNERS_QUERY),
    Endpoint("GET", "/", owners, lambda _call: _OWNER_SCOPES, _OWNERS_QUERY),
    Endpoint("GET", "/{owner_id}", get_owner, lambda _call: _OWNER_SCOPES, _ARCHIVED | {"idProperty"}),
)
ACCOUNT_ENDPOINTS = (
    Endpoint("GET", "/details", account_details, lambda _call: []),
    Endpoint("GET", "/api-usage/daily/private-apps", api_usage, lambda _call: []),
)
