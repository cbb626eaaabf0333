"""The NetSuite connector: all of the contract's questions, put to one account."""

import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

import httpx

from hardfin_pipelines.connectors.base import CallCounts, CallPlan, Capabilities, PageMemory, ReadResult
from hardfin_pipelines.connectors.books import BooksPage, Pulse, Reading
from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.books_describe import visibility_of
from hardfin_pipelines.connectors.netsuite.books_facts import books_fact, item_cost
from hardfin_pipelines.connectors.netsuite.books_reading import BooksReader, check_reading
from hardfin_pipelines.connectors.netsuite.books_statements import BooksScope
from hardfin_pipelines.connectors.netsuite.books_tables import READINGS
from hardfin_pipelines.connectors.netsuite.client import NetSuiteClient
from hardfin_pipelines.connectors.netsuite.decode import OBJECTS, gone_of, records_of
from hardfin_pipelines.connectors.netsuite.describe import AccountFacts, describe_account
from hardfin_pipelines.connectors.netsuite.facts import DEFAULT_SKU_FIELD, item_facts
from hardfin_pipelines.connectors.netsuite.fields import checked_name, columns_of
from hardfin_pipelines.connectors.netsuite.limits import (
    PROCESS_LIMITERS,
    AccountLimiters,
    Governance,
    NetSuiteLimits,
    account_name,
)
from hardfin_pipelines.connectors.netsuite.oauth import OAuthApp
from hardfin_pipelines.connectors.netsuite.pulse import PulseTaker
from hardfin_pipelines.connectors.netsuite.reading import ItemReader
from hardfin_pipelines.connectors.netsuite.sign_in import SignIn
from hardfin_pipelines.connectors.netsuite.signing import TokenKeys
from hardfin_pipelines.connectors.netsuite.slots import PROCESS_SLOTS, Slots
from hardfin_pipelines.connectors.netsuite.versions import account_key, account_url
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.remembering import remembering
from hardfin_pipelines.connectors.renewal import PROCESS_LOCKS, RenewalLock
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens, TokenStore
from hardfin_pipelines.sync.books import BooksFact, BooksKind, ItemCost
from hardfin_pipelines.sync.books_reading import PulseKind
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.records import AccountDescription, Record, Role

BASE_PRICE_LEVEL = "1"
"""The internal id of NetSuite's own price level "Base Price"."""

_log = logging.getLogger(__name__)


