"""Loading one window of an organization's past: every deal modified in it and won by now, at every CRM connection.

A window closes when the CRM's own count and the deals that have an answer agree. One that cannot be finished stays
open and remembers how far it came: killed lately, it goes on with the answers it has; later, with what lies behind
its last committed deal.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.crm_connection import start_of
from hardfin_pipelines.engine.crm_sync import CrmVisit
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.loading import stages_to_load
from hardfin_pipelines.engine.opening import active_crm_connections, open_crm_connection
from hardfin_pipelines.engine.organization_sync import OrganizationSync, held_entities, interrupt, noting_failures
from hardfin_pipelines.engine.rematching import match_again
from hardfin_pipelines.engine.visits import Visit, has_answers, open_visit
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.load_windows import close_window, leave_open, position_in
from hardfin_pipelines.sync.initial_load import stage_pairs


@dataclass(frozen=True, slots=True)
class _Window:
    """What is loaded: some trigger stages over [start, end), but for what was last edited before a moment."""

    start: datetime
    end: datetime
    stages: Mapping[str, tuple[str, ...]]
    edited_from: datetime | None

    @property
    def unit(self) -> str:
        """Another set of stages is another unit: its landed files must not take the place of the first one's."""
        which = sha256(repr(sorted(stage_pairs(self.stages))).encode()).hexdigest()[:8]
        return f"load-{self.start:%Y-%m-%d}-to-{self.end:%Y-%m-%d}-{which}"

    def query(self, since: datetime | None = None) -> TriggerQuery:
        return TriggerQuery(self.stages, since or self.start, self.end, edited_from=self.edited_from)


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
        only_new: Load only what is still to be loaded: of connections with a start date, the trigger stages for which
            the window was not loaded yet.
        run_id: The run.

    Raises:
        VendorError: A vendor refused or failed; its connection says so, the window stays open.
        Refusal: The organization has no active CRM connection.
    """
    synced = OrganizationSync(org)
    for row in active_crm_connections(deployment, org):
        if only_new and row.start_date is None:
            synced.notes.append(f"{row.connection_id}: it has no start date: only deals from now on are synced")
            continue
        first = max(start, start_of(row) or start)
        if first >= end:
            synced.notes.append(f"{row.connection_id}: {start:%Y-%m} is before its start date {row.start_date}")
            continue
        crm = open_crm_connection(deployment, org, row.connection_id)
        stages = stages_to_load(crm, (first, end)) if only_new else crm.trigger_stages()
        if not stages:
            synced.notes.append(f"{row.connection_id}: {first:%Y-%m-%d} to {end:%Y-%m-%d} is loaded already")
            continue
        await _load(deployment, synced, row, _Window(first, end, stages, start_of(row)), run_id)
    await match_again(deployment, org, run_id=run_id, customers_made=bool(synced.created().get("customer")))
    synced.held = held_entities(deployment, org)
    return synced


async def _load(
    deployment: Deployment, synced: OrganizationSync, row: ConnectionRow, window: _Window, run_id: str
) -> None:
    """Load one window of one connection, and close it if it proves complete."""
    came_to = _came_to(deployment, row, window)
    unit = window.unit if came_to is None else f"{window.unit}-from-{came_to:%Y-%m-%dT%H-%M-%S-%f}"
    opening = open_visit(
        deployment, synced.org, row.connection_id, lane="load", unit=unit, run_id=run_id, trigger="load"
    )
    async with noting_failures(deployment, row), opening as visit:
        runner = CrmVisit(visit)
        report = synced.reports[row.integration] = runner.report
        report.position = came_to
        try:
            await runner.sync(window.query(came_to))
            if not report.interrupted:
                await runner.prove(window.query(), counted_before=False)
        except VendorError:
            _leave_open(deployment, visit, window, runner)
            raise
        synced.note(row.connection_id, report)
        if report.interrupted:
            _leave_open(deployment, visit, window, runner)
            return
        try:
            _settle(deployment, visit, window, runner)
        except WorkInterrupted as wish:
            interrupt(synced, report, wish)


def _came_to(deployment: Deployment, row: ConnectionRow, window: _Window) -> datetime | None:
    """Where an earlier attempt came to; None where the answers it has make that quicker, or there was none."""
    if has_answers(deployment, Unit(row.org, row.connection_id, window.unit)):
        return None
    with reading(deployment.engine) as connection:
        return position_in(connection, row.org, row.connection_id, window.start, window.end, window.unit)


def _settle(deployment: Deployment, visit: Visit, window: _Window, runner: CrmVisit) -> None:
    """Close the window over records that are kept, if the CRM's count and ours agree."""
    visit.landing.finish()
    numbers, proof = runner.report.numbers(), runner.report.proof
    with writing(deployment.engine) as connection:
        visit.guard.check(connection)
        if proof is not None and proof.holds:
            pairs = stage_pairs(window.stages)
            close_window(connection, visit.stamp, window.start, window.end, numbers, pairs)
        else:
            leave_open(connection, visit.stamp, window.start, window.end, numbers, window.unit, None)


def _leave_open(deployment: Deployment, visit: Visit, window: _Window, runner: CrmVisit) -> None:
    """Keep what was read, and note how far everything is committed: a later attempt goes on from there."""
    report = runner.report
    if report.position is None:
        return  # nothing is committed yet, or not in an order that could be gone on with
    visit.landing.finish()
    with contextlib.suppress(WorkInterrupted), writing(deployment.engine) as connection:
        visit.guard.check_lease(connection)
        leave_open(connection, visit.stamp, window.start, window.end, report.numbers(), window.unit, report.position)
