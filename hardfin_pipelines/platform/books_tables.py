"""The tables of what accounting systems hold besides items, a table a kind, and how far each kind was read.

Columns are the fields of `sync/books.py`, where `id` is `external_id`. Rows name others by the vendor's ids, and no
foreign key holds them: what a row names may be read later, or not be visible at all.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Boolean, Column, Date, Index, Integer, PrimaryKeyConstraint, Table, Text

from hardfin_pipelines.platform.column_types import ExactDecimal, UtcDateTime
from hardfin_pipelines.platform.tables import metadata
from hardfin_pipelines.sync.books import BooksKind, key_fields


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _number(name: str) -> Column[Any]:
    return Column(name, ExactDecimal, nullable=True)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def column_name(field: str) -> str:
    """The column of a fact's field."""
    return "external_id" if field == "id" else field


def _kept(name: str, key: tuple[str, ...], *columns: Column[Any] | Index) -> Table:
    """A table of vendor rows: what they say, whose they are, and when that was last so."""
    return Table(
        name,
        metadata,
        _text("org"),
        _text("connection_id"),
        *columns,
        Column("as_of", UtcDateTime, nullable=False),  # vendor time of the answer that last changed the row
        _text("run_id"),
        Column("gone_at", UtcDateTime, nullable=True),  # vendor time
        PrimaryKeyConstraint("org", "connection_id", *(column_name(each) for each in key)),
    )


subsidiaries = _kept(
    "subsidiaries",
    key_fields("subsidiary"),
    _text("external_id"),
    _text("name"),
    _text("full_name"),
    _text("parent_id"),
    _text("currency"),
    _text("country"),
    _flag("active"),
)

locations = _kept(
    "locations",
    key_fields("location"),
    _text("external_id"),
    _text("name"),
    _text("full_name"),
    _text("parent_id"),
    _text("subsidiary_id"),
    _flag("active"),
)

ledger_accounts = _kept(
    "ledger_accounts",
    key_fields("ledger_account"),
    _text("external_id"),
    _text("number"),
    _text("name"),
    _text("full_name"),
    _text("type"),  # the vendor's word
    _text("parent_id"),
    _text("currency"),
    _flag("active"),
    _flag("summary"),
    _flag("inventory"),
)

price_levels = _kept("price_levels", key_fields("price_level"), _text("external_id"), _text("name"), _flag("active"))

# A vendor's customers. Which of Hardfin's each of them is, `links` says.
vendor_customers = _kept(
    "vendor_customers",
    key_fields("customer"),
    _text("external_id"),
    _text("name"),
    _text("number"),
    _text("email"),
    _text("currency"),
    _text("subsidiary_id"),
    _flag("active"),
)

item_components = _kept(
    "item_components",
    key_fields("item_component"),
    _text("parent_id"),
    _text("line"),
    _text("item_id"),
    _number("quantity"),
)

item_prices = _kept(
    "item_prices",
    key_fields("item_price"),
    _text("item_id"),
    _text("price_level_id"),
    _text("currency"),
    Column("from_quantity", ExactDecimal, nullable=False),  # without zeros at its end, so that it is one key
    _number("price"),
)

item_costs = _kept(
    "item_costs",
    ("item_id",),
    _text("item_id"),
    _number("purchase_price"),
    _number("average_cost"),
    _number("last_purchase_price"),
    _text("currency"),
)

serial_numbers = _kept(
    "serial_numbers",
    key_fields("serial_number"),
    _text("external_id"),
    _text("item_id"),
    _text("number"),
    Column("expires_on", Date, nullable=True),
    Index(None, "org", "connection_id", "item_id"),
)

inventory_levels = _kept(
    "inventory_levels",
    key_fields("inventory_level"),
    _text("item_id"),
    _text("location_id"),  # "" where the account keeps stock by item alone
    _number("on_hand"),
    _number("available"),
    _number("committed"),
    _number("on_order"),
    _number("backordered"),
    _number("in_transit"),
    _number("average_cost"),
    _number("last_purchase_price"),
    _number("on_hand_value"),
    Column("moved_at", UtcDateTime, nullable=True),  # vendor time
)

sales_documents = _kept(
    "sales_documents",
    key_fields("sales_document"),
    _text("external_id"),
    _text("type"),  # sales order, invoice
    _text("number"),
    _text("customer_id"),
    Column("modified_at", UtcDateTime, nullable=False),  # vendor time
    Column("document_date", Date, nullable=True),
    Column("due_date", Date, nullable=True),
    _text("status"),
    _text("currency"),
    _number("exchange_rate"),
    _number("total"),
    _number("unpaid"),
    _text("subsidiary_id"),
    _text("memo"),
    Index(None, "org", "connection_id", "customer_id"),
)

sales_document_lines = _kept(
    "sales_document_lines",
    key_fields("sales_document_line"),
    _text("document_id"),
    _text("line_id"),
    _text("item_id"),
    _number("quantity"),
    _number("rate"),
    _number("amount"),
    _text("location_id"),
    _text("memo"),
)

TABLES: Mapping[BooksKind, Table] = MappingProxyType(
    {
        "subsidiary": subsidiaries,
        "location": locations,
        "ledger_account": ledger_accounts,
        "price_level": price_levels,
        "customer": vendor_customers,
        "item_component": item_components,
        "item_price": item_prices,
        "serial_number": serial_numbers,
        "inventory_level": inventory_levels,
        "sales_document": sales_documents,
        "sales_document_line": sales_document_lines,
    }
)
"""The table of each kind."""

# How far each kind of a connection was read.
books_reads = Table(
    "books_reads",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("kind"),  # a kind of `sync/books.py`, or "item"
    Column("since", UtcDateTime, nullable=False),  # vendor time; what changed at or after it is read next
    _text("mark"),  # of the pulse that it was read for
    Column("total", Integer, nullable=False),  # rows there were then, by the vendor's count
    Column("read_at", UtcDateTime, nullable=False),  # vendor time
    Column("whole_at", UtcDateTime, nullable=True),  # vendor time of the last reading of all rows
    _text("lacking", default=""),  # what the connection needs to see the kind; "" where it does
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "kind"),
)

# What people chose for customers of accounting systems; never pruned. The newest holds: one that was taken away from
# its customer is linked again by nobody but a person.
customer_decisions = Table(
    "customer_decisions",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("decision_id"),
    _text("action"),  # link, unlink
    _text("customer_id"),  # the customer it was linked to, or taken away from
    Column("decided_at", UtcDateTime, nullable=False),
    _text("decided_by"),
    _text("reason", default=""),
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id", "decision_id"),
)
