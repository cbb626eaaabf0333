"""What the demo reads of Hardfin's own records, to wait for it and to say it."""

from collections.abc import Mapping

from sqlalchemy import select

from hardfin_pipelines.cli.sandbox_contract import CrmAccount
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.entity_rows import count_entities
from hardfin_pipelines.platform.known_records import count_links
from hardfin_pipelines.platform.organization_store import connection_id
from hardfin_pipelines.platform.tables import ledger, projects
from hardfin_pipelines.sync.entities import EntityType


def project_of(deployment: Deployment, account: CrmAccount, deal_id: str) -> str | None:
    """The project that a deal became; None while it is none."""
    with reading(deployment.engine) as connection:
        return connection.scalar(
            select(ledger.c.project_id).where(ledger.c.org == account.org, ledger.c.external_id == deal_id)
        )


def project_value(deployment: Deployment, account: CrmAccount, deal_id: str, field: str) -> str:
    """A field of the project that a deal became."""
    project_id = project_of(deployment, account, deal_id)
    with reading(deployment.engine) as connection:
        query = select(projects.c[field]).where(projects.c.org == account.org, projects.c.id == project_id)
        return str(connection.scalar(query))


def entity_counts(deployment: Deployment, account: CrmAccount) -> Mapping[EntityType, int]:
    """How many entities of each kind the account's organization has."""
    with reading(deployment.engine) as connection:
        return count_entities(connection, account.org)


def least_calls(deployment: Deployment, account: CrmAccount) -> int:
    """The least number of vendor calls in which what the organization has of the account can be read."""
    with reading(deployment.engine) as connection:
        linked = count_links(connection, account.org, connection_id(account.org, account.integration))
    return deployment.vendors.plan_calls(account.integration, linked).total
