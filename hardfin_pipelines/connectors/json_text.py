"""JSON as received: parts of it byte for byte, and texts that strict readers refuse."""

import json
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_BLANK = " \t\r\n"


def loads_leniently(body: bytes) -> Any:
    """JSON with what strict readers refuse: half surrogate pairs and broken UTF-8 become U+FFFD.

    Raises:
        ValueError: It is no JSON all the same.
    """
    return _mended(_DECODER.decode(body.decode("utf-8", "surrogateescape")))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_mended(each) for each in value]
    return value


def array_elements(body: bytes, member: str) -> list[bytes]:
    """The elements of an array that is a member of the body's object, each byte for byte as received.

    Raises:
        ValueError: The body is no JSON object, or has no such array.
    """
    text = body.decode("utf-8", "surrogateescape")
    place = _past(text, _blank(text, 0), "{")
    while text[place] != "}":
        name, place = _DECODER.raw_decode(text, place)
        place = _blank(text, _past(text, _blank(text, place), ":"))
        if name == member and text[place] == "[":
            return _elements(text, place)
        _, place = _DECODER.raw_decode(text, place)
        place = _blank(text, place)
        if text[place] == ",":
            place = _blank(text, place + 1)
    raise ValueError(f"the JSON object has no array {member!r}")


def _elements(text: str, place: int) -> list[bytes]:
    parts: list[bytes] = []
    place = _blank(text, place + 1)
    while text[place] != "]":
        _, end = _DECODER.raw_decode(text, place)
        parts.append(text[place:end].encode("utf-8", "surrogateescape"))
        place = _blank(text, end)
        if text[place] == ",":
            place = _blank(text, place + 1)
    return parts


def _blank(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANK:
        place += 1
    if place == len(text):
        raise ValueError("the JSON text ends too early")
    return place


def _past(text: str, place: int, sign: str) -> int:
    if text[place] != sign:
        raise ValueError(f"expected {sign!r} at character {place} of the JSON text")
    return _blank(text, place + 1) if sign == "{" else place + 1
