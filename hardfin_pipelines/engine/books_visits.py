"""One visit to what an accounting system holds besides items: stock, prices, accounts, customers, sales documents.

A pulse says which kinds have moved; only those are read, side by side. Another pulse, asked before the reading, says
what they are to be compared with from then on, so whatever changes meanwhile is news at the next tick. Rows are written
as they come, each by its key; how far a kind was read is kept last of all.
"""

import asyncio
import threading
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hardfin_pipelines.connectors.books import BooksConnector, Pulse, books_of
from hardfin_pipelines.engine.books_reading import KindReading
from hardfin_pipelines.engine.books_report import BooksReport
from hardfin_pipelines.engine.customer_links import link_customers
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import Connect, ErpVisit, active_erp, open_erp_visit
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.organization_sync import noting_failures
from hardfin_pipelines.engine.overlapping import in_thread
from hardfin_pipelines.platform.books_store import BooksScope, read_states, save_state
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.vendor_item_store import ItemScope, count_items
from hardfin_pipelines.sync.books import BooksKind
from hardfin_pipelines.sync.books_reading import (
    BooksState,
    PulseKind,
    is_unexplained,
    moved,
    needs_whole,
    newly_lacking,
    pulse_question,
    read_since,
    settled,
)
from hardfin_pipelines.sync.call_budget import Purpose
from hardfin_pipelines.sync.cursors import look_from

States = Mapping[PulseKind, BooksState]


class SyncItems(Protocol):
    """Visits a connection's items."""

    def __call__(self, *, everything: bool = False) -> Awaitable[bool]:
        """Read what changed, or everything; false where a person stopped it."""
        ...


_DOCUMENTS: tuple[BooksKind, ...] = ("sales_document", "sales_document_line")


@dataclass(frozen=True, slots=True)
class _Moved:
    """A kind that moved.

    Attributes:
        since: From when on its mark counts changes.
        mark: What it is to be compared with from now on.
        total: How many rows there are.
        at: The vendor's clock before anything was read.
    """

    since: datetime
    mark: str
    total: int
    at: datetime

    def read(self, *, whole_at: datetime | None) -> BooksState:
        """The state once it was read."""
        return BooksState(self.since, self.mark, self.total, self.at, whole_at)


async def reads_books(row: ConnectionRow, connect: Connect) -> bool:
    """Whether a connection's connector reads more than items; asks the vendor nothing."""
    connector = connect(row, None, purpose="describe")
    try:
        return books_of(connector) is not None
    finally:
        await connector.aclose()


async def has_news(deployment: Deployment, row: ConnectionRow, connector: BooksConnector) -> bool:
    """Whether anything of an account has changed, its items among it; one call, and none where it was never read.

    Raises:
        VendorError: The vendor refused or failed.
    """
    with reading(deployment.engine) as connection:
        states = read_states(connection, row.org, row.connection_id)
    if not states:
        return True
    pulse = await connector.pulse(_question(connector, states, deployment.now()))
    return bool(moved(states, pulse.marks) or newly_lacking(states, pulse.lacking))


async def sync_books(
    deployment: Deployment,
    org: str,
    connection_id: str,
    *,
    run_id: str,
    connect: Connect,
    sync_items: SyncItems,
    trigger: str = "poll",
    actor: str = "sync",
) -> BooksReport:
    """Visit one ERP connection: its items first, then every kind that has moved.

    Args:
        deployment: The deployment.
        org: The organization.
        connection_id: Its connection, whose connector reads more than items.
        run_id: The run.
        connect: Makes the connector.
        sync_items: Visits the items, after the pulse that says what they are compared with; told to read everything
            where the vendor's number of items is another one afterwards. False where a person stopped it, and then
            this visit ends as well.
        trigger: What asked for it.
        actor: Who asked for it, for the audit.

    Raises:
        VendorError: The vendor refused or failed; the connection says so. What is committed stands.
        Refusal: There is no such connection, it cannot sync as it stands, or another run is at it.
    """
    row = active_erp(deployment, org, connection_id)
    with reading(deployment.engine) as connection:
        states = read_states(connection, org, connection_id)
    opening = open_erp_visit(
        deployment,
        row,
        connect,
        lane="books",
        unit=_unit_name(states),
        purpose=_purpose(states),
        run_id=run_id,
        trigger=trigger,
        actor=actor,
    )
    report = BooksReport()
    async with noting_failures(deployment, row), opening as visit:
        books = _Books(deployment, visit, visit.connector, states, report)  # type: ignore[arg-type]  # see Args
        try:
            await books.work(sync_items)
        except WorkInterrupted as wish:
            report.interrupted = str(wish)
        report.calls, report.throttled = visit.connector.calls.total, visit.connector.calls.throttled
    return report


def _unit_name(states: States) -> str:
    """The same until something was read to its end, so that a killed visit goes on with the answers it has."""
    if not states:
        return "books-load"
    newest = max(state.read_at for state in states.values())
    return f"books-since-{newest:%Y-%m-%dT%H-%M-%S-%f}"


def _purpose(states: States) -> Purpose:
    return "tick" if states else "load"


