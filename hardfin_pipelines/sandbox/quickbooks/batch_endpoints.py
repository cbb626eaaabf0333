"""Batches: up to thirty writes and queries in one call, each with its own answer (Intuit docs: batch operations)."""

from typing import Any

from hardfin_pipelines.sandbox.quickbooks.calls import Call, Endpoint
from hardfin_pipelines.sandbox.quickbooks.entity_endpoints import entity_in_path, write
from hardfin_pipelines.sandbox.quickbooks.errors import VendorError, invalid_request, missing, unsupported
from hardfin_pipelines.sandbox.quickbooks.query_endpoints import query

MOST_PARTS = 30
_OPERATIONS = ("create", "update", "delete")


def _batch(call: Call) -> dict[str, Any]:
    call.only()
    request_id = call.query.get("requestid")
    before = call.company.answered(request_id)
    if before is not None:
        return dict(before)
    parts = call.json().get("BatchItemRequest")
    if not isinstance(parts, list) or not parts:
        raise missing("BatchItemRequest")
    if len(parts) > MOST_PARTS:
        text = f"The batch has {len(parts)} operations; {MOST_PARTS} is the most"  # ours, as the code is
        raise VendorError(400, "1040", "Batch limit exceeded", text)
    answers = [_part(call, each) for each in parts]
    answer = call.envelope(BatchItemResponse=answers)
    if any("QueryResponse" not in each and "Fault" not in each for each in answers):
        call.company.remember(request_id, answer)
    return answer


def _part(call: Call, part: Any) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise invalid_request("BatchItemRequest : expected objects")
    label = {"bId": str(part["bId"])} if part.get("bId") is not None else {}
    try:
        return {**_answer(call, part), **label}
    except VendorError as error:
        return {"Fault": error.fault(), **label}


def _answer(call: Call, part: dict[str, Any]) -> dict[str, Any]:
    if part.get("Query"):
        return {"QueryResponse": query(call, str(part["Query"]))}
    operation = part.get("operation")
    if operation not in _OPERATIONS:
        raise unsupported(str(operation))
    name = next((each for each in part if each not in {"bId", "operation", "optionsData", "Query"}), None)
    if name is None or not isinstance(part[name], dict):
        raise missing("an entity")
    entity = entity_in_path(name)
    return {entity.name: write(call.company, entity, part[name], operation)}


ENDPOINTS = (Endpoint("POST", "batch", "batch", _batch),)
