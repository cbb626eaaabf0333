"""From QuickBooks' JSON to records."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from logging import getLogger
from typing import Any

import orjson

from hardfin_pipelines.connectors.erp import Gone
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.json_reader import Row, value_of
from hardfin_pipelines.connectors.quickbooks.answers import id_of, stamp_of
from hardfin_pipelines.connectors.quickbooks.errors import INTEGRATION, VENDOR
from hardfin_pipelines.sync.records import Record, Role

OBJECTS: Mapping[Role, str] = {"item": "Item"}
"""QuickBooks' name of each role's object."""

CUSTOM = "CustomField"

_log = getLogger(__name__)


def record_of(role: Role, row: Row, *, stamp_if_none: datetime | None = None) -> Record:
    """The record of one row. Members of members have dotted names, such as `ParentRef.value`.

    Args:
        role: What the record is.
        row: The row.
        stamp_if_none: Taken where the record has no stamp that can be read.

    Raises:
        SkipRecord: It is no record: it has no id, or no stamp and none is given.
    """
    external_id = id_of(row)
    if not external_id:
        text = f"{VENDOR} sent a row among its {OBJECTS[role]}s that has no Id"
        raise SkipRecord(INTEGRATION, text, record_id="")
    modified_at = stamp_of(row) or stamp_if_none
    if modified_at is None:
        text = f"{VENDOR}'s {OBJECTS[role]} {external_id} has no LastUpdatedTime that can be read"
        raise SkipRecord(INTEGRATION, text, record_id=external_id)
    return Record(role, external_id, modified_at, dict(_flat(row.document, "")))


def records_of(
    role: Role, rows: Sequence[Row], stamp_if_none: datetime
) -> tuple[tuple[Record, ...], tuple[bytes, ...]]:
    """The records of a page and their bytes; what has no id cannot be handed out and is logged."""
    records, raw = [], []
    for row in rows:
        try:
            records.append(record_of(role, row, stamp_if_none=stamp_if_none))
        except SkipRecord as skipped:
            _log.warning("%s", skipped)
            continue
        raw.append(row.raw)
    return tuple(records), tuple(raw)


def gone_of(role: Role, stubs: Sequence[Row], at_if_none: datetime) -> tuple[Gone, ...]:
    """What the stubs in an answer of change data capture say.

    A record that was merged into another leaves a stub like any other; into which one QuickBooks does not say.
    """
    return tuple(Gone(role, id_of(stub), stamp_of(stub) or at_if_none, "deleted") for stub in stubs if id_of(stub))


class QuickBooksDecoder:
    """Decodes QuickBooks' records that were landed, without a connection to anything."""

    def objects(self) -> Mapping[Role, str]:
        """QuickBooks' name of each role's object."""
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


def _flat(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for name, value in document.items():
        if value is None or type(value) is str:
            yield prefix + name, value
        elif value is True:
            yield prefix + name, "true"
        elif value is False:
            yield prefix + name, "false"
        elif isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, orjson.dumps(value).decode()
            if name == CUSTOM and isinstance(value, list):
                yield from _custom(value)


def _custom(fields: Sequence[Any]) -> Iterator[tuple[str, str | None]]:
    """Custom fields under their names (Intuit docs: custom fields: a value's member is named by its type)."""
    for each in fields:
        if isinstance(each, dict) and isinstance(each.get("Name"), str):
            value = next((each[name] for name in each if name.endswith("Value")), None)
            yield f"{CUSTOM}.{each['Name']}", value if value is None or type(value) is str else str(value).lower()
