"""The keys under which items of an accounting system and Hardfin's items are found: SKUs, names, paths.

Coarser than `identity.normalized_name` in what a person would not see as another name: the kinds of dash, the spaces
around dashes and path separators, characters without any width. Accents count, here as there.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from hardfin_pipelines.sync.identity import normalized_name, normalized_sku

_SOFT_HYPHEN = 0xAD
_WITHOUT_WIDTH = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
"""Zero width spaces and joiners, marks and overrides of the writing direction, byte order marks: pasted unseen."""

_WITHOUT_WIDTH_IN_NAMES = {**_WITHOUT_WIDTH, _SOFT_HYPHEN: None}
"""A soft hyphen breaks lines in names; in a SKU nobody knows whether it was meant as a dash, so there it counts."""

_AROUND_SEPARATORS = re.compile(r" ?([-:]) ?")

_PLACEHOLDERS = frozenset({"n/a", "none", "null", "nil", "tbd", "tba", "unknown", "nosku"})
"""What people and exports write where there is no SKU."""


def name_key(name: str) -> str:
    """The form in which two names are one key; "" where the name has neither a letter nor a digit."""
    if name.isascii():  # most names; comparing the two ways is what the tests do
        key = " ".join(name.lower().split())
    else:
        folded = normalized_name(name).translate(_WITHOUT_WIDTH_IN_NAMES)
        key = normalized_name("".join("-" if _is_dash(c) else c for c in folded))
    if "-" in key or ":" in key:
        key = _AROUND_SEPARATORS.sub(r"\1", key)
    return key if _says_something(key) else ""


def sku_key(sku: str) -> str:
    """The form in which two SKUs are one key; "" where there is none, or only a placeholder for one.

    Leading zeros and punctuation count.
    """
    if sku.isascii():
        key = "".join(sku.lower().split())
    else:
        key = normalized_sku(normalized_sku(sku).translate(_WITHOUT_WIDTH))
    return key if _says_something(key) and key not in _PLACEHOLDERS else ""


def path_forms(path: Sequence[str]) -> tuple[str, ...]:
    """How a path is written as one name, with and without spaces; () where there is no parent."""
    return (":".join(path), " : ".join(path)) if len(path) > 1 else ()


@lru_cache(maxsize=1024)
def _is_dash(character: str) -> bool:
    return normalized_sku(character) == "-"  # the same dashes as in SKUs


def _says_something(key: str) -> bool:
    return key[:1].isalnum() or any(c.isalnum() for c in key)
