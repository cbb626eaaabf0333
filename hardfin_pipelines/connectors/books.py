"""The contract of an ERP connector that reads more than items: stock, prices, accounts, sales documents.

Whatever changed is told by a **pulse**: one call that says of every kind a mark and a number of rows. A mark that is as
it was means that nothing of the kind has changed, so a quiet account costs that one call whatever it holds.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from hardfin_pipelines.connectors.erp import ErpConnector
from hardfin_pipelines.sync.books import BooksFact, BooksKind, ItemCost
from hardfin_pipelines.sync.books_reading import PulseKind
from hardfin_pipelines.sync.records import Record

Reading = Literal["by stamp", "whole"]
"""Whether changes of a kind can be asked for since a moment, or only all of it."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What one call says of everything an account holds.

    Attributes:
        marks: Of each kind, a text that is another one when something of the kind changed, came or went; seldom also
            where nothing did. Marks can be compared where they were asked for with the same `since`.
        totals: Of each kind, how many rows there are.
        vendor_time: The vendor's clock when it answered, aware and in UTC.
        lacking: Kinds that this connection does not see, with what it needs to.
    """

    marks: Mapping[PulseKind, str]
    totals: Mapping[PulseKind, int]
    vendor_time: datetime
    lacking: Mapping[BooksKind, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BooksPage:
    """Rows of one answer, as records in the vendor's order.

    Attributes:
        records: Their role is the kind; ids of several parts are joined by colons.
        raw: The same as received, one JSON text each, in the same order.
        last: True when there is no more.
        vendor_time: The vendor's clock when it answered, aware and in UTC.
    """

    records: tuple[Record, ...]
    raw: tuple[bytes, ...]
    last: bool
    vendor_time: datetime


@runtime_checkable
class BooksConnector(ErpConnector, Protocol):
    """An accounting system of which more than items is read."""

    @property
    def readings(self) -> Mapping[BooksKind, Reading]:
        """The kinds there are at this vendor, in the order to read them, and how changes of each are asked for."""
        ...

    async def pulse(self, since: Mapping[PulseKind, datetime]) -> Pulse:
        """Ask what changed, in one call whatever the number of kinds.

        Args:
            since: The kinds to ask for. What a kind's mark tells of stamps, it tells of those at or after the moment.

        Raises:
            VendorError: The vendor refused or failed.
        """
        ...

    def books_pages(self, kind: BooksKind, since: datetime | None) -> AsyncIterator[BooksPage]:
        """Rows of a kind changed at or after a moment (vendor time), or all there are; by keyset over moving data.

        Raises:
            ValueError: The kind can only be read whole.
            NotVisible: This connection does not see the kind any more.
        """
        ...

    def books_fact(self, record: Record) -> BooksFact:
        """What a record of a kind says.

        Raises:
            SkipRecord: It cannot be read.
        """
        ...

    def item_cost(self, record: Record) -> ItemCost:
        """What an item costs, from the item's own record.

        Raises:
            SkipRecord: It cannot be read.
        """
        ...


def books_of(connector: ErpConnector) -> BooksConnector | None:
    """The connector, where more than items is read by it."""
    return connector if isinstance(connector, BooksConnector) else None
