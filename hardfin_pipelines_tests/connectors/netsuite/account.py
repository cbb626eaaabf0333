"""A NetSuite account in the sandbox, behind real HTTP, as tests of the connector need it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.netsuite import (
    NetSuiteConnector,
    NetSuiteDecoder,
    NetSuiteLimits,
    OAuthApp,
    TokenKeys,
)
from hardfin_pipelines.connectors.netsuite.slots import ProcessSlots
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.renewal import ProcessLocks
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.vendor_faults import named_fault
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.sync.records import AccountDescription, Record
from hardfin_pipelines_tests.connectors.erp_harness import START

if TYPE_CHECKING:
    from hardfin_pipelines.connectors.netsuite.limits import AccountLimiters
    from hardfin_pipelines.sandbox.faults import Fault

SUITEQL = "/services/rest/query/v1/suiteql"
TOKEN = "/services/rest/auth/oauth2/v1/token"
SYSTEM = "/services/rest/system/*"
NOW = START + timedelta(days=10)
BASE_PRICE = "1"

_DESCRIBED: dict[str, AccountDescription] = {}
"""Descriptions of accounts by what they were made with: equal ones are described alike."""


@cache
def private_key(kind: str = "secp256r1") -> Any:
    """A private key: a curve, or the bits of an RSA key."""
    if kind.isdigit():
        return rsa.generate_private_key(65_537, int(kind))
    curves: dict[str, ec.EllipticCurve] = {each.name: each for each in (ec.SECP256R1(), ec.SECP384R1())}
    return ec.generate_private_key(curves[kind])


def pem_of(key: Any) -> str:
    """A private key as settings hold it."""
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def certificate_of(key: Any) -> str:
    """A self-signed certificate of a year, in PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hardfin")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    starts = NOW - timedelta(days=1)
    builder = builder.serial_number(1).not_valid_before(starts).not_valid_after(starts + timedelta(days=365))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


