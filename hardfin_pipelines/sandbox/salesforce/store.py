"""The database of one organization: a table for each object, a column for each field."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from hardfin_pipelines.sandbox.salesforce.fields import COMPOUNDS, IDS, TEXTS, Field
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject

DELETED_AT = "_deleted_at"
"""Seconds since 1970 when a record went to the recycle bin."""
DELETED_WITH = "_deleted_with"
"""The record whose deletion took this one along."""
_INDEXED = ("SystemModstamp", "LastModifiedDate")


def _column_type(field: Field) -> Any:
    if field.type in TEXTS or field.type in IDS or field.type == "date":
        return sa.Text()
    return sa.LargeBinary() if field.type == "base64" else sa.Integer()


def has_column(field: Field) -> bool:
    """Whether a field has a column of its own: compounds and formulas over a parent have none."""
    return field.type not in COMPOUNDS and field.formula_path is None


def ids_in(ids: Iterable[str]) -> sa.Select[Any]:
    """Texts as a sub-select over one JSON parameter, so that thousands of them cost one binding."""
    each = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
    return sa.select(each.c.value)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=MEMORY")
    connection.execute("PRAGMA synchronous=OFF")  # a sandbox's file need not outlive a crash of the machine
    connection.execute("PRAGMA case_sensitive_like=OFF")


class Store:
    """One organization's database, in memory or in a file. Every use holds `lock`."""

    def __init__(self, path: Path | None = None) -> None:
        """Opens `path`, or a database in memory."""
        self.lock = threading.RLock()
        self._depth = 0
        self._metadata = sa.MetaData()
        self._tables: dict[str, sa.Table] = {}
        self._engine = sa.create_engine(
            "sqlite://" if path is None else f"sqlite:///{path}",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
            isolation_level="AUTOCOMMIT",
        )
        sa.event.listen(self._engine, "connect", _prepare)
        self._connection = self._engine.connect()

    def close(self) -> None:
        """Gives the database back."""
        with self.lock:
            self._connection.close()
            self._engine.dispose()

    def table(self, sobject: SObject) -> sa.Table:
        """The table of an object."""
        return self._tables[sobject.name]

    def fit(self, sobject: SObject) -> None:
        """Makes an object's table, or adds the columns that it lacks."""
        columns = [
            sa.Column(each.name, _column_type(each), primary_key=each.type == "id")
            for each in sobject.fields.values()
            if has_column(each)
        ]
        if sobject.name in self._tables:
            self._metadata.remove(self._tables[sobject.name])
        internal = (sa.Column(DELETED_AT, sa.Integer), sa.Column(DELETED_WITH, sa.Text))
        table = sa.Table(sobject.name, self._metadata, *columns, *internal)
        with self.lock:
            held = (
                {each["name"] for each in sa.inspect(self._connection).get_columns(table.name)}
                if self._has(table.name)
                else set()
            )
            if not held:
                table.create(self._connection)
            for column in table.columns:
                if held and column.name not in held:
                    self._add_column(table, column)
            for each in sobject.fields.values():
                if has_column(each) and (each.name in _INDEXED or each.type == "reference"):
                    index = sa.Index(f"{sobject.name}_{each.name}", table.c[each.name])
                    index.create(self._connection, checkfirst=True)
        self._tables[sobject.name] = table

    def _has(self, name: str) -> bool:
        return sa.inspect(self._connection).has_table(name)

    def _add_column(self, table: sa.Table, column: sa.Column[Any]) -> None:
        quote = self._engine.dialect.identifier_preparer.quote
        kind = column.type.compile(self._engine.dialect)
        self._connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all writes of the block or none."""
        with self.lock:
            outermost = self._depth == 0
            self._depth += 1
            try:
                if outermost:
                    self._connection.exec_driver_sql("BEGIN")
                yield
                if outermost:
                    self._connection.exec_driver_sql("COMMIT")
            except BaseException:
                if outermost:
                    self._connection.exec_driver_sql("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def rows(self, statement: sa.Executable) -> Sequence[Any]:
        """All rows of a read."""
        with self.lock:
            return self._connection.execute(statement).all()

    def value(self, statement: sa.Executable) -> Any:
        """The one value of a read."""
        with self.lock:
            return self._connection.execute(statement).scalar()

    def run(self, statement: sa.Executable, parameters: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Carries out a write; `parameters` repeats it for each mapping."""
        with self.lock:
            if parameters is None:
                self._connection.execute(statement)
            elif parameters:
                self._connection.execute(statement, parameters)

    def get(self, sobject: SObject, record_id: str) -> dict[str, Any] | None:
        """One record's columns, deleted or not."""
        table = self.table(sobject)
        with self.lock:
            found = self._connection.execute(sa.select(table).where(table.c.Id == record_id)).mappings().first()
        return None if found is None else dict(found)

    def mappings(self, statement: sa.Executable) -> list[dict[str, Any]]:
        """All rows of a read, by column name."""
        with self.lock:
            return [dict(row) for row in self._connection.execute(statement).mappings()]
