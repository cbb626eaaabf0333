"""What must hold between the parts of an organization's document.

The checks look at the document as read, which need not be valid yet: so one reading finds everything that is wrong.
What is missing or of a wrong type is the models' to complain about.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from hardfin_pipelines.organizations.default_mappings import default_blocks
from hardfin_pipelines.organizations.integrations import INTEGRATIONS, KINDS, MAPPED_ENTITIES, NAMES, Integration
from hardfin_pipelines.organizations.mapping_entries import MappingEntry, entry_problems, named
from hardfin_pipelines.organizations.problems import KeyPath, Problem, shown
from hardfin_pipelines.organizations.salesforce_objects import object_problems
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ENTITY_TYPES


def consistency_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Duplicates, parts that an integration has no use for, required fields that nothing fills, useless entries.

    Args:
        document: The document of an organization, as read.
    """
    problems = list(_duplicates(_texts(document.get("add_ons"), ("add_ons",)), "add-on"))
    connections = list(_blocks(document.get("connections"), ("connections",)))
    integrations = [((*path, "integration"), connection.get("integration")) for path, connection in connections]
    problems.extend(_duplicates(integrations, "connection to", "an organization has one for each integration"))
    for path, connection in connections:
        integration = next((name for name in INTEGRATIONS if name == connection.get("integration")), None)
        problems.extend(_connection_problems(path, connection, integration))
    return problems


def _connection_problems(
    path: KeyPath, connection: Mapping[str, Any], integration: Integration | None
) -> Iterator[Problem]:
    pipelines = list(_blocks(connection.get("pipelines"), (*path, "pipelines")))
    yield from _duplicates([((*at, "pipeline"), rule.get("pipeline")) for at, rule in pipelines], "rule for pipeline")
    for at, rule in pipelines:
        stages = rule.get("trigger_stages")
        yield from _duplicates(_texts(stages, (*at, "trigger_stages")), "stage")
        yield from _entries_problems(at, rule)
    mappings = connection.get("mappings")
    mappings = mappings if isinstance(mappings, Mapping) else {}
    yield from _entries_problems((*path, "mappings"), mappings)
    if integration is None:
        return
    yield from _login_problems(path, connection.get("login"), integration)
    yield from _object_problems((*path, "objects"), connection.get("objects"), integration)
    yield from _netsuite_problems(path, connection, integration)
    if KINDS[integration] == "ERP":
        yield from _crm_only_problems(path, connection, integration)
    elif pipelines:
        yield from _required_problems((*path, "mappings"), mappings, integration)


def _login_problems(path: KeyPath, login: Any, integration: Integration) -> Iterator[Problem]:
    if login is None:
        return
    if integration != "salesforce":
        yield Problem((*path, "login"), f"{NAMES[integration]} has one way to sign in: leave login out")
    elif isinstance(login, Mapping):
        flow, user = login.get("flow", "consent"), login.get("user")
        if flow == "jwt_bearer" and not user:
            yield Problem((*path, "login", "user"), "expected the Salesforce user to act as: jwt_bearer needs one")
        if flow != "jwt_bearer" and user:
            yield Problem((*path, "login", "user"), f"the flow {shown(str(flow))} names no user: leave user out")
        if flow == "client_credentials" and not login.get("url"):
            text = "expected the org's My Domain address: Salesforce takes client_credentials nowhere else"
            yield Problem((*path, "login", "url"), text)


def _object_problems(path: KeyPath, objects: Any, integration: Integration) -> Iterator[Problem]:
    if objects is None:
        return
    if integration != "salesforce":
        yield Problem(path, f"{NAMES[integration]} has the same objects in every account: leave objects out")
    elif isinstance(objects, Mapping):
        yield from object_problems(path, objects)


def _netsuite_problems(path: KeyPath, connection: Mapping[str, Any], integration: Integration) -> Iterator[Problem]:
    account = connection.get("netsuite")
    if integration == "netsuite" and account is None:
        text = "expected the account to connect to, such as {account: 1234567, certificate: CERTIFICATE_ID}"
        yield Problem((*path, "netsuite"), text)
    elif integration != "netsuite" and account is not None:
        yield Problem((*path, "netsuite"), f"{NAMES[integration]} is not NetSuite: leave netsuite out")


def _crm_only_problems(path: KeyPath, connection: Mapping[str, Any], integration: Integration) -> Iterator[Problem]:
    for key in ("pipelines", "files"):
        if connection.get(key) not in (None, [], ()):
            yield Problem((*path, key), f"{NAMES[integration]} has no deals: leave {key} out")
    mappings = connection.get("mappings")
    for entity in mappings if isinstance(mappings, Mapping) else ():
        if entity in ENTITY_TYPES and entity not in MAPPED_ENTITIES["ERP"]:
            yield Problem((*path, "mappings", entity), f"{NAMES[integration]} fills only items: leave {entity} out")


def _required_problems(path: KeyPath, mappings: Mapping[str, Any], integration: Integration) -> Iterator[Problem]:
    """Required Hardfin fields that neither the connection nor the integration's own mapping fills."""
    defaults = default_blocks(integration)
    for entity in MAPPED_ENTITIES["CRM"]:
        block = mappings.get(entity)
        filled = {*(block if isinstance(block, Mapping) else ()), *defaults.get(entity, ())}
        for target, about in ENTITY_FIELDS[entity].items():
            if about.required and target not in filled:
                yield Problem(
                    (*path, entity, target),
                    f"expected the {NAMES[integration]} field with {about.description}: "
                    f"{named(entity)} cannot do without it",
                )


def _entries_problems(path: KeyPath, blocks: Mapping[str, Any]) -> Iterator[Problem]:
    for entity in ENTITY_TYPES:
        block = blocks.get(entity)
        for target, value in block.items() if isinstance(block, Mapping) else ():
            entry = _entry(value)
            if entry is not None:
                yield from entry_problems(entity, str(target), entry, (*path, entity, str(target)))


def _entry(value: Any) -> MappingEntry | None:
    try:
        return MappingEntry.model_validate(value)
    except ValidationError:
        return None  # the models complain about it


def _blocks(listed: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    for index, block in enumerate(listed if isinstance(listed, list | tuple) else ()):
        if isinstance(block, Mapping):
            yield (*path, index), block


def _texts(listed: Any, path: KeyPath) -> list[tuple[KeyPath, Any]]:
    return [((*path, index), value) for index, value in enumerate(listed if isinstance(listed, list | tuple) else ())]


def _duplicates(found: Sequence[tuple[KeyPath, Any]], what: str, why: str = "") -> Iterator[Problem]:
    first: dict[str, KeyPath] = {}
    for path, value in found:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            continue
        if str(value) in first:
            yield Problem(path, f"is a second {what} {shown(str(value))}: keep one{why and f' ({why})'}")
        first.setdefault(str(value), path)
