"""Endpoints over deal pipelines and their stages (HubSpot docs: pipelines guide; shapes and refusals as on the wire).

What a write answers repeats what was sent; only a read shows what HubSpot keeps (seen on the wire).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from hardfin_pipelines.sandbox.hubspot import pipeline_changes as changes
from hardfin_pipelines.sandbox.hubspot.account_schema import NewStage
from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply, checked_fields
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, no_such_object, not_found, validation
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint

_STAGE_FIELDS: Mapping[str, Any] = {"label": str, "displayOrder": int, "metadata": dict, "stageId": str}
_PIPELINE_FIELDS: Mapping[str, Any] = {"label": str, "displayOrder": int, "stages": list, "pipelineId": str}
_PATCH_FIELDS: Mapping[str, Any] = {"label": str, "displayOrder": int, "archived": bool}
_PATCH_STAGE_FIELDS: Mapping[str, Any] = {**_PATCH_FIELDS, "metadata": dict}


def _read_scopes(call: Call) -> list[tuple[str, ...]]:
    return [(*call.kind.read_scopes, *call.kind.schema_scopes)]


def _write_scopes(call: Call) -> list[tuple[str, ...]]:
    return [(*call.kind.write_scopes, f"crm.schemas.{call.kind.name}.write")]


def _checks_use(call: Call) -> bool:
    """Whether a deletion is refused where deals stand in the way; 2026-09 has no way around (seen on the wire)."""
    asked = call.query.text("validateDealStageUsagesBeforeDelete") or call.query.text("validateReferencesBeforeDelete")
    return call.version == "2026-09" or (asked or "true").lower() != "false"


def _pipelines(call: Call) -> dict[str, dict[str, Any]]:
    return call.portal.schema.pipelines if call.kind.name == "deals" else {}


def _only_deals(call: Call) -> None:
    if call.kind.name != "deals":
        raise validation(f"{call.kind.name} have no pipelines")  # the text is ours


def list_pipelines(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}`: all with their stages, in no order; `archived` makes no difference."""
    return Reply({"results": list(_pipelines(call).values())})


def _pipeline(call: Call) -> dict[str, Any]:
    _only_deals(call)
    return changes.pipeline_of(call.portal, call.params["pipeline_id"])


