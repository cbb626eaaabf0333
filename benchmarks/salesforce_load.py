"""Salesforce: an initial load, a quiet tick, a re-sync and a description, each beside its promise in calls."""

from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks.installation import ORG, installed_at_salesforce
from benchmarks.measurement import Measurement
from benchmarks.salesforce_process import LINES, salesforce_process

FULL, QUICK = 10_000, 1_000

_PROMISED = 10_000


def measure(opportunities: int) -> Iterator[Measurement]:
    """CPU and calls are promised for 10,000 opportunities with five lines each."""
    promised = opportunities == _PROMISED
    connection = f"{ORG}:salesforce"
    with salesforce_process(opportunities) as sandbox, installed_at_salesforce(sandbox) as installation:
        described = sandbox.api_calls()
        sandbox.reset_calls()
        span = (sandbox.since.isoformat(), datetime.now(UTC).isoformat())
        loaded = installation.measured("benchmarks.load_process", *span, "--connection", connection)
        calls = sandbox.api_calls()
        sandbox.reset_calls()
        installation.measured("benchmarks.tick_process")
        quiet = sandbox.api_calls()
        sandbox.reset_calls()
        resynced = installation.measured("benchmarks.resync_process", sandbox.won[0])
        again = sandbox.api_calls()
    name = f"Salesforce, {opportunities:,} won opportunities with {LINES} lines each"
    held, least = loaded["held"], sum(loaded["least_calls"].values())
    lines = LINES * opportunities
    yield Measurement(f"{name}: projects", held["project"], "projects", opportunities, opportunities, better="more")
    yield Measurement(f"{name}: lines", held["project_line_item"], "lines", lines, lines, better="more")
    yield Measurement(f"{name}: API calls", calls, "calls", least, 30 if promised else None)
    cpu = round(loaded["cpu_seconds"], 2)
    yield Measurement(f"{name}: CPU of our process", cpu, "CPU seconds", None, 10 if promised else None)
    yield Measurement(f"{name}: peak memory of our process", round(loaded["peak_memory_mb"]), "MB")
    yield Measurement("Salesforce: describing all mapped objects", described, "calls", 1, 1)
    yield Measurement("Salesforce: quiet tick", quiet, "calls", 1, 1)
    yield Measurement("Salesforce: re-sync of one project", again, "calls", 1, 1)
    yield Measurement("Salesforce: fields a re-sync right after the load would change", resynced["changes"], "", 0, 0)
