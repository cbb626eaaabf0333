"""JSON read from left to right, in one pass: values, and the bytes each was received as.

Numbers stay the texts they came as, so that money keeps its digits; a float would lose those of large amounts.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

_DECODER = json.JSONDecoder(strict=False, parse_float=str, parse_int=str)
_BLANK = " \t\r\n"


class Row(NamedTuple):
    """One record of an answer: its JSON with numbers as texts, and its bytes as received."""

    document: Any
    raw: bytes


class JsonReader:
    """A body that is read from left to right; `place` is behind what was read last.

    All methods raise ValueError where the body is no JSON, or not what is asked for.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._ascii = body.isascii()
        self._text = body.decode("utf-8", "surrogateescape")
        self.place = 0

    def start(self) -> int:
        """Where the JSON begins."""
        return self._past_blank(0)

    def raw(self, start: int, end: int) -> bytes:
        """The bytes between two places."""
        if self._ascii:
            return self._body[start:end]
        return self._text[start:end].encode("utf-8", "surrogateescape")

    def value(self, place: int) -> Any:
        """The value at a place."""
        document, self.place = _DECODER.raw_decode(self._text, place)
        return document

    def end(self) -> None:
        """Make sure that nothing follows what was read last."""
        if self._text[self.place :].strip(_BLANK):
            raise ValueError(f"expected the end at character {self.place}")

    def skip(self, place: int) -> None:
        """Go past the value at a place."""
        self.value(place)

    def members(self, place: int) -> Iterator[tuple[str, int]]:
        """Names of an object's members and where their values begin; the caller reads each before the next."""
        place = self._past_blank(self._past(place, "{"))
        while self._text[place] != "}":
            name = self.value(place)
            place = self._past_blank(self._past(self._past_blank(self.place), ":"))
            self.place = place
            yield str(name), place
            place = self._behind_value("}")
        self.place = place + 1

    def elements(self, place: int) -> Iterator[int]:
        """Where the elements of an array begin; the caller reads each before the next."""
        place = self._past_blank(self._past(place, "["))
        while self._text[place] != "]":
            yield place
            place = self._behind_value("]")
        self.place = place + 1

    def rows(self, place: int) -> Iterator[Row]:
        """The elements of an array, each with its bytes."""
        for start in self.elements(place):
            document = self.value(start)
            yield Row(document, self.raw(start, self.place))

    def is_at(self, place: int, sign: str) -> bool:
        """Whether the value at a place begins with a sign: "{" an object, "[" an array."""
        return self._text[place] == sign

    def _behind_value(self, end: str) -> int:
        place = self._past_blank(self.place)
        if self._text[place] == ",":
            return self._past_blank(place + 1)
        if self._text[place] != end:
            raise ValueError(f"expected , or {end} at character {place}")
        return place

    def _past(self, place: int, sign: str) -> int:
        if self._text[place] != sign:
            raise ValueError(f"expected {sign!r} at character {place}")
        return place + 1

    def _past_blank(self, place: int) -> int:
        text, length = self._text, len(self._text)
        while place < length and text[place] in _BLANK:
            place += 1
        if place == length:
            raise ValueError("the JSON text ends too early")
        return place


def value_of(raw: bytes) -> Any:
    """The JSON of one record's bytes, numbers as texts.

    Raises:
        ValueError: It is no JSON.
    """
    reader = JsonReader(raw)
    return reader.value(reader.start())
