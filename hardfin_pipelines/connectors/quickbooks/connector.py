"""The QuickBooks Online connector: all of the contract's questions, put to one company."""

import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import CallCounts, CallPlan, Capabilities, PageMemory, ReadResult
from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.quickbooks import errors
from hardfin_pipelines.connectors.quickbooks.changes import ChangeReader
from hardfin_pipelines.connectors.quickbooks.client import QuickBooksClient
from hardfin_pipelines.connectors.quickbooks.decode import OBJECTS, gone_of, records_of
from hardfin_pipelines.connectors.quickbooks.describe import CompanyFacts, describe_company
from hardfin_pipelines.connectors.quickbooks.facts import item_facts
from hardfin_pipelines.connectors.quickbooks.limits import (
    METERED,
    PROCESS_LIMITERS,
    CompanyLimiters,
    QuickBooksLimits,
    account_name,
)
from hardfin_pipelines.connectors.quickbooks.oauth import OAuthApp, TokenEndpoint
from hardfin_pipelines.connectors.quickbooks.reading import read_items
from hardfin_pipelines.connectors.quickbooks.scan import Scan
from hardfin_pipelines.connectors.quickbooks.transport import OAuthEndpoints, QuickBooksTransport
from hardfin_pipelines.connectors.quickbooks.versions import API_URL
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.remembering import remembering
from hardfin_pipelines.connectors.renewal import PROCESS_LOCKS, Authenticator, RenewalLock
from hardfin_pipelines.connectors.retries import RetryPolicy
from hardfin_pipelines.connectors.tokens import TokenStore
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.records import AccountDescription, Record, Role

LOOK_BACK = timedelta(days=30) - timedelta(hours=1)
"""Change data capture looks back 30 days (Intuit docs); an hour less, since our clock and QuickBooks' may differ."""

_ITEM = OBJECTS["item"]

_log = logging.getLogger(__name__)


