"""An initial load without rate limits: calls, CPU, memory, and what the same load costs once more."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from benchmarks.installation import Installation, installed
from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import Filling, ServedSandbox, sandbox_process

FULL, QUICK = 10_000, 2_000

_LOAD_PROCESS = "benchmarks.load_process"
_TEN_THOUSAND = 10_000


def measure(deals: int) -> Iterator[Measurement]:
    """On SQLite, then on PostgreSQL. CPU is promised for 10,000 deals, memory for any number."""
    promised = deals == _TEN_THOUSAND
    with sandbox_process(Filling(deals)) as sandbox:
        with installed(sandbox) as installation:
            yield from _first_load(sandbox, installation, deals, promised=promised)
            yield from _again(sandbox, installation, deals)
        with ExitStack() as stack:
            url = _postgresql(stack)
            installation = stack.enter_context(installed(sandbox, database_url=url))
            loaded = load(sandbox, installation)
            yield Measurement(
                f"initial load of {deals:,} won deals on PostgreSQL: CPU of our process",
                round(loaded["cpu_seconds"], 2),
                "CPU seconds",
                None,
                15 if promised else None,
            )


def load(sandbox: ServedSandbox, installation: Installation, *options: str) -> dict[str, Any]:
    """Load all there is, in a process of its own.

    Raises:
        RuntimeError: It ended with an error, or a window stayed open.
    """
    loaded = installation.measured(_LOAD_PROCESS, sandbox.since.isoformat(), datetime.now(UTC).isoformat(), *options)
    if loaded["notes"]:
        raise RuntimeError(f"the load is not complete: {loaded['notes']}")
    return loaded


def _first_load(
    sandbox: ServedSandbox, installation: Installation, deals: int, *, promised: bool
) -> Iterator[Measurement]:
    sandbox.reset_calls()
    loaded = load(sandbox, installation)
    calls = sandbox.total_calls()
    name, cpu = f"initial load of {deals:,} won deals", loaded["cpu_seconds"]
    yield Measurement(f"{name}: projects", loaded["held"]["project"], "projects", deals, deals, better="more")
    most = 1_650 if promised else None
    yield Measurement(f"{name}: vendor calls", calls, "calls", sum(loaded["least_calls"].values()), most)
    yield Measurement(f"{name}: 429 answers", sandbox.refused(), "answers", 0, 0)
    most_cpu = 12 if promised else None
    yield Measurement(f"{name} on SQLite: CPU of our process", round(cpu, 2), "CPU seconds", None, most_cpu)
    yield Measurement(f"{name}: records landed and applied", round(loaded["records"] / cpu), "records/CPU second")
    yield Measurement(f"{name}: time without rate limits", round(loaded["seconds"], 1), "seconds")
    yield Measurement(f"{name}: peak memory of our process", round(loaded["peak_memory_mb"]), "MB", None, 400)


def _again(sandbox: ServedSandbox, installation: Installation, deals: int) -> Iterator[Measurement]:
    sandbox.reset_calls()
    loaded = load(sandbox, installation)
    name = f"the same load of {deals:,} again"
    yield Measurement(f"{name}: new rows", sum(loaded["created"].values()), "rows", 0, 0)
    yield Measurement(f"{name}: vendor calls", sandbox.total_calls(), "calls", loaded["least_calls"]["search"])
    sandbox.reset_calls()
    ticked = installation.measured("benchmarks.tick_process")
    name = "quiet tick of two pipelines"
    yield Measurement(f"{name}: vendor calls", sandbox.total_calls(), "calls", 1, 1)
    yield Measurement(f"{name}: time", round(ticked["seconds"] * 1000), "ms")


def _postgresql(stack: ExitStack) -> str:
    """A PostgreSQL server for as long as the stack lasts; the URL of a database of ours."""
    # Where tests may be missing, so may this server's package: only this row needs both.
    from hardfin_pipelines_tests.postgresql_server import run_on_server, running_postgresql

    server = stack.enter_context(running_postgresql())
    run_on_server(server, "CREATE DATABASE benchmark")
    return server.set(database="benchmark").render_as_string(hide_password=False)