class NetSuiteConnector:
    """One NetSuite account. Cheap to make: it opens nothing and asks nothing until it is used.

    Example:
        >>> connector = NetSuiteConnector(
        ...     http=open_http_client(read_seconds=READ_SECONDS),
        ...     account_id="1234567",
        ...     credentials=OAuthApp(client_id, certificate_id, private_key),
        ...     tokens=store,
        ...     limits=NetSuiteLimits(),
        ...     described=description,
        ... )
        >>> async for page in connector.changed_pages(since):
        ...     print(len(page.records), len(page.gone))

    Attributes:
        account: What `describe` found of the account; None before.
    """

    integration = errors.INTEGRATION
    look_back: timedelta | None = None
    """NetSuite tells of changes and deletions without an end that is known."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        account_id: str,
        credentials: OAuthApp | TokenKeys,
        limits: NetSuiteLimits,
        tokens: TokenStore | None = None,
        api_url: str = "",
        described: AccountDescription | None = None,
        sku_field: str = DEFAULT_SKU_FIELD,
        fields: Collection[str] = (),
        price_level: str = BASE_PRICE_LEVEL,
        deletions_needed: bool = True,
        documents_since: datetime | None = None,
        memory: PageMemory | None = None,
        clock: Clock = SYSTEM_CLOCK,
        limiters: LimiterRegistry[AccountLimiters] = PROCESS_LIMITERS,
        slots: Slots = PROCESS_SLOTS,
        renewal_lock: RenewalLock | None = None,
    ) -> None:
        """A connector that has asked for nothing yet.

        Args:
            http: The process's shared client; it is not closed with the connector.
            account_id: The account; connectors of one account share its limiters and slots.
            credentials: OAuth 2.0's machine-to-machine key, or the keys of token-based authentication.
            limits: How hard the account may be asked.
            tokens: Where access tokens are kept; without, in this connector. Token-based authentication has none.
            api_url: Where the account's services are; by default at its own host.
            described: The account as it was last described. Without it the first reading describes it, which costs
                about five calls.
            sku_field: The item's column that holds its SKU.
            fields: Columns of items to read besides the usual, such as `custitem_model`.
            price_level: The id of the price level whose prices items are sold at.
            deletions_needed: Where our role may not see deleted records: true refuses to go on, so that a person gives
                it the permission; false goes on, and `changed_pages` says that deletions are not told.
            documents_since: Sales documents and their lines are those of documents modified at or after it, also in
                pulses; None for all there are.
            memory: Keeps answers of this unit of work; descriptions and tokens are never kept.
            clock: Time and waiting.
            limiters: The limiters of all accounts; the process's own, unless a deployment or a test brings others.
            slots: Likewise, who counts requests under way.
            renewal_lock: Held while tokens are renewed; by default one of this process.

        Raises:
            ValueError: The account id is none.
            UnknownField: The name of a column is none.
            NeedsAttention: More columns are asked for than NetSuite answers.
        """
        self.capabilities = Capabilities(deletes=True)
        self.calls = CallCounts()
        self.account: AccountFacts | None = None
        self._account_id = account_key(account_id)
        self._url = (api_url or account_url(account_id)).rstrip("/")
        self._limits = limits
        self._sku_field = checked_name(sku_field)
        self._wanted = frozenset({self._sku_field, *map(checked_name, fields)})
        self._price_level = price_level
        self._deletions_needed = deletions_needed
        self._documents_since = documents_since
        name = account_name(self._url, self._account_id)
        self._limiters = limiters.of(name, lambda places: AccountLimiters(limits, clock, account=name, places=places))
        self._limiters.configure(limits)
        lock = renewal_lock or PROCESS_LOCKS.of(name)
        store = tokens or MemoryTokenStore(Tokens(""))
        sign_in = SignIn(http, self._url, self._account_id, store, lock, limits.attempts, self.calls, clock)
        client = NetSuiteClient(
            http=http,
            api_url=self._url,
            signer=sign_in.signer(credentials),
            governance=Governance(limits, self._limiters, slots),
            calls=self.calls,
            clock=clock,
        )
        self._signs = client.signer
        self._send = client.send
        self._ask = remembering(client.send, memory)
        self._described: AccountDescription | None = None
        self._items: ItemReader | None = None
        self._books: BooksReader | None = None
        self._pulses: PulseTaker | None = None
        if described is not None:
            self._take(described)

    def objects(self) -> Mapping[Role, str]:
        """NetSuite's name of each role's object."""
        return OBJECTS

    async def describe(self, named: Mapping[Role, Collection[str]] | None = None) -> AccountDescription:
        """The account, its clock and currency, and the fields of items that our role sees.

        About five calls. What it does not see is there as hidden, with what it needs; so are fields that are `named`
        and not seen, since NetSuite does not say whether they exist.

        Raises:
            NotVisible: Our role does not see items at all.
        """
        wanted = columns_of(None, self._wanted, price_level=self._price_level, currency="")
        named_items = (named or {}).get("item", ())
        description, self.account = await describe_account(self._send, self._account_id, wanted, named_items)
        self._limiters.concurrency_told = self.account.concurrency
        self._take(description)
        return description

    async def item_pages(self) -> AsyncIterator[ItemPage]:
        """All items there are, inactive ones too, each id once; a call for 1,000.

        One that is changed after it was given does not come again: `changed_pages` has it.
        """
        reader = await self._reading()
        async for page in reader.pages():
            records, raw = records_of("item", page.rows, page.vendor_time)
            yield ItemPage(records, raw, (), page.last, page.vendor_time)

    async def changed_pages(self, since: datetime) -> AsyncIterator[ItemPage]:
        """All items changed or gone at or after a moment; two calls, as long as neither are more than 1,000.

        What changes behind the walk is told by the changes since the first page's `vendor_time`. Changes and deletions
        are told back to the account's beginning as far as is known.

        Raises:
            NotVisible: Our role may not see deleted records, and `deletions_needed` says that it must.
        """
        reader = await self._reading()
        async for page in reader.changed(since):
            if page.rows:
                records, raw = records_of("item", page.rows, page.vendor_time)
                yield ItemPage(records, raw, (), last=False, vendor_time=page.vendor_time)
            at = page.vendor_time
        try:
            async for page in reader.deleted(since):
                gone = gone_of("item", page.rows, page.vendor_time)
                yield ItemPage((), (), gone, page.last, page.vendor_time)
        except errors.NotVisible as refused:
            if self._deletions_needed or refused.context["table"] != "deletedrecord":
                raise
            _log.warning("%s: only a look at all items shows which are deleted", refused)
            yield ItemPage((), (), (), last=True, vendor_time=at, deletions_from=at)

    async def read_items(self, ids: Sequence[str]) -> ReadResult:
        """Items by id, inactive ones too; a call for 1,000."""
        return await (await self._reading()).by_id(ids) if ids else ReadResult((), ())

    @property
    def readings(self) -> Mapping[BooksKind, Reading]:
        """The kinds there are at NetSuite, in the order to read them, and how changes of each are asked for."""
        return READINGS

    async def pulse(self, since: Mapping[PulseKind, datetime]) -> Pulse:
        """Ask what changed: one call, and one more for each table that was hidden since the account was described.

        Where the account does not take a statement about several tables, a call for each.

        Raises:
            NotVisible: Items are asked for, and our role does not see them.
        """
        await self._reading()
        assert self._pulses is not None  # noqa: S101  # made with what `_reading` gave
        return await self._pulses.take(since)

    async def books_pages(self, kind: BooksKind, since: datetime | None) -> AsyncIterator[BooksPage]:
        """Rows of a kind changed at or after a moment, or all there are; a call for 1,000.

        Stock has moved where its available quantity changed, or a transaction that its item is on. Of a sales document
        that changed all lines come: those that do not were removed.

        Raises:
            ValueError: The kind can only be read whole.
            NotVisible: Our role does not see the kind, or not all of it that is needed.
        """
        check_reading(kind, since)
        await self._reading()
        assert self._books is not None  # noqa: S101  # made with what `_reading` gave
        async for page in self._books.pages(kind, since):
            yield page

    def books_fact(self, record: Record) -> BooksFact:
        """What a row of a kind says, with the account's currency as far as it is known.

        Raises:
            SkipRecord: It cannot be read.
        """
        return books_fact(record, currency=self._currency)

    def item_cost(self, record: Record) -> ItemCost:
        """What an item costs, with the account's currency as far as it is known.

        Raises:
            SkipRecord: It cannot be read.
        """
        return item_cost(record, currency=self._currency)

    def item_facts(self, record: Record) -> ItemFacts:
        """What matching looks at, with the account's currency as far as it is known.

        Raises:
            SkipRecord: It cannot be read.
        """
        return item_facts(record, sku_field=self._sku_field, currency=self._currency)

    def plan_calls(self, items: int) -> CallPlan:
        """The least number of calls that reading so many items takes."""
        return CallPlan({"suiteql": max(ceil(items / self._limits.page), 1)})

    async def keep_alive(self) -> None:
        """Get a new access token; with token-based authentication there is nothing that would die.

        Raises:
            NeedsAttention: Access was revoked.
            RetryLater: NetSuite's token endpoint is down.
        """
        await self._signs.keep_alive()

    async def aclose(self) -> None:
        """Nothing to free: the HTTP client belongs to the process."""

    @property
    def _currency(self) -> str:
        return "" if self._described is None else self._described.currency

    async def _reading(self) -> ItemReader:
        if self._items is None:
            await self.describe()
        assert self._items is not None  # noqa: S101  # describing has made it
        return self._items

    def _take(self, description: AccountDescription) -> None:
        """Read by a description from now on."""
        currency = description.currency
        columns = columns_of(description, self._wanted, price_level=self._price_level, currency=currency)
        seen = visibility_of(description)
        scope = BooksScope(self._price_level, currency, self._documents_since)
        self._described = description
        self._items = ItemReader(self._ask, columns, self._limits)
        self._books = BooksReader(self._ask, seen, scope, self._limits.page)
        self._pulses = PulseTaker(self._ask, seen, scope)
