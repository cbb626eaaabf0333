"""Ticks over a large synced portal: newly won deals, and synced ones that were changed at the CRM."""

from collections.abc import Iterator

from sqlalchemy import select

from benchmarks.initial_load import load
from benchmarks.installation import Installation, installed
from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import Filling, ServedSandbox, sandbox_process
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.tables import projects

FULL, QUICK = 50_000, 2_000

_CHANGED = 100
_LEAST_FOR_NEW = 8
"""A search, two association calls, a read of companies, and four of lines, of which a deal has four."""

_TICK_PROCESS = "benchmarks.tick_process"


def measure(deals: int) -> Iterator[Measurement]:
    """Calls are those of the poll and of the run that follows it."""
    # So few products that every one of them was sold before: the new deals name none that is not synced yet.
    filling = Filling(deals, open_deals=8 * _CHANGED, products=min(500, deals // 20))
    with sandbox_process(filling) as sandbox, installed(sandbox) as installation:
        load(sandbox, installation)
        installation.measured(_TICK_PROCESS)
        before = _projects(installation)
        for deal in sandbox.open[:_CHANGED]:
            sandbox.win(deal)
        name = f"tick over {_CHANGED} newly won of {deals:,} deals"
        yield from _tick(sandbox, installation, name, _LEAST_FOR_NEW)
        made = len(_projects(installation)) - len(before)
        yield Measurement(f"{name}: new projects", made, "projects", _CHANGED, _CHANGED, better="more")
        before = _projects(installation)
        for deal in sandbox.won[:_CHANGED]:
            sandbox.rename(deal, "Changed at the CRM")
        name = f"tick over {_CHANGED} synced and changed of {deals:,} deals"
        yield from _tick(sandbox, installation, name, 1)
        changed = len(before ^ _projects(installation))
        yield Measurement(f"{name}: projects changed", changed, "projects", 0, 0)


def _tick(sandbox: ServedSandbox, installation: Installation, name: str, least: int) -> Iterator[Measurement]:
    sandbox.reset_calls()
    ticked = installation.measured(_TICK_PROCESS)
    yield Measurement(f"{name}: vendor calls", sandbox.total_calls(), "calls", least, 8)
    cpu = round(ticked["cpu_seconds"], 2)
    yield Measurement(f"{name}: CPU beyond process start", cpu, "CPU seconds", None, 0.5)


def _projects(installation: Installation) -> set[tuple[object, ...]]:
    """Every project as it is."""
    with installation.opened() as deployment, reading(deployment.engine) as connection:
        columns = [column for column in projects.c if column.name != "custom"]
        return {tuple(row) for row in connection.execute(select(*columns))}
