"""Finding deals: all that match, over data that moves while we page.

HubSpot's search answers from an index and fills the records from its primary store, so a record that was just changed
can stand at the place of its old stamp and show its new one (seen on the wire). Pages are therefore asked for by stamp
only as far as stamps can be trusted to be places: older than an hour, in ascending order, inside the window. Where the
stamps of a page lead no further, the rest is read by record id, which never changes. Offsets lead past empty pages
only.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.errors import VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.decode import (
    epoch_ms,
    epoch_ms_up,
    from_epoch_ms,
    records_of,
    refuse_unknown,
    results_of,
)
from hardfin_pipelines.connectors.hubspot.errors import INTEGRATION
from hardfin_pipelines.connectors.hubspot.limits import FILTER_GROUPS, FILTERS, FILTERS_IN_GROUP, SEARCH_OFFSETS
from hardfin_pipelines.connectors.hubspot.remembering import Ask
from hardfin_pipelines.connectors.hubspot.requests import (
    ENTERED_CURRENT_STAGE,
    ENTERED_PREFIX,
    MODIFIED,
    PIPELINE,
    STAGE,
    Request,
    search_deals,
    wanted_properties,
)

RECORD_ID = "hs_object_id"

SETTLED_AFTER = timedelta(hours=1)
"""The index shows a change well within this time (HubSpot docs: "a few moments"; peers have seen minutes)."""

_EARLIEST_MS = 1_000  # a search from the epoch itself was seen to answer 500

Filter = Mapping[str, Any]
Choice = Sequence[Filter]
"""Filters that all must hold; a search takes several of them, of which one is enough."""


@dataclass(frozen=True, slots=True)
class SearchPage(Page):
    """A page that knows where HubSpot says it goes on, "" at the end."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """What one request asks for: a span of modification stamps, from some place in it.

    Attributes:
        since_ms: Inclusive lower bound.
        before_ms: Exclusive upper bound, or None.
        by_id: In the order of record ids instead of stamps.
        above_id: With `by_id`: only records beyond this id.
        after: HubSpot's offset, to get past an empty page.
        then_ms: The stamp from which to go on when this span, a single millisecond, is read; None to end.
    """

    since_ms: int
    before_ms: int | None = None
    by_id: bool = False
    above_id: str = ""
    after: str = ""
    then_ms: int | None = None

    def filters(self) -> list[Filter]:
        """The filters of the span."""
        if self.before_ms == self.since_ms + 1:
            found: list[Filter] = [_filter(MODIFIED, "EQ", str(self.since_ms))]
        else:
            found = [_filter(MODIFIED, "GTE", str(self.since_ms))]
            if self.before_ms is not None:
                found.append(_filter(MODIFIED, "LT", str(self.before_ms)))
        if self.above_id:
            found.append(_filter(RECORD_ID, "GT", self.above_id))
        return found


class DealSearch:
    """One scan for the deals of a query."""

    def __init__(
        self,
        ask: Ask,
        query: TriggerQuery,
        properties: Sequence[str],
        page_size: int,
        choices: Sequence[Choice] = (),
    ) -> None:
        """A scan that has asked for nothing yet.

        Args:
            ask: Sends a request.
            query: Which deals.
            properties: Their properties, besides those that decide.
            page_size: Deals of an answer at most.
            choices: A part of the query's alternatives (`census_choices`); by default all of them, as one search.

        Raises:
            ValueError: The query has no trigger stage.
        """
        stages = trigger_stages(query)
        if not stages:
            raise ValueError("a search for deals needs at least one pipeline with a trigger stage")
        self._ask = ask
        self._query = query
        self._asked = tuple(properties)
        self._properties = wanted_properties("deal", properties, stages)
        self._choices = choices or _choices(query)
        self._page_size = page_size
        self._seen: dict[str, datetime] = {}
        self._settled = query.modified_from
        # HubSpot's stamps are whole milliseconds: the lower bound rounds down, the exclusive upper bound up.
        before = query.modified_before
        self._whole = Span(
            max(epoch_ms(query.modified_from), _EARLIEST_MS),
            None if before is None else epoch_ms_up(before),
        )

    async def first(self) -> SearchPage:
        """The first page."""
        return await self._fetch(self._whole, with_total=True)

    async def pages(self, first: Page | None) -> AsyncIterator[Page]:
        """All pages, each record once and again only if its stamp has moved on; `first` saves the first call."""
        span: Span | None = self._whole
        page = first if first is not None else await self.first()
        at_start = True
        while span is not None:
            span = self._following(span, page)
            fresh = self._fresh(page, following=span)
            if fresh.records or fresh.last or at_start:
                yield fresh
            at_start = False
            if span is not None:
                page = await self._fetch(span, with_total=False)

    def _fresh(self, page: Page, *, following: Span | None) -> Page:
        """The page without what was handed out with the same stamp."""
        records, raw = [], []
        for record, text in zip(page.records, page.raw, strict=True):
            known = self._seen.get(record.id)
            if known is None or record.modified_at > known:
                self._seen[record.id] = record.modified_at
                records.append(record)
                raw.append(text)
        settled = None if following is None else from_epoch_ms(following.since_ms)
        if settled is not None and settled > self._settled:
            # What lies before it comes again only with a newer stamp; a long scan need not remember it.
            self._settled = settled
            self._seen = {each: stamp for each, stamp in self._seen.items() if stamp >= settled}
        return Page(tuple(records), tuple(raw), page.total, following is None, page.vendor_time, settled)

    def _following(self, span: Span, page: Page) -> Span | None:
        """What to ask for next; None at the end."""
        if page.last:
            return None if span.then_ms is None else Span(span.then_ms, self._whole.before_ms)
        if not page.records:
            return self._past_empty_page(span, page)
        if span.by_id:
            return _beyond(span, page.records[-1].id)
        place = self._certain_place(span, page)
        if place is not None:
            return Span(place, span.before_ms)
        if all(epoch_ms(record.modified_at) == span.since_ms for record in page.records):
            return self._tie(span)
        return Span(span.since_ms, span.before_ms, by_id=True)

    def _tie(self, span: Span) -> Span:
        """One millisecond holds more than a page: read it by id, then go on behind it."""
        end = span.since_ms + 1
        more = self._whole.before_ms is None or end < self._whole.before_ms
        return Span(span.since_ms, end, by_id=True, then_ms=end if more else None)

    def _certain_place(self, span: Span, page: Page) -> int | None:
        """The latest stamp of a page that is surely a place in HubSpot's order, beyond the span's beginning."""
        settled = epoch_ms(page.vendor_time - SETTLED_AFTER)
        end = settled if span.before_ms is None else min(settled, span.before_ms)
        lowest_behind: int | None = None
        for record in reversed(page.records):
            stamp = epoch_ms(record.modified_at)
            if stamp <= span.since_ms:
                continue
            if stamp < end and (lowest_behind is None or stamp <= lowest_behind):
                return stamp
            lowest_behind = stamp if lowest_behind is None else min(stamp, lowest_behind)
        return None

    def _past_empty_page(self, span: Span, page: Page) -> Span:
        """The same span behind an empty page that has a cursor; a caller's page without one is asked for again."""
        if not isinstance(page, SearchPage):
            return span
        offset = int(page.after) if page.after.isascii() and page.after.isdigit() else SEARCH_OFFSETS
        if page.after == span.after or offset + self._page_size > SEARCH_OFFSETS:
            raise VendorContractError(
                INTEGRATION, f"HubSpot's search keeps answering empty pages (cursor {page.after})"
            )
        return replace(span, after=page.after)

    async def _fetch(self, span: Span, *, with_total: bool) -> SearchPage:
        request = search_deals(
            [[*choice, *span.filters()] for choice in self._choices],
            self._properties,
            sort=RECORD_ID if span.by_id else MODIFIED,
            limit=self._page_size,
            after=span.after,
        )
        answer = await self._ask(request)
        page = self._page(request, answer, with_total=with_total)
        refuse_unknown("deal", self._asked, page.records)
        return page

    def _page(self, request: Request, answer: Answer, *, with_total: bool) -> SearchPage:
        records, raw = records_of("deal", results_of(answer, request.call), from_epoch_ms(self._whole.since_ms))
        after = next_cursor(answer.members)
        total = answer.members.get("total") if with_total else None
        total = total if isinstance(total, int) else None
        return SearchPage(records, raw, total, not after, answer.vendor_time, after=after)


