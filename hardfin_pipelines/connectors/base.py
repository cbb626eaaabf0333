"""The contract every CRM connector fulfils; the conformance suite tests all of them alike.

A connector is made for one connection (one organization's account) and is used inside one event loop. It hands out
`Record` envelopes, never writes to the vendor, and raises only the errors of `connectors.errors`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from hardfin_pipelines.sync.call_budget import DailyAllowance
from hardfin_pipelines.sync.records import AccountDescription, Record, Reference, Role
from hardfin_pipelines.sync.trigger import DealState

References = Mapping[str, Mapping[Role, tuple[Reference, ...]]]
"""Deal id to role to what the deal points to. Every deal and role asked for is present, with () for none."""


@dataclass(frozen=True, slots=True)
class TriggerQuery:
    """Which deals to look for.

    Attributes:
        stages: Vendor pipeline id to the ids of its trigger stages. Deals now in one of these pairs are wanted.
        modified_from: Inclusive lower bound of the vendor's modification stamp.
        modified_before: Exclusive upper bound, or None for "until now" (a tick).
        entered_since: When set, deals that entered one of the trigger stages at or after it are wanted too, even if
            they have moved on since (vendor: stage-entered times). None for initial loads.
        edited_from: When set, and where the vendor tells an edit from its own touching of a record (which moves the
            modification stamp as well), deals that were last edited before it are not wanted.
    """

    stages: Mapping[str, tuple[str, ...]]
    modified_from: datetime
    modified_before: datetime | None = None
    entered_since: datetime | None = None
    edited_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of one answer of the vendor.

    Attributes:
        records: Decoded records, in the vendor's order.
        raw: The same records as received, one JSON text each, in the same order (what landing keeps).
        total: How many the vendor says match the whole query, where it says so.
        last: True when the vendor says there is no more.
        vendor_time: The vendor's clock when it answered (its Date header), aware and in UTC.
        settled_before: With this page, every deal of the scan that was modified before this moment has been given; None
            where the connector cannot say, or at the end.
    """

    records: tuple[Record, ...]
    raw: tuple[bytes, ...]
    total: int | None
    last: bool
    vendor_time: datetime
    settled_before: datetime | None = None


