"""The tables of accounting systems' items: as last read, what waits for a person, and what people decided."""

from sqlalchemy import JSON, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text

from hardfin_pipelines.platform.column_types import UtcDateTime
from hardfin_pipelines.platform.tables import metadata


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


# Every item that a visit saw, helpers and inactive ones too: whether a key is one item's alone depends on all of them.
vendor_items = Table(
    "vendor_items",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("name"),
    _text("full_name"),  # with its parents
    _text("sku", default=""),
    _text("kind"),  # stocked, assembly, kit, non_stocked, service, helper
    _text("vendor_type", default=""),
    Column("active", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),  # what matching looks at, to match it again without the vendor
    _text("url", default=""),
    Column("vendor_modified_at", UtcDateTime, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),  # our clock, when it was last found changed
    _text("run_id"),
    Column("gone_at", UtcDateTime, nullable=True),  # vendor time
    _text("gone_how", default=""),  # deleted, merged
    _text("survivor_id", default=""),  # the one it was merged into
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id"),
)

triage_items = Table(
    "triage_items",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("state"),  # open, mapped, created, ignored, gone
    _text("reason"),  # unmatched, ambiguous, conflict
    _text("detail"),  # the reason in words; of one that is gone, why it left
    _text("matched_for", default=""),  # the mark of the catalogue it was last matched against
    Column("suggestions", JSON, nullable=False),  # [{item_id, score, reasons}], best first
    _text("suggested_for", default=""),  # the mark of the catalogue they were made from; "" before they were
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("state_at", UtcDateTime, nullable=False),
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id"),
    Index(None, "org", "state", "first_seen_at"),
)

# What people chose; never pruned. The newest that is not undone holds for its external record, for ever; an item that
# was taken away from it (unlink, or map and create undone) is never linked to it again but by a person.
item_decisions = Table(
    "item_decisions",
    metadata,
    _text("org"),
    _text("decision_id"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("action"),  # map, create, ignore, unlink
    _text("item_id", default=""),  # the item mapped to, created or taken away
    Column("decided_at", UtcDateTime, nullable=False),
    _text("decided_by"),
    _text("reason", default=""),
    Column("undone_at", UtcDateTime, nullable=True),
    _text("undone_by", default=""),
    PrimaryKeyConstraint("org", "decision_id"),
    Index(None, "org", "connection_id", "object", "external_id"),
)
