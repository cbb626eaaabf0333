"""The resource through which assets, schedules and sensors reach the product."""

from functools import cache

import dagster as dg

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.settings import load_settings


@cache
def open_deployment() -> Deployment:
    """This process's deployment, made from the environment once and kept.

    Raises:
        SettingsError: A variable is wrong.
        DatabaseError: The store cannot be reached.
    """
    return Deployment.open(load_settings())


class HardfinResource(dg.ConfigurableResource[None]):
    """Hardfin's store, landing and vendors, as the environment (`HARDFIN_…`) names them.

    It has no options here, so that no secret can get into a run's config.
    """

    def deployment(self) -> Deployment:
        """The open deployment of this process."""
        return open_deployment()
