"""The schedules: one a cadence, each one run whatever the number of organizations; and the daily upkeep."""

from collections.abc import Mapping
from types import MappingProxyType

import dagster as dg

from hardfin_pipelines.orchestration.jobs import census_job, change_poll_job, health_job, retention_job
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.platform.connection_store import due_connections
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.sync.cadence import TIERS, Tier

# Connections of a tier are spread over its period in slots of five minutes; each slot is one run, where any is due.
TIER_CRON: Mapping[Tier, str] = MappingProxyType(dict.fromkeys(TIERS, "*/5 * * * *"))


def poll_request(tier: Tier, *, org: str = "", run_key: str | None = None) -> dg.RunRequest:
    """The run a tier's schedule asks for; `org` asks for one organization now, due or not."""
    config = {"tier": tier, "org": org}
    return dg.RunRequest(
        run_key=run_key,
        run_config={"ops": {"ops__change_poll": {"config": config}}},
        tags={"hardfin/tier": tier, "hardfin/trigger": "poll"},
    )


def _tier_schedule(tier: Tier, cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"poll_every_{tier}" if tier != "daily" else "poll_daily",
        job=change_poll_job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks the due connections with cadence {tier} whether anything changed, all in one run. "
        "No run where none is due.",
    )
    def poll_tier(context: dg.ScheduleEvaluationContext, hardfin: HardfinResource) -> dg.RunRequest | dg.SkipReason:
        deployment = hardfin.deployment()
        with reading(deployment.engine) as connection:
            due = due_connections(connection, tier, deployment.now(), limit=1)
        if not due:
            return dg.SkipReason(f"no connection with cadence {tier} is due")
        return poll_request(tier, run_key=f"{tier}:{context.scheduled_execution_time.isoformat()}")

    return poll_tier


SCHEDULES = [
    *(_tier_schedule(tier, cron) for tier, cron in TIER_CRON.items()),
    dg.ScheduleDefinition(
        name="check_health_every_15m",
        job=health_job,
        cron_schedule="7,22,37,52 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Counts how connections are and runs the checks over all organizations.",
    ),
    dg.ScheduleDefinition(
        name="census_hourly",
        job=census_job,
        cron_schedule="12 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Counts the connections whose last census is a day old; fifty an hour, the longest waiting first.",
    ),
    dg.ScheduleDefinition(
        name="retention_daily",
        job=retention_job,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Prunes old operational events and landed files, at night.",
    ),
]
