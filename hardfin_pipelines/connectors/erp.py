"""The contract every ERP connector fulfils; the conformance suite tests all of them alike.

As with CRMs (`connectors.base`), a connector is made for one connection, used inside one event loop, hands out `Record`
envelopes, never writes to the vendor, and raises only the errors of `connectors.errors`.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from hardfin_pipelines.connectors.base import CallCounts, CallPlan, Capabilities, ReadResult
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.records import AccountDescription, Record, Role


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that the vendor has no more.

    Attributes:
        role: What it was.
        id: Its id.
        at: When it went, by the vendor's clock, aware and in UTC.
        how: Deleted, or merged into another one.
        survivor_id: The one it was merged into; "" where it was deleted or the vendor does not tell.
    """

    role: Role
    id: str
    at: datetime
    how: Literal["deleted", "merged"]
    survivor_id: str = ""


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Some records of one answer of the vendor.

    Attributes:
        records: Decoded records in the vendor's order, inactive ones among them.
        raw: The same records as received, one JSON text each, in the same order (what landing keeps).
        gone: What the answer says is deleted or merged away; always () in a first load.
        last: True when there is no more.
        vendor_time: The vendor's clock when it answered, aware and in UTC.
        deletions_from: On the last page of changes, where the vendor told of more than it tells at once: from this
            moment on all deletions are in the pages, earlier ones may be missing, and only what is compared with all
            items (`item_pages`) shows them. None where all are told.
    """

    records: tuple[Record, ...]
    raw: tuple[bytes, ...]
    gone: tuple[Gone, ...]
    last: bool
    vendor_time: datetime
    deletions_from: datetime | None = None


class ErpConnector(Protocol):
    """One organization's account at one accounting system.

    Attributes:
        look_back: How far back the vendor tells what changed and what was deleted; None where there is no end. A cursor
            older than that needs a first load again, and what it does not see is gone.
    """

    integration: str
    capabilities: Capabilities
    calls: CallCounts
    look_back: timedelta | None

    def objects(self) -> Mapping[Role, str]:
        """The vendor's name of each role's object, such as item -> "Item"."""
        ...

    async def describe(self, named: Mapping[Role, Collection[str]] | None = None) -> AccountDescription:
        """The company's id, currency and clock, and the fields of every object; an ERP has no pipelines."""
        ...

    def item_pages(self) -> AsyncIterator[ItemPage]:
        """All items there are, inactive ones too, each id once, by keyset over moving data."""
        ...

    def changed_pages(self, since: datetime) -> AsyncIterator[ItemPage]:
        """All items changed or gone at or after a moment (vendor time); the last state of each, some perhaps twice.

        Raises:
            ValueError: `since` is further back than `look_back`: a first load is due instead.
        """
        ...

    async def read_items(self, ids: Sequence[str]) -> ReadResult:
        """Items by id, inactive ones too; every id asked for is in the records or among the missing."""
        ...

    def item_facts(self, record: Record) -> ItemFacts:
        """What matching looks at, from the vendor's own fields of an item.

        Raises:
            SkipRecord: It cannot be read.
        """
        ...

    def plan_calls(self, items: int) -> CallPlan:
        """The least number of calls that reading so many items takes."""
        ...

    async def keep_alive(self) -> None:
        """Renew the tokens of a connection that is not visited, where they would die of that."""
        ...

    async def aclose(self) -> None:
        """Free what the connector itself opened."""
        ...
