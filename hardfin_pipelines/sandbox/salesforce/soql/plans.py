"""A query ready to run: its SQL, and what is read of each record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from hardfin_pipelines.sandbox.salesforce.errors import VendorError, malformed_query
from hardfin_pipelines.sandbox.salesforce.fields import TEXTS, Field
from hardfin_pipelines.sandbox.salesforce.soql.binding import Bound, Reader, Source, child_source, source_of
from hardfin_pipelines.sandbox.salesforce.soql.conditions import condition_sql
from hardfin_pipelines.sandbox.salesforce.soql.functions import bind_expression, is_aggregate
from hardfin_pipelines.sandbox.salesforce.soql.outputs import Outputs, check_fields_function
from hardfin_pipelines.sandbox.salesforce.soql.reading import read_query
from hardfin_pipelines.sandbox.salesforce.soql.tree import Comparison, Condition, FunctionCall, Junction, Query
from hardfin_pipelines.sandbox.salesforce.store import ids_in

LARGEST_OFFSET = 2_000
MOST_PARENT_RELATIONS = 55
MOST_CHILD_RELATIONS = 20
_MANY_LEVELS_SINCE, _MOST_LEVELS_DOWN = 58.0, 5
_WIDE_TEXTS, _WIDE_PAGE = 2, 200


@dataclass(slots=True)
class ChildPlan:
    """A sub-query of the select list; `reference` leads from its rows to the parent."""

    key: str
    reference: Field
    plan: "Plan"


@dataclass(slots=True)
class Plan:
    """A query over records."""

    reader: Reader
    query: Query
    source: Source
    outputs: Outputs
    where: list[sa.ColumnElement[bool]]
    order: list[sa.ColumnElement[Any]]
    children: list[ChildPlan] = field(default_factory=list)

    @property
    def largest_page(self) -> int | None:
        """The rows of a page where rows are wide (Salesforce docs: query options), None where they are not."""
        wide = sum(each.field.custom and each.field.long_text for each in self.outputs.members)
        return _WIDE_PAGE if wide >= _WIDE_TEXTS else None

    @property
    def calculated_fields(self) -> int:
        """How many formulas are read."""
        return sum(each.field.calculated for each in self.outputs.members)

    def ids(self) -> list[str]:
        """The records that the query finds, in its order."""
        statement = sa.select(self.source.table.c.Id).select_from(self.source.joined()).where(*self.where)
        statement = statement.order_by(*self.order, self.source.table.c.Id)
        return [row[0] for row in self.reader.store.rows(_cut(statement, self.query))]

    def count(self) -> int:
        """How many records the query finds."""
        statement = sa.select(self.source.table.c.Id).select_from(self.source.joined()).where(*self.where)
        inner = _cut(statement, self.query).subquery()
        return int(self.reader.store.value(sa.select(sa.func.count()).select_from(inner)))

    def rows(self, ids: Sequence[str]) -> list[Sequence[Any]]:
        """The columns of those of the records that are still there for the reader, in the order of `ids`."""
        table = self.source.table
        statement = sa.select(*(column.label(f"c{at}") for at, column in enumerate(self.outputs.columns)))
        statement = statement.select_from(self.source.joined())
        statement = statement.where(table.c.Id.in_(ids_in(ids)), self.reader.visible(table))
        found = {row[0]: row for row in self.reader.store.rows(statement)}
        return [found[each] for each in ids if each in found]

    def children_of(self, child: ChildPlan, parents: Sequence[str]) -> Mapping[str, list[str]]:
        """The ids of a sub-query's rows by parent, each parent's in the sub-query's order."""
        plan, table = child.plan, child.plan.source.table
        parent = table.c[child.reference.name]
        statement = sa.select(parent, table.c.Id).select_from(plan.source.joined())
        statement = statement.where(parent.in_(ids_in(parents)), *plan.where).order_by(*plan.order, table.c.Id)
        found: dict[str, list[str]] = {}
        for parent_id, record_id in self.reader.store.rows(statement):
            found.setdefault(parent_id, []).append(record_id)
        limit, offset = plan.query.limit, plan.query.offset
        end = None if limit is None else offset + limit
        return {key: ids[offset:end] for key, ids in found.items() if ids[offset:end]}


@dataclass(slots=True)
class AggregatePlan:
    """A query whose rows gather records."""

    reader: Reader
    query: Query
    source: Source
    outputs: list[tuple[str, Bound]]
    statement: sa.Select[Any]


def _cut(statement: sa.Select[Any], query: Query) -> sa.Select[Any]:
    if query.limit is not None:
        statement = statement.limit(query.limit)
    elif query.offset:
        statement = statement.limit(-1)
    return statement.offset(query.offset) if query.offset else statement


def plan_query(reader: Reader, text: str) -> Plan | AggregatePlan:
    """Reads and checks a query.

    Raises:
        VendorError: 400, with Salesforce's code and the place.
    """
    query = read_query(text)
    source = source_of(reader, text, query)
    _check_numbers(query)
    _check_required_filter(query, source)
    if query.group or (any(is_aggregate(each.expression) for each in query.expressions()) and not is_count(query)):
        return _plan_aggregate(reader, query, source)
    return _plan(reader, text, query, source, level=1)


