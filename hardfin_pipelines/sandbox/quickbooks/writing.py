"""Writes: what QuickBooks checks, fills in and derives when a record is created or changed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.entities import ACCOUNT_CLASSES, Entity, entities
from hardfin_pipelines.sandbox.quickbooks.errors import (
    VendorError,
    bad_reference,
    business,
    duplicate_name,
    missing,
    not_found,
    stale,
)
from hardfin_pipelines.sandbox.quickbooks.item_rules import check_accounts, check_type, completed, fits_parent
from hardfin_pipelines.sandbox.quickbooks.names import NameIndex, deleted_names, without_suffix
from hardfin_pipelines.sandbox.quickbooks.records import RecordTable, Snapshot
from hardfin_pipelines.sandbox.quickbooks.values import checked

Values = dict[str, Any]
_NOTHING_OWED = {"Balance": Decimal(0), "BalanceWithJobs": Decimal(0)}
_FILLED_IN: Mapping[str, Values] = {
    "Account": {"CurrentBalance": Decimal(0), "CurrentBalanceWithSubAccounts": Decimal(0)},
    "Customer": {"Taxable": False, "BillWithParent": False, "PreferredDeliveryMethod": "Print", **_NOTHING_OWED},
    "Vendor": {"Balance": Decimal(0), "Vendor1099": False},
}
"""What a new record has without being told."""
_PERSON_NAMES = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")


def parent_id_of(values: Mapping[str, Any]) -> int:
    """The parent's id; 0 for a record at the top."""
    parent = values.get("ParentRef")
    return int(parent["value"]) if parent and parent["value"].isdigit() else 0


