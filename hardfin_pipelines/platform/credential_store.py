"""The sealed secrets of connections: tokens and whatever else a vendor needs to let us in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select, update

from hardfin_pipelines.platform.secrets import SecretsError, Vault
from hardfin_pipelines.platform.tables import connections, credentials
from hardfin_pipelines.platform.upsert import upsert


@dataclass(frozen=True, slots=True)
class Credential:
    """What a connection signs in with.

    Attributes:
        document: The secret, in the shape its connector chose. It is in no repr.
        updated_at: When it was saved.
    """

    document: Mapping[str, Any] = field(repr=False)
    updated_at: datetime


def save_credential(
    connection: Connection, org: str, connection_id: str, document: Mapping[str, Any], vault: Vault, now: datetime
) -> None:
    """Seal and keep a connection's secret in place of any it had.

    Raises:
        sqlalchemy.exc.IntegrityError: The organization has no such connection.
    """
    # The sealed text names its owner: a row copied to another connection does not open there.
    sealed = vault.seal(orjson.dumps({"org": org, "connection_id": connection_id, "document": dict(document)}))
    row = {"org": org, "connection_id": connection_id, "sealed": sealed, "updated_at": now}
    connection.execute(upsert(connection, credentials), row)


def read_credential(
    connection: Connection, org: str, connection_id: str, vault: Vault, *, for_update: bool = False
) -> Credential | None:
    """The secret of a connection, or None where it has none.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        vault: Opens it.
        for_update: Keep others from replacing it until the transaction ends (a token is about to be refreshed).

    Raises:
        SecretsError: It was sealed with another key, or for another connection.
    """
    query = select(credentials.c.sealed, credentials.c.updated_at).where(
        credentials.c.org == org, credentials.c.connection_id == connection_id
    )
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        return None
    opened = orjson.loads(vault.unseal(row.sealed))
    if (opened["org"], opened["connection_id"]) != (org, connection_id):
        raise SecretsError(f"the stored secret of {connection_id} is another connection's: connect the account again")
    return Credential(opened["document"], row.updated_at)


def unrenewed_since(connection: Connection, integration: str, moment: datetime) -> list[tuple[str, str]]:
    """The connections of ALL organizations to an integration whose secret was last saved before a moment, by id."""
    joined = connections.join(
        credentials,
        (connections.c.org == credentials.c.org) & (connections.c.connection_id == credentials.c.connection_id),
    )
    query = select(connections.c.org, connections.c.connection_id).select_from(joined)
    query = query.where(connections.c.integration == integration, credentials.c.updated_at < moment)
    rows = connection.execute(query.order_by(connections.c.org, connections.c.connection_id))
    return [(row.org, row.connection_id) for row in rows]


def forget_credential(connection: Connection, org: str, connection_id: str) -> bool:
    """Delete the secret of a connection; whether there was one."""
    result = connection.execute(
        delete(credentials).where(credentials.c.org == org, credentials.c.connection_id == connection_id)
    )
    return result.rowcount > 0


def reseal_credentials(connection: Connection, org: str, vault: Vault) -> int:
    """Seal an organization's secrets anew with the vault's first key, so that older keys can be given up.

    Returns:
        How many there were.

    Raises:
        SecretsError: One of them was sealed with none of the vault's keys.
    """
    query = select(credentials.c.connection_id, credentials.c.sealed).where(credentials.c.org == org)
    rows = connection.execute(query.with_for_update()).all()
    for row in rows:
        connection.execute(
            update(credentials)
            .where(credentials.c.org == org, credentials.c.connection_id == row.connection_id)
            .values(sealed=vault.reseal(row.sealed))
        )
    return len(rows)
