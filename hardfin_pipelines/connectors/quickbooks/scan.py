"""All records of an entity, or those changed since a moment, while people go on changing them.

Pages go on from the last stamp read, never by offset: QuickBooks' answers are in the order of LastUpdatedTime, and a
record that is changed meanwhile moves to the end, so it comes (again) and hides no other. Ids would not do: they are
texts, and whether QuickBooks sorts and compares them as texts or as numbers is not published. If it did one in the one
way and one in the other, whole ranges would be missed without a sign.

Stamps are whole seconds. A second with more records than a page (a migration, an import) is walked by offset in the
order of ids, whichever that is. Nothing enters a second that is over, records only leave it, so what is behind moves
forward: each page begins with the last record of the one before. Where that is not there any more, the walk steps back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.quickbooks import errors, statements
from hardfin_pipelines.connectors.quickbooks.answers import id_of, query_rows, stamp_of, vendor_time
from hardfin_pipelines.connectors.quickbooks.requests import Request, query

Ask = Callable[[Request], Awaitable[Answer]]
"""Sends a request, or finds its answer in memory."""

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """Rows of one answer that were not given before.

    Attributes:
        rows: In QuickBooks' order.
        vendor_time: Its clock when it answered.
        last: True when there is no more.
    """

    rows: list[Row]
    vendor_time: datetime
    last: bool


@dataclass(frozen=True, slots=True)
class _Found:
    rows: list[Row]
    vendor_time: datetime


class Scan:
    """One scan. It ends at an answer with fewer rows than were asked for."""

    def __init__(self, ask: Ask, entity: str, page: int, *, each_once: bool) -> None:
        """A scan that has asked nothing yet.

        Args:
            ask: Sends requests.
            entity: QuickBooks' name of it.
            page: Rows of an answer, at least 2.
            each_once: Give no id twice; else one that was changed meanwhile comes again.
        """
        self._ask = ask
        self._entity = entity
        self._page = page
        self._each_once = each_once
        self._given: set[tuple[str, datetime | None]] = set()
        self._walks = 0

    def given(self, rows: Iterable[Row]) -> None:
        """Take note of rows that the caller has already."""
        self._given.update(map(self._mark, rows))

    async def pages(self, since: datetime | None = None) -> AsyncIterator[ScannedPage]:
        """Pages of the records changed at or after a moment, or of all. Only the last one may be empty."""
        while True:
            found = await self._found(statements.from_moment(self._entity, since, self._page), _about(since))
            full = len(found.rows) >= self._page
            fresh = self._fresh(found.rows)
            if fresh or not full:
                yield ScannedPage(fresh, found.vendor_time, not full)
            if not full:
                return
            oldest, newest = self._span(found.rows)
            since = newest
            if oldest == newest:
                async for page in self._second(newest):
                    yield page
                since = newest + SECOND

    async def _second(self, second: datetime) -> AsyncIterator[ScannedPage]:
        """The rows of one second, more than a page of them.

        What was read is always the beginning of the order of ids, so a page that begins with a row of it goes on
        without a gap.
        """
        start, read = 1, set[str]()
        while True:
            self._walks += 1
            statement = statements.within_second(self._entity, second, start, self._page)
            found = await self._found(statement, _about(second), attempt=self._walks)
            if start > 1 and (not found.rows or id_of(found.rows[0]) not in read):
                start = max(start - self._page + 1, 1)
                continue
            read.update(map(id_of, found.rows))
            fresh = self._fresh(found.rows)
            if fresh:
                yield ScannedPage(fresh, found.vendor_time, last=False)
            if len(found.rows) < self._page:
                return
            start += self._page - 1

    async def _found(self, statement: str, about: str, *, attempt: int = 0) -> _Found:
        request = query(statement, f"{self._entity} {about}", attempt=attempt)
        answer = await self._ask(request)
        return _Found(query_rows(answer, self._entity, request.call), vendor_time(answer))

    def _fresh(self, rows: Iterable[Row]) -> list[Row]:
        fresh = []
        for row in rows:
            mark = self._mark(row)
            if mark not in self._given:
                self._given.add(mark)
                fresh.append(row)
        return fresh

    def _mark(self, row: Row) -> tuple[str, datetime | None]:
        return (id_of(row), None if self._each_once else stamp_of(row))

    def _span(self, rows: Iterable[Row]) -> tuple[datetime, datetime]:
        """The first and last stamp of a page, which must be in order: the paging stands on it."""
        stamps = [stamp for stamp in map(stamp_of, rows) if stamp is not None]
        if not stamps:
            raise errors.unknown_shape(f"POST query ({self._entity})", "LastUpdatedTime that can be read")
        if any(later < earlier for earlier, later in pairwise(stamps)):
            raise errors.unknown_shape(f"POST query ({self._entity})", "order by LastUpdatedTime, which was asked for")
        return stamps[0].replace(microsecond=0), stamps[-1].replace(microsecond=0)


def _about(since: datetime | None) -> str:
    return "all" if since is None else f"changed since {since:%Y-%m-%d %H:%M:%S} UTC"
