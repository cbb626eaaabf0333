"""The tables of the platform store. Every table but one has `org`, and every query says which.

The migrations in `platform/migrations` make them; a test holds that both agree, on SQLite and on PostgreSQL.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from hardfin_pipelines.platform.column_types import ExactDecimal, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows only by a plain INTEGER key.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=default)


# -- organizations and their connections ------------------------------------------------------------------------

organizations = Table(
    "organizations",
    metadata,
    _text("org"),
    _text("name"),
    _text("plan"),
    Column("add_ons", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org"),
)

organization_revisions = Table(
    "organization_revisions",
    metadata,
    _text("org"),
    Column("revision", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    _text("actor"),
    Column("applied_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "revision"),
)

connections = Table(
    "connections",
    metadata,
    _text("org"),
    _text("connection_id"),  # "<org>:<integration>"
    _text("integration"),
    _text("status"),  # not connected, connected, configured, active, paused, needs attention
    _text("status_reason", default=""),
    _text("account_id", default=""),  # the vendor's id of the account, such as HubSpot's hub id
    _text("cadence"),  # 5m, 15m, 30m, 60m, daily
    Column("start_date", Date, nullable=True),
    Column("enabled_at", UtcDateTime, nullable=True),
    Column("configuration", JSON, nullable=False),  # the connection's part of the organization's document
    Column("revision", Integer, nullable=False),  # grows with every change of configuration or status by a person
    Column("description", JSON, nullable=True),  # the vendor's description of the account, as last read
    Column("described_at", UtcDateTime, nullable=True),
    Column("next_due_at", UtcDateTime, nullable=True),
    Column("last_polled_at", UtcDateTime, nullable=True),
    Column("last_synced_at", UtcDateTime, nullable=True),
    Column("failures", Integer, nullable=False, server_default="0"),  # visits in a row that failed
    Column("failing_since", UtcDateTime, nullable=True),
    PrimaryKeyConstraint("org", "connection_id"),
    ForeignKeyConstraint(["org"], ["organizations.org"]),
    Index(None, "cadence", "next_due_at"),
)

credentials = Table(
    "credentials",
    metadata,
    _text("org"),
    _text("connection_id"),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "connection_id"),
    ForeignKeyConstraint(["org", "connection_id"], ["connections.org", "connections.connection_id"]),
)

pipeline_rules = Table(
    "pipeline_rules",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("pipeline"),  # as configured: the vendor's id or exact label
    Column("trigger_stages", JSON, nullable=False),  # "won", or a list of stage ids or labels
    _text("status"),  # active, paused
    Column("active_since", UtcDateTime, nullable=True),  # when it was first made active; survives pauses
    Column("overrides", JSON, nullable=False),  # the pipeline's own mapping entries, by entity
    _text("held_because", default=""),  # what the account lacks that the rule needs; "" where it can run
    Column("held_since", UtcDateTime, nullable=True),
    Column("unseen_since", UtcDateTime, nullable=True),  # vendor time; deals since then were not looked at for it
    Column("found", JSON, nullable=True),  # what its pipeline and stages stood for when they were last found
    PrimaryKeyConstraint("org", "connection_id", "pipeline"),
    ForeignKeyConstraint(["org", "connection_id"], ["connections.org", "connections.connection_id"]),
)

# -- Hardfin's entities -----------------------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    _text("org"),
    _text("id"),
    _text("name"),
    _text("website", nullable=True),
    _text("phone", nullable=True),
    _text("email", nullable=True),
    _text("address", nullable=True),
    _text("city", nullable=True),
    _text("region", nullable=True),
    _text("postal_code", nullable=True),
    _text("country", nullable=True),
    Column("custom", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "id"),
)

items = Table(
    "items",
    metadata,
    _text("org"),
    _text("id"),
    _text("kind"),  # product, part
    _text("name"),
    _text("normalized_name"),
    _text("sku", nullable=True),
    _text("normalized_sku", nullable=True),
    _text("description", nullable=True),
    Column("price", ExactDecimal, nullable=True),
    _text("currency", nullable=True),
    Column("custom", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    Index(None, "org", "normalized_name"),
    Index(None, "org", "normalized_sku"),
)

projects = Table(
    "projects",
    metadata,
    _text("org"),
    _text("id"),
    _text("name"),
    _text("customer_id", nullable=True),
    _text("status"),
    Column("value", ExactDecimal, nullable=True),
    _text("currency", nullable=True),
    Column("closed_on", Date, nullable=True),
    Column("starts_on", Date, nullable=True),
    _text("description", nullable=True),
    _text("service_level", nullable=True),
    _text("site_contact", nullable=True),
    _text("owner", nullable=True),
    Column("custom", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    ForeignKeyConstraint(["org", "customer_id"], ["customers.org", "customers.id"]),
    Index(None, "org", "customer_id"),
)

project_line_items = Table(
    "project_line_items",
    metadata,
    _text("org"),
    _text("id"),
    _text("project_id"),
    _text("item_id", nullable=True),
    _text("status"),  # active, removed (gone from the CRM at a re-sync)
    Column("position", Integer, nullable=False),
    _text("name"),
    _text("sku", nullable=True),
    Column("quantity", ExactDecimal, nullable=True),
    Column("unit_price", ExactDecimal, nullable=True),
    Column("discount_percent", ExactDecimal, nullable=True),
    Column("discount_amount", ExactDecimal, nullable=True),
    Column("amount", ExactDecimal, nullable=True),
    _text("currency", nullable=True),
    Column("term_months", Integer, nullable=True),
    _text("billing_frequency", nullable=True),
    Column("starts_on", Date, nullable=True),
    _text("description", nullable=True),
    Column("custom", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "id"),
    ForeignKeyConstraint(["org", "project_id"], ["projects.org", "projects.id"]),
    ForeignKeyConstraint(["org", "item_id"], ["items.org", "items.id"]),
    Index(None, "org", "project_id"),
)

# -- what the engine knows of them ------------------------------------------------------------------------------

links = Table(
    "links",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),  # the vendor's name, such as "deals"
    _text("external_id"),
    _text("entity_type"),  # customer, item, project, project_line_item
    _text("entity_id"),
    Column("synced_values", JSON, nullable=False),  # field -> text as last synced: the base of a three-way re-sync
    Column("synced_at", UtcDateTime, nullable=False),
    _text("run_id"),
    Column("mapping_revision", Integer, nullable=False),
    _text("url", default=""),
    Column("vendor_modified_at", UtcDateTime, nullable=True),  # of the version the values were synced from
    _text("pipeline_id", default=""),  # whose rule's mapping the values were made with
    _text("matched_by", default=""),  # an ERP record's: sku, normalized sku, name, normalized name, decision
    _text("broken_because", default=""),  # why the external record cannot be followed any more; "" where it can
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id"),
    Index(None, "org", "entity_type", "entity_id"),
)

resyncs = Table(
    "resyncs",
    metadata,
    _text("org"),
    _text("resync_id"),
    _text("connection_id"),
    _text("project_id"),
    Column("at", UtcDateTime, nullable=False),
    _text("actor"),
    _text("reason"),
    _text("run_id"),
    Column("before", JSON, nullable=False),  # what it changed, as it was before: what an undo puts back
    Column("after", JSON, nullable=False),  # the same as it left it: an undo is refused where that moved on
    Column("undone_at", UtcDateTime, nullable=True),
    _text("undone_by", default=""),
    PrimaryKeyConstraint("org", "resync_id"),
    Index(None, "org", "project_id", "at"),
)

ledger = Table(
    "ledger",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("project_id"),
    _text("pipeline_id"),  # the rule by which it was first synced
    _text("stage_id"),
    _text("trigger"),  # poll, load, webhook, record
    Column("vendor_modified_at", UtcDateTime, nullable=False),
    Column("first_synced_at", UtcDateTime, nullable=False),
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id"),
    Index(None, "org", "project_id"),
)

ledger_aliases = Table(
    "ledger_aliases",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("alias_id"),  # an id merged into, or out of, the one in the ledger
    _text("external_id"),
    PrimaryKeyConstraint("org", "connection_id", "object", "alias_id"),
)

rejected_records = Table(
    "rejected_records",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    _text("reason"),
    Column("vendor_modified_at", UtcDateTime, nullable=False),
    Column("mapping_revision", Integer, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    PrimaryKeyConstraint("org", "connection_id", "object", "external_id"),
)

record_events = Table(
    "record_events",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    _text("org"),
    _text("connection_id"),
    _text("object"),
    _text("external_id"),
    Column("at", UtcDateTime, nullable=False),
    _text("kind"),  # seen, skipped, synced, protected, rejected, re-synced, re-sync undone, moved, merged
    _text("detail"),
    Column("vendor_modified_at", UtcDateTime, nullable=True),
    _text("run_id"),
    Index(None, "org", "connection_id", "object", "external_id"),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    _text("org"),
    Column("at", UtcDateTime, nullable=False),
    _text("actor"),  # "sync", "cli:<user>", "console:<user>"
    _text("action"),  # project.synced, project.re-synced, organization.applied, connection.paused ...
    _text("entity_type"),
    _text("entity_id"),
    _text("reason"),
    Column("changes", JSON, nullable=False),  # {field: [before, after]}
    _text("run_id"),
    Index(None, "org", "entity_type", "entity_id"),
    Index(None, "org", "at"),
)

cursors = Table(
    "cursors",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("object"),
    Column("position", UtcDateTime, nullable=False),  # vendor time
    Column("saved_at", UtcDateTime, nullable=False),
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "object"),
)

pending_work = Table(
    "pending_work",
    metadata,
    _text("org"),
    _text("connection_id"),
    _text("kind"),  # changes (a tick found some), record (one deal: webhook, retry)
    _text("external_id"),  # "" for changes
    Column("sequence", Integer, nullable=False),  # grows when more arrives while a run is at it
    _text("trigger"),  # poll, webhook, retry, request
    Column("priority", Integer, nullable=False),
    _text("unit", default=""),  # the landing unit that already holds the first page, or ""
    Column("requested_at", UtcDateTime, nullable=False),
    _text("requested_by"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("claim", default=""),  # the run key it was handed out under, or ""
    Column("claimed_at", UtcDateTime, nullable=True),
    PrimaryKeyConstraint("org", "connection_id", "kind", "external_id"),
    Index(None, "claim", "priority", "requested_at"),
)

load_windows = Table(
    "load_windows",
    metadata,
    _text("org"),
    _text("connection_id"),
    Column("window_start", UtcDateTime, nullable=False),
    Column("window_end", UtcDateTime, nullable=False),
    _text("state"),  # open, closed
    Column("counts", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "window_start", "window_end"),
)

leases = Table(
    "leases",
    metadata,
    _text("org"),
    _text("name"),
    _text("holder"),
    Column("fence", Integer, nullable=False),  # grows at every take-over: a ghost's writes are refused by it
    Column("expires_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org", "name"),
)

censuses = Table(
    "censuses",
    metadata,
    _text("org"),
    _text("connection_id"),
    Column("window_start", UtcDateTime, nullable=False),
    Column("window_end", UtcDateTime, nullable=False),
    Column("counted_at", UtcDateTime, nullable=False),
    Column("counts", JSON, nullable=False),
    _text("run_id"),
    PrimaryKeyConstraint("org", "connection_id", "window_start", "window_end"),
)

# -- calls to the vendors ---------------------------------------------------------------------------------------

# The one table without `org`: a rate window is the vendor's, of one account, whoever connected it. It holds no record.
call_reservations = Table(
    "call_reservations",
    metadata,
    _text("rate_window"),  # vendor, account and the vendor's rate bucket
    Column("at_ms", BigInteger, nullable=False),  # epoch milliseconds
    Column("places", Integer, nullable=False),  # calls that may go out then; 0 is the end of a pause
    Column("until_ms", BigInteger, nullable=False),  # from then on it makes no difference
    PrimaryKeyConstraint("rate_window", "at_ms"),
    Index(None, "until_ms"),
)

call_counts = Table(
    "call_counts",
    metadata,
    _text("org"),
    _text("connection_id"),
    Column("day", Date, nullable=False),
    _text("bucket"),
    _text("purpose"),  # poll, tick, load, resync, preview, describe, census
    Column("calls", Integer, nullable=False),
    Column("throttled", Integer, nullable=False),
    PrimaryKeyConstraint("org", "connection_id", "day", "bucket", "purpose"),
)

call_allowances = Table(
    "call_allowances",
    metadata,
    _text("org"),
    _text("connection_id"),
    Column("per_day", Integer, nullable=False),  # the account's limit, as the vendor last said; 0 where it never did
    Column("remaining", Integer, nullable=False),  # of that
    Column("seen_at", UtcDateTime, nullable=False),
    Column("spent_at", UtcDateTime, nullable=True),  # when the vendor last refused a call because the day's were used
    PrimaryKeyConstraint("org", "connection_id"),
)
