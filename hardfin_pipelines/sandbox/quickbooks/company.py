"""One company: its records, settings, and what people do to them."""

import csv
import random
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any, Literal

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.quickbooks.company_facts import company_info, preferences
from hardfin_pipelines.sandbox.quickbooks.entities import Entity, entities
from hardfin_pipelines.sandbox.quickbooks.moments import whole_second
from hardfin_pipelines.sandbox.quickbooks.record_json import as_json
from hardfin_pipelines.sandbox.quickbooks.records import RecordTable, Snapshot
from hardfin_pipelines.sandbox.quickbooks.settings import CompanySettings
from hardfin_pipelines.sandbox.quickbooks.throttling import Throttle
from hardfin_pipelines.sandbox.quickbooks.writing import RecordWriter, parent_id_of

CompanyKind = Literal["production", "sandbox"]
_KEPT_EVENTS = 10_000
_KEPT_ANSWERS = 10_000
_ACCOUNTS_OF_TYPE = {
    "Inventory": {
        "IncomeAccountRef": "Sales of Product Income",
        "ExpenseAccountRef": "Cost of Goods Sold",
        "AssetAccountRef": "Inventory Asset",
    },
    "NonInventory": {"IncomeAccountRef": "Sales of Product Income"},
    "Service": {"IncomeAccountRef": "Services"},
}


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """What a webhook would tell. `deleted_id` is the record that was merged away into this one."""

    entity: str
    id: str
    operation: Literal["Create", "Update", "Delete", "Merge"]
    at: datetime
    deleted_id: str = ""


