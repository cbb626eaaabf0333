"""One visit to a CRM connection: a tick over what changed, or a window of the initial load.

Deals stream through in chunks: searched, checked against the ledger, read with all they point to, landed, applied.
The cursor moves only when everything it covers is committed, so a run can die anywhere and be done again.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.engine.applying import ApplyCounts, apply_bundles
from hardfin_pipelines.engine.completeness import prove
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deal_chunks import CompleteDeals, SearchedDeals, SortedDeals, cut
from hardfin_pipelines.engine.drift import doubt_where_options_are_new
from hardfin_pipelines.engine.earlier_choices import first_choice
from hardfin_pipelines.engine.extraction import Extraction, ReadCounts
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.overlapping import each_of, in_thread, one_ahead
from hardfin_pipelines.engine.record_notes import note_seen
from hardfin_pipelines.engine.set_aside import forget_settled, note_missing
from hardfin_pipelines.engine.sorting_out import known_deals, sort_out
from hardfin_pipelines.engine.visits import Visit
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.known_records import linked_entities
from hardfin_pipelines.sync.completeness import Proof, agrees
from hardfin_pipelines.sync.cursors import covered_until, look_from
from hardfin_pipelines.sync.records import Record, Role

CHUNK = 1_000
"""Deals worked on together at most: as many as one association call of HubSpot answers for."""

_RENEWED = "the access token ended on the way; it was renewed and the work went on"


@dataclass(slots=True)
class SyncReport:
    """What one visit did.

    Attributes:
        applied: What became of the deals.
        read: Records landed, by role, and those the vendor did not give.
        calls: Calls sent to the vendor.
        throttled: Those that it refused for now, and that were waited for.
        tokens_replaced: Those that it refused because their access token had ended, and that were sent again.
        total: How many deals the vendor says match, where it says so.
        newest: The newest modification stamp seen, in vendor time.
        began: The vendor's clock at the first answer.
        interrupted: Why the visit stopped early on a person's wish, or "". What is committed stands.
        seen: The ids of the deals that searches gave.
        position: Every deal of the scan that was modified before it is committed; None where that is not known.
        proof: What the vendor counts beside what has an answer, once that was compared.
    """

    applied: ApplyCounts = field(default_factory=ApplyCounts)
    read: ReadCounts = field(default_factory=ReadCounts)
    calls: int = 0
    throttled: int = 0
    tokens_replaced: int = 0
    total: int | None = None
    newest: datetime | None = None
    began: datetime | None = None
    interrupted: str = ""
    seen: set[str] = field(default_factory=set)
    position: datetime | None = None
    proof: Proof | None = None

    @property
    def unproved(self) -> str:
        """What is missing of the window, in one line; "" where nothing is known to be."""
        return "" if self.proof is None else self.proof.sentence()

    def remarks(self) -> list[str]:
        """What a person may want to know of how the visit went."""
        waited = f"the CRM refused {self.throttled} call(s) for now; they were waited for" if self.throttled else ""
        renewed = (
            "the access token ended on the way; it was renewed and the work went on" if self.tokens_replaced else ""
        )
        return [remark for remark in (self.interrupted, waited, renewed, self.unproved) if remark]

    def numbers(self) -> dict[str, int]:
        """What the visit came to, for the record of a window."""
        at_vendor = self.total if self.proof is None else self.proof.at_vendor
        return {
            "at_the_vendor": at_vendor if at_vendor is not None else -1,
            "accounted": len(self.seen) if self.proof is None else self.proof.accounted,
            "found_late": 0 if self.proof is None else self.proof.found_late,
            "unaccounted": 0 if self.proof is None else len(self.proof.unaccounted),
            "synced": self.applied.synced,
            "protected": self.applied.protected,
            "not_triggered": self.applied.not_triggered,
            "set_aside": self.applied.set_aside,
            "calls": self.calls,
        }

    def cursor(self) -> datetime | None:
        """How far the visit covers: the newest stamp seen, never later than its first answer."""
        return covered_until(self.began, self.newest)


def tick_query(crm: CrmConnection, cursor: datetime) -> TriggerQuery:
    """What a tick asks: everything modified since the cursor, or since a released rule saw deals last, with overlap."""
    since = look_from(crm.tick_from(cursor), crm.overlap)
    return TriggerQuery(crm.trigger_stages(), since, entered_since=since, edited_from=crm.edited_from())


def _all(stages: Mapping[str, Sequence[str]]) -> list[str]:
    return [stage for listed in stages.values() for stage in listed]


class CrmVisit:
    """Works through the deals of one visit. A person's wish to stop ends it in good order, with a note."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._stamp = visit.stamp
        self._extraction = Extraction(
            visit.connector, visit.crm.fields, visit.landing, self._known_ids, memory=visit.memory
        )
        self.report = SyncReport(read=self._extraction.counts)

    async def sync(self, query: TriggerQuery) -> None:
        """Sync every deal that matches and is not in the ledger yet.

        Raises:
            VendorError: The vendor refused or failed; what is committed stands.
        """
        connector = self._visit.connector
        pages = connector.deal_pages(query, self._visit.crm.fields.of("deal"))
        try:
            # While some deals are applied, the products of the next are read, the lines of those behind them, the
            # companies of others, and more are searched for: none of the vendor's rate buckets waits for anything.
            searched = one_ahead(self._searched(pages))
            sorted_out = one_ahead(each_of(searched, self._sorted_out))
            with_lines = one_ahead(each_of(sorted_out, self._with_lines))
            async with aclosing(one_ahead(each_of(with_lines, self._completed))) as complete:
                async for deals in complete:
                    await in_thread(partial(self._apply, deals))
                    self.report.position = deals.settled_before
        except WorkInterrupted as wish:
            self.report.interrupted = str(wish)
        self._count_calls()

    async def prove(self, query: TriggerQuery, *, counted_before: bool) -> Proof:
        """Compare what the vendor counts with what has an answer, and sync what is found missing.

        Args:
            query: The window, whole.
            counted_before: The vendor's count at the first answer is enough where no fewer deals were seen: a tick's,
                which is followed by another soon. Otherwise the vendor is asked once more, now.

        Raises:
            VendorError: The vendor refused or failed; what is committed stands.
        """
        report = self.report
        if counted_before and agrees(report.total, report.seen, exactly=False):
            report.proof = Proof(report.total, len(report.seen))
        else:
            report.proof = await prove(self._visit.crm, self._visit.connector, self, query, seen=report.seen)
            self._count_calls()
        return report.proof

    async def sync_records(self, ids: Sequence[str]) -> None:
        """Sync named deals (a webhook, a retry), by reading them instead of searching.

        Raises:
            VendorError: The vendor refused or failed; what is committed stands.
        """
        connector = self._visit.connector
        crm = self._visit.crm
        deciding = connector.deciding_fields(_all(crm.trigger_stages()))
        # A deal may wait for a rule that is held because its stage is gone, and with it the field that goes with it.
        described = crm.context.properties.get("deal", {})
        waiting = [name for name in connector.deciding_fields(_all(crm.held_stages())) if name in described]
        names = dict.fromkeys((*crm.fields.of("deal"), *deciding, *waiting))
        try:
            for start in range(0, len(ids), CHUNK):
                await self._sync_named(ids[start : start + CHUNK], list(names))
        except WorkInterrupted as wish:
            self.report.interrupted = str(wish)
        self._count_calls()

    async def _sync_named(self, ids: Sequence[str], names: Sequence[str]) -> None:
        result = await self._visit.connector.read("deal", ids, names)
        self._extraction.land("deal", result.records, result.raw)
        self._extraction.counts.missing.extend(f"deal {missing.id}: {missing.reason}" for missing in result.missing)
        note_missing(self._visit.crm.engine, result.missing, self._stamp, self._visit.guard)
        found = await self._with_lines(await self._sorted_out(SearchedDeals(result.records)))
        deals = await self._completed(found)
        await in_thread(partial(self._apply, deals))

    async def _searched(self, pages: AsyncIterator[Page]) -> AsyncGenerator[SearchedDeals]:
        """Deals in chunks of whole pages, as many as surely fit."""
        report = self.report
        waiting: dict[str, Record] = {}
        behind = settled_before = None
        async for page in pages:
            if report.began is None:
                report.began, report.total = page.vendor_time, page.total
            self._extraction.land("deal", page.records, page.raw)
            for deal in page.records:
                waiting[deal.id] = deal
                report.seen.add(deal.id)
                report.newest = deal.modified_at if report.newest is None else max(report.newest, deal.modified_at)
            settled_before = page.settled_before or settled_before
            if len(waiting) + len(page.records) > CHUNK:
                for chunk in cut(waiting.values(), CHUNK, behind, settled_before):
                    yield chunk
                behind = settled_before
                waiting.clear()
        for chunk in cut(waiting.values(), CHUNK, behind, settled_before):
            yield chunk

    async def _sorted_out(self, searched: SearchedDeals) -> SortedDeals:
        crm, stamp, deals = self._visit.crm, self._stamp, searched.deals
        with reading(crm.engine) as connection:
            known = known_deals(connection, stamp.org, stamp.connection_id, stamp.objects["deal"], deals)
        wanted, settled = sort_out(deals, known, self._visit.connector, crm.context.rules)
        now = [deal.id for deal in wanted]
        chosen = {*now, *await first_choice(self._visit.memory, "deals to read", [deal.id for deal in deals], now)}
        return SortedDeals(
            [each for each in settled if each.deal.id not in chosen],
            await self._extraction.with_companies([deal for deal in deals if deal.id in chosen]),
            searched.settled_before,
        )

    async def _with_lines(self, found: SortedDeals) -> SortedDeals:
        return found._replace(wanted=await self._extraction.with_lines(found.wanted))

    async def _completed(self, found: SortedDeals) -> CompleteDeals:
        return CompleteDeals(found.settled, await self._extraction.completed(found.wanted), found.settled_before)

    def _apply(self, deals: CompleteDeals) -> None:
        crm, stamp, guard = self._visit.crm, self._stamp, self._visit.guard
        forget_settled(crm.engine, deals.settled, stamp, guard)
        note_seen(crm.engine, deals.settled, stamp, guard)
        self.report.applied.add(deals.settled, {})
        doubt_where_options_are_new(crm, deals.bundles, stamp.now)
        apply_bundles(crm, deals.bundles, stamp, guard, self.report.applied)

    def _count_calls(self) -> None:
        calls = self._visit.connector.calls
        self.report.calls, self.report.throttled = calls.total, calls.throttled
        self.report.tokens_replaced = calls.tokens_replaced

    def _known_ids(self, role: Role, ids: Collection[str]) -> Collection[str]:
        stamp = self._stamp
        with reading(self._visit.crm.engine) as connection:
            return linked_entities(connection, stamp.org, stamp.connection_id, stamp.objects[role], ids).keys()
