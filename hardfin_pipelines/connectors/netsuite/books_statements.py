"""SuiteQL for what is read besides items, with the columns that an account shows to our role and no others.

As in `statements`, what goes in is digits, names and moments of ours.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.books_tables import (
    MOVED_BY_TRANSACTIONS,
    BooksField,
    Join,
    Source,
    sources_of,
)
from hardfin_pipelines.connectors.netsuite.statements import in_utc, moment, number, symbol, written
from hardfin_pipelines.connectors.netsuite.visibility import Name, Visibility
from hardfin_pipelines.connectors.netsuite.walk import Position
from hardfin_pipelines.sync.books import BooksKind


@dataclass(frozen=True, slots=True)
class BooksScope:
    """Which of an account's books are read.

    Attributes:
        price_level: The id of the price level whose prices come with the items, digits.
        currency: The account's own, three letters, or "".
        documents_since: Sales documents are those modified at or after it; None for all.
    """

    price_level: str
    currency: str = ""
    documents_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind is read now, with what is seen.

    Attributes:
        source: From where.
        fields: What is asked for.
        key: Names of the fields that make the position.
        condition: Which rows there are.
        named: All columns that it names.
        joins: What the fields need besides.
    """

    source: Source
    fields: tuple[BooksField, ...]
    key: tuple[str, ...]
    condition: str
    named: frozenset[Name]
    joins: tuple[Join, ...]

    @property
    def stamp(self) -> BooksField | None:
        """The field that tells when a row changed; None where there is none."""
        return self.source.field(self.source.stamp) if self.source.stamp else None

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The key as the statement writes it."""
        return tuple(_expression(self.source.field(name)) for name in self.key)


def shape_of(kind: BooksKind, seen: Visibility, scope: BooksScope, optional: Collection[str] | None = None) -> Shape:
    """How to read a kind with what is seen.

    Args:
        kind: What to read.
        seen: What is known of it.
        scope: Which rows.
        optional: Of the fields that are not needed only these; None for all that are seen.

    Raises:
        NotVisible: The kind is not seen, or not all of it that is needed.
    """
    sources = sources_of(kind)
    there = [source for source in sources if seen.shows(Name(source.table)) and _lacking(source, seen) != "table"]
    if not there:
        raise _hidden(sources[0], seen)
    lacking = _lacking(there[0], seen)
    if lacking:
        raise _hidden(sources[0], seen, lacking if there[0] == sources[0] else "")
    return _shaped(there[0], seen, scope, optional)


def probe_of(shape: Shape) -> str:
    """How many of no rows there are, but an error where something of it is not seen."""
    inner = _select(shape, f"{shape.condition} AND {shape.key_columns[0]} < 0")
    return f"SELECT '{shape.source.name}' AS kind, COUNT(*) AS total FROM ({inner}) probed"  # noqa: S608  # see module


def rows_of(shape: Shape, seen: Visibility, since: datetime | None, behind: Position) -> str:
    """Rows of a kind behind a position, in the order of their keys; changed since a moment, or all there are."""
    conditions = [shape.condition, _behind(shape.key_columns, behind)]
    if since is not None:
        conditions.insert(1, changed_since(shape, seen, since))
    select = _select(shape, " AND ".join(conditions))
    return f"{select} ORDER BY {', '.join(shape.key_columns)}"


def names_of(shape: Shape, seen: Visibility) -> frozenset[Name]:
    """All columns that statements of a kind name."""
    if shape.source.kind == "inventory_level" and seen.shows_all(MOVED_BY_TRANSACTIONS):
        return shape.named | frozenset(MOVED_BY_TRANSACTIONS)
    return shape.named


def changed_since(shape: Shape, seen: Visibility, since: datetime) -> str:
    """The condition for rows that changed at or after a moment."""
    assert shape.stamp is not None  # noqa: S101  # whoever asks has made sure
    changed = f"{in_utc('.'.join(shape.stamp.column))} >= {moment(since)}"
    if shape.source.kind != "inventory_level" or not seen.shows_all(MOVED_BY_TRANSACTIONS):
        return changed
    item = _expression(shape.source.field("item"))
    moved = (
        "SELECT transactionline.item FROM transactionline INNER JOIN transaction "  # noqa: S608  # see module
        "ON transaction.id = transactionline.transaction "
        f"WHERE {in_utc('transaction.lastmodifieddate')} >= {moment(since)}"
    )
    return f"({changed} OR {item} IN ({moved}))"


def column_of(shape: Shape, name: str) -> str:
    """A field as it is compared and counted."""
    return _expression(shape.source.field(name))


def tables_of(source: Source, joins: Sequence[Join]) -> str:
    """A FROM clause without its first word."""
    kinds = {True: "INNER JOIN", False: "LEFT JOIN"}
    return source.table + "".join(f" {kinds[join.inner]} {join.table} ON {join.on}" for join in joins)


def condition_joins(shape: Shape) -> tuple[Join, ...]:
    """The joins without which the rows of a kind cannot be counted."""
    return tuple(join for join in shape.joins if join.inner or f"{join.table}." in shape.condition)


def _lacking(source: Source, seen: Visibility) -> str:
    """What is not seen of what a source needs: "table" for all of it, else the name of a column; "" for nothing."""
    needed = [field.column for field in source.fields if field.needed]
    needed += [*source.reads, *(name for join in source.joins if join.inner for name in join.reads)]
    left_out = [field for field in source.fields if field.needed and not seen.keeps(source.name, field.name)]
    if left_out or not seen.shows(Name(source.table)):
        return "table"
    hidden = next((name for name in needed if not seen.shows(name)), None)
    if hidden is None:
        return ""
    return ".".join(hidden) if seen.shows(Name(hidden.table)) else "table"


def _hidden(source: Source, seen: Visibility, lacking: str = "") -> errors.NotVisible:
    needs = f"a role that may see {lacking}" if lacking else seen.needs(source.name, source.key[0]) or source.needs
    table, _, column = (lacking or source.table).partition(".")
    return errors.not_shown(source.kind.replace("_", " "), needs, table, column)


def _shaped(source: Source, seen: Visibility, scope: BooksScope, optional: Collection[str] | None) -> Shape:
    joins = tuple(join for join in source.joins if seen.shows_all(join.reads))
    tables = {source.table, *(join.table for join in joins)}
    fields = tuple(
        field
        for field in source.fields
        if field.column.table in tables
        and seen.shows(field.column)
        and seen.keeps(source.name, field.name)
        and (field.needed or optional is None or field.name in optional)
    )
    shown = {field.name for field in fields}
    key = tuple(name for name in source.key if name in shown)
    wanted = {field.column.table for field in fields}
    joins = tuple(join for join in joins if join.inner or join.table in wanted)
    named = {field.column for field in fields} | set(source.reads) | {name for join in joins for name in join.reads}
    return Shape(source, fields, key, _condition(source, scope, shown), frozenset(named), joins)


def _condition(source: Source, scope: BooksScope, shown: set[str]) -> str:
    """Which rows of a table are of the kind: those that have a key.

    Ids below 1 are NetSuite's own, such as the item "Subtotal".
    """
    conditions = [source.condition] if source.condition else []
    first, *more = (source.field(name) for name in source.key)
    conditions.append(f"{_expression(first)} > 0")
    conditions += [f"{_expression(field)} IS NOT NULL" for field in more if field.written != "zero"]
    if source.name == "item_price":
        base = f"pricing.pricelevel = {number(scope.price_level)} AND NVL(pricing.quantity, 0) = 0"
        if scope.currency and "currency_symbol" in shown:
            base += f" AND NVL(currency.symbol, {symbol(scope.currency)}) = {symbol(scope.currency)}"
        conditions.append(f"NOT ({base})")
    if source.kind in {"sales_document", "sales_document_line"} and scope.documents_since is not None:
        conditions.append(f"{in_utc('transaction.lastmodifieddate')} >= {moment(scope.documents_since)}")
    return " AND ".join(conditions)


def _select(shape: Shape, condition: str) -> str:
    shown = ", ".join(f"{_written(field)} AS {field.name}" for field in shape.fields)
    return f"SELECT {shown} FROM {tables_of(shape.source, shape.joins)} WHERE {condition}"  # noqa: S608  # see module


def _written(field: BooksField) -> str:
    column = ".".join(field.column)
    if field.written == "utc":
        return written(column)
    if field.written == "day":
        return f"TO_CHAR({column}, 'YYYY-MM-DD')"
    if field.written == "shown":
        return f"BUILTIN.DF({column})"
    return _expression(field)


def _expression(field: BooksField) -> str:
    """A field as it is compared and sorted."""
    column = ".".join(field.column)
    return f"NVL({column}, 0)" if field.written == "zero" else column


def _behind(columns: Sequence[str], behind: Position) -> str:
    """The condition for keys behind a position."""
    column, value = columns[0], number(behind[0])
    if len(columns) == 1:
        return f"{column} > {value}"
    return f"({column} > {value} OR ({column} = {value} AND {_behind(columns[1:], behind[1:])}))"
