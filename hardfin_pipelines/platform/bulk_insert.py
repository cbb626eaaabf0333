"""Inserting many rows at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep_existing: bool = False
) -> None:
    """Insert rows that all have the same columns; none is fine.

    On SQLite the values are made ready column by column: SQLAlchemy's way, value by value with a dictionary for each
    row, is an eighth of a load's CPU. PostgreSQL gets them in batches from SQLAlchemy.

    Args:
        connection: The caller's transaction.
        table: Where to.
        rows: Values by column.
        keep_existing: Whether rows whose key is taken are left out; otherwise they are refused.

    Raises:
        sqlalchemy.exc.IntegrityError: A key is taken, or what a row refers to is not there.
        TypeError, ValueError: A value does not fit its column.
    """
    if not rows:
        return
    dialect = connection.dialect
    columns = tuple(rows[0])
    prepared = None
    if dialect.name == "sqlite" and len(rows) > 1:
        prepared = _prepared(dialect, table, columns, keep_existing=keep_existing)
    if prepared is None:
        connection.execute(_statement(dialect, table, keep_existing=keep_existing), rows)
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


@lru_cache(maxsize=64)
def _prepared(dialect: Dialect, table: Table, columns: tuple[str, ...], *, keep_existing: bool) -> _Prepared | None:
    """None where SQLAlchemy has more to do than to hand over the values."""
    compiled: Any = _statement(dialect, table, keep_existing=keep_existing).compile(
        dialect=dialect, column_keys=list(columns)
    )
    names = tuple(compiled.positiontup or ())
    if set(names) != set(columns) or len(names) < 2:  # defaults of its own, or none
        return None
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    return _Prepared(str(compiled), names, tuple(processors))
