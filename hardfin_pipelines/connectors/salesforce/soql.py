"""SOQL statements. Values are always quoted by simple-salesforce, and names are checked to be names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    """

    text: str
    object: str
    deleted_too: bool = False
    fields: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """What it asks, for messages."""
        return f"({self.object})"


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
