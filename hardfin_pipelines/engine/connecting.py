"""Connecting an organization's account, and what people do to a connection afterwards."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from hardfin_pipelines.connectors.base import CrmConnector
from hardfin_pipelines.connectors.erp import ErpConnector
from hardfin_pipelines.engine.call_budget import count_visit
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import ERPS
from hardfin_pipelines.engine.item_visits import describe_books
from hardfin_pipelines.engine.opening import describe
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import (
    ConnectionNotFound,
    ConnectionRow,
    get_connection,
    save_account_id,
    set_status,
)
from hardfin_pipelines.platform.credential_store import forget_credential
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import connection_id, enable


def consent_url(deployment: Deployment, org: str, integration: str, redirect_uri: str) -> str:
    """Where a person lets Hardfin into the account.

    Raises:
        Refusal: The organization's document has no such connection, the app is not configured, or no consent is needed.
    """
    row = _row(deployment, org, connection_id(org, integration))
    return deployment.vendors.consent_url(row, redirect_uri, state=f"{org}:{secrets.token_urlsafe(16)}")


async def connect_account(
    deployment: Deployment, org: str, integration: str, secret: Secret, *, actor: str
) -> ConnectionRow:
    """Sign in to an account, read what it holds, and let the connection become what its configuration asks for.

    The credentials are kept, sealed, before anything else is asked of the account. The connection becomes active when
    the account has all that the configuration names; else it waits for a person, with the reason.

    Raises:
        Refusal: The organization's document has no such connection, or it was given another account.
        VendorError: The vendor refuses; the reason is in the message.
    """
    identifier = connection_id(org, integration)
    row = _row(deployment, org, identifier)
    grant = await deployment.vendors.sign_in(row, secret)
    with writing(deployment.engine) as connection:
        save_account_id(connection, org, identifier, grant.account_id)
        deployment.vendors.save_tokens(connection, row, grant.tokens)
    # Cursors are vendor time: the connection is enabled as of the vendor's clock.
    enabled_at = await _described_at(deployment, _row(deployment, org, identifier)) or deployment.now()
    with writing(deployment.engine) as connection:
        enable(connection, org, identifier, enabled_at, actor=actor)
    return _row(deployment, org, identifier)


async def _described_at(deployment: Deployment, row: ConnectionRow) -> datetime | None:
    """Describe a connection's account; the vendor's clock when it did."""
    if row.integration in ERPS:
        books = deployment.erp_connector(row)
        async with _counted(deployment, row, books):
            return await describe_books(deployment, row, books)
    connector = deployment.connector(row)
    async with _counted(deployment, row, connector):
        return (await describe(deployment, row, connector)).described_at


@asynccontextmanager
async def _counted(
    deployment: Deployment, row: ConnectionRow, connector: CrmConnector | ErpConnector
) -> AsyncIterator[None]:
    try:
        yield
    finally:
        count_visit(deployment, row.org, row.connection_id, "describe", connector.calls)
        await connector.aclose()


def set_paused(
    deployment: Deployment, org: str, integration: str, *, paused: bool, actor: str, reason: str
) -> ConnectionRow:
    """Pause or resume a connection; it takes effect at the next transaction of a run.

    Raises:
        ConnectionConflict: It cannot be paused or resumed as it stands.
    """
    identifier = connection_id(org, integration)
    now = deployment.now()
    with writing(deployment.engine) as connection:
        if paused:
            return set_status(connection, org, identifier, "paused", Cause(actor, reason or f"by {actor}", now))
        # Not simply "active": rules added meanwhile begin now, and a document that pauses it still does.
        enable(connection, org, identifier, now, actor=actor)
        return get_connection(connection, org, identifier)


def disconnect(deployment: Deployment, org: str, integration: str, *, actor: str, reason: str) -> ConnectionRow:
    """Forget the credentials of a connection. Its ledger and links stay: connected again, nothing syncs twice."""
    identifier = connection_id(org, integration)
    cause = Cause(actor, reason or "disconnected", deployment.now())
    with writing(deployment.engine) as connection:
        forget_credential(connection, org, identifier)
        return set_status(connection, org, identifier, "not connected", cause)


def _row(deployment: Deployment, org: str, identifier: str) -> ConnectionRow:
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, org, identifier)
        except ConnectionNotFound as error:
            raise Refusal(f"{error}: add it to the organization's YAML and apply that first") from None
    if not row.configuration:
        raise Refusal(f"{identifier} has left the organization's YAML: add it there and apply that first")
    return row
