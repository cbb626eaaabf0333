"""Bulk API 2.0, queries only (Salesforce docs: Bulk API 2.0 query jobs)."""

from typing import Any

from hardfin_pipelines.sandbox.salesforce.bulk_jobs import (
    DELIMITERS,
    LINE_ENDINGS,
    Job,
    locator_of,
    start_of,
)
from hardfin_pipelines.sandbox.salesforce.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.salesforce.errors import VendorError, json_error, malformed_query
from hardfin_pipelines.sandbox.salesforce.fields import COMPOUNDS
from hardfin_pipelines.sandbox.salesforce.query_endpoints import checked_plan
from hardfin_pipelines.sandbox.salesforce.soql.plans import Plan, is_count

_LARGEST_PAGE = 250_000
_RESULT_PAGES_SINCE = 58.0
_RESULT_PAGES = 5
_UNSUPPORTED = frozenset({"CaseStatus", "WorkOrderStatus", "ContractStatus", "ServiceAppointmentStatus", "OrderStatus"})


def create(call: Call) -> Reply:
    """Starts a query job."""
    body = call.json()
    operation, text = body.get("operation"), body.get("query")
    if operation not in {"query", "queryAll"} or not isinstance(text, str):
        raise json_error("operation must be query or queryAll, and query a SOQL statement")
    delimiter, ending = body.get("columnDelimiter", "COMMA"), body.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or ending not in LINE_ENDINGS:
        raise VendorError(400, "INVALIDJOB", "columnDelimiter or lineEnding is not known")  # the text is ours
    plan = _bulk_plan(call, text, with_deleted=operation == "queryAll")
    org, settings, now = call.org, call.org.settings, call.org.now()
    if not org.bulk_jobs.take(org.clock.now_ms(), settings.bulk_daily_jobs):
        text = f"Max bulk v2 query jobs ({settings.bulk_daily_jobs}) per 24 hrs has been reached"
        raise VendorError(400, "LIMIT_EXCEEDED", text)
    runs_at = now + int(settings.bulk_queue_seconds)
    job = Job(
        org.jobs.next_id(),
        operation,
        plan.source.sobject.name,
        call.grant.user_id,
        now,
        call.version,
        plan,
        delimiter,
        ending,
        runs_at,
        runs_at + int(settings.bulk_run_seconds),
        settings.bulk_failure,
    )
    org.jobs.jobs[job.id] = job
    return Reply(job.created_json("UploadComplete"))


def _bulk_plan(call: Call, text: str, *, with_deleted: bool) -> Plan:
    """A query that Bulk takes.

    Raises:
        VendorError: 400.
    """
    plan = checked_plan(call, text, with_deleted=with_deleted)
    if plan.source.sobject.name in _UNSUPPORTED:
        text = f"Entity '{plan.source.sobject.name}' is not supported by the Bulk API"
        raise VendorError(400, "INVALIDENTITY", text)
    if not isinstance(plan, Plan) or is_count(plan.query):
        raise _restricted("Aggregate Relationships not supported in Bulk Query")
    if plan.children:
        raise _restricted("Aggregate Relationships not supported in Bulk Query")
    if plan.query.offset:
        raise _restricted("Implementation restriction: OFFSET is not supported in Bulk Query")
    if any(each.field.type in COMPOUNDS for each in plan.outputs.members):
        raise _restricted("Selecting compound data not supported in Bulk Query")
    if any(each.field.type == "base64" for each in plan.outputs.members):
        raise _restricted("Selecting binary data not supported in Bulk Query")
    if not plan.outputs.members:
        raise malformed_query("unexpected token: 'FROM'")
    return plan


def _restricted(text: str) -> VendorError:
    return VendorError(400, "API_ERROR", text)


def _job(call: Call) -> Job:
    call.org.settle()
    job = call.org.jobs.find(call.params["job"], call.org.now())
    if job.state(call.org.now()) == "JobComplete":
        job.run()
    return job


