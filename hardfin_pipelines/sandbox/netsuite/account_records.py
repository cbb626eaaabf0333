"""An account's records, as a Python interface for loaders and tests. Columns have their SuiteQL names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.netsuite.deletions import deletion_of
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS, kind_of_item
from hardfin_pipelines.sandbox.netsuite.schema import VIEWS, Column, Table, standard_tables
from hardfin_pipelines.sandbox.netsuite.settings import AccountSettings
from hardfin_pipelines.sandbox.netsuite.store import Store, quoted

_CREATED = ("createddate", "datecreated")
_MODIFIED = ("lastmodifieddate", "linelastmodifieddate")
_PATHS = ("item", "location", "subsidiary", "department", "classification", "account")


class AccountRecords:
    """Creates, changes and deletes rows of an account's tables; ids are numbers, handed out as text."""

    def __init__(self, clock: SandboxClock) -> None:
        """Empty tables."""
        self.clock = clock
        self.settings = AccountSettings()
        self.tables = standard_tables()
        self.store = Store(self.tables)
        self.newest_id = 0
        """The highest id of any table; the next record gets the one above."""
        self.user_id: str | None = None
        """The employee in whose name records are changed."""

    def table(self, name: str) -> Table:
        """A table by its name or by the record API's name of an item type.

        Raises:
            ValueError: there is none, or it only shows the rows of another one.
        """
        lowered = "item" if name.lower() in ITEM_KINDS else name.lower()
        found = self.tables.get(lowered)
        if found is None or lowered in VIEWS:
            known = ", ".join(sorted(set(self.tables) - set(VIEWS)))
            raise ValueError(f"there is no table {name!r}; tables here: {known}")
        return found

    def create(self, record_type: str, values: Mapping[str, Any], *, at: datetime | None = None) -> str:
        """Adds a record and returns its id ("" for tables without ids).

        Args:
            record_type: a table, or an item type of the record API such as `assemblyItem`.
            values: by column; an `id` may be given.
            at: when it was made; now, when left out.

        Raises:
            ValueError: a table, column or value is wrong, or an item's `itemid` is missing or taken.
        """
        return self.create_many(record_type, [values], at=at)[0]

    def create_many(
        self, record_type: str, rows: Sequence[Mapping[str, Any]], *, at: datetime | None = None
    ) -> list[str]:
        """Adds records of one type, all with the same stamps; see `create`."""
        table = self.table(record_type)
        kind = ITEM_KINDS.get(record_type.lower())
        if table.name == "item" and kind is None:
            kind = ITEM_KINDS["inventoryitem"]
        moment = at or self.clock.now()
        made = []
        with self.store.writing():
            for values in rows:
                row: dict[str, Any] = dict.fromkeys(table.columns)
                if "isinactive" in row:
                    row["isinactive"] = "F"
                row.update(kind.codes() if kind is not None and "itemtype" not in values else {})
                row.update(self._checked(table, values))
                if "id" in table.columns and table.columns["id"].type == "id":
                    row["id"] = self._id_for(table, row["id"])
                row.update({name: moment for name in (*_CREATED, *_MODIFIED) if name in row and name not in values})
                made.append(row)
            self._complete(table, made)
            self.store.insert(table.name, made)
        return ["" if row.get("id") is None else str(row["id"]) for row in made]

    def update(
        self,
        record_type: str,
        record_id: str,
        values: Mapping[str, Any],
        *,
        at: datetime | None = None,
        stamp: bool = True,
    ) -> None:
        """Changes a record.

        Args:
            record_type: see `create`.
            record_id: its id.
            values: the columns that change.
            at: when; now, when left out.
            stamp: false leaves lastmodifieddate as it is, as stock and costs do.

        Raises:
            ValueError: it is not there, or a column or value is wrong.
        """
        table = self.table(record_type)
        with self.store.writing():
            held = self.record(record_type, record_id)
            changed = self._checked(table, values)
            if stamp:
                changed.update({name: at or self.clock.now() for name in _MODIFIED if name in table.columns})
            if table.name == "item" and changed.get("itemid", held["itemid"]) != held["itemid"]:
                self._check_item_names([{**held, **changed}])
            self._write(table, "id", int(record_id), changed)
            if table.name in _PATHS and {"parent", "name", "itemid"} & changed.keys():
                self._rebuild_path(table, int(record_id))

    def delete(self, record_type: str, record_id: str, *, at: datetime | None = None) -> None:
        """Deletes a record for good; `deletedrecord` tells of it. Of transactions the lines go with it, untold.

        Raises:
            ValueError: it is not there.
        """
        table = self.table(record_type)
        with self.store.writing():
            held = self.record(record_type, record_id)
            self.store.run(f"DELETE FROM {quoted(table.name)} WHERE id = ?", [int(record_id)])  # noqa: S608  # our name
            if table.name == "transaction":
                for name in ("transactionline", "transactionaccountingline", "inventoryassignment"):
                    self.store.run(f'DELETE FROM {name} WHERE "transaction" = ?', [int(record_id)])  # noqa: S608
            if table.name == "item":
                for name in ("aggregateitemlocation", "inventorybalance", "pricing", "itemvendor", "inventorynumber"):
                    self.store.run(f"DELETE FROM {name} WHERE item = ?", [int(record_id)])  # noqa: S608  # our name
                self.store.run("DELETE FROM itemmember WHERE parentitem = ?", [int(record_id)])
            moment = at or self.clock.now()
            row = deletion_of(table, held, moment, self.settings.deleted_record_type, self.user_id)
            self.store.insert("deletedrecord", [row])

    def record(self, record_type: str, record_id: str) -> dict[str, Any]:
        """A record's columns.

        Raises:
            ValueError: it is not there.
        """
        table = self.table(record_type)
        if "id" not in table.columns or not str(record_id).isdigit():
            raise ValueError(f"{table.name} has no record {record_id!r}")
        found = self.store.rows(f"SELECT * FROM {quoted(table.name)} WHERE id = ?", [int(record_id)])  # noqa: S608
        if not found:
            raise ValueError(f"{table.name} has no record {record_id!r}")
        return found[0]

    def count(self, table_name: str) -> int:
        """How many rows a table has."""
        name = self.table(table_name).name
        return int(self.store.rows(f"SELECT count(*) AS n FROM {quoted(name)}")[0]["n"])  # noqa: S608  # our name

    def _id_for(self, table: Table, given: int | None) -> int:
        if given is None:
            self.newest_id += 1
            return self.newest_id
        if given <= self.newest_id and self.store.rows(f"SELECT 1 FROM {quoted(table.name)} WHERE id = ?", [given]):  # noqa: S608
            raise ValueError(f"{table.name} has a record {given} already")
        self.newest_id = max(self.newest_id, given)
        return given

    def _checked(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(values) - set(table.columns))
        if unknown:
            raise ValueError(f"{table.name} has no column {unknown[0]!r}")
        return {name: _stored(table, table.columns[name], value) for name, value in values.items()}

    def _complete(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if table.name == "item":
            self._check_item_names(rows)
        if table.name not in _PATHS:
            return
        column = "displaynamewithhierarchy" if table.name == "account" else "fullname"
        paths: dict[int, str] = {}
        for row in rows:
            own = _own_name(table, row)
            row[column] = row[column] or self._path(table, row.get("parent"), own, paths)
            if table.name == "account":
                row["fullname"] = row["fullname"] or own
            if row.get("id") is not None:
                paths[row["id"]] = row[column]

    def _path(self, table: Table, parent: int | None, own: str, known: Mapping[int, str]) -> str:
        if parent is None:
            return own
        above = known.get(parent)
        if above is None:
            held = self.record(table.name, str(parent))
            above = held["displaynamewithhierarchy" if table.name == "account" else "fullname"]
        return f"{above} : {own}"

    def _rebuild_path(self, table: Table, record_id: int) -> None:
        """A renamed record's path, and those below it; their lastmodifieddate stays."""
        column = "displaynamewithhierarchy" if table.name == "account" else "fullname"
        held = self.record(table.name, str(record_id))
        path = self._path(table, held["parent"], _own_name(table, held), {})
        self._write(table, "id", record_id, {column: path})
        below = self.store.rows(f"SELECT id FROM {quoted(table.name)} WHERE parent = ?", [record_id])  # noqa: S608
        for row in below:
            self._rebuild_path(table, row["id"])

    def _check_item_names(self, rows: Sequence[Mapping[str, Any]]) -> None:
        names = [row["itemid"] for row in rows]
        if not all(names):
            raise ValueError("item: itemid is missing; every item has a name")
        held = self.store.rows("SELECT itemid FROM item WHERE list_contains(?, itemid)", [names])
        counted = Counter([*names, *(row["itemid"] for row in held)])
        twice = [name for name, count in counted.items() if count > 1]
        if twice:
            raise ValueError(f"item: there is an item {sorted(twice)[0]!r} already; itemid is unique")

    def _write(self, table: Table, key: str, key_value: int, values: Mapping[str, Any]) -> None:
        if values:
            sets = ", ".join(f"{quoted(name)} = ?" for name in values)
            statement = f"UPDATE {quoted(table.name)} SET {sets} WHERE {quoted(key)} = ?"  # noqa: S608  # our names
            self.store.run(statement, [*values.values(), key_value])


def item_record_type(row: Mapping[str, Any]) -> str:
    """The record API's type of an item."""
    return kind_of_item(row).record_type


def _own_name(table: Table, row: Mapping[str, Any]) -> str:
    if table.name == "account":
        return " ".join(str(each) for each in (row.get("acctnumber"), row.get("accountsearchdisplayname")) if each)
    return str(row["itemid"] if table.name == "item" else row["name"])


def _stored(table: Table, column: Column, value: Any) -> Any:
    """A value as the database keeps it; Oracle knows no empty text.

    Raises:
        ValueError: it does not fit the column.
    """
    if value is None or value == "":
        return None
    try:
        return _STORED.get(column.type, str)(value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{table.name}.{column.name} is {value!r}; expected a {column.type}") from error


def _truth(value: Any) -> str:
    if value in (True, "T"):
        return "T"
    if value in (False, "F"):
        return "F"
    raise ValueError(value)


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise ValueError(value)
    return found


def _day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _ids(value: Any) -> str:
    """Several ids as SuiteQL shows them."""
    return ", ".join(str(int(each)) for each in (value if isinstance(value, list | tuple) else str(value).split(",")))


_STORED: dict[str, Any] = {
    "id": int,
    "integer": int,
    "reference": int,
    "multi": _ids,
    "boolean": _truth,
    "number": lambda value: Decimal(str(value)),
    "date": _day,
    "datetime": _moment,
}
