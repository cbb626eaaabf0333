"""The rows of NetSuite's answers, each byte for byte as received (Oracle docs: SuiteQL over REST).

Values are texts, empty ones are left out, and only `hasMore` says whether there is more: a page may be short.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import JsonReader, Row
from hardfin_pipelines.connectors.netsuite import errors


@dataclass(frozen=True, slots=True)
class Rows:
    """One answer to a query."""

    rows: list[Row]
    more: bool


def rows_in(answer: Answer, call: str) -> Rows:
    """The rows of an answer.

    Raises:
        VendorContractError: It is no such answer.
    """
    rows: list[Row] | None = None
    more: Any = None
    try:
        reader = JsonReader(answer.body)
        for name, place in reader.members(reader.start()):
            if name == "items" and reader.is_at(place, "["):
                rows = list(reader.rows(place))
            elif name == "hasMore":
                more = reader.value(place)
            else:
                reader.skip(place)
    except (ValueError, IndexError):
        rows = None
    if rows is None or not isinstance(more, bool):
        raise errors.unknown_shape(call, "items and hasMore")
    return Rows(rows, more)


def value_of(row: Row, name: str) -> str:
    """A value of a row; "" where it is empty or no text."""
    found = row.document.get(name) if isinstance(row.document, dict) else None
    return found if isinstance(found, str) else ""


def id_of(row: Row, name: str = "id") -> int | None:
    """An id of a row; None where it has none that can be read."""
    text = value_of(row, name)
    return int(text) if text.isascii() and text.isdigit() else None


def moment_of(text: str) -> datetime | None:
    """A moment as our statements have it written, aware and in UTC; None where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def iso_moment_of(text: Any) -> datetime | None:
    """A moment as the system operations write it ("2026-03-02T12:00:00.000Z"); None where it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if found is None or found.utcoffset() is None else found.astimezone(UTC)


def offset_between(utc: datetime, here: datetime) -> timedelta:
    """How far a zone is ahead of UTC, in quarters of an hour: the two clocks may be a moment apart."""
    quarter = timedelta(minutes=15)
    return round((here - utc) / quarter) * quarter
