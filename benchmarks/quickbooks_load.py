"""QuickBooks: a first load of items matched against Hardfin's catalogue, and a quiet tick, beside their promises."""

from collections.abc import Iterator

from benchmarks.installation import installed_at_quickbooks
from benchmarks.measurement import Measurement
from benchmarks.messy_catalogue import messy_catalogue
from benchmarks.quickbooks_process import quickbooks_process

FULL, QUICK = 50_000, 5_000

_PROMISED = 50_000
_PAGE = 1_000
_SET_UP = 2
"""What connecting asks, and the last page, which begins with the last row of the one before."""


def measure(items: int) -> Iterator[Measurement]:
    """CPU and calls are promised for 50,000 items beside 100,000 products."""
    promised = items == _PROMISED
    products = messy_catalogue(2 * items, items).products
    with (
        quickbooks_process(items, 2 * items) as sandbox,
        installed_at_quickbooks(sandbox, products) as installation,
    ):
        set_up = sandbox.api_calls()
        sandbox.reset_calls()
        loaded = installation.measured("benchmarks.item_process")
        calls = sandbox.api_calls()
        sandbox.reset_calls()
        again = installation.measured("benchmarks.item_process")
        quiet = sandbox.api_calls()
    name = f"QuickBooks, first load of {items:,} items beside {2 * items:,} products"
    least = -(-loaded["items"] // _PAGE)
    yield Measurement(f"{name}: API calls", calls, "calls", least, least + _SET_UP)
    yield Measurement(f"{name}: linked", loaded["linked"], "items")
    yield Measurement(f"{name}: in triage", loaded["into_triage"], "items")
    cpu = round(loaded["cpu_seconds"], 2)
    yield Measurement(f"{name}: CPU of our process", cpu, "CPU seconds", None, 10 if promised else None)
    yield Measurement(f"{name}: peak memory of our process", round(loaded["peak_memory_mb"]), "MB")
    yield Measurement("QuickBooks: connecting a company", set_up, "calls", 1, _SET_UP)
    yield Measurement("QuickBooks: quiet tick", quiet, "calls", 1, 1)
    yield Measurement("QuickBooks: runs that a quiet tick starts", again["runs"], "runs", 0, 0)
