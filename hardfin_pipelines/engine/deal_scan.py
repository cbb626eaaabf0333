"""Reading the deals of a query in chunks, with everything that those worth planning point to. Writes nothing itself."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.connectors.base import CrmConnector, Missing, Page, TriggerQuery
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.crm_sync import CHUNK
from hardfin_pipelines.engine.extraction import Extraction, FieldsToRead, Landing
from hardfin_pipelines.engine.set_aside import ids_of
from hardfin_pipelines.engine.sorting_out import known_deals, sort_out
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.known_records import linked_entities
from hardfin_pipelines.sync.first_sync import DealBundle
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.plans import Known, Protected, Skipped
from hardfin_pipelines.sync.records import Record, Role


class NoLanding:
    """Keeps nothing of what is read."""

    def land(self, role: Role, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        """Forget it."""

    def land_references(self, deals: Sequence[Record], missing: Sequence[Sequence[Missing]]) -> None:
        """Forget them."""


@dataclass(frozen=True, slots=True)
class DealChunk:
    """Some deals of a scan: those that need no reading, and the others with what they point to."""

    settled: Sequence[Protected | Skipped]
    bundles: Sequence[DealBundle]


@dataclass(slots=True)
class DealScan:
    """One scan over the deals of a query.

    Attributes:
        crm: The connection, and the rules and the mapping to read for.
        connector: Its connector.
        landing: Keeps what is read.
        planned: What previews have planned so far: what each of them knows counts as if the store held it.
        rules: Deals that none of these sets of rules takes are not read further; by default the connection's.
        fields: The vendor fields to read; by default those of the connection's mapping.
        extraction: What was read, and how much.
        seen: The ids that the search gave.
        total: How many deals the vendor says match.
    """

    crm: CrmConnection
    connector: CrmConnector
    landing: Landing
    planned: Sequence[Known] = ()
    rules: Sequence[Sequence[PipelineRule]] = ()
    fields: FieldsToRead | None = None
    extraction: Extraction = field(init=False)
    seen: dict[str, datetime] = field(default_factory=dict)
    total: int | None = None

    def __post_init__(self) -> None:
        self.fields = self.fields or self.crm.fields
        self.rules = self.rules or (self.crm.context.rules,)
        self.extraction = Extraction(self.connector, self.fields, self.landing, self._linked)

    async def chunks(self, query: TriggerQuery) -> AsyncIterator[DealChunk]:
        """The deals in the order of the search, 1,000 at a time.

        Raises:
            VendorError: The vendor refused or failed.
        """
        waiting: dict[str, Record] = {}
        first = True
        fields = self.fields or self.crm.fields
        async for page in self.connector.deal_pages(query, fields.of("deal")):
            if first:
                self.total, first = page.total, False
            self._note(page, waiting)
            while len(waiting) >= CHUNK:
                yield await self._read([waiting.pop(each) for each in list(waiting)[:CHUNK]])
        if waiting:
            yield await self._read(list(waiting.values()))

    def _note(self, page: Page, waiting: dict[str, Record]) -> None:
        self.extraction.land("deal", page.records, page.raw)
        for deal in page.records:
            waiting[deal.id] = deal
            self.seen[deal.id] = deal.modified_at

    async def _read(self, deals: Sequence[Record]) -> DealChunk:
        row = self.crm.row
        deal_object = self.connector.objects()["deal"]
        with reading(self.crm.engine) as connection:
            known = known_deals(connection, row.org, row.connection_id, deal_object, deals)
        if self.planned:
            first, *others = self.planned
            known.ledger.update(
                (each, first.ledger[each])
                for deal in deals
                for each in ids_of(deal)
                if each in first.ledger and all(each in other.ledger for other in others)
            )
        wanted, settled = sort_out(deals, known, self.connector, *self.rules)
        return DealChunk(settled, await self.extraction.bundles(wanted))

    def _linked(self, role: Role, ids: Collection[str]) -> Collection[str]:
        row = self.crm.row
        with reading(self.crm.engine) as connection:
            found = linked_entities(connection, row.org, row.connection_id, self.connector.objects()[role], ids)
        if not self.planned:
            return found.keys()
        return found.keys() | {each for each in ids if all((role, each) in known.links for known in self.planned)}
