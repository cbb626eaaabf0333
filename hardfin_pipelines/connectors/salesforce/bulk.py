"""Very large searches by Bulk API 2.0, which takes few calls however many rows there are.

A plain query gives 2,000 rows a call, and as few as 200 where they are wide. A job costs one call to begin, a few to
ask whether it is done, one for each 25,000 rows of its results and one to delete it. So a load's deals are read by a
job where a plain query would take more than `SalesforceLimits.bulk_from_calls` further calls: from about 100,000 deals
on, or 10,000 wide ones. Below, the query API is quicker: jobs wait in a queue.

- Sub-queries do not work in Bulk, so searches that need the history of stages (ticks) never go there.
- What deals point to is read by id for each 1,000 of them, five queries in one call, whichever way the deals came: 100
  calls for 100,000 deals of an org that may make as many in a day, and more. Jobs for lines would save three in four of
  them, and all lines of the load would have to be kept until their deal comes.
- Where Bulk is not to be had (forbidden, an object or field it does not take, its own daily limits), the query API
  goes on.
"""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    RetryLater,
    UnknownField,
    VendorContractError,
    VendorError,
)
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.salesforce import errors
from hardfin_pipelines.connectors.salesforce.csv_rows import rows_of
from hardfin_pipelines.connectors.salesforce.errors import INTEGRATION
from hardfin_pipelines.connectors.salesforce.remembering import Ask, remembering
from hardfin_pipelines.connectors.salesforce.requests import (
    BULK_ROWS,
    Request,
    bulk_abort,
    bulk_create,
    bulk_delete,
    bulk_job,
    bulk_results,
)
from hardfin_pipelines.connectors.salesforce.soql import Statement

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_ATTEMPTS = 2
_NO_MORE = frozenset({"", "null"})
_RESTRICTION = re.compile(r"not supported|restriction|has been reached|has been exceeded|not enabled", re.IGNORECASE)

_log = logging.getLogger(__name__)


class NotByBulk(Exception):
    """Bulk cannot answer this; the query API can."""


@dataclass(frozen=True, slots=True)
class BulkPage:
    """Some rows of a job's results.

    Attributes:
        rows: The rows.
        vendor_time: Salesforce's clock.
        last: Whether they are the last.
    """

    rows: tuple[Row, ...]
    vendor_time: datetime
    last: bool


class BulkQueries:
    """Runs queries of one connection as jobs."""

    def __init__(self, send: Ask, memory: PageMemory | None, clock: Clock, patience_seconds: float) -> None:
        """Runs nothing yet.

        Args:
            send: Sends a request.
            memory: Keeps which job ran, and its results.
            clock: Time and waiting.
            patience_seconds: How long a job is waited for.
        """
        self._send = send
        self._ask = remembering(send, memory)
        self._run_job = remembering(self._run, memory)
        self._clock = clock
        self._patience = patience_seconds

    async def finished(self, statement: Statement, *, attempt: int = 0) -> Answer:
        """The finished job of a query; the one that ran in this unit of work before, where there is one.

        Raises:
            NotByBulk: Bulk does not take the query, or is closed to us, or too slow.
            RetryLater: The job failed or was aborted.
        """
        return await self._run_job(replace(bulk_create(statement), attempt=attempt))

    async def pages(self, statement: Statement, job: Answer, page_rows: int) -> AsyncIterator[BulkPage]:
        """All rows of a finished job, in pages; the job is deleted behind the last.

        Results that are gone (they are kept for seven days), or fewer than the job says, are made anew, once: rows may
        come twice then.

        Raises:
            NotByBulk: They are gone again, or Bulk does not take the query any more.
            RetryLater: The second job failed or was aborted.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async for page in self._results(statement, job, page_rows):
                    yield page
            except (errors.LocatorGone, VendorContractError) as error:
                if attempt == _ATTEMPTS:
                    raise NotByBulk(f"its results cannot be read: {error}") from None
            else:
                await self._forget(str(job.members.get("id")))
                return
            job = await self.finished(statement, attempt=attempt)

    async def _results(self, statement: Statement, job: Answer, page_rows: int) -> AsyncIterator[BulkPage]:
        job_id, expected = str(job.members.get("id")), job.members.get("numberRecordsProcessed")
        locator, count = "", 0
        while True:
            answer = await self._ask(bulk_results(job_id, locator))
            following = answer.headers.get("sforce-locator", "")
            if following not in _NO_MORE and following == locator:
                raise VendorContractError(INTEGRATION, f"Salesforce's Bulk results do not go on beyond {locator}")
            locator = following
            rows = tuple(rows_of(statement.object, answer.body))
            count += len(rows)
            if locator in _NO_MORE and count != expected:
                raise VendorContractError(INTEGRATION, f"Salesforce's Bulk job has {expected} rows and gave {count}")
            for start in range(0, max(len(rows), 1), page_rows):
                last = locator in _NO_MORE and start + page_rows >= len(rows)
                yield BulkPage(rows[start : start + page_rows], answer.vendor_time, last)
            if locator in _NO_MORE:
                return

    async def _run(self, create: Request) -> Answer:
        """Begin a job and wait for its end; a job that does not succeed is deleted."""
        try:
            answer = await self._send(create)
        except UnknownField:
            raise
        except (NeedsAttention, VendorContractError) as error:
            if error.context.get("status") == "401":
                raise
            raise NotByBulk(str(error)) from None
        job_id, began = str(answer.members.get("id") or ""), self._clock.monotonic()
        if not job_id:
            raise errors.unknown_shape(create.call, "id of the job")
        pause = _FIRST_PAUSE
        while self._clock.monotonic() - began < self._patience:
            answer = await self._send(bulk_job(job_id))
            state = answer.members.get("state")
            if state == "JobComplete":
                return answer
            if state in {"Failed", "Aborted"}:
                await self._forget(job_id)
                raise _not_done(answer)
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        await self._forget(job_id, abort=True)
        raise NotByBulk(f"Salesforce's Bulk job did not end in {self._patience:.0f} s")

    async def _forget(self, job_id: str, *, abort: bool = False) -> None:
        """Delete a job; Salesforce does so itself after seven days, so a failure is no harm."""
        try:
            if abort:
                await self._send(bulk_abort(job_id))
            await self._send(bulk_delete(job_id))
        except VendorError as error:
            _log.warning("a Bulk job is left to Salesforce to delete: %s", error)


def _not_done(answer: Answer) -> Exception:
    state = answer.members.get("state")
    said = errors.one_line(str(answer.members.get("errorMessage") or "no message"))
    text = f"Salesforce's Bulk job ended as {state}: {said}"
    if state == "Failed" and _RESTRICTION.search(said):
        return NotByBulk(text)
    return RetryLater(INTEGRATION, f"{text}; will try again later", delay=errors.DELAY)


def job_calls(rows: int) -> int:
    """The least number of calls that reading so many rows by a job takes."""
    return 3 + -(-rows // BULK_ROWS)
