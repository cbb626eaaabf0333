"""Values as requests bring them, checked and brought into the form they are kept in."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.entities import BASE_FIELDS, Entity, FieldDefinition
from hardfin_pipelines.sandbox.quickbooks.errors import bad_choice, bad_number, invalid_request, too_long

_LARGEST = Decimal("99999999999")
_BOOLEANS = {"true": True, "false": False}


def lossy_latin1(text: str) -> str:
    """With a question mark for each character outside ISO-8859-1."""
    return text.encode("latin-1", "replace").decode("latin-1")


def checked(entity: Entity, given: Mapping[str, Any], *, latin1: bool) -> dict[str, Any]:
    """The writable fields that a request sets; None and an empty text clear one. Read-only fields are passed over.

    Args:
        entity: what is written.
        given: the request's members.
        latin1: texts lose what ISO-8859-1 does not have.

    Raises:
        VendorError: a member is unknown or its value does not fit.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in BASE_FIELDS or name == "status":
            continue
        definition = entity.fields.get(name)
        if definition is None:
            raise invalid_request(f'Property Name:Unrecognized field "{name}"')
        if not definition.read_only:
            found[name] = None if value is None or value == "" else _value(definition, value, latin1=latin1)
    return found


def _value(definition: FieldDefinition, value: Any, *, latin1: bool) -> Any:
    kind = definition.kind
    if kind == "string":
        return _text(definition, value, latin1=latin1)
    if kind == "boolean":
        return _boolean(definition, value)
    if kind in {"decimal", "integer"}:
        return _number(definition, value)
    if kind == "date":
        return _date(definition, value)
    if kind in {"ref", "currency"}:
        return _reference(definition, value)
    if kind == "enum":
        if value not in definition.choices:
            raise bad_choice(definition.name, value)
        return value
    return _object(definition, value, latin1=latin1)


def _text(definition: FieldDefinition, value: Any, *, latin1: bool) -> str:
    if not isinstance(value, str):
        raise invalid_request(f"Property Name:{definition.name} : expected a text")
    if definition.longest is not None and len(value) > definition.longest:
        raise too_long(definition.name, definition.longest)
    return lossy_latin1(value) if latin1 else value


def _boolean(definition: FieldDefinition, value: Any) -> bool:
    found = value if isinstance(value, bool) else _BOOLEANS.get(str(value).lower())
    if found is None:
        raise invalid_request(f"Property Name:{definition.name} : expected true or false")
    return found


def _number(definition: FieldDefinition, value: Any) -> Decimal:
    """Numbers may come as texts: clients write decimals so."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise bad_number(definition.name, value) from None
    if isinstance(value, bool) or not found.is_finite() or abs(found) > _LARGEST:
        raise bad_number(definition.name, value)
    return found


def _date(definition: FieldDefinition, value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise invalid_request(f"Property Name:{definition.name} : invalid date {value}") from None


def _reference(definition: FieldDefinition, value: Any) -> dict[str, str]:
    held = value.get("value") if isinstance(value, Mapping) else value
    if held in (None, "") or isinstance(held, Mapping | list):
        raise invalid_request(f"Property Name:{definition.name}.value : missing")
    name = value.get("name") if isinstance(value, Mapping) else None
    return {"value": str(held), **({"name": str(name)} if name else {})}


def _object(definition: FieldDefinition, value: Any, *, latin1: bool) -> Any:
    if not isinstance(value, Mapping | list):
        raise invalid_request(f"Property Name:{definition.name} : expected an object")
    return _without_nulls(value, latin1=latin1)


def _without_nulls(value: Any, *, latin1: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_nulls(each, latin1=latin1)
            for name, each in value.items()
            if each is not None and not str(name).startswith("_")
        }
    if isinstance(value, list):
        return [_without_nulls(each, latin1=latin1) for each in value]
    return lossy_latin1(value) if latin1 and isinstance(value, str) else value
