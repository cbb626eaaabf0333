"""Items of accounting systems: how they were linked, what waits for a person, and what people decided."""

import sqlalchemy as sa
from alembic import op

from hardfin_pipelines.platform.column_types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    # Few ask which lines have an item, and every line of a load paid for it.
    op.drop_index(op.f("ix_project_line_items_org_item_id"), "project_line_items")
    op.add_column("links", sa.Column("matched_by", sa.Text(), server_default="", nullable=False))
    op.add_column("links", sa.Column("broken_because", sa.Text(), server_default="", nullable=False))
    _create_vendor_items()
    _create_triage_items()
    _create_item_decisions()


def _create_vendor_items() -> None:
    """Items as last read."""
    op.create_table(
        "vendor_items",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("vendor_type", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("vendor_modified_at", UtcDateTime(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("gone_how", sa.Text(), server_default="", nullable=False),
        sa.Column("survivor_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("org", "connection_id", "object", "external_id", name=op.f("pk_vendor_items")),
    )


def _create_triage_items() -> None:
    """Items that matched nothing, or more than one thing."""
    op.create_table(
        "triage_items",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("matched_for", sa.Text(), server_default="", nullable=False),
        sa.Column("suggestions", sa.JSON(), nullable=False),
        sa.Column("suggested_for", sa.Text(), server_default="", nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("state_at", UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "connection_id", "object", "external_id", name=op.f("pk_triage_items")),
    )
    op.create_index(op.f("ix_triage_items_org_state_first_seen_at"), "triage_items", ["org", "state", "first_seen_at"])


def _create_item_decisions() -> None:
    """What people chose for such items."""
    op.create_table(
        "item_decisions",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("org", "decision_id", name=op.f("pk_item_decisions")),
    )
    op.create_index(
        op.f("ix_item_decisions_org_connection_id_object_external_id"),
        "item_decisions",
        ["org", "connection_id", "object", "external_id"],
    )
