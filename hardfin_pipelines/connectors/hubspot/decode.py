"""From HubSpot's JSON to records, and what deciding needs to know of a deal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import getLogger
from typing import Any

import orjson

from hardfin_pipelines.connectors.errors import SkipRecord, UnknownField
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.errors import INTEGRATION, unknown_shape
from hardfin_pipelines.connectors.hubspot.requests import (
    ENTERED_CURRENT_STAGE,
    ENTERED_PREFIX,
    MERGED_IDS,
    MODIFIED,
    OBJECTS,
    PIPELINE,
    PRODUCT_ID,
    STAGE,
)
from hardfin_pipelines.connectors.json_text import array_elements
from hardfin_pipelines.sync.records import Record, Reference, Role
from hardfin_pipelines.sync.trigger import DealState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = getLogger(__name__)


def moment_of(text: Any) -> datetime | None:
    """A stamp of HubSpot, aware and in UTC; None where it is none.

    With a fraction and without (a whole second has none, seen on the wire), with Z or an offset, or epoch milliseconds.
    """
    if not isinstance(text, str) or not text:
        return None
    try:
        if text.isascii() and text.isdigit() and len(text) > 8:
            return _EPOCH + timedelta(milliseconds=int(text))
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def epoch_ms_up(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded up."""
    return -((_EPOCH - moment) // timedelta(milliseconds=1))


def from_epoch_ms(milliseconds: int) -> datetime:
    """The moment so many milliseconds after 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


@dataclass(frozen=True, slots=True)
class Received:
    """One result of an answer: its JSON, and its bytes as received."""

    json: Any
    raw: bytes


def results_of(answer: Answer, call: str) -> list[Received]:
    """The results of an answer, each with its own bytes.

    Raises:
        VendorContractError: The answer has no list of results.
    """
    results = answer.members.get("results")
    if not isinstance(results, list):
        raise unknown_shape(call, 'list "results"')
    # HubSpot writes JSON as orjson does. Where the whole body comes out the same, so do its parts; that is many times
    # faster than finding each part's place.
    if orjson.dumps(answer.document) == answer.body:
        return [Received(each, _compact(orjson.dumps(each))) for each in results]
    return [Received(each, raw) for each, raw in zip(results, array_elements(answer.body, "results"), strict=True)]


def _compact(written: bytes) -> bytes:
    """The same bytes in as much memory as they need: orjson's hold on to 8 KB each, and a row group of them waits."""
    return bytes(memoryview(written))


def record_of(role: Role, received: Received, *, stamp_if_none: datetime | None = None) -> Record:
    """The record of one result.

    Args:
        role: What the record is.
        received: The result.
        stamp_if_none: Taken where the record has no stamp that can be read.

    Raises:
        SkipRecord: It is no record: it has no id, or no stamp and none is given.
    """
    result = received.json
    if not isinstance(result, dict) or not isinstance(result.get("id"), str | int) or not str(result["id"]):
        text = f"HubSpot sent a result among its {OBJECTS[role]} that has no id"
        raise SkipRecord(INTEGRATION, text, record_id="")
    external_id = str(result["id"])
    given = result.get("properties")
    properties = _texts(given) if isinstance(given, dict) else {}
    modified_at = moment_of(properties.get(MODIFIED)) or moment_of(result.get("updatedAt")) or stamp_if_none
    if modified_at is None:
        text = f"HubSpot's {OBJECTS[role]} {external_id} has no modification stamp that can be read"
        raise SkipRecord(INTEGRATION, text, record_id=external_id)
    return Record(
        role=role,
        id=external_id,
        modified_at=modified_at,
        properties=properties,
        references=_references(role, properties),
        merged_ids=_merged_ids(external_id, properties),
        archived=result.get("archived") is True,
        url=str(result.get("url") or ""),
    )


class HubSpotDecoder:
    """Decodes HubSpot's records that were landed: a `Decoder`."""

    def objects(self) -> Mapping[Role, str]:
        """HubSpot's name of each role's object."""
        return OBJECTS

    def decode_record(self, role: Role, raw: bytes, stamp_if_none: datetime | None = None) -> Record:
        """The record of one result as received.

        Raises:
            SkipRecord: It is no JSON, or no record.
        """
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            text = f"what is kept of one of HubSpot's {OBJECTS[role]} is no JSON: {error}"
            raise SkipRecord(INTEGRATION, text, record_id="") from None
        return record_of(role, Received(document, raw), stamp_if_none=stamp_if_none)

    def deal_state(self, deal: Record) -> DealState:
        """Pipeline, stage, and when the deal entered the trigger stages it was searched with."""
        return deal_state(deal)

    def own_id(self, text: str) -> str:
        """HubSpot's ids have one form."""
        return text.strip()


def records_of(
    role: Role, received: Sequence[Received], stamp_if_none: datetime
) -> tuple[tuple[Record, ...], tuple[bytes, ...]]:
    """The records of a page and their bytes; what has no id cannot be handed out and is logged."""
    records, raw = [], []
    for each in received:
        try:
            records.append(record_of(role, each, stamp_if_none=stamp_if_none))
        except SkipRecord as skipped:
            _log.warning("%s", skipped)
            continue
        raw.append(each.raw)
    return tuple(records), tuple(raw)


def refuse_unknown(role: Role, asked: Sequence[str], records: Sequence[Record]) -> None:
    """Refuses properties that HubSpot does not know or hides.

    HubSpot leaves those out of every record, while one that is only empty comes as null (seen on the wire).

    Raises:
        UnknownField: It names them.
    """
    unknown = [name for name in asked if all(name not in record.properties for record in records)]
    if records and unknown and any(record.properties for record in records):
        listed = ", ".join(unknown)
        raise UnknownField(
            INTEGRATION,
            f"HubSpot's {OBJECTS[role]} have no property {listed}: it was deleted, renamed or hidden from this "
            "connection; change the mapping, or restore it in HubSpot",
            context={"object": OBJECTS[role], "properties": listed},
        )


def deal_state(deal: Record) -> DealState:
    """Pipeline, stage, and the stages the deal has entered, as far as those properties were asked for."""
    entered = {
        name.removeprefix(ENTERED_PREFIX): moment
        for name, text in deal.properties.items()
        if name.startswith(ENTERED_PREFIX) and name != ENTERED_CURRENT_STAGE and (moment := moment_of(text)) is not None
    }
    return DealState(deal.properties.get(PIPELINE) or "", deal.properties.get(STAGE) or "", entered)


def _texts(properties: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        name: value if value is None or isinstance(value, str) else _text(value) for name, value in properties.items()
    }


def _text(value: Any) -> str:
    """A value that HubSpot should have sent as text, as JSON writes it."""
    return orjson.dumps(value).decode()


def _references(role: Role, properties: Mapping[str, str | None]) -> dict[Role, tuple[Reference, ...]]:
    """A line item names its product in a property; products have no associations (HubSpot docs: line items guide)."""
    if role != "line_item" or PRODUCT_ID not in properties:
        return {}
    product = (properties[PRODUCT_ID] or "").strip()
    return {"product": (Reference(product, primary=True),) if product else ()}


def _merged_ids(external_id: str, properties: Mapping[str, str | None]) -> tuple[str, ...]:
    listed = (part.strip() for part in (properties.get(MERGED_IDS) or "").split(";"))
    return tuple(dict.fromkeys(part for part in listed if part and part != external_id))
