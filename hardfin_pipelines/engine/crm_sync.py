"""One visit to a CRM connection: a tick over what changed, or a window of the initial load.

Deals stream through in chunks: searched, checked against the ledger, read with all they point to, landed, applied.
The cursor moves only when everything it covers is committed, so a run can die anywhere and be done again.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.engine.applying import ApplyCounts, apply_bundles
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.extraction import Extraction, ReadCounts
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.set_aside import forget_settled, ids_of, note_missing
from hardfin_pipelines.engine.visits import Visit
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.known_records import ledger_ids, linked_entities
from hardfin_pipelines.sync.cursors import covered_until, look_from
from hardfin_pipelines.sync.first_sync import protection
from hardfin_pipelines.sync.plans import Known, Protected, Skipped
from hardfin_pipelines.sync.records import Record, Role
from hardfin_pipelines.sync.trigger import NotTriggered, evaluate_trigger

CHUNK = 1_000
"""Deals worked on together: as many as one association call of HubSpot answers for."""


@dataclass(slots=True)
class SyncReport:
    """What one visit did.

    Attributes:
        applied: What became of the deals.
        read: Records landed, by role, and those the vendor did not give.
        calls: Calls sent to the vendor.
        total: How many deals the vendor says match, where it says so.
        newest: The newest modification stamp seen, in vendor time.
        began: The vendor's clock at the first answer.
        interrupted: Why the visit stopped early on a person's wish, or "". What is committed stands.
    """

    applied: ApplyCounts = field(default_factory=ApplyCounts)
    read: ReadCounts = field(default_factory=ReadCounts)
    calls: int = 0
    total: int | None = None
    newest: datetime | None = None
    began: datetime | None = None
    interrupted: str = ""

    def numbers(self) -> dict[str, int]:
        """What the visit came to, for the record of a window."""
        return {
            "at_the_vendor": self.total if self.total is not None else -1,
            "seen": self.applied.accounted,
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
    """What a tick asks: everything modified since the cursor, with overlap."""
    since = look_from(cursor)
    return TriggerQuery(stages=crm.trigger_stages(), modified_from=since, entered_since=since)


class CrmVisit:
    """Works through the deals of one visit. A person's wish to stop ends it in good order, with a note."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._stamp = visit.stamp
        self._extraction = Extraction(visit.connector, visit.crm.fields, visit.landing, self._known_ids)
        self.report = SyncReport(read=self._extraction.counts)

    async def sync(self, query: TriggerQuery) -> None:
        """Sync every deal that matches and is not in the ledger yet.

        Raises:
            VendorError: The vendor refused or failed; what is committed stands.
        """
        connector = self._visit.connector
        pages = connector.deal_pages(query, self._visit.crm.fields.of("deal"))
        try:
            async for deals in self._chunks(pages):
                await self._sync_chunk(deals)
        except WorkInterrupted as wish:
            self.report.interrupted = str(wish)
        self.report.calls = connector.calls.total

    async def sync_records(self, ids: Sequence[str]) -> None:
        """Sync named deals (a webhook, a retry), by reading them instead of searching.

        Raises:
            VendorError: The vendor refused or failed; what is committed stands.
        """
        connector = self._visit.connector
        stages = [stage for stages in self._visit.crm.trigger_stages().values() for stage in stages]
        names = dict.fromkeys((*self._visit.crm.fields.of("deal"), *connector.deciding_fields(stages)))
        try:
            for start in range(0, len(ids), CHUNK):
                await self._sync_named(ids[start : start + CHUNK], list(names))
        except WorkInterrupted as wish:
            self.report.interrupted = str(wish)
        self.report.calls = connector.calls.total

    async def _sync_named(self, ids: Sequence[str], names: Sequence[str]) -> None:
        result = await self._visit.connector.read("deal", ids, names)
        self._extraction.land("deal", result.records, result.raw)
        self._extraction.counts.missing.extend(f"deal {missing.id}: {missing.reason}" for missing in result.missing)
        note_missing(self._visit.crm.engine, result.missing, self._stamp, self._visit.guard)
        await self._sync_chunk(result.records)

    async def _chunks(self, pages: AsyncIterator[Page]) -> AsyncIterator[list[Record]]:
        report = self.report
        waiting: dict[str, Record] = {}
        async for page in pages:
            if report.began is None:
                report.began, report.total = page.vendor_time, page.total
            self._extraction.land("deal", page.records, page.raw)
            for deal in page.records:
                waiting[deal.id] = deal
                report.newest = deal.modified_at if report.newest is None else max(report.newest, deal.modified_at)
            while len(waiting) >= CHUNK:
                yield [waiting.pop(each) for each in list(waiting)[:CHUNK]]
        if waiting:
            yield list(waiting.values())

    async def _sync_chunk(self, deals: Sequence[Record]) -> None:
        wanted, settled = self._sorted_out(deals)
        crm = self._visit.crm
        forget_settled(crm.engine, settled, self._stamp, self._visit.guard)
        self.report.applied.add(settled, {})
        bundles = await self._extraction.bundles(wanted)
        apply_bundles(self._visit.crm, bundles, self._stamp, self._visit.guard, self.report.applied)

    def _sorted_out(self, deals: Sequence[Record]) -> tuple[list[Record], list[Protected | Skipped]]:
        """The deals worth reading further (triggered and not in the ledger), and what became of the others."""
        ids = [external_id for deal in deals for external_id in ids_of(deal)]
        stamp = self._stamp
        with reading(self._visit.crm.engine) as connection:
            found = ledger_ids(connection, stamp.org, stamp.connection_id, stamp.objects["deal"], ids)
        known = Known(ledger=found)
        wanted: list[Record] = []
        settled: list[Protected | Skipped] = []
        for deal in deals:
            protected = protection(deal, known)
            if protected is not None and not protected.new_aliases:
                settled.append(protected)
                continue
            verdict = evaluate_trigger(self._visit.connector.deal_state(deal), self._visit.crm.context.rules)
            if isinstance(verdict, NotTriggered) and protected is None:
                settled.append(Skipped(deal, verdict.reason))
                continue
            wanted.append(deal)
        return wanted, settled

    def _known_ids(self, role: Role, ids: Collection[str]) -> Collection[str]:
        stamp = self._stamp
        with reading(self._visit.crm.engine) as connection:
            return linked_entities(connection, stamp.org, stamp.connection_id, stamp.objects[role], ids).keys()
