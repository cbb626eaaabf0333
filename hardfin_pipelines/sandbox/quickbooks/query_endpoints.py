"""Queries and change data capture (Intuit docs: data queries; change data capture)."""

from datetime import timedelta
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.calls import Call, Endpoint
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.entities import WITHOUT_CDC, entities, entity_name
from hardfin_pipelines.sandbox.quickbooks.errors import invalid_request, missing, query_not_parsed, unsupported
from hardfin_pipelines.sandbox.quickbooks.moments import read_moment
from hardfin_pipelines.sandbox.quickbooks.query.running import run_query
from hardfin_pipelines.sandbox.quickbooks.record_json import as_fragment, stub_json
from hardfin_pipelines.sandbox.quickbooks.records import Snapshot

LOOK_BACK = timedelta(days=30)


def query(call: Call, statement: str) -> dict[str, Any]:
    """The `QueryResponse` of a statement; one read.

    Raises:
        VendorError: QuickBooks would refuse it.
    """
    call.metered()
    call.company.settle()
    return run_query(call.company, statement)


def _query_in_url(call: Call) -> dict[str, Any]:
    call.only("query")
    return call.envelope(QueryResponse=query(call, call.query.get("query", "")))


def _query_in_body(call: Call) -> dict[str, Any]:
    call.only()
    if call.content_type.partition(";")[0].strip() != "application/text":
        raise unsupported(f"Query with content type {call.content_type or 'none'}")
    try:
        statement = call.raw_body.decode("utf-8")
    except UnicodeDecodeError:
        raise query_not_parsed("The query is not in UTF-8") from None
    return call.envelope(QueryResponse=query(call, statement))


def _cdc(call: Call) -> dict[str, Any]:
    call.only("entities", "changedSince")
    for name in ("entities", "changedSince"):
        if not call.query.get(name):
            raise missing(name)
    call.metered()
    since = read_moment(call.query["changedSince"])
    if since is None:
        raise invalid_request(f"changedSince is {call.query['changedSince']}; expected a date and time")
    if since < call.now - LOOK_BACK:
        raise invalid_request("changedSince is more than 30 days ago")  # the text is ours
    names = [_with_cdc(text.strip()) for text in call.query["entities"].split(",")]
    call.company.settle()
    left, answers = call.company.settings.cdc_cap, []
    for name in dict.fromkeys(names):
        changes = _changes(call.company, name, since)[:left]
        left -= len(changes)
        answers.append(_answer(name, changes))
    return call.envelope(CDCResponse=[{"QueryResponse": answers}])


def _with_cdc(text: str) -> str:
    name = entity_name(text)
    if name is None or name in WITHOUT_CDC:
        raise invalid_request(f"{text} is not supported by change data capture")  # the text is ours
    return name


def _changes(company: Company, name: str, since: Any) -> list[Any]:
    """Whole records, inactive ones too, and stubs of those that are gone, by id. Which order is a guess."""
    if name not in entities():
        return []
    table, entity = company.tables[name], entities()[name]
    changed: list[Any] = [each for each in table.visible() if each.updated_at >= since]
    changed += [each for each in table.stubs.values() if each.deleted_at >= since]
    changed.sort(key=lambda each: each.id)
    return [as_fragment(entity, each) if isinstance(each, Snapshot) else stub_json(each) for each in changed]


def _answer(name: str, changes: list[Any]) -> dict[str, Any]:
    if not changes:
        return {}
    return {name: changes, "startPosition": 1, "maxResults": len(changes), "totalCount": len(changes)}


ENDPOINTS = (
    Endpoint("GET", "query", "query", _query_in_url),
    Endpoint("POST", "query", "query", _query_in_body),
    Endpoint("GET", "cdc", "cdc", _cdc),
)
