"""Reading a vendor's text as a value of Hardfin's, exactly or not at all."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from hardfin_pipelines.sync.entities import FieldType
from hardfin_pipelines.sync.mapping_rules import Conversion
from hardfin_pipelines.sync.records import PropertyDescription

Value = str | int | Decimal | date
"""A value of an entity's field; None stands for "no value" beside it."""

LONGEST_TEXT = 65_536
"""Longer texts are no names, prices or descriptions that a person can work with."""

_MOST_DIGITS = 40
_MOST_DECIMALS = 100
_LARGEST_INTEGER = 2**31 - 1
_EARLIEST_YEAR = 1900
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]{1,6})?")
_PERIOD = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?", re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_ISO_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_EPOCH_MILLISECONDS = re.compile(r"-?[0-9]{11,15}")


class ValueProblem(ValueError):
    """A vendor's text that cannot be read as asked. The message names what was expected and shows the text."""


class UnknownOption(ValueProblem):
    """A stored option that the account's description does not have: removed since, or newer than the description."""


def shown(text: str, length: int = 60) -> str:
    """The text as it may appear in a message: quoted, escaped, shortened."""
    return repr(text if len(text) <= length else text[:length] + "…")


def as_text(text: str) -> str:
    """The text itself, in Unicode's composed form.

    Raises:
        ValueProblem: It holds a NUL or a lone surrogate, or is longer than `LONGEST_TEXT`.
    """
    if "\x00" in text:
        raise ValueProblem(f"holds a NUL character: {shown(text)}")
    if len(text) > LONGEST_TEXT:
        raise ValueProblem(f"is {len(text):,} characters long; at most {LONGEST_TEXT:,} are kept: {shown(text)}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueProblem(f"is not valid Unicode: {shown(text)}") from None
    return unicodedata.normalize("NFC", text)


def as_decimal(text: str) -> Decimal:
    """A number, digit for digit.

    Raises:
        ValueProblem: It is no finite number, or has more than 40 digits before or 100 after the point.
    """
    stripped = text.strip()
    # Decimal alone would also read "1_000" as a number, and "Infinity" as one.
    if not _NUMBER.fullmatch(stripped):
        raise ValueProblem(f"expected a number, got {shown(text)}")
    number = Decimal(stripped)
    # A zero is held to the same limits: "0e-999999" would be written out as a million digits.
    if number.adjusted() >= _MOST_DIGITS or int(number.as_tuple().exponent) < -_MOST_DECIMALS:
        raise ValueProblem(
            f"expected a number of at most {_MOST_DIGITS} digits before and {_MOST_DECIMALS} after the point, "
            f"got {shown(text)}"
        )
    return number


def as_integer(text: str) -> int:
    """A whole number.

    Raises:
        ValueProblem: It has a fraction, is no number, or does not fit the 32 bits of an integer column.
    """
    number = as_decimal(text)
    if number != number.to_integral_value():
        raise ValueProblem(f"expected a whole number, got {shown(text)}")
    if abs(number) > _LARGEST_INTEGER:
        raise ValueProblem(f"expected a whole number up to {_LARGEST_INTEGER:,}, got {shown(text)}")
    return int(number)


def as_instant(text: str) -> datetime:
    """A time: ISO 8601 (extended form) with or without fraction, zone or time of day, or milliseconds since 1970.

    Raises:
        ValueProblem: It is no time between the years 1900 and 9999.
    """
    try:
        moment = _parsed_instant(text.strip())
    except (ValueError, OverflowError):
        raise ValueProblem(f"expected a date or time, got {shown(text)}") from None
    if moment.year < _EARLIEST_YEAR:
        raise ValueProblem(f"expected a date from {_EARLIEST_YEAR} on, got {shown(text)}")
    return moment


def _parsed_instant(text: str) -> datetime:
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(text))
    if not _ISO_INSTANT.fullmatch(text):
        # fromisoformat alone reads a date into many a row of digits.
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    # A zone can carry the last day of the year 9999 out of the calendar: OverflowError.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def as_date(text: str) -> date:
    """The day of a date or time, in UTC.

    Raises:
        ValueProblem: See `as_instant`.
    """
    return as_instant(text).date()


