"""A re-sync of one project in a process of its own: `python -m benchmarks.resync_process DEAL`."""

import json
import sys

from benchmarks.installation import ORG
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.resyncing import ResyncRequest, resync_project
from hardfin_pipelines.settings import load_settings


def main(deal: str) -> None:
    """Re-sync a project."""
    deployment = Deployment.open(load_settings())
    report = deployment.run(resync_project(deployment, ResyncRequest(ORG, deal, run_id="resync", actor=ORG)))
    print(json.dumps({"calls": report.calls, "changes": len(report.changes)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
