"""The census: a slow look over everything, for what a tick cannot see."""

import dagster as dg

from hardfin_pipelines.engine.census import take_due_censuses
from hardfin_pipelines.orchestration.assets.catalog import OWNER
from hardfin_pipelines.orchestration.resources import HardfinResource

CENSUS = dg.AssetKey(["ops", "census"])


@dg.asset(
    key=CENSUS,
    group_name="ops",
    owners=[OWNER],
    kinds={"python"},
    description="**Census.** Lists once a day, month by month, the deals each CRM shows in its trigger stages, and "
    "compares them with what has an answer in Hardfin. A deal without one (indexed late, restored) is asked for.",
)
def census(context: dg.AssetExecutionContext, hardfin: HardfinResource) -> dg.MaterializeResult[None]:
    """Count the connections that are due."""
    deployment = hardfin.deployment()
    report = deployment.run(take_due_censuses(deployment, run_id=context.run_id))
    for line in report.notes:
        context.log.warning(line)
    return dg.MaterializeResult(
        metadata={
            "connections_counted": report.connections,
            "months_counted": len(report.months),
            "deals_at_the_vendors": report.at_vendor,
            "deals_without_an_answer": report.unaccounted,
            "vendor_calls": report.calls,
            "errors": len(report.notes),
        }
    )
