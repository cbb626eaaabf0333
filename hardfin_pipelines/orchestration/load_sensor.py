"""The sensor that starts initial loads: for connections that were just enabled, and for what was turned on later."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionsFilter, BulkActionStatus

from hardfin_pipelines.engine.loading import LoadNeeded, loads_needed
from hardfin_pipelines.orchestration.partitions import month_spans
from hardfin_pipelines.orchestration.resources import HardfinResource

REST_AFTER_FAILURE = timedelta(minutes=30)
"""A load that failed is asked for again after a while, unless a person was quicker."""


@dg.sensor(
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a backfill of the months an organization still needs: from its start date on when it is "
    "enabled, and again for a pipeline or stage that is turned on later.",
)
def start_initial_loads(context: dg.SensorEvaluationContext, hardfin: HardfinResource) -> dg.SkipReason:
    """Ask for the backfills that are needed and not under way. Backfills are no run requests, so the tick "skips"."""
    needed = loads_needed(hardfin.deployment(), month_spans(datetime.now(UTC)))
    lines = [_request(context.instance, load) for load in needed]
    return dg.SkipReason("; ".join(lines) or "every organization's past is loaded")


def _request(instance: dg.DagsterInstance, load: LoadNeeded) -> str:
    from hardfin_pipelines.orchestration.launching import request_backfill

    latest = next(iter(instance.get_backfills(filters=_loads_of(load.org), limit=1)), None)
    if latest is not None and latest.status not in BULK_ACTION_TERMINAL_STATUSES:
        return f"{load.org}: backfill {latest.backfill_id} is under way"
    if latest is not None and latest.status is not BulkActionStatus.COMPLETED_SUCCESS:
        ended = datetime.fromtimestamp(latest.backfill_end_timestamp or latest.backfill_timestamp, UTC)
        again = ended + REST_AFTER_FAILURE
        if datetime.now(UTC) < again:
            return f"{load.org}: backfill {latest.backfill_id} failed; the next one is asked for at {again:%H:%M} UTC"
    months = [f"{start:%Y-%m-%d}" for start, _end in load.spans]
    backfill_id = request_backfill(instance, load.org, months, "sensor:start_initial_loads", only_new=True)
    return f"{load.org}: backfill {backfill_id} of {len(months)} months requested"


def _loads_of(org: str) -> BulkActionsFilter:
    return BulkActionsFilter(tags={"hardfin/org": org, "hardfin/trigger": "load"})
