"""A filled HubSpot sandbox in a process of its own, so that its work is not counted as ours.

`python -m benchmarks.sandbox_process DEALS` prints one JSON line with its address and credentials, then serves.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.summary import summarize
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines.sandbox.server import SandboxServer

HUB_ID = 4_200_001


@dataclass(frozen=True, slots=True)
class ServedSandbox:
    """Where the sandbox is, what signs in to it, and what it holds."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str
    won_deals: int
    since: datetime

    def calls(self) -> int:
        """Vendor calls since the last reset, those to the token endpoint left out."""
        return int(httpx.get(f"{self.url}/_sandbox/calls").json()["by_portal"][str(HUB_ID)]["total"])

    def reset_calls(self) -> None:
        """Count from zero."""
        httpx.delete(f"{self.url}/_sandbox/calls")


@contextmanager
def sandbox_process(deals: int) -> Iterator[ServedSandbox]:
    """A sandbox with so many won deals, for the length of a block."""
    command = [sys.executable, "-m", "benchmarks.sandbox_process", str(deals)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            answer = json.loads(process.stdout.readline())
            answer["since"] = datetime.fromisoformat(answer["since"])
            yield ServedSandbox(**answer)
        finally:
            process.terminate()


def main(deals: int) -> None:
    """Fill a portal and serve it until terminated. Rate limits are off: the process's own speed is measured."""
    end = datetime.now(UTC) - timedelta(hours=1)
    start = end - timedelta(days=300)
    data_set = robotics_rental(seed=7, won_deals=deals, open_deals=0, products=500, start=start, end=end)
    sandbox = HubSpotSandbox()
    portal = sandbox.add_portal(HUB_ID, name="Benchmark")
    portal.settings.change({"limits_enabled": False})
    load_data_set(portal, data_set)
    with SandboxServer(sandbox.app) as server:
        app = sandbox.tokens.app
        print(
            json.dumps(
                {
                    "url": server.url,
                    "client_id": app.client_id,
                    "client_secret": app.client_secret,
                    "refresh_token": portal.issue_refresh_token(),
                    "won_deals": summarize(data_set).won_deals,
                    "since": start.isoformat(),
                }
            ),
            flush=True,
        )
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
