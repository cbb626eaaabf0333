"""What happened to each record of a vendor: its timeline, and the records that are set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, select, update

from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import record_events as record_events_table
from hardfin_pipelines.platform.tables import rejected_records
from hardfin_pipelines.platform.upsert import Insert, upsert
from hardfin_pipelines.sync.cadence import set_aside_delay


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """One entry of a record's timeline.

    Attributes:
        object: The vendor's name of its kind, such as "deals".
        external_id: The vendor's id.
        at: Our clock.
        kind: seen, skipped, synced, protected, rejected, re-synced, merged.
        detail: Why, in a sentence.
        vendor_modified_at: The vendor's stamp of the version that was looked at, where there was one.
        run_id: The run.
    """

    object: str
    external_id: str
    at: datetime
    kind: str
    detail: str
    vendor_modified_at: datetime | None = None
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be read or mapped, and why.

    Attributes:
        object: The vendor's name of its kind.
        external_id: The vendor's id.
        reason: What is wrong with it, for the person who can mend it.
        vendor_modified_at: The vendor's stamp of the version that was refused.
        mapping_revision: The revision of the configuration it was refused under.
    """

    object: str
    external_id: str
    reason: str
    vendor_modified_at: datetime
    mapping_revision: int


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that is set aside now. `attempts` counts how often it was refused."""

    connection_id: str
    rejection: Rejection
    first_seen_at: datetime
    last_seen_at: datetime
    attempts: int

    @property
    def next_try_at(self) -> datetime:
        """From when on a visit tries it again, whether it has changed or not."""
        return self.last_seen_at + set_aside_delay(self.attempts)


def record_events(connection: Connection, org: str, connection_id: str, events: Sequence[RecordEvent]) -> None:
    """Add to the timelines of records."""
    rows = [
        {
            "org": org,
            "connection_id": connection_id,
            "object": event.object,
            "external_id": event.external_id,
            "at": event.at,
            "kind": event.kind,
            "detail": _storable(event.detail),
            "vendor_modified_at": event.vendor_modified_at,
            "run_id": event.run_id,
        }
        for event in events
    ]
    if rows:
        connection.execute(record_events_table.insert(), rows)


def timeline(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_id: str
) -> list[RecordEvent]:
    """Everything that happened to one record, oldest first."""
    table = record_events_table
    rows = connection.execute(
        select(table)
        .where(
            table.c.org == org,
            table.c.connection_id == connection_id,
            table.c.object == vendor_object,
            table.c.external_id == external_id,
        )
        .order_by(table.c.at, table.c.id)
    )
    return [
        RecordEvent(row.object, row.external_id, row.at, row.kind, row.detail, row.vendor_modified_at, row.run_id)
        for row in rows
    ]


def prune_sightings(connection: Connection, older_than: datetime) -> int:
    """Remove old entries of ALL organizations that only say that a record was seen and left alone.

    The newest entry of each record stays, and so does everything that changed something.

    Returns:
        How many went.
    """
    table, newer = record_events_table, record_events_table.alias("newer")
    same_record = and_(
        newer.c.org == table.c.org,
        newer.c.connection_id == table.c.connection_id,
        newer.c.object == table.c.object,
        newer.c.external_id == table.c.external_id,
        newer.c.id > table.c.id,
    )
    return connection.execute(
        delete(table).where(
            table.c.kind.in_(["skipped", "protected"]),
            table.c.at < older_than,
            select(newer.c.id).where(same_record).exists(),
        )
    ).rowcount


def reject(
    connection: Connection, org: str, connection_id: str, rejections: Sequence[Rejection], *, now: datetime
) -> None:
    """Set records aside; one that is set aside already counts another attempt and takes the new reason."""
    rows = {
        (rejection.object, rejection.external_id): {
            "org": org,
            "connection_id": connection_id,
            "object": rejection.object,
            "external_id": rejection.external_id,
            "reason": _storable(rejection.reason),
            "vendor_modified_at": rejection.vendor_modified_at,
            "mapping_revision": rejection.mapping_revision,
            "first_seen_at": now,
            "last_seen_at": now,
            "attempts": 1,
        }
        for rejection in rejections
    }
    if rows:
        connection.execute(upsert(connection, rejected_records, _again), list(rows.values()))


def forget_rejections(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_ids: Sequence[str]
) -> int:
    """Take records off the list that are settled now; how many were on it."""
    forgotten = 0
    for chunk in chunks(external_ids):
        result = connection.execute(
            delete(rejected_records).where(
                rejected_records.c.org == org,
                rejected_records.c.connection_id == connection_id,
                rejected_records.c.object == vendor_object,
                rejected_records.c.external_id.in_(chunk),
            )
        )
        forgotten += result.rowcount
    return forgotten


def rejected_ids(connection: Connection, org: str, connection_id: str, vendor_object: str) -> set[str]:
    """The records of one kind that are set aside."""
    table = rejected_records
    query = select(table.c.external_id).where(
        table.c.org == org, table.c.connection_id == connection_id, table.c.object == vendor_object
    )
    return set(connection.scalars(query))


def list_rejected(
    connection: Connection,
    org: str,
    connection_id: str | None = None,
    *,
    before_revision: int | None = None,
    limit: int | None = None,
) -> list[RejectedRecord]:
    """The records of an organization that are set aside, the longest waiting first.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Only of this connection.
        before_revision: Only those refused under an older configuration than this revision: worth another try.
        limit: At most so many.
    """
    table = rejected_records
    query = select(table).where(table.c.org == org)
    if connection_id is not None:
        query = query.where(table.c.connection_id == connection_id)
    if before_revision is not None:
        query = query.where(table.c.mapping_revision < before_revision)
    order = (table.c.first_seen_at, table.c.connection_id, table.c.object, table.c.external_id)
    return [
        RejectedRecord(
            row.connection_id,
            Rejection(row.object, row.external_id, row.reason, row.vendor_modified_at, row.mapping_revision),
            row.first_seen_at,
            row.last_seen_at,
            row.attempts,
        )
        for row in connection.execute(query.order_by(*order).limit(limit))
    ]


def set_aside_versions(
    connection: Connection, org: str, connection_id: str, vendor_object: str, external_ids: Sequence[str]
) -> dict[str, tuple[datetime, int]]:
    """Those of some records that are set aside: id to the version (vendor's stamp, mapping revision) refused."""
    table = rejected_records
    found: dict[str, tuple[datetime, int]] = {}
    for chunk in chunks(external_ids):
        rows = connection.execute(
            select(table.c.external_id, table.c.vendor_modified_at, table.c.mapping_revision).where(
                table.c.org == org,
                table.c.connection_id == connection_id,
                table.c.object == vendor_object,
                table.c.external_id.in_(chunk),
            )
        )
        found.update({row.external_id: (row.vendor_modified_at, row.mapping_revision) for row in rows})
    return found


def due_retries(
    connection: Connection, org: str, connection_id: str, vendor_object: str, revision: int, now: datetime
) -> list[str]:
    """Records worth another try: refused under an older configuration, or long enough ago.

    What a deal points to can be mended without the deal's own stamp moving, so time alone is a reason, at growing
    distances up to a day.
    """
    table = rejected_records
    rows = connection.execute(
        select(table).where(table.c.org == org, table.c.connection_id == connection_id, table.c.object == vendor_object)
    )
    return [
        row.external_id
        for row in rows
        if row.mapping_revision < revision or now - row.last_seen_at >= set_aside_delay(row.attempts)
    ]


def retry_soon(connection: Connection, org: str, connection_id: str) -> None:
    """Let everything of a connection that is set aside be due for another try: its rules have changed."""
    table = rejected_records
    connection.execute(
        update(table).where(table.c.org == org, table.c.connection_id == connection_id).values(mapping_revision=0)
    )


def _again(insert: Insert) -> dict[str, object]:
    new, held = insert.excluded, rejected_records.c
    return {
        "reason": new.reason,
        "vendor_modified_at": new.vendor_modified_at,
        "mapping_revision": new.mapping_revision,
        "last_seen_at": new.last_seen_at,
        "attempts": held.attempts + 1,
    }


def _storable(text: str) -> str:
    """A reason may quote a vendor's value; PostgreSQL refuses NUL in text, and one bad value must not stop a batch."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
