"""Runs a statement and answers one page of it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.errors import VendorError, unexpected, unsupported_query
from hardfin_pipelines.sandbox.netsuite.roles import SchemaView, User
from hardfin_pipelines.sandbox.netsuite.settings import AccountSettings
from hardfin_pipelines.sandbox.netsuite.store import Store
from hardfin_pipelines.sandbox.netsuite.suiteql.binding import Binder
from hardfin_pipelines.sandbox.netsuite.suiteql.functions import Setting
from hardfin_pipelines.sandbox.netsuite.suiteql.reading import read


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, without their empty columns, and how many rows there are in all pages."""

    rows: list[dict[str, Any]]
    total: int


@dataclass(frozen=True, slots=True)
class Reader:
    """What a query reads with: the account's database and the caller's view of it."""

    store: Store
    view: SchemaView
    user: User
    settings: AccountSettings
    now: datetime

    def page(self, statement: str, limit: int, offset: int) -> Page:
        """Rows `offset` to `offset + limit` of a statement's answer, every value a string.

        A statement with more than a hundred columns answers no rows, and nobody is told.

        Raises:
            VendorError: 400, it cannot be read or names what is not there; 500, its data cannot be worked out.
        """
        tree = read(statement)
        if not self.settings.set_operations and tree.find(exp.SetOperation) is not None:
            raise unsupported_query()
        binder = Binder(self.view, Setting(self.user, self.now), most_in_list=self.settings.most_in_list)
        try:
            outputs = binder.bind(tree)
            sql = tree.sql(dialect="duckdb", comments=False)
        except RecursionError as error:
            raise unsupported_query() from error
        except VendorError as error:
            if self.settings.unexpected_for_unknown_column and (
                "identifier" in error.detail or "Field" in error.detail
            ):
                raise unexpected() from error
            raise
        if len(outputs) > self.settings.most_columns:
            return Page([], 0)
        ordered = tree.find(exp.Order) is not None or not self.settings.shuffle_unordered
        names = [each.name for each in outputs]
        return self._run(sql, names, limit, offset, "" if ordered else _shuffling(statement, offset))

    def _run(self, sql: str, names: Sequence[str], limit: int, offset: int, order: str) -> Page:
        with self.store.reading(self.user.time_zone) as cursor:
            try:
                types = [str(row[1]) for row in cursor.execute(f"DESCRIBE {sql}").fetchall()]
                counted = cursor.execute(f"SELECT count(*) FROM ({sql})").fetchone()  # noqa: S608  # checked SQL
                total = min(counted[0] if counted else 0, self.settings.most_rows)
                shown = ", ".join(self._shown(index, kind) for index, kind in enumerate(types))
                most = min(limit, max(total - offset, 0))
                paged = f"SELECT {shown} FROM ({sql}) AS q{order} LIMIT {most} OFFSET {offset}"  # noqa: S608  # checked SQL
                rows = cursor.execute(paged).fetchall()
            except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
                raise unsupported_query() from error
            except duckdb.Error as error:
                raise unexpected() from error
        return Page([_row(names, row) for row in rows], total)

    def _shown(self, index: int, sql_type: str) -> str:
        """A column as NetSuite writes it: dates without their time in the user's format, numbers without zeros."""
        name = f'"c{index}"'
        if sql_type.startswith(("DATE", "TIMESTAMP")):
            return f"strftime({name}, '{self.user.date_directives}')"
        if sql_type.startswith("DECIMAL"):
            return f"ns_number({name})"
        return f"ns_float({name})" if sql_type in {"DOUBLE", "FLOAT"} else f"CAST({name} AS VARCHAR)"


def _row(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"links": []}
    row.update((name, value) for name, value in zip(names, values, strict=True) if value is not None)
    return row


def _shuffling(statement: str, offset: int) -> str:
    """An order of its own for each page: what has no ORDER BY comes as it likes."""
    salt = zlib.crc32(f"{offset} {statement}".encode())
    return f" ORDER BY hash(q, {salt})"
