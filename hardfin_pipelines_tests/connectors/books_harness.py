"""One account of an accounting system and its books, as the suite that every books connector passes needs it.

As with `erp_harness`: a server that speaks the vendor's HTTP API, small pages, and waits that cost no real time.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.books import BooksConnector, BooksPage
from hardfin_pipelines.sync.books import BooksKind
from hardfin_pipelines.sync.records import Record


class BooksHarness(Protocol):
    """One account of the vendor, and what may happen to its books."""

    page_size: int
    """Rows an answer has at most."""

    def connector(self, memory: PageMemory | None = None) -> AbstractAsyncContextManager[BooksConnector]:
        """A new connector for the account."""
        ...

    def decoded_books(self, kind: BooksKind, raw: bytes) -> Record:
        """The record of a JSON text as landing keeps it, without a connection to anything."""
        ...

    def now(self) -> datetime:
        """The vendor's clock."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the vendor's clock go on."""
        ...

    def make_rows(self, kind: BooksKind, count: int, at: datetime | None = None) -> list[str]:
        """So many rows of a kind, changed at a moment (whole seconds; now, when left out): their records' ids."""
        ...

    def change_row(self, kind: BooksKind, record_id: str) -> None:
        """Change a row now, in a way that people would notice."""
        ...

    def remove_row(self, kind: BooksKind, record_id: str) -> None:
        """Remove a row now."""
        ...

    def hide_kind(self, kind: BooksKind) -> None:
        """From now on the connection does not see the kind."""
        ...

    def spoil_row(self, kind: BooksKind, record_id: str) -> None:
        """From now on the vendor sends this row with a value that is not of its kind."""
        ...

    def throttle(self, times: int) -> None:
        """Refuse the next calls for now."""
        ...


async def collect_books(
    pages: AsyncIterator[BooksPage], between: Callable[[int], None] | None = None
) -> list[BooksPage]:
    """All pages, whose shape is checked on the way; `between` is called after each with its number."""
    found: list[BooksPage] = []
    async for page in pages:
        found.append(page)
        if between is not None:
            between(len(found))
    assert [page.last for page in found] == [False] * (len(found) - 1) + [True]
    assert all(len(page.records) == len(page.raw) for page in found)
    assert all(page.vendor_time.utcoffset() == timedelta(0) for page in found)
    assert all(page.records or page.last for page in found)
    return found


def books_ids(pages: Sequence[BooksPage]) -> list[str]:
    return [record.id for page in pages for record in page.records]
