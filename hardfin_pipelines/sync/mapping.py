"""Turning a record's properties into an entity's fields."""

from collections.abc import Mapping
from dataclasses import dataclass

from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, ENTITY_FIELDS, field_of
from hardfin_pipelines.sync.mapping_rules import EntityMapping, FieldRule, fill_template
from hardfin_pipelines.sync.records import PropertyDescription, Record
from hardfin_pipelines.sync.values import Value, ValueProblem, read_value, to_text

Values = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Mapped:
    """The fields of an entity that the mapping fills: target to value, None where the vendor has none."""

    values: Values

    def texts(self) -> dict[str, str | None]:
        """The values in their canonical text, as kept with the link."""
        return {target: None if value is None else to_text(value) for target, value in self.values.items()}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot become an entity, with all the reasons in one line."""

    reason: str


def map_record(
    record: Record, mapping: EntityMapping, properties: Mapping[str, PropertyDescription]
) -> Mapped | Rejected:
    """The entity's fields, or why the record cannot be mapped.

    Args:
        record: The record as received.
        mapping: Which vendor field fills which field.
        properties: The account's description of the record's object, for option labels.
    """
    values: dict[str, Value | None] = {}
    problems: list[str] = []
    for rule in mapping.rules:
        try:
            values[rule.target] = _field_value(record, rule, mapping, properties)
        except ValueProblem as problem:
            origin = rule.source or rule.template
            problems.append(f"{mapping.entity}.{rule.target} from {origin!r}: {problem}")
    for target, entity_field in ENTITY_FIELDS[mapping.entity].items():
        if entity_field.required and values.get(target) is None and not any(f".{target} " in p for p in problems):
            sources = next((rule.source or rule.template for rule in mapping.rules if rule.target == target), "")
            problems.append(
                f"{mapping.entity}.{target} has no value ({sources!r} is empty at the vendor); "
                "fill it there, or give the mapping a default"
            )
    if problems:
        return Rejected("; ".join(problems))
    return Mapped(values)


def _field_value(
    record: Record, rule: FieldRule, mapping: EntityMapping, properties: Mapping[str, PropertyDescription]
) -> Value | None:
    entity_field = field_of(mapping.entity, rule.target)
    if entity_field is None:
        raise ValueProblem("is no field of this entity")
    received = fill_template(rule.template, record.properties) if rule.template else record.properties.get(rule.source)
    text = received if received is not None and received.strip() else rule.default
    if text is None or not text.strip():
        if rule.required:
            raise ValueProblem("is required and empty at the vendor")
        return None
    return read_value(text, entity_field.type, rule.convert, properties.get(rule.source))


def split_custom(values: Values) -> tuple[dict[str, Value | None], dict[str, str]]:
    """The entity's own fields, and the organization's own (without their prefix, empty ones left out)."""
    own = {target: value for target, value in values.items() if not target.startswith(CUSTOM_PREFIX)}
    custom = {
        target.removeprefix(CUSTOM_PREFIX): to_text(value)
        for target, value in values.items()
        if target.startswith(CUSTOM_PREFIX) and value is not None
    }
    return own, custom
