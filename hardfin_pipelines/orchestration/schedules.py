"""The schedules: one a cadence, each one run whatever the number of organizations; and the daily upkeep."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import dagster as dg

from hardfin_pipelines.orchestration.jobs import change_poll_job, health_job, retention_job
from hardfin_pipelines.sync.cadence import Tier

# The daily tier is spread over the day by each connection's own due time, so its schedule looks every hour.
TIER_CRON: Mapping[Tier, str] = MappingProxyType(
    {"5m": "*/5 * * * *", "15m": "*/15 * * * *", "30m": "*/30 * * * *", "60m": "0 * * * *", "daily": "20 * * * *"}
)


def poll_request(tier: Tier, *, org: str = "", run_key: str | None = None) -> dg.RunRequest:
    """The run a tier's schedule asks for; `org` asks for one organization now, due or not."""
    config = {"tier": tier, "org": org}
    return dg.RunRequest(
        run_key=run_key,
        run_config={"ops": {"ops__change_poll": {"config": config}}},
        tags={"hardfin/tier": tier, "hardfin/trigger": "poll"},
    )


def _tier_schedule(tier: Tier, cron: str) -> dg.ScheduleDefinition:
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return poll_request(tier, run_key=f"{tier}:{context.scheduled_execution_time.isoformat()}")

    function: Callable[[dg.ScheduleEvaluationContext], dg.RunRequest] = evaluate
    return dg.ScheduleDefinition(
        name=f"poll_every_{tier}" if tier != "daily" else "poll_daily",
        job=change_poll_job,
        cron_schedule=cron,
        execution_timezone="UTC",
        execution_fn=function,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks the due connections with cadence {tier} whether anything changed.",
    )


SCHEDULES = [
    *(_tier_schedule(tier, cron) for tier, cron in TIER_CRON.items()),
    dg.ScheduleDefinition(
        name="check_health_every_15m",
        job=health_job,
        cron_schedule="7,22,37,52 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
    dg.ScheduleDefinition(
        name="retention_daily",
        job=retention_job,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
]
