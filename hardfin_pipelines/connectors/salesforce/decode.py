"""From Salesforce's JSON to records, and what deciding needs to know of an opportunity."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from logging import getLogger
from typing import Any

import orjson

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.json_reader import Row, value_of
from hardfin_pipelines.connectors.salesforce.errors import INTEGRATION
from hardfin_pipelines.connectors.salesforce.ids import long_id, own_id
from hardfin_pipelines.connectors.salesforce.objects import STANDARD, OrgObjects
from hardfin_pipelines.sync.records import Record, Reference, Role
from hardfin_pipelines.sync.trigger import DealState

MODIFIED = "SystemModstamp"
EDITED = "LastModifiedDate"
RECORD_TYPE = "RecordTypeId"
ENTERED_STAGE = "LastStageChangeDate"
HISTORY = "OpportunityHistories"
"""The child relationship whose rows say which stages an opportunity has been in."""

MASTER_RECORD_TYPE = "012000000000000AAA"
"""The record type of records that have none (Salesforce docs: describe, `recordTypeInfos`)."""

DEFAULT_PIPELINE = "default"
"""The one pipeline of an org without record types: its opportunities have no field RecordTypeId at all."""

_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?")

_log = getLogger(__name__)


class Properties(dict[str, str | None]):
    """Values by field, those of parents under dotted names.

    Of a parent that there is none of, Salesforce sends null instead of its fields: each of them is empty then, not
    unknown.
    """

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or (isinstance(name, str) and self._has_no_parent(name))

    def __missing__(self, name: str) -> str | None:
        if self._has_no_parent(name):
            return None
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field; `default` where the record came without it."""
        try:
            return self[name]  # no call but `__missing__`: nearly all fields are there
        except KeyError:
            return default

    def _has_no_parent(self, name: str) -> bool:
        parent = name.rpartition(".")[0]
        while parent:
            if dict.__contains__(self, parent):
                return dict.__getitem__(self, parent) is None
            parent = parent.rpartition(".")[0]
        return False


