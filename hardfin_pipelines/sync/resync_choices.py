"""What somebody who asks for a re-sync chose: a general way, and exceptions from it field by field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.field_names import FieldName, FieldNameProblem, parse_field_name

Decision = Literal["take", "keep"]

_LINES: EntityType = "project_line_item"


@dataclass(frozen=True, slots=True)
class Choices:
    """The decisions of a person.

    A choice for one line goes before one for all lines, and any choice before the general way.

    Attributes:
        keep_local_edits: The general way: fields that were edited in Hardfin stand. Otherwise the CRM's values are
            taken.
        keep: Fields whose value in Hardfin stands, whatever it is. Lines are named by their own ids.
        take: Fields that take the CRM's value, edited or not.
    """

    keep_local_edits: bool = False
    keep: frozenset[FieldName] = frozenset()
    take: frozenset[FieldName] = frozenset()

    def decide(self, entity: EntityType, entity_id: str, field: str, *, edited: bool) -> Decision:
        """What becomes of a field in which CRM and Hardfin differ.

        Args:
            entity: Whose field.
            entity_id: Its id.
            field: The field.
            edited: Whether Hardfin's value was changed since the last sync.
        """
        names = [FieldName(entity, field)]
        if entity == _LINES:
            names.insert(0, FieldName(entity, field, entity_id))
        for name in names:
            if name in self.keep:
                return "keep"
            if name in self.take:
                return "take"
        return "keep" if self.keep_local_edits and edited else "take"


BY_DEFAULT = Choices()
"""The CRM's values replace mapped fields."""


def read_choices(
    keep: Iterable[str],
    take: Iterable[str],
    *,
    keep_local_edits: bool,
    fields: Mapping[EntityType, Iterable[str]],
    lines: Mapping[str, str],
) -> Choices:
    """Choices as people write them.

    Args:
        keep: Names of fields to keep.
        take: Names of fields to take.
        keep_local_edits: The general way.
        fields: The fields that a re-sync compares, by entity.
        lines: The lines that it compares: their ids, and their line items' ids at the CRM, to their ids.

    Raises:
        FieldNameProblem: A name means nothing here, or both is asked for one field; one line says what is possible.
    """
    kept = frozenset(_known(text, "keep", fields, lines) for text in keep)
    taken = frozenset(_known(text, "take", fields, lines) for text in take)
    both = sorted(kept & taken)
    if both:
        raise FieldNameProblem(f"keep and take both name {both[0]}: choose one")
    return Choices(keep_local_edits, kept, taken)


def _known(
    text: str, option: Decision, fields: Mapping[EntityType, Iterable[str]], lines: Mapping[str, str]
) -> FieldName:
    try:
        name = parse_field_name(text)
    except FieldNameProblem as problem:
        raise FieldNameProblem(f"{option}: {problem}") from None
    possible = list(fields.get(name.entity, ()))
    if name.field not in possible:
        words = name.entity.replace("_", " ")
        raise FieldNameProblem(
            f"{option} {text}: a re-sync does not touch {name.field!r} of the {words}; expected one of "
            f"{', '.join(possible)}"
        )
    if not name.line:
        return name
    if name.line not in lines:
        ids = sorted(set(lines.values()))
        known = f"expected one of {', '.join(ids)}" if ids else "the project has no line from the CRM"
        raise FieldNameProblem(f"{option} {text}: the project has no line {name.line!r} from the CRM; {known}")
    return FieldName(name.entity, name.field, lines[name.line])
