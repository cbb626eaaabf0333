"""A tick of a cadence: ask all due connections at once whether anything changed, and note which did.

A quiet connection costs one vendor call and one line in one transaction. Where something changed, the answer is kept
in the journal of the unit of work that a run will carry out, so the run does not ask for it again.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from hardfin_pipelines.connectors.base import CallCounts, CrmConnector, Page
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.call_budget import call_counts, refuse_reserved
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.crm_runs import unit_name
from hardfin_pipelines.engine.crm_sync import tick_query
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import ERPS
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.item_polling import ask_items
from hardfin_pipelines.engine.opening import describe, look_again_at_held, prepare
from hardfin_pipelines.engine.poll_answers import AnswerBuffer, PollAnswer, keep_answers
from hardfin_pipelines.engine.record_notes import new_sightings
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.sorting_out import known_deals, sort_out
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.platform.call_budget import add_calls, allowances, save_allowances
from hardfin_pipelines.platform.connection_store import (
    ConnectionRow,
    DueConnection,
    due_connections,
    list_connections,
    mark_polled,
)
from hardfin_pipelines.platform.cursor_store import read_cursors, save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.pending import NewWork, add_work
from hardfin_pipelines.platform.record_log import due_retries, record_events, set_aside_versions
from hardfin_pipelines.platform.rule_holds import mark_seen
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.sync.cadence import Tier
from hardfin_pipelines.sync.call_budget import CallCount, DailyAllowance
from hardfin_pipelines.sync.plans import Protected, Skipped
from hardfin_pipelines.sync.records import Record

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class PollReport:
    """What a tick found."""

    asked: int = 0
    changed: int = 0
    calls: int = 0
    throttled: int = 0
    errors: int = 0
    seconds: float = 0.0
    oldest_cursor_minutes: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Answer(PollAnswer):
    """What one connection answered; of an accounting system only what every answer has."""

    due: DueConnection
    settled: list[Protected | Skipped] = field(default_factory=list)
    missed: Mapping[str, datetime] = field(default_factory=dict)
    described: CallCounts = field(default_factory=CallCounts)
    error: VendorError | Refusal | None = None


async def poll_due(deployment: Deployment, tier: Tier, *, org: str = "", run_id: str) -> PollReport:
    """Poll the connections of a tier that are due, or all active ones of one organization.

    Args:
        deployment: The deployment.
        tier: The cadence.
        org: Poll this organization's connections now, due or not; "" polls what is due.
        run_id: The run.

    Returns:
        Counts, and a line for every connection that could not be asked. One connection's failure is its own.
    """
    began = time.monotonic()
    waiting = await look_again_at_held(deployment, tier, org=org)
    now = deployment.now()
    due = _due(deployment, tier, org, now)
    places = asyncio.Semaphore(deployment.settings.poll_concurrency)
    with reading(deployment.engine) as store:
        said = allowances(store, org or None)
    answers = await asyncio.gather(*(_ask(deployment, connection, places, said) for connection in due))
    _note(deployment, answers, run_id)
    return PollReport(
        asked=len(answers),
        changed=sum(answer.worth_a_run for answer in answers),
        calls=sum(answer.calls.total for answer in answers),
        throttled=sum(answer.calls.throttled for answer in answers),
        errors=len(waiting) + sum(answer.error is not None for answer in answers),
        notes=[
            *(f"{connection_id}: {error}" for connection_id, error in waiting.items()),
            *(f"{answer.due.row.connection_id}: {answer.error}" for answer in answers if answer.error),
        ],
        seconds=time.monotonic() - began,
        oldest_cursor_minutes=max((_cursor_age(each.due, now) for each in answers if not each.by_pulse), default=0.0),
    )


def _due(deployment: Deployment, tier: Tier, org: str, now: datetime) -> list[DueConnection]:
    with reading(deployment.engine) as connection:
        if not org:
            return due_connections(connection, tier, now)
        rows = [row for row in list_connections(connection, org) if row.status == "active"]
        return [DueConnection(row, read_cursors(connection, org, row.connection_id)) for row in rows]


async def _ask(
    deployment: Deployment,
    due: DueConnection,
    places: asyncio.Semaphore,
    said: Mapping[tuple[str, str], DailyAllowance],
) -> _Answer:
    answer = _Answer(due=due)
    async with places:
        try:
            row = due.row
            reserve = deployment.vendors.reserve(row.integration, "poll")
            refuse_reserved(deployment, row, reserve, said.get((row.org, row.connection_id)))
            await _ask_now(deployment, due, answer)
        except (VendorError, Refusal) as error:
            answer.error = error
        except (LandingError, SecretsError) as error:
            answer.error = Refusal(str(error))
        except Exception as error:  # a fault of ours at one connection must not stop the others
            logger.exception("poll of %s failed", due.row.connection_id)
            answer.error = Refusal(f"unexpected {type(error).__name__}; see the log")
    return answer


async def _ask_now(deployment: Deployment, due: DueConnection, answer: _Answer) -> None:
    if due.row.integration in ERPS:
        await ask_items(deployment, due, answer)
    else:
        await _ask_deals(deployment, due, answer)


async def _ask_deals(deployment: Deployment, due: DueConnection, answer: _Answer) -> None:
    row = due.row
    buffer = AnswerBuffer()
    connector = deployment.connector(row, memory=buffer, purpose="poll")
    answer.calls = connector.calls
    try:
        crm = prepare(deployment, row, deployment.now())
        if crm is None:
            crm = await describe(deployment, row, connector)
            answer.described = deepcopy(connector.calls)
        answer.missed = crm.missed
        answer.object = connector.objects()["deal"]
        position = due.cursors.get(answer.object) or row.enabled_at or deployment.now()
        page = await connector.first_page(tick_query(crm, position), crm.fields.of("deal"))
        answer.covered_until = page.vendor_time
        wanted = _sort_out(deployment, crm, connector, answer, page)
        answer.worth_a_run = not _complete(page) or _any_new(deployment, row, answer.object, wanted)
        if answer.worth_a_run:
            answer.unit = unit_name(deployment.now())
            await keep_answers(deployment, row, answer.unit, buffer.kept)
    finally:
        await connector.aclose()


def _sort_out(
    deployment: Deployment, crm: CrmConnection, connector: CrmConnector, answer: _Answer, page: Page
) -> list[Record]:
    """The deals that may be worth a run; what became of the others is kept with the answer."""
    if not page.records:
        return []
    row = crm.row
    with reading(deployment.engine) as connection:
        known = known_deals(connection, row.org, row.connection_id, answer.object, page.records)
    wanted, answer.settled = sort_out(page.records, known, connector, crm.context.rules)
    return wanted


def _complete(page: Page) -> bool:
    """Whether the page is the whole answer, by its cursor and by the vendor's own count."""
    return page.last and (page.total is None or len(page.records) >= page.total)


