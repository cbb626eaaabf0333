"""The mapping part of a configuration: entries, blocks of entries, and what can be wrong with them in themselves."""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from hardfin_pipelines.organizations.problems import KeyPath, Problem, did_you_mean, shown
from hardfin_pipelines.organizations.text_types import DefaultText, LongText, ShortText, complaint, expected
from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, ENTITY_FIELDS, EntityType, FieldType, field_of
from hardfin_pipelines.sync.mapping_rules import CONVERSIONS, Conversion, FieldRule
from hardfin_pipelines.sync.values import ValueProblem, read_value

_CUSTOM_TARGET = re.compile(r"custom\.[a-z][a-z0-9_]{0,59}")

FITTING: Mapping[FieldType, frozenset[Conversion]] = MappingProxyType(
    {
        "text": frozenset(CONVERSIONS),
        "decimal": frozenset({"text", "number", "money", "months", "option label"}),
        "integer": frozenset({"text", "number", "money", "months", "option label"}),
        "date": frozenset({"text", "date", "datetime", "option label"}),
        "currency": frozenset({"text", "option label"}),
    }
)
"""The conversions whose values a field of each type can hold."""


class ConfigurationPart(BaseModel):
    """A part of a configuration: no unknown keys, never changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MappingEntry(ConfigurationPart):
    """What fills one Hardfin field: a vendor field, written as its bare name or as a block, or a template."""

    field: ShortText | None = Field(default=None, description="The vendor's field.")
    template: LongText | None = Field(
        default=None, description='Text with vendor fields in braces, such as "{dealname} ({hs_object_id})".'
    )
    required: bool = Field(default=False, description="Set a record aside, with that reason, where it has no value.")
    default: DefaultText | None = Field(default=None, description="Used where the vendor has no value.")
    convert: Conversion | None = Field(
        default=None, alias="as", description="How the value is read; left out, as the Hardfin field's own type."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"field": value}
        if isinstance(value, Mapping | MappingEntry):
            return value
        raise expected("a vendor field, or a block with field or template", value)

    @model_validator(mode="after")
    def _one_origin(self) -> "MappingEntry":
        if (self.field is None) == (self.template is None):
            raise complaint("expected either field or template")
        if self.template is not None:
            sources = self.rule("").sources()
            rest = self.template
            for source in sources:
                rest = rest.replace(f"{{{source}}}", "")
            if not sources or "{" in rest or "}" in rest:
                raise complaint(
                    f"expected a template with vendor fields in braces, such as {{name}}, got {shown(self.template)}"
                )
            if self.convert == "option label":
                raise complaint("a template has no option labels; map the field itself, or leave `as` out")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bare name is an entry, too."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        block = deepcopy(schema) | {"oneOf": [{"required": ["field"]}, {"required": ["template"]}]}
        schema.clear()
        schema.update({"anyOf": [{"type": "string", "minLength": 1, "description": "The vendor's field."}, block]})
        return schema

    def rule(self, target: str) -> FieldRule:
        """The entry as the rules of sync know it."""
        return FieldRule(
            target=target,
            source=self.field or "",
            template=self.template or "",
            convert=self.convert,
            required=self.required,
            default=self.default,
        )

    def document(self) -> str | dict[str, Any]:
        """The entry as it stands in a document: a bare name where it is no more than that."""
        entry = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return str(self.field) if list(entry) == ["field"] else entry


Block = Mapping[str, MappingEntry]
"""The entries of one entity, by Hardfin field."""


def _check_target(entity: EntityType, target: str) -> str:
    if target.startswith(CUSTOM_PREFIX):
        if not _CUSTOM_TARGET.fullmatch(target):
            raise complaint("expected custom. and a name of lower-case letters, digits and underscores")
    elif field_of(entity, target) is None:
        hint = did_you_mean(target, ENTITY_FIELDS[entity])
        raise complaint(f"is no field of {named(entity)}{hint or '; its own fields are called custom.<name>'}")
    return target


def _block_schema(entity: EntityType) -> Callable[[dict[str, Any]], None]:
    """Names the entity's fields in the JSON schema, so that an editor can offer them."""

    def rewrite(schema: dict[str, Any]) -> None:
        entry = next(each["additionalProperties"] for each in schema["anyOf"] if "additionalProperties" in each)
        schema.pop("anyOf")
        schema.pop("default", None)
        properties = {
            target: {"description": about.description, "allOf": [entry]}
            for target, about in ENTITY_FIELDS[entity].items()
        }
        schema |= {
            "type": "object",
            "properties": properties,
            "patternProperties": {f"^{_CUSTOM_TARGET.pattern}$": entry},
            "additionalProperties": False,
        }

    return rewrite


_CustomerBlock = Mapping[Annotated[str, AfterValidator(partial(_check_target, "customer"))], MappingEntry]
_ProjectBlock = Mapping[Annotated[str, AfterValidator(partial(_check_target, "project"))], MappingEntry]
_LineItemBlock = Mapping[Annotated[str, AfterValidator(partial(_check_target, "project_line_item"))], MappingEntry]
_ItemBlock = Mapping[Annotated[str, AfterValidator(partial(_check_target, "item"))], MappingEntry]


class MappingBlocks(ConfigurationPart):
    """Which vendor field fills which Hardfin field, for each entity."""

    customer: _CustomerBlock | None = Field(
        default=None, description="Company → customer.", json_schema_extra=_block_schema("customer")
    )
    project: _ProjectBlock | None = Field(
        default=None, description="Deal → project.", json_schema_extra=_block_schema("project")
    )
    project_line_item: _LineItemBlock | None = Field(
        default=None,
        description="Line item of a deal → project line item.",
        json_schema_extra=_block_schema("project_line_item"),
    )
    item: _ItemBlock | None = Field(
        default=None, description="Product → item.", json_schema_extra=_block_schema("item")
    )

    def blocks(self) -> Mapping[EntityType, Block]:
        """The blocks that are given, by entity."""
        given: dict[EntityType, Block | None] = {
            "customer": self.customer,
            "project": self.project,
            "project_line_item": self.project_line_item,
            "item": self.item,
        }
        return {entity: block for entity, block in given.items() if block is not None}

    def blocks_document(self) -> dict[str, Any]:
        """The blocks as they stand in a document."""
        return {
            entity: {target: entry.document() for target, entry in block.items()}
            for entity, block in self.blocks().items()
        }


def named(entity: EntityType) -> str:
    """An entity in a sentence: "a project line item"."""
    words = entity.replace("_", " ")
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def entry_problems(entity: EntityType, target: str, entry: MappingEntry, path: KeyPath) -> Iterator[Problem]:
    """What makes an entry useless for every record: a conversion that does not fit the field, an unreadable default."""
    about = field_of(entity, target)
    if about is None:
        return  # the target itself is complained about
    if entry.convert is not None and entry.convert not in FITTING[about.type]:
        fitting = ", ".join(name for name in CONVERSIONS if name in FITTING[about.type])
        yield Problem(
            (*path, "as"), f"{target} holds {_HOLDS[about.type]}: expected one of {fitting}; got {entry.convert}"
        )
        return
    if entry.default is not None and entry.convert != "option label":
        try:
            read_value(entry.default, about.type, entry.convert, None)
        except ValueProblem as problem:
            yield Problem((*path, "default"), f"cannot be read: {problem}")


_HOLDS: Mapping[FieldType, str] = MappingProxyType(
    {
        "text": "text",
        "decimal": "a number",
        "integer": "a whole number",
        "date": "a date",
        "currency": "a currency code",
    }
)
