"""The code location: wiring, nothing else."""

import dagster as dg

from hardfin_pipelines.orchestration.assets.census import census
from hardfin_pipelines.orchestration.assets.crm import crm_sync
from hardfin_pipelines.orchestration.assets.history import crm_initial_load
from hardfin_pipelines.orchestration.assets.items import item_sync
from hardfin_pipelines.orchestration.assets.operations import change_poll, retention, sync_health_asset
from hardfin_pipelines.orchestration.checks import CHECKS
from hardfin_pipelines.orchestration.jobs import JOBS
from hardfin_pipelines.orchestration.load_sensor import start_initial_loads
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.orchestration.schedules import SCHEDULES
from hardfin_pipelines.orchestration.sensors import SENSORS


@dg.definitions
def defs() -> dg.Definitions:
    """Everything the code location holds. Runs execute in process: starting processes would be most of their cost."""
    return dg.Definitions(
        assets=[crm_sync, crm_initial_load, item_sync, change_poll, sync_health_asset, census, retention],
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=[*SENSORS, start_initial_loads],
        resources={"hardfin": HardfinResource()},
        executor=dg.in_process_executor,
    )
