"""INSERT that updates what is there: the same statement on SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert = postgresql.Insert | sqlite.Insert
Changes = Callable[[Insert], Mapping[str, Any]]
"""From the statement (whose `excluded` are the new values) to what is changed in a row that is there already."""

Condition = ColumnElement[bool] | Callable[[Insert], ColumnElement[bool]]
"""Of a row that is there already, or from the statement to that."""


def upsert(
    connection: Connection, table: Table, changes: Changes | None = None, *, where: Condition | None = None
) -> Insert:
    """An insert that, where the key is taken, changes that row instead.

    No two of the rows given to one such statement may have the same key: PostgreSQL refuses to change a row twice.

    Args:
        connection: Decides the dialect.
        table: Where to insert.
        changes: What to change; by default every column that is not part of the key.
        where: Leave the row alone unless this holds for it.
    """
    statement: Insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    if changes is None:
        values: Mapping[str, Any] = {
            column.name: statement.excluded[column.name] for column in table.columns if column.name not in key
        }
    else:
        values = changes(statement)
    condition = where(statement) if callable(where) else where
    return statement.on_conflict_do_update(index_elements=key, set_=dict(values), where=condition)
