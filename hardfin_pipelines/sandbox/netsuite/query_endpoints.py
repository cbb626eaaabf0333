"""SuiteQL over REST (Oracle docs: executing SuiteQL queries through REST web services)."""

import asyncio

from hardfin_pipelines.sandbox.netsuite.calls import Call, Endpoint, Reply, collection
from hardfin_pipelines.sandbox.netsuite.errors import VendorError, invalid_parameter, permission_violation
from hardfin_pipelines.sandbox.netsuite.roles import WORKBOOK


async def suiteql(call: Call) -> Reply:
    """One page of a query's answer.

    Raises:
        VendorError: 400, 403 or 500.
    """
    if "transient" not in [each.strip().lower() for each in call.headers.get("prefer", "").split(",")]:
        detail = "Invalid header value. Set the Prefer header to transient."  # ours
        raise VendorError(400, "INVALID_HEADER", detail, where=("o:errorHeader", "Prefer"))
    if "json" not in call.headers.get("content-type", ""):
        raise VendorError(415, "INVALID_CONTENT_TYPE", "Invalid content type. Use application/json.")  # ours
    if not call.user.role.may(WORKBOOK):
        raise permission_violation(WORKBOOK)
    call.only("limit", "offset")
    body = call.json()
    statement = body.get("q")
    if not isinstance(statement, str) or set(body) != {"q"}:
        raise VendorError(400, "INVALID_CONTENT", "The request body must have q, the query, alone.")  # ours
    settings = call.account.settings
    limit, offset = call.page(settings.default_page_rows)
    if offset >= settings.most_rows:
        raise invalid_parameter("offset", f"A query answers {settings.most_rows} rows at most.")  # ours
    if settings.query_seconds:
        await asyncio.sleep(settings.query_seconds)
    page = await asyncio.to_thread(call.account.reader(call.user).page, statement, limit, offset)
    return collection(call, page.rows, limit, offset, page.total)


ENDPOINTS = (Endpoint("POST", "query/v1/suiteql", "suiteql", suiteql),)