class Company:
    """A QuickBooks company (a realm).

    Records are read and written by the vendor's names and values; ids are texts, as in the API.
    """

    def __init__(
        self,
        clock: SandboxClock,
        realm_id: str,
        *,
        name: str,
        country: str = "US",
        currency: str = "USD",
        kind: CompanyKind = "production",
        user_email: str = "admin@example.com",
        seed: int = 0,
    ) -> None:
        """A company with its usual accounts and no items; `seed` is of whatever is left to chance."""
        self.clock = clock
        self.realm_id = realm_id
        self.name = name
        self.country = country
        self.currency = currency
        self.kind: CompanyKind = kind
        self.user_email = user_email
        self.settings = CompanySettings(lossy_latin1=country == "US")
        self.throttle = Throttle()
        self.lock = threading.RLock()
        self.random = random.Random(seed)  # noqa: S311  # jitter and shuffles, guards nothing
        self.tables = {entity: RecordTable() for entity in entities()}
        self.events: deque[ChangeEvent] = deque(maxlen=_KEPT_EVENTS)
        self._answers: dict[str, Any] = {}
        self._writer = RecordWriter(
            self.tables,
            latin1=lambda: self.settings.lossy_latin1,
            moves_children=lambda: self.settings.parent_rename_moves_children,
            visible_at=self._visible_at,
        )
        self._accounts: dict[str, str] = {}
        self._open()

    def _open(self) -> None:
        at = whole_second(self.clock.now())
        for entity, values in (
            ("CompanyInfo", company_info(self.name, self.country, self.user_email, at.date())),
            ("Preferences", preferences(self.currency)),
        ):
            table = self.tables[entity]
            table.put(Snapshot(table.new_id(), 0, at, at, values), None)
        text = files(__package__).joinpath("chart_of_accounts.csv").read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            given = {"Name": row["name"], "AccountType": row["type"], "AccountSubType": row["subtype"]}
            self._accounts[row["name"]] = self.create("Account", given)
        self.events.clear()

    def _visible_at(self) -> datetime | None:
        settings = self.settings
        seconds = settings.visible_after_seconds + self.random.random() * settings.visible_after_jitter_seconds
        return self.clock.now() + timedelta(seconds=seconds) if seconds else None

    def settle(self) -> None:
        """Lets queries see the writes that are due."""
        now = self.clock.now()
        for table in self.tables.values():
            table.settle(now)

    def _at(self, at: datetime | None) -> datetime:
        return whole_second(at or self.clock.now())

    def api_create(self, entity: Entity, given: Mapping[str, Any]) -> Snapshot:
        """A record as the API creates one; nothing is filled in for the caller.

        Raises:
            VendorError: QuickBooks would refuse it.
        """
        made = self._writer.create(entity, self._with_currency(entity.name, given), self._at(None), by_api=True)
        return self._told(entity, made, "Create")

    def api_update(self, entity: Entity, given: Mapping[str, Any]) -> Snapshot:
        """A full or sparse update, as the API does it.

        Raises:
            VendorError: QuickBooks would refuse it.
        """
        return self._told(entity, self._writer.update(entity, given, self._at(None)), "Update")

    def held(self, entity: Entity, record_id: object) -> Snapshot:
        """A record as it is now.

        Raises:
            VendorError: 610, it is not there.
        """
        return self._writer.held(entity.name, record_id)

    def create(self, entity: str, values: Mapping[str, Any], *, at: datetime | None = None) -> str:
        """A new record of any type, as people make them; accounts of items are filled in. Returns its id.

        Args:
            entity: `Item`, `Account`, `Customer` or `Vendor`.
            values: by the vendor's names.
            at: when it was made; now, when left out.

        Raises:
            VendorError: QuickBooks would refuse it.
        """
        with self.lock:
            given = dict(values)
            if entity == "Item":
                given = {**self._item_defaults(given), **given}
            made = self._writer.create(entities()[entity], self._with_currency(entity, given), self._at(at))
            return str(self._told(entities()[entity], made, "Create").id)

    def _with_currency(self, entity: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The home currency, where none is named."""
        has_one = "CurrencyRef" in entities()[entity].fields
        return {**({"CurrencyRef": {"value": self.currency}} if has_one else {}), **given}

    def _item_defaults(self, given: Mapping[str, Any]) -> dict[str, Any]:
        kind = given.get("Type", "Service")
        found: dict[str, Any] = {
            field: {"value": self._accounts[account]} for field, account in _ACCOUNTS_OF_TYPE.get(kind, {}).items()
        }
        if kind == "Inventory":
            found |= {"TrackQtyOnHand": True, "QtyOnHand": Decimal(0), "InvStartDate": "2024-01-01"}
        return found

    def create_many(self, entity: str, rows: Iterable[Mapping[str, Any]], *, at: datetime | None = None) -> list[str]:
        """Many new records; their ids."""
        with self.lock:
            return [self.create(entity, values, at=at) for values in rows]

    def update(self, entity: str, record_id: str, values: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Sets fields of a record, as people do; None clears one.

        Raises:
            VendorError: it is not there, or a value is refused.
        """
        with self.lock:
            found, kind = self._writer.held(entity, record_id), entities()[entity]
            self._told(kind, self._writer.change(kind, found, values, self._at(at), sparse=True), "Update")

    def deactivate(self, entity: str, record_id: str, *, at: datetime | None = None) -> None:
        """Makes a record inactive, which is QuickBooks' way to delete one; its name gets ` (deleted)`."""
        self.update(entity, record_id, {"Active": False}, at=at)

    def reactivate(self, entity: str, record_id: str, *, at: datetime | None = None) -> None:
        """Makes it active again, under its old name."""
        self.update(entity, record_id, {"Active": True}, at=at)

    def touch(self, entity: str, record_id: str, values: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Sets values past all rules and moves LastUpdatedTime but not SyncToken, as transactions move stock."""
        with self.lock:
            before = self._writer.held(entity, record_id)
            held = {**before.values, **values}
            after = replace(before, updated_at=self._at(at), values=held, rendered=[])
            self.tables[entity].put(after, self._visible_at())
            self._told(entities()[entity], after, "Update")

    def delete(self, entity: str, record_id: str, *, at: datetime | None = None) -> None:
        """Takes a record away for good; change data capture tells so."""
        with self.lock:
            stamp = self._at(at)
            self._writer.remove(entities()[entity], record_id, stamp)
            self.events.append(ChangeEvent(entity, record_id, "Delete", stamp))

    def merge(self, entity: str, winner: str, losers: Iterable[str], *, at: datetime | None = None) -> None:
        """Merges records into one: the others' ids are gone, what was below them is below the winner.

        Raises:
            VendorError: one is not there, or the winner is among the losers.
        """
        with self.lock:
            stamp, kind = self._at(at), entities()[entity]
            kept = self._writer.held(entity, winner)
            gone = [self._writer.held(entity, loser) for loser in losers]
            if kept.id in {each.id for each in gone}:
                raise ValueError(f"{entity} {winner}: a record cannot be merged into itself; name others")
            for loser in gone:
                for child in [e for e in self.tables[entity].current.values() if parent_id_of(e.values) == loser.id]:
                    self.update(entity, str(child.id), {"ParentRef": {"value": winner}}, at=stamp)
                self._writer.remove(kind, str(loser.id), stamp)
                self.events.append(ChangeEvent(entity, winner, "Merge", stamp, str(loser.id)))
            self._told(kind, self._writer.change(kind, kept, {}, stamp, sparse=True), "Update")

    def record(self, entity: str, record_id: str) -> dict[str, Any]:
        """A record as the API shows it.

        Raises:
            VendorError: it is not there.
        """
        return as_json(entities()[entity], self._writer.held(entity, record_id))

    def count(self, entity: str) -> int:
        """How many records there are, inactive ones too."""
        return len(self.tables[entity].current)

    def answered(self, request_id: str | None) -> Any:
        """The answer that a request id got before; None for a new one."""
        return self._answers.get(request_id) if request_id else None

    def remember(self, request_id: str | None, answer: Any) -> None:
        """Keeps an answer for its request id."""
        if request_id:
            while len(self._answers) >= _KEPT_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[request_id] = answer

    def _told(self, entity: Entity, snapshot: Snapshot, operation: Literal["Create", "Update"]) -> Snapshot:
        self.events.append(ChangeEvent(entity.name, str(snapshot.id), operation, snapshot.updated_at))
        return snapshot
