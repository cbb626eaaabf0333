"""One search filter as an SQL condition over what the search index holds."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.calls import Call, numeric_id
from hardfin_pipelines.sandbox.hubspot.errors import validation
from hardfin_pipelines.sandbox.hubspot.object_types import OBJECT_TYPES, ObjectType
from hardfin_pipelines.sandbox.hubspot.store import ASSOCIATIONS, RECORDS
from hardfin_pipelines.sandbox.hubspot.values import InvalidValueError, parse_day, parse_instant

_INDEXED = sa.func.coalesce(RECORDS.c.indexed_properties, RECORDS.c.properties)
_COLUMNS: dict[str, sa.ColumnElement[Any]] = {
    "hs_lastmodifieddate": RECORDS.c.indexed_ms,
    "createdate": RECORDS.c.created_ms,
    "hs_object_id": RECORDS.c.id,
}
_DEAL_COLUMNS: dict[str, sa.ColumnElement[Any]] = {
    "pipeline": RECORDS.c.indexed_pipeline,
    "dealstage": RECORDS.c.indexed_stage,
}
_ASSOCIATIONS_PREFIX = "associations."

Condition = sa.ColumnElement[bool]


class Field:
    """A property as search compares it: text without case, enumerations with case, numbers and times by size."""

    def __init__(self, call: Call, name: str) -> None:
        """Finds the property.

        Raises:
            VendorError: 400, the type has no such property. The text is ours.
        """
        described = call.defined.get(name)
        if described is None:
            raise validation(
                f"There was a problem with the request. Property '{name}' does not exist",
                errors=[{"message": f"propertyName '{name}' is not valid", "context": {"propertyName": [name]}}],
            )
        self.name = name
        self.type: str = described["type"]
        self._as_text = call.portal.settings.search_ids_as_text and name == "hs_object_id"
        self.raw = self._expression(call.kind, name)
        self.compared: sa.ColumnElement[Any] = self.raw
        if self._as_text:
            self.compared = sa.cast(self.raw, sa.Text)
        elif self.type == "number" and name != "hs_object_id":
            self.compared = sa.cast(self.raw, sa.REAL)
        elif self.is_text:
            self.compared = sa.func.lower(self.raw)

    @staticmethod
    def _expression(kind: ObjectType, name: str) -> sa.ColumnElement[Any]:
        columns = {**_COLUMNS, **(_DEAL_COLUMNS if kind.name == "deals" else {})}
        if name in columns:
            return columns[name]
        return sa.func.json_extract(_INDEXED, f'$."{name}"')

    @property
    def is_text(self) -> bool:
        """Whether case is ignored."""
        return self.type in {"string", "phone_number", "json", "object_coordinates", "bool"}

    @property
    def has_value(self) -> Condition:
        """Whether a record has the property; empty text is no value."""
        return self.raw.is_not(None) & (self.raw != "") if self.is_text else self.raw.is_not(None)

    def operand(self, value: Any, *, lower: bool = True) -> Any:
        """A filter's value in the form the property is compared in.

        Raises:
            VendorError: 400, the property's type has no such value.
        """
        text = str(value)
        try:
            if self.type == "datetime":
                return parse_instant(text)
            if self.type == "date":
                return parse_day(text)
            if self.type == "number" and not self._as_text:
                return int(text) if self.name == "hs_object_id" else float(text)
        except (InvalidValueError, ValueError) as error:
            raise validation(f"Invalid value '{text}' for property '{self.name}'") from error  # the text is ours
        return text.lower() if self.is_text and lower else text


def _equal(field: Field, given: dict[str, Any]) -> Condition:
    same: Condition = field.compared == field.operand(_one(field, given, "value"))
    return same


def _between(field: Field, given: dict[str, Any]) -> Condition:
    low, high = _one(field, given, "value"), _one(field, given, "highValue")
    return field.compared.between(field.operand(low), field.operand(high))


def _within(field: Field, given: dict[str, Any]) -> Condition:
    """Text values of IN must be lowercase (HubSpot docs: search guide): others match nothing."""
    values = given.get("values")
    if not isinstance(values, list) or not values:
        raise validation(f"Filter on '{field.name}' with operator {given['operator']} needs values")
    return field.compared.in_([field.operand(value, lower=False) for value in values])


def _token(field: Field, given: dict[str, Any]) -> Condition:
    return sa.func.has_token(sa.cast(field.raw, sa.Text), str(_one(field, given, "value"))) == 1


def _one(field: Field, given: dict[str, Any], name: str) -> Any:
    value = given.get(name)
    if value is None or isinstance(value, list | dict):
        raise validation(f"Filter on '{field.name}' with operator {given['operator']} needs {name}")
    return value


# A record without the property fits neither an operator nor its negation; HubSpot's docs leave it open.
_OPERATORS: dict[str, Callable[[Field, dict[str, Any]], Condition]] = {
    "EQ": _equal,
    "NEQ": lambda field, given: field.has_value & ~_equal(field, given),
    "LT": lambda field, given: field.compared < field.operand(_one(field, given, "value")),
    "LTE": lambda field, given: field.compared <= field.operand(_one(field, given, "value")),
    "GT": lambda field, given: field.compared > field.operand(_one(field, given, "value")),
    "GTE": lambda field, given: field.compared >= field.operand(_one(field, given, "value")),
    "BETWEEN": _between,
    "IN": _within,
    "NOT_IN": lambda field, given: field.has_value & ~_within(field, given),
    "HAS_PROPERTY": lambda field, _given: field.has_value,
    "NOT_HAS_PROPERTY": lambda field, _given: ~field.has_value,
    "CONTAINS_TOKEN": _token,
    "NOT_CONTAINS_TOKEN": lambda field, given: field.has_value & ~_token(field, given),
}
OPERATORS = tuple(_OPERATORS)


def condition(call: Call, given: dict[str, Any]) -> Condition:
    """The SQL condition of one filter.

    Raises:
        VendorError: 400, the property, the operator or the value is wrong.
    """
    name, operator = given["propertyName"], given["operator"]
    if operator not in _OPERATORS:
        raise validation(f"Invalid input JSON: {operator} is not one of [{', '.join(OPERATORS)}]")
    if name.startswith(_ASSOCIATIONS_PREFIX):
        return _associated(call.kind, given)
    return _OPERATORS[operator](Field(call, name), given)


def _associated(kind: ObjectType, given: dict[str, Any]) -> Condition:
    """`associations.company EQ 123`: the records that are associated with that one."""
    named = given["propertyName"].removeprefix(_ASSOCIATIONS_PREFIX)
    to_type = next((each for each in OBJECT_TYPES.values() if named in {each.singular, each.name}), None)
    if to_type is None or given["operator"] not in {"EQ", "IN"}:
        raise validation(f"Filter on '{given['propertyName']}' with operator {given['operator']} is not supported")
    values = given.get("values") if given["operator"] == "IN" else [given.get("value")]
    if not isinstance(values, list):
        raise validation(f"Filter on '{given['propertyName']}' needs values")
    linked = sa.select(ASSOCIATIONS.c.from_id).where(
        ASSOCIATIONS.c.from_type == kind.name,
        ASSOCIATIONS.c.to_type == to_type.name,
        ASSOCIATIONS.c.to_id.in_([numeric_id(value) for value in values]),
    )
    return RECORDS.c.id.in_(linked)


def text_condition(kind: ObjectType, words: str) -> Condition:
    """A search's `query`: every word begins a word of one of the type's searched properties."""
    texts = [sa.func.json_extract(_INDEXED, f'$."{name}"') for name in kind.searched_text]
    each_word = [
        sa.or_(*(sa.func.has_token(sa.cast(text, sa.Text), f"{word}*") == 1 for text in texts))
        for word in words.split()
    ]
    return sa.and_(sa.true(), *each_word)
