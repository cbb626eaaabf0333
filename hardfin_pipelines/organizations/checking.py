"""Checking a connection's configuration against the vendor's own description of the account.

What is paused is not checked: pausing a pipeline that the vendor has lost must always be possible.
"""

import difflib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hardfin_pipelines.organizations.integrations import MAPPED_ENTITIES
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.problems import KeyPath, Problem, did_you_mean, one_of, shown
from hardfin_pipelines.organizations.resolving import mapping_set, resolve_rules
from hardfin_pipelines.sync.entities import ROLE_OF_ENTITY, FieldType, field_of
from hardfin_pipelines.sync.mapping_rules import Conversion, EntityMapping, FieldRule
from hardfin_pipelines.sync.records import AccountDescription, PropertyDescription, PropertyType, Role
from hardfin_pipelines.sync.values import ValueProblem, read_value

_READABLE: Mapping[Conversion, frozenset[PropertyType]] = MappingProxyType(
    {
        "text": frozenset({"text", "number", "date", "datetime", "boolean", "option", "options", "other"}),
        "number": frozenset({"text", "number", "option"}),
        "money": frozenset({"text", "number", "option"}),
        "months": frozenset({"text", "number", "option"}),
        # HubSpot keeps some times as numbers: milliseconds since 1970.
        "date": frozenset({"text", "number", "date", "datetime", "option"}),
        "datetime": frozenset({"text", "number", "date", "datetime", "option"}),
        "boolean": frozenset({"text", "number", "boolean", "option"}),
        "option label": frozenset({"option", "options", "boolean"}),
        "list": frozenset({"text", "option", "options", "other"}),
    }
)
"""The vendor's field types whose values each conversion can read."""

_NATIVE: Mapping[FieldType, frozenset[PropertyType]] = MappingProxyType(
    {
        "text": _READABLE["text"],
        "decimal": _READABLE["number"],
        "integer": _READABLE["number"],
        "date": frozenset({"text", "date", "datetime", "option"}),
        "currency": frozenset({"text", "option"}),
    }
)
"""The vendor's field types that a Hardfin field takes where the mapping names no conversion."""

_WANTED: Mapping[FieldType, str] = MappingProxyType(
    {
        "text": "text",
        "decimal": "a number",
        "integer": "a whole number",
        "date": "a date",
        "currency": "a currency code",
    }
)


def check_against_account(connection: ConnectionConfiguration, account: AccountDescription) -> list[Problem]:
    """What the account cannot do of what a connection asks for.

    Args:
        connection: The connection's configuration.
        account: The vendor's description of the account.

    Returns:
        Problems by key path within the connection: unknown or ambiguous pipelines and stages, pipelines without a won
        stage, unknown or hidden fields, fields that cannot be read as asked.
    """
    if connection.status == "paused":
        return []
    _rules, problems = resolve_rules(connection, account, {})
    mappings = mapping_set(connection, account)
    for entity in MAPPED_ENTITIES[connection.kind]:
        problems.extend(mapping_problems(("mappings", entity), mappings[entity], account))
    for index, pipeline in enumerate(connection.pipelines):
        if pipeline.status == "active":
            problems.extend(_override_problems(connection, index, account))
    return problems


def problems_of_rule(connection: ConnectionConfiguration, index: int, account: AccountDescription) -> list[Problem]:
    """What the account cannot do of the mapping by which the deals of one pipeline rule sync.

    Args:
        connection: The connection's configuration.
        index: Which of its pipeline rules.
        account: The vendor's description of the account.

    Returns:
        Problems by key path within the connection: in the rule's own entries, and in those of the connection's
        mapping that the rule does not replace.
    """
    own = {entity: set(block) for entity, block in connection.pipelines[index].blocks().items()}
    problems: list[Problem] = []
    for entity, mapping in mapping_set(connection, account).items():
        used = EntityMapping(entity, tuple(rule for rule in mapping.rules if rule.target not in own.get(entity, ())))
        problems.extend(mapping_problems(("mappings", entity), used, account))
    problems.extend(_override_problems(connection, index, account))
    return problems


def _override_problems(
    connection: ConnectionConfiguration, index: int, account: AccountDescription
) -> Iterator[Problem]:
    for entity, block in connection.pipelines[index].blocks().items():
        override = EntityMapping(entity, tuple(entry.rule(target) for target, entry in block.items()))
        yield from mapping_problems(("pipelines", index, entity), override, account)


