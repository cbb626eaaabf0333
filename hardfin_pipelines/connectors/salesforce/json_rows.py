"""The rows of an answer, each as JSON and byte for byte as received, in one pass over the body.

Numbers stay the texts they came as, so that money keeps its digits; a float would lose those of large amounts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_DECODER = json.JSONDecoder(strict=False, parse_float=str, parse_int=str)
_BLANK = " \t\r\n"


class Row(NamedTuple):
    """One row: its JSON with numbers as texts, and its bytes as received."""

    document: Any
    raw: bytes


@dataclass(slots=True)
class QueryPage:
    """The answer to a query, or one page of it.

    Attributes:
        rows: The rows.
        total: How many rows the whole query has; None where the answer does not say.
        locator: Where it goes on; "" at the end.
    """

    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    locator: str = ""


def query_page(body: bytes) -> QueryPage:
    """The page that a query's answer is.

    Raises:
        ValueError: The body is no such answer.
    """
    text = _Text(body)
    page = _page(text, text.start())
    return page[0]


def composite_pages(body: bytes) -> list[QueryPage]:
    """The page of each part of a composite answer, in order.

    Raises:
        ValueError: The body is no such answer, or a part's body is no page.
    """
    text = _Text(body)
    pages: list[QueryPage] = []
    for name, place in text.members(text.start()):
        if name != "compositeResponse":
            text.skip(place)
            continue
        pages.extend(_part(text, part) for part in text.elements(place))
    return pages


def _part(text: "_Text", place: int) -> QueryPage:
    found = None
    for name, value in text.members(place):
        if name == "body":
            found, text.place = _page(text, value)
        else:
            text.skip(value)
    if found is None:
        raise ValueError("a part of the composite answer has no body")
    return found


def _page(text: "_Text", place: int) -> tuple[QueryPage, int]:
    page = QueryPage()
    done: Any = None
    has_rows = False
    for name, value in text.members(place):
        if name == "records":
            page.rows = [Row(document, text.raw(start, end)) for document, start, end in text.values(value)]
            has_rows = True
        elif name == "totalSize":
            total = text.value(value)
            page.total = int(total) if isinstance(total, str) and total.isdigit() else None
        elif name == "nextRecordsUrl":
            page.locator = str(text.value(value) or "").rpartition("/")[2]
        elif name == "done":
            done = text.value(value)
        else:
            text.skip(value)
    if not has_rows:
        raise ValueError("the answer has no records")
    if done is True:
        page.locator = ""
    elif not page.locator:
        raise ValueError("the answer is not done and does not say where it goes on")
    return page, text.place


class _Text:
    """A body that is read from left to right; `place` is behind what was read last."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._ascii = body.isascii()
        self._text = body.decode("utf-8", "surrogateescape")
        self.place = 0

    def start(self) -> int:
        return self._past_blank(0)

    def raw(self, start: int, end: int) -> bytes:
        if self._ascii:
            return self._body[start:end]
        return self._text[start:end].encode("utf-8", "surrogateescape")

    def value(self, place: int) -> Any:
        document, self.place = _DECODER.raw_decode(self._text, place)
        return document

    def skip(self, place: int) -> None:
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

    def values(self, place: int) -> Iterator[tuple[Any, int, int]]:
        """The elements of an array, with where each begins and ends."""
        for start in self.elements(place):
            document = self.value(start)
            yield document, start, self.place

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
    """The JSON of one row's bytes, numbers as texts.

    Raises:
        ValueError: It is no JSON.
    """
    text = _Text(raw)
    return text.value(text.start())
