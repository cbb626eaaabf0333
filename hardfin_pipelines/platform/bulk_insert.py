"""Inserting many rows at once, at a fraction of what SQLAlchemy's own way costs: value by value, for every row.

SQLite's driver gets the values made ready column by column. PostgreSQL gets all rows as one JSON text, which it takes
apart by the types of the table's columns (PostgreSQL docs: json_populate_recordset).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import JSON, Connection, Dialect, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep_existing: bool = False
) -> None:
    """Insert rows that all have the same columns; none is fine.

    Args:
        connection: The caller's transaction.
        table: Where to.
        rows: Values by column.
        keep_existing: Whether rows whose key is taken are left out; otherwise they are refused.

    Raises:
        sqlalchemy.exc.IntegrityError: A key is taken, or what a row refers to is not there.
        sqlalchemy.exc.DataError, TypeError, ValueError: A value does not fit its column.
    """
    if not rows:
        return
    prepared = None
    if len(rows) > 1:
        prepared = _prepared(connection.dialect, table, tuple(rows[0]), keep_existing=keep_existing)
    if prepared is None:
        connection.execute(_statement(connection.dialect, table, keep_existing=keep_existing), rows)
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(prepared.text, {"rows": prepared.as_json(rows)})
    else:
        connection.exec_driver_sql(prepared.text, prepared.values(rows))


def _statement(dialect: Dialect, table: Table, *, keep_existing: bool) -> Insert:
    if not keep_existing:
        return table.insert()
    insert = postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement for the driver, and what each of its values goes through on the way."""

    text: str
    columns: tuple[str, ...]
    processors: tuple[Callable[[Any], Any] | None, ...]

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """The values of the rows in the statement's order, as the driver takes them."""
        by_column: list[Sequence[Any]] = [*zip(*map(itemgetter(*self.columns), rows), strict=True)]
        for place, process in enumerate(self.processors):
            if process is not None:
                by_column[place] = [process(value) for value in by_column[place]]
        return [*zip(*by_column, strict=True)]

    def as_json(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The rows as one JSON text.

        Raises:
            ValueError: A text cannot be written as UTF-8.
        """
        documents = [dict(zip(self.columns, values, strict=True)) for values in self.values(rows)]
        try:
            return orjson.dumps(documents, default=str).decode()  # of our values only decimals are not orjson's own
        except orjson.JSONEncodeError as error:
            raise ValueError(str(error)) from None


@lru_cache(maxsize=64)
def _prepared(dialect: Dialect, table: Table, columns: tuple[str, ...], *, keep_existing: bool) -> _Prepared | None:
    """None where SQLAlchemy has more to do than to hand over the values."""
    compiled: Any = _statement(dialect, table, keep_existing=keep_existing).compile(
        dialect=dialect, column_keys=list(columns)
    )
    if set(compiled.params) != set(columns) or len(columns) == 1:  # defaults of its own, or one value for a tuple
        return None
    if dialect.name == "postgresql":
        text = _from_json(dialect, table, columns, keep_existing=keep_existing)
        return _Prepared(text, columns, tuple(_for_json(dialect, table, name) for name in columns))
    names = tuple(compiled.positiontup)
    return _Prepared(str(compiled), names, tuple(_processor(dialect, table, name) for name in names))


def _from_json(dialect: Dialect, table: Table, columns: Sequence[str], *, keep_existing: bool) -> str:
    quoted = dialect.identifier_preparer
    into, names = quoted.format_table(table), ", ".join(map(quoted.quote, columns))
    on_conflict = " ON CONFLICT DO NOTHING" if keep_existing else ""
    rows = f"json_populate_recordset(NULL::{into}, %(rows)s::json)"
    return f"INSERT INTO {into} ({names}) SELECT {names} FROM {rows}{on_conflict}"  # noqa: S608  # our own tables' names


def _processor(dialect: Dialect, table: Table, column: str) -> Callable[[Any], Any] | None:
    """What SQLAlchemy does with a column's values on their way to the driver."""
    return table.c[column].type.dialect_impl(dialect).bind_processor(dialect)


def _for_json(dialect: Dialect, table: Table, column: str) -> Callable[[Any], Any] | None:
    process = _processor(dialect, table, column)
    if not isinstance(table.c[column].type, JSON) or process is None:
        return process
    return lambda value: orjson.Fragment(process(value))
