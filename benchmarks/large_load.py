"""Ten times as many deals: the same memory, and ten times the time."""

from collections.abc import Iterator

from benchmarks.initial_load import load
from benchmarks.installation import installed
from benchmarks.measurement import Measurement
from benchmarks.paced_load import paced_load
from benchmarks.sandbox_process import Filling, sandbox_process

FULL, QUICK = 100_000, 3_000

_TIMES = 10
_MOST_TIMES = 11


def measure(deals: int) -> Iterator[Measurement]:
    """Loads of one mix: 4 lines and 0.6 companies a deal, 500 products.

    Time is that which a customer waits: under HubSpot's limits, at 150 ms. What our own work costs is measured with
    neither, the small load before and after the large one, since a machine does not keep its pace for minutes. Below
    the full size most of the small load's calls pass before any limit is met: nothing is promised there.
    """
    few, name = deals // _TIMES, f"initial load of {deals:,} won deals"
    before, large, after = _cpu_seconds(few), _cpu_seconds(deals), _cpu_seconds(few)
    times = round(large / ((before + after) / 2), 2)
    yield Measurement(f"{name} without limits: CPU beside that of {few:,}", times, "times", _TIMES)
    yield Measurement(f"{name} without limits: CPU of our process", round(large, 1), "CPU seconds")
    (small, _, _), (loaded, _, refused) = paced_load(few), paced_load(deals)
    name = f"{name} under HubSpot's limits at 150 ms"
    yield Measurement(f"{name}: projects", loaded["held"]["project"], "projects", deals, deals, better="more")
    yield Measurement(f"{name}: peak memory of our process", round(loaded["peak_memory_mb"]), "MB", None, 400)
    times = round(loaded["seconds"] / small["seconds"], 2)
    yield Measurement(
        f"{name}: time beside that of {few:,}", times, "times", _TIMES, _MOST_TIMES if deals == FULL else None
    )
    yield Measurement(f"{name}: time", round(loaded["seconds"]), "seconds")
    yield Measurement(f"{name}: 429 answers", refused, "answers", 0, 0)


def _cpu_seconds(deals: int) -> float:
    with sandbox_process(Filling(deals)) as sandbox, installed(sandbox) as installation:
        return float(load(sandbox, installation)["cpu_seconds"])