@dataclass
class _Books:
    """One visit at work."""

    deployment: Deployment
    visit: ErpVisit
    connector: BooksConnector
    states: States
    report: BooksReport
    _kept: dict[PulseKind, BooksState] = field(default_factory=dict)
    _landing_guard: threading.Lock = field(default_factory=threading.Lock)

    async def work(self, sync_items: SyncItems) -> None:
        asked = _question(self.connector, self.states, self.deployment.now())
        told = await self.connector.pulse(asked)
        news = await self._news(asked, told)
        await self._visit_items(sync_items, news.get("item"))
        self.report.lacking.update(told.lacking)
        for kind, needs in told.lacking.items():
            self._kept[kind] = BooksState(asked[kind], "", 0, told.vendor_time, None, needs)
        await self._read_all({kind: news[kind] for kind in self.connector.readings if kind in news})
        self.visit.landing.finish()  # what was read is said to be only once it is kept
        await in_thread(self._keep)

    async def _visit_items(self, sync_items: SyncItems, change: _Moved | None) -> None:
        stopped = WorkInterrupted(f"{self.visit.row.connection_id}: its items were not finished")
        if not await sync_items():
            raise stopped
        if change is None:
            return
        state, total = self.states.get("item"), change.total
        held = await in_thread(self._count_items)
        since = None if state is None else state.read_at
        if needs_whole(since, state, change.at, total=total, held=held):
            if not await sync_items(everything=True):
                raise stopped
            held, since = await in_thread(self._count_items), None
        if total != held:  # items may have come or gone while they were read
            again = await self.connector.pulse({"item": change.since})
            total = again.totals.get("item", total)
        if total != held:
            self.report.reasons.append(
                f"items: the vendor counts {total}, {held} are accounted for: the next tick looks again"
            )
        whole_at = change.at if since is None or state is None else state.whole_at
        self._kept["item"] = settled(change.read(whole_at=whole_at), agrees=total == held)

    def _count_items(self) -> int:
        stamp = self.visit.stamp
        with reading(self.deployment.engine) as connection:
            return count_items(connection, ItemScope(stamp.org, stamp.connection_id, stamp.objects["item"]))

    async def _news(self, asked: Mapping[PulseKind, datetime], told: Pulse) -> dict[PulseKind, _Moved]:
        """The kinds that moved, and what they are to be compared with from now on: asked for before they are read."""
        kinds = moved(self.states, told.marks)
        again = {kind: look_from(told.vendor_time) for kind in kinds if kind in self.states}
        later = await self.connector.pulse(again) if again else told
        found = {}
        for kind in kinds:
            pulse, since = (later, again[kind]) if kind in again else (told, asked[kind])
            if kind in pulse.marks:  # else it was hidden between the two: the next tick says so
                found[kind] = _Moved(since, pulse.marks[kind], pulse.totals[kind], told.vendor_time)
        return found

    async def _read_all(self, news: Mapping[BooksKind, _Moved]) -> None:
        """Read kinds side by side; lines after their documents, since those say whose lines are all there."""
        documents = [kind for kind in _DOCUMENTS if kind in news]
        try:
            async with asyncio.TaskGroup() as tasks:
                for kind in news.keys() - set(documents):
                    tasks.create_task(self._read(kind, news[kind]))
                tasks.create_task(self._read_documents({kind: news[kind] for kind in documents}))
        except BaseExceptionGroup as failed:
            raise _first_of(failed) from None

    async def _read_documents(self, news: Mapping[BooksKind, _Moved]) -> None:
        document_ids: set[str] | None = None
        for kind, change in news.items():
            document_ids = await self._read(kind, change, lines_of=document_ids)

    async def _read(self, kind: BooksKind, change: _Moved, *, lines_of: set[str] | None = None) -> set[str] | None:
        """Read one kind; the ids of the sales documents that were read, None where it was all or another kind."""
        state, counts, at = self.states.get(kind), self.report.of(kind), change.at
        one = KindReading(
            self.deployment, self.visit, self.connector, kind, counts, self._landing_guard, self.report.reasons
        )
        since = read_since(kind, state, at, stamped=self.connector.readings[kind] == "by stamp")
        counts.total = change.total
        if since is None and not change.total:
            await one.note_none(at)
        else:
            await one.read(since, lines_of=lines_of)
        whole = since is None
        unexplained = not whole and is_unexplained(kind, written=counts.written)
        held = counts.held + counts.set_aside
        if needs_whole(since, state, at, total=counts.total, held=held, unexplained=unexplained):
            await one.read(None)
            whole = True
        if not counts.agrees:  # rows may have come or gone while they were read
            again = await self.connector.pulse({kind: change.since})
            counts.total = again.totals.get(kind, counts.total)
        whole_at = at if whole or state is None else state.whole_at
        done = counts.agrees and (whole or not unexplained)
        self._kept[kind] = settled(change.read(whole_at=whole_at), agrees=done)
        return None if whole or kind != "sales_document" else one.document_ids

    def _keep(self) -> None:
        """Link customers, then keep how far everything was read."""
        stamp = self.visit.stamp
        self.report.customers_linked = link_customers(
            self.deployment,
            BooksScope(stamp.org, stamp.connection_id),
            stamp,
            self.visit.guard.check,
            customer_object=stamp.objects["customer"],
        )
        with writing(self.deployment.engine) as connection:
            self.visit.guard.check(connection)
            for kind, state in self._kept.items():
                save_state(connection, stamp.org, stamp.connection_id, kind, state, stamp.run_id)


def _question(connector: BooksConnector, states: States, now: datetime) -> dict[PulseKind, datetime]:
    return pulse_question(("item", *connector.readings), states, now)


def _first_of(failed: BaseExceptionGroup) -> BaseException:
    """What to say of several failures at once: a person's wish first, else the first of them."""
    each = failed.exceptions[0]
    wish, _rest = failed.split(WorkInterrupted)
    if wish is not None:
        each = wish.exceptions[0]
    return _first_of(each) if isinstance(each, BaseExceptionGroup) else each
