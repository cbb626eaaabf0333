"""What an accounting system holds besides items, kept as last read, and how far each kind was read.

The vendor owns these rows: they are written over whenever it says something else, and nobody edits them here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, get_type_hints

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from hardfin_pipelines.platform.books_tables import TABLES, books_reads, column_name, item_costs, sales_document_lines
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.upsert import Insert, upsert
from hardfin_pipelines.sync.books import FACT_TYPES, BooksFact, BooksKind, ItemCost, key_fields
from hardfin_pipelines.sync.books_reading import BooksState, PulseKind
from hardfin_pipelines.sync.storable_text import is_storable, storable_text

Key = tuple[str, ...]
"""What tells rows of a kind apart, as text, in the order of `key_fields`; quantities as `exact_text` writes them."""


@dataclass(frozen=True, slots=True)
class BooksScope:
    """What one connection's accounting system holds."""

    org: str
    connection_id: str

    def of(self, table: Table) -> ColumnElement[bool]:
        """The condition for a table's rows of it."""
        return and_(table.c.org == self.org, table.c.connection_id == self.connection_id)


def exact_text(quantity: Decimal) -> str:
    """A quantity as one text, however many zeros the vendor puts at its end."""
    text = format(quantity, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def fact_key(kind: BooksKind, fact: BooksFact) -> Key:
    """The key of a fact: what `mark_gone` is told of rows that are there."""
    return tuple(_as_text(getattr(fact, name)) for name in key_fields(kind))


def save_facts(
    connection: Connection,
    scope: BooksScope,
    kind: BooksKind,
    facts: Iterable[BooksFact],
    *,
    as_of: datetime,
    run_id: str,
) -> int:
    """Keep facts as they are now. Rows that say the same already are left as they are, but for those that were gone.

    Args:
        connection: The caller's transaction.
        scope: Whose they are.
        kind: Their kind.
        facts: A few thousand at most; of two with one key the last counts.
        as_of: Vendor time of the answer they are from.
        run_id: The run.

    Returns:
        How many rows were written.
    """
    return _save(connection, TABLES[kind], _shape(kind), scope, facts, as_of=as_of, run_id=run_id)


def save_item_costs(
    connection: Connection, scope: BooksScope, costs: Iterable[ItemCost], *, as_of: datetime, run_id: str
) -> int:
    """Keep what items cost, as `save_facts` does; how many rows were written."""
    return _save(connection, item_costs, _COSTS, scope, costs, as_of=as_of, run_id=run_id)


def mark_gone(
    connection: Connection, scope: BooksScope, kind: BooksKind, present: Collection[Key], *, at: datetime, run_id: str
) -> int:
    """After a reading of all rows of a kind: note that whatever was not among them is gone.

    Args:
        connection: The caller's transaction.
        scope: Whose they are.
        kind: Their kind.
        present: The keys of all rows that were read (`fact_key`).
        at: Vendor time of the reading.
        run_id: The run.

    Returns:
        How many rows went.
    """
    table = TABLES[kind]
    there = connection.execute(select(*_key_columns(kind)).where(scope.of(table), table.c.gone_at.is_(None)))
    return _mark(connection, scope, kind, there, present, at=at, run_id=run_id)


def mark_lines_gone(
    connection: Connection,
    scope: BooksScope,
    document_ids: Iterable[str],
    present: Collection[Key],
    *,
    at: datetime,
    run_id: str,
) -> int:
    """After a reading of all lines of some sales documents: note that their other lines are gone; how many went."""
    went = 0
    table = sales_document_lines
    for chunk in chunks(document_ids):
        query = select(*_key_columns("sales_document_line")).where(scope.of(table), table.c.gone_at.is_(None))
        there = connection.execute(query.where(table.c.document_id.in_(chunk)))
        went += _mark(connection, scope, "sales_document_line", there, present, at=at, run_id=run_id)
    return went


def count_present(connection: Connection, scope: BooksScope, kind: BooksKind) -> int:
    """How many rows of a kind are there, by what was last read."""
    table = TABLES[kind]
    query = select(func.count()).select_from(table).where(scope.of(table), table.c.gone_at.is_(None))
    return connection.execute(query).scalar_one()


def held_keys(connection: Connection, scope: BooksScope, kind: BooksKind, keys: Collection[Key]) -> set[Key]:
    """Those of some keys whose rows are there; for a handful of keys."""
    if not keys:
        return set()
    table = TABLES[kind]
    there = connection.execute(
        select(*_key_columns(kind)).where(
            scope.of(table), table.c.gone_at.is_(None), _key_columns(kind)[0].in_([key[0] for key in keys])
        )
    )
    return {key for row in there if (key := tuple(map(_as_text, row))) in keys}


def read_states(connection: Connection, org: str, connection_id: str) -> dict[PulseKind, BooksState]:
    """How far each kind of a connection was read, "item" among them; kinds that never were are absent."""
    query = select(books_reads).where(books_reads.c.org == org, books_reads.c.connection_id == connection_id)
    return {
        row.kind: BooksState(row.since, row.mark, row.total, row.read_at, row.whole_at, row.lacking)
        for row in connection.execute(query)
    }


def save_state(
    connection: Connection, org: str, connection_id: str, kind: PulseKind, state: BooksState, run_id: str
) -> None:
    """Keep how far a kind was read, in or after the transaction that commits what it covers."""
    row = {
        "org": org,
        "connection_id": connection_id,
        "kind": kind,
        "since": state.since,
        "mark": state.mark,
        "total": state.total,
        "read_at": state.read_at,
        "whole_at": state.whole_at,
        "lacking": state.lacking,
        "run_id": run_id,
    }
    connection.execute(upsert(connection, books_reads), row)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How facts of a type become rows.

    Attributes:
        columns: The columns of its fields.
        values: From a fact to the values of those.
        texts: Which of them are text.
        key: Which of them are the key.
        exact: Which of the key are quantities.
    """

    columns: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    texts: tuple[int, ...]
    key: tuple[int, ...]
    exact: tuple[int, ...]

    @classmethod
    def of(cls, fact_type: type, key: Sequence[str]) -> "_Shape":
        """The shape of a type."""
        names = [each.name for each in fields(fact_type)]
        types = get_type_hints(fact_type)
        return cls(
            tuple(column_name(name) for name in names),
            attrgetter(*names),
            tuple(place for place, name in enumerate(names) if types[name] is str),
            tuple(names.index(name) for name in key),
            tuple(names.index(name) for name in key if types[name] is Decimal),
        )

    def row(self, fact: BooksFact | ItemCost) -> tuple[Any, ...]:
        """The values of a fact as they are kept."""
        values = self.values(fact)
        if not self.exact and is_storable("".join([values[place] for place in self.texts])):
            return values
        kept = list(values)
        for place in self.texts:
            kept[place] = storable_text(kept[place])
        for place in self.exact:
            kept[place] = Decimal(exact_text(kept[place]))
        return tuple(kept)


@cache
def _shape(kind: BooksKind) -> _Shape:
    return _Shape.of(FACT_TYPES[kind], key_fields(kind))


_COSTS = _Shape.of(ItemCost, ("item_id",))


def _save(
    connection: Connection,
    table: Table,
    shape: _Shape,
    scope: BooksScope,
    facts: Iterable[BooksFact | ItemCost],
    *,
    as_of: datetime,
    run_id: str,
) -> int:
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    reading = {"org": scope.org, "connection_id": scope.connection_id, "as_of": as_of, "run_id": run_id}
    for fact in facts:
        values = shape.row(fact)
        key = tuple([values[place] for place in shape.key])
        rows[key] = dict(zip(shape.columns, values, strict=True), **reading)
    if not rows:
        return 0
    said = [name for name in shape.columns if not table.c[name].primary_key]

    def differs(insert: Insert) -> ColumnElement[bool]:
        return or_(
            table.c.gone_at.is_not(None),
            *(table.c[name].is_distinct_from(insert.excluded[name]) for name in said),
        )

    statement = upsert(connection, table, where=differs).values(gone_at=null())
    return _written(connection, statement, list(rows.values()))


def _written(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> int:
    """Carry out an upsert of many rows; how many were inserted or changed."""
    if connection.dialect.name == "postgresql":  # sends them in batches, and counts the last alone
        return len(connection.execute(statement.returning(literal_column("1")), rows).all())
    return connection.execute(statement, rows).rowcount


def _key_columns(kind: BooksKind) -> list[Column[Any]]:
    return [TABLES[kind].c[column_name(name)] for name in key_fields(kind)]


def _mark(
    connection: Connection,
    scope: BooksScope,
    kind: BooksKind,
    there: Iterable[Sequence[Any]],
    present: Collection[Key],
    *,
    at: datetime,
    run_id: str,
) -> int:
    """Mark those of the rows that are there whose key is not present."""
    seen = present if isinstance(present, set | frozenset) else set(present)
    missing = [tuple(row) for row in there if tuple(map(_as_text, row)) not in seen]
    if not missing:
        return 0
    columns = _key_columns(kind)
    table = TABLES[kind]
    whose = (column == bindparam(f"of_{column.name}", type_=column.type) for column in columns)
    statement = update(table).where(scope.of(table), *whose).values(gone_at=at, run_id=run_id)
    connection.execute(
        statement, [{f"of_{column.name}": value for column, value in zip(columns, row, strict=True)} for row in missing]
    )
    return len(missing)


def _as_text(value: str | Decimal) -> str:
    return value if isinstance(value, str) else exact_text(value)
