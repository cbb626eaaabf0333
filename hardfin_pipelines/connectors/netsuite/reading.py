"""Items: all of them, those that changed, or by id; and what was deleted."""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hardfin_pipelines.connectors.base import Missing, ReadResult
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.netsuite import errors, statements
from hardfin_pipelines.connectors.netsuite.decode import records_of
from hardfin_pipelines.connectors.netsuite.fields import ItemColumns, chunks_of
from hardfin_pipelines.connectors.netsuite.limits import NetSuiteLimits
from hardfin_pipelines.connectors.netsuite.probing import Ask
from hardfin_pipelines.connectors.netsuite.requests import suiteql
from hardfin_pipelines.connectors.netsuite.walk import Position, WalkedPage, walked

if TYPE_CHECKING:
    from hardfin_pipelines.sync.records import Record

_GONE = f"{errors.VENDOR} has no such item: it was deleted"
_NOT_AN_ID = f"not a {errors.VENDOR} id: expected digits"

_log = logging.getLogger(__name__)


class ItemReader:
    """Reads items with the columns that are there.

    Attributes:
        columns: What is asked for; a column that goes while we read is left out from then on.
    """

    def __init__(self, ask: Ask, columns: ItemColumns, limits: NetSuiteLimits) -> None:
        self._ask = ask
        self._limits = limits
        self.columns = columns

    def pages(self, condition: str = "", about: str = "all items") -> AsyncIterator[WalkedPage]:
        """Items that meet a condition, in the order of their ids, each once.

        One that is changed meanwhile keeps its place, and one that is made meanwhile comes last.
        """
        return self._pages(condition, about, self._limits.page)

    def changed(self, since: datetime) -> AsyncIterator[WalkedPage]:
        """Items changed at or after a moment, in the order of their ids.

        One that is changed behind the walk does not come: it was changed after the first answer, so it is among the
        changes since then.
        """
        return self.pages(statements.since_of(since), f"items changed since {since:%Y-%m-%d %H:%M:%S} UTC")

    async def by_id(self, ids: Sequence[str]) -> ReadResult:
        """The items of some ids, inactive ones too, and why the others are missing; a call for 1,000."""
        wanted = list(dict.fromkeys(ids))
        askable = [each for each in wanted if statements.is_id(each)]
        found: dict[str, tuple[Record, bytes]] = {}
        for chunk in chunks_of(askable, self._limits.ids_in_statement):
            about = f"{len(chunk)} items by id"
            async for page in self._pages(statements.among(chunk), about, self._limits.ids_in_statement):
                records, raw = records_of("item", page.rows, page.vendor_time)
                found |= {record.id: (record, text) for record, text in zip(records, raw, strict=True)}
        there = [found[each] for each in wanted if each in found]
        missing = tuple(_missing(each) for each in wanted if each not in found)
        return ReadResult(tuple(record for record, _ in there), tuple(raw for _, raw in there), missing)

    def deleted(self, since: datetime) -> AsyncIterator[WalkedPage]:
        """Items deleted at or after a moment, as rows of `deletedrecord`."""
        about = f"items deleted since {since:%Y-%m-%d %H:%M:%S} UTC"

        async def fetch(behind: Position) -> Answer:
            return await self._ask(suiteql(statements.deletions(since, behind[0]), about, limit=self._limits.page))

        return walked(fetch, about)

    def _pages(self, condition: str, about: str, limit: int) -> AsyncIterator[WalkedPage]:
        async def fetch(behind: Position) -> Answer:
            while True:
                statement = statements.items(self.columns, condition, behind[0])
                try:
                    return await self._ask(suiteql(statement, about, limit=limit))
                except errors.NotVisible as refused:
                    self.columns = self.columns.without(refused)
                    _log.warning("%s: left out from now on", refused)

        return walked(fetch, about)


def _missing(external_id: str) -> Missing:
    if statements.is_id(external_id):
        return Missing("item", external_id, _GONE, "gone")
    return Missing("item", external_id, _NOT_AN_ID, "unreadable")
