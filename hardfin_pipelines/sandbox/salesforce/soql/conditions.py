"""WHERE and HAVING as SQL, with Salesforce's own idea of null: it differs from everything and is never unknown."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from hardfin_pipelines.sandbox.salesforce.errors import VendorError, malformed_query
from hardfin_pipelines.sandbox.salesforce.fields import IDS, NUMBERS, TEXTS, Field
from hardfin_pipelines.sandbox.salesforce.ids import normalized
from hardfin_pipelines.sandbox.salesforce.soql.binding import Bound, Source, source_of
from hardfin_pipelines.sandbox.salesforce.soql.date_literals import days_of
from hardfin_pipelines.sandbox.salesforce.soql.functions import bind_expression
from hardfin_pipelines.sandbox.salesforce.soql.tree import (
    Comparison,
    Condition,
    DateLiteral,
    FunctionCall,
    Junction,
    Negation,
    Query,
    Selected,
    Value,
)
from hardfin_pipelines.sandbox.salesforce.store import ids_in
from hardfin_pipelines.sandbox.salesforce.values import scaled, seconds_of

_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OTHER_BACKSLASH = re.compile(r"\\(?![%_])")
_WHOLE_NUMBERS = frozenset({"int", "long"})


def condition_sql(source: Source, condition: Condition) -> sa.ColumnElement[bool]:
    """A condition over the rows of `source`; parents that it reaches are joined.

    Raises:
        VendorError: 400, a name, operator or value does not fit.
    """
    if isinstance(condition, Junction):
        joined = sa.and_ if condition.kind == "AND" else sa.or_
        return joined(*(condition_sql(source, each) for each in condition.parts))
    if isinstance(condition, Negation):
        return sa.not_(sa.func.coalesce(condition_sql(source, condition.part), sa.false()))
    return _comparison(source, condition)


def _comparison(source: Source, comparison: Comparison) -> sa.ColumnElement[bool]:
    bound = bind_expression(source, comparison.left)
    if not bound.field.filterable and not isinstance(comparison.left, FunctionCall):
        raise source.refusal(comparison.position, f"field '{bound.field.name}' can not be filtered in a query call")
    if comparison.operator in {"INCLUDES", "EXCLUDES"}:
        return _multi_picklist(source, bound, comparison)
    if comparison.query is not None:
        return _membership_of_query(source, bound, comparison, comparison.query)
    if comparison.operator in {"IN", "NOT IN"}:
        return _membership(source, bound, comparison)
    return _compared(source, bound, comparison.operator, comparison.values[0], comparison.position)


def _invalid_operator(source: Source, position: int, field: Field) -> VendorError:
    return source.refusal(position, f"Invalid operator on {field.type} field", "INVALID_QUERY_FILTER_OPERATOR")


def _compared(source: Source, bound: Bound, sign: str, value: Value, position: int) -> sa.ColumnElement[bool]:
    field, column = bound.field, bound.column
    if sign == "LIKE":
        if field.type not in TEXTS or not isinstance(value.held, str):
            raise _invalid_operator(source, position, field)
        return column.like(_OTHER_BACKSLASH.sub(r"\\\\", value.held), escape="\\")
    if value.held is None:
        if sign not in {"=", "!="}:
            raise _invalid_operator(source, position, field)
        return column.is_(None) if sign == "=" else column.is_not(None)
    if field.type == "boolean" and sign not in {"=", "!="}:
        raise _invalid_operator(source, position, field)
    if sign == "!=":
        return sa.not_(sa.func.coalesce(_compared(source, bound, "=", value, position), sa.false()))
    if isinstance(value.held, DateLiteral):
        return _in_days(source, bound, sign, value)
    kept = _kept(source, field, value)
    if field.type == "boolean":
        column = sa.func.coalesce(column, 0)
    collated = sa.collate(column, "NOCASE") if field.type in TEXTS else column
    compared: sa.ColumnElement[bool] = _ORDERS[sign](collated, kept)
    return compared


def _kept(source: Source, field: Field, value: Value) -> Any:
    """A constant as the store keeps values of the field."""
    held = value.held
    if field.type in IDS and isinstance(held, str):
        found = normalized(held)
        if found is None:
            text = f"invalid ID field: {held}"
            raise source.refusal(value.position, text, "INVALID_QUERY_FILTER_OPERATOR")
        return found
    if field.type in TEXTS and isinstance(held, str):
        return held.replace("\\%", "%").replace("\\_", "_")
    if field.type in NUMBERS | _WHOLE_NUMBERS and isinstance(held, Decimal):
        places = field.scale if field.type in NUMBERS else 0
        exact = held.scaleb(places)
        return scaled(held, places) if exact == exact.to_integral_value() else float(exact)
    return _kept_other(source, field, value)


def _kept_other(source: Source, field: Field, value: Value) -> Any:
    held = value.held
    if field.type == "boolean" and isinstance(held, bool):
        return int(held)
    if field.type == "datetime" and isinstance(held, datetime):
        return seconds_of(held)
    if field.type == "date" and isinstance(held, date) and not isinstance(held, datetime):
        return held.isoformat()
    raise _not_of_type(source, field, value)


def _not_of_type(source: Source, field: Field, value: Value) -> VendorError:
    quoted = field.type in TEXTS or field.type in IDS
    kind = {"datetime": "dateTime", "reference": "ID", "id": "ID"}.get(field.type, field.type)
    if field.type in TEXTS:
        kind = "string"
    enclosed = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
    text = f"value of filter criterion for field '{field.name}' must be of type {kind} and {enclosed}"
    return source.refusal(value.position, text)


def _in_days(source: Source, bound: Bound, sign: str, value: Value) -> sa.ColumnElement[bool]:
    literal, reader = value.held, source.reader
    if not isinstance(literal, DateLiteral) or bound.field.type not in {"date", "datetime"}:
        raise _not_of_type(source, bound.field, value)
    days = days_of(literal.name, literal.number, reader.now.astimezone(reader.zone).date())
    if days is None:
        raise source.refusal(value.position, f"unexpected token: '{literal.name}'", "MALFORMED_QUERY")
    first, end = (_day_kept(source, bound.field, day) for day in days)
    column = bound.column
    by_sign: dict[str, sa.ColumnElement[bool]] = {
        "<": column < first,
        "<=": column < end,
        ">": column >= end,
        ">=": column >= first,
    }
    return by_sign.get(sign, sa.and_(column >= first, column < end))


def _day_kept(source: Source, field: Field, day: date) -> Any:
    if field.type == "date":
        return day.isoformat()
    return seconds_of(datetime.combine(day, time(), tzinfo=source.reader.zone))


def _membership(source: Source, bound: Bound, comparison: Comparison) -> sa.ColumnElement[bool]:
    if any(isinstance(each.held, DateLiteral) for each in comparison.values) or bound.field.type == "boolean":
        parts = [_compared(source, bound, "=", each, comparison.position) for each in comparison.values]
        found = sa.or_(*parts)
    else:
        kept = [_kept(source, bound.field, each) for each in comparison.values if each.held is not None]
        collated = sa.collate(bound.column, "NOCASE") if bound.field.type in TEXTS else bound.column
        found = collated.in_(ids_in(kept))
        if len(kept) < len(comparison.values):
            found = sa.or_(found, bound.column.is_(None))
    return found if comparison.operator == "IN" else sa.not_(sa.func.coalesce(found, sa.false()))


def _membership_of_query(source: Source, bound: Bound, comparison: Comparison, query: Query) -> sa.ColumnElement[bool]:
    """Semi-joins and anti-joins: an id or reference in what another query finds."""
    selected: Sequence[Selected | Query] = query.selected
    inner = source_of(source.reader, source.text, query)
    if bound.field.type not in IDS:
        raise malformed_query(f"The left operand field in the where expression must be an id field: {bound.field.name}")
    if len(selected) != 1 or not isinstance(selected[0], Selected):
        raise malformed_query("The inner select must have one field")  # the text is ours
    wanted = bind_expression(inner, selected[0].expression)
    if wanted.field.type not in IDS:
        raise malformed_query(f"The inner select field '{wanted.field.name}' must be an id field")
    conditions = [inner.reader.visible(inner.table), wanted.column.is_not(None)]
    if query.where is not None:
        conditions.append(condition_sql(inner, query.where))
    found = bound.column.in_(sa.select(wanted.column).select_from(inner.joined()).where(*conditions))
    return found if comparison.operator == "IN" else sa.not_(sa.func.coalesce(found, sa.false()))


def _multi_picklist(source: Source, bound: Bound, comparison: Comparison) -> sa.ColumnElement[bool]:
    if bound.field.type != "multipicklist":
        raise _invalid_operator(source, comparison.position, bound.field)
    listed = sa.literal(";").concat(bound.column).concat(";")
    any_of = []
    for each in comparison.values:
        parts = str(_kept(source, bound.field, each)).split(";")
        any_of.append(sa.and_(*(sa.func.instr(listed, f";{part};") > 0 for part in parts)))
    found = sa.func.coalesce(sa.or_(*any_of), sa.false())
    return found if comparison.operator == "INCLUDES" else sa.not_(found)