def as_months(text: str) -> int:
    """The length of an ISO 8601 period in months ("P12M", "P1Y"), or a plain number of months.

    Raises:
        ValueProblem: It is neither, or the period is not a whole number of months.
    """
    match = _PERIOD.fullmatch(text.strip())
    if match is None or match.group(0).upper() == "P":
        try:
            return as_integer(text)
        except ValueProblem:
            message = f"expected a period such as P12M or a whole number of months, got {shown(text)}"
            raise ValueProblem(message) from None
    years, months, weeks, days = (int(group or 0) for group in match.groups())
    if weeks or days:
        raise ValueProblem(f"expected a period of whole months, got {shown(text)}")
    return years * 12 + months


def as_boolean(text: str) -> str:
    """Either "yes" or "no".

    Raises:
        ValueProblem: It is neither true nor false.
    """
    known = {"true": "yes", "1": "yes", "yes": "yes", "false": "no", "0": "no", "no": "no"}
    answer = known.get(text.strip().lower())
    if answer is None:
        raise ValueProblem(f"expected true or false, got {shown(text)}")
    return answer


def as_currency(text: str) -> str:
    """An ISO 4217 code in capitals.

    Raises:
        ValueProblem: It is not three letters.
    """
    if not _CURRENCY.fullmatch(text.strip()):
        raise ValueProblem(f"expected a currency code such as USD, got {shown(text)}")
    return text.strip().upper()


def as_option_label(text: str, description: PropertyDescription | None, *, removed_too: bool = False) -> str:
    """The label of a stored option; several options (joined by ";") become labels joined by ", ".

    Args:
        text: The stored value.
        description: The vendor's description of the field; without options in it the stored value stays.
        removed_too: Let an option stand for itself that the description does not have.

    Raises:
        UnknownOption: The account knows no such option.
    """
    if description is None or not description.options:
        return as_text(text)
    parts = text.split(";") if description.type == "options" else [text]
    unknown = [part for part in parts if part and part not in description.options]
    if unknown and not removed_too:
        raise UnknownOption(f"expected one of the options of {description.name!r}, got {shown(unknown[0])}")
    return ", ".join(as_text(description.options.get(part, part)) for part in parts if part)


_READERS: Mapping[FieldType, Callable[[str], Value]] = MappingProxyType(
    {"text": as_text, "decimal": as_decimal, "integer": as_integer, "date": as_date, "currency": as_currency}
)

_CONVERTERS: Mapping[Conversion, Callable[[str], Value]] = MappingProxyType(
    {
        "text": as_text,
        "number": as_decimal,
        "money": as_decimal,
        "date": as_date,
        "datetime": lambda text: as_instant(text).isoformat(),
        "boolean": as_boolean,
        "months": as_months,
        "list": lambda text: ", ".join(as_text(part.strip()) for part in text.split(";") if part.strip()),
    }
)


def read_value(
    text: str, field_type: FieldType, convert: Conversion | None, description: PropertyDescription | None
) -> Value:
    """A vendor's text as a value of a field.

    Args:
        text: The text as received, not empty.
        field_type: What the Hardfin field holds.
        convert: How the mapping wants it read; None reads it as the field's own type.
        description: The vendor's description of the field, for option labels.

    Raises:
        ValueProblem: It cannot be read so; the message says what was expected.
    """
    if convert is None:
        return _READERS[field_type](text)
    if convert == "option label":
        return _fit(as_option_label(text, description), field_type)
    return _fit(_CONVERTERS[convert](text), field_type)


def _fit(value: Value, field_type: FieldType) -> Value:
    """The converted value in the field's own type, through its text, so that "P12M" as months fills a text too."""
    native: Mapping[FieldType, type] = {"decimal": Decimal, "integer": int, "date": date}
    if field_type in native and type(value) is native[field_type]:
        return value
    return _READERS[field_type](to_text(value))


def to_text(value: Value) -> str:
    """The canonical text of a value, as kept with a link: equal values have equal texts."""
    if isinstance(value, Decimal):
        return canonical_decimal(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def canonical_decimal(number: Decimal) -> str:
    """Plain digits without exponent or trailing zeros, so that 10, 10.0 and 1E+1 compare equal."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
