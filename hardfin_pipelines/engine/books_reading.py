"""Reading one kind of what an accounting system holds besides items: landed as received, decoded, kept as it is now."""

import threading
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from hardfin_pipelines.connectors.books import BooksConnector, BooksPage
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.engine.books_report import KindCounts
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import ErpVisit
from hardfin_pipelines.engine.overlapping import in_thread
from hardfin_pipelines.platform.books_store import (
    BooksScope,
    Key,
    count_present,
    fact_key,
    held_keys,
    mark_gone,
    mark_lines_gone,
    save_facts,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.record_log import Rejection, forget_rejections, reject, rejected_ids
from hardfin_pipelines.sync.books import BooksFact, BooksKind, SalesDocument


@dataclass(slots=True)
class KindReading:
    """One kind being read.

    Attributes:
        deployment: The deployment.
        visit: The visit.
        connector: Its connector.
        kind: What is read.
        counts: Grow with every page that is committed.
        landing_guard: Held while records are landed: kinds are read side by side.
        reasons: Grow with every row that cannot be read.
        document_ids: Of sales documents, those that were read.
    """

    deployment: Deployment
    visit: ErpVisit
    connector: BooksConnector
    kind: BooksKind
    counts: KindCounts
    landing_guard: threading.Lock
    reasons: list[str]
    document_ids: set[str] = field(default_factory=set)
    _keys: set[Key] = field(default_factory=set)
    _refused: set[str] = field(default_factory=set)
    _aside: set[str] = field(default_factory=set)

    async def read(self, since: datetime | None, *, lines_of: set[str] | None = None) -> None:
        """Read what changed since a moment, or all of it; afterwards whatever was not there is gone.

        Args:
            since: Vendor time; None for all.
            lines_of: The sales documents whose lines are read, where not all are.

        Raises:
            VendorError: The vendor refused or failed. What is committed stands.
            WorkInterrupted: A person stopped it, or another run took over. What is committed stands.
        """
        self._keys.clear()
        self._refused.clear()
        self._aside = await in_thread(self._set_aside)
        began: datetime | None = None
        async with aclosing(self.connector.books_pages(self.kind, since)) as pages:  # type: ignore[type-var]  # it is a generator
            async for page in pages:
                began = began or page.vendor_time
                await in_thread(partial(self._take, page))
        if began is not None and (since is None or lines_of is not None):
            await in_thread(partial(self._settle_gone, began, None if since is None else lines_of))
        await in_thread(self._count)

    async def note_none(self, at: datetime) -> None:
        """The vendor has no row of the kind, so none is asked for; raises as `read`."""
        self._aside = await in_thread(self._set_aside)
        await in_thread(partial(self._settle_gone, at, None))
        await in_thread(self._count)

    def _take(self, page: BooksPage) -> None:
        with self.landing_guard:
            self.visit.landing.land(self.kind, page.records, page.raw)
        self.counts.read += len(page.records)
        facts, refused = self._decoded(page)
        if self.kind == "sales_document":
            self.document_ids.update(fact.id for fact in facts if isinstance(fact, SalesDocument))
        readable = [record.id for record in page.records if record.id in self._aside - self._refused]
        scope, stamp = self._scope, self.visit.stamp
        with writing(self.deployment.engine) as connection:
            self.visit.guard.check(connection)
            self.counts.written += save_facts(
                connection, scope, self.kind, facts, as_of=page.vendor_time, run_id=stamp.run_id
            )
            reject(connection, scope.org, scope.connection_id, refused, now=stamp.now)
            forget_rejections(connection, scope.org, scope.connection_id, self._object, readable)

    def _decoded(self, page: BooksPage) -> tuple[Sequence[BooksFact], Sequence[Rejection]]:
        facts, refused = [], []
        for record in page.records:
            try:
                fact = self.connector.books_fact(record)
            except SkipRecord as why:
                self._refused.add(record.id)
                self._keys.add(tuple(record.id.split(":")))  # what cannot be read is not gone
                self.reasons.append(f"{self.kind.replace('_', ' ')} {record.id}: {why}")
                revision = self.visit.stamp.mapping_revision
                refused.append(Rejection(self._object, record.id, str(why), record.modified_at, revision))
                continue
            facts.append(fact)
            self._keys.add(fact_key(self.kind, fact))
        return facts, refused

    def _settle_gone(self, at: datetime, lines_of: set[str] | None) -> None:
        scope, run_id = self._scope, self.visit.stamp.run_id
        with writing(self.deployment.engine) as connection:
            self.visit.guard.check(connection)
            if lines_of is not None:
                self.counts.gone += mark_lines_gone(connection, scope, lines_of, self._keys, at=at, run_id=run_id)
                return
            self.counts.gone += mark_gone(connection, scope, self.kind, self._keys, at=at, run_id=run_id)
            vanished = sorted(self._aside - self._refused)
            forget_rejections(connection, scope.org, scope.connection_id, self._object, vanished)

    def _count(self) -> None:
        scope = self._scope
        aside = {tuple(each.split(":")) for each in self._set_aside()}
        with reading(self.deployment.engine) as connection:
            self.counts.held = count_present(connection, scope, self.kind)
            self.counts.set_aside = len(aside - held_keys(connection, scope, self.kind, aside))

    def _set_aside(self) -> set[str]:
        scope = self._scope
        with reading(self.deployment.engine) as connection:
            return rejected_ids(connection, scope.org, scope.connection_id, self._object)

    @property
    def _scope(self) -> BooksScope:
        return BooksScope(self.visit.stamp.org, self.visit.stamp.connection_id)

    @property
    def _object(self) -> str:
        return self.visit.stamp.objects[self.kind]
