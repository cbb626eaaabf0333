"""What is known of an expression: its kind of value, and the column it shows."""

from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.schema import Column, Table

Kind = Literal["text", "number", "date", "moment", "plain"]
"""`moment` has a time zone; `plain` is a date and time without one, in the user's; `date` has no time."""
MOMENTS: tuple[Kind, ...] = ("date", "moment", "plain")
_OF_COLUMN: dict[str, Kind] = {"date": "date", "datetime": "moment", "text": "text", "select": "text", "multi": "text"}


@dataclass(frozen=True, slots=True)
class Origin:
    """A column of a table, under the name that the statement knows the table by."""

    table: Table
    column: Column
    alias: str

    def __deepcopy__(self, _memo: object) -> "Origin":
        """Itself: copies of a node would take the whole table along."""
        return self


def kind_of_column(column: Column) -> Kind:
    """The kind of a column's values."""
    return _OF_COLUMN.get(column.type, "text" if column.type == "boolean" else "number")


def marked(node: exp.Expression, kind: Kind | None, origin: Origin | None = None) -> exp.Expression:
    """The same node, with what is known of it."""
    node.meta["kind"] = kind
    node.meta["origin"] = origin
    return node


def kind_of(node: exp.Expression) -> Kind | None:
    """The kind of an expression's values, where it is known."""
    if isinstance(node, exp.Paren | exp.Min | exp.Max):
        return kind_of(node.this)
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    found: Kind | None = node.meta.get("kind")
    return found


def origin_of(node: exp.Expression) -> Origin | None:
    """The column that an expression shows as it is."""
    found: Origin | None = node.meta.get("origin")
    return found
