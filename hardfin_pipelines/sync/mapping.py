"""Turning a record's properties into an entity's fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, ENTITY_FIELDS, field_of
from hardfin_pipelines.sync.mapping_rules import EntityMapping, FieldRule, fill_template
from hardfin_pipelines.sync.records import PropertyDescription, Record
from hardfin_pipelines.sync.values import UnknownOption, Value, ValueProblem, as_option_label, read_value, to_text

Values = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Mapped:
    """The fields of an entity that the mapping fills: target to value, None where the vendor has none.

    A target whose vendor field the record does not carry at all is left out: HubSpot and Salesforce leave out fields
    that are deleted or hidden from the connection, and what cannot be seen must not empty a field at a re-sync.
    """

    values: Values

    def texts(self) -> dict[str, str | None]:
        """The values in their canonical text, as kept with the link."""
        return {target: None if value is None else to_text(value) for target, value in self.values.items()}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot become an entity, with all the reasons in one line."""

    reason: str


def map_record(
    record: Record,
    mapping: EntityMapping,
    properties: Mapping[str, PropertyDescription],
    described_at: datetime | None = None,
) -> Mapped | Rejected:
    """The entity's fields, or why the record cannot be mapped.

    An option that the account does not have any more has no label: where the entry is not required and fills a text,
    the stored value stands for it, else the record is rejected. It is rejected, too, while the description is older
    than the record: the option may be a new one, whose label the next description has.

    Args:
        record: The record as received.
        mapping: Which vendor field fills which field.
        properties: The account's description of the record's object, for option labels.
        described_at: When that was read, by the vendor's clock; None where it is the latest there can be.
    """
    values: dict[str, Value | None] = {}
    problems: dict[str, str] = {}
    for rule in mapping.rules:
        try:
            value = _field_value(record, rule, mapping, properties, described_at)
        except ValueProblem as problem:
            origin = rule.source or rule.template
            problems[rule.target] = f"{mapping.entity}.{rule.target} from {origin!r}: {problem}"
        else:
            if value is not None or any(source in record.properties for source in rule.sources()):
                values[rule.target] = value
    for target, entity_field in ENTITY_FIELDS[mapping.entity].items():
        if entity_field.required and values.get(target) is None and target not in problems:
            problems[target] = _no_value(mapping, target)
    if problems:
        return Rejected("; ".join(problems.values()))
    return Mapped(values)


def _no_value(mapping: EntityMapping, target: str) -> str:
    origin = next((rule.source or rule.template for rule in mapping.rules if rule.target == target), "")
    if not origin:
        return f"{mapping.entity}.{target} has no value (the mapping has no entry for it); add one to the mapping"
    return (
        f"{mapping.entity}.{target} has no value ({origin!r} is empty at the vendor); "
        "fill it there, or give the mapping a default"
    )


def _field_value(
    record: Record,
    rule: FieldRule,
    mapping: EntityMapping,
    properties: Mapping[str, PropertyDescription],
    described_at: datetime | None,
) -> Value | None:
    entity_field = field_of(mapping.entity, rule.target)
    if entity_field is None:
        raise ValueProblem("is no field of this entity")
    received = fill_template(rule.template, record.properties) if rule.template else record.properties.get(rule.source)
    for text in (received, rule.default):
        if text is not None and text.strip():
            try:
                value = read_value(text, entity_field.type, rule.convert, properties.get(rule.source))
            except UnknownOption:
                newer = described_at is not None and record.modified_at > described_at
                if newer or rule.required or entity_field.type != "text":
                    raise
                value = as_option_label(text, properties.get(rule.source), removed_too=True)
            # A list without entries (";") is text at the vendor and no value here.
            if not isinstance(value, str) or value.strip():
                return value
    if rule.required:
        raise ValueProblem("is required and empty at the vendor")
    return None


def split_custom(values: Values) -> tuple[dict[str, Value | None], dict[str, str]]:
    """The entity's own fields, and the organization's own (without their prefix, empty ones left out)."""
    if not _any_custom(tuple(values)):
        return dict(values), {}
    own = {target: value for target, value in values.items() if not target.startswith(CUSTOM_PREFIX)}
    custom = {
        target.removeprefix(CUSTOM_PREFIX): to_text(value)
        for target, value in values.items()
        if target.startswith(CUSTOM_PREFIX) and value is not None
    }
    return own, custom


@lru_cache(maxsize=256)  # records of one mapping fill the same fields
def _any_custom(targets: tuple[str, ...]) -> bool:
    return any(target.startswith(CUSTOM_PREFIX) for target in targets)
