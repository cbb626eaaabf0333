"""Opening the product for a command."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.erp_visits import ERPS
from hardfin_pipelines.engine.opening import CRMS, active_crm_connections
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.connection_store import ConnectionRow, list_connections
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.organization_store import list_organizations
from hardfin_pipelines.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import dagster as dg


def open_product() -> Deployment:
    """The deployment that the environment names."""
    return Deployment.open(load_settings())


def require_organization(deployment: Deployment, org: str) -> None:
    """Refuse an organization that nobody applied.

    Raises:
        Refusal: Names the ones there are.
    """
    with reading(deployment.engine) as connection:
        known = list_organizations(connection)
    if org not in known:
        names = ", ".join(known) if known else "none yet: apply one with `hardfin org apply FILE`"
        raise Refusal(f"unknown organization {org!r}; known: {names}")


def crm_connection(deployment: Deployment, org: str) -> ConnectionRow:
    """The organization's active CRM connection.

    Raises:
        Refusal: There is no such organization, or it has no active CRM connection.
    """
    require_organization(deployment, org)
    return active_crm_connections(deployment, org)[0]


def has_active_crm(deployment: Deployment, org: str) -> bool:
    """Whether the organization has an active CRM connection."""
    return _has_active(deployment, org, CRMS)


def has_active_books(deployment: Deployment, org: str) -> bool:
    """Whether the organization has an active connection to an accounting system."""
    return _has_active(deployment, org, ERPS)


def _has_active(deployment: Deployment, org: str, integrations: "Collection[str]") -> bool:
    require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        rows = list_connections(connection, org)
    return any(row.integration in integrations and row.status == "active" for row in rows)


@contextmanager
def dagster_instance() -> "Iterator[dg.DagsterInstance]":
    """Dagster's instance of this deployment."""
    from hardfin_pipelines.orchestration.home import ensure_dagster_home

    ensure_dagster_home(load_settings().home)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        yield instance
