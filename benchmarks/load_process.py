"""An initial load in a process of its own: `python -m benchmarks.load_process START END [--limited]`.

It prints "loading" when it begins and one JSON line when it is done. CPU and time are counted from the first call to
the last committed entity; what a process takes to start is not in them.
"""

import argparse
import json
from datetime import datetime

from benchmarks.installation import CONNECTION, ORG, without_limits
from benchmarks.process_costs import Meter, peak_memory_mb
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.known_records import count_links
from hardfin_pipelines.settings import load_settings


def main() -> None:
    """Load one window."""
    parser = argparse.ArgumentParser()
    parser.add_argument("start", type=datetime.fromisoformat)
    parser.add_argument("end", type=datetime.fromisoformat)
    parser.add_argument("--limited", action="store_true", help="keep to HubSpot's limits")
    parser.add_argument("--connection", default=CONNECTION, help="which connection is loaded")
    arguments = parser.parse_args()
    deployment = Deployment.open(load_settings())
    if not arguments.limited:
        without_limits(deployment)
    print("loading", flush=True)
    meter = Meter()
    loaded = deployment.run(load_window(deployment, ORG, arguments.start, arguments.end, run_id="load"))
    costs = meter.read()
    with reading(deployment.engine) as connection:
        integration = arguments.connection.rpartition(":")[2]
        least = deployment.vendors.plan_calls(integration, count_links(connection, ORG, arguments.connection))
    answer = {
        "cpu_seconds": costs.cpu_seconds,
        "seconds": costs.seconds,
        "peak_memory_mb": peak_memory_mb(),
        "created": dict(loaded.created()),
        "held": dict(loaded.held),
        "records": sum(sum(report.read.landed.values()) for report in loaded.reports.values()),
        "notes": loaded.notes,
        "least_calls": dict(least.by_bucket),
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