def get_pipeline(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}/{id}`."""
    return Reply(_pipeline(call))


def list_stages(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}/{id}/stages`."""
    found = _pipelines(call).get(call.params["pipeline_id"])
    if found is None:
        raise not_found()
    return Reply({"results": found["stages"]})


def get_stage(call: Call) -> Reply:
    """`GET /crm/pipelines/{type}/{id}/stages/{stage}`."""
    return Reply(changes.stage_of(_pipeline(call), call.params["stage_id"]))


def create_pipeline(call: Call) -> Reply:
    """`POST /crm/pipelines/deals`."""
    fields = call.fields(_PIPELINE_FIELDS, ["label", "displayOrder"])
    _only_deals(call)
    stages = _new_stages(fields.get("stages", []))
    pipeline_id = changes.make_pipeline(
        call.portal,
        fields["label"],
        stages,
        pipeline_id=fields.get("pipelineId"),
        display_order=fields["displayOrder"],
    )
    return Reply(_echoed(call, pipeline_id, fields["stages"]), 201)


def replace_pipeline(call: Call) -> Reply:
    """`PUT /crm/pipelines/deals/{id}`: stages that are left out are deleted."""
    fields = call.fields(_PIPELINE_FIELDS, ["label", "displayOrder", "stages"])
    pipeline_id = _pipeline(call)["id"]
    stages = _new_stages(fields["stages"])
    changes.replace_pipeline(call.portal, pipeline_id, fields["label"], fields["displayOrder"], stages)
    return Reply(_echoed(call, pipeline_id, fields["stages"]))


def _echoed(call: Call, pipeline_id: str, sent: list[dict[str, Any]]) -> dict[str, Any]:
    pipeline = call.portal.schema.pipelines[pipeline_id]
    stages = [
        {**held, "metadata": {**held["metadata"], **_texts(given["metadata"])}}
        for held, given in zip(pipeline["stages"], sent, strict=True)
    ]
    return {**pipeline, "stages": stages}


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else str(value).lower() for name, value in metadata.items()}


def update_pipeline(call: Call) -> Reply:
    """`PATCH /crm/pipelines/deals/{id}`: label and order; members left out stay."""
    fields = call.fields(_PATCH_FIELDS)
    _refuse_archived(fields)
    pipeline_id = _pipeline(call)["id"]
    changes.change_pipeline(call.portal, pipeline_id, fields)
    return Reply(call.portal.schema.pipelines[pipeline_id])


def _refuse_archived(fields: Mapping[str, Any]) -> None:
    """`archived` may be sent only to restore, and nothing is ever archived here (HubSpot's specification)."""
    if "archived" in fields:
        raise validation("archived can be set only to restore an archived pipeline or stage")  # the text is ours


def delete_pipeline(call: Call) -> Reply:
    """`DELETE /crm/pipelines/deals/{id}`: 204; refused where stages have deals."""
    if call.params["pipeline_id"] not in _pipelines(call):
        raise no_such_object("Pipeline not found")  # the text is ours
    changes.remove_pipeline(call.portal, call.params["pipeline_id"], even_if_used=not _checks_use(call))
    return Reply(None, 204)


def _new_stages(given: list[Any]) -> list[NewStage]:
    """Stages in the order of their `displayOrder`."""
    checked = [
        checked_fields(each if isinstance(each, dict) else {"": 0}, _STAGE_FIELDS, ["label", "metadata"])
        for each in given
    ]
    return [_new_stage(each) for each in checked]


def _new_stage(stage: Mapping[str, Any]) -> NewStage:
    probability = _probability(stage["metadata"])
    if probability is None:
        raise validation("must specify probability when writing a dealstage")
    return NewStage(stage["label"], probability, probability in {0, 1}, stage.get("stageId"))


def _probability(metadata: Mapping[str, Any]) -> Decimal | None:
    """A stage's probability; whether it is closed follows from it, and what else `metadata` has is dropped."""
    if "probability" not in metadata:
        return None
    text = "Stage metadata needs a probability from 0.0 to 1.0"  # ours
    try:
        probability = Decimal(str(metadata["probability"]))
    except InvalidOperation as error:
        raise validation(text) from error
    if not probability.is_finite() or not 0 <= probability <= 1:
        raise validation(text)
    return probability


def create_stage(call: Call) -> Reply:
    """`POST /crm/pipelines/deals/{id}/stages`."""
    fields = call.fields(_STAGE_FIELDS, ["label", "displayOrder", "metadata"])
    pipeline = _pipeline(call)
    stage_id = changes.add_stage(call.portal, pipeline["id"], _new_stage(fields), fields["displayOrder"])
    return Reply(_echoed_stage(call, stage_id, fields["metadata"]), 201)


def _echoed_stage(call: Call, stage_id: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    held = changes.stage_of(_pipeline(call), stage_id)
    return {**held, "metadata": {**held["metadata"], **_texts(metadata)}}


def update_stage(call: Call) -> Reply:
    """`PATCH /crm/pipelines/deals/{id}/stages/{stage}`: members left out stay, also those of `metadata`."""
    fields = call.fields(_PATCH_STAGE_FIELDS)
    _refuse_archived(fields)
    return _change_stage(call, fields)


def replace_stage(call: Call) -> Reply:
    """`PUT /crm/pipelines/deals/{id}/stages/{stage}`."""
    return _change_stage(call, call.fields(_STAGE_FIELDS, ["label", "displayOrder", "metadata"]))


def _change_stage(call: Call, fields: Mapping[str, Any]) -> Reply:
    stage_id, metadata = call.params["stage_id"], fields.get("metadata", {})
    changes.change_stage(
        call.portal,
        _pipeline(call)["id"],
        stage_id,
        label=fields.get("label"),
        display_order=fields.get("displayOrder"),
        probability=_probability(metadata),
    )
    return Reply(_echoed_stage(call, stage_id, metadata))


def delete_stage(call: Call) -> Reply:
    """`DELETE /crm/pipelines/deals/{id}/stages/{stage}`: 204 also where there is no such stage; refused with deals."""
    try:
        changes.remove_stage(
            call.portal, call.params["pipeline_id"], call.params["stage_id"], even_if_used=not _checks_use(call)
        )
    except VendorError as error:
        if error.status != 404:
            raise
    return Reply(None, 204)


_CHECKS = frozenset({"validateReferencesBeforeDelete", "validateDealStageUsagesBeforeDelete"})
_ONE, _STAGES, _STAGE = (
    "/{object_type}/{pipeline_id}",
    "/{object_type}/{pipeline_id}/stages",
    "/{object_type}/{pipeline_id}/stages/{stage_id}",
)

ENDPOINTS = (
    Endpoint("GET", "/{object_type}", list_pipelines, _read_scopes, frozenset({"archived"})),
    Endpoint("POST", "/{object_type}", create_pipeline, _write_scopes),
    Endpoint("GET", _ONE, get_pipeline, _read_scopes),
    Endpoint("PUT", _ONE, replace_pipeline, _write_scopes, _CHECKS),
    Endpoint("PATCH", _ONE, update_pipeline, _write_scopes, _CHECKS),
    Endpoint("DELETE", _ONE, delete_pipeline, _write_scopes, _CHECKS),
    Endpoint("GET", _STAGES, list_stages, _read_scopes),
    Endpoint("POST", _STAGES, create_stage, _write_scopes),
    Endpoint("GET", _STAGE, get_stage, _read_scopes),
    Endpoint("PUT", _STAGE, replace_stage, _write_scopes),
    Endpoint("PATCH", _STAGE, update_stage, _write_scopes),
    Endpoint("DELETE", _STAGE, delete_stage, _write_scopes, _CHECKS),
)
