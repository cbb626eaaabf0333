"""Reading what deals point to, with as few calls as the vendor allows, and landing all of it as received."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hardfin_pipelines.connectors.base import CrmConnector, ReadResult
from hardfin_pipelines.sync.first_sync import DealBundle, primary_company
from hardfin_pipelines.sync.records import Record, Reference, Role

KnownIds = Callable[[Role, Collection[str]], Collection[str]]
"""Those of some external ids that are linked already: their records need not be read."""


class Landing(Protocol):
    """Keeps records as received."""

    def land(self, role: Role, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        """Keep some records of one role."""
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
        connector: CrmConnector,
        fields: FieldsToRead,
        landing: Landing,
        known_ids: KnownIds,
        *,
        read_linked: bool = False,
    ) -> None:
        self._connector = connector
        self._fields = fields
        self._landing = landing
        self._known_ids = known_ids
        self._read_linked = read_linked
        self.counts = ReadCounts()

    def land(self, role: Role, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        """Land records as received and count them."""
        self._landing.land(role, records, raw)
        self.counts.landed[role] = self.counts.landed.get(role, 0) + len(records)

    async def bundles(self, deals: Sequence[Record]) -> list[DealBundle]:
        """The deals with their companies, line items and products.

        A line item that is gone by now is left out; a company that cannot be read sets its deal aside.

        Raises:
            VendorError: The vendor refused or failed; nothing was decided.
        """
        if not deals:
            return []
        references = await self._connector.references([deal.id for deal in deals], ("company", "line_item"))
        deals = [_with_references(deal, references[deal.id]) for deal in deals]
        companies = await self._read("company", filter(None, map(_customer_id, deals)))
        lines = await self._read("line_item", _ids(deals, "line_item"), whatever_is_known=True)
        line_items = _by_asked_id(lines)
        products = _by_asked_id(await self._read("product", _ids(line_items.values(), "product")))
        companies_by_id = _by_asked_id(companies)
        reasons = {missing.id: missing.reason for missing in companies.missing}
        return [self._bundle(deal, companies_by_id, line_items, products, reasons) for deal in deals]

    async def _read(self, role: Role, ids: Iterable[str], *, whatever_is_known: bool = False) -> ReadResult:
        wanted = list(dict.fromkeys(ids))
        if not (whatever_is_known or self._read_linked):
            known = set(self._known_ids(role, wanted))
            wanted = [external_id for external_id in wanted if external_id not in known]
        if not wanted:
            return ReadResult((), ())
        result = await self._connector.read(role, wanted, self._fields.of(role))
        self.land(role, result.records, result.raw)
        self.counts.missing.extend(f"{missing.role} {missing.id}: {missing.reason}" for missing in result.missing)
        return result

    def _bundle(
        self,
        deal: Record,
        companies: Mapping[str, Record],
        line_items: Mapping[str, Record],
        products: Mapping[str, Record],
        unreadable_companies: Mapping[str, str],
    ) -> DealBundle:
        company = _customer_id(deal) or ""
        own_lines = {line: line_items[line] for line in _ids([deal], "line_item") if line in line_items}
        own_products = [product for product in _ids(own_lines.values(), "product") if product in products]
        reason = unreadable_companies.get(company)
        return DealBundle(
            deal=deal,
            state=self._connector.deal_state(deal),
            companies={company: companies[company]} if company in companies else {},
            line_items=own_lines,
            products={product: products[product] for product in own_products},
            unread=() if reason is None else (f"company {company} cannot be read: {reason}",),
        )


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
