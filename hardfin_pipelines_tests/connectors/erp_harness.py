"""One company at an accounting system, as the suite that every ERP connector passes needs it.

A harness is a company at a server that speaks the vendor's HTTP API. Its pages are small, so that a few items make
many pages, and its waits cost no real time. The vendor's clock begins ten days after `START` and runs on.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.erp import ErpConnector, Gone, ItemPage
from hardfin_pipelines.sync.records import Record

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Items are modified at this time or later."""


class ErpHarness(Protocol):
    """One company of the vendor, and what may happen to it."""

    page_size: int
    """Items an answer has at most."""

    quiet_calls: int
    """Calls of a tick that finds nothing."""

    survivors_told: bool
    """Whether the vendor says into which item another one was merged."""

    currency: str
    """The company's own."""

    def connector(self, memory: PageMemory | None = None) -> AbstractAsyncContextManager[ErpConnector]:
        """A new connector for the company."""
        ...

    def decoded(self, raw: bytes) -> Record:
        """The item of a JSON text as landing keeps it, without a connection to anything."""
        ...

    def now(self) -> datetime:
        """The vendor's clock."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the vendor's clock go on."""
        ...

    def create_items(self, stamps: Sequence[datetime]) -> list[str]:
        """Items that can be sold, one for each modification stamp (whole seconds)."""
        ...

    def create_item(self, *, name: str, sku: str, price: Decimal, cost: Decimal) -> str:
        """An item that is kept in stock."""
        ...

    def create_helper(self) -> str:
        """An item that is none: a category, a subtotal."""
        ...

    def modify(self, item_id: str) -> None:
        """Change an item now."""
        ...

    def deactivate(self, item_id: str) -> None:
        """Make an item inactive now."""
        ...

    def delete(self, item_id: str) -> None:
        """Delete an item now."""
        ...

    def merge(self, kept_id: str, lost_id: str) -> None:
        """Merge an item into another one now."""
        ...

    def poison(self, item_id: str) -> None:
        """From now on the vendor sends this item with a modification stamp nobody can read."""
        ...

    def throttle(self, times: int) -> None:
        """Refuse the next calls for now."""
        ...

    def age_access_token(self) -> None:
        """The vendor takes the access token no more; it can be renewed."""
        ...

    def revoke(self) -> None:
        """The customer removes our app."""
        ...


def minutes(count: int, start: datetime = START) -> list[datetime]:
    """So many stamps, a minute apart."""
    return [start + timedelta(minutes=each) for each in range(count)]


async def collect(pages: AsyncIterator[ItemPage], between: Callable[[int], None] | None = None) -> list[ItemPage]:
    """All pages, whose shape is checked on the way; `between` is called after each with its number."""
    found: list[ItemPage] = []
    async for page in pages:
        found.append(page)
        if between is not None:
            between(len(found))
    assert [page.last for page in found] == [False] * (len(found) - 1) + [True]
    assert all(len(page.records) == len(page.raw) for page in found)
    assert all(page.vendor_time.utcoffset() == timedelta(0) for page in found)
    assert all(page.records or page.gone or page.last for page in found)
    return found


def ids_of(pages: Sequence[ItemPage]) -> list[str]:
    return [record.id for page in pages for record in page.records]


def gone_in(pages: Sequence[ItemPage]) -> dict[str, Gone]:
    return {each.id: each for page in pages for each in page.gone}
