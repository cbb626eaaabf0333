"""From NetSuite's rows to records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from logging import getLogger
from types import MappingProxyType
from typing import Any

import orjson

from hardfin_pipelines.connectors.erp import Gone
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.netsuite import answers
from hardfin_pipelines.connectors.netsuite.books_tables import SOURCES
from hardfin_pipelines.connectors.netsuite.errors import INTEGRATION, VENDOR
from hardfin_pipelines.sync.books import BOOKS_KINDS
from hardfin_pipelines.sync.records import Record, Role

_FIRST_SOURCES = {source.kind: source for source in reversed(SOURCES)}

OBJECTS: Mapping[Role, str] = MappingProxyType(
    {"item": "item", **{kind: _FIRST_SOURCES[kind].table for kind in BOOKS_KINDS}}
)
"""NetSuite's name of each role's object: the table that holds it. `item` holds all kinds of items."""

_KEYS: Mapping[Role, tuple[str, ...]] = {"item": ("id",), **{kind: _FIRST_SOURCES[kind].key for kind in BOOKS_KINDS}}
_STAMPS: Mapping[Role, tuple[str, ...]] = {
    "item": ("lastmodifieddate",),
    **{kind: tuple(each.stamp for each in SOURCES if each.kind == kind and each.stamp) for kind in BOOKS_KINDS},
}
_LINKS = "links"
"""A member of every row, which is no column."""

_log = getLogger(__name__)


def record_of(role: Role, row: Row, *, stamp_if_none: datetime | None = None) -> Record:
    """The record of one row; properties are columns as the statement names them, empty ones absent.

    Args:
        role: What the record is.
        row: The row.
        stamp_if_none: Taken where the row has no stamp that can be read.

    Raises:
        SkipRecord: It is no record: it has no id, or no stamp and none is given.
    """
    external_id = _id_of(role, row)
    modified_at = _stamp_of(role, row) or stamp_if_none
    if modified_at is None:
        text = f"{VENDOR}'s {OBJECTS[role]} {external_id} has no stamp that can be read"
        raise SkipRecord(INTEGRATION, text, record_id=external_id)
    return Record(role, external_id, modified_at, _properties(row.document))


def records_of(
    role: Role, rows: Sequence[Row], stamp_if_none: datetime
) -> tuple[tuple[Record, ...], tuple[bytes, ...]]:
    """The records of a page and their bytes."""
    records = [record_of(role, row, stamp_if_none=stamp_if_none) for row in rows]
    return tuple(records), tuple(row.raw for row in rows)


def gone_of(role: Role, rows: Sequence[Row], at_if_none: datetime) -> tuple[Gone, ...]:
    """What rows of `deletedrecord` say. NetSuite merges no items, so nothing survives."""
    return tuple(
        Gone(
            role,
            str(answers.id_of(row)),
            answers.moment_of(answers.value_of(row, "deleteddate")) or at_if_none,
            "deleted",
        )
        for row in rows
    )


class NetSuiteDecoder:
    """Decodes NetSuite's records that were landed, without a connection to anything."""

    def objects(self) -> Mapping[Role, str]:
        """NetSuite's name of each role's object."""
        return OBJECTS

    def decode_record(self, role: Role, raw: bytes, stamp_if_none: datetime | None = None) -> Record:
        """The record of one row as received.

        Raises:
            SkipRecord: It is no JSON, or no record.
        """
        try:
            document = answers.value_in(raw)
        except ValueError as error:
            text = f"what is kept of one of {VENDOR}'s {OBJECTS[role]}s is no JSON: {error}"
            raise SkipRecord(INTEGRATION, text, record_id="") from None
        return record_of(role, Row(document, raw), stamp_if_none=stamp_if_none)


def _id_of(role: Role, row: Row) -> str:
    """The parts of a row's key, joined by colons; "" stands for one that the account does not have."""
    parts = [answers.value_of(row, name) for name in _KEYS[role]]
    first = parts[0]
    if not first.isdigit() or not first.isascii():
        text = f"{VENDOR} sent a row among its {OBJECTS[role]}s that has no {_KEYS[role][0]}"
        raise SkipRecord(INTEGRATION, text, record_id="")
    return first if len(parts) == 1 else ":".join(parts)


def _stamp_of(role: Role, row: Row) -> datetime | None:
    for name in _STAMPS[role]:
        text = answers.value_of(row, name)
        if text:
            return answers.moment_of(text)
    return None


def _properties(document: Mapping[str, Any]) -> dict[str, str | None]:
    properties = dict(document)
    properties.pop(_LINKS, None)
    for name, value in properties.items():
        if type(value) is not str and value is not None:
            properties[name] = orjson.dumps(value).decode()
    return properties