def mapping_problems(path: KeyPath, mapping: EntityMapping, account: AccountDescription) -> Iterator[Problem]:
    """What the account cannot do of one entity's mapping, by key path below `path`."""
    role = ROLE_OF_ENTITY[mapping.entity]
    properties = account.properties.get(role, {})
    archived = account.archived.get(role, {})
    for rule in mapping.rules:
        at: KeyPath = (*path, rule.target)
        missing = [text for source in rule.sources() if (text := _missing(source, role, properties, archived))]
        if missing:
            yield from (Problem(at, text) for text in missing)
        elif rule.source:
            about = field_of(mapping.entity, rule.target)
            unreadable = _unreadable(rule, about.type, properties[rule.source]) if about is not None else ""
            if unreadable:
                yield Problem(at, unreadable)


def _missing(
    source: str,
    role: Role,
    properties: Mapping[str, PropertyDescription],
    archived: Mapping[str, PropertyDescription],
) -> str:
    """Why the account cannot give a field, or ""."""
    noun = role.replace("_", " ")
    about = properties.get(source)
    if about is not None and not about.hidden:
        return ""
    if about is not None and about.needs:
        return (
            f"the {noun} field {shown(source)} is hidden from Hardfin's user: {about.needs} is missing; "
            "grant it and connect the account again, or map another field"
        )
    if about is not None:
        return f"the vendor hides the {noun} field {shown(source)}: show it there again, or map another field"
    visible = {name: each for name, each in properties.items() if not each.hidden}
    labelled = [name for name, each in visible.items() if each.label == source]
    if labelled:
        return f"expected the internal name of a {noun} field: {shown(source)} is the label of {shown(labelled[0])}"
    if source in archived:
        hint = _successor(archived[source].label, visible) or did_you_mean(source, visible)
        return f"the {noun} field {shown(source)} was archived: restore it at the vendor, or map another field{hint}"
    return f"the account has no {noun} field {shown(source)}{did_you_mean(source, visible)}"


def _successor(label: str, visible: Mapping[str, PropertyDescription]) -> str:
    """A hint at the fields that are called what an archived one was: a field is renamed by making another."""
    same = [name for name, each in visible.items() if each.label.casefold() == label.casefold()]
    if same:
        return f"; did you mean {one_of(same)}, which has the same label?"
    near = difflib.get_close_matches(label.casefold(), {each.label.casefold(): None for each in visible.values()})
    names = [name for text in near for name, each in visible.items() if each.label.casefold() == text]
    return f"; did you mean {one_of(names)}?" if names else ""


def _unreadable(rule: FieldRule, field_type: FieldType, about: PropertyDescription) -> str:
    """Why the values of a vendor field cannot fill the Hardfin field, or ""."""
    asked = f"as {rule.convert}" if rule.convert is not None else f"as {_WANTED[field_type]}"
    fitting = _NATIVE[field_type] if rule.convert is None else _READABLE[rule.convert]
    if about.type not in fitting or (rule.convert == "option label" and about.type == "boolean" and not about.options):
        return f"{shown(about.name)} holds {_HOLDS[about.type]}, which cannot be read {asked}"
    if about.type in {"option", "options"} and about.options:
        example, problem = next(iter(about.options)), None
        for value in about.options:
            problem = _reading_problem(value, rule, field_type, about)
            if problem is None:
                break
        if problem is not None:
            return f"none of the options of {shown(about.name)} can be read {asked}: {shown(example)} cannot, for one"
    if rule.default is not None and rule.convert == "option label":
        problem = _reading_problem(rule.default, rule, field_type, about)
        return f"the default cannot be read: {problem}" if problem is not None else ""
    return ""


def _reading_problem(
    value: str, rule: FieldRule, field_type: FieldType, about: PropertyDescription
) -> ValueProblem | None:
    try:
        read_value(value, field_type, rule.convert, about)
    except ValueProblem as problem:
        return problem
    return None


_HOLDS: Mapping[PropertyType, str] = MappingProxyType(
    {
        "text": "text",
        "number": "a number",
        "date": "a date",
        "datetime": "a time",
        "boolean": "true or false",
        "option": "one of its options",
        "options": "several of its options",
        "other": "a value of its own kind",
    }
)
