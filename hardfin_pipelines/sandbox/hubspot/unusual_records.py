"""What tests need of a portal's records that people seldom do: storms, poison, deals of unusual size."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.object_types import DEAL_TO_LINE_ITEM
from hardfin_pipelines.sandbox.hubspot.object_types import object_type as resolve_type
from hardfin_pipelines.sandbox.hubspot.portal_records import PortalRecords, RefusedWriteError
from hardfin_pipelines.sandbox.hubspot.raw_values import with_raw
from hardfin_pipelines.sandbox.hubspot.record_values import NewRecord
from hardfin_pipelines.sandbox.hubspot.store import RECORDS, ids_in
from hardfin_pipelines.sandbox.hubspot.values import instant_ms

_PER_LINE = {"name": "Line", "quantity": "1", "price": "10"}


class UnusualRecords(PortalRecords):
    """Adds to a portal's records what only tests and the control API do."""

    def touch(self, object_type: str, ids: Iterable[str | int], at: datetime | None = None) -> int:
        """Moves the last-modified date of living records, nothing else of them, to one millisecond.

        Args:
            object_type: their type.
            ids: which.
            at: the moment; now, when left out.

        Returns:
            How many there were.
        """
        at_ms = self.clock.now_ms() if at is None else instant_ms(at)
        return self.touch_where(object_type, RECORDS.c.id.in_(ids_in(int(each) for each in ids)), at_ms)

    def touch_where(self, object_type: str, condition: sa.ColumnElement[bool], at_ms: int) -> int:
        """`touch` for all records whose rows meet a condition."""
        where = (RECORDS.c.type == resolve_type(object_type).name) & RECORDS.c.archived_ms.is_(None) & condition
        return self.store.modify(where, at_ms, lambda record_id: self.visible_at_ms(record_id, at_ms))

    def bulk_update(
        self,
        object_type: str,
        properties: Mapping[str, Any] | None = None,
        *,
        ids: Iterable[str | int] | None = None,
        count: int | None = None,
        at: datetime | None = None,
    ) -> list[str]:
        """Updates many records and stamps all with one millisecond, as HubSpot's month-end batches do.

        Args:
            object_type: their type.
            properties: what is written over each; left out, only the last-modified date moves.
            ids: which records; all living ones of the type, when left out.
            count: at most so many of them, by ascending id.
            at: the millisecond; now, when left out.

        Returns:
            Their ids.

        Raises:
            RefusedWriteError: a property is unknown or does not take its value; nothing is written then.
        """
        kind = resolve_type(object_type).name
        where = (RECORDS.c.type == kind) & RECORDS.c.archived_ms.is_(None) & RECORDS.c.merged_into.is_(None)
        if ids is not None:
            where &= RECORDS.c.id.in_(ids_in(int(each) for each in ids))
        rows = self.store.rows(sa.select(RECORDS).where(where).order_by(RECORDS.c.id).limit(count))
        chosen = [str(row.id) for row in rows]
        at_ms = self.clock.now_ms() if at is None else instant_ms(at)
        values, problems = self.values.keep(kind, properties or {}, allow_read_only=True)
        if problems:
            raise RefusedWriteError(kind, problems)
        with self.store.writing():
            if not values:
                self.touch(kind, chosen, at)
            for row in rows if values else ():
                self.write(kind, row, dict(values), at_ms)
        return chosen

    def set_raw(
        self,
        object_type: str,
        record_id: str | int,
        properties: Mapping[str, Any] | None,
        *,
        record: Mapping[str, Any] | None = None,
        modified: bool = True,
    ) -> None:
        """Puts values on the wire that HubSpot's checks would refuse: poison for whoever reads the record.

        Args:
            object_type: the record's type.
            record_id: its id.
            properties: by name: text as it is (any text in any type of property), null to clear, or another JSON value
                that shows on the wire only. None sends `"properties": null`.
            record: members beside the properties: `createdAt`, `updatedAt`, `archived`, `archivedAt`, `url`.
            modified: whether the last-modified date moves to now.

        Raises:
            ValueError: `record` has another member.
            VendorError: 404, there is no such record.
        """
        row = self.record(object_type, record_id)
        kept = with_raw(orjson.loads(row.properties), properties, record or {})
        modified_ms = self.clock.now_ms() if modified else row.modified_ms
        self.store.replace_properties(row, kept, modified_ms, self.visible_at_ms(row.id, modified_ms))

    def add_line_items(
        self, deal_id: str | int, count: int, properties: Mapping[str, Any] | None = None, *, at: datetime | None = None
    ) -> list[str]:
        """Gives a deal `count` more line items with the same properties and returns their ids.

        Args:
            deal_id: the deal.
            count: how many.
            properties: of each; a plain line, when left out.
            at: when they were made; now, when left out. The deal's last-modified date stays.

        Raises:
            RefusedWriteError: a property is unknown or does not take its value.
            VendorError: 404, there is no such deal.
        """
        deal = self.record("deals", deal_id)
        line = NewRecord(_PER_LINE if properties is None else properties, created_at=at)
        with self.store.writing():
            made = self.create_many("line_items", (line for _ in range(count)))
            self.associate_many("deals", "line_items", ((deal.id, each, DEAL_TO_LINE_ITEM) for each in made))
        return made
