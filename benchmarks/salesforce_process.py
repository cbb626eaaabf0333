"""A filled Salesforce sandbox in a process of its own, so that its work is not counted as ours.

`python -m benchmarks.salesforce_process OPPORTUNITIES` prints one JSON line with its address and credentials, then
serves.
"""

import dataclasses
import itertools
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
from hardfin_pipelines.sandbox.data_sets.model import DataSet
from hardfin_pipelines.sandbox.salesforce import SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.load import load_data_set
from hardfin_pipelines.sandbox.server import SandboxServer

LINES = 5
_PRODUCTS = 500


@dataclass(frozen=True, slots=True)
class ServedSalesforce:
    """Where the sandbox is, what signs in to it, and what it holds.

    Attributes:
        pipelines: The record types of its opportunities.
        won: Ids of some won opportunities.
        since: No opportunity was modified before it.
    """

    url: str
    client_id: str
    client_secret: str
    refresh_token: str
    pipelines: list[str]
    won: list[str]
    since: datetime

    def api_calls(self) -> int:
        """Calls of the API since the last reset; those to the token endpoint are not among them."""
        entries = httpx.get(f"{self.url}/_sandbox/calls/entries", timeout=60).raise_for_status().json()
        return sum(entry["path"].startswith("/services/data/") for entry in entries)

    def reset_calls(self) -> None:
        """Count from zero."""
        httpx.delete(f"{self.url}/_sandbox/calls", timeout=60).raise_for_status()


@contextmanager
def salesforce_process(opportunities: int) -> Iterator[ServedSalesforce]:
    """A sandbox for the length of a block, with so many won opportunities of five lines each."""
    command = [sys.executable, "-m", "benchmarks.salesforce_process", str(opportunities)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            answer = json.loads(process.stdout.readline())
            answer["since"] = datetime.fromisoformat(answer["since"])
            yield ServedSalesforce(**answer)
        finally:
            process.kill()


def main(opportunities: int) -> None:
    """Fill an org and serve it until killed."""
    end = datetime.now(UTC) - timedelta(hours=2)
    start = end - timedelta(days=300)
    data_set = _with_lines(
        robotics_rental(seed=7, won_deals=opportunities, open_deals=0, products=_PRODUCTS, start=start, end=end)
    )
    sandbox = SalesforceSandbox()
    org = sandbox.add_org("benchmark", name="Benchmark")
    loaded = load_data_set(org, data_set)
    with SandboxServer(sandbox.app) as server:
        app = sandbox.tokens.app
        served = ServedSalesforce(
            url=server.url,
            client_id=app.client_id,
            client_secret=app.client_secret,
            refresh_token=sandbox.tokens.issue_refresh(org, org.integration_user_id),
            pipelines=[process.record_type_id for process in loaded.processes.values()],
            won=list(loaded.opportunities.values())[:200],
            since=start,
        )
        print(json.dumps(dataclasses.asdict(served), default=datetime.isoformat), flush=True)
        threading.Event().wait()


def _with_lines(data_set: DataSet) -> DataSet:
    """The same company with five lines on every deal, taken in turn from the lines there are."""
    pool = itertools.cycle([line for deal in data_set.deals for line in deal.line_items if line.product_key])
    deals = tuple(
        dataclasses.replace(
            deal,
            line_items=tuple(
                dataclasses.replace(line, key=f"{deal.key}-{number}")
                for number, line in enumerate(itertools.islice(pool, LINES))
            ),
        )
        for deal in data_set.deals
    )
    return dataclasses.replace(data_set, deals=deals)


if __name__ == "__main__":
    main(int(sys.argv[1]))
