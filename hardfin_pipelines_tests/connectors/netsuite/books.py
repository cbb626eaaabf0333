"""A NetSuite account's books in the sandbox, for tests: rows of every kind, changed and removed as people do."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.connectors.netsuite import NetSuiteDecoder
from hardfin_pipelines.connectors.netsuite.books_tables import sources_of
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine, add_sale
from hardfin_pipelines.sync.books import BooksKind
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount

_TABLES = {kind: sources_of(kind)[0].table for kind in ("subsidiary", "location", "ledger_account", "price_level")}
_SPOILT: dict[BooksKind, tuple[str, str]] = {
    "item_component": ("quantity", "some"),
    "item_price": ("unitprice", "1e400000000000"),
    "serial_number": ("expirationdate", "tomorrow"),
    "inventory_level": ("quantityonhand", "NaN"),
    "sales_document": ("foreigntotal", "much"),
    "sales_document_line": ("quantity", "a few"),
}
"""What a row of a kind has in place of a value; kinds that are not here lose whether they are inactive."""


class NetSuiteBooks(NetSuiteAccount):
    """One account with books."""

    @property
    def multi_location(self) -> bool:
        return "multilocinvt" in self.account.features

    def decoded_books(self, kind: BooksKind, raw: bytes) -> Record:
        return NetSuiteDecoder().decode_record(kind, raw, self.now())

    def make_rows(self, kind: BooksKind, count: int, at: datetime | None = None) -> list[str]:
        return [self._make(kind, at or self.now()) for _ in range(count)]

    def _make(self, kind: BooksKind, at: datetime) -> str:
        self._made += 1
        name, account = f"Thing {self._made}", self.account
        if kind in _TABLES:
            values: dict[str, Any] = {"name": name}
            if kind == "subsidiary":
                values = {"name": name, "country": "US", "currency": account.base_currency, "iselimination": "F"}
            elif kind == "ledger_account":
                number = str(20_000 + self._made)
                values = {"acctnumber": number, "accountsearchdisplayname": name, "accttype": "Expense"}
            return account.create(_TABLES[kind], values, at=at)
        if kind == "customer":
            return self.customer(name, at=at)
        made: str = getattr(self, f"_make_{kind}")(at)
        return made

    def customer(self, name: str = "Initech", *, at: datetime | None = None, **values: Any) -> str:
        return self.account.create("customer", {"entityid": name, "companyname": name, **values}, at=at)

    def item(self, kind: str = "inventoryItem", **fields: Any) -> str:
        """An item that was last changed long ago."""
        return self.create_items([START], kind, **fields)[0]

    def location(self, name: str = "North") -> str:
        held = self.account.store.rows("SELECT id FROM location WHERE name = ?", [name])
        return str(held[0]["id"]) if held else self.account.add_location(name, at=START)

    def sale(self, *lines: SaleLine, kind: Any = "SalesOrd", at: datetime | None = None, **more: Any) -> str:
        """A sales document of the customer Initech; of one line where none are given."""
        held = self.account.store.rows("SELECT id FROM customer WHERE entityid = 'Initech'")
        customer = str(held[0]["id"]) if held else self.customer(at=START)
        given = lines or (SaleLine(self.item("serviceSaleItem"), Decimal(2), Decimal("9.50")),)
        return add_sale(self.account, kind, customer, given, at=at, **more)

    def stock(self, item: str, on_hand: Any = 10, *, at: datetime | None = None, **more: Any) -> str:
        """Stock of an item: the id of its row."""
        place = self.location() if self.multi_location else None
        self.account.set_stock(item, place, on_hand=on_hand, at=at, **more)
        return f"{item}:{place or ''}"

    def _make_item_component(self, at: datetime) -> str:  # members have no stamp
        parent = self.item("kitItem")
        values = {"parentitem": parent, "item": self.item(), "quantity": 2, "linenumber": 1}
        self.account.create("itemmember", values)
        return f"{parent}:1"

    def _make_item_price(self, at: datetime) -> str:  # nor have prices
        item, level = self.item(), self.account.price_levels["Alternate Price 1"]
        values = {"item": item, "pricelevel": level, "unitprice": Decimal("8.25"), "quantity": 10}
        in_currency = "multicurrency" in self.account.features
        self.account.create("pricing", values | ({"currency": self.account.base_currency} if in_currency else {}))
        return f"{item}:{level}:{self.account.base_currency if in_currency else ''}:10"

    def _make_serial_number(self, at: datetime) -> str:
        number = f"SN-{self._made}"
        return self.account.add_serial(self.item("serializedInventoryItem"), number, expires_on=at.date(), at=at)

    def _make_inventory_level(self, at: datetime) -> str:
        item = self.item()
        made = self.stock(item, at=at)
        if not self.multi_location:
            self.account.update("item", item, {}, at=at)
        return made

    def _make_sales_document(self, at: datetime) -> str:
        return self.sale(at=at)

    def _make_sales_document_line(self, at: datetime) -> str:
        return f"{self.sale(at=at)}:1"

    def change_row(self, kind: BooksKind, record_id: str) -> None:
        account, first = self.account, record_id.partition(":")[0]
        if kind == "ledger_account":
            account.update("account", first, {"accountsearchdisplayname": f"Renamed {self.now()}"})
        elif kind in _TABLES:
            account.update(_TABLES[kind], first, {"name": f"Renamed {self.now()}"})
        elif kind == "customer":
            account.update("customer", first, {"email": "new@example.com"})
        elif kind == "item_component":
            account.store.run("UPDATE itemmember SET quantity = quantity + 1 WHERE parentitem = ?", [int(first)])
        elif kind == "item_price":
            account.store.run("UPDATE pricing SET unitprice = unitprice + 1 WHERE item = ?", [int(first)])
        elif kind == "serial_number":
            account.update("inventorynumber", first, {"expirationdate": "2030-01-31"})
        elif kind == "inventory_level":
            self.stock(first, 9)
            if not self.multi_location:
                account.update("item", first, {})
        elif kind == "sales_document":
            account.update("transaction", first, {"memo": "changed"})
        else:
            account.store.run('UPDATE transactionline SET quantity = -3 WHERE "transaction" = ?', [int(first)])
            account.update("transaction", first, {})

    def remove_row(self, kind: BooksKind, record_id: str) -> None:
        first = record_id.partition(":")[0]
        if kind == "item_component":
            self.account.store.run("DELETE FROM itemmember WHERE parentitem = ?", [int(first)])
        elif kind == "item_price":
            self.account.store.run("DELETE FROM pricing WHERE item = ?", [int(first)])
        elif kind == "inventory_level":
            self.account.delete("item", first)
        elif kind == "sales_document_line":
            self.account.store.run(
                'DELETE FROM transactionline WHERE "transaction" = ? AND id = ?', list(map(int, record_id.split(":")))
            )
            self.account.update("transaction", first, {})
        else:
            self.account.delete(sources_of(kind)[0].table, first)

    def hide_kind(self, kind: BooksKind) -> None:
        self.role.hidden |= {sources_of(kind)[0].table}

    def spoil_row(self, kind: BooksKind, record_id: str) -> None:
        name, value = _SPOILT.get(kind, ("isinactive", "maybe"))
        key = sources_of(kind)[0].key
        wanted = dict(zip(key, record_id.split(":"), strict=True))

        def spoil(row: dict[str, Any]) -> None:
            if name in row and {part: row.get(part, "") for part in key} == wanted:
                row[name] = value

        self.answers.rewrites.append(spoil)
