"""The tables of items of accounting systems that wait for a person, and of what people decided."""

from sqlalchemy import JSON, Column, Index, PrimaryKeyConstraint, Table, Text

from hardfin_pipelines.platform.column_types import UtcDateTime
from hardfin_pipelines.platform.tables import metadata


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


triage_items = Table(
    "triage_items",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("state"),  # open, mapped, created, ignored, gone
    _text("reason"),  # unmatched, ambiguous, conflict
    _text("detail"),  # the reason in words
    _text("name"),
    _text("full_name"),  # with its parents, as the vendor writes it
    _text("sku", default=""),
    _text("vendor_type", default=""),
    Column("facts", JSON, nullable=False),  # what matching looks at, to match it again without the vendor
    Column("suggestions", JSON, nullable=False),  # [{item_id, score, reasons}], best first
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("state_at", UtcDateTime, nullable=False),
    Column("vendor_modified_at", UtcDateTime, nullable=True),
    _text("url", default=""),
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id"),
    Index(None, "org", "state", "first_seen_at"),
)

# What people chose; never pruned. The newest that is not undone holds for its external record, for ever.
item_decisions = Table(
    "item_decisions",
    metadata,
    _text("org"),
    _text("decision_id"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("action"),  # map, create, ignore
    _text("item_id", default=""),  # the item mapped to or created
    Column("decided_at", UtcDateTime, nullable=False),
    _text("decided_by"),
    _text("reason", default=""),
    Column("undone_at", UtcDateTime, nullable=True),
    _text("undone_by", default=""),
    PrimaryKeyConstraint("org", "decision_id"),
    Index(None, "org", "connection_id", "object", "external_id"),
)
