"""`python -m benchmarks [--json] [--deals N]`."""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import hubspot
from benchmarks.measurement import Measurement


def main() -> int:
    """Measure, print, and end with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measurements beside their bounds.")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--deals", type=int, default=10_000, help="won deals of the initial load")
    arguments = parser.parse_args()
    rows = list(hubspot.measure(arguments.deals))
    if arguments.json:
        print(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        Console().print(_table(rows))
    return 1 if any(row.holds is False for row in rows) else 0


def _table(rows: list[Measurement]) -> Table:
    table = Table(title="benchmarks", title_justify="left")
    for column in ("name", "value", "unit", "bound", "floor", "holds"):
        table.add_column(column, justify="right" if column in {"value", "bound", "floor"} else "left")
    for row in rows:
        holds = "" if row.holds is None else "yes" if row.holds else "NO"
        cells = [row.name, f"{row.value:,g}", row.unit, _number(row.bound), _number(row.floor), holds]
        table.add_row(*cells)
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"


if __name__ == "__main__":
    sys.exit(main())
