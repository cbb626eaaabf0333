"""SOQL statements. Values are always quoted by simple-salesforce, and names are checked to be names."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from simple_salesforce.format import quote_soql_value

from hardfin_pipelines.connectors.errors import UnknownField

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){0,5}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A query.

    Attributes:
        text: The SOQL.
        object: The object it asks, for messages.
        deleted_too: Whether rows in the recycle bin and merged-away ones come as well.
        fields: What it selects.
        ids: The ids it asks about, where it can be divided by them.
        make: Makes it for some ids.
    """

    text: str
    object: str
    deleted_too: bool = False
    fields: tuple[str, ...] = ()
    ids: tuple[str, ...] = field(default=(), compare=False, repr=False)
    make: Callable[[Sequence[str]], "Statement"] | None = field(default=None, compare=False, repr=False)

    @property
    def about(self) -> str:
        """What it asks, for messages."""
        return f"({self.object})"

    def halves(self) -> tuple["Statement", ...]:
        """The same question in two parts, each about half of the ids; none where it cannot be divided."""
        middle = len(self.ids) // 2
        if self.make is None or not middle:
            return ()
        return among(self.ids[:middle], self.make), among(self.ids[middle:], self.make)


def among(ids: Sequence[str], make: Callable[[Sequence[str]], Statement]) -> Statement:
    """What `make` makes for some ids, such that it can be divided by them."""
    return replace(make(ids), ids=tuple(ids), make=make)


def select(
    fields: Iterable[str],
    object_name: str,
    where: Sequence[str] = (),
    *,
    order: str = "",
    children: str = "",
    deleted_too: bool = False,
) -> Statement:
    """A statement.

    Args:
        fields: Names, dotted ones for parents; each is asked for once, as Salesforce refuses doubles.
        object_name: The object.
        where: Conditions, all of which must hold.
        order: `ORDER BY` list, or "".
        children: A sub-query for child rows, or "".
        deleted_too: Whether deleted rows come as well.

    Raises:
        UnknownField: A field's name is not one that Salesforce could have.
    """
    by_case: dict[str, str] = {}
    for name in map(field_name, fields):
        by_case.setdefault(name.lower(), name)
    names = tuple(by_case.values())
    parts = ["SELECT", ",".join([*names, *([children] if children else [])]), "FROM", object_name]
    if where:
        parts.append(f"WHERE {' AND '.join(where)}")
    if order:
        parts.append(f"ORDER BY {order}")
    return Statement(" ".join(parts), object_name, deleted_too, names)


def count(object_name: str, where: Sequence[str]) -> Statement:
    """A statement whose answer has no rows, but says how many there are.

    Args:
        object_name: The object.
        where: Conditions, all of which must hold.
    """
    return Statement(" ".join(["SELECT COUNT() FROM", object_name, "WHERE", " AND ".join(where)]), object_name)


def field_name(name: str) -> str:
    """The name, if it can be one.

    Raises:
        UnknownField: It cannot.
    """
    if _NAME.fullmatch(name):
        return name
    text = (
        f"Salesforce cannot have a field {name!r}: expected letters, digits and _ with dots between; mend the mapping"
    )
    raise UnknownField("salesforce", text, context={"properties": name})


def quoted(text: str) -> str:
    """A text as a literal."""
    return str(quote_soql_value(text))


def is_in(field: str, values: Iterable[str]) -> str:
    """The condition that a field has one of some values."""
    return f"{field} IN ({','.join(quoted(value) for value in values)})"


def moment(value: datetime) -> str:
    """A time as a literal, in whole seconds: Salesforce's stamps have no fraction and comparisons ignore one."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_up(value: datetime) -> str:
    """A time as a literal, rounded up to whole seconds."""
    return moment(value + timedelta(seconds=1) if value.microsecond else value)
