"""What a run does for an organization's CRM connections: its pending work, a window of its initial load."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.crm_sync import CrmVisit, SyncReport, tick_query
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.loading import stages_to_load, start_of
from hardfin_pipelines.engine.opening import active_crm_connections, open_crm_connection
from hardfin_pipelines.engine.visits import Visit, open_visit
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection, mark_synced
from hardfin_pipelines.platform.cursor_store import read_cursor, save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.entity_rows import count_entities
from hardfin_pipelines.platform.load_windows import close_window
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.initial_load import stage_pairs


@dataclass(slots=True)
class OrganizationSync:
    """What a run did for one organization, by integration."""

    org: str
    reports: dict[str, SyncReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    held: dict[EntityType, int] = field(default_factory=dict)

    def created(self) -> dict[EntityType, int]:
        """Entities created, by kind."""
        totals: dict[EntityType, int] = {}
        for report in self.reports.values():
            for entity, number in report.applied.created.items():
                totals[entity] = totals.get(entity, 0) + number
        return totals

    def deal_counts(self) -> dict[str, int]:
        """What became of the deals."""
        applied = [report.applied for report in self.reports.values()]
        return {
            "synced": sum(counts.synced for counts in applied),
            "protected": sum(counts.protected for counts in applied),
            "not_triggered": sum(counts.not_triggered for counts in applied),
            "set_aside": sum(counts.set_aside for counts in applied),
        }

    def calls(self) -> int:
        """Calls sent to the vendors."""
        return sum(report.calls for report in self.reports.values())

    def reasons(self) -> list[str]:
        """Why deals were set aside."""
        return [reason for report in self.reports.values() for reason in report.applied.reasons]


async def sync_claimed(
    deployment: Deployment, org: str, connection_id: str, claim: str, *, run_id: str
) -> OrganizationSync:
    """Do the pending work of one connection that was handed out under a claim.

    Raises:
        VendorError: The vendor refused or failed; the connection says so, the work rests, the cursor stands.
        Refusal: The connection cannot sync as it stands.
    """
    synced = OrganizationSync(org)
    with reading(deployment.engine) as connection:
        work = pending.work_of(connection, org, connection_id, claim)
    if not work:
        synced.notes.append(f"{connection_id}: the work of claim {claim} is done already")
        return synced
    try:
        await _tick(deployment, synced, connection_id, work, run_id=run_id)
    except BaseException:
        # Work that finds its connection paused did not fail: it goes on at once when that is resumed.
        _release(deployment, org, connection_id, claim, failed=_is_active(deployment, org, connection_id))
        raise
    if any(report.interrupted for report in synced.reports.values()):
        _release(deployment, org, connection_id, claim, failed=False)
    else:
        with writing(deployment.engine) as connection:
            pending.finish_work(connection, org, connection_id, claim, work)
    synced.held = _held(deployment, org)
    return synced


async def sync_organization(deployment: Deployment, org: str, *, run_id: str) -> OrganizationSync:
    """Visit every active CRM connection of an organization now, whatever is pending.

    Raises:
        VendorError: A vendor refused or failed; its connection says so, its cursor stands where it was.
        Refusal: The organization has no active CRM connection.
    """
    synced = OrganizationSync(org)
    for row in active_crm_connections(deployment, org):
        await _tick(deployment, synced, row.connection_id, [], run_id=run_id)
    synced.held = _held(deployment, org)
    return synced


async def load_window(
    deployment: Deployment, org: str, start: datetime, end: datetime, *, only_new: bool = False, run_id: str
) -> OrganizationSync:
    """Sync the deals that were modified in [start, end) and are won by now, at every active CRM connection.

    The same window again finds everything in the ledger. A window that was cut off goes on where it was.

    Args:
        deployment: The deployment.
        org: The organization.
        start: The window's first moment, in vendor time; what lies before a connection's start date is left out.
        end: Its end, exclusive.
        only_new: Look only for trigger stages for which the window was not loaded yet.
        run_id: The run.

    Raises:
        VendorError: A vendor refused or failed; its connection says so, the window stays open.
        Refusal: The organization has no active CRM connection.
    """
    synced = OrganizationSync(org)
    for row in active_crm_connections(deployment, org):
        first = max(start, start_of(row) or start)
        if first >= end:
            synced.notes.append(f"{row.connection_id}: {start:%Y-%m} is before its start date {row.start_date}")
            continue
        crm = open_crm_connection(deployment, org, row.connection_id)
        stages = stages_to_load(crm, (first, end)) if only_new else crm.trigger_stages()
        if not stages:
            synced.notes.append(f"{row.connection_id}: {first:%Y-%m-%d} to {end:%Y-%m-%d} is loaded already")
            continue
        await _load(deployment, synced, row, stages, first, end, run_id)
    synced.held = _held(deployment, org)
    return synced


async def _load(
    deployment: Deployment,
    synced: OrganizationSync,
    row: ConnectionRow,
    stages: Mapping[str, tuple[str, ...]],
    start: datetime,
    end: datetime,
    run_id: str,
) -> None:
    """Load one window of one connection for some trigger stages, and close it."""
    pairs = stage_pairs(stages)
    # Another set of stages is another unit: its landed files must not take the place of the first one's.
    which = sha256(repr(sorted(pairs)).encode()).hexdigest()[:8]
    unit = f"load-{start:%Y-%m-%d}-to-{end:%Y-%m-%d}-{which}"
    async with (
        _noting_failures(deployment, row),
        open_visit(
            deployment, synced.org, row.connection_id, lane="load", unit=unit, run_id=run_id, trigger="load"
        ) as visit,
    ):
        runner = CrmVisit(visit)
        synced.reports[row.integration] = runner.report
        await runner.sync(TriggerQuery(stages=stages, modified_from=start, modified_before=end))
        if runner.report.interrupted:
            synced.notes.append(runner.report.interrupted)
            return
        visit.landing.finish()  # a window is closed only over records that are kept
        try:
            with writing(deployment.engine) as connection:
                visit.guard.check(connection)
                close_window(connection, visit.stamp, start, end, runner.report.numbers(), pairs)
        except WorkInterrupted as wish:
            _interrupt(synced, runner.report, wish)


async def _tick(
    deployment: Deployment,
    synced: OrganizationSync,
    connection_id: str,
    work: list[pending.PendingWork],
    *,
    run_id: str,
) -> None:
    """One visit: everything since the cursor, then the records that were asked for by id."""
    changes = next((item for item in work if item.kind == "changes"), None)
    asked = [item.external_id for item in work if item.kind == "record"]
    trigger = work[0].trigger if work else "request"
    unit = (changes.unit if changes else "") or unit_name(deployment.now())
    with reading(deployment.engine) as connection:
        row = get_connection(connection, synced.org, connection_id)
    async with (
        _noting_failures(deployment, row),
        open_visit(
            deployment, synced.org, connection_id, lane="tick", unit=unit, run_id=run_id, trigger=trigger
        ) as visit,
    ):
        runner = CrmVisit(visit)
        synced.reports[row.integration] = runner.report
        if changes or not work:
            position = tick_position(deployment, row, visit.connector.objects()["deal"])
            await runner.sync(tick_query(visit.crm, position))
        if asked and not runner.report.interrupted:
            await runner.sync_records(asked)
        if runner.report.interrupted:
            synced.notes.append(runner.report.interrupted)
            return
        visit.landing.finish()  # the cursor moves only over records that are kept
        try:
            _settle(deployment, visit, runner.report)
        except WorkInterrupted as wish:
            _interrupt(synced, runner.report, wish)


def tick_position(deployment: Deployment, row: ConnectionRow, deal_object: str) -> datetime:
    """Where a connection's ticks have got to, in vendor time: its cursor, else when it was enabled."""
    with reading(deployment.engine) as connection:
        cursor = read_cursor(connection, row.org, row.connection_id, deal_object)
    return cursor or row.enabled_at or deployment.now()


