"""Applying the documents of organizations to the store, and giving them back."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from hardfin_pipelines.organizations import writing as documents_as_text
from hardfin_pipelines.organizations.account_descriptions import description_from_json, description_to_json
from hardfin_pipelines.organizations.checking import check_against_account
from hardfin_pipelines.organizations.difference import Change, difference
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.organizations.models import ConnectionConfiguration, OrganizationConfiguration
from hardfin_pipelines.organizations.plans import Plans, load_plans
from hardfin_pipelines.organizations.problems import ConfigurationError, Problem
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import ConnectionRow, save_description
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import (
    ConnectionPart,
    OrganizationNotFound,
    OrganizationPart,
    StoredOrganization,
    connection_id,
    load_organization,
    write_organization,
)
from hardfin_pipelines.platform.rule_store import RulePart
from hardfin_pipelines.sync.records import AccountDescription

_ATTEMPTS = 3
_OTHER_OBJECTS = (
    "are others than the connection reads now: apply the document first, which asks the account what they hold"
)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What applying one document changed, or would change.

    Attributes:
        org: The organization.
        created: Whether it is new.
        changes: What changes; empty where it is as the document says already.
        revision: Its revision afterwards; the present one (0 for a new organization) where nothing was written.
        written: Whether anything was written.
    """

    org: str
    created: bool
    changes: tuple[Change, ...] = field(repr=False)
    revision: int
    written: bool


def apply(
    engine: Engine,
    documents: Sequence[OrganizationDocument],
    *,
    plans: Plans | None = None,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    reason: str = "",
    described: Mapping[str, AccountDescription] = MappingProxyType({}),
) -> list[ApplyResult]:
    """Make organizations what their documents say, all in one transaction, or find out what that would change.

    An organization that is as its document says already gets no new revision and no audit event.

    Args:
        engine: The store.
        documents: One for each organization.
        plans: What the plans include; by default those that come with the product.
        actor: Who applies them, for the audit.
        now: Our clock.
        dry_run: Write nothing.
        reason: Why, for the audit.
        described: Descriptions to go by instead of those kept, by connection; they are kept with the documents.

    Returns:
        One result for each document, in their order.

    Raises:
        ConfigurationError: A plan does not have what a document asks for, or an account cannot do it; nothing was
            written.
    """
    plans = plans or load_plans()
    cause = Cause(actor, reason or "the organization's document was applied", now)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with reading(engine) if dry_run else writing(engine) as connection:
                return _apply_all(connection, documents, plans, None if dry_run else cause, described)
        except IntegrityError:  # another process created one of the organizations meanwhile: it is there now
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError  # the loop returns or raises


def export(engine: Engine, org: str) -> str:
    """An organization's document as YAML; applied again, it changes nothing.

    Raises:
        OrganizationNotFound: There is no such organization.
    """
    with reading(engine) as connection:
        return documents_as_text.to_yaml(load_organization(connection, org).document)


def json_schema(plans: Plans | None = None) -> dict[str, Any]:
    """The JSON schema of an organization's YAML, for editors."""
    return documents_as_text.json_schema(plans or load_plans())


def asks_other_objects(row: ConnectionRow, wanted: ConnectionConfiguration) -> bool:
    """Whether a document has a connection read other objects than it does now."""
    return row.configuration.get("objects") != wanted.document().get("objects")


def _apply_all(
    connection: Connection,
    documents: Sequence[OrganizationDocument],
    plans: Plans,
    cause: Cause | None,
    described: Mapping[str, AccountDescription],
) -> list[ApplyResult]:
    # In one order everywhere, so that two that apply the same organizations cannot wait for each other.
    ordered = sorted(documents, key=lambda document: document.configuration.organization)
    stored = {
        document.configuration.organization: _stored(connection, document, locked=cause is not None)
        for document in ordered
    }
    problems: list[Problem] = []
    for document in documents:
        known = stored[document.configuration.organization]
        problems.extend(document.located(_problems(document, known, plans, described)))
    problems.extend(_repeated(documents))
    if problems:
        raise ConfigurationError(problems)
    results = {
        document.configuration.organization: _apply_one(
            connection, document.configuration, stored[document.configuration.organization], plans, cause, described
        )
        for document in ordered
    }
    return [results[document.configuration.organization] for document in documents]


