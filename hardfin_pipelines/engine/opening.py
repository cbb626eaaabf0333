"""Making a stored connection ready to sync: its rules found in the account, its mapping checked against it."""

from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import CrmConnector
from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.engine.crm_connection import CrmConnection, fields_to_read
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.account_descriptions import description_from_json, description_to_json
from hardfin_pipelines.organizations.checking import check_against_account
from hardfin_pipelines.organizations.integrations import KINDS
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.resolving import mapping_set, resolve_rules
from hardfin_pipelines.platform.connection_store import (
    ConnectionNotFound,
    ConnectionRow,
    get_connection,
    list_connections,
    save_description,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import load_rules
from hardfin_pipelines.sync.first_sync import Context

CRMS = frozenset(name for name, kind in KINDS.items() if kind == "CRM")

DESCRIPTION_AGE = timedelta(days=1)
"""How old a description of an account may be before it is read again: it costs a handful of calls."""


def active_crm_connections(deployment: Deployment, org: str) -> list[ConnectionRow]:
    """The organization's active CRM connections.

    Raises:
        Refusal: It has none, with what its connections are.
    """
    with reading(deployment.engine) as connection:
        rows = list_connections(connection, org)
    crm = [row for row in rows if row.integration in CRMS]
    active = [row for row in crm if row.status == "active"]
    if not active:
        states = "; ".join(f"{row.connection_id} is {_state(row)}" for row in crm) or "it has no CRM connection"
        raise Refusal(f"{org}: no active CRM connection to sync: {states}")
    return active


def open_crm_connection(deployment: Deployment, org: str, connection_id: str) -> CrmConnection:
    """A connection ready to sync, by the account's description as last read.

    Raises:
        Refusal: There is no such connection, it is not active, or its account was never described.
    """
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, org, connection_id)
        except ConnectionNotFound as error:
            raise Refusal(str(error)) from None
    if row.status != "active":
        raise Refusal(f"{connection_id} is {_state(row)}: it is not synced")
    crm = _prepared(deployment, row)
    if crm is None:
        raise Refusal(f"{connection_id}: its account was never described; connect it again")
    return crm


def prepare(deployment: Deployment, row: ConnectionRow, now: datetime) -> CrmConnection | None:
    """The connection made ready; None where the account's description is missing, too old, or lacks what is asked for.

    What it lacks may be there by now, for a person has been asked to see to it: then it is read again.
    """
    if row.described_at is None or now - row.described_at > DESCRIPTION_AGE:
        return None
    try:
        return _prepared(deployment, row)
    except UnknownField:
        return None


async def describe(deployment: Deployment, row: ConnectionRow, connector: CrmConnector) -> CrmConnection:
    """Read the account's description, keep it, and make the connection ready by it.

    Raises:
        VendorError: The vendor refused or failed.
        UnknownField: The configuration names what the account does not have; a person must act.
    """
    description = await connector.describe()
    with writing(deployment.engine) as connection:
        save_description(connection, row.org, row.connection_id, description_to_json(description), deployment.now())
        described = get_connection(connection, row.org, row.connection_id)
    problems = check_against_account(_configuration(row), description)
    if problems:
        raise UnknownField(row.integration, f"{row.connection_id}: " + "; ".join(map(str, problems)))
    crm = _prepared(deployment, described)
    assert crm is not None  # noqa: S101  # it has just been described; for the type checker
    return crm


def _prepared(deployment: Deployment, row: ConnectionRow) -> CrmConnection | None:
    if row.description is None:
        return None
    description = description_from_json(row.description)
    configuration = _configuration(row)
    with reading(deployment.engine) as connection:
        stored = load_rules(connection, row.org, row.connection_id)
    since = {each.rule.pipeline: each.active_since for each in stored}
    rules, problems = resolve_rules(configuration, description, since)
    if problems:
        raise UnknownField(row.integration, f"{row.connection_id}: " + "; ".join(map(str, problems)))
    context = Context(
        row.org, row.connection_id, tuple(rules), mapping_set(configuration, description), description.properties
    )
    return CrmConnection(
        deployment.engine,
        deployment.destination,
        row,
        context,
        fields_to_read(context, description),
        description.described_at,
    )


def _configuration(row: ConnectionRow) -> ConnectionConfiguration:
    return ConnectionConfiguration.model_validate(row.configuration)


def _state(row: ConnectionRow) -> str:
    return f"{row.status} ({row.status_reason})" if row.status_reason else row.status
