"""Ties a query's names to the schema a user sees, and so to columns of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hardfin_pipelines.sandbox.salesforce.errors import (
    VendorError,
    located,
    no_such_column,
    no_such_object,
    no_such_relationship,
)
from hardfin_pipelines.sandbox.salesforce.fields import COMPOUNDS, Field
from hardfin_pipelines.sandbox.salesforce.schema import SchemaView
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject
from hardfin_pipelines.sandbox.salesforce.soql.tree import Path, Query
from hardfin_pipelines.sandbox.salesforce.store import DELETED_AT, Store, ids_in
from hardfin_pipelines.sandbox.salesforce.values import seconds_of

MOST_LEVELS_UP = 5
RECYCLE_BIN_SECONDS = 15 * 86_400


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, from what, when.

    Attributes:
        with_deleted: queryAll: rows of the recycle bin are there too.
        zone: date literals are days of this zone.
        version: the API version.
    """

    view: SchemaView
    store: Store
    now: datetime
    zone: ZoneInfo
    user_id: str
    with_deleted: bool = False
    version: float = 62.0

    def visible(self, table: sa.FromClause, *, deleted_too: bool | None = None) -> sa.ColumnElement[bool]:
        """The condition for rows that this reader may see."""
        gone = table.c[DELETED_AT] < seconds_of(self.now) - RECYCLE_BIN_SECONDS
        if self.with_deleted if deleted_too is None else deleted_too:
            alive = sa.or_(table.c.IsDeleted == 0, table.c[DELETED_AT].is_(None), sa.not_(gone))
        else:
            alive = table.c.IsDeleted == 0
        hidden = self.view.permissions.hidden_records
        return sa.and_(alive, table.c.Id.not_in(ids_in(sorted(hidden)))) if hidden else alive


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression with its SQL.

    Attributes:
        parents: the relationship names on the way, as the schema spells them.
    """

    column: sa.ColumnElement[Any]
    field: Field
    sobject: SObject
    parents: tuple[str, ...] = ()


class Source:
    """The object of one FROM, with the parents that its paths reach joined to it."""

    def __init__(self, reader: Reader, text: str, query: Query, sobject: SObject) -> None:
        """`text` is the whole query, for error messages."""
        self.reader = reader
        self.text = text
        self.sobject = sobject
        self.table = reader.store.table(sobject).alias()
        self._names = {sobject.name.lower(), (query.alias or "").lower()} - {""}
        self._joins: dict[tuple[str, ...], tuple[sa.FromClause, SObject]] = {}
        self._conditions: dict[tuple[str, ...], sa.ColumnElement[bool]] = {}

    def refusal(self, position: int, text: str, code: str = "INVALID_FIELD") -> VendorError:
        """400 for a place in the query."""
        return located(self.text, position, code, text)

    def bind(self, path: Path) -> Bound:
        """A field with dots.

        Raises:
            VendorError: 400 INVALID_FIELD, it is not there for this user.
        """
        names = list(path.names)
        own = len(names) > 1 and names[0].lower() in self._names
        if own and self.reader.view.parent(self.sobject, names[0]) is None:
            names = names[1:]
        return self._bind(names, path.position)

    def _bind(self, names: Sequence[str], position: int) -> Bound:
        if len(names) - 1 > MOST_LEVELS_UP:
            raise self.refusal(position, "SOQL relationships may go up 5 levels at most")  # the text is ours
        table: sa.FromClause = self.table
        sobject = self.sobject
        way: tuple[str, ...] = ()
        for name in names[:-1]:
            found = self.reader.view.parent(sobject, name)
            if found is None:
                raise self.refusal(position, no_such_relationship(name))
            reference, target = found
            way = (*way, reference.relationship or name)
            table, sobject = self._joined(way, table, reference, target)
        field = self.reader.view.field(sobject, names[-1])
        if field is None:
            raise self.refusal(position, no_such_column(names[-1], sobject.name))
        if field.formula_path is not None:
            shown = self._bind((*way, *field.formula_path.split(".")), position)
            return Bound(shown.column, field.changed(picklist=shown.field.picklist), sobject, way)
        column = table.c.Id if field.type in COMPOUNDS else table.c[field.name]
        return Bound(column, field, sobject, way)

    def _joined(
        self, way: tuple[str, ...], child: sa.FromClause, reference: Field, target: SObject
    ) -> tuple[sa.FromClause, SObject]:
        if way not in self._joins:
            parent = self.reader.store.table(target).alias()
            self._joins[way] = (parent, target)
            self._conditions[way] = sa.and_(
                parent.c.Id == child.c[reference.name], self.reader.visible(parent, deleted_too=True)
            )
        return self._joins[way]

    @property
    def relations(self) -> int:
        """How many relationships the paths go through."""
        return len(self._joins)

    def parent_id(self, way: tuple[str, ...]) -> Bound:
        """The Id of a parent that a bound path goes through."""
        table, sobject = self._joins[way]
        return Bound(table.c.Id, sobject.fields["id"], sobject, way)

    def joined(self) -> sa.FromClause:
        """The FROM of the SQL: the object and all parents reached so far."""
        source: sa.FromClause = self.table
        for way, (table, _) in self._joins.items():
            source = source.outerjoin(table, self._conditions[way])
        return source


def source_of(reader: Reader, text: str, query: Query) -> Source:
    """The source of a query that names an object.

    Raises:
        VendorError: 400 INVALID_TYPE, it is not there for this user.
    """
    name = query.source.names[-1]
    sobject = reader.view.get(name)
    if sobject is None or len(query.source.names) > 1:
        raise located(text, query.source.position, "INVALID_TYPE", no_such_object(query.source.text))
    return Source(reader, text, query, sobject)


def child_source(reader: Reader, text: str, query: Query, parent: SObject) -> tuple[Source, Field]:
    """The source of a sub-query in the select list, and the reference that leads to the parent.

    Raises:
        VendorError: 400 INVALID_TYPE, the relationship is not there for this user.
    """
    name = query.source.names[-1]
    relation = reader.view.child(parent, name)
    if relation is None:
        text_ = no_such_relationship(name, "FROM part of query call")
        raise located(text, query.source.position, "INVALID_TYPE", text_)
    return Source(reader, text, query, relation.child), relation.field
