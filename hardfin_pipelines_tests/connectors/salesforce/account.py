"""A Salesforce org in the sandbox, behind real HTTP, as tests of the connector need it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.connectors.base import PageMemory, TriggerQuery
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.salesforce import OAuthApp, SalesforceConnector, SalesforceLimits, SalesforceTransport
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.vendor_faults import named_fault
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines_tests.connectors.conformance import START

if TYPE_CHECKING:
    from hardfin_pipelines.connectors.salesforce.limits import OrgLimiter
    from hardfin_pipelines.sandbox.faults import Fault

DATA = "/services/data/v62.0/"
QUERY = f"{DATA}query/*"
WON = "Closed Won"
LOST = "Closed Lost"
_HELD = "01gHELD-0"

Change = Callable[[str, dict[str, Any]], Any]


class Rewriting:
    """Changes answers to queries on their way out: what the sandbox has no switch for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.poisoned: set[str] = set()
        self.empty_in: int | None = None
        self.cursor_at_end = False
        self._held: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        idle = not self.poisoned and self.empty_in is None and not self.cursor_at_end and self._held is None
        if idle or scope["type"] != "http" or not scope["path"].startswith(DATA) or "/jobs/" in scope["path"]:
            await self._app(scope, receive, send)
            return
        if scope["path"].endswith(_HELD):
            body = self._held or b'{"totalSize":0,"done":true,"records":[]}'
            self._held = None
            await Response(body, 200, media_type="application/json")(scope, receive, send)
            return
        plain = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]}
        start: list[Message] = []
        parts: list[bytes] = []

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = self._rewritten(scope["path"], b"".join(parts))
            headers = [pair for pair in start[0]["headers"] if pair[0].lower() != b"content-length"]
            await send({**start[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        await self._app(plain, receive, rewrite)

    def _rewritten(self, path: str, body: bytes) -> bytes:
        document = orjson.loads(body)
        self._poison(document)
        if "/query" not in path or not isinstance(document, dict) or "records" not in document:
            return orjson.dumps(document)
        if self.empty_in is not None:
            self.empty_in -= 1
            if self.empty_in < 0:
                self.empty_in = None
                self._held = orjson.dumps(document)
                return orjson.dumps(document | {"records": [], "done": False, "nextRecordsUrl": f"{DATA}query/{_HELD}"})
        if self.cursor_at_end and document["done"]:
            document |= {"done": False, "nextRecordsUrl": f"{DATA}query/{_HELD}"}
        return orjson.dumps(document)

    def _poison(self, document: Any) -> None:
        if isinstance(document, list):
            for each in document:
                self._poison(each)
        if isinstance(document, dict):
            if document.get("Id") in self.poisoned:
                document["SystemModstamp"] = "not a date"
            for each in document.values():
                self._poison(each)


class SalesforceAccount:
    """One org, and connectors for it. Waits move the sandbox's clock instead of taking time."""

    def __init__(self, *, page_size: int = 5, **org: Any) -> None:
        self.page_size = page_size
        self.sandbox = SalesforceSandbox()
        self.org: Org = self.sandbox.add_org("acme", **org)
        self.org.settings.largest_page = page_size
        self.answers = Rewriting(self.sandbox.app)
        self.app = OAuthApp(self.sandbox.tokens.app.client_id, self.sandbox.tokens.app.client_secret)
        self.user = self.org.integration_user_id
        self.store = MemoryTokenStore(Tokens("", self.sandbox.tokens.issue_refresh(self.org, self.user)))
        self.limiters: LimiterRegistry[OrgLimiter] = LimiterRegistry()
        self.slept: list[float] = []
        self.clock = Clock(
            now=self.sandbox.clock.now, monotonic=lambda: self.sandbox.clock.now().timestamp(), sleep=self._sleep
        )
        self.url = ""

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)
        await asyncio.sleep(0)

    @contextmanager
    def serving(self) -> Iterator["SalesforceAccount"]:
        """Serves the org while the block runs."""
        with SandboxServer(self.answers) as server:
            self.url = server.url
            self.transport = SalesforceTransport()
            yield self
            self.transport.close()
        self.sandbox.close()

    def new_connector(self, **changes: Any) -> SalesforceConnector:
        """A connector; `changes` are constructor arguments."""
        arguments: dict[str, Any] = {
            "transport": self.transport,
            "login_url": self.url,
            "account": "acme",
            "app": self.app,
            "tokens": self.store,
            "limits": SalesforceLimits(),
            "clock": self.clock,
            "limiters": self.limiters,
        }
        return SalesforceConnector(**(arguments | changes))

    @asynccontextmanager
    async def connector(self, memory: PageMemory | None = None, **changes: Any) -> AsyncIterator[SalesforceConnector]:
        connector = self.new_connector(memory=memory, **changes)
        yield connector
        await connector.aclose()

    def query(self, *, before: datetime | None = None, entered_since: datetime | None = None) -> TriggerQuery:
        return TriggerQuery({"default": (WON,)}, START, before, entered_since)

    def create_deals(self, stamps: Sequence[datetime], **fields: Any) -> list[str]:
        given = {"StageName": WON, "CloseDate": "2026-01-31", "Pricebook2Id": self.org.standard_pricebook_id, **fields}
        with self.org.store.writing():
            return [
                self.org.create("Opportunity", {"Name": f"Deal {place}", **given}, at=stamp)
                for place, stamp in enumerate(stamps)
            ]

    def create_product_lines(self, deal_id: str, count: int) -> list[str]:
        book = self.org.standard_pricebook_id
        with self.org.store.writing():
            products = [
                self.org.create("Product2", {"Name": f"Part {each}", "IsActive": True}) for each in range(count)
            ]
            entries = [
                self.org.create("PricebookEntry", {"Pricebook2Id": book, "Product2Id": product, "UnitPrice": "1.10"})
                for product in products
            ]
            return [
                self.org.create(
                    "OpportunityLineItem",
                    {"OpportunityId": deal_id, "PricebookEntryId": entry, "Quantity": 2, "UnitPrice": "1.10"},
                )
                for entry in entries
            ]

    def create_companies(self, deal_id: str, count: int) -> list[str]:
        """One: an opportunity has no more accounts, however many are asked for."""
        account = self.org.create("Account", {"Name": "Firm 0"})
        self.org.set_silently("Opportunity", deal_id, {"AccountId": account})
        return [account]

    def modify(self, deal_id: str) -> None:
        self.org.update("Opportunity", deal_id, {"NextStep": self.sandbox.clock.now().isoformat()})

    def move(self, deal_id: str, stage: str, at: datetime | None = None) -> None:
        """Move a deal to a stage."""
        self.org.update("Opportunity", deal_id, {"StageName": stage}, at=at)

    def leave_stage(self, deal_id: str) -> None:
        self.move(deal_id, LOST)

    def archive(self, deal_id: str) -> None:
        self.org.delete("Opportunity", deal_id)

    def merge(self, deal_id: str, other_id: str) -> str:
        raise NotImplementedError("Salesforce merges accounts, never opportunities")

    def poison(self, deal_id: str) -> None:
        self.answers.poisoned.add(deal_id)

    def send_ragged_pages(self) -> None:
        self.org.settings.largest_page = 2
        self.answers.cursor_at_end = True

    def send_an_empty_page(self, *, at: int) -> None:
        self.answers.empty_in = at

    def throttle(self, times: int) -> None:
        self.fault("concurrent_limit", times=times)

    def age_access_token(self) -> None:
        self.sandbox.tokens.expire_sessions()

    def revoke(self) -> None:
        self.sandbox.tokens.uninstall(self.org)

    def fault(self, name: str, **fields: Any) -> "Fault":
        """Plan a failure of Salesforce, of any call of its API unless a path is given."""
        return self.sandbox.faults.add(named_fault(name, **({"path": f"{DATA}*"} | fields)))

    def api_calls(self) -> int:
        """How many calls of the API the vendor was sent."""
        return self.sandbox.call_log.count(path="/services/data/*")

    def statements(self) -> list[str]:
        """The queries sent in URLs so far."""
        return [
            unquote_plus(call.query.removeprefix("q="))
            for call in self.sandbox.call_log.entries
            if call.query.startswith("q=")
        ]
