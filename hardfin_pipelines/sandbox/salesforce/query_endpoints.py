"""query, queryAll, and the pages behind locators."""

import re

from hardfin_pipelines.sandbox.salesforce.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.salesforce.errors import VendorError, malformed_query
from hardfin_pipelines.sandbox.salesforce.soql.cursors import answer_query, page
from hardfin_pipelines.sandbox.salesforce.soql.plans import AggregatePlan, Plan, plan_query

SMALLEST_BATCH, LARGEST_BATCH = 200, 2_000
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def checked_plan(call: Call, text: str, *, with_deleted: bool) -> Plan | AggregatePlan:
    """A query of the caller, checked.

    Raises:
        VendorError: 400, with Salesforce's code and the place.
    """
    plan = plan_query(call.reader(with_deleted=with_deleted), text)
    if isinstance(plan, Plan) and plan.calculated_fields > call.org.settings.most_formulas:
        text = "Query is either selecting too many fields or the filter conditions are too complicated."
        raise VendorError(400, "QUERY_TOO_COMPLICATED", text)
    return plan


def _batch_size(call: Call) -> int:
    """The page size asked for; out of range it becomes the nearest that is allowed."""
    found = _BATCH_SIZE.search(call.headers.get("sforce-query-options", ""))
    size = min(max(int(found[1]), SMALLEST_BATCH), LARGEST_BATCH) if found else LARGEST_BATCH
    return min(size, call.org.settings.largest_page or size)


def _answer(call: Call, *, with_deleted: bool) -> Reply:
    text = call.query.get("q")
    if text is None:
        raise malformed_query("A query string has to be specified")
    plan = checked_plan(call, text, with_deleted=with_deleted)
    return Reply(answer_query(call.org.cursors, plan, _batch_size(call), call.org.now()), root="QueryResult")


def query(call: Call) -> Reply:
    """The first page of a query."""
    return _answer(call, with_deleted=False)


def query_all(call: Call) -> Reply:
    """The same with deleted records."""
    return _answer(call, with_deleted=True)


def more(call: Call) -> Reply:
    """The page behind a locator."""
    call.org.settle()
    cursor, start = call.org.cursors.find(call.params["locator"], call.grant.user_id, call.org.now())
    cursor.used_at = call.org.now()
    return Reply(page(call.org.cursors, cursor, start), root="QueryResult")


ENDPOINTS = (
    Endpoint("GET", "query", query),
    Endpoint("GET", "queryAll", query_all),
    Endpoint("GET", "query/{locator}", more),
    Endpoint("GET", "queryAll/{locator}", more),
)
