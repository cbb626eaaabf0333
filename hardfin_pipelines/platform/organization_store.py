"""Organizations as stored: their documents and revisions, and what of a document becomes rows of its own.

The store keeps documents as JSON and understands nothing of them: whoever applies one says which rows it asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.connection_store import (
    TRANSITIONS,
    ConnectionRow,
    ConnectionStatus,
    get_connection,
    list_connections,
    set_status,
)
from hardfin_pipelines.platform.credential_store import forget_credential
from hardfin_pipelines.platform.rule_store import RulePart, rules_of, write_rules
from hardfin_pipelines.platform.tables import (
    connections,
    credentials,
    organization_revisions,
    organizations,
    pipeline_rules,
)
from hardfin_pipelines.sync.cadence import Tier, next_due


class OrganizationNotFound(LookupError):
    """There is no such organization."""


@dataclass(frozen=True, slots=True)
class ConnectionPart:
    """What a document says of one connection.

    Attributes:
        integration: The kind of vendor system.
        cadence: How often it is visited.
        start_date: Records modified since are loaded at first.
        configuration: The connection's part of the document. One without `pipelines` syncs without pipeline rules.
        rules: Its pipeline rules.
    """

    integration: str
    cadence: Tier
    start_date: date | None
    configuration: Mapping[str, Any]
    rules: tuple[RulePart, ...] = ()


@dataclass(frozen=True, slots=True)
class OrganizationPart:
    """An organization to be stored.

    Attributes:
        org: Its slug.
        name: What people call it.
        plan: Its plan.
        add_ons: Its add-ons.
        document: The whole document, as JSON.
        connections: What it says of each connection.
    """

    org: str
    name: str
    plan: str
    add_ons: tuple[str, ...]
    document: Mapping[str, Any]
    connections: tuple[ConnectionPart, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredOrganization:
    """An organization as stored.

    Attributes:
        org: Its slug.
        name: What people call it.
        plan: Its plan.
        add_ons: Its add-ons.
        revision: How many times it was applied with changes.
        document: Its document as last applied.
        connections: Its connections by id, those that left the document too.
    """

    org: str
    name: str
    plan: str
    add_ons: tuple[str, ...]
    revision: int
    document: Mapping[str, Any]
    connections: Mapping[str, ConnectionRow]


def connection_id(org: str, integration: str) -> str:
    """The id of an organization's connection to an integration."""
    return f"{org}:{integration}"


def list_organizations(connection: Connection) -> list[str]:
    """The slugs of all organizations, in order."""
    return list(connection.scalars(select(organizations.c.org).order_by(organizations.c.org)))


def load_organization(connection: Connection, org: str, *, for_update: bool = False) -> StoredOrganization:
    """One organization.

    Args:
        connection: An open transaction.
        org: Its slug.
        for_update: Keep others from changing it until the transaction ends.

    Raises:
        OrganizationNotFound: There is no such organization.
    """
    query = select(organizations).where(organizations.c.org == org)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        raise OrganizationNotFound(f"there is no organization {org}")
    document: Mapping[str, Any] | None = connection.scalar(
        select(organization_revisions.c.document).where(
            organization_revisions.c.org == org, organization_revisions.c.revision == row.revision
        )
    )
    return StoredOrganization(
        org=row.org,
        name=row.name,
        plan=row.plan,
        add_ons=tuple(row.add_ons),
        revision=row.revision,
        document=document or {},
        connections={each.connection_id: each for each in list_connections(connection, org)},
    )


def write_organization(
    connection: Connection,
    wanted: OrganizationPart,
    changes: Mapping[str, tuple[Any, Any]],
    cause: Cause,
    *,
    present: int,
) -> int:
    """Store an organization as a new revision, in the caller's transaction.

    A connection that is new is not connected yet. One that stays keeps its status, account, description, cursors and
    the times its rules were first active; what was said of it takes effect at once. One that is gone is disconnected:
    its credentials are deleted and its rules paused; its links and its ledger stay, so that connecting it again
    syncs nothing twice.

    Args:
        connection: An open transaction, in which `changes` were found.
        wanted: The organization as it shall be.
        changes: Key path to (before, after), for the audit.
        cause: Who does it, and why.
        present: The revision that `changes` start from, read for update; 0 for a new organization.

    Returns:
        The new revision.

    Raises:
        sqlalchemy.exc.IntegrityError: Another process has created the organization meanwhile.
    """
    revision = _write_head(connection, wanted, cause, present)
    record_audit(
        connection, wanted.org, [AuditEvent("organization.applied", "organization", wanted.org, cause, changes)]
    )
    rows = {each.connection_id: each for each in list_connections(connection, wanted.org)}
    parts = {connection_id(wanted.org, part.integration): part for part in wanted.connections}
    for identifier, part in sorted(parts.items()):
        _write_connection(connection, wanted.org, part, rows.get(identifier), cause)
    for identifier in sorted(rows.keys() - parts.keys()):
        _remove_connection(connection, rows[identifier], cause)
    return revision


