"""Many operations in one call: composite, batch, and collections of records (Salesforce docs: composite resources)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from hardfin_pipelines.sandbox.salesforce.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.salesforce.errors import VendorError, json_error
from hardfin_pipelines.sandbox.salesforce.ids import normalized
from hardfin_pipelines.sandbox.salesforce.record_endpoints import plan_for

MOST_PARTS = 25
MOST_QUERIES = 5
_MOST_RECORDS = 2_000
_QUERY = re.compile(r"/(query|queryAll|composite/sobjects)(/|\?|$)")
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."

Dispatch = Callable[[Call], Reply]


class _RollBackError(Exception):
    """Undoes the writes of a composite call that is all or nothing."""


class CompositeEndpoints:
    """The resources that carry other calls."""

    def __init__(self, dispatch: Dispatch, count: Callable[[Call], None]) -> None:
        """`dispatch` answers a part; `count` takes one more of the day's calls."""
        self._dispatch = dispatch
        self._count = count

    def endpoints(self) -> tuple[Endpoint, ...]:
        """All of them."""
        return (
            Endpoint("POST", "composite", self.composite),
            Endpoint("POST", "composite/batch", self.batch),
            Endpoint("GET", "composite/sobjects/{object}", collection),
            Endpoint("POST", "composite/sobjects/{object}", collection),
        )

    def _answer(self, part: Call) -> Reply:
        try:
            return self._dispatch(part)
        except VendorError as error:
            return Reply(error.as_json(), error.status)

    def composite(self, call: Call) -> Reply:
        """Up to 25 parts, which may use the answers of earlier ones; one call of the day's."""
        body = call.json()
        parts = _parts(body, "compositeRequest", ("method", "url", "referenceId"))
        if sum(_QUERY.search(str(each["url"])) is not None for each in parts) > MOST_QUERIES:
            text = f"A composite request may have {MOST_QUERIES} query and collection operations at most"
            raise VendorError(400, "LIMIT_EXCEEDED", text)  # the text is ours
        if len({each["referenceId"] for each in parts}) < len(parts):
            raise VendorError(400, "INVALID_INPUT", "referenceId must be unique")  # the text is ours
        answers: list[dict[str, Any]] = []
        try:
            with call.org.store.writing():
                self._run(call, parts, answers)
                _check_all(answers, all_or_none=bool(body.get("allOrNone")))
        except _RollBackError:
            answers = [each if each["httpStatusCode"] >= 400 else _halted(each) for each in answers]
        return Reply({"compositeResponse": answers})

    def _run(self, call: Call, parts: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
        known: dict[str, Any] = {}
        for each in parts:
            try:
                url, inner = _resolved(each["url"], known), _resolved(each.get("body"), known)
                headers = each.get("httpHeaders") or {}
                reply = self._answer(call.part_of_it(each["method"], url, inner, headers))
            except VendorError as error:
                reply = Reply(error.as_json(), error.status)
            known[each["referenceId"]] = orjson.loads(orjson.dumps(reply.body))
            answers.append(
                {
                    "body": reply.body,
                    "httpHeaders": {name: value for name, value in reply.headers.items() if name == "Location"},
                    "httpStatusCode": reply.status,
                    "referenceId": each["referenceId"],
                }
            )

    def batch(self, call: Call) -> Reply:
        """Up to 25 parts one after another; each counts as a call."""
        body = call.json()
        halt, failed, results = bool(body.get("haltOnError")), False, []
        for each in _parts(body, "batchRequests", ("method", "url")):
            if failed and halt:
                reply = Reply([{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted"}], 412)
            else:
                try:
                    self._count(call)
                    reply = self._answer(call.part_of_it(each["method"], each["url"], each.get("richInput"), {}))
                except VendorError as error:
                    reply = Reply(error.as_json(), error.status)
            failed = failed or reply.status >= 400  # statuses from 400 on are refusals
            results.append({"statusCode": reply.status, "result": reply.body})
        return Reply({"hasErrors": failed, "results": results})


def _check_all(answers: list[dict[str, Any]], *, all_or_none: bool) -> None:
    if all_or_none and any(each["httpStatusCode"] >= 400 for each in answers):
        raise _RollBackError


def _halted(answer: Mapping[str, Any]) -> dict[str, Any]:
    body = [{"errorCode": "PROCESSING_HALTED", "message": _HALTED}]
    return {**answer, "body": body, "httpHeaders": {}, "httpStatusCode": 400}


def _parts(body: Mapping[str, Any], name: str, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    parts = body.get(name)
    if not isinstance(parts, list) or not parts:
        raise json_error(f"{name} is missing or empty")
    for each in parts:
        if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in wanted):
            raise json_error(f"each of {name} needs {', '.join(wanted)}")
    if len(parts) > MOST_PARTS:
        text = f"The number of subrequests may not exceed {MOST_PARTS}"  # the text is ours
        raise VendorError(400, "LIMIT_EXCEEDED", text)
    return parts


def _resolved(given: Any, known: Mapping[str, Any]) -> Any:
    """The same with `@{reference.path}` replaced by what earlier parts answered."""
    if isinstance(given, str):
        return _REFERENCE.sub(lambda found: str(_looked_up(found, known)), given)
    if isinstance(given, dict):
        return {name: _resolved(value, known) for name, value in given.items()}
    return [_resolved(each, known) for each in given] if isinstance(given, list) else given


def _looked_up(found: re.Match[str], known: Mapping[str, Any]) -> Any:
    reference, path = found[1], found[2]
    place: Any = known.get(reference)
    for name, index in _STEP.findall(path):
        try:
            place = place[name] if name else place[int(index)]
        except (KeyError, IndexError, TypeError):
            place = None
    if place is None:
        text = f"Invalid reference specified. No value for {reference}{path} found in {reference}"
        raise VendorError(400, "PROCESSING_HALTED", text)
    return place


def collection(call: Call) -> Reply:
    """Records by ids, in their order; null for those that are not there for the caller."""
    if call.method == "GET":
        ids = [each for each in call.query.get("ids", "").split(",") if each]
        fields = [each for each in call.query.get("fields", "").split(",") if each]
    else:
        body = call.json()
        ids, fields = body.get("ids") or [], body.get("fields") or []
    if not ids or not fields or not isinstance(ids, list) or not isinstance(fields, list):
        raise VendorError(400, "MISSING_ARGUMENT", "ids and fields are required")  # the text is ours
    if len(ids) > _MOST_RECORDS:
        text = f"record limit reached. cannot submit more than {_MOST_RECORDS} records into this call"
        raise VendorError(400, "EXCEEDED_ID_LIMIT", text)
    plan = plan_for(call, call.sobject, map(str, fields))
    wanted = [normalized(str(each)) for each in ids]
    found = {row[0]: plan.outputs.record(row) for row in plan.rows([each for each in wanted if each])}
    return Reply([found.get(each or "") for each in wanted])
