"""One visit to an accounting system's items: a first load, or a tick over what changed since the cursor.

A visit reads everything first and decides then: which product an item is depends on all items of the connection, and
must not depend on the order of pages. Killed on the way it has written nothing; its journal has the answers.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from hardfin_pipelines.connectors.books import books_of
from hardfin_pipelines.connectors.erp import ErpConnector, Gone, ItemPage
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import Connect, ErpVisit, active_erp, open_erp_visit
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.item_sync import BATCH, ItemCounts, ItemStore, apply_sightings, waits_for_new_match
from hardfin_pipelines.engine.organization_sync import noting_failures
from hardfin_pipelines.engine.overlapping import in_thread
from hardfin_pipelines.organizations.account_descriptions import description_to_json
from hardfin_pipelines.platform.books_store import BooksScope, save_item_costs
from hardfin_pipelines.platform.connection_store import ConnectionRow, mark_polled, mark_synced, save_description
from hardfin_pipelines.platform.cursor_store import read_cursor, save_cursor
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.record_log import Rejection, due_retries, forget_rejections, reject
from hardfin_pipelines.platform.vendor_item_store import ItemScope, present_ids
from hardfin_pipelines.sync.books import ItemCost
from hardfin_pipelines.sync.cursors import look_from
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.vendor_items import ItemGone, Sightings, VendorItem, storable_facts

VisitKind = Literal["first load", "tick", "load after a gap"]

MARGIN = timedelta(days=1)
"""So much before the vendor's look-back ends a cursor is too old: our clock and the vendor's may differ, and the visit
takes its time."""


@dataclass(slots=True)
class ItemReport:
    """What one visit did.

    Attributes:
        kind: What it was.
        counts: What became of the items.
        read: Records landed.
        seen: Items that the visit had to do with.
        calls: Calls sent to the vendor.
        throttled: Those that it refused for now, and that were waited for.
        costs: Items of which the vendor says what they cost.
        began: The vendor's clock at the first answer: how far the visit covers.
        missing: Items that the vendor did not give, though it may have them.
        interrupted: Why the visit stopped early on a person's wish, or "". What is committed stands.
    """

    kind: VisitKind
    counts: ItemCounts = field(default_factory=ItemCounts)
    read: int = 0
    seen: int = 0
    calls: int = 0
    throttled: int = 0
    costs: int = 0
    began: datetime | None = None
    missing: list[str] = field(default_factory=list)
    interrupted: str = ""

    def numbers(self) -> dict[str, int]:
        """What it came to."""
        return {"read": self.read, "seen": self.seen, **self.counts.numbers(), "calls": self.calls}

    def remarks(self) -> list[str]:
        """What a person may want to know of how the visit went."""
        told = [self.interrupted, *self.counts.reasons, *self.missing]
        if self.throttled:
            told.append(f"the vendor refused {self.throttled} call(s) for now; they were waited for")
        return [remark for remark in told if remark]


@dataclass(frozen=True, slots=True)
class ItemVisit(ErpVisit):
    """Everything one visit to items works with."""

    scope: ItemScope


async def sync_items(
    deployment: Deployment,
    org: str,
    connection_id: str,
    *,
    run_id: str,
    connect: Connect,
    asked: Sequence[str] = (),
    everything: bool = False,
    trigger: str = "poll",
    actor: str = "sync",
) -> ItemReport:
    """Visit the items of one ERP connection: everything the first time, else what changed since the last visit.

    Where the cursor is older than the vendor looks back, everything is read again, and what is not there any more is
    asked for by its id: what the vendor does not have is gone.

    Args:
        deployment: The deployment.
        org: The organization.
        connection_id: Its connection.
        run_id: The run.
        connect: Makes the connector.
        asked: Ids of items that are to be read whether they changed or not: webhooks, people.
        everything: Read everything whatever the cursor says: the vendor has not told of all that changed.
        trigger: What asked for it.
        actor: Who asked for it, for the audit.

    Raises:
        VendorError: The vendor refused or failed; the connection says so, the cursor stands.
        Refusal: There is no such connection, it cannot sync as it stands, or another run is at it.
    """
    row = active_erp(deployment, org, connection_id)
    scope, look_back = await _asked_of(row, connect)
    with reading(deployment.engine) as connection:
        cursor = read_cursor(connection, org, connection_id, scope.object)
    kind = visit_kind(cursor, look_back, deployment.now())
    if everything and kind == "tick":
        kind = "load after a gap"
    opening = open_erp_visit(
        deployment,
        row,
        connect,
        lane="items",
        unit=unit_name(kind, cursor),
        purpose="tick" if kind == "tick" else "load",
        run_id=run_id,
        trigger=trigger,
        actor=actor,
    )
    async with noting_failures(deployment, row), opening as opened:
        visit = ItemVisit(opened.row, opened.connector, opened.landing, opened.stamp, opened.guard, scope)
        report = ItemReport(kind)
        try:
            await _work(deployment, visit, report, cursor, asked)
        except WorkInterrupted as wish:
            report.interrupted = str(wish)
        report.calls, report.throttled = visit.connector.calls.total, visit.connector.calls.throttled
    return report


def visit_kind(cursor: datetime | None, look_back: timedelta | None, now: datetime) -> VisitKind:
    """What kind of visit is due: a tick, where the vendor still tells what changed since the cursor."""
    if cursor is None:
        return "first load"
    if look_back is not None and look_from(cursor) <= now - look_back + MARGIN:
        return "load after a gap"
    return "tick"


async def _work(
    deployment: Deployment, visit: ItemVisit, report: ItemReport, cursor: datetime | None, asked: Sequence[str]
) -> None:
    reader = _Reader(deployment, visit, report)
    if report.kind == "tick" and cursor is not None:
        await reader.take_pages(visit.connector.changed_pages(look_from(cursor)))
        await reader.try_again(asked)
    if report.kind != "tick" or reader.deletions_untold:
        await reader.take_pages(visit.connector.item_pages())
        await reader.look_for_missing()
    report.seen = len(reader.sightings)
    visit.landing.finish()  # the cursor moves only over records that are kept
    store = ItemStore(deployment.engine, visit.scope, visit.stamp, visit.guard.check)
    await in_thread(partial(_settle, deployment, visit, store, reader, report))


def _settle(deployment: Deployment, visit: ItemVisit, store: ItemStore, reader: "_Reader", report: ItemReport) -> None:
    """Apply what was seen, then move the cursor over it."""
    with reading(deployment.engine) as connection:
        due = bool(reader.sightings) or waits_for_new_match(connection, visit.scope)
    if due:
        apply_sightings(store, reader.sightings, report.counts)
    _save_costs(deployment, visit, list(reader.costs.values()), report.began)
    report.costs = len(reader.costs)
    stamp, now = visit.stamp, deployment.now()
    with writing(deployment.engine) as connection:
        visit.guard.check(connection)
        reader.note_unreadable(connection)
        if report.began is not None:
            # All that changed until the first answer was read, so that is how far the visit covers. The newest stamp
            # seen would leave the cursor of a quiet company behind, until it were older than the vendor looks back.
            save_cursor(
                connection,
                stamp.org,
                stamp.connection_id,
                visit.scope.object,
                report.began,
                now=now,
                run_id=stamp.run_id,
            )
        mark_polled(connection, [visit.row], now)
        mark_synced(connection, stamp.org, stamp.connection_id, now)


def _save_costs(deployment: Deployment, visit: ItemVisit, costs: Sequence[ItemCost], as_of: datetime | None) -> None:
    """Keep what items cost, where the accounting system says so with the items themselves."""
    scope = BooksScope(visit.stamp.org, visit.stamp.connection_id)
    for start in range(0, len(costs), BATCH):
        batch = costs[start : start + BATCH]
        with writing(deployment.engine) as connection:
            visit.guard.check(connection)
            save_item_costs(connection, scope, batch, as_of=as_of or deployment.now(), run_id=visit.stamp.run_id)


class _Reader:
    """Takes in what the vendor answers: landed as received, decoded, the newest word on each item kept."""

    def __init__(self, deployment: Deployment, visit: ItemVisit, report: ItemReport) -> None:
        self._deployment = deployment
        self._visit = visit
        self._report = report
        self._unreadable: dict[str, Rejection] = {}
        self._readable: set[str] = set()
        self._vendor_time: datetime | None = None
        self._books = books_of(visit.connector)
        self.costs: dict[str, ItemCost] = {}
        self.sightings = Sightings()
        self.deletions_untold = False
        """Whether more went on than the vendor tells at once, so that only a look at all items shows what is gone."""

    async def take_pages(self, pages: AsyncIterator[ItemPage]) -> None:
        async for page in pages:
            if self._report.began is None:
                self._report.began = page.vendor_time
            self._vendor_time = page.vendor_time
            self.deletions_untold = self.deletions_untold or page.deletions_from is not None
            await in_thread(partial(self._take, page.records, page.raw, page.gone))
            await asyncio.sleep(0)

    async def look_for_missing(self) -> None:
        """After everything was read: what was there before and was not seen is asked for by its id."""
        with reading(self._deployment.engine) as connection:
            before = present_ids(connection, self._visit.scope)
        await self._read(
            sorted(before - self.sightings.items.keys() - self.sightings.gone.keys() - self._unreadable.keys())
        )

    async def try_again(self, asked: Sequence[str]) -> None:
        """Read what is asked for by its id, and what is set aside and due for another try."""
        scope, row = self._visit.scope, self._visit.row
        with reading(self._deployment.engine) as connection:
            due = due_retries(
                connection, scope.org, scope.connection_id, scope.object, row.revision, self._deployment.now()
            )
        await self._read(sorted({*asked, *due} - self._readable - self._unreadable.keys()))

    async def _read(self, ids: Sequence[str]) -> None:
        if not ids or self._vendor_time is None:
            return
        result = await self._visit.connector.read_items(ids)
        gone = [Gone("item", each.id, self._vendor_time, "deleted") for each in result.missing if each.kind == "gone"]
        self._report.missing += [f"{each.id}: {each.reason}" for each in result.missing if each.kind != "gone"]
        self._take(result.records, result.raw, gone)

    def _take(self, records: Sequence[Record], raw: Sequence[bytes], gone: Sequence[Gone]) -> None:
        self._visit.landing.land("item", records, raw)
        self._report.read += len(records)
        for record in records:
            self._see(record)
        for each in gone:
            self._readable.add(each.id)
            self.sightings.lose(ItemGone(each.id, each.at, each.how, each.survivor_id))

    def _see(self, record: Record) -> None:
        try:
            facts = storable_facts(self._visit.connector.item_facts(record))
            if self._books is not None:
                self.costs[record.id] = self._books.item_cost(record)
        except SkipRecord as refused:
            stamp = self._visit.stamp
            self._unreadable[record.id] = Rejection(
                self._visit.scope.object, record.id, str(refused), record.modified_at, stamp.mapping_revision
            )
            return
        self._readable.add(record.id)
        self.sightings.see(VendorItem(record.id, facts, record.modified_at, record.url, record.merged_ids))

    def note_unreadable(self, connection: Connection) -> None:
        """Set aside what could not be read, in the transaction that moves the cursor past it."""
        scope, stamp, counts = self._visit.scope, self._visit.stamp, self._report.counts
        aside = [each for each in self._unreadable.values() if each.external_id not in self._readable]
        reject(connection, scope.org, scope.connection_id, aside, now=stamp.now)
        forget_rejections(connection, scope.org, scope.connection_id, scope.object, sorted(self._readable))
        counts.set_aside = len(aside)
        counts.reasons += [f"item {each.external_id}: {each.reason}" for each in aside]


def unit_name(kind: VisitKind, cursor: datetime | None) -> str:
    """The name of a visit's unit of work: the same until its cursor has moved, so a killed visit goes on with it."""
    if cursor is None:
        return "items-load"
    what = "since" if kind == "tick" else "load-after"
    return f"items-{what}-{cursor:%Y-%m-%dT%H-%M-%S-%f}"


async def _asked_of(row: ConnectionRow, connect: Connect) -> tuple[ItemScope, timedelta | None]:
    """What the connector calls items, and how far back it looks; asks the vendor nothing."""
    connector = connect(row, None, purpose="describe")
    try:
        return ItemScope(row.org, row.connection_id, connector.objects()["item"]), connector.look_back
    finally:
        await connector.aclose()


async def describe_books(deployment: Deployment, row: ConnectionRow, connector: ErpConnector) -> datetime:
    """Read an accounting system's description of its account and keep it; the vendor's clock when it answered.

    Raises:
        VendorError: The vendor refused or failed.
    """
    description = await connector.describe()
    with writing(deployment.engine) as connection:
        save_description(connection, row.org, row.connection_id, description_to_json(description), deployment.now())
    return description.described_at
