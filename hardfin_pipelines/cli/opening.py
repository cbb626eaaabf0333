"""Opening the product for a command."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import active_crm_connections
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.organization_store import list_organizations
from hardfin_pipelines.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def dagster_instance() -> "Iterator[dg.DagsterInstance]":
    """Dagster's instance of this deployment."""
    from hardfin_pipelines.orchestration.home import ensure_dagster_home

    ensure_dagster_home(load_settings().home)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        yield instance
