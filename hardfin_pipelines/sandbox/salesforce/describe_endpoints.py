"""What an organization has: versions, resources, objects and fields, picklists, limits."""

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.http_dates import http_date
from hardfin_pipelines.sandbox.salesforce.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.salesforce.errors import VendorError, not_found
from hardfin_pipelines.sandbox.salesforce.fields import Field
from hardfin_pipelines.sandbox.salesforce.ids import MASTER_RECORD_TYPE, normalized
from hardfin_pipelines.sandbox.salesforce.schema import ChildRelation
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject

OLDEST_VERSION, NEWEST_VERSION = 40, 68
_SEASONS = ("Spring", "Summer", "Winter")
_SPRING_18 = 42
_RESOURCES = ("sobjects", "query", "queryAll", "limits", "composite", "jobs", "ui-api")


def version_list() -> list[dict[str, str]]:
    """The API versions, oldest first."""
    found = []
    for number in range(OLDEST_VERSION, NEWEST_VERSION + 1):
        years, season = divmod(number - _SPRING_18, len(_SEASONS))
        year = 18 + years + (1 if _SEASONS[season] == "Winter" else 0)
        url = f"/services/data/v{number}.0"
        found.append({"label": f"{_SEASONS[season]} '{year}", "url": url, "version": f"{number}.0"})
    return found


def resources(call: Call) -> Reply:
    """The paths of one version."""
    return Reply({name: f"{call.base}/{name}" for name in _RESOURCES})


def unchanged_since(call: Call, changed: datetime) -> bool:
    """Whether the caller's `If-Modified-Since` is not before the change."""
    given = call.headers.get("if-modified-since")
    try:
        since = None if given is None else parsedate_to_datetime(given)
    except ValueError:
        return False
    return since is not None and since.astimezone(UTC) >= changed.replace(microsecond=0)


def _dated(call: Call, body: Any, root: str) -> Reply:
    changed = call.org.schema_changed_at
    headers = {"Last-Modified": http_date(changed)}
    if unchanged_since(call, changed):
        return Reply(None, 304, headers)
    return Reply(body, headers=headers, root=root)


def global_describe(call: Call) -> Reply:
    """All objects that the caller sees."""
    listed = [each.summary_json(call.base) for each in sorted(call.view.objects(), key=lambda each: each.name)]
    return _dated(call, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed}, "DescribeGlobal")


def object_summary(call: Call) -> Reply:
    """One object in short."""
    return Reply({"objectDescribe": call.sobject.summary_json(call.base), "recentItems": []}, root=call.sobject.name)


def describe(call: Call) -> Reply:
    """One object and the fields that the caller sees."""
    sobject = call.sobject
    view = call.view
    body: dict[str, Any] = {
        "actionOverrides": [],
        "childRelationships": [_child_json(each) for each in view.children(sobject)],
        "compactLayoutable": not sobject.setup,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [each.as_json() for each in view.fields(sobject)],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(call, sobject),
        "searchLayoutable": not sobject.setup,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {sobject.plural.lower()}", "name": "everything"}],
    }
    if "ownerid" in sobject.fields:
        body["supportedScopes"].append({"label": f"My {sobject.plural.lower()}", "name": "mine"})
    return _dated(call, dict(sorted({**sobject.summary_json(call.base), **body}.items())), "DescribeSObject")


def _child_json(relation: ChildRelation) -> dict[str, Any]:
    return {
        "cascadeDelete": relation.field.cascades,
        "childSObject": relation.child.name,
        "deprecatedAndHidden": False,
        "field": relation.field.name,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": relation.name,
        "restrictedDelete": False,
    }


def _record_types(call: Call, sobject: SObject) -> list[dict[str, Any]]:
    table = call.org.store.table(call.org.schema.known("RecordType"))
    found = call.org.store.rows(
        sa.select(table).where(table.c.SobjectType == sobject.name, table.c.IsDeleted == 0).order_by(table.c.Id)
    )
    listed = [_record_type_json(call, sobject, row.Id, row.Name, row.DeveloperName, row.IsActive) for row in found]
    for place, each in enumerate(listed):
        each["defaultRecordTypeMapping"] = place == 0
    master = _record_type_json(call, sobject, MASTER_RECORD_TYPE, "Master", "Master", 1)
    return [*listed, {**master, "defaultRecordTypeMapping": not listed}]


