"""Records by id, with an account of every id that was asked for; merged accounts are followed to their survivors."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hardfin_pipelines.connectors.base import Missing, ReadResult
from hardfin_pipelines.connectors.errors import SkipRecord, UnknownField
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.salesforce.decode import EDITED, HISTORY, MODIFIED, RECORD_TYPE, record_of
from hardfin_pipelines.connectors.salesforce.ids import long_ids
from hardfin_pipelines.connectors.salesforce.limits import LONGEST_STATEMENT, PAGE
from hardfin_pipelines.connectors.salesforce.objects import OrgObjects
from hardfin_pipelines.connectors.salesforce.org_shape import OrgShape
from hardfin_pipelines.connectors.salesforce.queries import QueryRunner, in_parts
from hardfin_pipelines.connectors.salesforce.search_conditions import history_since
from hardfin_pipelines.connectors.salesforce.soql import Statement, among, is_in, select
from hardfin_pipelines.sync.records import Record, Role

SURVIVOR = "MasterRecordId"
DELETED = "IsDeleted"

_LONGEST_CHAIN = 5

CHARACTERS_AN_ID = 21
"""Of an id in a statement, with what is between it and the next."""

MOST_WITH_MERGED = min(PAGE, LONGEST_STATEMENT // CHARACTERS_AN_ID // 2)
"""So many accounts are asked for at once by id: each id is there twice."""

_GONE = "Salesforce has no such record, or hides it from Hardfin's user"
_IN_BIN = "it is in Salesforce's recycle bin"
_NOT_AN_ID = "not a Salesforce record id (15 or 18 letters and digits)"


@dataclass(slots=True)
class Found:
    """Rows that came, by their own id.

    Attributes:
        records: Those that can be handed out, with their bytes.
        in_bin: Ids of deleted ones, and the id of the record each was merged into, or "".
        unreadable: Ids of those that came but are no record, and why.
    """

    records: dict[str, tuple[Record, bytes]] = field(default_factory=dict)
    in_bin: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def take(self, role: Role, rows: Iterable[Row], objects: OrgObjects, site: str) -> "Found":
        """Add rows of the org at `site`, whose objects are given."""
        for row in rows:
            try:
                record = record_of(role, row, objects=objects, site=site)
            except SkipRecord as skipped:
                self.unreadable[skipped.record_id] = str(skipped)
                continue
            if record.archived:
                survivor = record.properties.get(SURVIVOR) or ""
                self.in_bin[record.id] = long_ids([survivor])[survivor]
            else:
                self.records[record.id] = (record, row.raw)
        return self

    def merged_into(self) -> dict[str, list[str]]:
        """Ids of deleted ones by the record at the end of their chain of merges, for those that were merged."""
        found: dict[str, list[str]] = {}
        for each, survivor in self.in_bin.items():
            if survivor:
                found.setdefault(self.survivor_of(each), []).append(each)
        return found

    def survivor_of(self, external_id: str) -> str:
        """The id at the end of a chain of merges; the id itself where it was not merged."""
        for _ in range(_LONGEST_CHAIN):
            following = self.in_bin.get(external_id, "")
            if not following:
                break
            external_id = following
        return external_id


class IdReader:
    """Reads records of one connection by id."""

    def __init__(self, runner: QueryRunner, shape: OrgShape, site: Callable[[], str]) -> None:
        """`site` says where the org is."""
        self._runner = runner
        self._shape = shape
        self._site = site

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """The records of the ids; what is not there, with the reason. A call for 10,000 ids, one more after merges.

        Of accounts it is found out as well which ones were merged into them, as long as those are in the recycle bin:
        what is linked to one of them is linked to the survivor.
        """
        known = long_ids(ids)
        found = Found()
        wanted: Collection[str] = [each for each in dict.fromkeys(known.values()) if each]
        asked: set[str] = set()
        for _ in range(_LONGEST_CHAIN):
            if not wanted:
                break
            asked.update(wanted)
            found.take(role, await self._rows(role, list(wanted), properties), self._shape.objects, self._site())
            survivors = {found.survivor_of(each) for each in found.in_bin}
            missing = survivors - found.records.keys() - found.in_bin.keys() - found.unreadable.keys()
            merged = {each for each, survivor in found.in_bin.items() if survivor}
            wanted = sorted(missing | (merged - asked))
        return account_for(role, known, found)

    async def _rows(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> list[Row]:
        while True:
            try:
                found = await self._runner.run(self.statements(role, ids, properties))
            except UnknownField as error:
                if role != "deal" or not self._shape.learn(error):
                    raise
            else:
                self.note_record_types(role)
                return [row for rows in found for row in rows]

    def note_record_types(self, role: Role) -> None:
        """A reading of opportunities with their record type was answered: the org has record types."""
        if role == "deal" and self._shape.record_types is None:
            self._shape.record_types = True

    def statements(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> list[Statement]:
        """The queries for some ids, deleted and merged-away ones included.

        Raises:
            UnknownField: A property cannot be a field.
        """
        fields = fields_of(role, properties, self._shape)
        with_history = role == "deal" and HISTORY in properties and self._shape.history
        children = history_since(None) if with_history else ""

        def make(some: Sequence[str]) -> Statement:
            where = [by_id(role, some, self._shape.objects)]
            return select(fields, self._shape.objects.by_role[role], where, children=children, deleted_too=True)

        return [among(part, make) for part in in_parts(ids, MOST_WITH_MERGED if role == "company" else PAGE)]


def by_id(role: Role, ids: Sequence[str], objects: OrgObjects) -> str:
    """The condition for records by id; for accounts, those that were merged into them too."""
    own = is_in("Id", ids)
    return f"({own} OR {is_in(SURVIVOR, ids)})" if role == "company" and objects.companies_can_be_merged else own


def fields_of(role: Role, properties: Sequence[str], shape: OrgShape) -> tuple[str, ...]:
    """The fields to ask for: what the rules need, then the caller's."""
    objects = shape.objects
    always: Mapping[Role, tuple[str, ...]] = {
        "company": (SURVIVOR,) if objects.companies_can_be_merged else (),
        "deal": (*shape.deciding_fields(), EDITED),
        "line_item": (objects.deal_of_line, objects.product_of_line, objects.place_of_line),
    }
    asked = (name for name in properties if name != HISTORY and not (name == RECORD_TYPE and role == "deal"))
    return tuple(dict.fromkeys(filter(None, ("Id", *always.get(role, ()), DELETED, MODIFIED, *asked))))


