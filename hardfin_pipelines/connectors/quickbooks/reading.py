"""Items by id, with an account of every id that was asked for."""

from collections.abc import Sequence
from functools import partial

from hardfin_pipelines.connectors.base import Missing, ReadResult
from hardfin_pipelines.connectors.concurrency import run_bounded
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.quickbooks import statements
from hardfin_pipelines.connectors.quickbooks.answers import query_rows, vendor_time
from hardfin_pipelines.connectors.quickbooks.decode import OBJECTS, records_of
from hardfin_pipelines.connectors.quickbooks.errors import VENDOR
from hardfin_pipelines.connectors.quickbooks.limits import PAGE, QuickBooksLimits
from hardfin_pipelines.connectors.quickbooks.requests import Request, query
from hardfin_pipelines.connectors.quickbooks.scan import Ask
from hardfin_pipelines.sync.records import Record, Role

_GONE = f"{VENDOR} has no such item: it was deleted, or merged into another one"
_NOT_AN_ID = f"not a {VENDOR} id: expected digits"


async def read_items(ask: Ask, ids: Sequence[str], limits: QuickBooksLimits) -> ReadResult:
    """The items of the ids, inactive ones too; what is not there, with the reason. A call for 500 ids."""
    role: Role = "item"
    wanted = list(dict.fromkeys(ids))
    askable = [each for each in wanted if _is_id(each)]
    size = limits.ids_in_statement
    chunks = [askable[start : start + size] for start in range(0, len(askable), size)]
    requests = [query(statements.by_ids(OBJECTS[role], chunk, PAGE), f"{len(chunk)} items by id") for chunk in chunks]
    answers = await run_bounded([partial(ask, request) for request in requests], limits.in_flight)
    found: dict[str, tuple[Record, bytes]] = {}
    for request, answer in zip(requests, answers, strict=True):
        found.update(_by_id(role, request, answer))
    missing = [_missing(role, each) for each in wanted if each not in found]
    there = [found[each] for each in wanted if each in found]
    return ReadResult(tuple(record for record, _ in there), tuple(raw for _, raw in there), tuple(missing))


def _by_id(role: Role, request: Request, answer: Answer) -> dict[str, tuple[Record, bytes]]:
    rows = query_rows(answer, OBJECTS[role], request.call)
    records, raw = records_of(role, rows, vendor_time(answer))
    return {record.id: (record, text) for record, text in zip(records, raw, strict=True)}


def _missing(role: Role, external_id: str) -> Missing:
    if _is_id(external_id):
        return Missing(role, external_id, _GONE, "gone")
    return Missing(role, external_id, _NOT_AN_ID, "unreadable")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()
