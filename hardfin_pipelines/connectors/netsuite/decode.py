"""From NetSuite's rows to records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from logging import getLogger
from typing import Any

import orjson

from hardfin_pipelines.connectors.erp import Gone
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.json_reader import Row, value_of
from hardfin_pipelines.connectors.netsuite import answers
from hardfin_pipelines.connectors.netsuite.errors import INTEGRATION, VENDOR
from hardfin_pipelines.sync.records import Record, Role

OBJECTS: Mapping[Role, str] = {"item": "item"}
"""NetSuite's name of each role's object: the table that holds all kinds of items."""

_STAMP = "lastmodifieddate"
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
    external_id = answers.id_of(row)
    if external_id is None:
        text = f"{VENDOR} sent a row among its {OBJECTS[role]}s that has no id"
        raise SkipRecord(INTEGRATION, text, record_id="")
    modified_at = answers.moment_of(answers.value_of(row, _STAMP)) or stamp_if_none
    if modified_at is None:
        text = f"{VENDOR}'s {OBJECTS[role]} {external_id} has no {_STAMP} that can be read"
        raise SkipRecord(INTEGRATION, text, record_id=str(external_id))
    properties = {name: _text(value) for name, value in row.document.items() if name != _LINKS}
    return Record(role, str(external_id), modified_at, properties)


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
            document = value_of(raw)
        except ValueError as error:
            text = f"what is kept of one of {VENDOR}'s {OBJECTS[role]}s is no JSON: {error}"
            raise SkipRecord(INTEGRATION, text, record_id="") from None
        return record_of(role, Row(document, raw), stamp_if_none=stamp_if_none)


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return orjson.dumps(value).decode()
