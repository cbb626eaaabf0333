"""Field values in their three forms: as given, as kept in the store, as sent in JSON or CSV.

Kept are ids and texts as text, booleans as 0 and 1, decimal numbers as whole numbers of the field's last place (so they
stay exact and compare as numbers), dates as ISO text and datetimes as whole seconds since 1970: Salesforce compares and
shows them to the second.
"""

import base64
import binascii
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import orjson

from hardfin_pipelines.sandbox.salesforce.errors import VendorError, malformed_id
from hardfin_pipelines.sandbox.salesforce.fields import IDS, NUMBERS, TEXTS, Field
from hardfin_pipelines.sandbox.salesforce.ids import normalized

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PADDED_SCALE = 2


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    return (moment - _EPOCH) // timedelta(seconds=1)


def moment_of(seconds: int) -> datetime:
    """The moment of so many seconds since 1970."""
    return _EPOCH + timedelta(seconds=seconds)


def rest_datetime(seconds: int) -> str:
    """A datetime as REST writes it."""
    return moment_of(seconds).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def bulk_datetime(seconds: int) -> str:
    """A datetime as the CSV of Bulk writes it."""
    return moment_of(seconds).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _wrong(field: Field, value: Any) -> VendorError:
    kind = {"datetime": "dateTime"}.get(field.type, field.type)
    return VendorError(
        400, "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.label}: value not of required type: {value}", fields=[kind]
    )


def scaled(number: Decimal, scale: int) -> int:
    """A decimal number as a whole number of its last place, rounded half up."""
    return int(number.scaleb(scale).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def unscaled(kept: int, scale: int) -> Decimal:
    """The decimal number of a whole number of its last place."""
    return Decimal(kept).scaleb(-scale)


def to_kept(field: Field, value: Any) -> Any:
    """A value, from Python or JSON, as it is kept.

    Raises:
        VendorError: 400, it does not fit the field.
    """
    if value is None or (value == "" and field.type != "boolean"):
        return None
    if field.type in IDS:
        found = normalized(str(value))
        if found is None:
            raise malformed_id(str(value), field.name)
        return found
    if field.type in TEXTS:
        return _text(field, value)
    try:
        return _other(field, value)
    except (ValueError, TypeError, InvalidOperation, binascii.Error) as error:
        raise _wrong(field, value) from error


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(field, value)
    if field.length and len(value) > field.length:
        text = f"{field.label}: data value too large: {value} (max length={field.length})"
        raise VendorError(400, "STRING_TOO_LONG", text, fields=[field.name])
    known = {each.value for each in field.picklist}
    if field.restricted_picklist and not known.issuperset(value.split(";")):
        text = f"{field.label}: bad value for restricted picklist field: {value}"
        raise VendorError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, fields=[field.name])
    return value


def _other(field: Field, value: Any) -> Any:
    if field.type in NUMBERS:
        return scaled(Decimal(str(value)), field.scale)
    if field.type == "boolean":
        if not isinstance(value, bool) and value not in (0, 1):
            raise ValueError(value)
        return int(value)
    if field.type in {"int", "long"}:
        return int(value)
    if field.type == "date":
        day = value.date() if isinstance(value, datetime) else value
        return day.isoformat() if isinstance(day, date) else date.fromisoformat(str(day)[:10]).isoformat()
    if field.type == "datetime":
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return seconds_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if field.type == "base64":
        return value if isinstance(value, bytes) else base64.b64decode(str(value), validate=True)
    return str(value)


def _number_text(field: Field, kept: int) -> str:
    """Currency and percent have one decimal at least, quantities all of theirs (Salesforce docs: query examples)."""
    number = unscaled(kept, field.scale)
    if field.type == "double" and field.scale == _PADDED_SCALE:
        return f"{number:f}"
    text = f"{number.normalize():f}"
    return text if "." in text else f"{text}.0"


def to_json(field: Field, kept: Any) -> Any:
    """A kept value as REST writes it; numbers are JSON fragments, so that they keep their decimals."""
    if kept is None:
        return False if field.type == "boolean" else None
    if field.type in NUMBERS:
        return orjson.Fragment(_number_text(field, kept))
    if field.type == "boolean":
        return bool(kept)
    if field.type == "datetime":
        return rest_datetime(kept)
    return kept


def to_csv(field: Field, kept: Any) -> str:
    """A kept value as the CSV of Bulk writes it: null and empty text are alike."""
    if kept is None:
        return "false" if field.type == "boolean" else ""
    if field.type in NUMBERS:
        return _number_text(field, kept)
    if field.type == "boolean":
        return "true" if kept else "false"
    if field.type == "datetime":
        return bulk_datetime(kept)
    return str(kept)


def to_python(field: Field, kept: Any) -> Any:
    """A kept value for Python callers: Decimal, bool, datetime, date or text."""
    if kept is None:
        return False if field.type == "boolean" else None
    if field.type in NUMBERS:
        return unscaled(kept, field.scale)
    if field.type == "boolean":
        return bool(kept)
    if field.type == "datetime":
        return moment_of(kept)
    return date.fromisoformat(kept) if field.type == "date" else kept
