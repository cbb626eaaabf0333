"""BUILTIN.DF: what a value is shown as."""

from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.schema import Table
from hardfin_pipelines.sandbox.netsuite.suiteql.functions import Node, Setting, call, cast, text, to_char
from hardfin_pipelines.sandbox.netsuite.suiteql.types import MOMENTS, Origin, kind_of, marked, origin_of


def column_of(alias: str, name: str) -> exp.Column:
    """A column by its table's alias, quoted."""
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def table_as(name: str, alias: str) -> exp.Table:
    """A table under an alias, quoted."""
    return exp.Table(
        this=exp.to_identifier(name, quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
    )


def displayed(setting: Setting, tables: dict[str, Table], value: Node) -> Node:
    """The display text of a value: a reference's name, a code's label, a date in the user's format."""
    origin = origin_of(value)
    if origin is None or not (origin.column.refers_to or origin.column.labels or origin.column.type == "boolean"):
        return to_char(setting, [value]) if kind_of(value) in MOMENTS else value
    if origin.column.labels:
        return _label(origin, value)
    if origin.column.type == "boolean":
        yes = exp.If(this=exp.EQ(this=value, expression=text("T")), true=text("Yes"))
        return marked(exp.Case(ifs=[yes], default=text("No")), "text")
    target = tables[origin.column.refers_to]
    if not target.display:
        return value
    return _names(origin, target, value)


def _label(origin: Origin, value: Node) -> Node:
    key = value
    if origin.table.name == "transaction" and origin.column.name == "status":
        kind = column_of(origin.alias, "type")
        key = call("concat", kind, text(":"), value)
    ifs = [exp.If(this=text(code), true=text(label)) for code, label in origin.column.labels.items()]
    return marked(exp.Case(this=key, ifs=ifs, default=value.copy()), "text")


def _names(origin: Origin, target: Table, value: Node) -> Node:
    name, key = column_of("_named", target.display), column_of("_named", "id")
    if origin.column.type == "multi":
        inside = call("list_contains", call("string_split", value, text(", ")), cast(key, "VARCHAR"))
        listed = call("array_to_string", call("list_sort", call("list", name)), text(", "))
        found = exp.select(listed).from_(table_as(target.name, "_named")).where(inside)
    else:
        found = exp.select(call("any_value", name)).from_(table_as(target.name, "_named"))
        found = found.where(exp.EQ(this=key, expression=value))
    return marked(exp.Subquery(this=found), "text")
