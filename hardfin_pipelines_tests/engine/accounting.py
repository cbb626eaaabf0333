"""An accounting system in memory that fulfils the contract of ERP connectors, and an organization that uses it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Table, select

from hardfin_pipelines.connectors.base import CallCounts, CallPlan, Capabilities, Missing, PageMemory, ReadResult
from hardfin_pipelines.connectors.erp import Gone, ItemPage
from hardfin_pipelines.connectors.errors import SkipRecord, VendorError
from hardfin_pipelines.engine.item_visits import ItemReport, sync_items
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_store import insert_items
from hardfin_pipelines.settings import Settings
from hardfin_pipelines.sync.call_budget import Purpose
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.records import AccountDescription, Record, Role
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment
from hardfin_pipelines_tests.store_fixtures import add_connection, add_organization

CONNECTION = "acme:quickbooks"


@dataclass
class Books:
    """What the accounting system holds, and what its people do."""

    records: dict[str, Record] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    clock: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    page_size: int = 3
    look_back: timedelta | None = timedelta(days=30)
    calls: list[str] = field(default_factory=list)
    failing: dict[int, VendorError] = field(default_factory=dict)
    between: Callable[[], object] | None = None

    def put(self, external_id: str, name: str, sku: str = "", **more: str) -> None:
        """Add an item, or change it; now."""
        self.clock += timedelta(seconds=1)
        properties = {"Name": name, "Sku": sku, "Type": "Inventory", "Active": "true", **more}
        self.records[external_id] = Record("item", external_id, self.clock, properties, url=f"books/{external_id}")

    def delete(self, external_id: str, into: str = "") -> None:
        """Delete an item, or merge it into another one; now."""
        self.clock += timedelta(seconds=1)
        del self.records[external_id]
        self.gone.append(Gone("item", external_id, self.clock, "merged" if into else "deleted", into))

    def wait(self, how_long: timedelta) -> None:
        self.clock += how_long


class BooksConnector:
    """A connector to books in memory."""

    integration = "quickbooks"
    capabilities = Capabilities(deletes=True, merges=True)

    def __init__(self, books: Books, memory: PageMemory | None = None) -> None:
        self._books = books
        self._memory = memory
        self.calls = CallCounts()
        self.look_back = books.look_back

    def objects(self) -> Mapping[Role, str]:
        return {"item": "Item"}

    async def describe(self, named: Any = None) -> AccountDescription:
        raise NotImplementedError(named)

    async def item_pages(self) -> AsyncIterator[ItemPage]:
        async for page in self._pages("load", sorted(self._books.records.values(), key=lambda each: each.id), []):
            yield page

    async def changed_pages(self, since: datetime) -> AsyncIterator[ItemPage]:
        books = self._books
        if self.look_back is not None and since < books.clock - self.look_back:
            message = f"{since} is too long ago"
            raise ValueError(message)
        changed = [each for each in books.records.values() if each.modified_at >= since]
        gone = [each for each in books.gone if each.at >= since and each.id not in books.records]
        changed.sort(key=lambda each: (each.modified_at, each.id))
        async for page in self._pages(f"since {since}", changed, gone):
            yield page

    async def _pages(self, key: str, records: list[Record], gone: list[Gone]) -> AsyncIterator[ItemPage]:
        size = self._books.page_size
        starts = range(0, max(len(records), 1), size)
        for number, start in enumerate(starts):
            vendor_time = await self._asked(f"{key} {number}")
            part = records[start : start + size]
            last = number == len(starts) - 1
            yield ItemPage(tuple(part), raw_of(part), tuple(gone) if last else (), last, vendor_time)
            if self._books.between is not None:
                self._books.between()

    async def _asked(self, key: str) -> datetime:
        async def fetch() -> bytes:
            books = self._books
            number = len(books.calls)
            books.calls.append(key)
            self.calls.by_bucket["all"] = self.calls.by_bucket.get("all", 0) + 1
            if number in books.failing:
                raise books.failing[number]
            return books.clock.isoformat().encode()

        told = await fetch() if self._memory is None else await self._memory.remember(key, fetch)
        return datetime.fromisoformat(told.decode())

    async def read_items(self, ids: Sequence[str]) -> ReadResult:
        await self._asked(f"read {' '.join(ids)}")
        there = [self._books.records[each] for each in ids if each in self._books.records]
        missing = [Missing("item", each, "not found", "gone") for each in ids if each not in self._books.records]
        return ReadResult(tuple(there), raw_of(there), tuple(missing))

    def item_facts(self, record: Record) -> ItemFacts:
        told = record.properties
        name = told["Name"] or ""
        if told.get("UnitPrice") == "a lot":
            raise SkipRecord("quickbooks", "UnitPrice: expected a number, got 'a lot'", record_id=record.id)
        return ItemFacts(
            name=name,
            path=(*((told.get("Parent") or "").split(":") if told.get("Parent") else ()), name),
            sku=told["Sku"] or "",
            kind="helper" if told["Type"] == "Category" else "stocked",
            vendor_type=told["Type"] or "",
            active=told["Active"] == "true",
            description=told.get("Description") or "",
            price=Decimal(told["UnitPrice"] or "") if told.get("UnitPrice") else None,
            currency="USD",
        )

    def plan_calls(self, items: int) -> CallPlan:
        return CallPlan({"all": -(-items // self._books.page_size)})

    async def keep_alive(self) -> None:
        return None

    async def aclose(self) -> None:
        return None


def raw_of(records: Sequence[Record]) -> tuple[bytes, ...]:
    return tuple(json.dumps({"Id": each.id, **each.properties}).encode() for each in records)


@dataclass
class Accounting:
    """An organization with books, and a deployment that knows it."""

    deployment: MovableDeployment
    books: Books
    org: str = "acme"

    def connect(
        self, row: ConnectionRow, memory: PageMemory | None = None, *, purpose: Purpose = "describe"
    ) -> BooksConnector:
        assert (row.connection_id, purpose) in {(CONNECTION, each) for each in ("describe", "tick", "load")}
        return BooksConnector(self.books, memory)

    def sync(self, run_id: str = "run", **more: Any) -> ItemReport:
        """One visit."""
        work = sync_items(self.deployment, self.org, CONNECTION, run_id=run_id, connect=self.connect, **more)
        return self.deployment.run(work)

    def add_products(self, *products: tuple[str, str, str]) -> None:
        """Products of Hardfin's: id, name and SKU."""
        with writing(self.deployment.engine) as connection:
            new = [(item_id, "product", {"name": name, "sku": sku or None}) for item_id, name, sku in products]
            insert_items(connection, self.org, new, self.deployment.now())  # type: ignore[arg-type]  # literals

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with reading(self.deployment.engine) as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def by_id(self, table: Table, *names: str) -> dict[str, Any]:
        """One column of a table, or several, by external id."""
        return {
            row["external_id"]: row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
            for row in self.rows(table)
        }


def open_accounting(database_url: str, folder: Path, **changes: Any) -> Accounting:
    """An organization with an active QuickBooks connection, a store of its own, and empty books."""
    settings = Settings(
        home=folder / "home",
        database_url=database_url,
        landing_root=str(folder / "landing"),
        secret_key=SecretStr(Fernet.generate_key().decode()),
    )
    deployment = MovableDeployment.open(settings)
    with writing(deployment.engine) as connection:
        add_organization(connection, "acme")
        add_organization(connection, "other")
        add_connection(connection, "acme", "quickbooks")
    return Accounting(deployment, replace(Books(), **changes))


def filled(acme: Accounting) -> Accounting:
    """Two products, one item that is linked to one of them, and three that wait."""
    acme.add_products(("itm_arm", "Robot arm", "RA-1"), ("itm_base", "Base plate", "BP-1"))
    acme.books.put("1", "Robot arm", "RA-1")
    acme.books.put("3", "Gripper", "G-1", UnitPrice="12.50", Description="Holds things")
    acme.books.put("4", "Gripper of steel", "G-2")
    acme.books.put("5", "Robot arms", "")
    acme.sync()
    return acme
