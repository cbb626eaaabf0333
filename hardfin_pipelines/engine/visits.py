"""Opening a visit to a connection: its lease, connector, landing and stamp, all closed again whatever happens."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

from filelock import Timeout
from sqlalchemy.exc import SQLAlchemyError

from hardfin_pipelines.connectors.base import CrmConnector, Missing, PageMemory
from hardfin_pipelines.engine.call_budget import count_visit, purpose_of, require_allowance
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.engine.opening import open_crm_connection
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import UnitJournal, journal_lock, remove_journal
from hardfin_pipelines.landing.layout import Unit, journal_path, unlanded_unit
from hardfin_pipelines.landing.parquet import LandingWriter
from hardfin_pipelines.landing.references import DEAL_REFERENCES, ReadingFacts, facts_to_json
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.leases import Lease, LeaseLost, acquire_lease, lease_holder, release_lease, renew_lease
from hardfin_pipelines.sync.call_budget import Purpose
from hardfin_pipelines.sync.records import Record, Role

_log = logging.getLogger(__name__)

LEASE_TIME = timedelta(seconds=60)
"""How long a killed run keeps its successor waiting; a living one renews its lease three times as often."""

ANSWERS_AGE = timedelta(hours=1)
"""How long after its last answer a unit that was cut off may go on with those it has."""

LEASE_PATIENCE = timedelta(seconds=90)
"""How long a run waits for another one of its lane to end."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Everything one visit works with.

    Attributes:
        crm: The connection, ready to sync.
        connector: Its connector.
        landing: Where its records are kept as received.
        stamp: What every row written says of the run.
        guard: Asked in every transaction.
        memory: Keeps answers of the unit of work until it is finished.
    """

    crm: CrmConnection
    connector: CrmConnector
    landing: "UnitLanding"
    stamp: SyncStamp
    guard: RunGuard
    memory: PageMemory


class UnitLanding:
    """Lands the records of one unit of work, one file per object; files appear whole when the unit is finished.

    A unit that is done again lands beside what it landed before: what projects were first synced from is kept.
    """

    def __init__(self, root: str, unit: Unit, objects: Mapping[Role, str], stamp: SyncStamp) -> None:
        self._root = root
        self._unit = unit
        self._objects = objects
        self._stamp = stamp
        self._landing_unit: Unit | None = None
        self._writers: dict[str, LandingWriter] = {}

    def land(self, role: Role, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        """Keep some records of one role."""
        self._add(self._objects[role], records, raw)

    def land_references(self, deals: Sequence[Record], missing: Sequence[Sequence[Missing]]) -> None:
        """Keep what deals point to, and of each what the vendor did not give of that."""
        facts = ReadingFacts(self._stamp.trigger, self._stamp.actor, self._stamp.mapping_revision)
        complete = facts_to_json(facts)
        raw = [facts_to_json(replace(facts, missing=tuple(absent))) if absent else complete for absent in missing]
        self._add(DEAL_REFERENCES, deals, raw)

    def finish(self) -> None:
        """Publish the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        self._landing_unit = None

    def abort(self) -> None:
        """Drop what is not published; the unit's journal still has the answers."""
        for writer in self._writers.values():
            writer.abort()
        self._writers.clear()

    def _add(self, object_name: str, records: Sequence[Record], raw: Sequence[bytes]) -> None:
        if not records:
            return
        if self._landing_unit is None:
            self._landing_unit = unlanded_unit(self._root, self._unit)
        if object_name not in self._writers:
            self._writers[object_name] = LandingWriter(self._root, self._landing_unit, object_name)
        self._writers[object_name].add(records, raw, self._stamp.now, self._stamp.run_id)


