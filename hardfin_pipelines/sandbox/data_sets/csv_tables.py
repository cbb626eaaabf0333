"""Tables in CSV files, read with every cell as text and checked cell by cell."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?")


class DataSetError(ValueError):
    """A data set cannot be read: one line that names file, row and column, and what was expected there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, with its place: the header is row 1, and empty lines do not count."""

    file: str
    number: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """Return the cell without the white space around it; it may be empty."""
        return self.cells[column].strip()

    def required(self, column: str) -> str:
        """Return the cell without the white space around it.

        Raises:
            DataSetError: it is empty.
        """
        text = self.text(column)
        if not text:
            raise self.refusal(column, "a value")
        return text

    def number_in(self, column: str, *, at_most: Decimal | None = None) -> Decimal:
        """Return the cell's number, digit for digit.

        Args:
            column: which cell.
            at_most: the largest number that is right here.

        Raises:
            DataSetError: it is no plain number of 0 or more, or too large.
        """
        expected = "a number such as 14 or 9.80" if at_most is None else f"a number from 0 to {at_most}"
        text = self.text(column)
        if not _NUMBER.fullmatch(text):
            raise self.refusal(column, expected)
        number = Decimal(text)
        if at_most is not None and number > at_most:
            raise self.refusal(column, expected)
        return number

    def moment_in(self, column: str) -> datetime:
        """Return the cell's date and time, taken to be in UTC.

        Raises:
            DataSetError: it is neither a date nor a date and time.
        """
        text = self.text(column)
        expected = "a date such as 1996-07-04, with or without a time such as 00:00:00"
        if not _DATE.fullmatch(text):
            raise self.refusal(column, expected)
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:  # the 30th of February, for one
            raise self.refusal(column, expected) from None

    def optional_moment_in(self, column: str) -> datetime | None:
        """Return the cell's date and time as `moment_in` does, None where the cell is empty."""
        return self.moment_in(column) if self.text(column) else None

    def refusal(self, column: str, expected: str) -> DataSetError:
        """Return the error that says what was `expected` in this cell, and what is there."""
        return DataSetError(
            f"{self.file}, row {self.number}, column {column}: {self.cells[column]!r} found, expected {expected}"
        )


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file."""

    file: str
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def by_key(self, column: str) -> dict[str, Row]:
        """Return the rows by what they hold in `column`, in the file's order.

        Raises:
            DataSetError: a row has nothing there, or the same as an earlier one.
        """
        rows: dict[str, Row] = {}
        for row in self.rows:
            key = row.required(column)
            if key in rows:
                raise row.refusal(column, f"a value of its own, but row {rows[key].number} has it too")
            rows[key] = row
        return rows


def read_table(path: Path, columns: tuple[str, ...]) -> Table:
    """Read a CSV file in UTF-8 with a header; columns beyond `columns` are kept too.

    Raises:
        DataSetError: the file is missing, unreadable or no CSV, a row is longer or shorter than the header, or one of
            `columns` is missing.
    """
    text = _text(path)
    header = _check_shape(path, text)
    missing = [column for column in columns if column not in header]
    if missing:
        raise DataSetError(
            f"{path.name}, row 1: column {', '.join(missing)} is missing; expected {', '.join(columns)}, "
            f"found {', '.join(header)}"
        )
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, index_col=False)
    rows = (
        Row(path.name, number, dict(zip(header, cells, strict=True)))
        for number, cells in enumerate(frame.itertuples(index=False, name=None), start=2)
    )
    return Table(path.name, tuple(rows))


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise DataSetError(f"{path.name}: no such file in {path.parent}; expected a CSV file with a header") from None
    except UnicodeDecodeError as error:
        raise DataSetError(f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise DataSetError(f"{path.name}: cannot be read ({error.strerror}); expected a CSV file") from None


def _check_shape(path: Path, text: str) -> list[str]:
    """Return the header after checking that every row is as long: pandas fills up a row that was cut off."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    header: list[str] = []
    try:
        for number, cells in enumerate((cells for cells in reader if cells), start=1):
            header = header or cells
            if len(cells) != len(header):
                raise DataSetError(f"{path.name}, row {number}: {len(cells)} values, expected {len(header)}")
    except csv.Error as error:
        raise DataSetError(f"{path.name}, row {number + 1}: {error}; expected values separated by commas") from None
    if not header:
        raise DataSetError(f"{path.name}: empty; expected a header in the first row")
    if len(set(header)) < len(header):
        raise DataSetError(f"{path.name}, row 1: a column occurs twice; expected each name once")
    return header
