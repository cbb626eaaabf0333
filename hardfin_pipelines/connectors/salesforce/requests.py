"""The requests we send, as data: equal requests have equal bytes, so an answer can be remembered by its request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal
from urllib.parse import quote_plus

import orjson

from hardfin_pipelines.connectors.salesforce.limits import LONGEST_QUERY_URL, PAGE
from hardfin_pipelines.connectors.salesforce.soql import Statement
from hardfin_pipelines.connectors.salesforce.versions import DATA

Media = Literal["json", "csv", "nothing"]

BULK_ROWS = 25_000
"""Rows of a page of a job's results: about 20 MB where rows are wide."""

_JOBS = "jobs/query"


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        method: HTTP method.
        path: Path and query behind the version.
        body: JSON, or b"".
        statement: The query of a GET; None for other calls.
        locator: Where a query goes on; "" for other calls.
        batch_size: Rows wanted in the answer to a query.
        parts_may_fail: Whether a composite call's failed parts are for the caller to read.
        fields: The fields that are asked for, to name the one that Salesforce refuses.
        media: What a success answers with: "json", "csv", or "nothing".
        attempt: Above 0 where the same is asked again and what is remembered of it is no use any more.
    """

    method: str
    path: str
    body: bytes = b""
    statement: Statement | None = None
    locator: str = ""
    batch_size: int = PAGE
    parts_may_fail: bool = False
    fields: tuple[str, ...] = ()
    media: Media = "json"
    attempt: int = 0

    @property
    def call(self) -> str:
        """Method and path without the query, for messages."""
        about = f" {self.statement.about}" if self.statement is not None else ""
        return f"{self.method} {self.path.partition('?')[0]}{about}"

    @property
    def is_composite(self) -> bool:
        """Whether the answer is one of several parts."""
        return self.path == "composite"

    @property
    def is_query(self) -> bool:
        """Whether rows are asked for, of which there could be fewer at once."""
        return self.statement is not None or bool(self.locator) or self.is_composite

    @property
    def key(self) -> str:
        """Names the request by all that the answer depends on."""
        again = f" again {self.attempt}" if self.attempt else ""
        return f"salesforce {self.method} {self.path} {sha256(self.body).hexdigest()} {self.batch_size}{again}"


def run_query(statement: Statement, batch_size: int = PAGE, *, attempt: int = 0) -> Request:
    """A query; one that makes the URL too long goes into the body of a composite call, which counts as one as well."""
    path = f"{_resource(statement)}?q={quote_plus(statement.text)}"
    if len(path) > LONGEST_QUERY_URL:
        return replace(composite([statement]), attempt=attempt)
    fields = statement.fields
    return Request("GET", path, statement=statement, batch_size=batch_size, fields=fields, attempt=attempt)


def query_more(locator: str, batch_size: int = PAGE) -> Request:
    """Where a query goes on: the last part of its `nextRecordsUrl`."""
    return Request("GET", f"query/{locator}", locator=locator, batch_size=batch_size)


def composite(statements: Sequence[Statement]) -> Request:
    """Up to five queries as one call."""
    urls = [f"{_resource(statement).rstrip('/')}?q={quote_plus(statement.text)}" for statement in statements]
    return composite_gets(urls, fields=tuple(name for statement in statements for name in statement.fields))


def composite_gets(paths: Sequence[str], *, parts_may_fail: bool = False, fields: tuple[str, ...] = ()) -> Request:
    """Up to 25 GETs as one call, five of them queries at most.

    Args:
        paths: Paths behind the version.
        parts_may_fail: Whether the caller reads the parts that failed.
        fields: The fields that the queries ask for.
    """
    parts = [{"method": "GET", "url": DATA + path, "referenceId": part_name(place)} for place, path in enumerate(paths)]
    body = orjson.dumps({"allOrNone": False, "compositeRequest": parts})
    return Request("POST", "composite", body, parts_may_fail=parts_may_fail, fields=fields)


def part_name(place: int) -> str:
    """What later parts of a composite call call the answer to the part at a place."""
    return f"part{place}"


def bulk_create(statement: Statement) -> Request:
    """Begins a job for a query (Salesforce docs: Bulk API 2.0, create a query job)."""
    operation = "queryAll" if statement.deleted_too else "query"
    body = orjson.dumps({"operation": operation, "query": statement.text, "contentType": "CSV", "lineEnding": "LF"})
    return Request("POST", _JOBS, body, fields=statement.fields)


def bulk_job(job_id: str) -> Request:
    """Asks what became of a job."""
    return Request("GET", f"{_JOBS}/{job_id}")


def bulk_results(job_id: str, locator: str) -> Request:
    """A page of a job's results: the first, or the one that a locator leads to."""
    place = f"&locator={quote_plus(locator)}" if locator else ""
    return Request("GET", f"{_JOBS}/{job_id}/results?maxRecords={BULK_ROWS}{place}", media="csv")


def bulk_abort(job_id: str) -> Request:
    """Ends a job that is not done."""
    return Request("PATCH", f"{_JOBS}/{job_id}", orjson.dumps({"state": "Aborted"}))


def bulk_delete(job_id: str) -> Request:
    """Deletes a job and its results."""
    return Request("DELETE", f"{_JOBS}/{job_id}", media="nothing")


def _resource(statement: Statement) -> str:
    return "queryAll/" if statement.deleted_too else "query/"
