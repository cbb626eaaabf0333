"""What a mapping says: which vendor field fills which Hardfin field, and how its value is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.sync.entities import EntityType

Conversion = Literal["text", "number", "date", "datetime", "boolean", "option label", "list", "months", "money"]

CONVERSIONS: tuple[Conversion, ...] = (
    "text",
    "number",
    "date",
    "datetime",
    "boolean",
    "option label",
    "list",
    "months",
    "money",
)

_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.]+)\}")


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One entry of a mapping.

    Attributes:
        target: The Hardfin field, or `custom.<name>`.
        source: The vendor's field; "" where `template` is used.
        template: Text with vendor fields in braces, such as "{dealname} ({hs_object_id})"; "" where `source` is used.
        convert: How the value is read; None takes what the Hardfin field's own type asks for.
        required: A record without a value is rejected with that reason.
        default: Used where the vendor has no value; read like a vendor value.
    """

    target: str
    source: str = ""
    template: str = ""
    convert: Conversion | None = None
    required: bool = False
    default: str | None = None

    def sources(self) -> tuple[str, ...]:
        """The vendor fields it reads, in order."""
        return (self.source,) if self.source else tuple(dict.fromkeys(_PLACEHOLDER.findall(self.template)))


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """All entries of one entity, in the order of the entity's fields."""

    entity: EntityType
    rules: tuple[FieldRule, ...]

    def sources(self) -> tuple[str, ...]:
        """Every vendor field the mapping reads, each once."""
        return tuple(dict.fromkeys(source for rule in self.rules for source in rule.sources()))

    def merged_with(self, overrides: "EntityMapping") -> "EntityMapping":
        """This mapping with the entries of `overrides` in place of those for the same target."""
        rules = {rule.target: rule for rule in self.rules} | {rule.target: rule for rule in overrides.rules}
        return EntityMapping(self.entity, tuple(rules.values()))


MappingSet = Mapping[EntityType, EntityMapping]
"""The mapping of every entity that a connection fills."""


def fill_template(template: str, values: Mapping[str, str | None]) -> str | None:
    """The template with its fields put in; None where none of its fields has a value (blanks are none).

    Vendor values are data: braces inside a value are left as they are.
    """
    found = [values.get(name) for name in _PLACEHOLDER.findall(template)]
    if found and not any(value and value.strip() for value in found):
        return None
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1)) or "", template).strip()