def _any_new(deployment: Deployment, row: ConnectionRow, deal_object: str, wanted: list[Record]) -> bool:
    """Whether one of the deals is not set aside in this very version: a run would only do that again."""
    if not wanted:
        return False
    with reading(deployment.engine) as connection:
        aside = set_aside_versions(connection, row.org, row.connection_id, deal_object, [deal.id for deal in wanted])
    return any(aside.get(deal.id) != (deal.modified_at, row.revision) for deal in wanted)


def _note(deployment: Deployment, answers: list[_Answer], run_id: str) -> None:
    """Write down what was found: in one transaction for all that answered, one each for those that failed."""
    now = deployment.now()
    answered = [answer for answer in answers if answer.error is None]
    with writing(deployment.engine) as connection:
        for answer in answered:
            row = answer.due.row
            work = [
                NewWork("record", "retry", "sync", external_id=external_id)
                for external_id in due_retries(connection, row.org, row.connection_id, answer.object, row.revision, now)
            ]
            if answer.worth_a_run:
                work.append(NewWork("changes", "poll", "sync", unit=answer.unit))
            elif answer.covered_until is not None:
                # Nothing new up to here: the cursor may follow the vendor's clock.
                save_cursor(
                    connection,
                    row.org,
                    row.connection_id,
                    answer.object,
                    answer.covered_until,
                    now=now,
                    run_id=run_id,
                )
                record_events(
                    connection,
                    row.org,
                    row.connection_id,
                    new_sightings(connection, answer.settled, _stamp(answer, run_id, now)),
                )
                mark_seen(connection, row.org, row.connection_id, answer.missed)
            add_work(connection, row.org, row.connection_id, work, now)
        mark_polled(connection, [answer.due.row for answer in answered], now)
        _count(connection, answers, now)
    for answer in answers:
        if answer.error is not None:
            note_failure(deployment, answer.due.row, answer.error)


def _stamp(answer: _Answer, run_id: str, now: datetime) -> SyncStamp:
    row = answer.due.row
    return SyncStamp(row.org, row.connection_id, {"deal": answer.object}, run_id, "poll", row.revision, now)


def _count(connection: Connection, answers: list[_Answer], now: datetime) -> None:
    """Count the calls of all that were asked, those that failed too."""
    counts: list[CallCount] = []
    for answer in answers:
        row, day = answer.due.row, now.date()
        counts += call_counts(row.org, row.connection_id, day, "describe", answer.described)
        counts += call_counts(row.org, row.connection_id, day, "poll", answer.calls, beyond=answer.described)
    add_calls(connection, counts)
    said = [(answer.due.row, answer.calls.allowance) for answer in answers]
    save_allowances(connection, [(row.org, row.connection_id, each) for row, each in said if each is not None])


def _cursor_age(due: DueConnection, now: datetime) -> float:
    if not due.cursors:
        return 0.0
    return (now - min(due.cursors.values())).total_seconds() / 60
