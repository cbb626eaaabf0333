"""The census: what the CRM shows now, month by month, beside what has an answer here. What has none is asked for."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from hardfin_pipelines.connectors.base import CrmConnector, TriggerQuery
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.call_budget import count_visit, require_allowance
from hardfin_pipelines.engine.completeness import list_unaccounted
from hardfin_pipelines.engine.crm_connection import CrmConnection, start_of
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.opening import CRMS, describe, prepare
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.census_store import (
    MonthCount,
    answered_ids,
    as_counted,
    months_with_something_missing,
    read_counts,
    save_counts,
)
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection
from hardfin_pipelines.platform.cursor_store import read_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.load_windows import closed_windows
from hardfin_pipelines.platform.pending import NewWork, add_work
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.platform.tables import connections
from hardfin_pipelines.sync.census import due_again, in_turn, months
from hardfin_pipelines.sync.initial_load import Span, by_pipeline, not_loaded, stage_pairs
from hardfin_pipelines.sync.pipeline_rules import active_rules

CALLS_A_VISIT = 60
"""A visit begins no further month beyond so many calls: 12,000 deals at HubSpot; the next visit goes on."""

CONNECTIONS_AT_ONCE = 50
"""Connections counted by one run; an hour later the next ones."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class CensusReport:
    """What a census came to, over all connections it visited."""

    connections: int = 0
    months: list[MonthCount] = field(default_factory=list)
    calls: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def at_vendor(self) -> int:
        """Deals the vendors counted."""
        return sum(month.at_vendor for month in self.months)

    @property
    def unaccounted(self) -> int:
        """Deals that had no answer and were asked for."""
        return sum(month.unaccounted for month in self.months)


async def take_due_censuses(deployment: Deployment, *, run_id: str) -> CensusReport:
    """Count the connections of all organizations that are due, the longest waiting first."""
    report = CensusReport()
    places = asyncio.Semaphore(deployment.settings.poll_concurrency)

    async def one(row: ConnectionRow) -> None:
        async with places:
            await _visit(deployment, row, report, everything=False, run_id=run_id)

    await asyncio.gather(*(one(row) for row in _due(deployment)[:CONNECTIONS_AT_ONCE]))
    return report


async def take_census(deployment: Deployment, row: ConnectionRow, *, run_id: str) -> CensusReport:
    """Count every month of one connection now, whenever it was counted last.

    Raises:
        VendorError: The vendor refused or failed; what was counted before stands.
        Refusal: The connection cannot be asked as it stands.
    """
    report = CensusReport(connections=1)
    await _count(deployment, row, report, everything=True, run_id=run_id)
    return report


async def _visit(
    deployment: Deployment, row: ConnectionRow, report: CensusReport, *, everything: bool, run_id: str
) -> None:
    """One connection; its failure is its own."""
    report.connections += 1
    try:
        await _count(deployment, row, report, everything=everything, run_id=run_id)
    except (VendorError, Refusal) as error:
        note_failure(deployment, row, error)
        report.notes.append(f"{row.connection_id}: {error}")
    except SecretsError as error:
        report.notes.append(f"{row.connection_id}: {error}")
    except Exception as error:  # a fault of ours at one connection must not stop the others
        logger.exception("census of %s failed", row.connection_id)
        report.notes.append(f"{row.connection_id}: unexpected {type(error).__name__}; see the log")


async def _count(
    deployment: Deployment, row: ConnectionRow, report: CensusReport, *, everything: bool, run_id: str
) -> None:
    require_allowance(deployment, row, "census")
    connector = deployment.connector(row, purpose="census")
    try:
        crm = prepare(deployment, row, deployment.now()) or await describe(deployment, row, connector)
        for span in _spans(deployment, crm, connector, everything=everything):
            query = _query(deployment, crm, connector, span)
            if query is None:
                continue
            month = await _count_month(deployment, crm, connector, query, span)
            report.months.append(month)
            _note(deployment, crm, month, run_id)
            if not everything and connector.calls.total >= CALLS_A_VISIT:
                break
    finally:
        report.calls += connector.calls.total
        count_visit(deployment, row.org, row.connection_id, "census", connector.calls)
        await connector.aclose()


