"""Oracle's format models for dates and numbers, as DuckDB writes and reads them."""

import re
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.sandbox.netsuite.errors import unsupported_query

Kind = Literal["directive", "text", "zone"]
_DIRECTIVES = {
    "YYYY": "%Y",
    "RRRR": "%Y",
    "YY": "%y",
    "RR": "%y",
    "MONTH": "%B",
    "MON": "%b",
    "MM": "%m",
    "DDD": "%j",
    "DD": "%d",
    "DAY": "%A",
    "DY": "%a",
    "HH24": "%H",
    "HH12": "%I",
    "HH": "%I",
    "MI": "%M",
    "SS": "%S",
    "AM": "%p",
    "PM": "%p",
    "A.M.": "%p",
    "P.M.": "%p",
    "FF3": "%g",
    "FF6": "%f",
    "FF": "%f",
    "IW": "%V",
    "TS": "%-I:%M:%S %p",
}
_ZONES = ("TZH:TZM", "TZH", "TZM")
_TOKEN = re.compile(
    "|".join(re.escape(each) for each in sorted([*_DIRECTIVES, *_ZONES, "DS"], key=len, reverse=True))
    + r'|"[^"]*"|[-/.,:; ]|FM|FX|T',
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(FM)?(?P<whole>[90,G]*)(?:[.D](?P<places>[90]*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a date format: directives of strftime, literal text, or an offset from UTC."""

    kind: Kind
    text: str


def date_pieces(model: str, short_date: str) -> list[Piece]:
    """The parts of a format model.

    Args:
        model: such as `YYYY-MM-DD HH24:MI:SS`.
        short_date: what `DS` stands for, the user's own format.

    Raises:
        VendorError: 400, it has an element that is not known.
    """
    pieces: list[Piece] = []
    position = 0
    while position < len(model):
        found = _TOKEN.match(model, position)
        if found is None:
            raise unsupported_query()
        pieces.append(_piece(found[0], short_date))
        position = found.end()
    return [each for each in pieces if each.text]


def _piece(token: str, short_date: str) -> Piece:
    known = token.upper()
    if known in _ZONES:
        return Piece("zone", known)
    if known == "DS":
        return Piece("directive", short_date)
    if known in _DIRECTIVES:
        return Piece("directive", _DIRECTIVES[known])
    if known in {"FM", "FX"}:
        return Piece("text", "")
    return Piece("text", token[1:-1] if token.startswith('"') else token)


def reading_format(model: str, short_date: str) -> str:
    """A format model as strptime has it.

    Raises:
        VendorError: 400, it has an element that is not known, or an hour of the offset alone.
    """
    parts = []
    for piece in date_pieces(model, short_date):
        if piece.kind == "zone" and piece.text != "TZH:TZM":
            raise unsupported_query()
        parts.append({"zone": "%z", "text": piece.text.replace("%", "%%"), "directive": piece.text}[piece.kind])
    return "".join(parts)


def decimal_places(model: str) -> int:
    """How many decimal places a number format has; of the rest only digits, commas and FM are known.

    Raises:
        VendorError: 400, it has something else.
    """
    found = _NUMBER.fullmatch(model)
    if found is None or not model:
        raise unsupported_query()
    return len(found["places"] or "")