def _stored(connection: Connection, document: OrganizationDocument, *, locked: bool) -> StoredOrganization | None:
    try:
        return load_organization(connection, document.configuration.organization, for_update=locked)
    except OrganizationNotFound:
        return None


def _repeated(documents: Sequence[OrganizationDocument]) -> list[Problem]:
    seen: set[str] = set()
    problems: list[Problem] = []
    for document in documents:
        slug = document.configuration.organization
        if slug in seen:
            problems += document.located([Problem(("organization",), f'"{slug}" has two documents: keep one')])
        seen.add(slug)
    return problems


def _problems(
    document: OrganizationDocument,
    stored: StoredOrganization | None,
    plans: Plans,
    described: Mapping[str, AccountDescription],
) -> list[Problem]:
    configuration = document.configuration
    problems = plans.check(configuration.document())
    for index, connection in enumerate(configuration.connections):
        identifier = connection_id(configuration.organization, connection.integration)
        row = stored.connections.get(identifier) if stored else None
        if row is None or row.description is None:
            continue
        if identifier in described:
            found = check_against_account(connection, described[identifier])
        elif asks_other_objects(row, connection):
            found = [Problem(("objects",), _OTHER_OBJECTS)]
        else:
            found = _new_problems(connection, row)
        problems.extend(problem.below(("connections", index)) for problem in found)
    return problems


def _new_problems(connection: ConnectionConfiguration, row: ConnectionRow) -> list[Problem]:
    """What the account cannot do of a connection's part, but for what the stored part asks for as well.

    Those hold rules already; a document that changes something else must not be refused for them.
    """
    assert row.description is not None  # noqa: S101  # asked before; for the type checker
    description = description_from_json(row.description)
    known: set[tuple[object, str]] = set()
    with contextlib.suppress(ValidationError):  # nothing is stored, or what an earlier release could read
        stored = ConnectionConfiguration.model_validate(row.configuration)
        known = {_thing(stored, problem) for problem in check_against_account(stored, description)}
    found = check_against_account(connection, description)
    return [problem for problem in found if _thing(connection, problem) not in known]


def _thing(connection: ConnectionConfiguration, problem: Problem) -> tuple[object, str]:
    """What a problem is about, wherever its pipeline stands in the list."""
    if len(problem.path) > 1 and problem.path[0] == "pipelines" and isinstance(problem.path[1], int):
        return (connection.pipelines[problem.path[1]].pipeline, *problem.path[2:]), problem.message
    return problem.path, problem.message


def _apply_one(
    connection: Connection,
    configuration: OrganizationConfiguration,
    stored: StoredOrganization | None,
    plans: Plans,
    cause: Cause | None,
    described: Mapping[str, AccountDescription],
) -> ApplyResult:
    changes = difference(stored.document if stored else None, configuration.document())
    revision = stored.revision if stored else 0
    written = bool(changes) and cause is not None
    if changes and cause is not None:
        audited: Mapping[str, tuple[Any, Any]] = {change.path: (change.old, change.new) for change in changes}
        revision = write_organization(connection, _part(configuration, plans), audited, cause, present=revision)
        for each in configuration.connections:
            identifier = connection_id(configuration.organization, each.integration)
            if identifier in described:
                new = description_to_json(described[identifier])
                save_description(connection, configuration.organization, identifier, new, cause.at)
    return ApplyResult(configuration.organization, stored is None, changes, revision, written)


def _part(configuration: OrganizationConfiguration, plans: Plans) -> OrganizationPart:
    return OrganizationPart(
        org=configuration.organization,
        name=configuration.name or configuration.organization,
        plan=configuration.plan,
        add_ons=tuple(sorted(configuration.add_ons)),
        document=configuration.document(),
        connections=tuple(_connection_part(each, configuration, plans) for each in configuration.connections),
    )


def _connection_part(
    connection: ConnectionConfiguration, configuration: OrganizationConfiguration, plans: Plans
) -> ConnectionPart:
    return ConnectionPart(
        integration=connection.integration,
        cadence=plans.cadence(configuration.plan, connection.cadence),
        start_date=connection.start_date,
        configuration=connection.document(),
        rules=tuple(
            RulePart(
                pipeline=rule.pipeline,
                trigger_stages=rule.trigger_stages,
                status=rule.status,
                overrides=rule.blocks_document(),
            )
            for rule in connection.pipelines
        ),
    )
