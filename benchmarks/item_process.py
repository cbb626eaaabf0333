"""One tick of an accounting system in a process of its own, poll and run: `python -m benchmarks.item_process`.

It prints one JSON line. What a process takes to start is not counted; the libraries that landing loads when it first
writes are loaded before, as they belong to that.
"""

import json

import pandas as pd  # noqa: F401  # pyarrow loads it at its first array
import pyarrow.parquet  # noqa: F401  # see above

from benchmarks.installation import ORG, without_limits
from benchmarks.process_costs import Meter, peak_memory_mb
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.item_runs import sync_claimed_items
from hardfin_pipelines.engine.polling import poll_due
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.settings import load_settings

_MOST_CLAIMS = 10


def main() -> None:
    """Poll one organization and do the work that was found."""
    deployment = Deployment.open(load_settings())
    without_limits(deployment)
    meter = Meter()
    deployment.run(poll_due(deployment, "5m", org=ORG, run_id="poll"))
    with writing(deployment.engine) as connection:
        claims = pending.claim_work(connection, _MOST_CLAIMS, deployment.now())
    synced = [
        deployment.run(sync_claimed_items(deployment, claim.org, claim.connection_id, claim.key, run_id="tick"))
        for claim in claims
    ]
    reports = [report for each in synced for report in each.reports.values()]
    books = [report for each in synced for report in each.books.values()]
    costs = meter.read()
    answer = {
        "cpu_seconds": costs.cpu_seconds,
        "seconds": costs.seconds,
        "peak_memory_mb": peak_memory_mb(),
        "runs": len(reports),
        "items": sum(report.read for report in reports),
        "linked": sum(report.counts.linked.total() for report in reports),
        "into_triage": sum(report.counts.waiting for report in reports),
        "inventory_levels": sum(report.of("inventory_level").held for report in books),
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
