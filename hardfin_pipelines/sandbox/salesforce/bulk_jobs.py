"""Query jobs of Bulk API 2.0: their states, their results, and the pages of these as CSV."""

import base64
import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.sandbox.salesforce.errors import VendorError
from hardfin_pipelines.sandbox.salesforce.ids import IdSource, normalized
from hardfin_pipelines.sandbox.salesforce.soql.plans import Plan
from hardfin_pipelines.sandbox.salesforce.values import rest_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT_SECONDS = 7 * 86_400
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_CHUNK = 2_000


@dataclass(slots=True)
class Job:
    """One query job. `plan` runs when the job does; `rows` are its results as texts."""

    id: str
    operation: str
    object_name: str
    user_id: str
    created_at: int
    version: float
    plan: Plan
    delimiter: str
    line_ending: str
    runs_at: int
    done_at: int
    failure: str | None = None
    aborted_at: int | None = None
    rows: list[list[str]] | None = None
    pages: set[int] = field(default_factory=set)

    def state(self, now: int) -> str:
        """The job's state."""
        if self.aborted_at is not None:
            return "Aborted"
        if now < self.runs_at:
            return "UploadComplete"
        if now < self.done_at:
            return "InProgress"
        return "Failed" if self.failure is not None else "JobComplete"

    def created_json(self, state: str) -> dict[str, Any]:
        """The job as its creation answers."""
        stamp = rest_datetime(self.created_at)
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.user_id,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version,
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }

    def as_json(self, now: int) -> dict[str, Any]:
        """The job as asking for it answers."""
        state = self.state(now)
        body = {
            **self.created_json(state),
            "jobType": "V2Query",
            "retries": 0,
            "numberRecordsProcessed": len(self.rows or ()),
            "totalProcessingTime": max(min(now, self.done_at) - self.runs_at, 0) * 1000,
            "isPkChunkingSupported": self.plan.query.limit is None and not self.plan.query.order,
        }
        return {**body, "errorMessage": self.failure} if state == "Failed" else body

    def run(self) -> None:
        """Reads the results, once."""
        if self.rows is not None or self.failure is not None:
            return
        ids = self.plan.ids()
        self.rows = [
            self.plan.outputs.csv_row(row)
            for start in range(0, len(ids), _CHUNK)
            for row in self.plan.rows(ids[start : start + _CHUNK])
        ]

    def csv_page(self, start: int, size: int) -> tuple[bytes, int, int | None]:
        """A page with its header line: the text, how many records it has, and where the next begins."""
        rows: Sequence[list[str]] = self.rows or ()
        chosen = rows[start : start + size]
        written = io.StringIO()
        writer = csv.writer(
            written,
            delimiter=DELIMITERS[self.delimiter],
            lineterminator=LINE_ENDINGS[self.line_ending],
            quoting=csv.QUOTE_ALL,
        )
        writer.writerow([each.header for each in self.plan.outputs.members])
        writer.writerows(chosen)
        end = start + len(chosen)
        return written.getvalue().encode(), len(chosen), end if end < len(rows) else None


class JobBook:
    """The query jobs of one organization, newest last."""

    def __init__(self) -> None:
        """An empty book."""
        self.jobs: dict[str, Job] = {}
        self._ids = IdSource()

    def next_id(self) -> str:
        """The id of a new job."""
        return self._ids.next("750")

    def find(self, text: str, now: int) -> Job:
        """A job by its id; finished ones are forgotten after seven days.

        Raises:
            VendorError: 404, there is none.
        """
        job = self.jobs.get(normalized(text) or "")
        if job is None or now - job.created_at >= KEPT_SECONDS:
            raise VendorError(404, "NOT_FOUND", "The requested resource does not exist")
        return job


def locator_of(start: int) -> str:
    """The opaque locator of a page's first row."""
    return base64.urlsafe_b64encode(f"MjAw{start}".encode()).decode().rstrip("=")


def start_of(locator: str) -> int:
    """The first row of a locator's page.

    Raises:
        VendorError: 400, it is none of ours.
    """
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode()
        return int(text.removeprefix("MjAw"))
    except ValueError:
        raise VendorError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None
