"""What a run does for an organization's accounting systems: everything that changed since their cursors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.engine.books_report import BooksReport
from hardfin_pipelines.engine.books_visits import reads_books, sync_books
from hardfin_pipelines.engine.crm_runs import release_claim
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import ERPS, active_erp
from hardfin_pipelines.engine.item_visits import ItemReport, sync_items
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.connection_store import list_connections
from hardfin_pipelines.platform.database import reading, writing


@dataclass(slots=True)
class ItemsSync:
    """What a run did for one organization's accounting systems.

    Attributes:
        org: The organization.
        reports: What each visit to items did, by integration.
        books: What each visit to the rest of an accounting system did, by integration.
        notes: What a person may want to know, a line each.
    """

    org: str
    reports: dict[str, ItemReport] = field(default_factory=dict)
    books: dict[str, BooksReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


async def sync_claimed_items(
    deployment: Deployment, org: str, connection_id: str, claim: str, *, run_id: str
) -> ItemsSync:
    """Do the pending work of one accounting system that was handed out under a claim.

    Raises:
        VendorError: The vendor refused or failed; the connection says so, the work rests, the cursor stands.
        Refusal: The connection cannot sync as it stands.
    """
    synced = ItemsSync(org)
    with reading(deployment.engine) as connection:
        work = pending.work_of(connection, org, connection_id, claim)
    if not work:
        synced.notes.append(f"{connection_id}: the work of claim {claim} is done already")
        return synced
    try:
        asked = [item.external_id for item in work if item.kind == "record"]
        finished = await _visit(deployment, synced, connection_id, asked, run_id=run_id, trigger=work[0].trigger)
    except BaseException as error:
        delay = error.delay if isinstance(error, RetryLater) else None
        release_claim(deployment, org, connection_id, claim, delay=delay)
        raise
    if not finished:
        release_claim(deployment, org, connection_id, claim, failed=False)
    else:
        with writing(deployment.engine) as connection:
            pending.finish_work(connection, org, connection_id, claim, work)
    return synced


async def sync_organization_items(deployment: Deployment, org: str, *, run_id: str) -> ItemsSync:
    """Visit every active accounting system of an organization now, whatever is pending.

    Raises:
        VendorError: A vendor refused or failed; its connection says so, its cursor stands where it was.
        Refusal: The organization has no active accounting system.
    """
    synced = ItemsSync(org)
    with reading(deployment.engine) as connection:
        rows = [row for row in list_connections(connection, org) if row.integration in ERPS]
    active = [row for row in rows if row.status == "active"]
    if not active:
        states = "; ".join(f"{row.connection_id} is {row.status}" for row in rows) or "it has no accounting system"
        raise Refusal(f"{org}: no active accounting system to sync: {states}")
    for row in active:
        await _visit(deployment, synced, row.connection_id, (), run_id=run_id, trigger="request")
    return synced


async def _visit(
    deployment: Deployment, synced: ItemsSync, connection_id: str, asked: Sequence[str], *, run_id: str, trigger: str
) -> bool:
    """Visit one accounting system, and say what came of it; false where a person stopped it."""
    connect, org = deployment.erp_connector, synced.org
    integration = connection_id.rpartition(":")[2]

    async def visit_items(*, everything: bool = False) -> bool:
        report = await sync_items(
            deployment,
            org,
            connection_id,
            run_id=run_id,
            connect=connect,
            asked=asked,
            everything=everything,
            trigger=trigger,
        )
        synced.reports[integration] = report
        synced.notes.extend(f"{connection_id}: {remark}" for remark in report.remarks())
        return not report.interrupted

    if not await reads_books(active_erp(deployment, org, connection_id), connect):
        return await visit_items()
    books = await sync_books(
        deployment, org, connection_id, run_id=run_id, connect=connect, sync_items=visit_items, trigger=trigger
    )
    synced.books[integration] = books
    synced.notes.extend(f"{connection_id}: {remark}" for remark in books.remarks())
    return not books.interrupted