async def _count_month(
    deployment: Deployment, crm: CrmConnection, connector: CrmConnector, query: TriggerQuery, span: Span
) -> MonthCount:
    proof = await list_unaccounted(crm, connector, query)
    return MonthCount(
        crm.row.org,
        crm.row.connection_id,
        span,
        deployment.now(),
        proof.accounted + len(proof.unaccounted) if proof.at_vendor is None else proof.at_vendor,
        proof.accounted,
        len(proof.unaccounted),
        proof.unaccounted,
    )


def _note(deployment: Deployment, crm: CrmConnection, month: MonthCount, run_id: str) -> None:
    """Keep the count, and ask for what has no answer, together."""
    row = crm.row
    work = [NewWork("record", "census", "sync", external_id=external_id) for external_id in month.ids]
    with writing(deployment.engine) as connection:
        save_counts(connection, [month], run_id)
        add_work(connection, row.org, row.connection_id, work, deployment.now())


def _spans(deployment: Deployment, crm: CrmConnection, connector: CrmConnector, *, everything: bool) -> list[Span]:
    """The months to count now, in order."""
    row = crm.row
    since = start_of(row) or row.enabled_at
    until = _covered_until(deployment, crm, connector)
    if since is None or until is None:
        return []
    spans = months(since, until)
    if everything:
        return spans
    with reading(deployment.engine) as connection:
        counted = as_counted(read_counts(connection, row.org, row.connection_id))
    return in_turn(spans, counted, deployment.now())


def _covered_until(deployment: Deployment, crm: CrmConnection, connector: CrmConnector) -> datetime | None:
    """How far ticks have come: what was modified later is not theirs to have answered yet."""
    row = crm.row
    with reading(deployment.engine) as connection:
        cursor = read_cursor(connection, row.org, row.connection_id, connector.objects()["deal"])
    return cursor or row.enabled_at


def _query(deployment: Deployment, crm: CrmConnection, connector: CrmConnector, span: Span) -> TriggerQuery | None:
    """A month for the stages that should have an answer there: where a load is not done, nobody has looked yet."""
    row = crm.row
    until = _covered_until(deployment, crm, connector)
    end = span[1] if until is None else min(span[1], until)
    wanted = stage_pairs(crm.trigger_stages())
    if row.enabled_at is not None and span[0] < row.enabled_at:
        with reading(deployment.engine) as connection:
            closed = closed_windows(connection, row.org, row.connection_id)
        wanted -= not_loaded((span[0], min(end, row.enabled_at)), wanted, closed)
    if not wanted or end <= span[0]:
        return None
    passing = _passing_through_since(crm, connector, end)
    return TriggerQuery(by_pipeline(wanted), span[0], end, passing, edited_from=crm.edited_from())


def _passing_through_since(crm: CrmConnection, connector: CrmConnector, end: datetime) -> datetime | None:
    """From when on deals count that only passed through a trigger stage, where a CRM can list them.

    What passed through was modified since, so no month before has any.
    """
    if not connector.capabilities.stage_entered_search:
        return None
    began = [rule.active_since for rule in active_rules(crm.context.rules) if rule.active_since is not None]
    since = min(began, default=end)
    return since if since < end else None


def _due(deployment: Deployment) -> list[ConnectionRow]:
    """The active CRM connections of all organizations that are due for a count, the longest waiting first."""
    now = deployment.now()
    waiting: list[tuple[datetime, ConnectionRow]] = []
    with reading(deployment.engine) as connection:
        rows = connection.execute(
            select(connections.c.org, connections.c.connection_id, connections.c.failures).where(
                connections.c.status == "active", connections.c.integration.in_(CRMS), connections.c.failures == 0
            )
        ).all()
        for each in rows:
            counts = read_counts(connection, each.org, each.connection_id)
            row = get_connection(connection, each.org, each.connection_id)
            if due_again(list(as_counted(counts).values()), now):
                latest = max((count.at for count in counts), default=row.enabled_at or now)
                waiting.append((latest, row))
    return [row for _, row in sorted(waiting, key=lambda pair: (pair[0], pair[1].connection_id))]


def deals_without_an_answer(deployment: Deployment) -> list[str]:
    """Deals of ALL organizations that a census found and that have no answer yet, a line for each."""
    found: list[str] = []
    with reading(deployment.engine) as connection:
        for month in months_with_something_missing(connection):
            answered = answered_ids(connection, month.org, month.connection_id, month.ids)
            found.extend(f"{month.connection_id}: deal {each}" for each in month.ids if each not in answered)
    return found