def info(call: Call) -> Reply:
    """A job with its state."""
    return Reply(_job(call).as_json(call.org.now()))


def listing(call: Call) -> Reply:
    """All jobs."""
    now = call.org.now()
    return Reply(
        {"done": True, "nextRecordsUrl": None, "records": [each.as_json(now) for each in call.org.jobs.jobs.values()]}
    )


def change_state(call: Call) -> Reply:
    """Aborts a job that is not finished."""
    job, now = _job(call), call.org.now()
    if call.json().get("state") != "Aborted" or job.state(now) not in {"UploadComplete", "InProgress"}:
        raise VendorError(400, "INVALIDJOBSTATE", "Aborting a job that is finished is not allowed")  # the text is ours
    job.aborted_at = now
    return Reply(job.as_json(now))


def delete(call: Call) -> Reply:
    """Forgets a finished job and its results."""
    job = _job(call)
    if job.state(call.org.now()) in {"UploadComplete", "InProgress"}:
        raise VendorError(400, "INVALIDJOBSTATE", "A job that is not finished cannot be deleted")  # the text is ours
    del call.org.jobs.jobs[job.id]
    return Reply(None, 204)


def _finished(call: Call) -> Job:
    job = _job(call)
    if job.state(call.org.now()) != "JobComplete":
        raise VendorError(400, "INVALIDJOBSTATE", f"The job is in state {job.state(call.org.now())}")  # our text
    if job.version != call.version:
        raise VendorError(409, "INVALID_API_VERSION", "The API version is not the one of the job")  # the text is ours
    return job


def _page_size(call: Call) -> int:
    text = call.query.get("maxRecords", "")
    if text and (not text.isdigit() or int(text) < 1):
        raise VendorError(400, "INVALID_ARGUMENT", f"maxRecords: {text}")  # the text is ours
    wanted = min(int(text or _LARGEST_PAGE), _LARGEST_PAGE)
    return min(wanted, call.org.settings.bulk_page_rows or wanted)


def results(call: Call) -> Reply:
    """A page of results. Its locator header is the word null at the end."""
    job = _finished(call)
    locator = call.query.get("locator")
    start = 0 if locator is None else start_of(locator)
    content, count, following = job.csv_page(start, _page_size(call))
    headers = {
        "Sforce-NumberOfRecords": str(count),
        "Sforce-Locator": "null" if following is None else locator_of(following),
    }
    return Reply(content, headers=headers, media_type="text/csv")


def result_pages(call: Call) -> Reply:
    """The addresses of up to five pages, to be fetched side by side."""
    job = _finished(call)
    if call.version < _RESULT_PAGES_SINCE:
        raise VendorError(404, "NOT_FOUND", "The requested resource does not exist")
    size, rows = _page_size(call), len(job.rows or ())
    start = start_of(call.query["locator"]) if "locator" in call.query else 0
    starts = list(range(start, max(rows, 1), size))[:_RESULT_PAGES]
    path = f"{call.base}/jobs/query/{job.id}"
    following = starts[-1] + size if starts else rows
    body: dict[str, Any] = {
        "resultPages": [
            {"resultUrl": f"{path}/results?locator={locator_of(each)}&maxRecords={size}"} for each in starts
        ],
        "nextRecordsUrl": None if following >= rows else f"{path}/resultPages?locator={locator_of(following)}",
        "done": following >= rows,
    }
    return Reply(body)


_JOB = "jobs/query/{job}"
ENDPOINTS = (
    Endpoint("POST", "jobs/query", create),
    Endpoint("GET", "jobs/query", listing),
    Endpoint("GET", _JOB, info),
    Endpoint("PATCH", _JOB, change_state),
    Endpoint("DELETE", _JOB, delete),
    Endpoint("GET", f"{_JOB}/results", results),
    Endpoint("GET", f"{_JOB}/resultPages", result_pages),
)
