"""Salesforce's record ids: 15 characters that differ by case, or 18 that do not (Salesforce docs: ID field type)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from string import ascii_letters, ascii_uppercase, digits

_ALLOWED = frozenset(ascii_letters + digits)
_CHECKS = ascii_uppercase + "012345"
_BITS = str.maketrans({sign: "1" if sign in ascii_uppercase else "0" for sign in _ALLOWED})
_SHORT, _LONG, _GROUP = 15, 18, 5
_REMEMBERED = 1 << 16
_BETWEEN = re.compile(r"[/?#&=%]")
"""What stands between the parts of an address."""
_DIGIT = re.compile(r"\d")


@lru_cache(_REMEMBERED)
def long_id(text: str) -> str:
    """The 18-character form of an id, the one that is compared and kept; "" where the text is no id.

    An 18-character id whose case was changed on the way (spreadsheets do that) is mended by its own last characters.
    """
    if not text.isascii() or len(text) not in {_SHORT, _LONG} or not _ALLOWED.issuperset(text):
        return ""
    if len(text) == _SHORT:
        return text + _checks(text)
    short, checks = text[:_SHORT], text[_SHORT:].upper()
    if _checks(short) == checks:
        return short + checks
    mended = _recased(short, checks)
    return mended + checks if _checks(mended) == checks else ""


def own_id(text: str) -> str:
    """The id that a person means: of either length, whatever its case, or the address of the record's page.

    The text itself, trimmed, where there is no id in it.
    """
    trimmed = text.strip()
    parts = (part for part in _BETWEEN.split(trimmed) if _DIGIT.search(part)) if "/" in trimmed else (trimmed,)
    return next(filter(None, map(long_id, parts)), trimmed)


def long_ids(texts: Iterable[str]) -> dict[str, str]:
    """Each text and the id it stands for, in order, each text once; "" for those that are no ids."""
    return {text: long_id(text) for text in texts}


def _checks(short: str) -> str:
    """A character for each five of the id: which of them are capitals, as bits, the first one lowest."""
    bits = short.translate(_BITS)
    return _CHECKS[int(bits[4::-1], 2)] + _CHECKS[int(bits[9:4:-1], 2)] + _CHECKS[int(bits[14:9:-1], 2)]


def _recased(short: str, checks: str) -> str:
    signs = []
    for place, sign in enumerate(short):
        check = _CHECKS.find(checks[place // _GROUP])
        upper = check >= 0 and check >> (place % _GROUP) & 1
        signs.append(sign.upper() if upper else sign.lower())
    return "".join(signs)