def account_for(role: Role, known: Mapping[str, str], found: Found) -> ReadResult:
    """Every id that was asked for, as a record or as missing. A survivor says which ids it was asked for by.

    Args:
        role: What the records are.
        known: Each text that was asked for, and the id it stands for or "".
        found: What came.
    """
    chosen: dict[str, list[str]] = {}
    missing = []
    merged = found.merged_into()
    for text, external_id in known.items():
        own = found.survivor_of(external_id)
        if own in found.records:
            aliases = chosen.setdefault(own, [])
            aliases += (each for each in (text, external_id, *merged.get(own, ())) if each != own)
        else:
            missing.append(_missing(role, text, own if external_id else "", found))
    records = tuple(_answering_to(found.records[own][0], aliases) for own, aliases in chosen.items())
    return ReadResult(records, tuple(found.records[own][1] for own in chosen), tuple(missing))


def _missing(role: Role, text: str, external_id: str, found: Found) -> Missing:
    if not external_id:
        return Missing(role, text, _NOT_AN_ID, "unreadable")
    if external_id in found.unreadable:
        return Missing(role, text, found.unreadable[external_id], "unreadable")
    return Missing(role, text, _IN_BIN if external_id in found.in_bin else _GONE, "gone")


def _answering_to(record: Record, aliases: Iterable[str]) -> Record:
    merged = tuple(dict.fromkeys([*record.merged_ids, *aliases]))
    return record if merged == record.merged_ids else replace(record, merged_ids=merged)
