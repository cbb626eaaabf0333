"""What deals point to, read together: their lines, accounts and products in one call, not in one for each.

A caller asks first what deals point to and then for those records, object by object. Each question would be a call of
its own; Salesforce answers five queries in one. So where it is known which fields will be asked for (the caller said
so, or asked for them before), the first question fetches the records along, and the others are answered from there.
What is kept belongs to the deals asked about last.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hardfin_pipelines.connectors.base import ReadResult, References
from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.salesforce.decode import MODIFIED, place_of
from hardfin_pipelines.connectors.salesforce.ids import long_id, long_ids
from hardfin_pipelines.connectors.salesforce.limits import LONGEST_STATEMENT, PAGE
from hardfin_pipelines.connectors.salesforce.org_shape import OrgShape
from hardfin_pipelines.connectors.salesforce.queries import QueryRunner, in_parts
from hardfin_pipelines.connectors.salesforce.reading import (
    CHARACTERS_AN_ID,
    DELETED,
    MOST_WITH_MERGED,
    SURVIVOR,
    Found,
    IdReader,
    account_for,
    by_id,
    fields_of,
)
from hardfin_pipelines.connectors.salesforce.soql import Statement, among, is_in, select
from hardfin_pipelines.sync.records import Record, Reference, Role

FEW = 200
"""So many deals are read with their products as well: beyond, most of those are known already."""

_IDS_IN_STATEMENT = LONGEST_STATEMENT // CHARACTERS_AN_ID
_FULL = 0.8
_LAST = Decimal("Infinity")
_LINES_AT_FIRST = 6.0


@dataclass(slots=True)
class _Kept:
    """What was fetched along with the last question.

    Attributes:
        fields: The fields of each role that were asked for.
        found: The records of each role.
        lines: Deal to its lines, in their order.
        company: Deal to its account, or "".
    """

    fields: dict[Role, frozenset[str]] = field(default_factory=dict)
    found: dict[Role, Found] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    company: dict[str, str] = field(default_factory=dict)


class BundleReader:
    """Answers what deals point to, and for those records, for one connection."""

    def __init__(self, runner: QueryRunner, shape: OrgShape, site: Callable[[], str]) -> None:
        """`site` says where the org is."""
        self._runner = runner
        self._shape = shape
        self._site = site
        self._by_id = IdReader(runner, shape, site)
        self._expected: dict[Role, tuple[str, ...]] = {}
        self._companies: dict[str, str] = {}
        self._fetched: set[str] = set()
        self._lines_a_deal = _LINES_AT_FIRST
        self._kept = _Kept()

    def expect(self, fields: Mapping[Role, Sequence[str]]) -> None:
        """Say which fields will be asked for, by role: then what deals point to is fetched along from the first."""
        self._expected |= {role: tuple(names) for role, names in fields.items() if role != "deal"}

    def note(self, deals: Iterable[Record]) -> None:
        """Deals that were just given: their accounts need not be asked for, and what was kept of them is old."""
        for deal in deals:
            self._companies[deal.id] = _company_of(deal)
            self._kept.lines.pop(deal.id, None)

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """What each deal points to; one call for 1,000 deals with up to eight lines each."""
        known = long_ids(deal_ids)
        deals = [each for each in dict.fromkeys(known.values()) if each]
        wanted = [role for role in roles if role in {"company", "line_item"}]
        kept = self._kept
        lacking = [
            deal
            for deal in deals
            if ("line_item" in wanted and deal not in kept.lines) or ("company" in wanted and deal not in kept.company)
        ]
        if lacking:
            kept = self._kept = await self._fetch(deals, lines="line_item" in wanted)
        return {
            text: {role: _references(kept, role, known[text]) if role in wanted else () for role in roles}
            for text in dict.fromkeys(deal_ids)
        }

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Records by id, as far as they were fetched along; the others are asked for."""
        if role == "deal":
            return await self._read_deals(ids, properties)
        found = self._kept.found.get(role, Found())
        covered = self._kept.fields.get(role, frozenset()).issuperset(properties)
        known = long_ids(ids)
        # What was merged into an account may have been merged from others: only reading by id follows that.
        merged = found.merged_into()
        kept = {text: own for text, own in known.items() if covered and own in found.records and own not in merged}
        others = [text for text in known if text not in kept]
        read = await self._by_id.read(role, others, properties) if others else ReadResult((), ())
        self._expected[role] = tuple(properties)
        if not kept:
            return read
        result = account_for(role, kept, found)
        return ReadResult((*result.records, *read.records), (*result.raw, *read.raw), read.missing)

    async def _read_deals(self, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Deals by id; a few of them with all they point to, in the same call."""
        known = long_ids(ids)
        deals = [each for each in dict.fromkeys(known.values()) if each]
        if not 0 < len(deals) <= FEW or not {"line_item", "company", "product"} <= self._expected.keys():
            result = await self._by_id.read("deal", ids, properties)
            self.note(result.records)
            return result
        result = account_for("deal", known, await self._together(deals, properties))
        self._companies |= self._kept.company
        return result

    async def _together(self, deals: Sequence[str], properties: Sequence[str]) -> Found:
        while True:
            try:
                return await self._ask_together(deals, properties)
            except UnknownField as error:
                if not self._shape.learn(error):
                    raise

    async def _ask_together(self, deals: Sequence[str], properties: Sequence[str]) -> Found:
        (own,) = self._by_id.statements("deal", deals, properties)
        statements: list[tuple[Role, Statement]] = [("deal", own), *self._around(deals, deals)]
        found, lines = await self._run(statements)
        self._by_id.note_record_types("deal")
        rows = found.pop("deal")
        kept = self._keep(deals, found, lines)
        kept.company = {deal: _company_of(record) for deal, (record, _) in rows.records.items()}
        self._kept = kept
        return rows

    async def _fetch(self, deals: Sequence[str], *, lines: bool) -> _Kept:
        """Ask what deals point to, and for as much of that as is known to be wanted."""
        unknown = [deal for deal in deals if deal not in self._companies]
        statements: list[tuple[Role, Statement]] = [
            ("deal", among(part, self._accounts_of)) for part in in_parts(unknown, PAGE)
        ]
        statements += self._around(deals, unknown) if lines else []
        found, line_rows = await self._run(statements)
        self.note(record for record, _ in found.pop("deal", Found()).records.values())
        kept = self._keep(deals, found, line_rows)
        kept.company = {deal: self._companies.get(deal, "") for deal in deals}
        if not lines:
            kept.lines.clear()
        return kept

    def _around(self, deals: Sequence[str], unknown: Sequence[str]) -> list[tuple[Role, Statement]]:
        """The queries for lines, and for accounts and products where their fields are known.

        Args:
            deals: The deals.
            unknown: Those of them whose account is not known.
        """
        most = max(1, min(int(PAGE * _FULL / self._lines_a_deal), _IDS_IN_STATEMENT))
        fields = fields_of("line_item", self._expected.get("line_item", ()), self._shape)
        objects = self._shape.objects

        def lines_of(some: Sequence[str]) -> Statement:
            return select(fields, objects.line_item, [is_in(objects.deal_of_line, some)])

        statements: list[tuple[Role, Statement]] = [
            ("line_item", among(part, lines_of)) for part in in_parts(deals, most)
        ]
        statements += self._accounts(deals, unknown)
        if len(deals) <= FEW and "product" in self._expected and objects.product_of_line:
            statements.append(self._along("product", deals, self._products_of))
        return statements

    def _accounts(self, deals: Sequence[str], unknown: Sequence[str]) -> list[tuple[Role, Statement]]:
        if "company" not in self._expected:
            return []
        if unknown:
            # A sub-query cannot stand beside an OR, so what was merged into them is asked for by itself.
            asked = [(self._companies_of, False)]
            if self._shape.objects.companies_can_be_merged:
                asked.append((self._merged_into_companies_of, True))
            return [
                self._along("company", part, condition, deleted_too=deleted_too)
                for condition, deleted_too in asked
                for part in in_parts(deals, PAGE)
            ]
        ids = dict.fromkeys(filter(None, (self._companies[deal] for deal in deals)))
        new = [each for each in ids if each not in self._fetched]
        return [
            self._along("company", part, self._these_companies, deleted_too=True)
            for part in in_parts(new, MOST_WITH_MERGED)
        ]

    def _along(
        self, role: Role, ids: Sequence[str], condition: Callable[[Sequence[str]], str], *, deleted_too: bool = False
    ) -> tuple[Role, Statement]:
        fields, name = fields_of(role, self._expected[role], self._shape), self._shape.objects.by_role[role]
        return role, among(ids, lambda some: select(fields, name, [condition(some)], deleted_too=deleted_too))

    def _accounts_of(self, deals: Sequence[str]) -> Statement:
        objects = self._shape.objects
        return select(("Id", objects.company_of_deal, MODIFIED), objects.deal, [is_in("Id", deals)])

    def _these_companies(self, ids: Sequence[str]) -> str:
        return by_id("company", ids, self._shape.objects)

    def _companies_of(self, deals: Sequence[str]) -> str:
        objects = self._shape.objects
        return f"Id IN ({select((objects.company_of_deal,), objects.deal, [is_in('Id', deals)]).text})"

    def _merged_into_companies_of(self, deals: Sequence[str]) -> str:
        objects = self._shape.objects
        own = select((objects.company_of_deal,), objects.deal, [is_in("Id", deals)])
        return f"{DELETED} = true AND {SURVIVOR} IN ({own.text})"

    def _products_of(self, deals: Sequence[str]) -> str:
        objects = self._shape.objects
        lines = select((objects.product_of_line,), objects.line_item, [is_in(objects.deal_of_line, deals)])
        return f"Id IN ({lines.text})"

    async def _run(self, statements: Sequence[tuple[Role, Statement]]) -> tuple[dict[Role, Found], list[Row]]:
        """What came, by role, and the rows of lines once more."""
        rows = await self._runner.run([statement for _, statement in statements])
        found: dict[Role, Found] = {}
        lines: list[Row] = []
        for (role, _), of_statement in zip(statements, rows, strict=True):
            found.setdefault(role, Found()).take(role, of_statement, self._shape.objects, self._site())
            lines += of_statement if role == "line_item" else []
        return found, lines

    def _keep(self, deals: Sequence[str], found: dict[Role, Found], lines: Sequence[Row]) -> _Kept:
        kept = _Kept(lines={deal: [] for deal in deals}, found=found)
        objects = self._shape.objects
        documents = [row.document for row in lines if isinstance(row.document, dict)]
        # From the rows, not the records: a line that cannot be read is still its deal's.
        for document in sorted(documents, key=lambda each: _place(each, objects.place_of_line)):
            deal, line = (long_id(str(document.get(name) or "")) for name in (objects.deal_of_line, "Id"))
            if deal in kept.lines and line:
                kept.lines[deal].append(line)
        kept.fields = {role: frozenset(self._expected[role]) for role in found if role in self._expected}
        self._fetched.update(found.get("company", Found()).records)
        if deals and lines:
            self._lines_a_deal = max(len(lines) / len(deals), 0.5)
        return kept


def _references(kept: _Kept, role: Role, deal: str) -> tuple[Reference, ...]:
    if role == "company":
        company = kept.company.get(deal, "")
        return (Reference(company, primary=True),) if company else ()
    return tuple(Reference(line) for line in kept.lines.get(deal, ()))


def _company_of(deal: Record) -> str:
    references = deal.references.get("company", ())
    return references[0].id if references else ""


def _place(line: Mapping[str, Any], field: str) -> tuple[Decimal, str]:
    """Where a line stands: in the order people gave, else in that of ids, which is the order of creation."""
    place = place_of(line.get(field))
    return _LAST if place is None else place, str(line.get("Id") or "")
