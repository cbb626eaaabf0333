"""The statement of a pulse: a SELECT for each kind, all put together by UNION ALL.

Whether NetSuite takes that is not documented. Each has one row: how many there are of the kind, how many changed since
a moment, the newest stamp, the sum of those stamps, and sums of numbers that move without one. The sum of stamps shows
what was saved before another change and is seen only after it; those of numbers are weighted by the row, so that a
quantity that goes from one row to another shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.books_statements import (
    BooksScope,
    Shape,
    column_of,
    condition_joins,
    shape_of,
    tables_of,
)
from hardfin_pipelines.connectors.netsuite.statements import ITEMS_DELETED, MODEL, in_utc, moment
from hardfin_pipelines.connectors.netsuite.visibility import Name, Visibility
from hardfin_pipelines.sync.books import BOOKS_KINDS
from hardfin_pipelines.sync.books_reading import PulseKind

CHECKS = tuple(f"check{number}" for number in range(1, 6))
"""The columns for sums."""

DELETIONS = "deletions"
PRICE_LEVEL_NAMES = "price_level_names"
"""Parts besides the kinds' own; of the names there is a row for each."""

_NAMES = 500
"""Price levels whose names are told, those with the lowest ids: nothing else tells of another name."""

_WEIGHTS = 997
_DELETED = (Name("deletedrecord", "recordid"), Name("deletedrecord", "deleteddate"), Name("deletedrecord", "type"))
_ITEM = (Name("item", "id"), Name("item", "lastmodifieddate"))
_STAMP_AS_NUMBER = "YYYYMMDDHH24MISS"


class _Changes(NamedTuple):
    """What a part says of stamps at or after a moment: how many, the newest, and their sum."""

    number: str
    newest: str
    stamps: str


_NO_CHANGES = _Changes("0", "'-'", "0")


@dataclass(frozen=True, slots=True)
class Part:
    """One SELECT.

    Attributes:
        name: What its rows say they are of.
        kind: Whose mark it goes into.
        select: The SELECT.
        named: The columns that it names.
    """

    name: str
    kind: PulseKind
    select: str
    named: frozenset[Name]


def parts_of(since: Mapping[PulseKind, datetime], seen: Visibility, scope: BooksScope) -> list[Part]:
    """The parts for some kinds, without those that are not seen; in one order, however they are asked for.

    Raises:
        NotVisible: Items are among the kinds and are not seen.
    """
    parts: list[Part] = []
    if "item" in since:
        parts += _items(since["item"], seen)
    for kind in BOOKS_KINDS:
        if kind not in since:
            continue
        try:
            shape = shape_of(kind, seen, scope)
        except errors.NotVisible:
            continue
        parts.append(_kind(shape, since[kind]))
        if kind == "price_level":
            parts.append(_names_of_price_levels(shape))
    return parts


def union_of(parts: Sequence[Part]) -> str:
    """One statement for several parts."""
    return " UNION ALL ".join(part.select for part in parts)


def _items(since: datetime, seen: Visibility) -> list[Part]:
    if not seen.shows_all(_ITEM):
        hidden = next(name for name in (Name("item"), *_ITEM) if not seen.shows(name))
        raise errors.not_shown("items", "the permission Lists > Items", *hidden)
    changed = _changes("item.lastmodifieddate", since)
    parts = [Part("item", "item", _select("item", changed, "item WHERE item.id > 0"), frozenset(_ITEM))]
    if seen.shows_all(_DELETED):
        gone = _changes("deletedrecord.deleteddate", since)
        tables = f"deletedrecord WHERE {ITEMS_DELETED}"
        parts.append(Part(DELETIONS, "item", _select(DELETIONS, gone, tables), frozenset(_DELETED)))
    return parts


def _kind(shape: Shape, since: datetime) -> Part:
    source = shape.source
    changes = _changes(".".join(shape.stamp.column), since) if shape.stamp is not None else _NO_CHANGES
    tables = f"{tables_of(source, condition_joins(shape))} WHERE {shape.condition}"
    shown = {field.name for field in shape.fields}
    sums = [_sum(shape, name) if name in shown else "0" for name in source.checks]
    return Part(source.kind, source.kind, _select(source.kind, changes, tables, sums), shape.named)


def _names_of_price_levels(shape: Shape) -> Part:
    inactive = next((f"named.{field.name} || " for field in shape.fields if field.name == "isinactive"), "")
    columns = ", ".join(f"{'.'.join(field.column)} AS {field.name}" for field in shape.fields)
    inner = f"SELECT {columns} FROM {shape.source.table} WHERE {shape.condition} ORDER BY {shape.source.table}.id"  # noqa: S608
    values = [f"{inactive}named.name AS newest", "0 AS stamps", *(f"0 AS {name}" for name in CHECKS)]
    select = (
        f"SELECT '{PRICE_LEVEL_NAMES}' AS part, named.id AS total, 0 AS changed, {', '.join(values)} "  # noqa: S608
        f"FROM ({inner}) named WHERE ROWNUM <= {_NAMES}"
    )
    return Part(PRICE_LEVEL_NAMES, "price_level", select, shape.named)


def _select(part: str, changes: _Changes, tables: str, sums: Sequence[str] = ()) -> str:
    checks = [*sums, *["0"] * (len(CHECKS) - len(sums))]
    listed = ", ".join(f"{text} AS {name}" for text, name in zip(checks, CHECKS, strict=True))
    changed = f"{changes.number} AS changed, {changes.newest} AS newest, {changes.stamps} AS stamps"
    return f"SELECT '{part}' AS part, COUNT(*) AS total, {changed}, {listed} FROM {tables}"  # noqa: S608


def _changes(column: str, since: datetime) -> _Changes:
    utc = in_utc(column)
    recent = f"CASE WHEN {utc} >= {moment(since)} THEN"
    return _Changes(
        f"COUNT({recent} {utc} END)",
        f"TO_CHAR(MAX({recent} {utc} END), '{MODEL}')",
        f"SUM({recent} TO_NUMBER(TO_CHAR({utc}, '{_STAMP_AS_NUMBER}')) END)",
    )


def _sum(shape: Shape, name: str) -> str:
    first, *more = shape.key_columns[:2]
    row = f"{first} * 31 + {more[0]}" if more else first
    return f"ROUND(SUM(NVL({column_of(shape, name)}, 0) * (1 + MOD({row}, {_WEIGHTS}))), 4)"