class RecordWriter:
    """Changes the records of one company."""

    def __init__(
        self,
        tables: Mapping[str, RecordTable],
        *,
        latin1: Callable[[], bool],
        moves_children: Callable[[], bool],
        visible_at: Callable[[], datetime | None],
    ) -> None:
        """The functions read the company's settings: lossy texts, stamps of children, when a write shows."""
        self._tables = tables
        self._names = NameIndex()
        self._latin1 = latin1
        self._moves_children = moves_children
        self._visible_at = visible_at

    def create(self, entity: Entity, given: Mapping[str, Any], at: datetime, *, by_api: bool = False) -> Snapshot:
        """A new record, stamped with a whole second. One that is not active becomes so after it was made.

        Raises:
            VendorError: QuickBooks would refuse it.
        """
        values = {**_FILLED_IN.get(entity.name, {}), **_set(checked(entity, given, latin1=self._latin1()))}
        active = values.pop("Active", True)
        if entity.name == "Item":
            values.setdefault("Type", "Service")
            check_type(values, None, by_api=by_api)
        made = self._settled(entity, {**values, "Active": True}, None)
        snapshot = Snapshot(self._tables[entity.name].new_id(), 0, at, at, made)
        self._put(entity, snapshot, None)
        return snapshot if active else self.change(entity, snapshot, {"Active": False}, at, sparse=True)

    def update(self, entity: Entity, given: Mapping[str, Any], at: datetime) -> Snapshot:
        """A change by the API: `Id`, `SyncToken`, and all writable fields unless it is sparse.

        Raises:
            VendorError: the record is not there, the token is not the newest, or a value is refused.
        """
        before = self.held(entity.name, given.get("Id"))
        if given.get("SyncToken") in (None, ""):
            raise missing("SyncToken")
        if str(given["SyncToken"]) != str(before.sync_token):
            raise stale()
        return self.change(entity, before, given, at, sparse=bool(given.get("sparse")))

    def change(
        self, entity: Entity, before: Snapshot, given: Mapping[str, Any], at: datetime, *, sparse: bool
    ) -> Snapshot:
        """Sets fields; one that is not sparse clears the writable fields it leaves out.

        Raises:
            VendorError: a value is refused.
        """
        values = checked(entity, given, latin1=self._latin1())
        merged = _set({**_kept(entity, before.values, sparse=sparse), **values})
        if entity.sub_field and values.get(entity.sub_field) is False:
            merged.pop("ParentRef", None)
        if entity.name == "Item":
            check_type(merged, before.values, by_api=True)
        if entity.name_field:
            self._rename_for_activity(entity, before, merged)
        settled = self._settled(entity, merged, before)
        after = replace(
            before, sync_token=before.sync_token + 1, updated_at=max(at, before.created_at), values=settled, rendered=[]
        )
        self._put(entity, after, before)
        return after

    def held(self, entity: str, record_id: object) -> Snapshot:
        """A record as it is now.

        Raises:
            VendorError: 610, it is not there.
        """
        text = str(record_id)
        found = self._tables[entity].current.get(int(text)) if text.isascii() and text.isdigit() else None
        if found is None:
            raise not_found()
        return found

    def remove(self, entity: Entity, record_id: str, at: datetime) -> None:
        """Takes a record away for good.

        Raises:
            VendorError: it is not there.
        """
        gone = self.held(entity.name, record_id)
        if entity.name_field:
            self._names.free(entity.name, parent_id_of(gone.values), gone.values[entity.name_field])
        self._tables[entity.name].remove(gone.id, at, self._visible_at())

    def _rename_for_activity(self, entity: Entity, before: Snapshot, merged: Values) -> None:
        """An inactive record's name gets a suffix, so that another may have it; an active one loses it."""
        field, was, now = entity.name_field, before.values.get("Active", True), merged.get("Active", True)
        if was and not now:
            if any(each.values.get("Active") for each in self._children(entity, before.id)):
                raise business("You can't make this inactive while active ones are below it.", "Active")
            parent = parent_id_of(merged)
            free = (each for each in deleted_names(merged[field]) if not self._names.holder(entity.name, parent, each))
            merged[field] = next(free)
        elif now and not was and merged.get(field) == before.values.get(field):
            merged[field] = without_suffix(merged[field])

    def _settled(self, entity: Entity, values: Values, before: Snapshot | None) -> Values:
        """The values with what follows from them: filled in, references named, path and level."""
        if entity.name_field:
            self._check_name(entity, values)
        if entity.name == "Account":
            if "AccountType" not in values:
                raise missing("AccountType")
            values["Classification"] = ACCOUNT_CLASSES[values["AccountType"]]
        if entity.name == "Item":
            values = completed(values)
        for name, definition in entity.fields.items():
            if definition.kind == "ref" and name in values:
                values[name] = self._named_reference(definition.target, values[name], name)
        if entity.name == "Item" and values["Type"] != "Category":
            check_accounts(values, self._account_type)
        if entity.sub_field:
            self._place(entity, values, before)
        if entity.name_field:
            self._check_unique(entity, values, before)
        return values

    def _check_name(self, entity: Entity, values: Values) -> None:
        field = entity.name_field
        if field == "DisplayName" and not values.get(field):
            parts = [values[name] for name in _PERSON_NAMES if values.get(name)]
            values[field] = " ".join(parts) or values.get("CompanyName", "")
        if not str(values.get(field, "")).strip():
            raise missing(field)
        if any(mark in values[field] for mark in (":", "\t", "\n")):
            text = f"{field} has a character that is not allowed"
            raise VendorError(400, "2040", "Invalid String", text, element=field)

    def _account_type(self, account_id: str) -> str:
        return str(self.held("Account", account_id).values["AccountType"])

    def _named_reference(self, target: str, reference: dict[str, str], field: str) -> dict[str, str]:
        if target not in self._tables:
            return reference
        text = reference["value"]
        found = self._tables[target].current.get(int(text)) if text.isascii() and text.isdigit() else None
        if found is None or not found.values.get("Active", True):
            raise bad_reference(target, text, field)
        name = found.values.get("FullyQualifiedName") or found.values[entities()[target].name_field]
        return {"value": text, "name": name}

    def _place(self, entity: Entity, values: Values, before: Snapshot | None) -> None:
        """Parent, level and path."""
        parent_id = parent_id_of(values)
        if values.get(entity.sub_field) and not parent_id:
            raise missing("ParentRef")
        if not parent_id:
            values.pop("Level", None)
            values.pop(entity.sub_field, None)
            values["FullyQualifiedName"] = values[entity.name_field]
            if entity.name != "Item":
                values[entity.sub_field] = False
            return
        parent = self.held(entity.name, parent_id)
        self._check_no_circle(entity, parent, before)
        level = int(parent.values.get("Level", 0)) + 1
        if entity.name == "Item":
            fits_parent(values, parent.values, level)
        values[entity.sub_field] = True
        if "Level" in entity.fields:
            values["Level"] = level
        values["FullyQualifiedName"] = f"{parent.values['FullyQualifiedName']}:{values[entity.name_field]}"

    def _check_no_circle(self, entity: Entity, parent: Snapshot, before: Snapshot | None) -> None:
        above: Snapshot | None = parent
        while above is not None and before is not None:
            if above.id == before.id:
                raise business("A record can't be below itself.", "ParentRef")
            above = self._tables[entity.name].current.get(parent_id_of(above.values))

    def _check_unique(self, entity: Entity, values: Values, before: Snapshot | None) -> None:
        holder = self._names.holder(entity.name, parent_id_of(values), values[entity.name_field])
        own = None if before is None else (entity.name, before.id)
        if holder is not None and holder != own:
            raise duplicate_name(holder[1], entity.name_field)

    def _put(self, entity: Entity, after: Snapshot, before: Snapshot | None) -> None:
        field = entity.name_field
        if field and before is not None:
            self._names.free(entity.name, parent_id_of(before.values), before.values[field])
        if field:
            self._names.take(entity.name, after.id, parent_id_of(after.values), after.values[field])
        self._tables[entity.name].put(after, self._visible_at())
        path = "FullyQualifiedName"
        if entity.sub_field and before is not None and before.values.get(path) != after.values[path]:
            self._rename_children(entity, after)

    def _children(self, entity: Entity, record_id: int) -> list[Snapshot]:
        if not entity.sub_field:
            return []
        return [each for each in self._tables[entity.name].current.values() if parent_id_of(each.values) == record_id]

    def _rename_children(self, entity: Entity, parent: Snapshot) -> None:
        """The paths below follow. Whether their LastUpdatedTime does is not known, so a setting decides."""
        path = parent.values["FullyQualifiedName"]
        for child in self._children(entity, parent.id):
            own_path = f"{path}:{child.values[entity.name_field]}"
            reference = {"value": str(parent.id), "name": path}
            values = {**child.values, "ParentRef": reference, "FullyQualifiedName": own_path}
            moved = parent.updated_at if self._moves_children() else child.updated_at
            renamed = replace(child, values=values, updated_at=moved, rendered=[])
            self._tables[entity.name].put(renamed, self._visible_at())
            self._rename_children(entity, renamed)


def _set(values: Mapping[str, Any]) -> Values:
    """Without what is cleared; an empty text clears."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _kept(entity: Entity, values: Mapping[str, Any], *, sparse: bool) -> Values:
    if sparse:
        return dict(values)
    kept = {"Active", "Type", "AccountType"}
    return {name: value for name, value in values.items() if name in kept or entity.fields[name].read_only}
