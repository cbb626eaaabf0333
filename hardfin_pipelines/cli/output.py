"""What commands print, and how they end."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console()
errors = Console(stderr=True)

FAILED = 1
"""The work was tried and failed: a vendor refused, a run ended badly."""

REFUSED = 2
"""The request cannot be carried out as it is: wrong input, unknown organization, nothing changed."""


def say(*lines: str) -> None:
    """Lines for people. Vendor values are shown as they are, never as markup."""
    for line in lines:
        console.print(line, markup=False, highlight=False)


def exact(number: Decimal | None) -> str | None:
    """A number digit for digit, for programs."""
    return None if number is None else format(number, "f")


def amount(number: Decimal | None, currency: str | None = "") -> str:
    """An amount of money, or a number, for people; "" where there is none."""
    return "" if number is None else f"{number:f} {currency or ''}".strip()


def print_json(value: Any) -> None:
    """One JSON document on standard output, for programs."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.buffer.write(text)
    sys.stdout.flush()


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, unbroken: Sequence[str] = ()
) -> None:
    """A table for people. Vendor values are shown as they are, never as markup.

    Args:
        title: What it is of.
        columns: Their names.
        rows: Their cells.
        unbroken: Columns whose cells stay on one line: what people copy from them.
    """
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in unbroken)
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    console.print(table)


def print_pairs(title: str, pairs: Mapping[str, object]) -> None:
    """Names and values, for people."""
    print_table(title, ["", ""], list(pairs.items()))


def print_blocks(blocks: Sequence[tuple[str, Mapping[str, object]]]) -> None:
    """Names and values below a headline each: for what is too wide to be a table."""
    for title, pairs in blocks:
        console.print(title, markup=False, highlight=False, style="bold")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in pairs.items():
            grid.add_row(f"  {escape(name)}", escape(str(value)))
        console.print(grid)


def print_error(error: object) -> None:
    """One line on standard error, whatever line breaks and markup a vendor put into it."""
    errors.print(f"error: {' '.join(str(error).split())}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def plain_errors(*refusals: type[Exception]) -> Iterator[None]:
    """Turn the errors a user can cause into one clear line each and exit code 2; others keep their traceback."""
    try:
        yield
    except refusals as error:
        for line in getattr(error, "problems", None) or [error]:
            print_error(line)
        raise typer.Exit(REFUSED) from None
