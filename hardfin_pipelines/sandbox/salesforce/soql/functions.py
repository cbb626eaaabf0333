"""SOQL's functions as SQL."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from hardfin_pipelines.sandbox.salesforce.fields import Field
from hardfin_pipelines.sandbox.salesforce.schema import picklist_labels
from hardfin_pipelines.sandbox.salesforce.soql.binding import Bound, Source
from hardfin_pipelines.sandbox.salesforce.soql.tree import Expression, FunctionCall, Path

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
_DATE_PARTS = {"CALENDAR_YEAR": "%Y", "CALENDAR_MONTH": "%m", "DAY_IN_MONTH": "%d", "HOUR_IN_DAY": "%H"}
_WHOLE = Field("expr", "int")
_FINE = 6


def is_aggregate(expression: Expression) -> bool:
    """Whether an expression gathers many rows."""
    return isinstance(expression, FunctionCall) and expression.name in AGGREGATES


def bind_expression(source: Source, expression: Expression) -> Bound:
    """A field or function with its SQL.

    Raises:
        VendorError: 400, a name is not there, or the function does not take the field.
    """
    if isinstance(expression, Path):
        return source.bind(expression)
    if expression.name == "COUNT" and expression.argument is None:
        return Bound(sa.func.count(), _WHOLE, source.sobject)
    binder = _BINDERS.get(expression.name)
    if binder is None or expression.argument is None:
        raise source.refusal(expression.position, f"Invalid function: {expression.name}", "MALFORMED_QUERY")
    return binder(source, expression, bind_expression(source, expression.argument))


def _aggregate(source: Source, call: FunctionCall, of: Bound) -> Bound:
    name, field = call.name, of.field
    if not field.aggregatable or (
        name in {"SUM", "AVG"} and field.type not in {"currency", "double", "percent", "int"}
    ):
        text = f"field {field.name} does not support aggregate operator {name}"
        raise source.refusal(call.position, text, "MALFORMED_QUERY")
    if name in {"COUNT", "COUNT_DISTINCT"}:
        return Bound(sa.func.count(of.column.distinct() if "_" in name else of.column), _WHOLE, of.sobject)
    if name == "AVG":
        mean = sa.cast(sa.func.round(sa.func.avg(of.column) * 10 ** (_FINE - field.scale)), sa.Integer)
        return Bound(mean, Field(field.name, "percent", scale=_FINE), of.sobject)
    return Bound(getattr(sa.func, name.lower())(of.column), field.changed(nillable=True), of.sobject)


def _label(_source: Source, _call: FunctionCall, of: Bound) -> Bound:
    labels = picklist_labels(of.field)
    shown: Any = sa.case(*[(of.column == value, label) for value, label in labels.items()], else_=of.column)
    return Bound(shown if labels else of.column, of.field, of.sobject, of.parents)


def _converted(source: Source, call: FunctionCall, of: Bound) -> Bound:
    """In the organization's own currency, which is every user's here."""
    schema = source.reader.view.schema
    if of.field.type != "currency" or not schema.multi_currency or of.parents:
        text = f"convertCurrency does not take {of.field.name} here"  # the text is ours
        raise source.refusal(call.position, text)
    rates = source.reader.store.table(schema.known("CurrencyType")).alias()
    own = sa.select(rates.c.ConversionRate).where(rates.c.IsoCode == source.table.c.CurrencyIsoCode).scalar_subquery()
    corporate = sa.select(rates.c.ConversionRate).where(rates.c.IsCorporate == 1).scalar_subquery()
    converted = sa.cast(sa.func.round(of.column * 1.0 * corporate / own), sa.Integer)
    return Bound(converted, of.field, of.sobject, of.parents)


def _moment(of: Bound) -> sa.ColumnElement[Any]:
    return sa.func.datetime(of.column, "unixepoch") if of.field.type == "datetime" else of.column


def _date_part(source: Source, call: FunctionCall, of: Bound) -> Bound:
    if of.field.type not in {"date", "datetime"}:
        text = f"field {of.field.name} does not support date function {call.name}"  # the text is ours
        raise source.refusal(call.position, text)
    if call.name == "DAY_ONLY":
        return Bound(sa.func.date(_moment(of)), Field(of.field.name, "date"), of.sobject)
    if call.name == "CALENDAR_QUARTER":
        month = sa.cast(sa.func.strftime("%m", _moment(of)), sa.Integer)
        return Bound((month + 2) / sa.literal_column("3"), _WHOLE, of.sobject)
    part = sa.cast(sa.func.strftime(_DATE_PARTS[call.name], _moment(of)), sa.Integer)
    return Bound(part, _WHOLE, of.sobject)


_BINDERS: Mapping[str, Callable[[Source, FunctionCall, Bound], Bound]] = {
    **dict.fromkeys(AGGREGATES, _aggregate),
    **dict.fromkeys((*_DATE_PARTS, "DAY_ONLY", "CALENDAR_QUARTER"), _date_part),
    "TOLABEL": _label,
    "CONVERTCURRENCY": _converted,
}
