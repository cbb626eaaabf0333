"""Making a stored connection ready to sync: its rules found in the account, its mapping checked against it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import CrmConnector
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.call_budget import count_visit
from hardfin_pipelines.engine.crm_connection import CrmConnection, fields_to_read
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.drift import (
    LOOK_AGAIN,
    every_rule_held,
    fields_named,
    is_settled,
    names_found,
    newly_held,
    settle_rules,
)
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.account_descriptions import description_from_json, description_to_json
from hardfin_pipelines.organizations.integrations import KINDS
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.resolution import Resolution, resolve
from hardfin_pipelines.platform.connection_store import (
    ConnectionNotFound,
    ConnectionRow,
    get_connection,
    list_connections,
    save_description,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import enable
from hardfin_pipelines.platform.rule_holds import take_wholly_held
from hardfin_pipelines.platform.rule_store import StoredRule, load_rules
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.sync.cadence import Tier
from hardfin_pipelines.sync.first_sync import Context
from hardfin_pipelines.sync.records import AccountDescription
from hardfin_pipelines.sync.status_wording import status_in_words

CRMS = frozenset(name for name, kind in KINDS.items() if kind == "CRM")

_COMMANDS = {"paused": "resume", "not connected": "connect"}

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
        states = "; ".join(map(how_it_stands, crm)) or "it has no CRM connection"
        raise Refusal(f"{org}: no active CRM connection to sync: {states}")
    return active


def open_crm_connection(deployment: Deployment, org: str, connection_id: str) -> CrmConnection:
    """A connection ready to sync, by the account's description as last read.

    Raises:
        Refusal: There is no such connection, it is not active, its account was never described, or it lacks what every
            rule needs.
    """
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, org, connection_id)
        except ConnectionNotFound as error:
            raise Refusal(str(error)) from None
    if row.status != "active":
        raise Refusal(f"it is not synced: {how_it_stands(row)}")
    if row.description is None:
        raise Refusal(f"{connection_id}: its account was never described; connect it again")
    resolution, stored = _resolved(deployment, row, description_from_json(row.description))
    if resolution.held and not resolution.runnable:
        raise Refusal(str(every_rule_held(row, resolution)))
    return _ready(deployment, row, description_from_json(row.description), resolution, stored)


def prepare(deployment: Deployment, row: ConnectionRow, now: datetime) -> CrmConnection | None:
    """The connection made ready; None where the account's description is missing, too old, or lacks what is asked for.

    What it lacks may be there by now: then it is read again, once for every new lack, and hourly from then on. A rule
    that can run again by the description as it is (the document was mended) is released here.
    """
    if row.description is None or row.described_at is None:
        return None
    description = description_from_json(row.description)
    resolution, stored = _resolved(deployment, row, description)
    age = now - row.described_at
    if age > (LOOK_AGAIN if resolution.held else DESCRIPTION_AGE) or newly_held(resolution, stored):
        return None
    if resolution.held and not resolution.runnable:
        return None
    if not is_settled(resolution, stored):
        with writing(deployment.engine) as connection:
            settle_rules(connection, row, resolution, description.described_at, now)
            stored = load_rules(connection, row.org, row.connection_id)
    return _ready(deployment, row, description, resolution, stored)


async def describe(deployment: Deployment, row: ConnectionRow, connector: CrmConnector) -> CrmConnection:
    """Read the account's description, keep it, hold or release rules by it, and make the connection ready.

    Raises:
        VendorError: The vendor refused or failed.
        EveryRuleHeld: The account lacks what each of the connection's rules needs; a person must act.
    """
    description = await connector.describe(fields_named(_configuration(row)))
    now = deployment.now()
    with writing(deployment.engine) as connection:
        save_description(connection, row.org, row.connection_id, description_to_json(description), now)
        described = get_connection(connection, row.org, row.connection_id)
        stored = load_rules(connection, row.org, row.connection_id)
        resolution = _resolution(described, description, stored)
        settle_rules(connection, described, resolution, description.described_at, now)
        stored = load_rules(connection, row.org, row.connection_id)
    if resolution.held and not resolution.runnable:
        raise every_rule_held(described, resolution)
    return _ready(deployment, described, description, resolution, stored)


async def look_again_at_held(deployment: Deployment, tier: Tier, *, org: str = "") -> dict[str, VendorError | Refusal]:
    """Describe the accounts that hold up all rules of their connection again; what can run again becomes active.

    Args:
        deployment: The deployment.
        tier: The cadence.
        org: Only this organization's connections, whether it is time or not; "" for those it is time for.

    Returns:
        Why connections still wait, by connection; each of them says so itself already.
    """
    now = deployment.now()
    with writing(deployment.engine) as connection:
        rows = take_wholly_held(connection, tier, now, again_after=LOOK_AGAIN, org=org)
    waiting: dict[str, VendorError | Refusal] = {}
    for row in rows:
        try:
            await _describe_held(deployment, row)
        except (VendorError, Refusal) as error:
            note_failure(deployment, row, error)
            waiting[row.connection_id] = error
    return waiting


async def _describe_held(deployment: Deployment, row: ConnectionRow) -> None:
    try:
        connector = deployment.connector(row, purpose="describe")
    except SecretsError as error:
        raise Refusal(str(error)) from None
    try:
        await describe(deployment, row, connector)
    finally:
        count_visit(deployment, row.org, row.connection_id, "describe", connector.calls)
        await connector.aclose()
    with writing(deployment.engine) as connection:
        # A person may have paused or disconnected it meanwhile.
        held = get_connection(connection, row.org, row.connection_id, for_update=True)
        if held.status == "needs attention" and held.status_reason == row.status_reason:
            enable(connection, row.org, row.connection_id, deployment.now())


def prepared_from(
    deployment: Deployment,
    row: ConnectionRow,
    configuration: ConnectionConfiguration,
    description: AccountDescription,
    stored: Sequence[StoredRule] | None = None,
) -> CrmConnection:
    """A connection ready to sync by a configuration and a description that need not be stored.

    Rules that the account cannot serve are held, not refused: `held` says why, `problems` has everything.

    Args:
        deployment: The deployment.
        row: The connection as stored; for one that is not, as it would be.
        configuration: The connection's part of a document.
        description: The vendor's description of the account.
        stored: What is remembered of its rules (when they were first active, what their names stood for); by default
            what the store has.
    """
    if stored is None:
        with reading(deployment.engine) as connection:
            stored = load_rules(connection, row.org, row.connection_id)
    since = {each.rule.pipeline: each.active_since for each in stored}
    resolution = resolve(configuration, description, since, names_found(stored))
    return _ready(deployment, row, description, resolution, stored)


def _resolved(
    deployment: Deployment, row: ConnectionRow, description: AccountDescription
) -> tuple[Resolution, list[StoredRule]]:
    with reading(deployment.engine) as connection:
        stored = load_rules(connection, row.org, row.connection_id)
    return _resolution(row, description, stored), stored


def _resolution(row: ConnectionRow, description: AccountDescription, stored: Sequence[StoredRule]) -> Resolution:
    since = {each.rule.pipeline: each.active_since for each in stored}
    return resolve(_configuration(row), description, since, names_found(stored))


def _ready(
    deployment: Deployment,
    row: ConnectionRow,
    description: AccountDescription,
    resolution: Resolution,
    stored: Sequence[StoredRule],
) -> CrmConnection:
    context = Context(
        row.org,
        row.connection_id,
        resolution.rules,
        resolution.mappings,
        description.properties,
        description.described_at,
    )
    held = {each.pipeline for each in resolution.held}
    missed = {
        each.rule.pipeline: each.unseen_since
        for each in stored
        if each.unseen_since is not None and each.rule.status == "active" and each.rule.pipeline not in held
    }
    return CrmConnection(
        deployment.engine,
        deployment.destination,
        row,
        context,
        fields_to_read(context, description),
        description.described_at,
        resolution.held,
        resolution.problems,
        missed,
        deployment.vendors.shows_late(row.integration),
    )


def _configuration(row: ConnectionRow) -> ConnectionConfiguration:
    return ConnectionConfiguration.model_validate(row.configuration)


def how_it_stands(row: ConnectionRow) -> str:
    """What keeps a connection from being visited, and what a person can do about it, in one line."""
    told = f"{row.connection_id} {status_in_words(row.status, row.status_reason)}"
    command = _COMMANDS.get(row.status)
    return told if command is None else f"{told}; {command} it with `hardfin org {command} {row.org} {row.integration}`"
