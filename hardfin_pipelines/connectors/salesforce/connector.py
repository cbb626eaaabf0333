"""The Salesforce connector: all of the contract's questions, put to one org."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from hardfin_pipelines.connectors.base import (
    CallCounts,
    CallPlan,
    Capabilities,
    Page,
    PageMemory,
    ReadResult,
    References,
    TriggerQuery,
)
from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.renewal import PROCESS_LOCKS, RenewalLock
from hardfin_pipelines.connectors.retries import RetryPolicy
from hardfin_pipelines.connectors.salesforce.auth import Authenticator
from hardfin_pipelines.connectors.salesforce.bulk import BulkQueries, NotByBulk, job_calls
from hardfin_pipelines.connectors.salesforce.bundles import FEW, BundleReader
from hardfin_pipelines.connectors.salesforce.client import DaySoFar, SalesforceClient
from hardfin_pipelines.connectors.salesforce.decode import DEFAULT_PIPELINE, HISTORY, deal_state
from hardfin_pipelines.connectors.salesforce.describe import Asked, describe_account
from hardfin_pipelines.connectors.salesforce.limits import (
    BUCKET,
    COMPOSITE_QUERIES,
    PAGE,
    PROCESS_LIMITERS,
    OrgLimiter,
    SalesforceLimits,
    account_name,
)
from hardfin_pipelines.connectors.salesforce.oauth import OAuthApp, TokenEndpoint
from hardfin_pipelines.connectors.salesforce.objects import STANDARD, OrgObjects
from hardfin_pipelines.connectors.salesforce.org_shape import OrgShape
from hardfin_pipelines.connectors.salesforce.queries import QueryRunner
from hardfin_pipelines.connectors.salesforce.remembering import Ask, remembering
from hardfin_pipelines.connectors.salesforce.search import DealSearch
from hardfin_pipelines.connectors.salesforce.transport import SalesforceTransport
from hardfin_pipelines.connectors.salesforce.versions import LOGIN_URL
from hardfin_pipelines.connectors.tokens import TokenStore
from hardfin_pipelines.sync.records import AccountDescription, Record, Role
from hardfin_pipelines.sync.trigger import DealState

_CHUNK = 1_000

_log = logging.getLogger(__name__)


class SalesforceConnector:
    """One Salesforce org. Cheap to make: it opens nothing and asks nothing until it is used.

    Example:
        >>> connector = SalesforceConnector(
        ...     transport=transport,
        ...     account="00D5e000001AbcdEAC",
        ...     app=OAuthApp(client_id, client_secret),
        ...     tokens=store,
        ...     limits=SalesforceLimits(),
        ... )
        >>> page = await connector.first_page(query, ["Name", "Amount", "Account.Name"])
    """

    integration = "salesforce"

    def __init__(
        self,
        *,
        transport: SalesforceTransport,
        account: str,
        app: OAuthApp | None,
        tokens: TokenStore,
        limits: SalesforceLimits,
        login_url: str = LOGIN_URL,
        memory: PageMemory | None = None,
        clock: Clock = SYSTEM_CLOCK,
        limiters: LimiterRegistry[OrgLimiter] = PROCESS_LIMITERS,
        renewal_lock: RenewalLock | None = None,
        day_so_far: DaySoFar | None = None,
        objects: OrgObjects = STANDARD,
        record_types: bool | None = None,
        parents: Sequence[str] = (),
    ) -> None:
        """A connector that has asked for nothing yet.

        Args:
            transport: The process's shared connections; they are not closed with the connector.
            account: Names the org; connectors of one org share its rate limiter.
            app: Our app at Salesforce; None where the token at hand cannot be renewed.
            tokens: Where the connection's tokens are kept, with the address of the org's API.
            limits: How hard the org may be asked.
            login_url: Where tokens are renewed: Salesforce's login host, or the sandbox.
            memory: Keeps answers of this unit of work; descriptions and tokens are never kept.
            clock: Time and waiting.
            limiters: The limiters of all orgs; the process's own, unless a test brings others.
            renewal_lock: Held while tokens are renewed; by default one of this process.
            day_so_far: What Salesforce told another process of the org's calls; asked before this one's first call.
            objects: The org's objects.
            record_types: Whether the org's deals have record types; None where that is not known.
            parents: Objects over which mapped fields lead, as last described: they are described at once.
        """
        entered_times, merges = objects.deals_are_opportunities, objects.companies_can_be_merged
        self.capabilities = Capabilities(stage_entered_times=entered_times, merges=merges, deletes=True)
        self.calls = CallCounts()
        self._limits = limits
        self._clock = clock
        name = account_name(login_url, account)
        shared = limiters.of(name, lambda places: OrgLimiter(limits, clock, account=name, places=places))
        shared.configure(limits)
        endpoint = (
            None
            if app is None
            else TokenEndpoint(
                transport=transport, app=app, login_url=login_url, clock=clock, retries=RetryPolicy(limits.attempts)
            )
        )
        lock = renewal_lock or PROCESS_LOCKS.of(name)
        self._auth = Authenticator(endpoint=endpoint, store=tokens, lock=lock, calls=self.calls, clock=clock)
        client = SalesforceClient(
            transport=transport,
            auth=self._auth,
            limiter=shared,
            limits=limits,
            calls=self.calls,
            clock=clock,
            day_so_far=day_so_far,
        )
        self._send = client.send
        self._ask = remembering(client.send, memory)
        self._bulk = BulkQueries(client.send, memory, clock, limits.patience_seconds)
        self._shape = OrgShape(record_types, objects=objects)
        self._parents = tuple(parents)
        self._bundles = BundleReader(QueryRunner(self._ask, limits.in_flight), self._shape, self._auth.site)

    def objects(self) -> Mapping[Role, str]:
        """Salesforce's name of each role's object."""
        return self._shape.objects.by_role

    def expect(self, fields: Mapping[Role, Sequence[str]]) -> None:
        """Say which fields will be read, by role: what deals point to then comes along with the first question.

        Without it the fields of the first chunk of deals are learnt from its questions, at a call each.
        """
        self._bundles.expect(fields)

    async def describe(self, named: Mapping[Role, Collection[str]] | None = None) -> AccountDescription:
        """Record types, stages, fields and currency of the org now. One call.

        More for an org with a great many record types, and for paths over parents whose objects cannot be guessed by
        the name of their field: a call a step, until their description was kept.
        """
        asked = Asked(self._shape.objects, named or {}, self._parents, self._shape.record_types)
        description = await describe_account(self._send, asked, self._auth.organization_id)
        self._shape.record_types = description.pipeline(DEFAULT_PIPELINE) is None
        return description

    async def first_page(self, query: TriggerQuery, properties: Sequence[str]) -> Page:
        """The first answer of a search. One call, whatever the number of pipelines."""
        return await self._search(self._ask, query, properties).first()

    async def deal_pages(
        self, query: TriggerQuery, properties: Sequence[str], *, first: Page | None = None
    ) -> AsyncIterator[Page]:
        """All matching deals, a call for 2,000; very many by a Bulk job, a call for 25,000.

        A deal comes again only if a cursor died, or a job ran, and it was modified since.
        """
        search = self._search(self._ask, query, properties)
        begin = first if first is not None else await search.first()
        async for page in self._pages(search, begin):
            self._bundles.note(page.records)
            yield page

    async def _pages(self, search: DealSearch, first: Page) -> AsyncIterator[Page]:
        if search.calls_left(first) > self._limits.bulk_from_calls:
            statement = search.whole()
            try:
                job = await self._bulk.finished(statement)
                yield search.fresh(replace(first, last=False))
                async for some in self._bulk.pages(statement, job, self._limits.page):
                    page = search.page_of_rows(some.rows, some.vendor_time, last=some.last)
                    if page.records or page.last:
                        yield page
            except NotByBulk as error:
                _log.warning("this search goes on by the query API: %s", error)
            else:
                return
        async for page in search.pages(first):
            yield page

    async def census_pages(self, query: TriggerQuery) -> AsyncIterator[Page]:
        """All deals that match now, with the deciding fields only; a call per 2,000, none from memory."""
        async for page in self._search(self._send, query, ()).pages(None):
            yield page

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """What deals point to; a call for 1,000 deals with up to eight lines each."""
        return await self._bundles.references(deal_ids, roles)

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Records by id: no call for what came along with `references`, else one for 10,000."""
        return await self._bundles.read(role, ids, properties)

    def deciding_fields(self, stages: Iterable[str]) -> tuple[str, ...]:  # noqa: ARG002  # the history has all stages
        """Record type, stage, and the history of stages."""
        history = (HISTORY,) if self._shape.objects.deals_are_opportunities else ()
        return (*self._shape.deciding_fields(), *history)

    def deal_state(self, deal: Record) -> DealState:
        """Record type, stage, and the stages the deal has entered."""
        return deal_state(deal, self._shape.objects)

    def plan_calls(self, deals: int, companies: int, line_items: int, products: int) -> CallPlan:
        """The least number of calls; lines that overflow their pages take a few more."""
        searches = max(_calls(deals, PAGE), 1)
        if searches - 1 > self._limits.bulk_from_calls:
            searches = 1 + job_calls(deals)
        chunks = _calls(deals, _CHUNK)
        # Few deals bring their products along, in a query of the same call.
        along, catalogue = (_calls(products, PAGE), 0) if deals <= FEW else (0, _calls(products, PAGE))
        queries = _calls(line_items, PAGE) + _calls(companies, PAGE) + along
        calls = max(chunks, _calls(queries, COMPOSITE_QUERIES)) + _calls(catalogue, COMPOSITE_QUERIES)
        return CallPlan({BUCKET: searches + calls})

    async def keep_alive(self) -> None:
        """Renew the tokens of a connection that is not visited: unused for 30 days, a refresh token dies.

        Raises:
            NeedsAttention: Access was revoked.
            RetryLater: Salesforce's token endpoint is down.
        """
        await self._auth.keep_alive()

    async def aclose(self) -> None:
        """Nothing to free: the connections belong to the process."""

    def _search(self, ask: Ask, query: TriggerQuery, properties: Sequence[str]) -> DealSearch:
        return DealSearch(ask, query, properties, self._limits.page, self._shape, self._clock.now, self._auth.site)


def _calls(count: int, at_once: int) -> int:
    return -(-count // at_once)
