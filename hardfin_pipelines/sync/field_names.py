"""How people name a field of a project: `project.value`, `customer.website`, `line:pli_x.quantity`."""

from dataclasses import dataclass

from hardfin_pipelines.sync.entities import EntityType

_LINE = "line:"
_NAMED: tuple[EntityType, ...] = ("customer", "project", "project_line_item")

FORMS = "project.FIELD, customer.FIELD, line:LINE_ID.FIELD or project_line_item.FIELD (of all lines)"


class FieldNameProblem(ValueError):
    """A name that cannot be understood, or that names nothing. The message is one line that says what is possible."""


@dataclass(frozen=True, slots=True, order=True)
class FieldName:
    """A field of a project, of its customer, or of its lines.

    Attributes:
        entity: Whose field.
        field: The mapping target, such as `value` or `custom.po_number`.
        line: The one line it is of: its id or its line item's id at the CRM. "" for every line, and for what is no
            line.
    """

    entity: EntityType
    field: str
    line: str = ""

    def __str__(self) -> str:
        """The name as people write it."""
        return f"{_LINE}{self.line}.{self.field}" if self.line else f"{self.entity}.{self.field}"


def parse_field_name(text: str) -> FieldName:
    """The field that a name means.

    Raises:
        FieldNameProblem: It has none of the forms.
    """
    owner, _, field = text.strip().partition(".")
    if field and owner.startswith(_LINE) and len(owner) > len(_LINE):
        return FieldName("project_line_item", field, owner.removeprefix(_LINE))
    entity = next((each for each in _NAMED if each == owner), None)
    if not field or entity is None:
        raise FieldNameProblem(f"{text!r} names no field: expected {FORMS}")
    return FieldName(entity, field)
