"""A QuickBooks company in the sandbox, behind real HTTP, as tests of the connector need it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.quickbooks import (
    OAuthApp,
    OAuthEndpoints,
    QuickBooksConnector,
    QuickBooksDecoder,
    QuickBooksLimits,
    QuickBooksTransport,
)
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.renewal import ProcessLocks
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.quickbooks import Company, QuickBooksSandbox
from hardfin_pipelines.sandbox.quickbooks.vendor_faults import named_fault
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines_tests.connectors.erp_harness import START

if TYPE_CHECKING:
    from hardfin_pipelines.connectors.quickbooks.limits import CompanyLimiters
    from hardfin_pipelines.sandbox.faults import Fault

API = "/v3/company/*"
TOKEN = "/oauth2/v1/tokens/bearer"
NOW = START + timedelta(days=10)


class Rewriting:
    """Changes answers of the API on their way out: what the sandbox has no switch for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.poisoned: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.poisoned or scope["type"] != "http" or not scope["path"].startswith("/v3/"):
            await self._app(scope, receive, send)
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
            document = orjson.loads(b"".join(parts))
            self._poison(document)
            body = orjson.dumps(document)
            headers = [pair for pair in start[0]["headers"] if pair[0].lower() != b"content-length"]
            await send({**start[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        await self._app(plain, receive, rewrite)

    def _poison(self, document: Any) -> None:
        if isinstance(document, list):
            for each in document:
                self._poison(each)
        if isinstance(document, dict):
            if document.get("Id") in self.poisoned:
                document["MetaData"]["LastUpdatedTime"] = "not a date"
            for each in document.values():
                self._poison(each)


class QuickBooksAccount:
    """One company, and connectors for it. Waits move the sandbox's clock instead of taking time."""

    quiet_calls = 1
    survivors_told = False

    def __init__(self, *, page_size: int = 5, country: str = "CA", currency: str = "CAD") -> None:
        self.page_size = page_size
        self.currency = currency
        self.sandbox = QuickBooksSandbox()
        self.sandbox.clock.set(NOW)
        self.company: Company = self.sandbox.add_company(name="Rover Rentals", country=country, currency=currency)
        self.answers = Rewriting(self.sandbox.app)
        self.app = OAuthApp(self.sandbox.client_id, self.sandbox.client_secret)
        issued = self.sandbox.issue_tokens(self.company)
        self.store = MemoryTokenStore(Tokens("", issued.refresh_token))
        self.limiters: LimiterRegistry[CompanyLimiters] = LimiterRegistry()
        self.locks = ProcessLocks()
        self.slept: list[float] = []
        self.clock = Clock(now=self.now, monotonic=lambda: self.now().timestamp(), sleep=self._sleep)
        self.url = ""
        self._made = 0

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)
        await asyncio.sleep(0)

    @contextmanager
    def serving(self) -> Iterator["QuickBooksAccount"]:
        """Serves the company while the block runs."""
        with SandboxServer(self.answers) as server:
            self.url = server.url
            self.transport = QuickBooksTransport()
            yield self
            self.transport.close()
        self.sandbox.close()

    @property
    def endpoints(self) -> OAuthEndpoints:
        return OAuthEndpoints(f"{self.url}/connect/oauth2", f"{self.url}{TOKEN}", f"{self.url}/v2/oauth2/tokens/revoke")

    def new_connector(self, **changes: Any) -> QuickBooksConnector:
        """A connector; `changes` are constructor arguments."""
        arguments: dict[str, Any] = {
            "transport": self.transport,
            "api_url": self.url,
            "endpoints": self.endpoints,
            "realm_id": self.company.realm_id,
            "app": self.app,
            "tokens": self.store,
            "limits": QuickBooksLimits(page=self.page_size),
            "clock": self.clock,
            "limiters": self.limiters,
            "renewal_lock": self.locks.of("company"),
        }
        return QuickBooksConnector(**(arguments | changes))

    @asynccontextmanager
    async def connector(self, memory: PageMemory | None = None, **changes: Any) -> AsyncIterator[QuickBooksConnector]:
        connector = self.new_connector(memory=memory, **changes)
        yield connector
        await connector.aclose()

    def decoded(self, raw: bytes) -> Record:
        return QuickBooksDecoder().decode_record("item", raw)

    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def create_items(self, stamps: Sequence[datetime], **fields: Any) -> list[str]:
        made = []
        with self.company.lock:
            for stamp in stamps:
                self._made += 1
                given = {"Name": f"Item {self._made}", "Type": "NonInventory", "UnitPrice": Decimal("1.5"), **fields}
                made.append(self.company.create("Item", given, at=stamp))
        return made

    def create_item(self, *, name: str, sku: str, price: Decimal, cost: Decimal) -> str:
        given = {"Name": name, "Sku": sku, "Type": "Inventory", "UnitPrice": price, "PurchaseCost": cost}
        return self.company.create("Item", given)

    def create_helper(self) -> str:
        return self.company.create("Item", {"Name": "Robots", "Type": "Category"})

    def modify(self, item_id: str) -> None:
        self.company.update("Item", item_id, {"Description": self.now().isoformat()})

    def deactivate(self, item_id: str) -> None:
        self.company.deactivate("Item", item_id)

    def delete(self, item_id: str) -> None:
        self.company.delete("Item", item_id)

    def merge(self, kept_id: str, lost_id: str) -> None:
        self.company.merge("Item", kept_id, [lost_id])

    def poison(self, item_id: str) -> None:
        self.answers.poisoned.add(item_id)

    def throttle(self, times: int) -> None:
        self.fault("throttled", times=times)

    def age_access_token(self) -> None:
        self.sandbox.tokens.expire_access(self.company)

    def revoke(self) -> None:
        self.sandbox.tokens.end(self.company, "revoked")

    def fault(self, name: str, **fields: Any) -> "Fault":
        """Plan a failure of QuickBooks, of any call of its API unless a path is given."""
        return self.sandbox.faults.add(named_fault(name, **({"path": API} | fields)))

    def api_calls(self) -> int:
        """How many calls of the API the vendor was sent."""
        return self.sandbox.call_log.count(path=API)

    def token_calls(self) -> int:
        """How many calls of the token endpoint the vendor was sent."""
        return self.sandbox.call_log.count(path=TOKEN)

    def metered(self) -> int:
        """How many reads the vendor has counted this month."""
        return self.sandbox.meter.used(self.now())
