"""The records of one organization: written with Salesforce's rules and stamps, at once or with a late commit."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.salesforce import values
from hardfin_pipelines.sandbox.salesforce.errors import VendorError, no_such_column, not_found
from hardfin_pipelines.sandbox.salesforce.ids import IdSource, normalized, number_in
from hardfin_pipelines.sandbox.salesforce.opportunity_history import HISTORY, OPPORTUNITY, history_row
from hardfin_pipelines.sandbox.salesforce.record_rules import RecordRules
from hardfin_pipelines.sandbox.salesforce.schema import OrgSchema
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject
from hardfin_pipelines.sandbox.salesforce.store import DELETED_AT, DELETED_WITH, Store, has_column

Stamp = Literal["modified", "system", "none"]
"""Which stamps a change moves: all, SystemModstamp only (system jobs, roll-ups), or none (formulas)."""
AT_ONCE = timedelta()


@dataclass(frozen=True, slots=True)
class _LateWrite:
    """A write of a long transaction: its stamp is older than the moment when it is seen."""

    commit_at: int
    stamp: int
    write: Callable[[], None]


class OrgRecords:
    """Records by object name and id. Writes are by the organization's first user unless said otherwise."""

    def __init__(self, clock: SandboxClock, store: Store, schema: OrgSchema, ids: IdSource) -> None:
        """All parts are the organization's."""
        self.clock = clock
        self.store = store
        self.schema = schema
        self.writer_id = ""
        self.currency = ""
        """The currency of rows that name none, where rows have currencies."""
        self._ids = ids
        self._rules = RecordRules(schema, store)
        self._uncommitted: list[_LateWrite] = []
        self._waiting: dict[str, tuple[Mapping[str, Any], int]] | None = None
        for each in schema:
            self.store.fit(each)
            newest = store.value(sa.select(sa.func.max(store.table(each).c.Id)))
            if newest:
                ids.skip_past(each.prefix, number_in(newest))

    def now(self) -> int:
        """The time in whole seconds since 1970."""
        return values.seconds_of(self.clock.now())

    def settle(self) -> None:
        """Carries out the late commits whose time has come."""
        if self._uncommitted:
            now = self.now()
            due = [each for each in self._uncommitted if each.commit_at <= now]
            self._uncommitted = [each for each in self._uncommitted if each.commit_at > now]
            for each in due:
                # A transaction that fails at its end leaves nothing behind, and nobody who reads hears of it.
                with contextlib.suppress(VendorError), self.store.writing():
                    each.write()

    def oldest_open_stamp(self) -> int | None:
        """The oldest stamp of a write that is not committed yet."""
        return min((each.stamp for each in self._uncommitted), default=None)

    def _commit(self, write: Callable[[], None], commit_after: timedelta, stamp: int) -> None:
        if commit_after > AT_ONCE:
            commit_at = self.now() + int(commit_after.total_seconds())
            self._uncommitted.append(_LateWrite(commit_at, stamp, write))
        else:
            with self.store.writing():
                write()

    def _kept(self, sobject: SObject, given: Mapping[str, Any]) -> dict[str, Any]:
        row = {}
        for name, value in given.items():
            field = sobject.fields.get(name.lower())
            if field is None or not has_column(field):
                raise VendorError(400, "INVALID_FIELD", no_such_column(name, sobject.name))
            row[field.name] = values.to_kept(field, value)
        return row

    def create(
        self,
        object_name: str,
        given: Mapping[str, Any],
        *,
        at: datetime | None = None,
        commit_after: timedelta = AT_ONCE,
        by: str | None = None,
    ) -> str:
        """Adds a record and returns its id.

        Args:
            object_name: its object.
            given: values by field name; fields that Salesforce keeps (stamps too) may be set.
            at: when, for the stamps; now where left out.
            commit_after: the record is seen only so much later, with the stamps of now: a long transaction.
            by: the user's id.

        Raises:
            ValueError: there is no such object.
            VendorError: 400, a value does not fit.
        """
        sobject = self.schema.known(object_name)
        row = self._kept(sobject, given)
        seconds = self.now() if at is None else values.seconds_of(at)
        writer = by or self.writer_id
        record_id: str = row.get("Id") or self._ids.next(sobject.prefix)
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), seconds)
        audit = {**stamps, **dict.fromkeys(("CreatedById", "LastModifiedById", "OwnerId"), writer), "IsDeleted": 0}
        defaults = {each.name: int(bool(each.default)) for each in sobject.fields.values() if each.type == "boolean"}
        full = {**defaults, **{name: value for name, value in audit.items() if name.lower() in sobject.fields}}
        if "currencyisocode" in sobject.fields:
            full["CurrencyIsoCode"] = self.currency
        full = {**full, **row, "Id": record_id}
        missing = [
            each.name
            for each in sobject.fields.values()
            if not each.nillable and each.createable and full.get(each.name) is None
        ]
        if missing:
            text = f"Required fields are missing: [{', '.join(missing)}]"
            raise VendorError(400, "REQUIRED_FIELD_MISSING", text, fields=missing)
        self._commit(lambda: self._insert(sobject, full, seconds), commit_after, seconds)
        return record_id

    def _insert(self, sobject: SObject, row: dict[str, Any], seconds: int) -> None:
        given = dict(row)
        self._rules.fill(sobject, row, None, seconds)
        if sobject.name == "Opportunity":
            row.update({name: given[name] for name in ("Probability", "LastStageChangeDate") if given.get(name)})
        self.store.run(sa.insert(self.store.table(sobject)), [row])
        self._note_history(sobject, row, None, seconds)
        self._after_line(sobject, row, seconds)

    def _note_history(
        self, sobject: SObject, row: Mapping[str, Any], old: Mapping[str, Any] | None, seconds: int
    ) -> None:
        if sobject.name != OPPORTUNITY:
            return
        history = self.schema.known(HISTORY)
        by = row.get("LastModifiedById") or self.writer_id
        noted = history_row(row, old, seconds, record_id=self._ids.next(history.prefix), by=by)
        if noted is not None:
            self.store.run(sa.insert(self.store.table(history)), [noted])

    def create_many(
        self, object_name: str, records: Iterable[Mapping[str, Any]], *, at: datetime | None = None
    ) -> list[str]:
        """Adds records, all or none, and returns their ids."""
        with self.store.writing(), self.rolling_up_once():
            return [self.create(object_name, each, at=at) for each in records]

    def update(
        self,
        object_name: str,
        record_id: str,
        given: Mapping[str, Any],
        *,
        at: datetime | None = None,
        commit_after: timedelta = AT_ONCE,
        stamp: Stamp = "modified",
        by: str | None = None,
    ) -> None:
        """Changes a record; arguments as for `create`, and `stamp` says which stamps move.

        Raises:
            ValueError: there is no such object.
            VendorError: 404, no such record; 400, a value does not fit.
        """
        sobject = self.schema.known(object_name)
        key = self._key(sobject, record_id)
        changes = self._kept(sobject, given)
        seconds = self.now() if at is None else values.seconds_of(at)
        if stamp == "modified" and "LastModifiedDate" not in changes:
            changes.update(LastModifiedDate=seconds, LastModifiedById=by or self.writer_id)
        if stamp != "none":
            changes.setdefault("SystemModstamp", seconds)
        write = partial(self._change, sobject, key, changes, seconds, derive=stamp != "none")
        self._commit(write, commit_after, seconds)

    def _key(self, sobject: SObject, record_id: str) -> str:
        key = normalized(record_id)
        if key is None or self.store.get(sobject, key) is None:
            raise not_found()
        return key

    def _change(self, sobject: SObject, key: str, changes: Mapping[str, Any], seconds: int, *, derive: bool) -> None:
        held = self.store.get(sobject, key)
        if held is None:
            return  # hard deleted while the change was on its way
        row = {**held, **{name: value for name, value in changes.items() if name in held}}
        if derive:
            self._rules.fill(sobject, row, held, seconds)
            row.update({name: changes[name] for name in ("Probability", "LastStageChangeDate") if name in changes})
        table = self.store.table(sobject)
        self.store.run(sa.update(table).where(table.c.Id == key).values(row))
        if derive:
            self._note_history(sobject, row, held, seconds)
            self._after_line(sobject, row, seconds)

    def _after_line(self, sobject: SObject, line: Mapping[str, Any], seconds: int) -> None:
        """Rolls line items up: the opportunity's stamps move where its Amount does."""
        if sobject.name != "OpportunityLineItem" or line.get("OpportunityId") is None:
            return
        if self._waiting is not None:
            newest = max(seconds, self._waiting.get(line["OpportunityId"], (line, 0))[1])
            self._waiting[line["OpportunityId"]] = (line, newest)
            return
        parent = self.schema.known("Opportunity")
        held = self.store.get(parent, line["OpportunityId"])
        if held is None or held["IsDeleted"]:
            return
        columns = self._rules.rolled_up(held["Id"])
        if any(held[name] != value for name, value in columns.items()):
            newest = max(seconds, held["SystemModstamp"])
            stamps = {"LastModifiedDate": newest, "SystemModstamp": newest, "LastModifiedById": self.writer_id}
            self._change(parent, held["Id"], {**columns, **stamps}, seconds, derive=True)

    @contextmanager
    def rolling_up_once(self) -> Iterator[None]:
        """Rolls the line items that the block writes up at its end, rather than one by one."""
        if self._waiting is not None:
            yield
            return
        self._waiting = {}
        try:
            yield
        finally:
            waiting, self._waiting = self._waiting, None
        for line, seconds in waiting.values():
            self._after_line(self.schema.known("OpportunityLineItem"), line, seconds)

    def delete(self, object_name: str, record_id: str, *, at: datetime | None = None, hard: bool = False) -> None:
        """Puts a record, and what goes with it, into the recycle bin; `hard` leaves no trace.

        Raises:
            ValueError: there is no such object.
            VendorError: 404, no such record, or it is deleted already.
        """
        sobject = self.schema.known(object_name)
        key = self._key(sobject, record_id)
        held = self.store.get(sobject, key)
        if held is None or (held["IsDeleted"] and not hard):
            raise VendorError(404, "ENTITY_IS_DELETED", "entity is deleted")
        seconds = self.now() if at is None else values.seconds_of(at)
        with self.store.writing():
            for each, ids in self._going_with(sobject, [key]):
                table = self.store.table(each)
                if hard:
                    self.store.run(sa.delete(table).where(table.c.Id.in_(ids)))
                else:
                    gone = {"IsDeleted": 1, "SystemModstamp": seconds, DELETED_AT: seconds, DELETED_WITH: key}
                    stamps = {"LastModifiedDate": seconds} if each is sobject else {}
                    self.store.run(sa.update(table).where(table.c.Id.in_(ids)).values({**gone, **stamps}))
            self._after_line(sobject, held, seconds)

    def _going_with(self, sobject: SObject, ids: Sequence[str]) -> list[tuple[SObject, list[str]]]:
        """The records and, below them, those that are deleted with them."""
        found = [(sobject, list(ids))]
        for child in self.schema:
            for field in child.fields.values():
                if field.cascades and sobject.name in field.refers_to:
                    table = self.store.table(child)
                    wanted = sa.select(table.c.Id).where(table.c[field.name].in_(ids), table.c.IsDeleted == 0)
                    below = [row.Id for row in self.store.rows(wanted)]
                    if below:
                        found += self._going_with(child, below)
        return found

    def undelete(self, object_name: str, record_id: str) -> None:
        """Takes a record, and what went with it, out of the recycle bin.

        Raises:
            ValueError: there is no such object.
            VendorError: 400, it is not in the recycle bin; 404, no such record.
        """
        sobject = self.schema.known(object_name)
        key = self._key(sobject, record_id)
        held = self.store.get(sobject, key)
        if held is None or not held["IsDeleted"] or held.get("MasterRecordId"):
            raise VendorError(400, "UNDELETE_FAILED", "Entity is not in the recycle bin")
        seconds = self.now()
        back = {"IsDeleted": 0, "SystemModstamp": seconds, DELETED_AT: None, DELETED_WITH: None}
        with self.store.writing():
            for each in self.schema:
                table = self.store.table(each)
                stamps = {"LastModifiedDate": seconds} if each is sobject else {}
                self.store.run(sa.update(table).where(table.c[DELETED_WITH] == key).values({**back, **stamps}))
            self._after_line(sobject, held, seconds)

    def merge(self, object_name: str, winner: str, losers: Sequence[str]) -> None:
        """Merges one or two records into another.

        They go to the recycle bin with their MasterRecordId, and what pointed at them points at the winner (its
        SystemModstamp moves).

        Raises:
            ValueError: there is no such object, or its records cannot be merged.
            VendorError: 404, no such record.
        """
        sobject = self.schema.known(object_name)
        if not sobject.mergeable or not 1 <= len(losers) <= 2:
            raise ValueError(f"{sobject.name}: expected an object that can be merged, and one or two losers")
        kept, gone = self._key(sobject, winner), [self._key(sobject, each) for each in losers]
        seconds = self.now()
        with self.store.writing():
            for child in self.schema:
                for field in child.fields.values():
                    if sobject.name in field.refers_to and field.name != "MasterRecordId":
                        table = self.store.table(child)
                        moved = sa.update(table).where(table.c[field.name].in_(gone))
                        self.store.run(moved.values({field.name: kept, "SystemModstamp": seconds}))
            table = self.store.table(sobject)
            lost = {"IsDeleted": 1, "MasterRecordId": kept, DELETED_AT: seconds, "SystemModstamp": seconds}
            self.store.run(sa.update(table).where(table.c.Id.in_(gone)).values({**lost, "LastModifiedDate": seconds}))
            self._change(sobject, kept, {"LastModifiedDate": seconds, "SystemModstamp": seconds}, seconds, derive=False)

    def set_silently(self, object_name: str, record_id: str, given: Mapping[str, Any]) -> None:
        """Changes values and moves no stamp, as formulas and some status fields change."""
        self.update(object_name, record_id, given, stamp="none")

    def record(self, object_name: str, record_id: str) -> dict[str, Any]:
        """A record's values, deleted or not: Decimal, bool, datetime, date or text by field name.

        Raises:
            ValueError: there is no such object.
            VendorError: 404, no such record.
        """
        self.settle()
        sobject = self.schema.known(object_name)
        held = self.store.get(sobject, self._key(sobject, record_id))
        if held is None:
            raise not_found()
        return {
            each.name: values.to_python(each, held[each.name]) for each in sobject.fields.values() if has_column(each)
        }

    def count(self, object_name: str) -> int:
        """How many records of an object are not deleted."""
        self.settle()
        table = self.store.table(self.schema.known(object_name))
        return int(self.store.value(sa.select(sa.func.count()).where(table.c.IsDeleted == 0)))
