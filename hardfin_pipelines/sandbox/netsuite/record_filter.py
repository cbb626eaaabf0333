"""The record API's `q` filter (Oracle docs: record collection filtering): conditions joined with AND or OR."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from hardfin_pipelines.sandbox.netsuite.errors import VendorError, invalid_parameter
from hardfin_pipelines.sandbox.netsuite.roles import User
from hardfin_pipelines.sandbox.netsuite.schema import Column
from hardfin_pipelines.sandbox.netsuite.store import quoted

_CONDITION = re.compile(
    r'\s*(?P<field>\w+)\s+(?P<operator>[A-Z_]+)(?:\s+(?:"(?P<text>[^"]*)"|(?P<word>[^\s"()]+)))?\s*(?P<joint>AND|OR|$)',
)
_SIGNS = {
    "IS": "=",
    "IS_NOT": "<>",
    "EQUAL": "=",
    "EQUAL_NOT": "<>",
    "GREATER": ">",
    "GREATER_OR_EQUAL": ">=",
    "LESS": "<",
    "LESS_OR_EQUAL": "<=",
    "ON": "=",
    "AFTER": ">",
    "BEFORE": "<",
    "ON_OR_AFTER": ">=",
    "ON_OR_BEFORE": "<=",
}
_LIKE = {"CONTAIN": "%{}%", "START_WITH": "{}%", "END_WITH": "%{}"}
_EMPTY = {"EMPTY": "IS NULL", "EMPTY_NOT": "IS NOT NULL"}
_DATED = frozenset({"ON", "AFTER", "BEFORE", "ON_OR_AFTER", "ON_OR_BEFORE"})


def condition(text: str, fields: Mapping[str, Column], user: User) -> tuple[str, list[Any]]:
    """A filter as SQL with its parameters.

    Args:
        text: such as `itemId START_WITH "AMR" AND isInactive IS false`; parentheses are not covered here.
        fields: what may be named, the record API's names.
        user: whose date format dates are in.

    Raises:
        VendorError: 400, it cannot be read, names no field, or a value does not fit.
    """
    parts: list[str] = []
    values: list[Any] = []
    position = 0
    while position < len(text):
        found = _CONDITION.match(text, position)
        if found is None or (found["joint"] == "" and found.end() < len(text)):
            raise invalid_parameter("q", "Invalid search query.")  # ours
        sql, value = _one(found, fields, user)
        parts.append(f"{sql} {found['joint']}")
        values.extend(value)
        position = found.end()
    if not parts or parts[-1].endswith(("AND", "OR")):
        raise invalid_parameter("q", "Invalid search query.")
    return f"({' '.join(parts)})", values


def _one(found: re.Match[str], fields: Mapping[str, Column], user: User) -> tuple[str, list[Any]]:
    column = fields.get(found["field"])
    if column is None:
        detail = f"Invalid search query. Nonexistent field: {found['field']}."  # ours
        raise VendorError(400, "NONEXISTENT_FIELD", detail, where=("o:errorQueryParam", "q"))
    name, operator = quoted(column.name), found["operator"]
    if operator in _EMPTY:
        return f"{name} {_EMPTY[operator]}", []
    given = found["text"] if found["text"] is not None else found["word"]
    if given is None:
        raise invalid_parameter("q", "Invalid search query.")
    if operator in _LIKE and column.type == "text":
        return f"{name} ILIKE ?", [_LIKE[operator].format(given)]
    if operator not in _SIGNS or (operator in _DATED) != (column.type in {"date", "datetime"}):
        raise invalid_parameter("q", "Invalid search query.")
    left = f"CAST({name} AS DATE)" if column.type == "datetime" else name
    return f"{left} {_SIGNS[operator]} ?", [_value(column, given, user)]


def _value(column: Column, given: str, user: User) -> Any:
    try:
        if column.type == "boolean":
            return {"true": "T", "false": "F"}[given]
        if column.type in {"date", "datetime"}:
            return datetime.strptime(given, user.date_directives.replace("%-", "%")).date()  # noqa: DTZ007  # a day
        if column.type == "number":
            return Decimal(given)
        return int(given) if column.type in {"id", "integer", "reference"} else given
    except (KeyError, ValueError, InvalidOperation):
        raise invalid_parameter("q", "Invalid search query.") from None
