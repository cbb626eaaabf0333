"""How suggestions read names and SKUs: as words, where accents, case, punctuation and leading zeros do not count.

Much coarser than the keys of matching, which must be certain. Here only what people would call alike is looked for.
"""

import re
import unicodedata

LONGEST = 160
"""Characters of a name that are compared; what is alike is so at the beginning, and names of 4,000 characters exist."""

_WORD = re.compile(r"[^\W\d_]+|\d+")
_MIXED = re.compile(r"[^\W_]+")

_WITHOUT_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that Unicode does not decompose, though their strokes are accents to those who type without."""


def folded(text: str) -> str:
    """The beginning of a text in small letters without accents."""
    text = text[:LONGEST]
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in apart if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return plain.casefold().translate(_WITHOUT_STROKES)


def words_of(text: str) -> list[str]:
    """The runs of letters and the runs of digits of a folded text, digits without leading zeros."""
    return [_plain(word) for word in _WORD.findall(text)]


def mixed_words_of(text: str) -> list[str]:
    """The words of a folded text in which letters and digits stand together, such as "m8" or "x100b"."""
    return [word for word in _MIXED.findall(text) if not word.isalpha() and not word.isdigit()]


def compact(text: str) -> str:
    """The letters and digits of a folded text, with nothing between them."""
    return text if text.isalnum() else "".join(filter(str.isalnum, text))


def sort_key(text: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts texts as people do: 9 before 10."""
    return tuple((len(word) if word.isdigit() else 0, word) for word in words_of(folded(text)))


def _plain(word: str) -> str:
    return (word.lstrip("0") or "0") if word[0] == "0" else word
