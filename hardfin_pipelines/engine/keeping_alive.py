"""Tokens of connections that nobody visits: some vendors let them die unused (Salesforce after 30 days)."""

from dataclasses import dataclass, field

from hardfin_pipelines.connectors.errors import NeedsAttention, VendorError
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.integrations import INTEGRATIONS
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection
from hardfin_pipelines.platform.credential_store import unrenewed_since
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.secrets import SecretsError

_SHARE = 2 / 3
"""The part of their life after which tokens are renewed: once a day is then early enough, whatever fails meanwhile."""


@dataclass(slots=True)
class RenewalReport:
    """What one look came to.

    Attributes:
        renewed: Connections whose tokens were renewed.
        notes: A line for each whose tokens could not be.
    """

    renewed: int = 0
    notes: list[str] = field(default_factory=list)


async def keep_tokens_alive(deployment: Deployment) -> RenewalReport:
    """Renew what would die unused, for all organizations, paused connections included. Once a day is often enough."""
    report = RenewalReport()
    for row in _dying(deployment):
        try:
            await deployment.vendors.renew_tokens(row)
        except (VendorError, Refusal, SecretsError) as error:
            if isinstance(error, NeedsAttention) and row.status == "active":
                note_failure(deployment, row, error)
            report.notes.append(f"{row.connection_id}: its tokens could not be renewed: {error}")
        else:
            report.renewed += 1
    return report


def _dying(deployment: Deployment) -> list[ConnectionRow]:
    now, found = deployment.now(), []
    for integration in INTEGRATIONS:
        life = deployment.vendors.unused_tokens_die(integration)
        if life is None:
            continue
        with reading(deployment.engine) as connection:
            for org, connection_id in unrenewed_since(connection, integration, now - life * _SHARE):
                found.append(get_connection(connection, org, connection_id))
    return found
