"""Property values: as they come in, as they are kept, and as they go on the wire.

Kept form: an instant is an int (milliseconds since 1970); everything else is text. On the wire every value is text or
null, and instants look like Java's `Instant`: no fraction where the milliseconds are 0 (seen on the wire).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_LONG = re.compile(r"-?\d+\Z")

StoredValue = str | int | None


@dataclass(frozen=True, slots=True)
class InvalidValueError(Exception):
    """A value that its property does not take; `code` is HubSpot's."""

    code: str
    text: str


def instant_ms(moment: datetime) -> int:
    """Milliseconds since 1970.

    Raises:
        ValueError: `moment` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    return (moment - EPOCH) // _MS


def instant_text(ms: int) -> str:
    """An instant on the wire: `2025-04-03T12:59:10.726Z`, and `...:10Z` where the milliseconds are 0."""
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")[:-6] + "Z"


def on_wire(value: StoredValue) -> str | None:
    """A kept value as it is sent."""
    return instant_text(value) if isinstance(value, int) else value


def parse_instant(value: Any) -> int:
    """Milliseconds since 1970 out of epoch milliseconds or ISO 8601.

    Raises:
        InvalidValueError: it is neither; the text is HubSpot's.
    """
    if isinstance(value, datetime):
        return instant_ms(value)
    text = str(value).strip()
    try:
        if _LONG.match(text):
            return instant_ms(EPOCH + timedelta(milliseconds=int(text)))
        moment = datetime.fromisoformat(text)
        return instant_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:  # no instant, or none of the years 1 to 9999
        raise InvalidValueError("INVALID_LONG", f"{text} was not a valid long.") from error


def parse_day(value: Any) -> str:
    """`YYYY-MM-DD` out of a date or of epoch milliseconds at midnight UTC.

    Raises:
        InvalidValueError: it is neither, or not midnight.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).strip()
    try:
        if not _LONG.match(text):
            return date.fromisoformat(text).isoformat()
        instant = instant_text(int(text))
        if int(text) % 86_400_000:
            raise InvalidValueError("INVALID_DATE", f"{text} is at {instant} UTC, not midnight!")
        return instant[:10]
    except (ValueError, OverflowError) as error:
        raise InvalidValueError("INVALID_LONG", f"{text} was not a valid long.") from error


def _number(value: Any, _options: Mapping[str, Any]) -> StoredValue:
    text = str(value).strip()
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise InvalidValueError("INVALID_LONG", f"{text} was not a valid long.") from error
    if not number.is_finite():
        raise InvalidValueError("INVALID_LONG", f"{text} was not a valid long.")
    return f"{number:f}"


def _text(value: Any, _options: Mapping[str, Any]) -> StoredValue:
    return str(value)


def _flag(value: Any, _options: Mapping[str, Any]) -> StoredValue:
    text = str(value).strip().lower()
    if text not in {"true", "false"}:
        raise InvalidValueError("INVALID_OPTION", f"{value} was not one of the allowed options: [true, false]")
    return text


def _choice(value: Any, options: Mapping[str, Any]) -> StoredValue:
    text = str(value)
    if options:
        unknown = [part for part in text.split(";") if part and part not in options]
        if unknown:
            allowed = ", ".join(options)
            raise InvalidValueError("INVALID_OPTION", f"{unknown[0]} was not one of the allowed options: [{allowed}]")
    return text


_KEEP: dict[str, Callable[[Any, Mapping[str, Any]], StoredValue]] = {
    "number": _number,
    "bool": _flag,
    "enumeration": _choice,
    "datetime": lambda value, _options: parse_instant(value),
    "date": lambda value, _options: parse_day(value),
}


def kept(property_type: str, value: Any, options: Mapping[str, Any]) -> StoredValue:
    """A value as it is kept. Empty text clears: it stays empty text in text properties, null in all others.

    Args:
        property_type: the property's `type`.
        value: what was given.
        options: the allowed values of an enumeration; empty allows any.

    Raises:
        InvalidValueError: the property does not take the value.
    """
    if value is None:
        return None
    if value == "":
        return "" if property_type == "string" else None
    return _KEEP.get(property_type, _text)(value, options)


def long_decimal(value: Decimal) -> str:
    """A calculated number as HubSpot sends it: the whole expansion of the binary fraction (seen on the wire)."""
    return f"{Decimal(float(value)):f}"
