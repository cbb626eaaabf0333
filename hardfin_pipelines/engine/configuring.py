"""Applying documents with a second look at the accounts: what a document names may have come to an account today."""

from collections.abc import Sequence
from dataclasses import replace

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.call_budget import count_visit
from hardfin_pipelines.engine.configuration import ApplyResult, asks_other_objects
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.drift import fields_named
from hardfin_pipelines.engine.opening import CRMS
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.account_descriptions import description_from_json, description_to_json
from hardfin_pipelines.organizations.checking import check_against_account
from hardfin_pipelines.organizations.computed_fields import computed_fields
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.problems import ConfigurationError, Problem
from hardfin_pipelines.organizations.resolving import mapping_set
from hardfin_pipelines.platform.connection_store import (
    ConnectionNotFound,
    ConnectionRow,
    get_connection,
    save_description,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import connection_id
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.sync.records import AccountDescription


async def configure(
    deployment: Deployment,
    documents: Sequence[OrganizationDocument],
    *,
    actor: str,
    dry_run: bool = False,
    reason: str = "",
) -> list[ApplyResult]:
    """Make organizations what their documents say (`configuration.apply`).

    Where an account as last described cannot do what a document asks of it, it is described again, once: a handful of
    calls. An account that cannot be asked is taken as it was, unless the document has other objects of it be read.

    Raises:
        ConfigurationError: A plan does not have what a document asks for, or an account cannot do it; nothing was
            applied.
    """
    described = await _describe_other_objects(deployment, documents)

    def apply() -> list[ApplyResult]:
        now = deployment.now()
        return configuration.apply(
            deployment.engine, documents, actor=actor, now=now, dry_run=dry_run, reason=reason, described=described
        )

    try:
        return apply()
    except ConfigurationError:
        if not await _look_again(deployment, documents):
            raise
    return apply()


def computed_remarks(deployment: Deployment, documents: Sequence[OrganizationDocument]) -> list[str]:
    """What to know of mapped fields that a CRM computes, a line each, as far as the accounts are described."""
    remarks: list[str] = []
    for document in documents:
        org = document.configuration.organization
        for wanted in document.configuration.connections:
            row = _described(deployment, org, wanted)
            if row is None or row.description is None:
                continue
            account = description_from_json(row.description)
            lines = computed_fields(mapping_set(wanted, account), account.properties, fields_named(wanted))
            remarks.extend(f"{row.connection_id}: {line}" for line in lines)
    return remarks


async def _describe_other_objects(
    deployment: Deployment, documents: Sequence[OrganizationDocument]
) -> dict[str, AccountDescription]:
    """What accounts say of objects that documents have their connections read from now on, by connection."""
    described: dict[str, AccountDescription] = {}
    for document in documents:
        for index, wanted in enumerate(document.configuration.connections):
            row = _described(deployment, document.configuration.organization, wanted)
            if row is None or not asks_other_objects(row, wanted):
                continue
            try:
                as_wanted = replace(row, configuration=wanted.document(), description=None)
                described[row.connection_id] = await _description(deployment, as_wanted, wanted)
            except (VendorError, Refusal, SecretsError) as error:
                problem = Problem(("connections", index, "objects"), f"cannot be looked at: {error}")
                raise ConfigurationError(document.located([problem])) from None
    return described


async def _look_again(deployment: Deployment, documents: Sequence[OrganizationDocument]) -> bool:
    """Describe the accounts that lack something a document names; whether any was described."""
    described = False
    for document in documents:
        org = document.configuration.organization
        for wanted in document.configuration.connections:
            row = _described(deployment, org, wanted)
            if row is not None and not asks_other_objects(row, wanted) and _lacks_something(row, wanted):
                described = await _describe(deployment, row, wanted) or described
    return described


def _described(deployment: Deployment, org: str, wanted: ConnectionConfiguration) -> ConnectionRow | None:
    """The connection, where it is to a CRM whose account was described."""
    if wanted.integration not in CRMS:
        return None
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, org, connection_id(org, wanted.integration))
        except ConnectionNotFound:
            return None
    return None if row.description is None else row


def _lacks_something(row: ConnectionRow, wanted: ConnectionConfiguration) -> bool:
    return row.description is not None and bool(check_against_account(wanted, description_from_json(row.description)))


async def _description(
    deployment: Deployment, row: ConnectionRow, wanted: ConnectionConfiguration
) -> AccountDescription:
    connector = deployment.connector(row, purpose="describe")
    try:
        return await connector.describe(fields_named(wanted))
    finally:
        count_visit(deployment, row.org, row.connection_id, "describe", connector.calls)
        await connector.aclose()


async def _describe(deployment: Deployment, row: ConnectionRow, wanted: ConnectionConfiguration) -> bool:
    try:
        description = await _description(deployment, row, wanted)
    except (VendorError, Refusal, SecretsError):
        return False
    with writing(deployment.engine) as connection:
        save_description(connection, row.org, row.connection_id, description_to_json(description), deployment.now())
    return True
