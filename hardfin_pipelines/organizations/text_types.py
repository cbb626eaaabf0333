"""Texts a configuration may hold, checked as they come in."""

import unicodedata
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from hardfin_pipelines.organizations.problems import shown

_LONGEST = 200
_LONGEST_TEMPLATE = 2_000


def expected(what: str, value: object) -> PydanticCustomError:
    """The error of a validator: what was expected, and what was found."""
    return complaint(f"expected {what}, got {shown(value)}")


def complaint(message: str) -> PydanticCustomError:
    """The error of a validator in its own words."""
    # Given as a value, not as the template: braces in it are the user's.
    return PydanticCustomError("complaint", "{message}", {"message": message})


def _checked(text: str, longest: int, controls: str = "") -> str:
    if not text.strip():
        raise expected("some text", text)
    if len(text) > longest:
        raise complaint(f"is {len(text):,} characters long; at most {longest:,} are allowed")
    # Neither database nor log line holds these: NUL and other control characters, lone surrogates.
    odd = next((char for char in text if unicodedata.category(char) in {"Cc", "Cs"} and char not in controls), None)
    if odd is not None:
        raise complaint(f"holds the character U+{ord(odd):04X}, which cannot be kept: {shown(text)}")
    return text


def _short(text: str) -> str:
    return _checked(text, _LONGEST)


def _long(text: str) -> str:
    return _checked(text, _LONGEST_TEMPLATE, controls="\n\t")


def _scalar_as_text(value: Any) -> Any:
    """Numbers in the digits they were written with: vendors' ids often look like numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | Decimal) else value


def _number_as_text(value: Any) -> Any:
    return value if isinstance(value, bool) else _scalar_as_text(value)


ShortText = Annotated[str, AfterValidator(_short)]
"""A name: one line, at most 200 characters."""

LongText = Annotated[str, AfterValidator(_long)]
"""A template: at most 2,000 characters."""

_AS_ID = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
_AS_VALUE = {"type": ["string", "number", "boolean"]}

VendorName = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_short), WithJsonSchema(_AS_ID)]
"""A vendor's id or label; an id of digits need not be quoted."""

DefaultText = Annotated[str, BeforeValidator(_scalar_as_text), AfterValidator(_long), WithJsonSchema(_AS_VALUE)]
"""A value as a vendor might have sent it: text, a number, true or false."""
