"""What a run does for an organization's CRM connections: everything since their cursors, and its pending work."""

from datetime import datetime, timedelta

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.engine.crm_sync import CrmVisit, SyncReport, tick_query
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.opening import active_crm_connections
from hardfin_pipelines.engine.organization_sync import OrganizationSync, held_entities, interrupt, noting_failures
from hardfin_pipelines.engine.rematching import match_again
from hardfin_pipelines.engine.visits import Visit, open_visit
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection, mark_synced
from hardfin_pipelines.platform.cursor_store import read_cursor, save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.rule_holds import mark_seen


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
    except BaseException as error:
        delay = error.delay if isinstance(error, RetryLater) else None
        release_claim(deployment, org, connection_id, claim, delay=delay)
        raise
    if any(report.interrupted for report in synced.reports.values()):
        release_claim(deployment, org, connection_id, claim, failed=False)
    elif any(report.unproved for report in synced.reports.values()):
        release_claim(deployment, org, connection_id, claim, failed=True)
    else:
        with writing(deployment.engine) as connection:
            pending.finish_work(connection, org, connection_id, claim, work)
    await match_again(deployment, org, run_id=run_id, customers_made=bool(synced.created().get("customer")))
    synced.held = held_entities(deployment, org)
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
    await match_again(deployment, org, run_id=run_id, customers_made=bool(synced.created().get("customer")))
    synced.held = held_entities(deployment, org)
    return synced


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
        noting_failures(deployment, row),
        open_visit(
            deployment, synced.org, connection_id, lane="tick", unit=unit, run_id=run_id, trigger=trigger
        ) as visit,
    ):
        runner = CrmVisit(visit)
        synced.reports[row.integration] = runner.report
        if changes or not work:
            query = tick_query(visit.crm, tick_position(deployment, row, visit.connector.objects()["deal"]))
            await runner.sync(query)
            if not runner.report.interrupted:
                await runner.prove(query, counted_before=True)
        if asked and not runner.report.interrupted:
            await runner.sync_records(asked)
        synced.note(connection_id, runner.report)
        if runner.report.interrupted:
            return
        visit.landing.finish()  # the cursor moves only over records that are kept
        if runner.report.unproved:
            return
        try:
            _settle(deployment, visit, runner.report)
        except WorkInterrupted as wish:
            interrupt(synced, runner.report, wish)


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
            mark_seen(connection, stamp.org, stamp.connection_id, visit.crm.missed)
        mark_synced(connection, stamp.org, stamp.connection_id, deployment.now())


def _is_active(deployment: Deployment, org: str, connection_id: str) -> bool:
    with reading(deployment.engine) as connection:
        return get_connection(connection, org, connection_id).status == "active"


def release_claim(
    deployment: Deployment,
    org: str,
    connection_id: str,
    claim: str,
    *,
    failed: bool | None = None,
    delay: timedelta | None = None,
) -> None:
    """Give work back that was not finished.

    Args:
        deployment: The deployment.
        org: The organization.
        connection_id: Its connection.
        claim: What the work was handed out under.
        failed: Whether it rests for longer each time. None for "it failed, unless its connection is not active": work
            that finds its connection paused goes on at once when that is resumed.
        delay: How long it rests at least.
    """
    if failed is None:
        failed = _is_active(deployment, org, connection_id)
    now = deployment.now()
    not_before = None if delay is None else now + delay
    with writing(deployment.engine) as connection:
        pending.release_work(connection, org, connection_id, claim, now, failed=failed, not_before=not_before)