MissingKind = Literal["gone", "unreadable", "forbidden"]
"""Why a record did not come: the vendor says there is none; it did not give it, or not as a record; it may not."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An id that was asked for and not returned, with the vendor's reason.

    Attributes:
        role: What the record would be.
        id: The id asked for.
        reason: The vendor's, for the person who can mend it.
        kind: Only "gone" lets the engine go on without the record: any other may be there and come another time.
    """

    role: Role
    id: str
    reason: str
    kind: MissingKind


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Records read by id. Every id asked for is either in `records` (perhaps under a survivor's id) or in `missing`."""

    records: tuple[Record, ...]
    raw: tuple[bytes, ...]
    missing: tuple[Missing, ...] = ()


@dataclass(slots=True)
class CallCounts:
    """Calls sent to the vendor so far by this connector, retries included, by the vendor's rate bucket.

    Attributes:
        by_bucket: All calls but those to the token endpoint.
        throttled_by_bucket: Those that the vendor refused for now.
        token_refreshes: Calls to the token endpoint.
        tokens_replaced: Calls that were refused because their access token had ended, and were sent again with another.
        allowance: What the vendor last said of the account's calls of the day; None where it said nothing.
    """

    by_bucket: dict[str, int] = field(default_factory=dict)
    throttled_by_bucket: dict[str, int] = field(default_factory=dict)
    token_refreshes: int = 0
    tokens_replaced: int = 0
    allowance: DailyAllowance | None = None

    @property
    def throttled(self) -> int:
        """All calls that the vendor refused for now."""
        return sum(self.throttled_by_bucket.values())

    @property
    def total(self) -> int:
        """All calls but those to the token endpoint."""
        return sum(self.by_bucket.values())


class PageMemory(Protocol):
    """Remembers answers of one unit of work, so that a killed run asks the vendor for none of them twice."""

    async def remember(self, key: str, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer kept under `key`, else what `fetch` returns, kept durably before it is returned."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do; the engine asks for nothing else.

    Attributes:
        stage_entered_times: It knows when a deal entered a stage that it has left.
        stage_entered_search: It can list the deals that entered given stages, and no others.
    """

    describe: bool = True
    changed_since: bool = True
    read_by_ids: bool = True
    stage_entered_times: bool = False
    stage_entered_search: bool = False
    files: bool = False
    merges: bool = False
    deletes: bool = False
    webhooks: bool = False


@dataclass(frozen=True, slots=True)
class CallPlan:
    """How many calls some work will cost, by the vendor's rate bucket."""

    by_bucket: Mapping[str, int]

    @property
    def total(self) -> int:
        """All calls together."""
        return sum(self.by_bucket.values())


class Decoder(Protocol):
    """Turns what landing keeps of a vendor's records into records again, without a connection to anything."""

    def objects(self) -> Mapping[Role, str]:
        """The vendor's name of each role's object, as its connector says it."""
        ...

    def decode_record(self, role: Role, raw: bytes, stamp_if_none: datetime | None = None) -> Record:
        """The record of a JSON text as received.

        Args:
            role: What the record is.
            raw: Its JSON text.
            stamp_if_none: Taken where the record has no modification stamp that can be read.

        Raises:
            SkipRecord: It is no record.
        """
        ...

    def deal_state(self, deal: Record) -> DealState:
        """What the trigger looks at, from the vendor's own fields of a deal."""
        ...

    def own_id(self, text: str) -> str:
        """The id that a person means, as records have it; the text itself, trimmed, where it cannot be one."""
        ...


class CrmConnector(Protocol):
    """One organization's account at one CRM."""

    integration: str
    capabilities: Capabilities
    calls: CallCounts

    def objects(self) -> Mapping[Role, str]:
        """The vendor's name of each role's object, such as deal -> "deals"."""
        ...

    def expect(self, fields: Mapping[Role, Sequence[str]]) -> None:
        """Say which fields will be read, by role: a connector that can bring records along unasked then does."""
        ...

    async def describe(self, named: Mapping[Role, Collection[str]] | None = None) -> AccountDescription:
        """Pipelines, stages, and the fields of every mapped object, as the account has them now.

        Of the fields that are `named` and not among them it is found out, where the vendor tells, whether they are in
        the recycle bin or closed to this connection.
        """
        ...

    async def first_page(self, query: TriggerQuery, properties: Sequence[str]) -> Page:
        """The first answer only: what a tick asks to learn whether anything changed. One call."""
        ...

    def deal_pages(
        self, query: TriggerQuery, properties: Sequence[str], *, first: Page | None = None
    ) -> AsyncIterator[Page]:
        """All matching deals, each id once per scan, by keyset over moving data. `first` saves the first call."""
        ...

    def census_pages(self, query: TriggerQuery) -> AsyncIterator[Page]:
        """The same scan with the deciding fields only, never answered from memory: what the vendor has right now.

        The first page's `total` is the vendor's own count.
        """
        ...

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """For each deal the records of each role it points to, complete however many there are."""
        ...

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Records by id. Ids merged away are followed to their survivor where the vendor tells."""
        ...

    def deciding_fields(self, stages: Iterable[str]) -> tuple[str, ...]:
        """The vendor's fields that `deal_state` needs for these trigger stages; searches ask for them by themselves."""
        ...

    def deal_state(self, deal: Record) -> DealState:
        """What the trigger looks at, from the vendor's own fields of a deal."""
        ...

    def plan_calls(self, deals: int, companies: int, line_items: int, products: int) -> CallPlan:
        """The least number of calls that reading so many records takes."""
        ...

    async def aclose(self) -> None:
        """Free what the connector itself opened."""
        ...
