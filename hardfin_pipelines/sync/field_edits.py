"""Edits as people write them: `value=130`, `customer.website=globex.example`, `line:pli_x.quantity=2`."""

import re
from dataclasses import dataclass

from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, ENTITY_FIELDS, EntityType, field_of
from hardfin_pipelines.sync.field_names import FieldName, FieldNameProblem, parse_field_name
from hardfin_pipelines.sync.values import Value, ValueProblem, read_value

_CUSTOM = re.compile(re.escape(CUSTOM_PREFIX) + r"[a-z][a-z0-9_]{0,59}")


class EditProblem(ValueError):
    """An edit that cannot be made. The message is one line that names the field and says what was expected."""


@dataclass(frozen=True, slots=True)
class FieldEdit:
    """A field and the value it shall have, None for no value. A line has the id that was given."""

    name: FieldName
    value: Value | None


def parse_edit(text: str) -> FieldEdit:
    """One edit; a name without an owner is a field of the project.

    Raises:
        EditProblem: It is no edit, names no field, or the value is none that the field can hold.
    """
    written, equals, value = text.partition("=")
    if not equals or not written.strip():
        raise EditProblem(f"{text!r} is no edit: expected FIELD=VALUE, such as value=130 or customer.city=Springfield")
    name = _name(written.strip())
    about = field_of(name.entity, name.field)
    if about is None or (name.field.startswith(CUSTOM_PREFIX) and not _CUSTOM.fullmatch(name.field)):
        raise EditProblem(
            f"{written.strip()!r}: {_kind(name.entity)} has no field {name.field!r}; {_fields(name.entity)}"
        )
    if not value.strip():
        if about.required:
            raise EditProblem(f"{name}: {_kind(name.entity)} cannot be without it; give a value")
        return FieldEdit(name, None)
    try:
        return FieldEdit(name, read_value(value, about.type, None, None))
    except ValueProblem as problem:
        raise EditProblem(f"{name}: {problem}") from None


def _name(written: str) -> FieldName:
    if written in ENTITY_FIELDS["project"] or written.startswith(CUSTOM_PREFIX):
        return FieldName("project", written)
    if "." not in written:
        raise EditProblem(f"{written!r}: a project has no field {written!r}; {_fields('project')}")
    try:
        name = parse_field_name(written)
    except FieldNameProblem:
        raise EditProblem(
            f"{written!r} names no field: expected FIELD or project.FIELD, customer.FIELD or line:LINE_ID.FIELD"
        ) from None
    if name.entity == "project_line_item" and not name.line:
        raise EditProblem(f"{written!r}: name one line, as line:LINE_ID.{name.field}")
    return name


def _fields(entity: EntityType) -> str:
    return f"it has {', '.join(ENTITY_FIELDS[entity])}, and {CUSTOM_PREFIX}NAME for the organization's own"


def _kind(entity: EntityType) -> str:
    return f"a {entity.replace('_', ' ')}"
