"""Ten times as many deals: the same memory, and ten times the time."""

from collections.abc import Iterator
from typing import Any

from benchmarks.initial_load import load
from benchmarks.installation import installed
from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import Filling, sandbox_process

FULL, QUICK = 100_000, 10_000

_TIMES = 10
_MOST_TIMES = 11


def measure(deals: int) -> Iterator[Measurement]:
    """Both loads are of the same mix: 4 lines and 0.6 companies a deal, 500 products."""
    small, large = _loaded(deals // _TIMES), _loaded(deals)
    name = f"initial load of {deals:,} won deals"
    yield Measurement(f"{name}: projects", large["held"]["project"], "projects", deals, deals, better="more")
    yield Measurement(f"{name}: peak memory of our process", round(large["peak_memory_mb"]), "MB", None, 400)
    for what, key in (("CPU", "cpu_seconds"), ("time without rate limits", "seconds")):
        times = large[key] / small[key]
        yield Measurement(
            f"{name}: {what} beside that of {deals // _TIMES:,}", round(times, 2), "times", _TIMES, _MOST_TIMES
        )
    yield Measurement(f"{name}: CPU of our process", round(large["cpu_seconds"], 1), "CPU seconds")


def _loaded(deals: int) -> dict[str, Any]:
    with sandbox_process(Filling(deals)) as sandbox, installed(sandbox) as installation:
        return load(sandbox, installation)