def enable(
    connection: Connection, org: str, of_connection: str, now: datetime, *, actor: str = "sync"
) -> ConnectionStatus:
    """Bring a connection to the status that its credentials and its configuration give it.

    To be called when a connection has got its credentials, or when a person wants one back that is paused or needs
    attention. The first time that it has both credentials and an active rule it becomes active, which sets
    `enabled_at`; each rule that is active for the first time remembers when.

    Returns:
        Its status now.

    Raises:
        ConnectionNotFound: The organization has no such connection.
    """
    return _settle(connection, org, of_connection, Cause(actor, "credentials and configuration are there", now))


def _write_head(connection: Connection, wanted: OrganizationPart, cause: Cause, present: int) -> int:
    revision = present + 1
    values = {
        "name": wanted.name,
        "plan": wanted.plan,
        "add_ons": list(wanted.add_ons),
        "revision": revision,
        "updated_at": cause.at,
    }
    if present == 0:
        connection.execute(organizations.insert().values(org=wanted.org, created_at=cause.at, **values))
    else:
        connection.execute(update(organizations).where(organizations.c.org == wanted.org).values(**values))
    connection.execute(
        organization_revisions.insert().values(
            org=wanted.org,
            revision=revision,
            document=dict(wanted.document),
            actor=cause.actor,
            applied_at=cause.at,
        )
    )
    return revision


def _write_connection(
    connection: Connection, org: str, part: ConnectionPart, present: ConnectionRow | None, cause: Cause
) -> None:
    identifier = connection_id(org, part.integration)
    values: dict[str, Any] = {
        "cadence": part.cadence,
        "start_date": part.start_date,
        "configuration": dict(part.configuration),
    }
    if present is None:
        connection.execute(
            connections.insert().values(
                org=org,
                connection_id=identifier,
                integration=part.integration,
                status="not connected",
                revision=1,
                **values,
            )
        )
        created = AuditEvent("connection.created", "connection", identifier, cause, {"status": (None, "not connected")})
        record_audit(connection, org, [created])
        write_rules(connection, org, identifier, part.rules)
        return
    if all(getattr(present, name) == value for name, value in values.items()):
        return
    if present.next_due_at is not None and part.cadence != present.cadence:
        values["next_due_at"] = min(present.next_due_at, next_due(part.cadence, identifier, cause.at))
    connection.execute(update(connections).where(_is(org, identifier)).values(revision=present.revision + 1, **values))
    write_rules(connection, org, identifier, part.rules)
    # Paused in so many words, not by its document: editing the document is no reason to go on.
    held = present.status == "paused" and _wants_active(present.configuration)
    if not held:
        _settle(connection, org, identifier, cause)


def _remove_connection(connection: Connection, present: ConnectionRow, cause: Cause) -> None:
    if not present.configuration and present.status == "not connected":
        return  # removed before
    org, identifier = present.org, present.connection_id
    forget_credential(connection, org, identifier)
    connection.execute(
        update(connections)
        .where(_is(org, identifier))
        .values(configuration={}, revision=present.revision + 1, next_due_at=None)
    )
    connection.execute(update(pipeline_rules).where(rules_of(org, identifier)).values(status="paused"))
    set_status(connection, org, identifier, "not connected", replace(cause, reason="it left the document"))


def _settle(connection: Connection, org: str, of_connection: str, cause: Cause) -> ConnectionStatus:
    row = get_connection(connection, org, of_connection, for_update=True)
    target = _target_status(row, connected=_has_credentials(connection, org, of_connection))
    while row.status != target:
        step = target if target in TRANSITIONS[row.status] else _TOWARDS[row.status]
        row = set_status(connection, org, of_connection, step, cause)
    if row.status == "active":
        first_time = and_(
            rules_of(org, of_connection), pipeline_rules.c.status == "active", pipeline_rules.c.active_since.is_(None)
        )
        connection.execute(update(pipeline_rules).where(first_time).values(active_since=cause.at))
    return row.status


_TOWARDS: Mapping[ConnectionStatus, ConnectionStatus] = {
    "not connected": "connected",
    "connected": "configured",
    "active": "configured",
    "paused": "configured",
}
"""The next step where a status cannot be reached at once."""


def _target_status(row: ConnectionRow, *, connected: bool) -> ConnectionStatus:
    if not connected:
        return "not connected"
    if _wants_active(row.configuration):
        return "active"
    if not row.configuration or row.configuration.get("pipelines") == []:
        return "connected"
    return "paused" if row.status in {"active", "paused", "needs attention"} else "configured"


def _wants_active(configuration: Mapping[str, Any]) -> bool:
    """Whether a connection's part of the document asks for syncing: it is active, and so is one of its rules."""
    if configuration.get("status") != "active":
        return False
    rules = configuration.get("pipelines")
    return rules is None or any(rule["status"] == "active" for rule in rules)


def _has_credentials(connection: Connection, org: str, of_connection: str) -> bool:
    found = select(func.count()).where(credentials.c.org == org, credentials.c.connection_id == of_connection)
    return bool(connection.scalar(found))


def _is(org: str, of_connection: str) -> ColumnElement[bool]:
    return and_(connections.c.org == org, connections.c.connection_id == of_connection)
