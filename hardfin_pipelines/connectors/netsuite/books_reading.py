"""Rows of what is read besides items: all of a kind, or those that changed; by keyset over moving data."""

import logging
from collections.abc import AsyncIterator
from datetime import datetime

from hardfin_pipelines.connectors.books import BooksPage
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.books_statements import BooksScope, Shape, names_of, rows_of, shape_of
from hardfin_pipelines.connectors.netsuite.books_tables import sources_of
from hardfin_pipelines.connectors.netsuite.decode import records_of
from hardfin_pipelines.connectors.netsuite.probing import Ask
from hardfin_pipelines.connectors.netsuite.requests import suiteql
from hardfin_pipelines.connectors.netsuite.visibility import Visibility
from hardfin_pipelines.connectors.netsuite.walk import Position, walked
from hardfin_pipelines.sync.books import BooksKind

_log = logging.getLogger(__name__)


class _OtherKey(Exception):
    """Rows are told apart otherwise than when the walk began, since something was refused."""

    def __init__(self, refused: errors.NotVisible) -> None:
        super().__init__(str(refused))
        self.refused = refused


class BooksReader:
    """Reads one account."""

    def __init__(self, ask: Ask, seen: Visibility, scope: BooksScope, page: int) -> None:
        """`seen` learns from what is refused; `page` is how many rows an answer has at most."""
        self._ask = ask
        self._seen = seen
        self._scope = scope
        self._page = page

    async def pages(self, kind: BooksKind, since: datetime | None) -> AsyncIterator[BooksPage]:
        """Rows of a kind changed at or after a moment, or all there are, in the order of their keys.

        One that changes behind the walk does not come again: it changed after the first page's `vendor_time`.

        Raises:
            NotVisible: The kind is not seen, or not all of it that is needed.
        """
        given, over = False, False
        while not over:
            shape = shape_of(kind, self._seen, self._scope)
            try:
                async for page in self._walked(shape, since):
                    yield page
                    given, over = True, page.last
            except _OtherKey as other:
                if given:
                    raise other.refused from None

    async def _walked(self, begun: Shape, since: datetime | None) -> AsyncIterator[BooksPage]:
        kind = begun.source.kind
        about = _about(kind, since)

        async def fetch(behind: Position) -> Answer:
            while True:
                shape = shape_of(kind, self._seen, self._scope)
                try:
                    return await self._ask(suiteql(rows_of(shape, self._seen, since, behind), about, limit=self._page))
                except errors.NotVisible as refused:
                    if not self._seen.learn(refused, names_of(shape, self._seen)):
                        raise
                    self._check(begun, refused)

        async for page in walked(fetch, about, begun.key):
            records, raw = records_of(kind, page.rows, page.vendor_time)
            yield BooksPage(records, raw, page.last, page.vendor_time)

    def _check(self, begun: Shape, refused: errors.NotVisible) -> None:
        """Make sure that the rows can still be walked through as they were."""
        try:
            shape = shape_of(begun.source.kind, self._seen, self._scope)
        except errors.NotVisible as hidden:
            same = hidden.context["table"] == refused.context["table"]
            raise (refused if same else hidden) from None
        if (shape.source, shape.key) != (begun.source, begun.key):
            raise _OtherKey(refused) from None
        _log.warning("%s: left out from now on", refused)


def check_reading(kind: BooksKind, since: datetime | None) -> None:
    """Make sure that a kind's changes can be asked for.

    Raises:
        ValueError: They cannot.
    """
    if since is not None and not sources_of(kind)[0].stamp:
        raise ValueError(f"{errors.VENDOR} does not tell what changed of {kind}: read it whole")


def _about(kind: BooksKind, since: datetime | None) -> str:
    name = f"{kind.replace('_', ' ')} rows"
    return f"all {name}" if since is None else f"{name} changed since {since:%Y-%m-%d %H:%M:%S}"