def place_of(text: Any) -> Decimal | None:
    """The number of a line among those of its deal; None where it has none."""
    return Decimal(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def moment_of(text: Any) -> datetime | None:
    """A stamp of Salesforce ("2024-09-24T03:26:07.000+0000"), aware and in UTC; None where it is none."""
    if not isinstance(text, str) or len(text) < 19:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def record_of(
    role: Role,
    row: Row,
    *,
    objects: OrgObjects = STANDARD,
    stamp_if_none: datetime | None = None,
    site: str = "",
) -> Record:
    """The record of one row.

    Args:
        role: What the record is.
        row: The row.
        objects: The org's objects.
        site: The org's own address, under which people see its records by their ids; "" where it is not known.
        stamp_if_none: Taken where the record has no stamp that can be read.

    Raises:
        SkipRecord: It is no record: it has no id, or no stamp and none is given.
    """
    document = row.document
    external_id = long_id(str(document.get("Id") or "")) if isinstance(document, dict) else ""
    if not external_id:
        text = f"Salesforce sent a row among its {objects.by_role[role]} that has no id"
        raise SkipRecord(INTEGRATION, text, record_id="")
    properties = Properties(_flat(document, ""))
    modified_at = moment_of(properties.get(MODIFIED)) or stamp_if_none
    if modified_at is None:
        text = f"Salesforce's {objects.by_role[role]} {external_id} has no modification stamp that can be read"
        raise SkipRecord(INTEGRATION, text, record_id=external_id)
    return Record(
        role=role,
        id=external_id,
        modified_at=modified_at,
        properties=properties,
        references=_references(objects.references[role], properties),
        archived=properties.get("IsDeleted") == "true",
        url=f"{site}/{external_id}" if site else "",
        edited_at=moment_of(dict.get(properties, EDITED)) if role == "deal" else None,
        place=place_of(dict.get(properties, objects.place_of_line)) if role == "line_item" else None,
    )


def deals_of(
    rows: Sequence[Row], objects: OrgObjects, stamp_if_none: datetime, site: str
) -> tuple[tuple[Record, ...], tuple[bytes, ...]]:
    """The deals of a page and their bytes; what has no id cannot be handed out and is logged."""
    records, raw = [], []
    for row in rows:
        try:
            records.append(record_of("deal", row, objects=objects, stamp_if_none=stamp_if_none, site=site))
        except SkipRecord as skipped:
            _log.warning("%s", skipped)
            continue
        raw.append(row.raw)
    return tuple(records), tuple(raw)


def deal_state(deal: Record, objects: OrgObjects = STANDARD) -> DealState:
    """Record type, stage, and the stages the deal has entered, as far as its history was asked for."""
    properties = deal.properties
    stage = properties.get(objects.stage) or ""
    if RECORD_TYPE in properties:
        pipeline = long_id(properties[RECORD_TYPE] or "") or MASTER_RECORD_TYPE
    else:
        pipeline = DEFAULT_PIPELINE if stage else ""
    return DealState(pipeline, stage, _entered(properties, stage))


class SalesforceDecoder:
    """Decodes Salesforce's records that were landed: a `Decoder`."""

    def __init__(self, objects: OrgObjects = STANDARD) -> None:
        """`objects` are the org's."""
        self._objects = objects

    def objects(self) -> Mapping[Role, str]:
        """Salesforce's name of each role's object."""
        return self._objects.by_role

    def decode_record(self, role: Role, raw: bytes, stamp_if_none: datetime | None = None) -> Record:
        """The record of one row as received.

        Raises:
            SkipRecord: It is no JSON, or no record.
        """
        try:
            document = value_of(raw)
        except ValueError as error:
            text = f"what is kept of one of Salesforce's {self._objects.by_role[role]} is no JSON: {error}"
            raise SkipRecord(INTEGRATION, text, record_id="") from None
        return record_of(role, Row(document, raw), objects=self._objects, stamp_if_none=stamp_if_none)

    def deal_state(self, deal: Record) -> DealState:
        """Record type, stage, and the stages the deal has entered."""
        return deal_state(deal, self._objects)

    def own_id(self, text: str) -> str:
        """The 18-character form of an id of either length, or of the one in the address of a record's page."""
        return own_id(text)


def _flat(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for name, value in document.items():
        if value is None or type(value) is str:
            yield prefix + name, value
        elif value is True:
            yield prefix + name, "true"
        elif value is False:
            yield prefix + name, "false"
        elif isinstance(value, dict) and "attributes" in value:
            yield from _flat(value, f"{prefix}{name}.")
        elif name != "attributes":
            yield prefix + name, orjson.dumps(value).decode()


def _references(
    fields: Sequence[tuple[Role, str]], properties: Mapping[str, str | None]
) -> dict[Role, tuple[Reference, ...]]:
    found: dict[Role, tuple[Reference, ...]] = {}
    for to, name in fields:
        if name in properties:
            target = long_id(properties[name] or "")
            found[to] = (Reference(target, primary=True),) if target else ()
    return found


def _entered(properties: Mapping[str, str | None], stage: str) -> dict[str, datetime]:
    """When the opportunity last entered each stage, by its history; into its present one by its own date.

    A row of history is written at other changes than of the stage, too. One that shows the stage of the row before is
    no new entry. The first row that was asked for may be none either: then the opportunity was in that stage already,
    and it was so while we looked, which is what counts.
    """
    entered: dict[str, datetime] = {}
    before = None
    for at, name in _history(properties.get(HISTORY)):
        if name != before:
            entered[name] = at
        before = name
    changed = moment_of(properties.get(ENTERED_STAGE))
    if stage and changed is not None:
        entered[stage] = changed
    return entered


def _history(text: str | None) -> list[tuple[datetime, str]]:
    if not text:
        return []
    document = orjson.loads(text)
    rows = document.get("records") if isinstance(document, dict) else None
    listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found = ((moment_of(row.get("CreatedDate")), str(row.get(STANDARD.stage) or "")) for row in listed)
    return sorted((at, name) for at, name in found if at is not None and name)
