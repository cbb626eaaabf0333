"""Finding opportunities: all that match, over data that moves while we page.

A query's pages belong to a cursor that Salesforce made when it was asked, so they neither skip nor repeat a row,
however many share a stamp. A cursor may die between pages (Salesforce docs: after two days; peers have seen it
earlier): then the query is asked again from behind the last row that came.

A page shows a row's values of the moment when the page is read, so a row that was just changed can stand at the place
of its old stamp and show its new one. A stamp is therefore taken for a place only where it is an hour older than the
query; where the last row's is not, the rest is read in the order of ids, which never change.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.errors import UnknownField, VendorContractError
from hardfin_pipelines.connectors.salesforce.decode import (
    DEFAULT_PIPELINE,
    ENTERED_STAGE,
    HISTORY,
    MASTER_RECORD_TYPE,
    MODIFIED,
    RECORD_TYPE,
    STAGE,
    moment_of,
    records_of,
)
from hardfin_pipelines.connectors.salesforce.errors import INTEGRATION, LocatorGone
from hardfin_pipelines.connectors.salesforce.org_shape import OrgShape
from hardfin_pipelines.connectors.salesforce.pages import complete_histories, page_of
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import OBJECTS, Request, query_more, run_query
from hardfin_pipelines.connectors.salesforce.soql import Statement, is_in, moment, moment_up, quoted, select
from hardfin_pipelines.sync.records import Record

_ORDER = f"{MODIFIED},Id"
_DEAL = OBJECTS["deal"]
_SAME_QUERY = 10
"""How often a query is asked again from one place: more than once only if its cursor dies before a row comes."""

SETTLED_AFTER = timedelta(hours=1)
"""Changes show within this time: rows of long transactions come late, with an older stamp (peers report minutes)."""


@dataclass(frozen=True, slots=True)
class SearchPage(Page):
    """A page that knows where Salesforce says it goes on, "" at the end."""

    locator: str = ""


def history_since(since: datetime | None) -> str:
    """The sub-query for the stages an opportunity has been in; since a moment, or its latest ones."""
    where = [f"CreatedDate >= {moment(since)}"] if since is not None else []
    rows = select((STAGE, "CreatedDate"), HISTORY, where, order="CreatedDate DESC LIMIT 200")
    return f"({rows.text})"


class DealSearch:
    """One scan for the opportunities of a query."""

    def __init__(
        self, ask: Ask, query: TriggerQuery, properties: Sequence[str], page_size: int, shape: OrgShape
    ) -> None:
        """A scan that has asked for nothing yet.

        Raises:
            ValueError: The query has no trigger stage.
            UnknownField: A property cannot be a field.
        """
        if not any(query.stages.values()):
            raise ValueError("a search for deals needs at least one pipeline with a trigger stage")
        self._ask = ask
        self._page_size = page_size
        self._shape = shape
        shape.record_types = has_record_types(query.stages)
        self._fields = (*shape.deciding_fields(), *properties)
        self._children = "" if query.entered_since is None else history_since(query.entered_since)
        self._conditions = [_stage_condition(query), f"{MODIFIED} >= {moment(query.modified_from)}"]
        if query.modified_before is not None:
            self._conditions.append(f"{MODIFIED} < {moment_up(query.modified_before)}")
        self._whole = tuple(self._conditions)
        self._since = query.modified_from
        self._seen: dict[str, datetime] = {}
        self._asked: Counter[str] = Counter()
        self._asked_at: datetime | None = None
        self._place: Record | None = None
        self._by_id = False
        self._beyond: tuple[str, ...] = ()
        self._statement()  # refuses bad names before anything is asked

    async def first(self) -> SearchPage:
        """The first page."""
        return await self._from_the_start(with_total=True)

    async def pages(self, first: Page | None) -> AsyncIterator[Page]:
        """All pages, each record once and again only if its stamp has moved on; `first` saves the first call."""
        page = first if first is not None else await self.first()
        self._asked_at = page.vendor_time
        while True:
            self._note_place(page)
            fresh = self._fresh(page)
            if fresh.records or fresh.last or page.total is not None:
                yield fresh
            if page.last:
                return
            page = await self._following(page)

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
        if locator:
            try:
                following = await self._fetch(query_more(locator, self._page_size), with_total=False)
            except LocatorGone:
                pass
            else:
                if following.locator == locator:
                    raise VendorContractError(INTEGRATION, f"Salesforce's query does not go on beyond {locator}")
                return following
        return await self._asked_again(page)

    async def _asked_again(self, page: Page) -> SearchPage:
        """The query from behind the last place, its cursor being gone."""
        if not self._by_id:
            self._by_id = not page.records or page.records[-1] is not self._place
            if self._place is not None:
                self._conditions = [*self._whole, _behind(self._place)]
        text = self._statement().text
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
        while True:
            try:
                request = run_query(self._statement(), self._page_size)
                return await self._fetch(request, with_total=with_total)
            except UnknownField as error:
                if not self._shape.learn(error):
                    raise

    def _fresh(self, page: Page) -> Page:
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

    def _statement(self) -> Statement:
        children = self._children if self._shape.history else ""
        return select(
            self._fields,
            _DEAL,
            [*self._conditions, *self._beyond],
            order="Id" if self._by_id else _ORDER,
            children=children,
        )

    async def _fetch(self, request: Request, *, with_total: bool) -> SearchPage:
        answer = await self._ask(request)
        page = page_of(request, answer)
        await complete_histories(self._ask, page.rows)
        records, raw = records_of("deal", page.rows, self._since)
        total = page.total if with_total else None
        return SearchPage(records, raw, total, not page.locator, answer.vendor_time, locator=page.locator)


def has_record_types(stages: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the org of these pipelines has record types: else its one pipeline is the default one."""
    return DEFAULT_PIPELINE not in stages


def _stage_condition(query: TriggerQuery) -> str:
    """Opportunities in a trigger stage now, or that changed their stage since: they may have been in one.

    Salesforce keeps no time for each stage. Whoever was in a trigger stage since a moment and is not any more has
    changed its stage since then; its history, which comes along, says whether it was. (A sub-query over the history in
    the condition itself cannot stand beside an OR.)
    """
    choices = [f"({_of_pipeline(pipeline, stages)})" for pipeline, stages in query.stages.items() if stages]
    if query.entered_since is not None:
        choices.append(f"{ENTERED_STAGE} >= {moment(query.entered_since)}")
    return choices[0] if len(choices) == 1 else f"({' OR '.join(choices)})"


def _of_pipeline(pipeline: str, stages: Sequence[str]) -> str:
    in_stage = is_in(STAGE, stages)
    if pipeline == DEFAULT_PIPELINE:
        return in_stage
    record_type = "null" if pipeline == MASTER_RECORD_TYPE else quoted(pipeline)
    return f"{RECORD_TYPE} = {record_type} AND {in_stage}"


def _behind(record: Record) -> str:
    stamp = moment(record.modified_at)
    return f"({MODIFIED} > {stamp} OR ({MODIFIED} = {stamp} AND Id > {quoted(record.id)}))"
