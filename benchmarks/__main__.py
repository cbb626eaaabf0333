"""`python -m benchmarks [--json] [--quick] [--only PATTERN]... [--list]`.

A full run takes about half an hour on two cores, most of it for the loads of 100,000 and 50,000 deals and the
30 kills; `--quick` measures the same at sizes that end within two minutes, where not everything is promised.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from types import MappingProxyType
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import (
    initial_load,
    kills,
    large_load,
    matching,
    netsuite_load,
    paced_load,
    quickbooks_load,
    quiet_poll,
    salesforce_load,
    ticks,
)
from benchmarks.measurement import Measurement


class Benchmark(NamedTuple):
    """Some rows that are measured together, at either of two sizes."""

    measure: Callable[[int], Iterator[Measurement]]
    full: int
    quick: int


BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        "initial-load": Benchmark(initial_load.measure, initial_load.FULL, initial_load.QUICK),
        "paced-load": Benchmark(paced_load.measure, paced_load.FULL, paced_load.QUICK),
        "quiet-poll": Benchmark(quiet_poll.measure, quiet_poll.FULL, quiet_poll.QUICK),
        "ticks": Benchmark(ticks.measure, ticks.FULL, ticks.QUICK),
        "kills": Benchmark(kills.measure, kills.FULL, kills.QUICK),
        "large-load": Benchmark(large_load.measure, large_load.FULL, large_load.QUICK),
        "salesforce": Benchmark(salesforce_load.measure, salesforce_load.FULL, salesforce_load.QUICK),
        "quickbooks": Benchmark(quickbooks_load.measure, quickbooks_load.FULL, quickbooks_load.QUICK),
        "netsuite": Benchmark(netsuite_load.measure, netsuite_load.FULL, netsuite_load.QUICK),
        "matching": Benchmark(matching.measure, matching.FULL, matching.QUICK),
    }
)


def main() -> int:
    """Measure, print, and end with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measurements beside their bounds.")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--quick", action="store_true", help="sizes that end within two minutes")
    parser.add_argument(
        "--only",
        action="append",
        metavar="PATTERN",
        help="only benchmarks whose name fits, such as 'ticks' or '*-load'; may be given several times",
    )
    parser.add_argument("--list", action="store_true", help="print the names and end")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(BENCHMARKS))
        return 0
    names = [name for name in BENCHMARKS if any(fnmatch(name, pattern) for pattern in arguments.only or ["*"])]
    if not names:
        parser.error(f"--only {' '.join(arguments.only)}: fits none of {', '.join(BENCHMARKS)}")
    rows = list(_measured(names, quick=arguments.quick))
    if arguments.json:
        print(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        Console().print(table_of(rows))
    return 1 if any(row.holds is False for row in rows) else 0


def table_of(rows: list[Measurement]) -> Table:
    """The rows for people."""
    table = Table(title="benchmarks", title_justify="left")
    for column in ("name", "value", "unit", "bound", "floor", "holds"):
        table.add_column(column, justify="right" if column in {"value", "bound", "floor"} else "left")
    for row in rows:
        holds = "" if row.holds is None else "yes" if row.holds else "NO"
        table.add_row(row.name, f"{row.value:,g}", row.unit, _number(row.bound), _number(row.floor), holds)
    return table


def _measured(names: list[str], *, quick: bool) -> Iterator[Measurement]:
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        benchmark = BENCHMARKS[name]
        yield from benchmark.measure(benchmark.quick if quick else benchmark.full)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"


if __name__ == "__main__":
    sys.exit(main())
