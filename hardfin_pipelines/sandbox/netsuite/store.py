"""The database of one account: DuckDB in memory, a table for each of the account's."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from hardfin_pipelines.sandbox.netsuite.schema import VIEWS, Column, Table
from hardfin_pipelines.sandbox.netsuite.suiteql.macros import MACROS

_TYPES: Mapping[str, str] = {
    "id": "BIGINT",
    "integer": "BIGINT",
    "reference": "BIGINT",
    "number": "DECIMAL(18, 8)",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
}
_ITEM_STOCK = (
    "CREATE VIEW inventoryitemlocations AS SELECT a.* FROM aggregateitemlocation a JOIN item i ON i.id = a.item "
    "WHERE i.itemtype = 'InvtPart' AND coalesce(i.isserialitem, 'F') = 'F' AND coalesce(i.islotitem, 'F') = 'F'"
)
_PREVIOUS_LINKS = "CREATE VIEW previoustransactionlinelink AS SELECT * FROM nexttransactionlinelink"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def sql_type(column: Column) -> str:
    """DuckDB's type for a column; booleans are T and F, multi-selects `1, 3, 4`, as SuiteQL shows them."""
    return _TYPES.get(column.type, "VARCHAR")


class Store:
    """One account's database. Writes hold `lock`; each reader has a cursor of its own."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        """Empty tables. The database can reach neither files nor the network, whatever it is asked."""
        self.lock = threading.RLock()
        self._depth = 0
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 2,
            "enable_external_access": False,
            "autoload_known_extensions": False,
        }
        self._connection = duckdb.connect(":memory:", config=config)
        for table in tables.values():
            if table.name not in VIEWS:
                columns = ", ".join(f"{quoted(each.name)} {sql_type(each)}" for each in table.columns.values())
                self._connection.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
        for macro in MACROS:
            self._connection.execute(f"CREATE MACRO {macro}")
        self._connection.execute(_ITEM_STOCK)
        self._connection.execute(_PREVIOUS_LINKS)

    def close(self) -> None:
        """Gives the database back."""
        with self.lock:
            self._connection.close()

    @contextmanager
    def reading(self, time_zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that sees one state of the database and writes times in `time_zone`, an IANA name."""
        with self.lock:
            cursor = self._connection.cursor()
        try:
            cursor.execute("SET TimeZone = ?", [time_zone])
            cursor.execute("BEGIN")
            yield cursor
        finally:
            cursor.close()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows of a statement of ours, by column name."""
        with self.lock:
            found = self._connection.execute(statement, list(parameters))
            names = [each[0] for each in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Carries out a statement of ours."""
        with self.lock:
            self._connection.execute(statement, list(parameters))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all writes of the block or none; inside of another one it is a part of that."""
        with self.lock:
            outermost = self._depth == 0
            self._depth += 1
            try:
                if outermost:
                    self._connection.execute("BEGIN")
                yield
                if outermost:
                    self._connection.execute("COMMIT")
            except BaseException:
                if outermost:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows; columns that the first lacks stay empty in all."""
        if not rows:
            return
        names = list(rows[0])
        if len(rows) < 100:  # below, one statement for all costs more than it saves
            places = ", ".join(["?"] * len(names))
            listed = ", ".join(map(quoted, names))
            statement = f"INSERT INTO {quoted(table)} ({listed}) VALUES ({places})"  # noqa: S608  # our own names
            for row in rows:
                self.run(statement, [row.get(name) for name in names])
            return
        with self.lock:
            self._connection.register("_new", pa.table({name: [row.get(name) for row in rows] for name in names}))
            try:
                listed = ", ".join(map(quoted, names))
                self.run(f"INSERT INTO {quoted(table)} ({listed}) SELECT {listed} FROM _new")  # noqa: S608  # our own names
            finally:
                self._connection.unregister("_new")
