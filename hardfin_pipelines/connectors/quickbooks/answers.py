"""The records in QuickBooks' answers, each byte for byte as received, and the time on its clock.

Numbers stay the texts they came as, so that money keeps its digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import JsonReader, Row
from hardfin_pipelines.connectors.quickbooks import errors

_DELETED = "deleted"


@dataclass(slots=True)
class EntityChanges:
    """What change data capture says of one entity.

    Attributes:
        rows: Records as they are now, inactive ones too.
        stubs: What is left of those that are gone: an id and a stamp.
        complete: False where QuickBooks told of as many changes as it tells at once: there may be more.
    """

    rows: list[Row] = field(default_factory=list)
    stubs: list[Row] = field(default_factory=list)
    complete: bool = True


def moment_of(text: Any) -> datetime | None:
    """A stamp of QuickBooks ("2026-03-02T04:00:00-08:00"), aware and in UTC; None where it is none."""
    if not isinstance(text, str) or len(text) < 19:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp_of(row: Row) -> datetime | None:
    """When a row was last changed; None where it does not say."""
    meta = row.document.get("MetaData") if isinstance(row.document, dict) else None
    return moment_of(meta.get("LastUpdatedTime")) if isinstance(meta, dict) else None


def id_of(row: Row) -> str:
    """The id of a row; "" where it has none."""
    found = row.document.get("Id") if isinstance(row.document, dict) else None
    return found if isinstance(found, str) else ""


def vendor_time(answer: Answer) -> datetime:
    """QuickBooks' clock when it answered: what the answer says, else its Date header.

    The answer's is the clock that `changedSince` is compared with (Intuit docs: change data capture).
    """
    return moment_of(answer.members.get("time")) or answer.vendor_time


def query_rows(answer: Answer, entity: str, call: str) -> list[Row]:
    """The rows of an answer to a query.

    Raises:
        VendorContractError: It is no such answer.
    """
    try:
        reader = JsonReader(answer.body)
        for name, place in reader.members(reader.start()):
            if name == "QueryResponse":
                return dict(_entities(reader, place)).get(entity, [])
            reader.skip(place)
    except ValueError:
        pass
    raise errors.unknown_shape(call, "QueryResponse")


def changes_in(answer: Answer, call: str) -> dict[str, EntityChanges]:
    """What an answer of change data capture says, by entity; one without changes is absent.

    Raises:
        VendorContractError: It is no such answer.
    """
    found: dict[str, EntityChanges] = {}
    try:
        for entity, rows in _changed(JsonReader(answer.body)):
            about = found.setdefault(entity, EntityChanges())
            for row in rows:
                (about.stubs if _is_stub(row) else about.rows).append(row)
    except ValueError:
        raise errors.unknown_shape(call, "CDCResponse that can be read") from None
    return found


def _changed(reader: JsonReader) -> Iterator[tuple[str, list[Row]]]:
    told = False
    for name, place in reader.members(reader.start()):
        if name != "CDCResponse":
            reader.skip(place)
            continue
        told = True
        for part in reader.elements(place):
            for inner, responses in reader.members(part):
                if inner != "QueryResponse":
                    reader.skip(responses)
                    continue
                for response in reader.elements(responses):
                    yield from _entities(reader, response)
    if not told:
        raise ValueError("the answer has no CDCResponse")


def _entities(reader: JsonReader, place: int) -> Iterator[tuple[str, list[Row]]]:
    """The arrays of an object: entities with their rows."""
    for name, value in reader.members(place):
        if reader.is_at(value, "["):
            yield name, list(reader.rows(value))
        else:
            reader.skip(value)


def _is_stub(row: Row) -> bool:
    status = row.document.get("status") if isinstance(row.document, dict) else None
    return isinstance(status, str) and status.lower() == _DELETED
