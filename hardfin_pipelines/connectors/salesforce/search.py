"""Finding opportunities: all that match, over data that moves while we page.

A query's pages belong to a cursor that Salesforce made when it was asked, so they neither skip nor repeat a row,
however many share a stamp. A cursor may die between pages (Salesforce docs: after two days; peers have seen it
earlier): then the query is asked again from behind the last row that came.

A page shows a row's values of the moment when the page is read, so a row that was just changed can stand at the place
of its old stamp and show its new one. A stamp is therefore taken for a place only where it is an hour older than the
query; where the last row's is not, the rest is read in the order of ids, which never change.

A query that is too heavy for Salesforce is put in parts, by stamp, with smaller pages.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.errors import UnknownField, VendorContractError
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.salesforce.decode import MODIFIED, deals_of, moment_of
from hardfin_pipelines.connectors.salesforce.errors import INTEGRATION, LocatorGone, QueryTooHeavy
from hardfin_pipelines.connectors.salesforce.org_shape import OrgShape
from hardfin_pipelines.connectors.salesforce.pages import complete_histories, page_of
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import Request, query_more, run_query
from hardfin_pipelines.connectors.salesforce.search_conditions import (
    behind,
    has_record_types,
    history_since,
    modified_between,
    wanted_deals,
)
from hardfin_pipelines.connectors.salesforce.search_parts import Part
from hardfin_pipelines.connectors.salesforce.soql import Statement, count, quoted, select
from hardfin_pipelines.sync.records import Record

_ORDER = f"{MODIFIED},Id"
_SAME_QUERY = 10
"""How often a query is asked again from one place: more than once only if its cursor dies before a row comes."""

SETTLED_AFTER = timedelta(hours=1)
"""Changes show within this time: rows of long transactions come late, with an older stamp (peers report minutes, and
have lost rows that were fifteen minutes late)."""


@dataclass(frozen=True, slots=True)
class SearchPage(Page):
    """A page that knows how its search goes on.

    Attributes:
        locator: Where Salesforce says it does, "" at the end.
        until: The end of the part of the search that the page belongs to; None where that is open.
    """

    locator: str = ""
    until: datetime | None = None


class DealSearch:
    """One scan for the opportunities of a query."""

    def __init__(
        self,
        ask: Ask,
        query: TriggerQuery,
        properties: Sequence[str],
        page_size: int,
        shape: OrgShape,
        clock_now: Callable[[], datetime],
        site: Callable[[], str],
    ) -> None:
        """A scan that has asked for nothing yet.

        Args:
            ask: Sends a request.
            query: Which deals.
            properties: Their fields, besides those that decide.
            page_size: Rows of an answer at most.
            shape: What is known of the org's fields.
            clock_now: Our clock.
            site: Says where the org is.

        Raises:
            ValueError: The query has no trigger stage.
            UnknownField: A property cannot be a field.
        """
        if not any(query.stages.values()):
            raise ValueError("a search for deals needs at least one pipeline with a trigger stage")
        self._ask = ask
        self._site = site
        self._shape = shape
        shape.record_types = has_record_types(query.stages)
        self._fields = (*shape.deciding_fields(), *properties)
        self._query = query
        self._wanted = wanted_deals(query, shape.objects)
        self._part = Part(query.modified_from, query.modified_before, page_size, clock_now)
        self._seen: dict[str, datetime] = {}
        self._asked: Counter[str] = Counter()
        self._asked_at: datetime | None = None
        self._place: Record | None = None
        self._by_id = False
        self._behind: tuple[str, ...] = ()
        self._beyond: tuple[str, ...] = ()
        self.statement()  # refuses bad names before anything is asked

    async def first(self) -> SearchPage:
        """The first page."""
        return await self._from_the_start(with_total=True)

    async def pages(self, first: Page | None) -> AsyncIterator[Page]:
        """All pages, each record once and again only if its stamp has moved on; `first` saves the first call."""
        page = first if first is not None else await self.first()
        if isinstance(page, SearchPage):
            self._part.until = page.until
        self._asked_at = page.vendor_time
        while True:
            self._note_place(page)
            fresh = self.fresh(page)
            if fresh.records or fresh.last or page.total is not None:
                yield fresh
            if page.last:
                return
            page = await self._following(page)

    def whole(self) -> Statement:
        """All that is searched for, in no order and without histories: what a Bulk job can be asked."""
        query = self._query
        where = [*self._wanted, *modified_between(query.modified_from, query.modified_before)]
        return select(self._fields, self._shape.objects.deal, where)

    def page_of_rows(self, rows: Sequence[Row], vendor_time: datetime, *, last: bool) -> Page:
        """Rows that came another way as a page, without what was handed out with the same stamp."""
        records, raw = deals_of(rows, self._shape.objects, self._query.modified_from, self._site())
        return self.fresh(Page(records, raw, None, last, vendor_time))

    def calls_left(self, first: Page) -> int:
        """How many more calls the search takes behind its first page, as far as that can be told."""
        with_history = self._query.entered_since is not None and self._shape.history
        if first.total is None or not first.records or with_history:
            return 0
        return -(-(first.total - len(first.records)) // len(first.records))

    def fresh(self, page: Page) -> Page:
        """The page without what was handed out with the same stamp."""
        records, raw = [], []
        for record, text in zip(page.records, page.raw, strict=True):
            known = self._seen.get(record.id)
            if known is None or record.modified_at > known:
                self._seen[record.id] = record.modified_at
                records.append(record)
                raw.append(text)
        settled = None if page.last or self._place is None else self._place.modified_at
        return Page(tuple(records), tuple(raw), page.total, page.last, page.vendor_time, settled)

    def statement(self) -> Statement:
        """What is asked for now."""
        children = ""
        if self._query.entered_since is not None and self._shape.history:
            children = history_since(self._query.entered_since)
        order = "Id" if self._by_id else _ORDER
        where = [*self._conditions(), *self._behind, *self._beyond]
        return select(self._fields, self._shape.objects.deal, where, order=order, children=children)

    def _conditions(self) -> list[str]:
        return [*self._wanted, *modified_between(self._part.start, self._part.until)]

    def _note_place(self, page: Page) -> None:
        """The last row that surely stands in the order of stamps; in the order of ids every row does."""
        if self._by_id:
            self._beyond = self._beyond if not page.records else (f"Id > {quoted(page.records[-1].id)}",)
            return
        for record in page.records:
            if self._is_settled(record) and (self._place is None or record.modified_at >= self._place.modified_at):
                self._place = record

    def _is_settled(self, record: Record) -> bool:
        own = moment_of(record.properties.get(MODIFIED))
        return own is not None and self._asked_at is not None and own < self._asked_at - SETTLED_AFTER

    async def _following(self, page: Page) -> SearchPage:
        locator = page.locator if isinstance(page, SearchPage) else ""
        if isinstance(page, SearchPage) and not locator:
            return await self._next_part()
        while locator:
            try:
                following = await self._fetch(query_more(locator, self._part.page_size), with_total=False)
            except LocatorGone:
                break
            except QueryTooHeavy:
                if not self._part.shrink_page():
                    break
                continue
            if following.locator == locator:
                raise VendorContractError(INTEGRATION, f"Salesforce's query does not go on beyond {locator}")
            return following
        return await self._asked_again(page)

    async def _next_part(self) -> SearchPage:
        self._part.move_on()
        self._by_id, self._behind, self._beyond = False, (), ()
        found = await self._from_the_start(with_total=False)
        self._asked_at = found.vendor_time
        return found

    async def _asked_again(self, page: Page) -> SearchPage:
        """The query from behind the last place, its cursor being gone."""
        if not self._by_id:
            self._by_id = not page.records or page.records[-1] is not self._place
            if self._place is not None:
                self._behind = (behind(self._place),)
        text = self.statement().text
        self._asked[text] += 1
        if self._asked[text] > _SAME_QUERY:
            raise VendorContractError(
                INTEGRATION, "Salesforce's query does not go on: its cursors die before a row comes"
            )
        found = await self._from_the_start(with_total=False)
        if not self._by_id:
            self._asked_at = found.vendor_time
        return found

    async def _from_the_start(self, *, with_total: bool) -> SearchPage:
        """The first page of the query, or of what is left of it."""
        whole = self._conditions()
        while True:
            try:
                found = await self._fetch(run_query(self.statement(), self._part.page_size), with_total=with_total)
            except UnknownField as error:
                if not self._shape.learn(error):
                    raise
            except QueryTooHeavy:
                if not self._lighter():
                    raise
            else:
                if with_total and self._conditions() != whole:
                    return replace(found, total=await self._count(whole))
                return found

    def _lighter(self) -> bool:
        """Ask for less at once; whether that is possible.

        In the order of ids as well: rows of the later parts that came already come again, and are known.
        """
        return self._part.shrink(self._place.modified_at if self._behind and self._place is not None else None)

    async def _count(self, conditions: Sequence[str]) -> int | None:
        """How many deals a search in parts has; None where even counting them is too heavy."""
        request = run_query(count(self._shape.objects.deal, conditions))
        try:
            return page_of(request, await self._ask(request)).total
        except QueryTooHeavy:
            return None

    async def _fetch(self, request: Request, *, with_total: bool) -> SearchPage:
        answer = await self._ask(request)
        page = page_of(request, answer)
        await complete_histories(self._ask, page.rows, self._query.entered_since)
        records, raw = deals_of(page.rows, self._shape.objects, self._query.modified_from, self._site())
        self._part.grow()
        return SearchPage(
            records,
            raw,
            page.total if with_total else None,
            not page.locator and self._part.is_last,
            answer.vendor_time,
            locator=page.locator,
            until=self._part.until,
        )