def _record_type_json(
    call: Call, sobject: SObject, record_type_id: str, name: str, developer_name: str, active: int
) -> dict[str, Any]:
    layout = f"{call.base}/sobjects/{sobject.name}/describe/layouts/{record_type_id}"
    return {
        "active": bool(active),
        "available": bool(active),
        "defaultRecordTypeMapping": False,
        "developerName": developer_name,
        "master": record_type_id == MASTER_RECORD_TYPE,
        "name": name,
        "recordTypeId": record_type_id,
        "urls": {"layout": layout},
    }


def _choices(call: Call, record_type_id: str, field: Field) -> dict[str, Any]:
    process = call.org.processes.get(record_type_id)
    stages = None if process is None or field.name != "StageName" else process.stages
    table = call.org.store.table(call.org.schema.known("OpportunityStage"))
    closed = {row.ApiName: row for row in call.org.store.rows(sa.select(table))} if field.name == "StageName" else {}
    shown = [each for each in field.picklist if each.active and (stages is None or each.value in stages)]
    listed: list[dict[str, Any]] = []
    for each in shown:
        attributes = None
        if each.value in closed:
            row = closed[each.value]
            attributes = {
                "closed": bool(row.IsClosed),
                "defaultProbability": (row.DefaultProbability or 0) * 1.0,
                "forecastCategoryName": row.ForecastCategoryName,
                "picklistAtributesValueType": "OpportunityStage",  # spelt so by Salesforce
                "won": bool(row.IsWon),
            }
        listed.append(
            {"attributes": attributes, "label": each.label or each.value, "validFor": [], "value": each.value}
        )
    tag = hashlib.md5(orjson.dumps(listed), usedforsecurity=False).hexdigest()
    return {
        "controllerValues": {},
        "defaultValue": None,
        "eTag": tag,
        "url": f"{call.base}/{call.path}",
        "values": listed,
    }


def _record_type_in(call: Call) -> str:
    record_type_id = normalized(call.params["record_type"])
    known = {each["recordTypeId"] for each in _record_types(call, call.sobject)}
    if record_type_id is None or record_type_id not in known:
        raise VendorError(404, "INVALID_RECORD_TYPE", f"Invalid record type: {call.params['record_type']}")  # our text
    return record_type_id


def picklist_values(call: Call) -> Reply:
    """The choices of one picklist for one record type: of StageName, the stages of its sales process."""
    record_type_id, field = _record_type_in(call), call.view.field(call.sobject, call.params["field"])
    if field is None or "picklist" not in field.type:
        raise not_found()
    return Reply(_choices(call, record_type_id, field))


def all_picklist_values(call: Call) -> Reply:
    """The choices of all picklists for one record type."""
    record_type_id = _record_type_in(call)
    fields = [each for each in call.view.fields(call.sobject) if "picklist" in each.type]
    return Reply({"picklistFieldValues": {each.name: _choices(call, record_type_id, each) for each in fields}})


def limits(call: Call) -> Reply:
    """What is left of the organization's limits."""
    org, now_ms = call.org, call.org.clock.now_ms()
    most = org.settings.daily_limit(org.edition)
    left = max(org.calls.remaining(now_ms, most) - org.settings.calls_of_others, 0)
    jobs = org.settings.bulk_daily_jobs
    body = {
        "DailyApiRequests": {"Max": most, "Remaining": left},
        "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
        "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
        "DailyBulkV2QueryJobs": {"Max": jobs, "Remaining": org.bulk_jobs.remaining(now_ms, jobs)},
        "DailyDeliveredPlatformEvents": {"Max": 10_000, "Remaining": 10_000},
        "HourlyTimeBasedWorkflow": {"Max": 1_000, "Remaining": 1_000},
    }
    return Reply(body, root="LimitsSnapshot")


ENDPOINTS = (
    Endpoint("GET", "", resources),
    Endpoint("GET", "limits", limits),
    Endpoint("GET", "sobjects", global_describe),
    Endpoint("GET", "sobjects/{object}", object_summary),
    Endpoint("GET", "sobjects/{object}/describe", describe),
    Endpoint("GET", "ui-api/object-info/{object}/picklist-values/{record_type}", all_picklist_values),
    Endpoint("GET", "ui-api/object-info/{object}/picklist-values/{record_type}/{field}", picklist_values),
)
