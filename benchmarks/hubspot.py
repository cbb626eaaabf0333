"""HubSpot: an initial load of 10,000 won deals, the same again, and quiet ticks."""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import ServedSandbox, sandbox_process
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.connecting import Secret, connect_account
from hardfin_pipelines.engine.crm_runs import OrganizationSync, load_window
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.polling import poll_due
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.known_records import count_links
from hardfin_pipelines.settings import load_settings

ORG = "benchmark"
_YAML = """\
organization: benchmark
plan: advanced
connections:
  - integration: hubspot
    start_date: {since:%Y-%m-%d}
    pipelines:
      - pipeline: default
      - pipeline: Service renewals
"""


def measure(deals: int = 10_000) -> Iterator[Measurement]:
    """The rows, in the order they are measured."""
    with sandbox_process(deals) as sandbox, connected_deployment(sandbox) as deployment:
        sandbox.reset_calls()
        cpu, began = time.process_time(), time.monotonic()
        loaded = _load(deployment, sandbox)
        cpu, seconds = time.process_time() - cpu, time.monotonic() - began
        calls = sandbox.calls()
        with reading(deployment.engine) as connection:
            least = deployment.vendors.plan_calls("hubspot", count_links(connection, ORG, f"{ORG}:hubspot")).total
        projects = loaded.held["project"]
        name = f"initial load of {deals:,} won deals"
        yield Measurement(f"{name}: projects", projects, "projects", sandbox.won_deals, sandbox.won_deals, "more")
        yield Measurement(f"{name}: vendor calls", calls, "calls", least, 1_700 * deals / 10_000)
        yield Measurement(f"{name}: CPU of our process", round(cpu, 2), "CPU seconds")
        yield Measurement(f"{name}: records landed and applied", round(_records(loaded) / cpu), "records/CPU second")
        yield Measurement(f"{name}: wall time without rate limits", round(seconds, 1), "seconds")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield Measurement(f"{name}: peak memory of our process", round(peak), "MB")
        yield from _again(deployment, sandbox, least)


def _again(deployment: Deployment, sandbox: ServedSandbox, least: int) -> Iterator[Measurement]:
    sandbox.reset_calls()
    again = _load(deployment, sandbox)
    created = sum(again.created().values())
    yield Measurement("the same load again: new rows", created, "rows", 0, 0)
    yield Measurement("the same load again: share of the first one's calls", round(sandbox.calls() / least, 3), "ratio")
    sandbox.reset_calls()
    report = deployment.run(poll_due(deployment, "5m", org=ORG, run_id="benchmark"))
    yield Measurement("quiet tick of two pipelines: vendor calls", sandbox.calls(), "calls", 1, 1)
    yield Measurement("quiet tick of two pipelines: wall time", round(report.seconds * 1000), "ms")


def _load(deployment: Deployment, sandbox: ServedSandbox) -> OrganizationSync:
    end = datetime.now(UTC)
    return deployment.run(load_window(deployment, ORG, sandbox.since, end, run_id=f"benchmark-{end:%H%M%S%f}"))


def _records(loaded: OrganizationSync) -> int:
    return sum(number for report in loaded.reports.values() for number in report.read.landed.values())


@contextmanager
def connected_deployment(sandbox: ServedSandbox) -> Iterator[Deployment]:
    """A deployment in a new folder with one organization, connected to the sandbox."""
    with tempfile.TemporaryDirectory(prefix="hardfin-benchmark-") as folder:
        os.environ.update(
            {
                "HARDFIN_HOME": str(Path(folder)),
                "HARDFIN_HUBSPOT_URL": sandbox.url,
                "HARDFIN_HUBSPOT_CLIENT_ID": sandbox.client_id,
                "HARDFIN_HUBSPOT_CLIENT_SECRET": sandbox.client_secret,
            }
        )
        deployment = Deployment.open(load_settings())
        documents = read_text(_YAML.format(since=sandbox.since))
        configuration.apply(deployment.engine, documents, actor="benchmark", now=deployment.now())
        secret = Secret(refresh_token=sandbox.refresh_token)
        deployment.run(connect_account(deployment, ORG, "hubspot", secret, actor="benchmark"))
        # What is measured is our work, not HubSpot's pace: our own limiters let everything pass.
        deployment.vendors.hubspot_limits = HubSpotLimits(1_000_000, 1_000_000, 1_000_000)
        yield deployment
        deployment.engine.dispose()
