"""Reading what deals point to, with as few calls as the vendor allows, and landing all of it as received."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from hardfin_pipelines.connectors.base import Missing, PageMemory, ReadResult, References
from hardfin_pipelines.engine.earlier_choices import first_choice
from hardfin_pipelines.sync.first_sync import DealBundle, primary_company
from hardfin_pipelines.sync.records import Record, Reference, Role
from hardfin_pipelines.sync.trigger import DealState

KnownIds = Callable[[Role, Collection[str]], Collection[str]]
"""Those of some external ids that are linked already: their records need not be read."""


_CHUNKS_UNDER_WAY = 3
"""Chunks of deals that are still being read or applied when another one's companies are asked for."""


_NOTHING = ReadResult((), ())


class RecordReader(Protocol):
    """The part of a connector that extraction needs: landed records are read through it as well."""

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """For each deal the records of each role it points to."""
        ...

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Records by id."""
        ...

    def deal_state(self, deal: Record) -> DealState:
        """What the trigger looks at."""
        ...


class Landing(Protocol):
    """Keeps records as received."""

    def land(self, role: Role, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        """Keep some records of one role."""
        ...

    def land_references(self, deals: Sequence[Record], missing: Sequence[Sequence[Missing]]) -> None:
        """Keep what deals point to, and of each what the vendor did not give of that."""
        ...


@dataclass(frozen=True, slots=True)
class FieldsToRead:
    """The vendor fields that the mapping reads, by role."""

    by_role: Mapping[Role, tuple[str, ...]]

    def of(self, role: Role) -> tuple[str, ...]:
        """Those of one role."""
        return self.by_role.get(role, ())


@dataclass(slots=True)
class ReadCounts:
    """Records read and landed by role, and those the vendor did not give."""

    landed: dict[Role, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class Extraction:
    """Reads the records around deals for one unit of work.

    Linked companies and products are not read again: Hardfin's entity is operations' own. `read_linked` reads them
    all the same, for a re-sync.
    """

    def __init__(
        self,
        connector: RecordReader,
        fields: FieldsToRead,
        landing: Landing,
        known_ids: KnownIds,
        *,
        read_linked: bool = False,
        memory: PageMemory | None = None,
    ) -> None:
        self._connector = connector
        self._fields = fields
        self._landing = landing
        self._known_ids = known_ids
        self._read_linked = read_linked
        self._memory = memory
        self._just_read: dict[Role, deque[dict[str, Record]]] = {}
        self.counts = ReadCounts()

    def land(self, role: Role, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        """Land records as received and count them."""
        self._landing.land(role, records, raw)
        self.counts.landed[role] = self.counts.landed.get(role, 0) + len(records)

    async def bundles(self, deals: Sequence[Record]) -> list[DealBundle]:
        """The deals with their companies, line items and products.

        Raises:
            VendorError: The vendor refused or failed; nothing was decided.
        """
        return await self.completed(await self.with_lines(await self.with_companies(deals)))

    async def with_companies(self, deals: Sequence[Record]) -> "DealsRead":
        """The deals with what they point to, and the companies among it. The first of three steps.

        Raises:
            VendorError: The vendor refused or failed; nothing was decided.
        """
        if not deals:
            return DealsRead(())
        references = await self._connector.references([deal.id for deal in deals], ("company", "line_item"))
        deals = [_with_references(deal, references[deal.id]) for deal in deals]
        return DealsRead(deals, await self._read_shared("company", filter(None, map(_customer_id, deals))))

    async def with_lines(self, read: "DealsRead") -> "DealsRead":
        """The same deals with their line items as well. The second step.

        Raises:
            VendorError: The vendor refused or failed; nothing was decided.
        """
        return replace(read, lines=await self._read("line_item", _ids(read.deals, "line_item")))

    async def completed(self, read: "DealsRead") -> list[DealBundle]:
        """The same deals with their products as well, each with its own. The last step.

        A line item that is gone by now is left out. One that cannot be read for another reason sets its deal aside, and
        so does a company that cannot be read: the first sync happens once, and must not lose a line.

        Raises:
            VendorError: The vendor refused or failed; nothing was decided.
        """
        deals, companies, lines = read.deals, read.companies, read.lines
        line_items = _by_asked_id(lines)
        products = await self._read_shared("product", _ids(line_items.values(), "product"))
        records = _Records(_by_asked_id(companies), line_items, _by_asked_id(products))
        missing = {(each.role, each.id): each for read in (companies, lines, products) for each in read.missing}
        absent = [_absent(deal, records, missing) for deal in deals] if missing else [()] * len(deals)
        self._landing.land_references(deals, absent)
        return [self._bundle(deal, records, of_deal) for deal, of_deal in zip(deals, absent, strict=True)]

    async def _read_shared(self, role: Role, ids: Iterable[str]) -> ReadResult:
        """Records that many deals point to, those left out that are linked already.

        The deals before may be on their way to the store still: what was read for them is not asked for again.
        """
        all_ids = list(dict.fromkeys(ids))
        known = () if self._read_linked else self._known_ids(role, all_ids)
        wanted = [external_id for external_id in all_ids if external_id not in known]
        before = self._just_read.setdefault(role, deque(maxlen=_CHUNKS_UNDER_WAY))
        found = {each: read[each] for read in before for each in wanted if each in read}
        unread = [each for each in wanted if each not in found]
        result = await self._read(role, await first_choice(self._memory, f"{role} to read", all_ids, unread))
        records = (*{record.id: record for record in found.values()}.values(), *result.records)
        before.append(found | _by_asked_id(result))
        return ReadResult(records, (), result.missing)

    async def _read(self, role: Role, ids: Iterable[str]) -> ReadResult:
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return _NOTHING
        result = await self._connector.read(role, wanted, self._fields.of(role))
        self.land(role, result.records, result.raw)
        self.counts.missing.extend(f"{missing.role} {missing.id}: {missing.reason}" for missing in result.missing)
        return result

    def _bundle(self, deal: Record, records: "_Records", missing: Sequence[Missing]) -> DealBundle:
        company = _customer_id(deal) or ""
        own_lines = {line: records.line_items[line] for line in _ids([deal], "line_item") if line in records.line_items}
        own_products = [product for product in _ids(own_lines.values(), "product") if product in records.products]
        return DealBundle(
            deal=deal,
            state=self._connector.deal_state(deal),
            companies={company: records.companies[company]} if company in records.companies else {},
            line_items=own_lines,
            products={product: records.products[product] for product in own_products},
            unread=tuple(_unread(each) for each in missing if _is_needed(each)),
        )


@dataclass(frozen=True, slots=True)
class DealsRead:
    """Deals that know what they point to, and what of it was read so far; companies that are linked are not."""

    deals: Sequence[Record]
    companies: ReadResult = _NOTHING
    lines: ReadResult = _NOTHING


@dataclass(frozen=True, slots=True)
class _Records:
    """What was read for some deals, by every id that a record answers to."""

    companies: Mapping[str, Record]
    line_items: Mapping[str, Record]
    products: Mapping[str, Record]


def _absent(deal: Record, records: _Records, missing: Mapping[tuple[Role, str], Missing]) -> tuple[Missing, ...]:
    """What one deal points to that the vendor did not give."""
    company, lines = _customer_id(deal), _ids([deal], "line_item")
    wanted: list[tuple[Role, str]] = [("company", company)] if company is not None else []
    wanted += [("line_item", line) for line in lines]
    own_lines = (records.line_items[line] for line in lines if line in records.line_items)
    wanted += [("product", product) for product in dict.fromkeys(_ids(own_lines, "product"))]
    return tuple(missing[each] for each in wanted if each in missing)


def _is_needed(missing: Missing) -> bool:
    """Whether the project cannot do without the record; a line has itself what is needed of its product."""
    return missing.role == "company" or (missing.role == "line_item" and missing.kind != "gone")


def _unread(missing: Missing) -> str:
    return f"{missing.role.replace('_', ' ')} {missing.id} cannot be read: {missing.reason}"


def _with_references(deal: Record, references: Mapping[Role, tuple[Reference, ...]]) -> Record:
    return Record(
        deal.role,
        deal.id,
        deal.modified_at,
        deal.properties,
        {**deal.references, **references},
        deal.merged_ids,
        deal.archived,
        deal.url,
    )


def _customer_id(deal: Record) -> str | None:
    return primary_company(deal.references.get("company", ()))


def _ids(records: Iterable[Record], role: Role) -> list[str]:
    return [reference.id for record in records for reference in record.references.get(role, ())]


def _by_asked_id(result: ReadResult) -> dict[str, Record]:
    """Records by every id they answer to: their own and those merged into them."""
    return {external_id: record for record in result.records for external_id in (*record.merged_ids, record.id)}
