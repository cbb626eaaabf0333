"""What commands print, and how they end."""

import re
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
from rich.text import Text

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of text: they would move the cursor, or mix up a line."""


class PlainConsole(Console):
    """A console that shows what a terminal would obey: texts of vendors are data."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text with its control characters spelled out."""
        return super().render_str(spelled_out(text), **options)


def spelled_out(text: str) -> str:
    """A text with its control characters as Python writes them; line breaks and tabs stay."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


console = PlainConsole()
errors = PlainConsole(stderr=True)

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
        print_entries(title, list(pairs.items()))


def print_entries(title: str, rows: Sequence[tuple[str, *tuple[object, ...]]]) -> None:
    """Rows below a headline, without the lines of a table; their first cell stays on one line.

    Args:
        title: What they are of.
        rows: Their cells, as many in each.
    """
    console.print(title, markup=False, highlight=False, style="bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for _ in rows[0][1:] if rows else ():
        grid.add_column(overflow="fold")
    for name, *values in rows:
        grid.add_row(f"  {escape(name)}", *(escape(str(value)) for value in values))
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
