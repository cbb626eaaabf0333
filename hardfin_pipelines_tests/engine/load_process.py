"""An initial load in a process of its own, which a test can kill: `python -m ... ORG START END SEARCH_PAGE CHUNK`."""

import sys
from datetime import datetime

from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine import crm_sync
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.settings import load_settings


def main(org: str, start: str, end: str, search_page: int, chunk: int) -> None:
    """Load one window, `chunk` deals at a time."""
    crm_sync.CHUNK = chunk
    deployment = Deployment.open(load_settings())
    deployment.vendors.hubspot.limits = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, search_page=search_page)
    window = datetime.fromisoformat(start), datetime.fromisoformat(end)
    deployment.run(load_window(deployment, org, *window, run_id="killed"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
