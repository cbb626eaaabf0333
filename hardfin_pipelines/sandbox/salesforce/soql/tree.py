"""A query as read: plain data, with the place of each part in the text for error messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class Path:
    """A field with dots, such as `Account.Name`."""

    names: tuple[str, ...]
    position: int

    @property
    def text(self) -> str:
        """As written."""
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function of a field, of another function, or of nothing. `name` is in upper case."""

    name: str
    argument: "Expression | None"
    position: int


Expression = Path | FunctionCall


@dataclass(frozen=True, slots=True)
class DateLiteral:
    """A date said in words, such as `LAST_N_DAYS:30`. `name` is in upper case."""

    name: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Value:
    """A constant. Only text was in quotes."""

    held: str | bool | Decimal | datetime | date | DateLiteral | None
    position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition. `operator` is =, !=, <, <=, >, >=, LIKE, IN, NOT IN, INCLUDES or EXCLUDES."""

    left: Expression
    operator: str
    values: tuple[Value, ...]
    query: "Query | None"
    position: int


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by AND or OR."""

    kind: Literal["AND", "OR"]
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT."""

    part: "Condition"


Condition = Comparison | Junction | Negation


@dataclass(frozen=True, slots=True)
class Selected:
    """A field or function of the select list."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class Ordering:
    """One part of ORDER BY. `nulls` is FIRST, LAST or None."""

    expression: Expression
    descending: bool
    nulls: str | None


@dataclass(slots=True)
class Query:
    """A query or sub-query; `source` is the object or the child relationship."""

    source: Path
    selected: list["Selected | Query"] = field(default_factory=list)
    alias: str | None = None
    scope: str | None = None
    where: Condition | None = None
    group: tuple[Expression, ...] = ()
    having: Condition | None = None
    order: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0
    position: int = 0

    def expressions(self) -> Iterator[Selected]:
        """The select list without sub-queries."""
        return (each for each in self.selected if isinstance(each, Selected))

    def sub_queries(self) -> Iterator["Query"]:
        """The sub-queries of the select list."""
        return (each for each in self.selected if isinstance(each, Query))
