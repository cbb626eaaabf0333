"""A tick of a cadence: ask all due connections at once whether anything changed, and note which did.

A quiet connection costs one vendor call and one line in one transaction. Where something changed, the answer is kept
in the journal of the unit of work that a run will carry out, so the run does not ask for it again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.connectors.base import Page
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.crm_runs import unit_name
from hardfin_pipelines.engine.crm_sync import tick_query
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.opening import describe, prepare
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.platform.connection_store import (
    ConnectionRow,
    DueConnection,
    due_connections,
    list_connections,
    mark_polled,
)
from hardfin_pipelines.platform.cursor_store import read_cursors, save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.known_records import ledger_ids
from hardfin_pipelines.platform.pending import NewWork, add_work
from hardfin_pipelines.platform.record_log import due_retries, set_aside_versions
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.sync.cadence import Tier
from hardfin_pipelines.sync.first_sync import protection
from hardfin_pipelines.sync.plans import Known
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.trigger import Triggered, evaluate_trigger

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


@dataclass(slots=True)
class _Answer:
    """What one connection answered."""

    due: DueConnection
    deal_object: str = ""
    page: Page | None = None
    worth_a_run: bool = False
    unit: str = ""
    calls: int = 0
    throttled: int = 0
    error: VendorError | Refusal | None = None


class _Buffer:
    """Keeps the answers of a poll until it is known whether a run needs them."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def remember(self, key: str, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        if key not in self.kept:
            self.kept[key] = await fetch()
        return self.kept[key]


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
    now = deployment.now()
    due = _due(deployment, tier, org, now)
    places = asyncio.Semaphore(deployment.settings.poll_concurrency)
    answers = await asyncio.gather(*(_ask(deployment, connection, places) for connection in due))
    _note(deployment, answers, run_id)
    return PollReport(
        asked=len(answers),
        changed=sum(answer.worth_a_run for answer in answers),
        calls=sum(answer.calls for answer in answers),
        throttled=sum(answer.throttled for answer in answers),
        errors=sum(answer.error is not None for answer in answers),
        notes=[f"{answer.due.row.connection_id}: {answer.error}" for answer in answers if answer.error],
        seconds=time.monotonic() - began,
        oldest_cursor_minutes=max((_cursor_age(connection, now) for connection in due), default=0.0),
    )


def _due(deployment: Deployment, tier: Tier, org: str, now: datetime) -> list[DueConnection]:
    with reading(deployment.engine) as connection:
        if not org:
            return due_connections(connection, tier, now)
        rows = [row for row in list_connections(connection, org) if row.status == "active"]
        return [DueConnection(row, read_cursors(connection, org, row.connection_id)) for row in rows]


async def _ask(deployment: Deployment, due: DueConnection, places: asyncio.Semaphore) -> _Answer:
    answer = _Answer(due)
    async with places:
        try:
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
    row = due.row
    buffer = _Buffer()
    connector = deployment.connector(row, memory=buffer)
    try:
        crm = prepare(deployment, row, deployment.now()) or await describe(deployment, row, connector)
        answer.deal_object = connector.objects()["deal"]
        position = due.cursors.get(answer.deal_object) or row.enabled_at or deployment.now()
        answer.page = await connector.first_page(tick_query(crm, position), crm.fields.of("deal"))
        triggered = [
            deal
            for deal in answer.page.records
            if isinstance(evaluate_trigger(connector.deal_state(deal), crm.context.rules), Triggered)
        ]
        answer.worth_a_run = not answer.page.last or _any_new(deployment, row, answer.deal_object, triggered)
        if answer.worth_a_run:
            answer.unit = unit_name(deployment.now())
            await _keep(deployment, row, answer.unit, buffer.kept)
    finally:
        answer.calls, answer.throttled = connector.calls.total, connector.calls.throttled
        await connector.aclose()


def _any_new(deployment: Deployment, row: ConnectionRow, deal_object: str, triggered: list[Record]) -> bool:
    """Whether one of the deals is neither in the ledger nor set aside in this very version."""
    if not triggered:
        return False
    ids = [external_id for deal in triggered for external_id in (deal.id, *deal.merged_ids)]
    with reading(deployment.engine) as connection:
        known = Known(ledger=ledger_ids(connection, row.org, row.connection_id, deal_object, ids))
        aside = set_aside_versions(connection, row.org, row.connection_id, deal_object, [deal.id for deal in triggered])
    return any(_is_new(deal, known, aside.get(deal.id) == (deal.modified_at, row.revision)) for deal in triggered)


def _is_new(deal: Record, known: Known, set_aside: bool) -> bool:  # noqa: FBT001  # private, and called once
    protected = protection(deal, known)
    # A deal that another was merged into has an id that is not known yet.
    return not set_aside if protected is None else bool(protected.new_aliases)


async def _keep(deployment: Deployment, row: ConnectionRow, unit: str, kept: Mapping[str, bytes]) -> None:
    """Put the poll's answers into the journal of the unit that a run will carry out."""
    with UnitJournal(deployment.settings.landing_root, Unit(row.org, row.connection_id, unit)) as journal:
        for key, value in kept.items():
            await journal.remember(key, _giving(value))


def _giving(value: bytes) -> Callable[[], Awaitable[bytes]]:
    async def give() -> bytes:
        return value

    return give


def _note(deployment: Deployment, answers: list[_Answer], run_id: str) -> None:
    """Write down what was found: in one transaction for all that answered, one each for those that failed."""
    now = deployment.now()
    answered = [answer for answer in answers if answer.error is None]
    with writing(deployment.engine) as connection:
        for answer in answered:
            row = answer.due.row
            work = [
                NewWork("record", "retry", "sync", external_id=external_id)
                for external_id in due_retries(
                    connection, row.org, row.connection_id, answer.deal_object, row.revision, now
                )
            ]
            if answer.worth_a_run:
                work.append(NewWork("changes", "poll", "sync", unit=answer.unit))
            elif answer.page is not None:
                # Nothing new up to here: the cursor may follow the vendor's clock.
                save_cursor(
                    connection,
                    row.org,
                    row.connection_id,
                    answer.deal_object,
                    answer.page.vendor_time,
                    now=now,
                    run_id=run_id,
                )
            add_work(connection, row.org, row.connection_id, work, now)
        mark_polled(connection, [answer.due.row for answer in answered], now)
    for answer in answers:
        if answer.error is not None:
            note_failure(deployment, answer.due.row, answer.error)


def _cursor_age(due: DueConnection, now: datetime) -> float:
    if not due.cursors:
        return 0.0
    return (now - min(due.cursors.values())).total_seconds() / 60
