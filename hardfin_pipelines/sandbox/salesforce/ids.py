"""Record ids: 15 characters that tell cases apart, or 18 with a checksum that restores lost cases."""

import string
from collections import defaultdict

_CHECKSUM = string.ascii_uppercase + "012345"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
MASTER_RECORD_TYPE = "012000000000000AAA"
_KNOWN = frozenset(_DIGITS)


def to_18(id_15: str) -> str:
    """The 18-character form of a 15-character id: three characters say which letters are capitals.

    Raises:
        ValueError: it has not 15 letters and digits.
    """
    if len(id_15) != 15 or not _KNOWN.issuperset(id_15):
        raise ValueError(f"id {id_15!r}: expected 15 ASCII letters and digits")
    chunks = (id_15[start : start + 5] for start in (0, 5, 10))
    return id_15 + "".join(
        _CHECKSUM[sum(1 << place for place, char in enumerate(chunk) if char.isupper())] for chunk in chunks
    )


def _restored(id_18: str) -> str | None:
    """The id with the cases its checksum says, for an id whose cases were lost."""
    restored = ""
    for number, check in enumerate(id_18[15:].upper()):
        if check not in _CHECKSUM:
            return None
        bits = _CHECKSUM.index(check)
        for place, char in enumerate(id_18[number * 5 : number * 5 + 5]):
            restored += char.upper() if bits >> place & 1 else char.lower()
    return restored


def normalized(text: str) -> str | None:
    """The 18-character form of an id in either form; None where it is no id.

    A 15-character id must have its cases right; an 18-character one may come in any case.
    """
    if not _KNOWN.issuperset(text):
        return None
    if len(text) == 15:
        return to_18(text)
    if len(text) == 18:
        restored = _restored(text)
        return None if restored is None else to_18(restored)
    return None


def _base_62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits


class IdSource:
    """Hands out ids, rising within each key prefix."""

    def __init__(self, pod: str = "5e", first: int = 1) -> None:
        """`pod` are the two characters of the instance; `first` is the first number of every prefix."""
        self._pod = pod
        self._numbers: dict[str, int] = defaultdict(lambda: first)

    def next(self, prefix: str) -> str:
        """A new 18-character id of an object's three-character key prefix."""
        number = self._numbers[prefix]
        self._numbers[prefix] = number + 1
        return to_18(f"{prefix}{self._pod}0{_base_62(number, 9)}")

    def skip_past(self, prefix: str, number: int) -> None:
        """Takes numbers up to `number` as used, for a store that has records already."""
        self._numbers[prefix] = max(self._numbers[prefix], number + 1)


def number_in(record_id: str) -> int:
    """The number that an id was made of."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + _DIGITS.index(char)
    return number
