"""The HubSpot connector: all of the contract's questions, put to one account."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import httpx

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
from hardfin_pipelines.connectors.hubspot.associations import AssociationReader
from hardfin_pipelines.connectors.hubspot.auth import Authenticator
from hardfin_pipelines.connectors.hubspot.client import HubSpotClient
from hardfin_pipelines.connectors.hubspot.decode import deal_state
from hardfin_pipelines.connectors.hubspot.describe import describe_account, details_of
from hardfin_pipelines.connectors.hubspot.limits import (
    ASSOCIATION_INPUTS,
    BATCH_READ_INPUTS,
    PROCESS_LIMITERS,
    SEARCH_PAGE,
    AccountLimiters,
    HubSpotLimits,
    account_name,
)
from hardfin_pipelines.connectors.hubspot.oauth import OAuthApp, TokenEndpoint
from hardfin_pipelines.connectors.hubspot.reading import BatchReader
from hardfin_pipelines.connectors.hubspot.remembering import remembering
from hardfin_pipelines.connectors.hubspot.requests import OBJECTS, wanted_properties
from hardfin_pipelines.connectors.hubspot.search import Choice, DealSearch, census_choices
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.retries import RetryPolicy
from hardfin_pipelines.connectors.tokens import TokenStore
from hardfin_pipelines.sync.records import AccountDescription, Record, Role
from hardfin_pipelines.sync.trigger import DealState

_ASSOCIATED_ROLES = 2


class HubSpotConnector:
    """One HubSpot account. Cheap to make: it opens nothing and asks nothing until it is used.

    Example:
        >>> connector = HubSpotConnector(
        ...     http=http,
        ...     base_url="https://api.hubapi.com",
        ...     account="acme-robotics/hubspot",
        ...     app=OAuthApp(client_id, client_secret),
        ...     tokens=store,
        ...     limits=HubSpotLimits(),
        ... )
        >>> page = await connector.first_page(query, ["dealname", "amount"])
    """

    integration = "hubspot"

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        base_url: str,
        account: str,
        app: OAuthApp | None,
        tokens: TokenStore,
        limits: HubSpotLimits,
        memory: PageMemory | None = None,
        clock: Clock = SYSTEM_CLOCK,
        limiters: LimiterRegistry[AccountLimiters] = PROCESS_LIMITERS,
    ) -> None:
        """A connector that has asked for nothing yet.

        Args:
            http: The process's shared client; it is not closed with the connector.
            base_url: Where HubSpot's API is, or the sandbox.
            account: Names the account; connectors of one account share its rate limiters.
            app: Our app at HubSpot; None where the token is a static one.
            tokens: Where the connection's tokens are kept.
            limits: How hard the account may be asked.
            memory: Keeps answers of this unit of work; descriptions and tokens are never kept.
            clock: Time and waiting.
            limiters: The limiters of all accounts; the process's own, unless a test brings others.
        """
        self.capabilities = Capabilities(stage_entered_times=True, stage_entered_search=True, merges=True)
        self.calls = CallCounts()
        self._limits = limits
        name = account_name(base_url, account)
        shared = limiters.of(name, lambda places: AccountLimiters(limits, clock, account=name, places=places))
        shared.configure(limits)
        retries = RetryPolicy(limits.attempts)
        endpoint = (
            None if app is None else TokenEndpoint(http=http, base_url=base_url, app=app, clock=clock, retries=retries)
        )
        self._auth = Authenticator(endpoint=endpoint, store=tokens, calls=self.calls, clock=clock)
        client = HubSpotClient(
            http=http,
            base_url=base_url,
            auth=self._auth,
            limiters=shared,
            limits=limits,
            calls=self.calls,
            clock=clock,
        )
        self._send = client.send
        self._ask = remembering(client.send, memory)
        self._reader = BatchReader(self._ask, limits.in_flight)

    def objects(self) -> Mapping[Role, str]:
        """HubSpot's name of each role's object."""
        return OBJECTS

    async def account_id(self) -> str:
        """The account (HubSpot's hub or portal id), from the token or, for a static one, from the account's details."""
        return await self._auth.hub_id() or str((await details_of(self._send)).get("portalId") or "")

    def expect(self, fields: Mapping[Role, Sequence[str]]) -> None:
        """Nothing follows from it: HubSpot gives records by their own calls only."""

    async def describe(self, named: Mapping[Role, Collection[str]] | None = None) -> AccountDescription:
        """Pipelines, stages, properties, owners and currency of the account now. Eight calls.

        Up to four more for each object of which properties are `named` that are not there.
        """
        return await describe_account(self._send, self.account_id, self._limits.in_flight, named or {})

    async def first_page(self, query: TriggerQuery, properties: Sequence[str]) -> Page:
        """The first answer of a search. One call, whatever the number of pipelines."""
        return await self._search(query, properties).first()

    async def deal_pages(
        self, query: TriggerQuery, properties: Sequence[str], *, first: Page | None = None
    ) -> AsyncIterator[Page]:
        """All matching deals. A deal comes again in a later page only if it was modified meanwhile."""
        async for page in self._search(query, properties).pages(first):
            yield page

    async def census_pages(self, query: TriggerQuery) -> AsyncIterator[Page]:
        """All deals that match now, with the fields that decide about them only; a call per 200, none from memory.

        A window that deals passed through more stages in than a search has room for is searched several times; then
        there is no count of HubSpot's own.
        """
        parts: Sequence[Sequence[Choice]] = [()] if query.modified_before is None else census_choices(query)
        for number, choices in enumerate(parts, start=1):
            async for page in DealSearch(self._send, query, (), self._limits.search_page, choices).pages(None):
                whole = page if len(parts) == 1 else replace(page, total=None, last=page.last and number == len(parts))
                yield whole

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """What deals are associated with; a call per 1,000 deals and role, more only for deals with very many."""
        return await AssociationReader(self._ask, self._limits.in_flight).references(deal_ids, roles)

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """Records by id; a call per 100, and one for each id that did not come (at most 100 of them)."""
        return await self._reader.read(role, ids, properties)

    def deciding_fields(self, stages: Iterable[str]) -> tuple[str, ...]:
        """Pipeline, stage, and when the deal entered each of the stages."""
        return tuple(wanted_properties("deal", (), stages))

    def deal_state(self, deal: Record) -> DealState:
        """Pipeline, stage, and when the deal entered the trigger stages it was searched with."""
        return deal_state(deal)

    def plan_calls(self, deals: int, companies: int, line_items: int, products: int) -> CallPlan:
        """The least number of calls; a search whose pages share stamps at their edges takes a few more."""
        reads = sum(_calls(count, BATCH_READ_INPUTS) for count in (companies, line_items, products))
        return CallPlan(
            {
                "search": max(_calls(deals, SEARCH_PAGE), 1),
                "associations": _ASSOCIATED_ROLES * _calls(deals, ASSOCIATION_INPUTS),
                "general": reads,
            }
        )

    async def aclose(self) -> None:
        """Nothing to free: the HTTP client belongs to the process."""

    def _search(self, query: TriggerQuery, properties: Sequence[str]) -> DealSearch:
        return DealSearch(self._ask, query, properties, self._limits.search_page)


def _calls(count: int, at_once: int) -> int:
    return -(-count // at_once)