class QuickBooksConnector:
    """One QuickBooks company. Cheap to make: it opens nothing and asks nothing until it is used.

    Example:
        >>> connector = QuickBooksConnector(
        ...     transport=transport,
        ...     realm_id="9130350000000000",
        ...     app=OAuthApp(client_id, client_secret),
        ...     tokens=store,
        ...     limits=QuickBooksLimits(),
        ... )
        >>> async for page in connector.changed_pages(since):
        ...     print(len(page.records), len(page.gone))

    Attributes:
        company: What `describe` found of the company; None before.
    """

    integration = errors.INTEGRATION
    look_back: timedelta | None = LOOK_BACK

    def __init__(
        self,
        *,
        transport: QuickBooksTransport,
        realm_id: str,
        app: OAuthApp | None,
        tokens: TokenStore,
        limits: QuickBooksLimits,
        api_url: str = API_URL,
        endpoints: OAuthEndpoints | None = None,
        currency: str = "",
        memory: PageMemory | None = None,
        clock: Clock = SYSTEM_CLOCK,
        limiters: LimiterRegistry[CompanyLimiters] = PROCESS_LIMITERS,
        renewal_lock: RenewalLock | None = None,
    ) -> None:
        """A connector that has asked for nothing yet.

        Args:
            transport: The process's shared connections; they are not closed with the connector.
            realm_id: The company; connectors of one company share its rate limiters.
            app: Our app at Intuit; None where the token at hand cannot be renewed.
            tokens: Where the connection's tokens are kept.
            limits: How hard the company may be asked.
            api_url: Where QuickBooks' API is.
            endpoints: Where Intuit's OAuth is.
            currency: The company's own, as it was last described; `describe` learns it anew.
            memory: Keeps answers of this unit of work; descriptions and tokens are never kept.
            clock: Time and waiting.
            limiters: The limiters of all companies; the process's own, unless a test brings others.
            renewal_lock: Held while tokens are renewed; by default one of this process.
        """
        self.capabilities = Capabilities(deletes=True)
        self.calls = CallCounts()
        self.company: CompanyFacts | None = None
        self._realm_id = realm_id
        self._limits = limits
        self._clock = clock
        self._currency = currency
        name = account_name(api_url, realm_id)
        shared = limiters.of(name, lambda places: CompanyLimiters(limits, clock, account=name, places=places))
        shared.configure(limits)
        renewer = (
            None
            if app is None
            else TokenEndpoint(
                transport=transport,
                app=app,
                endpoints=endpoints,
                clock=clock,
                retries=RetryPolicy(limits.attempts),
                calls=self.calls,
            )
        )
        self._auth = Authenticator(
            integration=errors.INTEGRATION,
            vendor=errors.VENDOR,
            renewer=renewer,
            store=tokens,
            lock=renewal_lock or PROCESS_LOCKS.of(name),
            calls=self.calls,
            clock=clock,
        )
        client = QuickBooksClient(
            transport=transport,
            api_url=api_url,
            realm_id=realm_id,
            auth=self._auth,
            limiters=shared,
            limits=limits,
            calls=self.calls,
            clock=clock,
        )
        self._send = client.send
        self._ask = remembering(client.send, memory)

    def objects(self) -> Mapping[Role, str]:
        """QuickBooks' name of each role's object."""
        return OBJECTS

    async def describe(
        self,
        named: Mapping[Role, Collection[str]] | None = None,  # noqa: ARG002  # QuickBooks tells nothing of fields
    ) -> AccountDescription:
        """The company, its currency, and the fields its items may have. One call."""
        description, self.company = await describe_company(self._send, self._realm_id)
        self._currency = description.currency
        return description

    async def item_pages(self) -> AsyncIterator[ItemPage]:
        """All items there are, inactive ones too, each id once; a call for 1,000.

        One that is changed after it was given does not come again: `changed_pages` has it.
        """
        scan = Scan(self._ask, _ITEM, self._limits.page, each_once=True)
        async for page in scan.pages():
            records, raw = records_of("item", page.rows, page.vendor_time)
            yield ItemPage(records, raw, (), page.last, page.vendor_time)

    async def changed_pages(self, since: datetime) -> AsyncIterator[ItemPage]:
        """All items changed or gone at or after a moment. One call, as long as fewer than 1,000 were.

        With more of them a call for 1,000, and `deletions_from` of the last page says since when deletions are told.

        Raises:
            ValueError: `since` is further back than `look_back`: a first load is due instead.
        """
        oldest = self._clock.now() - LOOK_BACK
        if since < oldest:
            raise ValueError(f"changes since {since:%Y-%m-%d %H:%M} UTC: {errors.VENDOR} looks back to {oldest}")
        reader = ChangeReader(self._ask, self._limits.changes)
        told = await reader.changes([_ITEM], since)
        at, changes = told.vendor_time, told.by_entity[_ITEM]
        records, raw = records_of("item", changes.rows, at)
        yield ItemPage(records, raw, gone_of("item", changes.stubs, at), changes.complete, at)
        if changes.complete:
            return
        scan = Scan(self._ask, _ITEM, self._limits.page, each_once=False)
        scan.given(changes.rows)
        known = [*changes.rows, *changes.stubs]
        async for page in scan.pages(since):
            if not page.rows:
                continue
            known += page.rows
            records, raw = records_of("item", page.rows, page.vendor_time)
            yield ItemPage(records, raw, (), last=False, vendor_time=page.vendor_time)
        deletions = await reader.newest_deletions(_ITEM, known, at)
        _log.warning(
            "%s has more changes since %s than it tells at once: items deleted before %s are found by a census",
            self._realm_id,
            since,
            deletions.complete_from,
        )
        gone = gone_of("item", deletions.stubs, at)
        yield ItemPage((), (), gone, last=True, vendor_time=at, deletions_from=deletions.complete_from)

    async def read_items(self, ids: Sequence[str]) -> ReadResult:
        """Items by id, inactive ones too; a call for 500. Of one that was merged away the survivor is not told."""
        return await read_items(self._ask, ids, self._limits)

    def item_facts(self, record: Record) -> ItemFacts:
        """What matching looks at, with the company's currency as far as it is known.

        Raises:
            SkipRecord: It cannot be read.
        """
        return item_facts(record, self._currency)

    def plan_calls(self, items: int) -> CallPlan:
        """The least number of calls that reading so many items takes: each page repeats the last row of the one before.

        More are taken where many items were changed within one second.
        """
        page = self._limits.page
        return CallPlan({METERED: 1 if items < page else (items - page) // (page - 1) + 2})

    async def keep_alive(self) -> None:
        """Renew the tokens of a connection that is not visited: unused for 100 days, a refresh token dies.

        Raises:
            NeedsAttention: Access was revoked.
            RetryLater: Intuit's token endpoint is down.
        """
        await self._auth.keep_alive()

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the process."""