def unit_name(now: datetime) -> str:
    """The name of a tick's unit of work."""
    return f"tick-{now:%Y-%m-%dT%H-%M-%S-%f}"


def _settle(deployment: Deployment, visit: Visit, report: SyncReport) -> None:
    """Move the cursor over what is committed."""
    stamp = visit.stamp
    with writing(deployment.engine) as connection:
        visit.guard.check(connection)
        position = report.cursor()
        if position is not None:
            deal_object = stamp.objects["deal"]
            save_cursor(
                connection, stamp.org, stamp.connection_id, deal_object, position, now=stamp.now, run_id=stamp.run_id
            )
        mark_synced(connection, stamp.org, stamp.connection_id, deployment.now())


def _interrupt(synced: OrganizationSync, report: SyncReport, wish: WorkInterrupted) -> None:
    report.interrupted = str(wish)
    synced.notes.append(report.interrupted)


def _is_active(deployment: Deployment, org: str, connection_id: str) -> bool:
    with reading(deployment.engine) as connection:
        return get_connection(connection, org, connection_id).status == "active"


def _release(deployment: Deployment, org: str, connection_id: str, claim: str, *, failed: bool) -> None:
    with writing(deployment.engine) as connection:
        pending.release_work(connection, org, connection_id, claim, deployment.now(), failed=failed)


def _held(deployment: Deployment, org: str) -> dict[EntityType, int]:
    with reading(deployment.engine) as connection:
        return count_entities(connection, org)


@contextlib.asynccontextmanager
async def _noting_failures(deployment: Deployment, row: ConnectionRow) -> AsyncIterator[None]:
    """Let the connection say what the vendor refused, before the run fails with the same line."""
    try:
        yield
    except VendorError as error:
        note_failure(deployment, row, error)
        raise