def next_cursor(members: Mapping[str, Any]) -> str:
    """Where HubSpot says its answer goes on; "" at the end. The number of records says nothing (seen on the wire)."""
    paging = members.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    return str(following.get("after") or "") if isinstance(following, dict) else ""


def census_choices(query: TriggerQuery) -> list[list[Choice]]:
    """The alternatives of one search or several that list nothing but what the query asks for, as few as can be."""
    searches: list[list[Choice]] = [[]]
    for choice in [_now_in_stage(query), *_passed_through(query)]:
        if searches[-1] and not _fit([*searches[-1], choice], query):
            searches.append([])
        searches[-1].append(choice)
    return searches


def _choices(query: TriggerQuery) -> list[Choice]:
    """The alternatives of a query as one search, without their span.

    Where the times of entering stages do not fit into one search, all deals of the pipelines are asked for and the
    rules decide; and those that have left for another pipeline, since they entered a stage of that one after what they
    left.
    """
    exact = [_now_in_stage(query), *_passed_through(query)]
    if query.entered_since is None or _fit(exact, query):
        return exact
    pipelines = list(query.stages)
    gone = [
        _filter(PIPELINE, "NOT_IN", values=pipelines),
        _filter(ENTERED_CURRENT_STAGE, "GTE", _not_before(query.entered_since)),
    ]
    return [[_filter(PIPELINE, "IN", values=pipelines)], gone]


