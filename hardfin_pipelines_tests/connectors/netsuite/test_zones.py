"""Nothing that changes around a midnight or a change of clocks is lost between two ticks, in any zone there is."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hardfin_pipelines.connectors.netsuite import NetSuiteConnector
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.netsuite.purchases import PurchaseLine, add_purchase
from hardfin_pipelines.sandbox.netsuite.roles import DATE_FORMATS
from hardfin_pipelines.sync.books_reading import PulseKind
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.books import NetSuiteBooks

KINDS: tuple[PulseKind, ...] = ("item", "customer", "inventory_level", "sales_document")
YEAR = 2026
ROWS = 3

What = Literal["item", "customer", "stock", "order", "sales_document"]


@cache
def zones() -> list[str]:
    """All zones that the sandbox's database has as well: which zone a user is in is all that it must know of them."""
    known = {str(row[0]) for row in duckdb.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    return sorted(available_timezones() & known)


@cache
def changes_of_clocks(zone: str) -> list[datetime]:
    """The moments of the year at which a zone's offset changes, to the second."""
    there = ZoneInfo(zone)
    found = []
    for day in range(12, 350):  # while the test account's certificate is good
        low = datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(days=day)
        high = low + timedelta(days=1)
        if low.astimezone(there).utcoffset() == high.astimezone(there).utcoffset():
            continue
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            same = middle.astimezone(there).utcoffset() == low.astimezone(there).utcoffset()
            low, high = (middle, high) if same else (low, middle)
        found.append(high)
    return found


def local_midnight(zone: str, day: int) -> datetime:
    """The beginning of a day of the year in a zone."""
    there = datetime(YEAR, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=day)
    return there.astimezone(UTC)


@dataclass(frozen=True)
class Story:
    """What happens at an account, in seconds before and after a moment; where nothing changes there is a tick."""

    zone: str
    date_format: str
    turn: datetime
    happens: tuple[tuple[float, What | None, int], ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    zone = draw(st.sampled_from(zones()))
    midnights = st.integers(14, 345).map(lambda day: local_midnight(zone, day))
    turns = changes_of_clocks(zone)
    turn = draw(st.sampled_from(turns) | midnights if turns else midnights)
    near = st.sampled_from([-3600, -1800, -1, -0.5, 0, 0.001, 0.999, 1, 1800, 3599, 3600, 7200])
    moments = near | st.floats(-14 * 3600, 14 * 3600, allow_nan=False, width=32)
    whats: list[What | None] = ["item", "customer", "stock", "order", "sales_document", None, None]
    kinds = st.sampled_from(whats)
    happens = draw(st.lists(st.tuples(moments, kinds, st.integers(0, ROWS - 1)), min_size=2, max_size=12))
    in_time = tuple(sorted(happens, key=lambda each: each[0]))
    return Story(zone, draw(st.sampled_from(sorted(DATE_FORMATS))), turn, in_time)


class Replica:
    """What ticks have told of an account, by cursors in the vendor's time and marks."""

    def __init__(self, connector: NetSuiteConnector, begun: datetime) -> None:
        self.rows: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._connector = connector
        self._anchor = begun
        self._cursor = begun
        self._marks: dict[PulseKind, str] = {}

    async def tick(self) -> None:
        """Read what changed, if anything did. Ticks are more than a second apart."""
        pulse = await self._connector.pulse(dict.fromkeys(KINDS, self._anchor))
        for kind in KINDS:
            if pulse.marks[kind] == self._marks.get(kind):
                continue
            if kind == "item":
                async for page in self._connector.changed_pages(self._cursor):
                    self._take(page.records)
            else:
                async for rows in self._connector.books_pages(kind, self._cursor):
                    self._take(rows.records)
        self._marks, self._cursor = dict(pulse.marks), pulse.vendor_time

    def _take(self, records: tuple[Record, ...]) -> None:
        names = {
            "item": ("displayname",),
            "customer": ("companyname",),
            "sales_document": ("memo",),
            "inventory_level": ("quantityonhand", "quantityonorder"),
        }
        for record in records:
            self.rows[record.role, record.id] = tuple(record.properties.get(name) for name in names[record.role])


class World:
    """An account with three rows of each kind, each of which says how often it was changed."""

    def __init__(self, books: NetSuiteBooks) -> None:
        self.books = books
        self.place = books.location()
        self.items = [books.item() for _ in range(ROWS)]
        self.customers = [books.customer(f"Customer {n}", at=START) for n in range(ROWS)]
        self.documents = [books.sale(at=START) for _ in range(ROWS)]
        self.vendor = books.account.create("vendor", {"entityid": "Acme"})
        self._changes = 0

    def begin(self, at: datetime) -> None:
        for number in range(ROWS):
            for what in ("item", "customer", "sales_document"):
                self.change(what, number, at)
            self._changes += 1  # a quantity that stays as it was moves no stamp
            self.books.account.set_stock(self.items[number], self.place, on_hand=1_000 + self._changes, at=at)
        orders = "SELECT id FROM transaction WHERE type = 'PurchOrd'"
        self.books.account.store.run(f'DELETE FROM transactionline WHERE "transaction" IN ({orders})')
        self.books.account.store.run("DELETE FROM transaction WHERE type = 'PurchOrd'")

    def change(self, what: What, number: int, at: datetime) -> None:
        self._changes += 1
        account, text = self.books.account, f"change {self._changes}"
        if what == "item":
            account.update("item", self.items[number], {"displayname": text}, at=at)
        elif what == "customer":
            account.update("customer", self.customers[number], {"companyname": text}, at=at)
        elif what == "sales_document":
            account.update("transaction", self.documents[number], {"memo": text}, at=at)
        elif what == "stock":
            held = account.stock(self.items[number], self.place)
            on_hand = held["quantityonhand"] + self._changes
            account.set_stock(self.items[number], self.place, on_hand=on_hand, on_order=held["quantityonorder"], at=at)
        else:
            line = PurchaseLine(self.items[number], Decimal(self._changes), Decimal(1), self.place)
            add_purchase(account, self.vendor, [line], at=at)

    def rows(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """What a replica must have."""
        account = self.books.account
        found: dict[tuple[str, str], tuple[Any, ...]] = {}
        for number in range(ROWS):
            item = self.items[number]
            stock = account.stock(item, self.place)
            quantities = (stock["quantityonhand"], stock["quantityonorder"])
            found["item", item] = (account.record("item", item)["displayname"],)
            found["inventory_level", f"{item}:{self.place}"] = tuple(str(int(each)) for each in quantities)
            customer, document = self.customers[number], self.documents[number]
            found["customer", customer] = (account.record("customer", customer)["companyname"],)
            found["sales_document", document] = (account.record("transaction", document)["memo"],)
        return found


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    books = NetSuiteBooks(page_size=1000)
    with books.serving():
        books.sandbox.clock.freeze()
        yield World(books)


EVERY_WAY: tuple[tuple[float, What | None, int], ...] = (
    (-3601.0, "item", 0),
    (-1800.0, "stock", 0),
    (-1.0, "order", 1),
    (-0.5, None, 0),
    (-0.5, "customer", 1),
    (0.0, "sales_document", 2),
    (0.0, None, 0),
    (0.25, "stock", 1),
    (0.5, "order", 0),
    (0.75, None, 0),
    (3599.0, "item", 2),
    (3600.5, None, 0),
    (7200.0, "customer", 2),
)
BACK = datetime(YEAR, 10, 25, 1, tzinfo=UTC)
HALF_AN_HOUR = datetime(YEAR, 4, 4, 15, tzinfo=UTC)


@pytest.mark.slow
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(story=stories())
@example(story=Story("Europe/Berlin", "D.M.YYYY", BACK, EVERY_WAY))
@example(story=Story("Australia/Lord_Howe", "DD/MM/YYYY", HALF_AN_HOUR, EVERY_WAY))
@example(story=Story("Pacific/Kiritimati", "D-Mon-YYYY", local_midnight("Pacific/Kiritimati", 90), EVERY_WAY))
@example(story=Story("Pacific/Pago_Pago", "YYYY/MM/DD", local_midnight("Pacific/Pago_Pago", 90), EVERY_WAY))
def test_every_change_is_told_by_the_tick_behind_it(world: World, story: Story) -> None:
    books = world.books
    user = books.account.integration_user
    books.account.change_user(user.id, time_zone=story.zone, date_format=story.date_format)
    begun = story.turn - timedelta(hours=20)
    books.sandbox.clock.set(begun)
    world.begin(begun)

    async def run() -> None:
        fresh: dict[str, Any] = {"limiters": LimiterRegistry(), "tokens": MemoryTokenStore(Tokens(""))}
        async with books.connector(**fresh) as connector:
            replica = Replica(connector, begun)
            await replica.tick()
            assert replica.rows == world.rows()
            ticked = begun
            for seconds, what, number in (*story.happens, (15 * 3600, None, 0)):
                at = story.turn + timedelta(seconds=seconds)
                books.sandbox.clock.set(at)
                if what is not None:
                    world.change(what, number, at)
                    continue
                if at - ticked < timedelta(seconds=1):
                    continue
                ticked = at
                await replica.tick()
                assert replica.rows == world.rows(), f"{story.zone} at {at}"

    asyncio.run(run())
