"""NetSuite: a first read of items and stock, and a quiet tick, beside their promises."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.installation import installed_at_netsuite
from benchmarks.measurement import Measurement
from benchmarks.netsuite_process import netsuite_process

FULL, QUICK = 50_000, 5_000

_PROMISED = 50_000
_PAGE = 1_000
_ROWS_AN_ITEM = 2
_OTHER_CALLS = 10
"""Beside the pages of items and of stock: what says how much there is, and the small tables."""

_MOST_IN_FLIGHT = 3


def measure(items: int) -> Iterator[Measurement]:
    """CPU and calls are promised for 50,000 items and 100,000 rows of stock."""
    promised, rows = items == _PROMISED, items * _ROWS_AN_ITEM
    with (
        tempfile.TemporaryDirectory(prefix="hardfin-benchmark-") as folder,
        netsuite_process(items, rows, Path(folder)) as sandbox,
        installed_at_netsuite(sandbox) as installation,
    ):
        set_up = sandbox.api_calls()
        sandbox.reset_calls()
        loaded = installation.measured("benchmarks.item_process")
        calls, at_once = sandbox.api_calls(), sandbox.most_in_flight()
        sandbox.reset_calls()
        again = installation.measured("benchmarks.item_process")
        quiet = sandbox.api_calls()
    name = f"NetSuite, first read of {items:,} items and {rows:,} rows of stock"
    least = -(-items // _PAGE) + -(-rows // _PAGE)
    yield Measurement(f"{name}: API calls", calls, "calls", least, least + _OTHER_CALLS)
    yield Measurement(f"{name}: rows of stock here", loaded["inventory_levels"], "rows", rows, rows, "more")
    cpu = round(loaded["cpu_seconds"], 2)
    yield Measurement(f"{name}: CPU of our process", cpu, "CPU seconds", None, 15 if promised else None)
    yield Measurement(f"{name}: peak memory of our process", round(loaded["peak_memory_mb"]), "MB")
    yield Measurement(f"{name}: most requests at once", at_once, "requests", None, _MOST_IN_FLIGHT)
    yield Measurement("NetSuite: connecting an account", set_up, "calls")
    yield Measurement("NetSuite: quiet tick", quiet, "calls", 1, 3)
    yield Measurement("NetSuite: runs that a quiet tick starts", again["runs"], "runs", 0, 0)