def _now_in_stage(query: TriggerQuery) -> Choice:
    """Deals that are in a trigger stage now.

    `pipeline` and `dealstage` are enumerations, which are compared with case; only text wants lower case with IN
    (HubSpot docs: search guide).
    """
    return [_filter(PIPELINE, "IN", values=list(query.stages)), _filter(STAGE, "IN", values=trigger_stages(query))]


def _passed_through(query: TriggerQuery) -> list[Choice]:
    """Deals that entered a trigger stage since a moment, wherever they are now; a choice for each stage."""
    if query.entered_since is None:
        return []
    since = _not_before(query.entered_since)
    return [[_filter(f"{ENTERED_PREFIX}{stage}", "GTE", since)] for stage in trigger_stages(query)]


def trigger_stages(query: TriggerQuery) -> list[str]:
    """The stages of a query, each once: pipelines may have stages of one id."""
    return list(dict.fromkeys(stage for listed in query.stages.values() for stage in listed))


def _not_before(moment: datetime) -> str:
    return str(max(epoch_ms(moment), _EARLIEST_MS))


def _fit(choices: Sequence[Choice], query: TriggerQuery) -> bool:
    """Whether alternatives fit into one search with their span, and with what it takes to go on by record id."""
    sizes = [len(choice) + (2 if query.modified_before is None else 3) for choice in choices]
    return len(sizes) <= FILTER_GROUPS and max(sizes) <= FILTERS_IN_GROUP and sum(sizes) <= FILTERS


def _filter(name: str, operator: str, value: str | None = None, *, values: Sequence[str] | None = None) -> Filter:
    operand: dict[str, Any] = {"values": list(values)} if values is not None else {"value": value}
    return {"propertyName": name, "operator": operator, **operand}


def _beyond(span: Span, last_id: str) -> Span:
    if last_id == span.above_id:
        raise VendorContractError(INTEGRATION, f"HubSpot's search does not go on beyond record {last_id}")
    return replace(span, above_id=last_id, after="")
