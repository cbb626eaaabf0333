"""A load that is killed at random moments and started again: the same tables, and hardly a call twice."""

import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Table, select, update

from benchmarks.installation import Installation, installed
from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import Filling, ServedSandbox, sandbox_process
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.tables import (
    audit_events,
    customers,
    items,
    leases,
    ledger,
    ledger_aliases,
    links,
    project_line_items,
    projects,
    rejected_records,
)

FULL, QUICK = 30, 4

_DEALS = 2_000
_SEED = 20_260
_LATENCY_SECONDS = 0.15
_TABLES = (
    customers,
    items,
    projects,
    project_line_items,
    links,
    ledger,
    ledger_aliases,
    rejected_records,
    audit_events,
)
_OF_THE_RUN = {"created_at", "updated_at", "synced_at", "first_synced_at", "first_seen_at", "at", "run_id"}
"""Our clock's stamps and run ids: two undisturbed loads differ in them as well."""


def measure(moments: int) -> Iterator[Measurement]:
    """Moments are spread at random, but the same each time, over the length of an undisturbed load."""
    with (
        sandbox_process(Filling(_DEALS)) as sandbox,
        installed(sandbox) as fresh,
        tempfile.TemporaryDirectory(prefix="hardfin-benchmark-kills-") as folder,
    ):
        sandbox.set_latency(_LATENCY_SECONDS)
        window = [sandbox.since.isoformat(), datetime.now(UTC).isoformat()]
        undisturbed = fresh.copied(Path(folder) / "undisturbed")
        sandbox.reset_calls()
        seconds = undisturbed.measured("benchmarks.load_process", *window)["seconds"]
        calls = sandbox.calls()
        wanted = _dump(undisturbed)
        chosen = random.Random(_SEED)
        equal, again = 0, []
        for number in range(moments):
            installation = fresh.copied(Path(folder) / f"killed-{number}")
            sandbox.reset_calls()
            _load_and_kill(installation, window, chosen.uniform(0.02, 0.95) * seconds)
            _load_again(sandbox, installation, window)
            equal += _dump(installation) == wanted
            again.append({bucket: sandbox.calls().get(bucket, 0) - usual for bucket, usual in calls.items()})
    name = f"load of {_DEALS:,} won deals killed at {moments} moments"
    yield Measurement(f"{name}: tables equal", equal, "times", moments, moments, better="more")
    yield Measurement(f"{name}: search pages read again at worst", max(each["search"] for each in again), "calls", 0, 1)
    in_flight = HubSpotLimits().in_flight
    worst = max(sum(each.values()) for each in again)
    yield Measurement(f"{name}: calls asked again at worst", worst, "calls", 0, in_flight)


def _load_again(sandbox: ServedSandbox, installation: Installation, window: list[str]) -> None:
    """The next attempt, as if the killed run's lease had run out; without a latency, as it changes no number."""
    time.sleep(2 * _LATENCY_SECONDS)  # what was under way is counted by then
    with installation.opened() as deployment, writing(deployment.engine) as connection:
        connection.execute(update(leases).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    sandbox.set_latency(0)
    installation.measured("benchmarks.load_process", *window)
    sandbox.set_latency(_LATENCY_SECONDS)


def _load_and_kill(installation: Installation, window: list[str], after_seconds: float) -> None:
    """Kill a load so long after it began (SIGKILL, by leaving the block)."""
    with installation.started("benchmarks.load_process", *window) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_seconds)
        if process.poll() is not None:
            raise RuntimeError("a load ended before it could be killed")


def _dump(installation: Installation) -> Mapping[str, str]:
    """A digest of every row of every table that a load writes, by the table's name."""
    with installation.opened() as deployment:
        return {table.name: _digest(deployment, table) for table in _TABLES}


def _digest(deployment: Deployment, table: Table) -> str:
    left_out = _OF_THE_RUN | ({"id"} if table is audit_events else set())
    columns = [column for column in table.c if column.name not in left_out]
    with reading(deployment.engine) as connection:
        rows = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
    return sha256("\n".join(rows).encode()).hexdigest()
