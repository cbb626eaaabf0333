"""A HubSpot account in the sandbox, behind real HTTP, as tests of the connector need it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.connectors.base import PageMemory, TriggerQuery
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.hubspot import HubSpotConnector, HubSpotLimits, OAuthApp
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox, NewRecord
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines_tests.connectors.conformance import START

if TYPE_CHECKING:
    from hardfin_pipelines.connectors.hubspot.limits import AccountLimiters

SEARCH = "/crm/objects/2026-03/deals/search"
WON = "closedwon"
UNLABELLED_COMPANY = 341
PRIMARY_COMPANY = 5
LINE_ITEM = 19


class Rewriting:
    """Changes JSON answers on their way out: what the sandbox has no switch for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.poisoned: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.poisoned or scope["type"] != "http" or not scope["path"].startswith("/crm/objects/"):
            await self._app(scope, receive, send)
            return
        start: list[Message] = []

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body = self._rewritten(message.get("body", b""))
            headers = [pair for pair in start[0]["headers"] if pair[0].lower() != b"content-length"]
            length = (b"content-length", str(len(body)).encode())
            await send({**start[0], "headers": [*headers, length]})
            await send({**message, "body": body})

        await self._app(scope, receive, rewrite)

    def _rewritten(self, body: bytes) -> bytes:
        document = orjson.loads(body)
        for record in document.get("results", ()):
            if record.get("id") in self.poisoned:
                record["updatedAt"] = "0000-99-99T99:99:99Z"
                record["properties"]["hs_lastmodifieddate"] = "not a date"
        return orjson.dumps(document)


class HubSpotAccount:
    """One portal, and connectors for it. Waits move the sandbox's clock instead of taking time.

    New deals take their ids from `deal_ids`, where that is set.
    """

    def __init__(self, *, page_size: int = 5) -> None:
        self.page_size = page_size
        self.sandbox = HubSpotSandbox()
        self.portal = self.sandbox.add_portal(4242)
        self.answers = Rewriting(self.sandbox.app)
        self.app = OAuthApp(self.sandbox.tokens.app.client_id, self.sandbox.tokens.app.client_secret)
        self.store = MemoryTokenStore(Tokens("", self.portal.issue_refresh_token()))
        self.limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry()
        self.slept: list[float] = []
        self.deal_ids: Iterator[int] | None = None
        self.clock = Clock(monotonic=lambda: self.sandbox.clock.now().timestamp(), sleep=self._sleep)
        self.url = ""

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)
        await asyncio.sleep(0)

    @contextmanager
    def serving(self) -> Iterator["HubSpotAccount"]:
        """Serves the account while the block runs."""
        with SandboxServer(self.answers) as server:
            self.url = server.url
            yield self
        self.sandbox.close()

    def new_connector(self, http: httpx.AsyncClient, **changes: Any) -> HubSpotConnector:
        """A connector; `changes` are constructor arguments."""
        arguments: dict[str, Any] = {
            "http": http,
            "base_url": self.url,
            "account": "4242",
            "app": self.app,
            "tokens": self.store,
            "limits": HubSpotLimits(search_page=self.page_size),
            "clock": self.clock,
            "limiters": self.limiters,
        }
        return HubSpotConnector(**(arguments | changes))

    @asynccontextmanager
    async def connector(self, memory: PageMemory | None = None, **changes: Any) -> AsyncIterator[HubSpotConnector]:
        """A connector with an HTTP client of its own."""
        async with open_http_client() as http:
            connector = self.new_connector(http, memory=memory, **changes)
            yield connector
            await connector.aclose()

    def query(self, *, before: datetime | None = None, entered_since: datetime | None = None) -> TriggerQuery:
        return TriggerQuery({"default": (WON,)}, START, before, entered_since)

    def create_deals(self, stamps: Sequence[datetime]) -> list[str]:
        return self.portal.create_many(
            "deals",
            [
                NewRecord(
                    {"dealname": f"Deal {place}", "pipeline": "default", "dealstage": WON},
                    id=None if self.deal_ids is None else next(self.deal_ids),
                    created_at=min(stamp, START),
                    modified_at=stamp,
                )
                for place, stamp in enumerate(stamps)
            ],
        )

    def create_product_lines(self, deal_id: str, count: int) -> list[str]:
        products = self.portal.create_many("products", [NewRecord({"name": f"Part {each}"}) for each in range(count)])
        lines = self.portal.create_many(
            "line_items",
            [NewRecord({"name": "Part", "price": "1.10", "hs_product_id": product}) for product in products],
        )
        self.portal.associate_many("deals", "line_items", [(deal_id, line, LINE_ITEM) for line in lines])
        return lines

    def create_companies(self, deal_id: str, count: int) -> list[str]:
        companies = self.portal.create_many("companies", [NewRecord({"name": f"Firm {each}"}) for each in range(count)])
        types = [PRIMARY_COMPANY, *[UNLABELLED_COMPANY] * (count - 1)]
        links = list(zip([deal_id] * count, companies, types, strict=True))
        self.portal.associate_many("deals", "companies", links)
        return companies

    def modify(self, deal_id: str) -> None:
        self.portal.update("deals", deal_id, {"description": self.sandbox.clock.now().isoformat()})

    def leave_stage(self, deal_id: str) -> None:
        self.portal.move_deal(deal_id, "closedlost")

    def archive(self, deal_id: str) -> None:
        self.portal.archive("deals", deal_id)

    def merge(self, deal_id: str, other_id: str) -> str:
        return self.portal.merge_deals(deal_id, other_id)

    def poison(self, deal_id: str) -> None:
        self.answers.poisoned.add(deal_id)

    def send_ragged_pages(self) -> None:
        self.portal.settings.ragged_search_pages = True

    def send_an_empty_page(self, *, at: int) -> None:
        body = '{"total":15,"results":[],"paging":{"next":{"after":"0"}}}'
        self.fault(path=SEARCH, skip=at, status=200, body=body)

    def throttle(self, times: int) -> None:
        body = '{"status":"error","message":"You have reached your secondly limit.","category":"RATE_LIMITS"}'
        self.fault(path="/crm/*", times=times, status=429, body=body)

    def age_access_token(self) -> None:
        self.sandbox.clock.advance(1801)

    def revoke(self) -> None:
        self.portal.uninstall_app()

    def fault(self, **fields: Any) -> Fault:
        """Plan a failure of the vendor."""
        return self.sandbox.faults.add(Fault(**fields))

    def searches(self) -> int:
        """How many searches the vendor was sent."""
        return self.sandbox.call_log.count(path=SEARCH)