class Rewriting:
    """Changes rows of queries on their way out: what the sandbox has no switch for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.poisoned: set[str] = set()
        self.rewrites: list[Callable[[dict[str, Any]], None]] = []
        """What is done to every row of every answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (self.poisoned or self.rewrites) or scope["type"] != "http" or scope["path"] != SUITEQL:
            await self.app(scope, receive, send)
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
            for row in document.get("items", ()):
                if row.get("id") in self.poisoned:
                    row["lastmodifieddate"] = "not a date"
                for rewrite in self.rewrites:
                    rewrite(row)
            body = orjson.dumps(document)
            headers = [pair for pair in start[0]["headers"] if pair[0].lower() != b"content-length"]
            await send({**start[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        await self.app(plain, receive, rewrite)


class NetSuiteAccount:
    """One account, and connectors for it. Waits move the sandbox's clock instead of taking time."""

    quiet_calls = 2
    survivors_told = False

    def __init__(self, *, page_size: int = 5, currency: str = "EUR", key: str = "secp256r1", **options: Any) -> None:
        self._made_with = f"{currency} {sorted(options.items())}"
        self.page_size = page_size
        self.currency = currency
        self.sandbox = NetSuiteSandbox()
        self.sandbox.clock.set(NOW)
        self.account: Account = self.sandbox.add_account(
            "1234567_SB1", name="Rover Rentals", currency=currency, **options
        )
        self.answers = Rewriting(self.sandbox.app)
        self.certificate = self.sandbox.keys.add_certificate(self.account, certificate_of(private_key(key)))
        self.app = OAuthApp(self.sandbox.client_id, self.certificate.kid, pem_of(private_key(key)))
        self.store = MemoryTokenStore(Tokens(""))
        self.limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry()
        self.slots = ProcessSlots()
        self.locks = ProcessLocks()
        self.described: AccountDescription | None = None
        self.slept: list[float] = []
        self.clock = Clock(now=self.now, monotonic=lambda: self.now().timestamp(), sleep=self._sleep)
        self.url = ""
        self._made = 0

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)
        await asyncio.sleep(0)

    @contextmanager
    def serving(self, *, described: bool = True) -> Iterator[Self]:
        """Serves the account while the block runs; it has been described before, as the engine does."""
        with SandboxServer(self.answers) as server:
            self.url = server.url
            if described:
                self.described = _DESCRIBED.get(self._made_with) or self.describe()
                _DESCRIBED[self._made_with] = self.described
                self.sandbox.call_log.reset()
                self.account.slots.reset()
            yield self
        broken = self.sandbox.broken
        self.sandbox.close()
        assert broken == []

    def describe(self, **changes: Any) -> AccountDescription:
        """Describes the account; connectors read by that from now on."""

        async def run() -> AccountDescription:
            async with self.connector(**changes) as connector:
                return await connector.describe()

        self.described = asyncio.run(run())
        return self.described

    @asynccontextmanager
    async def connector(self, memory: PageMemory | None = None, **changes: Any) -> AsyncIterator[NetSuiteConnector]:
        """A connector; `changes` are constructor arguments."""
        async with open_http_client() as http:
            arguments: dict[str, Any] = {
                "http": http,
                "account_id": self.account.id,
                "api_url": self.url,
                "credentials": self.app,
                "tokens": self.store,
                "limits": NetSuiteLimits(page=self.page_size),
                "described": self.described,
                "memory": memory,
                "clock": self.clock,
                "limiters": self.limiters,
                "slots": self.slots,
                "renewal_lock": self.locks.of("account"),
            }
            connector = NetSuiteConnector(**(arguments | changes))
            yield connector
            await connector.aclose()

    def token_keys(self) -> TokenKeys:
        """Keys for token-based authentication."""
        keys = self.sandbox.keys.add_tba_token(self.account)
        return TokenKeys(keys.consumer_key, keys.consumer_secret, keys.token, keys.token_secret)

    @property
    def role(self) -> Any:
        """The role that connectors act in."""
        return self.account.roles["Hardfin Integration"]

    def decoded(self, raw: bytes) -> Record:
        return NetSuiteDecoder().decode_record("item", raw)

    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def create_items(
        self, stamps: Sequence[datetime], kind: str = "nonInventoryResaleItem", **fields: Any
    ) -> list[str]:
        rows = []
        for stamp in stamps:
            self._made += 1
            rows.append({"itemid": f"I-{self._made}", "displayname": f"Item {self._made}", "lastmodifieddate": stamp})
        return self.account.create_many(kind, [row | fields for row in rows], at=START)

    def create_item(self, *, name: str, sku: str, price: Decimal, cost: Decimal) -> str:
        values = {"itemid": sku or name, "displayname": name, "cost": cost}
        item_id = self.account.create("inventoryItem", values)
        self.set_price(item_id, price)
        return item_id

    def set_price(self, item_id: str, price: Decimal, *, currency: str | None = None, quantity: int = 0) -> None:
        """A price at the base price level, in the account's currency unless another's id is given."""
        values = {"item": item_id, "pricelevel": BASE_PRICE, "unitprice": price, "quantity": quantity}
        in_currency = {"currency": currency or self.account.base_currency}
        self.account.create("pricing", values | (in_currency if "multicurrency" in self.account.features else {}))

    def create_helper(self) -> str:
        return self.account.create("subtotalItem", {"itemid": "Subtotal"})

    def modify(self, item_id: str) -> None:
        self.account.update("item", item_id, {"salesdescription": self.now().isoformat()})

    def deactivate(self, item_id: str) -> None:
        self.account.update("item", item_id, {"isinactive": True})

    def delete(self, item_id: str) -> None:
        self.account.delete("item", item_id)

    def merge(self, kept_id: str, lost_id: str) -> None:  # NetSuite merges no items: people delete one of them
        self.account.delete("item", lost_id)

    def poison(self, item_id: str) -> None:
        self.answers.poisoned.add(item_id)

    def throttle(self, times: int) -> None:
        self.fault("concurrency_limit", times=times)

    def age_access_token(self) -> None:
        self.sandbox.keys.end_tokens(self.account)

    def revoke(self) -> None:
        self.certificate.revoked = True
        self.sandbox.keys.end_tokens(self.account)

    def fault(self, name: str, **fields: Any) -> "Fault":
        """Plan a failure of NetSuite, of queries unless a path is given."""
        return self.sandbox.faults.add(named_fault(name, **({"path": SUITEQL} | fields)))

    def calls(self, path: str = SUITEQL, status: int | None = None) -> int:
        """How many calls the vendor was sent."""
        return self.sandbox.call_log.count(path=path, status=status)
