"""Many queries as few calls: five in one composite call, each followed to its end."""

from collections.abc import Iterator, Sequence

from hardfin_pipelines.connectors.concurrency import run_bounded
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.salesforce.errors import LocatorGone, QueryTooHeavy, unknown_shape
from hardfin_pipelines.connectors.salesforce.json_rows import QueryPage
from hardfin_pipelines.connectors.salesforce.limits import COMPOSITE_QUERIES
from hardfin_pipelines.connectors.salesforce.pages import complete_histories, page_of, pages_of
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import Request, composite, query_more, run_query
from hardfin_pipelines.connectors.salesforce.soql import Statement

_TRIES = 3
_HALVINGS = 5


class QueryRunner:
    """Runs queries of one connection whose order of rows does not matter."""

    def __init__(self, ask: Ask, in_flight: int) -> None:
        self._ask = ask
        self._in_flight = in_flight

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """All rows of each statement. A call for five statements, and one for each further page of their rows.

        What is too heavy for Salesforce in one call is asked for statement by statement, and then in parts.

        Raises:
            VendorError: Salesforce refused or failed; `QueryTooHeavy`: even a small part is too heavy.
        """
        groups = [
            statements[start : start + COMPOSITE_QUERIES] for start in range(0, len(statements), COMPOSITE_QUERIES)
        ]
        answered = await run_bounded(
            [lambda group=group: self._first_pages(group) for group in groups],  # type: ignore[misc]  # see run_bounded
            self._in_flight,
        )
        pages = [page for group in answered for page in group]
        return await run_bounded(
            [
                lambda statement=statement, page=page: self._rows(statement, page)  # type: ignore[misc]
                for statement, page in zip(statements, pages, strict=True)
            ],
            self._in_flight,
        )

    async def _first_pages(self, statements: Sequence[Statement]) -> list[QueryPage | None]:
        """The first page of each statement; none where they are too heavy together."""
        try:
            if len(statements) == 1:
                return [await self._page(run_query(statements[0]))]
            request = composite(statements)
            answer = await self._ask(request)
        except QueryTooHeavy:
            return [None] * len(statements)
        try:
            pages = pages_of(request, answer)
        except ValueError:
            pages = []
        if len(pages) != len(statements):
            raise unknown_shape(request.call, f"{len(statements)} parts with records")
        return [*pages]

    async def _rows(self, statement: Statement, page: QueryPage | None, halved: int = 0) -> list[Row]:
        try:
            return await self._whole(statement, page or await self._page(run_query(statement)))
        except QueryTooHeavy:
            parts = statement.halves() if halved < _HALVINGS else ()
            if not parts:
                raise
        return [row for part in parts for row in await self._rows(part, None, halved + 1)]

    async def _whole(self, statement: Statement, page: QueryPage) -> list[Row]:
        """The rows from a first page to the end; where the cursor dies, the query is asked again."""
        for attempt in range(1, _TRIES + 1):
            try:
                rows = list(page.rows)
                following = page
                while following.locator:
                    following = await self._page(query_more(following.locator))
                    rows += following.rows
                await complete_histories(self._ask, rows, None)
            except LocatorGone:
                if attempt == _TRIES:
                    raise
                page = await self._page(run_query(statement, attempt=attempt))
            else:
                return rows
        raise AssertionError("the loop returns or raises")

    async def _page(self, request: Request) -> QueryPage:
        return page_of(request, await self._ask(request))


def in_parts(ids: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """The ids in parts of one size, as few as have at most so many each."""
    count = -(-len(ids) // most)
    size = -(-len(ids) // count) if count else 0
    for start in range(0, len(ids), size or 1):
        yield ids[start : start + size]
