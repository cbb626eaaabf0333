"""Landed records in the place of a connector: what a unit of work read is read again, from its files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hardfin_pipelines.connectors.base import Decoder, Missing, ReadResult, References
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.inventory import LandedInventory, LandedUnit
from hardfin_pipelines.landing.reading import LandedRecord
from hardfin_pipelines.landing.references import ReadingFacts, facts_from_json
from hardfin_pipelines.sync.records import Record, Role
from hardfin_pipelines.sync.trigger import DealState

_NO_UNIT = LandedUnit("", datetime.min.replace(tzinfo=UTC), {})
_NOT_LANDED = "no landed record of it is left: its file was pruned or is damaged"


@dataclass(frozen=True, slots=True)
class DealReading:
    """A row of `deal_references`: one deal that a unit read further."""

    landed: LandedRecord
    facts: ReadingFacts


class LandedReader:
    """Reads the records of one unit at a time, as `Extraction` asks for them: a `RecordReader`.

    What the unit does not have is taken from whichever unit has the newest version of it: the first project it
    belongs to may have been synced by a unit whose file is gone.

    Attributes:
        notes: What was not where it was expected, a line each.
        unmapped: (role, vendor field) to the number of records that were landed without the field.
    """

    def __init__(self, inventory: LandedInventory, decoder: Decoder, *, whole: bool) -> None:
        """Nothing is read yet.

        Args:
            inventory: What is landed of the connection.
            decoder: Of the connection's integration.
            whole: Whether all units are replayed. Of a part of them, many a record is in a unit before.
        """
        self._inventory = inventory
        self._decoder = decoder
        self._objects = decoder.objects()
        self._whole = whole
        self._unit = _NO_UNIT
        self._readings: dict[str, DealReading] = {}
        self._missing: dict[tuple[Role, str], Missing] = {}
        self.notes: list[str] = []
        self.unmapped: Counter[tuple[Role, str]] = Counter()

    def turn_to(self, unit: LandedUnit, readings: Sequence[DealReading], properties: Sequence[str]) -> list[Record]:
        """Take up some deals of a unit, each in the version that was read further then.

        Args:
            unit: The unit.
            readings: Its rows of references; each deal once.
            properties: The vendor fields that the mapping reads.

        Returns:
            The deals in that order; one of which no version is left is a line in `notes`.
        """
        self._unit = unit
        self._readings = {each.landed.id: each for each in readings}
        self._missing = {(each.role, each.id): each for reading in readings for each in reading.facts.missing}
        versions = {
            (each.id, each.modified_at): each
            for each in self._inventory.of_unit(unit, self._objects["deal"], list(self._readings))
        }
        asked = [(each.landed.id, each.landed.modified_at) for each in readings]
        lost = [external_id for external_id, stamp in asked if (external_id, stamp) not in versions]
        newest = {each.id: each for each in self._newest("deal", lost)} if lost else {}
        deals = []
        for external_id, stamp in asked:
            landed = versions.get((external_id, stamp)) or newest.get(external_id)
            if landed is None:
                self.notes.append(f"deal {external_id} of unit {unit.name}: {_NOT_LANDED}; it is not replayed")
                continue
            if landed.modified_at != stamp:
                self.notes.append(
                    f"deal {external_id} of unit {unit.name}: its version of {stamp:%Y-%m-%d %H:%M:%S} is gone; that "
                    f"of {landed.modified_at:%Y-%m-%d %H:%M:%S}, landed by unit {landed.unit_name}, takes its place"
                )
            record = self.decoded("deal", landed)
            if record is not None:
                deals.append(record)
        self._note_unmapped("deal", deals, properties)
        return deals

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """What the deals were found to point to."""
        return {
            deal: {role: self._readings[deal].landed.references.get(role, ()) for role in roles} for deal in deal_ids
        }

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Landed records by id; what the vendor did not give then is missing, for the same reason."""
        landed = list(self._inventory.of_unit(self._unit, self._objects[role], ids, latest_only=True))
        lost = self._not_among(landed, [each for each in ids if (role, each) not in self._missing])
        if lost:
            others = self._newest(role, lost)
            landed += others
            self._note_others(role, others)
        read = [(record, each.raw) for each in landed if (record := self.decoded(role, each)) is not None]
        records = tuple(record for record, _ in read)
        missing = [self._missing.get((role, each)) or self._lost(role, each) for each in self._not_among(landed, ids)]
        self._note_unmapped(role, records, properties)
        return ReadResult(records, tuple(raw for _, raw in read), tuple(missing))

    def deal_state(self, deal: Record) -> DealState:
        """What the trigger looks at."""
        return self._decoder.deal_state(deal)

    def decoded(self, role: Role, landed: LandedRecord) -> Record | None:
        """The record that was landed; one that cannot be decoded is a line in `notes`."""
        try:
            record = self._decoder.decode_record(role, landed.raw, landed.modified_at)
        except SkipRecord as skipped:
            self.notes.append(f"{role} {landed.id} of unit {landed.unit_name} cannot be decoded: {skipped}")
            return None
        # Ids that were followed to a survivor are known of the reading, not of the record.
        return record if record.merged_ids == landed.merged_ids else replace(record, merged_ids=landed.merged_ids)

    def _newest(self, role: Role, ids: Iterable[str]) -> list[LandedRecord]:
        return self._inventory.newest(self._objects[role], list(ids))

    @staticmethod
    def _not_among(landed: Sequence[LandedRecord], ids: Iterable[str]) -> list[str]:
        known = {external_id for each in landed for external_id in (each.id, *each.merged_ids)}
        return [external_id for external_id in ids if external_id not in known]

    def _lost(self, role: Role, external_id: str) -> Missing:
        if role == "product":  # a line does without it, so nothing else tells of it
            self.notes.append(f"product {external_id} of unit {self._unit.name}: {_NOT_LANDED}")
        return Missing(role, external_id, _NOT_LANDED, "unreadable")

    def _note_others(self, role: Role, others: Sequence[LandedRecord]) -> None:
        if self._whole:
            self.notes += [
                f"{role.replace('_', ' ')} {each.id} of unit {self._unit.name}: the newest version, landed by unit "
                f"{each.unit_name}, takes the place of what is gone"
                for each in others
            ]

    def _note_unmapped(self, role: Role, records: Sequence[Record], properties: Sequence[str]) -> None:
        wanted = frozenset(properties)
        for record in records:
            # Of a parent that there is none of, the fields are there without being named.
            lacking = {name for name in wanted - record.properties.keys() if name not in record.properties}
            if lacking:
                self.unmapped.update((role, name) for name in lacking)


def readings_of(rows: Iterable[LandedRecord], notes: list[str]) -> Iterator[DealReading]:
    """The rows with their facts; one that cannot be read is a line in `notes`."""
    for row in rows:
        try:
            yield DealReading(row, facts_from_json(row.raw))
        except LandingError as error:
            notes.append(f"deal {row.id} of unit {row.unit_name}: {error}")