def is_count(query: Query) -> bool:
    """Whether it is `SELECT COUNT() FROM ...`, which answers with a number and no records."""
    listed = list(query.expressions())
    only = listed[0].expression if len(query.selected) == len(listed) == 1 else None
    return isinstance(only, FunctionCall) and only.name == "COUNT" and only.argument is None


def _check_numbers(query: Query) -> None:
    if query.offset > LARGEST_OFFSET:
        raise VendorError(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    if (query.limit or 0) < 0 or query.offset < 0:
        raise VendorError(400, "NUMBER_OUTSIDE_VALID_RANGE", "LIMIT and OFFSET must be 0 or more")  # ours


def _comparisons(condition: Condition | None) -> Iterator[Comparison]:
    """The comparisons that must all hold."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Junction) and condition.kind == "AND":
        for part in condition.parts:
            yield from _comparisons(part)


def _check_required_filter(query: Query, source: Source) -> None:
    """Links of files are only found from one of their ends."""
    if source.sobject.name != "ContentDocumentLink":
        return
    ends = {"linkedentityid", "contentdocumentid"}
    for each in _comparisons(query.where):
        named = getattr(each.left, "text", "").lower() in ends
        if named and each.query is None and each.operator in {"=", "IN"}:
            return
    raise malformed_query(
        "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or "
        "LinkedEntityId using the equals operator or multiple Id's using the IN operator."
    )


def _plan(reader: Reader, text: str, query: Query, source: Source, *, level: int) -> Plan:
    check_fields_function(query)
    outputs = Outputs(source, f"/services/data/v{reader.version:.1f}")
    plan = Plan(reader, query, source, outputs, [reader.visible(source.table)], [])
    if not is_count(query):
        for selected in query.expressions():
            outputs.add(selected)
    for inner in query.sub_queries():
        plan.children.append(_plan_child(reader, text, inner, source, level=level))
    if len(plan.children) > MOST_CHILD_RELATIONS:
        raise malformed_query("SOQL statements may have 20 sub-queries at most")  # the text is ours
    if query.where is not None:
        plan.where.append(condition_sql(source, query.where))
    if (query.scope or "").lower() == "mine" and "ownerid" in source.sobject.fields:
        plan.where.append(source.table.c.OwnerId == reader.user_id)
    plan.order += _order(source, query)
    if source.relations > MOST_PARENT_RELATIONS:
        raise malformed_query("SOQL statements may go through 55 relationships at most")  # the text is ours
    return plan


def _plan_child(reader: Reader, text: str, query: Query, parent: Source, *, level: int) -> ChildPlan:
    most = _MOST_LEVELS_DOWN if reader.version >= _MANY_LEVELS_SINCE else 2
    if level >= most:
        raise malformed_query("Nesting of semi join sub-selects is not supported")
    source, reference = child_source(reader, text, query, parent.sobject)
    plan = _plan(reader, text, query, source, level=level + 1)
    return ChildPlan(reference.children or source.sobject.name, reference, plan)


def _order(source: Source, query: Query) -> list[sa.ColumnElement[Any]]:
    found: list[sa.ColumnElement[Any]] = []
    for each in query.order:
        bound = bind_expression(source, each.expression)
        if not bound.field.sortable:
            text = f"field '{bound.field.name}' can not be sorted in a query call"
            raise source.refusal(each.expression.position, text)
        column: sa.ColumnElement[Any] = bound.column
        if bound.field.type in TEXTS:
            column = sa.collate(column, "NOCASE")
        column = column.desc() if each.descending else column.asc()
        # Nulls come first unless said otherwise, whichever way the order goes.
        found.append(column.nulls_last() if each.nulls == "LAST" else column.nulls_first())
    return found


def _plan_aggregate(reader: Reader, query: Query, source: Source) -> AggregatePlan:
    if next(query.sub_queries(), None) is not None:
        raise malformed_query("sub-queries are not allowed in an aggregate query")  # the text is ours
    groups = [bind_expression(source, each) for each in query.group]
    for expression, group in zip(query.group, groups, strict=True):
        if not group.field.groupable:
            text = f"field '{group.field.name}' can not be grouped in a query call"
            raise source.refusal(expression.position, text)
    grouped = {str(group.column) for group in groups}
    outputs: list[tuple[str, Bound]] = []
    for each in query.expressions():
        bound = bind_expression(source, each.expression)
        gathers = is_aggregate(each.expression)
        if not gathers and str(bound.column) not in grouped:
            text = f"Field must be grouped or aggregated: {bound.field.name}"
            raise source.refusal(each.expression.position, text, "MALFORMED_QUERY")
        unnamed = f"expr{sum(key.startswith('expr') for key, _ in outputs)}"
        outputs.append(
            (each.alias or (unnamed if isinstance(each.expression, FunctionCall) else bound.field.name), bound)
        )
    where = [reader.visible(source.table)]
    if query.where is not None:
        where.append(condition_sql(source, query.where))
    having = [] if query.having is None else [condition_sql(source, query.having)]
    order = _order(source, query)
    columns = [bound.column.label(f"c{at}") for at, (_, bound) in enumerate(outputs)]
    statement = sa.select(*columns).select_from(source.joined()).where(*where)
    statement = statement.group_by(*(group.column for group in groups)).having(*having).order_by(*order)
    return AggregatePlan(reader, query, source, outputs, _cut(statement, query))
