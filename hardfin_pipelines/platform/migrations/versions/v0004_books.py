"""What accounting systems hold besides items, how far it was read, and what people decided about its customers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hardfin_pipelines.platform.column_types import ExactDecimal, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    _create_what_names_others()
    _create_what_items_have()
    _create_sales_documents()
    _create_reads_and_decisions()


def _keep(name: str, key: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    """A table of vendor rows: what they say, whose they are, and when that was last so."""
    op.create_table(
        name,
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        *columns,
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("org", "connection_id", *key, name=op.f(f"pk_{name}")),
    )


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, ExactDecimal(), nullable=True)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _create_what_names_others() -> None:
    """Companies of a group, locations, accounts, price levels, customers."""
    _keep(
        "subsidiaries",
        ("external_id",),
        _text("external_id"),
        _text("name"),
        _text("full_name"),
        _text("parent_id"),
        _text("currency"),
        _text("country"),
        _flag("active"),
    )
    _keep(
        "locations",
        ("external_id",),
        _text("external_id"),
        _text("name"),
        _text("full_name"),
        _text("parent_id"),
        _text("subsidiary_id"),
        _flag("active"),
    )
    _keep(
        "ledger_accounts",
        ("external_id",),
        _text("external_id"),
        _text("number"),
        _text("name"),
        _text("full_name"),
        _text("type"),
        _text("parent_id"),
        _text("currency"),
        _flag("active"),
        _flag("summary"),
        _flag("inventory"),
    )
    _keep(
        "price_levels",
        ("external_id",),
        _text("external_id"),
        _text("name"),
        _flag("active"),
    )
    _keep(
        "vendor_customers",
        ("external_id",),
        _text("external_id"),
        _text("name"),
        _text("number"),
        _text("email"),
        _text("currency"),
        _text("subsidiary_id"),
        _flag("active"),
    )


def _create_what_items_have() -> None:
    """Components, prices, costs, serial numbers, stock."""
    _keep(
        "item_components",
        ("parent_id", "line"),
        _text("parent_id"),
        _text("line"),
        _text("item_id"),
        _number("quantity"),
    )
    _keep(
        "item_prices",
        ("item_id", "price_level_id", "currency", "from_quantity"),
        _text("item_id"),
        _text("price_level_id"),
        _text("currency"),
        sa.Column("from_quantity", ExactDecimal(), nullable=False),
        _number("price"),
    )
    _keep(
        "item_costs",
        ("item_id",),
        _text("item_id"),
        _number("purchase_price"),
        _number("average_cost"),
        _number("last_purchase_price"),
        _text("currency"),
    )
    _keep(
        "serial_numbers",
        ("external_id",),
        _text("external_id"),
        _text("item_id"),
        _text("number"),
        sa.Column("expires_on", sa.Date(), nullable=True),
    )
    op.create_index(
        op.f("ix_serial_numbers_org_connection_id_item_id"), "serial_numbers", ["org", "connection_id", "item_id"]
    )
    _keep(
        "inventory_levels",
        ("item_id", "location_id"),
        _text("item_id"),
        _text("location_id"),
        _number("on_hand"),
        _number("available"),
        _number("committed"),
        _number("on_order"),
        _number("backordered"),
        _number("in_transit"),
        _number("average_cost"),
        _number("last_purchase_price"),
        _number("on_hand_value"),
        sa.Column("moved_at", UtcDateTime(), nullable=True),
    )


def _create_sales_documents() -> None:
    """Sales orders and invoices with their lines."""
    _keep(
        "sales_documents",
        ("external_id",),
        _text("external_id"),
        _text("type"),
        _text("number"),
        _text("customer_id"),
        sa.Column("modified_at", UtcDateTime(), nullable=False),
        sa.Column("document_date", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        _text("status"),
        _text("currency"),
        _number("exchange_rate"),
        _number("total"),
        _number("unpaid"),
        _text("subsidiary_id"),
        _text("memo"),
    )
    op.create_index(
        op.f("ix_sales_documents_org_connection_id_customer_id"),
        "sales_documents",
        ["org", "connection_id", "customer_id"],
    )
    _keep(
        "sales_document_lines",
        ("document_id", "line_id"),
        _text("document_id"),
        _text("line_id"),
        _text("item_id"),
        _number("quantity"),
        _number("rate"),
        _number("amount"),
        _text("location_id"),
        _text("memo"),
    )


def _create_reads_and_decisions() -> None:
    """How far each kind was read, and what people chose for customers."""
    op.create_table(
        "books_reads",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.Column("whole_at", UtcDateTime(), nullable=True),
        sa.Column("lacking", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "connection_id", "kind", name=op.f("pk_books_reads")),
    )
    op.create_table(
        "customer_decisions",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint(
            "org", "connection_id", "object", "external_id", "decision_id", name=op.f("pk_customer_decisions")
        ),
    )
