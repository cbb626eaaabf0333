"""Reading and writing single records (Intuit docs: create, read, update, delete)."""

from collections.abc import Mapping
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.calls import Call, Endpoint
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.entities import Entity, entities, entity_name
from hardfin_pipelines.sandbox.quickbooks.errors import not_found, subscription_lapsed, unsupported
from hardfin_pipelines.sandbox.quickbooks.record_json import as_fragment, as_json

_SINGLETONS = ("CompanyInfo", "Preferences")


def entity_in_path(text: str) -> Entity:
    """The entity that a path names; only those held here can be read and written.

    Raises:
        VendorError: there is none.
    """
    name = entity_name(text)
    if name not in entities():
        raise unsupported(text)
    return entities()[name]


def write(company: Company, entity: Entity, given: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """Creates, updates or deletes; the record as it is then.

    A body with an Id is an update, whatever the operation says. Name lists know no deletion: records are made
    inactive.

    Raises:
        VendorError: QuickBooks would refuse it.
    """
    if company.settings.subscription != "active":
        raise subscription_lapsed()
    if operation == "delete":
        raise unsupported("Delete")
    if given.get("Id") not in (None, "", 0, "0"):
        return as_json(entity, company.api_update(entity, given))
    if entity.name in _SINGLETONS:
        raise unsupported("Create")
    if operation == "update":
        raise not_found()
    return as_json(entity, company.api_create(entity, given))


def _read(call: Call) -> dict[str, Any]:
    call.only()
    call.metered()
    entity = entity_in_path(call.params["entity"])
    record_id = call.params["id"]
    if entity.name == "CompanyInfo" and record_id == call.company.realm_id:
        record_id = "1"
    return call.envelope(**{entity.name: as_fragment(entity, call.company.held(entity, record_id))})


def _preferences(call: Call) -> dict[str, Any]:
    call.params = {"entity": "Preferences", "id": "1"}
    return _read(call)


def _write(call: Call) -> dict[str, Any]:
    call.only("operation", "include")
    entity = entity_in_path(call.params["entity"])
    request_id = call.query.get("requestid")
    before = call.company.answered(request_id)
    if before is not None:
        return dict(before)
    operation = call.query.get("operation", "")
    if operation not in {"", "create", "update", "delete"}:
        raise unsupported(operation)
    answer = call.envelope(**{entity.name: write(call.company, entity, call.json(), operation)})
    call.company.remember(request_id, answer)
    return answer


ENDPOINTS = (
    Endpoint("GET", "preferences", "read", _preferences),
    Endpoint("GET", "{entity}/{id}", "read", _read),
    Endpoint("POST", "{entity}", "write", _write),
)
