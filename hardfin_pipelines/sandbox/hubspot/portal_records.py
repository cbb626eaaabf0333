"""The records of one portal and what people do to them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.hubspot.account_schema import AccountSchema
from hardfin_pipelines.sandbox.hubspot.associations import Associations
from hardfin_pipelines.sandbox.hubspot.errors import not_found
from hardfin_pipelines.sandbox.hubspot.merging import merge_records
from hardfin_pipelines.sandbox.hubspot.object_types import OBJECT_TYPES
from hardfin_pipelines.sandbox.hubspot.object_types import object_type as resolve_type
from hardfin_pipelines.sandbox.hubspot.raw_values import RAW
from hardfin_pipelines.sandbox.hubspot.record_values import KEPT_IN_COLUMNS, NewRecord, Problem, RecordValues
from hardfin_pipelines.sandbox.hubspot.settings import PortalSettings
from hardfin_pipelines.sandbox.hubspot.store import (
    ASSOCIATIONS,
    HISTORY,
    RECORDS,
    Store,
    index_columns,
    new_row,
)
from hardfin_pipelines.sandbox.hubspot.values import StoredValue, instant_ms, on_wire

_FIRST_RECORD_ID = 21_400_000_001
_ROWS_AT_ONCE = 5_000


class RefusedWriteError(ValueError):
    """A write with values the portal does not take; `problems` says which."""

    def __init__(self, object_type: str, problems: Sequence[Problem]) -> None:
        """`problems` is not empty."""
        texts = "; ".join(f"{problem.name}: {problem.text}" for problem in problems)
        super().__init__(f"{object_type}: {texts}")
        self.problems = tuple(problems)


class PortalRecords:
    """The records half of a `Portal`: create, update, move, archive, merge, associate.

    Object types are given by name (`deals`, `deal`) or type id (`0-3`); ids are text.
    """

    def __init__(self, clock: SandboxClock, store: Store, currencies: Sequence[str]) -> None:
        """Works on `store`, at `clock`'s time."""
        self.clock = clock
        self.store = store
        self.settings = PortalSettings()
        self.schema = AccountSchema(store, currencies)
        self.associations = Associations(store)
        self.values = RecordValues(self.schema)

    def create(
        self,
        object_type: str,
        properties: Mapping[str, Any],
        *,
        id: str | int | None = None,  # noqa: A002  # HubSpot's word, and callers name it
        created_at: datetime | None = None,
        modified_at: datetime | None = None,
    ) -> str:
        """Makes one record and returns its id. Search sees it after the portal's search lag.

        Raises:
            RefusedWriteError: a property is unknown or does not take its value.
        """
        made = self._create(object_type, [NewRecord(properties, id, created_at, modified_at)], lagging=True)
        return made[0]

    def create_many(self, object_type: str, records: Iterable[NewRecord]) -> list[str]:
        """Makes many records at once, visible to search at once, and returns their ids in order.

        Raises:
            RefusedWriteError: a property is unknown or does not take its value; no record is made then.
        """
        return self._create(object_type, records, lagging=False)

    def visible_at_ms(self, record_id: int, at_ms: int) -> int | None:
        """When search sees a change that is made to a record now, stamped `at_ms`; None for at once."""
        wait_ms = self.settings.visible_after_ms(record_id, at_ms)
        return self.clock.now_ms() + wait_ms if wait_ms else None

    def _create(self, object_type: str, records: Iterable[NewRecord], *, lagging: bool) -> list[str]:
        kind = resolve_type(object_type).name
        now_ms = self.clock.now_ms()
        ids: list[str] = []
        with self.store.writing():
            next_id = max(self.store.largest_id(kind) + 1, _FIRST_RECORD_ID)
            left = iter(records)
            while some := list(islice(left, _ROWS_AT_ONCE)):  # a large data set is never in memory as rows
                rows = []
                for record in some:
                    record_id = next_id if record.id is None else int(record.id)
                    next_id = max(next_id, record_id + 1)
                    rows.append(self._new_row(kind, record_id, record, now_ms))
                self.insert_rows(rows, lagging=lagging)
                ids += [str(row["id"]) for row in rows]
        return ids

    def insert_rows(self, rows: Sequence[dict[str, Any]], *, lagging: bool) -> None:
        """Adds new rows; search sees them at once or, where `lagging`, after the portal's lag."""
        waits = [self.visible_at_ms(row["id"], row["modified_ms"]) if lagging else None for row in rows]
        for row, visible in zip(rows, waits, strict=True):
            row["indexed"] = int(visible is None)
        self.store.insert(rows)
        for row, visible in zip(rows, waits, strict=True):
            if visible is not None:
                self.store.delay_index(row["type"], row["id"], row["properties"], row["modified_ms"], visible)

    def _new_row(self, kind: str, record_id: int, record: NewRecord, now_ms: int) -> dict[str, Any]:
        values, problems = self.values.keep(kind, record.properties, allow_read_only=True)
        created = values.pop("createdate", None)
        if record.created_at is not None:
            created_ms = instant_ms(record.created_at)
        else:
            created_ms = created if isinstance(created, int) else now_ms
        if not problems:
            self.values.complete_new(kind, values, created_ms, record.entered_stage_at)
            stage_problem = self.values.stage_problem(values) if kind == "deals" else None
            problems += [stage_problem] if stage_problem else []
        if problems:
            raise RefusedWriteError(kind, problems)
        if record.modified_at is not None:
            modified_ms = instant_ms(record.modified_at)
        else:
            modified_ms = created_ms if record.created_at is not None else now_ms
        kept = {name: value for name, value in values.items() if value is not None and name not in KEPT_IN_COLUMNS}
        return new_row(kind, record_id, kept, created_ms, modified_ms)

    def record(self, object_type: str, record_id: str | int) -> sa.Row[Any]:
        """A record's row; the id of a merged-away record finds the survivor, archived ones are found too.

        Raises:
            VendorError: 404, there is no such record.
        """
        kind = resolve_type(object_type).name
        row = self.store.get(kind, int(record_id))
        while row is not None and row.merged_into is not None:
            row = self.store.get(kind, row.merged_into)
        if row is None:
            raise not_found()
        return row

    def properties(self, object_type: str, record_id: str | int) -> dict[str, str | None]:
        """All properties of a record as they go on the wire.

        Raises:
            VendorError: 404, there is no such record.
        """
        return {name: on_wire(value) for name, value in kept_properties(self.record(object_type, record_id)).items()}

    def update(
        self, object_type: str, record_id: str | int, properties: Mapping[str, Any], *, at: datetime | None = None
    ) -> None:
        """Changes properties of a record (`at` is now, when left out); null clears.

        Raises:
            RefusedWriteError: a property is unknown or does not take its value.
            VendorError: 404, there is no such record.
        """
        kind = resolve_type(object_type).name
        changes, problems = self.values.keep(kind, properties, allow_read_only=True)
        if problems:
            raise RefusedWriteError(kind, problems)
        with self.store.writing():
            at_ms = self.clock.now_ms() if at is None else instant_ms(at)
            self.write(kind, self.record(kind, record_id), changes, at_ms)

    def write(self, kind: str, row: sa.Row[Any], changes: dict[str, StoredValue], at_ms: int) -> None:
        """Writes checked changes over a record: derived properties, history, last-modified date, search lag.

        Raises:
            RefusedWriteError: the stage is not one of the deal's pipeline.
        """
        before: dict[str, StoredValue] = orjson.loads(row.properties)
        self.values.complete_change(kind, before, changes, at_ms)
        after = {**before, **changes}
        problem = self.values.stage_problem(after) if kind == "deals" else None
        if problem and {"dealstage", "pipeline"} & changes.keys():
            raise RefusedWriteError(kind, [problem])
        kept = {name: value for name, value in after.items() if value is not None and name not in KEPT_IN_COLUMNS}
        with self.store.writing():
            self._write_history(
                row, before, {name: value for name, value in changes.items() if value != before.get(name)}, at_ms
            )
            self.store.replace_properties(row, kept, max(at_ms, row.created_ms), self.visible_at_ms(row.id, at_ms))

    def _write_history(
        self, row: sa.Row[Any], before: Mapping[str, StoredValue], changes: Mapping[str, StoredValue], at_ms: int
    ) -> None:
        here = (HISTORY.c.type == row.type) & (HISTORY.c.id == row.id) & HISTORY.c.name.in_(list(changes))
        known = {found.name for found in self.store.rows(sa.select(HISTORY.c.name).where(here).distinct())}
        entries = [
            {"type": row.type, "id": row.id, "name": name, "at_ms": row.created_ms, "value": on_wire(before[name])}
            for name in changes
            if name not in known and before.get(name) is not None
        ]
        entries += [
            {"type": row.type, "id": row.id, "name": name, "at_ms": at_ms, "value": on_wire(value)}
            for name, value in changes.items()
        ]
        self.store.run(HISTORY.insert(), entries)

    def move_deal(self, deal_id: str | int, stage: str, at: datetime | None = None) -> None:
        """Puts a deal into a stage, into its pipeline too where that is another one. Dates follow from `at` (now).

        Raises:
            RefusedWriteError: there is no such stage.
        """
        found = self.schema.stage(stage)
        pipeline = {} if found is None else {"pipeline": found[0]}
        self.update("deals", deal_id, {"dealstage": stage, **pipeline}, at=at)

    def archive(self, object_type: str, record_id: str | int) -> None:
        """Puts a record into the recycle bin: lists show it with `archived=true` only, search never."""
        self._set_archived(object_type, record_id, self.clock.now_ms())

    def restore(self, object_type: str, record_id: str | int) -> None:
        """Takes a record out of the recycle bin, associations included."""
        self._set_archived(object_type, record_id, None)

    def _set_archived(self, object_type: str, record_id: str | int, archived_ms: int | None) -> None:
        row = self.record(object_type, record_id)
        here = (RECORDS.c.type == row.type) & (RECORDS.c.id == row.id)
        with self.store.writing():
            values: dict[str, Any] = {"archived_ms": archived_ms}
            if archived_ms is None or not self.settings.search_archived_linger_seconds:
                values |= {"indexed": int(archived_ms is None), "indexed_properties": None}
                values |= index_columns(orjson.loads(row.properties), row.modified_ms)
            self.store.run(RECORDS.update().where(here).values(**values))
            if row.type == "line_items":
                deals = self.associations.of("line_items", [row.id], "deals") if archived_ms is None else {}
                self.associations.count_line_items(self._deals_of_line_item(row.id) or deals.get(row.id, {}))

    def _deals_of_line_item(self, line_item_id: int) -> list[int]:
        statement = sa.select(ASSOCIATIONS.c.to_id).where(
            ASSOCIATIONS.c.from_type == "line_items",
            ASSOCIATIONS.c.to_type == "deals",
            ASSOCIATIONS.c.from_id == line_item_id,
        )
        return [row.to_id for row in self.store.rows(statement)]

    def merge_deals(self, primary_id: str | int, other_id: str | int) -> str:
        """Merges two deals and returns the survivor's new id; see `merge`."""
        return self.merge("deals", primary_id, other_id)

    def merge(self, object_type: str, primary_id: str | int, other_id: str | int) -> str:
        """Merges two records and returns the survivor's id, a new one; both old ids lead to it.

        The primary's values win, the other fills its gaps. The survivor's `hs_merged_object_ids` lists the old ids
        (HubSpot changelogs: deals now support merging; updated merge functionality for contacts and companies).

        Raises:
            ValueError: both ids are the same record's.
        """
        return merge_records(self, resolve_type(object_type).name, primary_id, other_id)

    def count(self, object_type: str, *, archived: bool = False) -> int:
        """How many records of a type there are."""
        return self.store.count(resolve_type(object_type).name, archived=archived)

    def associate(
        self,
        from_type: str,
        from_id: str | int,
        to_type: str,
        to_id: str | int,
        type_id: int | None = None,
    ) -> None:
        """Associates two records, by default as HubSpot does (a deal's first company becomes its primary one).

        Raises:
            ValueError: the two types, or that association type, do not go together.
            VendorError: 404, a record does not exist.
        """
        near, far = self.record(from_type, from_id), self.record(to_type, to_id)
        with self.store.writing():
            self.associations.add(near.type, near.id, far.type, far.id, type_id)
            self.after_association_change([(near.type, near.id), (far.type, far.id)])

    def dissociate(self, from_type: str, from_id: str | int, to_type: str, to_id: str | int) -> None:
        """Takes all associations between two records away."""
        near, far = self.record(from_type, from_id), self.record(to_type, to_id)
        with self.store.writing():
            self.associations.remove(near.type, near.id, far.type, far.id)
            self.after_association_change([(near.type, near.id), (far.type, far.id)])

    def associate_many(self, from_type: str, to_type: str, links: Iterable[tuple[str | int, str | int, int]]) -> None:
        """Adds many (from id, to id, association type id) at once; the records must exist.

        Raises:
            ValueError: a type id does not join these two object types.
        """
        kinds = resolve_type(from_type).name, resolve_type(to_type).name
        deal_end = {("deals", "line_items"): 0, ("line_items", "deals"): 1}.get(kinds)
        left = ((int(from_id), int(to_id), type_id) for from_id, to_id, type_id in links)
        deals: set[int] = set()
        with self.store.writing():
            while some := list(islice(left, _ROWS_AT_ONCE)):
                self.associations.add_many(*kinds, some)
                if deal_end is not None:
                    deals.update(link[deal_end] for link in some)
            self.associations.count_line_items(deals)

    def after_association_change(self, records: Iterable[tuple[str, int]]) -> None:
        """Works out what hangs on associations, and moves last-modified dates where the settings say so."""
        records = list(records)
        if any(kind == "line_items" for kind, _ in records):
            self.associations.count_line_items({record_id for kind, record_id in records if kind == "deals"})
        if self.settings.association_changes_bump:
            for kind, record_id in records:
                self.write(kind, self.record(kind, record_id), {}, self.clock.now_ms())

    def record_counts(self) -> dict[str, int]:
        """Living records per object type."""
        return {name: self.store.count(name) for name in OBJECT_TYPES}


def kept_properties(row: sa.Row[Any]) -> dict[str, StoredValue]:
    """All properties of a record's row in kept form, those kept in columns included."""
    properties: dict[str, StoredValue] = orjson.loads(row.properties)
    properties.pop(RAW, None)
    properties["createdate"] = row.created_ms
    properties["hs_lastmodifieddate"] = row.modified_ms
    properties["hs_object_id"] = str(row.id)
    return properties