@asynccontextmanager
async def open_visit(
    deployment: Deployment,
    org: str,
    connection_id: str,
    *,
    lane: str,
    unit: str,
    run_id: str,
    trigger: str,
    actor: str = "sync",
    purpose: Purpose | None = None,
) -> AsyncIterator[Visit]:
    """A visit to a connection; its landed files appear when the block ends well.

    Args:
        deployment: The deployment.
        org: The organization.
        connection_id: Its connection.
        lane: Visits of one lane never overlap; ticks and loads have their own.
        unit: The name of the unit of work: a unit that was cut off goes on where it was.
        run_id: The run.
        trigger: What asked for it.
        actor: Who asked for it, for the audit.
        purpose: What its calls are counted as, and which of the day's calls it leaves to others; the lane's own, where
            none is given.

    Raises:
        ReserveReached: What is left of the account's calls of the day belongs to its other integrations.
        Refusal: There is no such connection, it cannot sync as it stands, another run is at this lane of it, or the
            landing root cannot be written to.
    """
    purpose = purpose or purpose_of(lane)
    try:
        async with AsyncExitStack() as stack:
            crm = open_crm_connection(deployment, org, connection_id)
            require_allowance(deployment, crm.row, purpose)
            lease = await stack.enter_async_context(held_lease(deployment, org, f"{lane}:{connection_id}", run_id))
            landing_unit = Unit(org, connection_id, unit)
            forget_stale_answers(deployment, landing_unit)
            journal = stack.enter_context(UnitJournal(deployment.settings.landing_root, landing_unit))
            connector = deployment.connector(crm.row, memory=journal, purpose=purpose)
            connector.expect(crm.fields.by_role)
            stack.push_async_callback(connector.aclose)
            stack.callback(count_visit, deployment, org, connection_id, purpose, connector.calls)
            objects = MappingProxyType(dict(connector.objects()))
            stamp = SyncStamp(org, connection_id, objects, run_id, trigger, crm.row.revision, deployment.now(), actor)
            landing = UnitLanding(deployment.settings.landing_root, landing_unit, objects, stamp)
            guard = RunGuard(org, connection_id, crm.row.revision, lease)
            try:
                yield Visit(crm, connector, landing, stamp, guard, journal)
            except BaseException:
                landing.abort()
                raise
            landing.finish()
            journal.discard()
    except LandingError as error:
        raise Refusal(str(error)) from error


def has_answers(deployment: Deployment, unit: Unit) -> bool:
    """Whether a unit was cut off lately, so that it can go on with the answers it has."""
    forget_stale_answers(deployment, unit)
    return journal_path(deployment.settings.landing_root, unit).exists()


def forget_stale_answers(deployment: Deployment, unit: Unit) -> None:
    """Remove the journal of a unit that was cut off too long ago: its answers must not be taken for new ones."""
    path = journal_path(deployment.settings.landing_root, unit)
    oldest = deployment.now() - ANSWERS_AGE
    with contextlib.suppress(OSError, Timeout):  # gone, or somebody is at it; opening it says what else is wrong
        if path.stat().st_mtime < oldest.timestamp():
            with journal_lock(path):
                remove_journal(path)


@asynccontextmanager
async def held_lease(deployment: Deployment, org: str, name: str, holder: str) -> AsyncIterator[Lease]:
    """The lease for the length of a block, renewed in the background."""
    lease = await _wait_for_lease(deployment, org, name, holder)
    renewing = asyncio.create_task(_keep_renewing(deployment, lease))
    try:
        yield lease
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing
        with writing(deployment.engine) as connection:
            release_lease(connection, lease, now=deployment.now())


async def _wait_for_lease(deployment: Deployment, org: str, name: str, holder: str) -> Lease:
    deadline = deployment.now() + LEASE_PATIENCE
    while True:
        with writing(deployment.engine) as connection:
            lease = acquire_lease(connection, org, name, holder, now=deployment.now(), ttl=LEASE_TIME)
            if lease is not None:
                return lease
            other = lease_holder(connection, org, name, now=deployment.now())
        if deployment.now() >= deadline:
            raise Refusal(f"{org}: another run ({other}) has been at {name} for {LEASE_PATIENCE}; try again later")
        await asyncio.sleep(1)


async def _keep_renewing(deployment: Deployment, lease: Lease) -> None:
    """Renew until cancelled, or until the lease is lost: the guard of every transaction says so to the run."""
    while True:
        await asyncio.sleep(LEASE_TIME.total_seconds() / 3)
        try:
            with writing(deployment.engine) as connection:
                renew_lease(connection, lease, now=deployment.now(), ttl=LEASE_TIME)
        except LeaseLost:
            return
        except SQLAlchemyError as error:
            # The store may be back before the lease ends; if it is not, the fence keeps the run from writing.
            _log.warning("the lease of %s could not be renewed (%s); trying again", lease.name, type(error).__name__)
