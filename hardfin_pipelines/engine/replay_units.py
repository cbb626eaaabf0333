"""Going through landed units in the order they landed, and applying what each of them read."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Engine

from hardfin_pipelines.connectors.base import Decoder
from hardfin_pipelines.engine.applying import apply_bundles
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deal_scan import NoLanding
from hardfin_pipelines.engine.extraction import Extraction
from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.engine.replay_configuration import ReplayConfigurations
from hardfin_pipelines.engine.replay_reading import DealReading, LandedReader, readings_of
from hardfin_pipelines.engine.replay_report import MOST_LINES, ReplayReport, ReplayRequest
from hardfin_pipelines.engine.set_aside import forget_settled, ids_of
from hardfin_pipelines.landing.inventory import LandedInventory, LandedUnit
from hardfin_pipelines.landing.references import DEAL_REFERENCES
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.known_records import ledger_ids, linked_entities
from hardfin_pipelines.platform.leases import Lease
from hardfin_pipelines.platform.record_log import list_rejected, set_aside_versions
from hardfin_pipelines.sync.first_sync import protection
from hardfin_pipelines.sync.plans import Known, Protected, Skipped
from hardfin_pipelines.sync.records import Record, Role
from hardfin_pipelines.sync.trigger import NotTriggered, Triggered, evaluate_trigger

CHUNK = 1_000
"""Deals worked on together, as in a sync."""

_RESYNC = "resync"
"""The trigger of a re-sync's and a preview's visit, and what the names of their units begin with."""

Each = TypeVar("Each")


class UnitReplay:
    """One replay, unit by unit. Memory holds a chunk of deals, and the ids of one unit's."""

    def __init__(
        self,
        request: ReplayRequest,
        target: Engine,
        configurations: ReplayConfigurations,
        inventory: LandedInventory,
        decoder: Decoder,
        report: ReplayReport,
    ) -> None:
        self._request = request
        self._target = target
        self._configurations = configurations
        self._inventory = inventory
        self._decoder = decoder
        self._objects = decoder.objects()
        self._report = report
        self._reader = LandedReader(inventory, decoder, whole=request.whole)
        self._guard = _NobodyElse.of(configurations.present)
        self._unread: dict[str, str] = {}

    async def run(self) -> None:
        """Replay all units that were asked for, and tell the report what came of them."""
        for unit in self._inventory.units(self._request.since, self._request.until):
            if await self._replay_unit(unit, self._configurations.at(unit.landed_at)):
                self._report.units += 1
            else:
                self._report.resyncs += 1
            self._report.tell(self._reader.notes)
            self._reader.notes.clear()
            self._report.applied.reasons.clear()  # what is set aside in the end is told below
        self._report.tell(self._configurations.problems)
        self._report.tell(self._inventory.problems)
        self._report.tell(self._unmapped_lines())
        self._report.tell(self._unread_lines())
        with reading(self._target) as connection:
            aside = list_rejected(connection, self._request.org, self._request.connection_id, limit=MOST_LINES)
        self._report.tell(f"deal {each.rejection.external_id} is set aside: {each.rejection.reason}" for each in aside)

    async def _replay_unit(self, unit: LandedUnit, crm: CrmConnection) -> bool:
        """Whether it was replayed: the unit of a re-sync is not."""
        extraction = Extraction(self._reader, crm.fields, NoLanding(), self._known_ids)
        read_further: set[str] = set()
        rows = self._inventory.of_unit(unit, DEAL_REFERENCES)
        for readings in _chunks(readings_of(rows, self._reader.notes)):
            if readings[0].facts.trigger == _RESYNC:
                return False
            read_further.update(each.landed.id for each in readings)
            await self._replay_deals(unit, crm, extraction, readings)
        if unit.name.startswith(f"{_RESYNC}-") and not read_further:
            return False
        self._settle_others(unit, crm, read_further)
        self._report.read.update(extraction.counts.landed)
        return True

    async def _replay_deals(
        self, unit: LandedUnit, crm: CrmConnection, extraction: Extraction, readings: Sequence[DealReading]
    ) -> None:
        deals = self._reader.turn_to(unit, readings, crm.fields.of("deal"))
        known = self._known_deals(deals)
        # One that is in the ledger under all its ids has nothing to be read for, as in a sync.
        found = {deal.id: protection(deal, known) for deal in deals}
        held = {each: protected for each, protected in found.items() if protected and not protected.new_aliases}
        self._report.applied.add(list(held.values()), {})
        self._report.read["deal"] += len(deals)
        bundles = await extraction.bundles([deal for deal in deals if deal.id not in held])
        apply_bundles(crm, bundles, self._stamp(crm, readings[0]), self._guard, self._report.applied)

    def _settle_others(self, unit: LandedUnit, crm: CrmConnection, read_further: Collection[str]) -> None:
        """The deals of a unit that were not read further: in the ledger by then, or not meeting the trigger."""
        landed = (each for each in self._inventory.of_unit(unit, self._objects["deal"]) if each.id not in read_further)
        for chunk in _batches(landed, CHUNK):
            records = [record for each in chunk if (record := self._reader.decoded("deal", each)) is not None]
            known = self._known_deals(records)
            settled: list[Protected | Skipped] = []
            for deal in records:
                protected = protection(deal, known)
                verdict = evaluate_trigger(self._decoder.deal_state(deal), crm.context.rules)
                if protected is not None:
                    settled.append(protected)
                elif isinstance(verdict, NotTriggered) and not verdict.waits:
                    settled.append(Skipped(deal, verdict.reason))
                elif isinstance(verdict, Triggered):
                    self._unread.setdefault(deal.id, unit.name)
            stamp = SyncStamp(
                self._request.org,
                self._request.connection_id,
                self._objects,
                chunk[0].run_id,
                "replay",
                crm.row.revision,
                chunk[0].landed_at,
            )
            forget_settled(self._target, settled, stamp, self._guard)
            self._report.applied.add(settled, {})
            self._report.read["deal"] += len(records)

    def _stamp(self, crm: CrmConnection, reading_: DealReading) -> SyncStamp:
        """What the sync stamped its rows with."""
        facts, landed = reading_.facts, reading_.landed
        return SyncStamp(
            self._request.org,
            self._request.connection_id,
            self._objects,
            landed.run_id,
            facts.trigger,
            facts.mapping_revision if self._request.document is None else crm.row.revision,
            landed.landed_at,
            facts.actor,
        )

    def _known_deals(self, deals: Sequence[Record]) -> Known:
        ids = [external_id for deal in deals for external_id in ids_of(deal)]
        request = self._request
        with reading(self._target) as connection:
            return Known(ledger=ledger_ids(connection, request.org, request.connection_id, self._objects["deal"], ids))

    def _known_ids(self, role: Role, ids: Collection[str]) -> Collection[str]:
        request = self._request
        with reading(self._target) as connection:
            return linked_entities(connection, request.org, request.connection_id, self._objects[role], ids).keys()

    def _unmapped_lines(self) -> Iterator[str]:
        for (role, name), count in sorted(self._reader.unmapped.items()):
            yield (
                f"{count} record(s) of {self._objects[role]} landed without {name!r}, which the mapping reads: it was "
                "not asked for then; what is made of them lacks it"
            )

    def _unread_lines(self) -> Iterator[str]:
        """Deals that would sync, had they been read further when they landed."""
        for ids in _batches(list(self._unread), CHUNK):
            for each in self._told_of(ids):
                self._unread.pop(each, None)
        by_unit: dict[str, list[str]] = {}
        for external_id, unit in self._unread.items():
            by_unit.setdefault(unit, []).append(external_id)
        for unit, ids in by_unit.items():
            few = ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
            yield (
                f"unit {unit}: {len(ids)} deal(s) meet the trigger, but what they point to has not landed ({few}): "
                "they are not replayed; a sync or a load reads them"
            )

    def _told_of(self, deals: Collection[str]) -> set[str]:
        """Those of some deals that are replayed, set aside, or read further by a unit that is not replayed."""
        where = (self._request.org, self._request.connection_id, self._objects["deal"], list(deals))
        with reading(self._target) as connection:
            told = {*ledger_ids(connection, *where), *set_aside_versions(connection, *where)}
        rest = [each for each in deals if each not in told]
        return told | {each.id for each in self._inventory.newest(DEAL_REFERENCES, rest)}


class _NobodyElse(RunGuard):
    """Nobody else works at a store that is being rebuilt."""

    @classmethod
    def of(cls, crm: CrmConnection) -> "_NobodyElse":
        row = crm.row
        nobody = Lease(row.org, "replay", "replay", 0, datetime.max.replace(tzinfo=UTC))
        return cls(row.org, row.connection_id, row.revision, nobody)

    def check(self, connection: Connection) -> None:
        """Always go on."""

    def check_lease(self, connection: Connection) -> None:
        """Always go on."""


def _chunks(readings: Iterable[DealReading]) -> Iterator[list[DealReading]]:
    """Readings of different deals by one run, at most `CHUNK` of them."""
    chunk: dict[str, DealReading] = {}
    for each in readings:
        first = next(iter(chunk.values()), each)
        same = (each.landed.run_id, each.landed.landed_at) == (first.landed.run_id, first.landed.landed_at)
        if each.landed.id in chunk or len(chunk) == CHUNK or not same:
            yield list(chunk.values())
            chunk = {}
        chunk[each.landed.id] = each
    if chunk:
        yield list(chunk.values())


def _batches(values: Iterable[Each], size: int) -> Iterator[list[Each]]:
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch
