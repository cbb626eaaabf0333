"""Call budgets, held rules, re-syncs that can be undone, censuses."""

import sqlalchemy as sa
from alembic import op

from hardfin_pipelines.platform.column_types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    _create_call_budget()
    _hold_rules()
    _create_resyncs()
    _create_censuses()


def _create_call_budget() -> None:
    """Places in the vendors' rate windows, shared by all processes, and the calls each connection made."""
    op.create_table(
        "call_reservations",
        sa.Column("rate_window", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rate_window", "at_ms", name=op.f("pk_call_reservations")),
    )
    op.create_index(op.f("ix_call_reservations_until_ms"), "call_reservations", ["until_ms"])
    op.create_table(
        "call_counts",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("throttled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org", "connection_id", "day", "bucket", "purpose", name=op.f("pk_call_counts")),
    )
    op.create_table(
        "call_allowances",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("spent_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("org", "connection_id", name=op.f("pk_call_allowances")),
    )


def _hold_rules() -> None:
    """A rule whose pipeline, stages or fields the account does not have any more is held, not run with blanks."""
    op.add_column("pipeline_rules", sa.Column("held_because", sa.Text(), server_default="", nullable=False))
    op.add_column("pipeline_rules", sa.Column("held_since", UtcDateTime(), nullable=True))
    op.add_column("pipeline_rules", sa.Column("unseen_since", UtcDateTime(), nullable=True))
    op.add_column("pipeline_rules", sa.Column("found", sa.JSON(), nullable=True))


def _create_resyncs() -> None:
    """What each re-sync changed, so that it can be undone, and when a linked record was last modified."""
    op.add_column("links", sa.Column("vendor_modified_at", UtcDateTime(), nullable=True))
    op.add_column("links", sa.Column("pipeline_id", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "resyncs",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("resync_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("org", "resync_id", name=op.f("pk_resyncs")),
    )
    op.create_index(op.f("ix_resyncs_org_project_id_at"), "resyncs", ["org", "project_id", "at"])


def _create_censuses() -> None:
    """Counts of a connection's deals at the vendor beside what became of them here."""
    op.create_table(
        "censuses",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "connection_id", "window_start", "window_end", name=op.f("pk_censuses")),
    )
