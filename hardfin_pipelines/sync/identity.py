"""How entities get their ids and how names are compared."""

import hashlib
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

from hardfin_pipelines.sync.entities import EntityType

_PREFIXES: dict[EntityType, str] = {
    "customer": "cus",
    "item": "itm",
    "project": "prj",
    "project_line_item": "pli",
}

# Base 32 (RFC 4648) in small letters, two at a time: loads make an id for every record.
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_SHIFTS = range(70, -1, -10)

_OF_NEIGHBOURS = 3
_OF_PROJECT = 4

_MINUS_SIGN = "\u2212"
"""No dash to Unicode, but one to the spreadsheets that SKUs are pasted from."""


def entity_id(entity: EntityType, org: str, connection_id: str, external_id: str) -> str:
    """The id of the entity that a record becomes when it is first synced.

    It follows from the record alone, so the same work done twice, at once or after a crash, makes one entity.
    80 bits of SHA-256 keep two records of one organization apart. The first 30 of them are those of the record's
    neighbours, too, whose ids differ in the last character only: what was made one after the other is then met together
    in a load, and fills few pages of each index.
    """
    seed = f"{entity}\x1f{org}\x1f{connection_id}\x1f"
    own = _pairs(f"{seed}{external_id}")
    return f"{_PREFIXES[entity]}_{_beginning(seed, external_id[:-1])}{''.join(own[_OF_NEIGHBOURS:])}"


def product_item_ids(org: str, connection_id: str, external_id: str) -> Iterator[str]:
    """The ids under which a product itself becomes an item, without end: the next one where a person took one away."""
    yield entity_id("item", org, connection_id, external_id)
    for number in count(1):
        yield entity_id("item", org, connection_id, f"{external_id}\x1f{number}")


def line_item_id(org: str, connection_id: str, external_id: str, project_id: str) -> str:
    """The id of the project line item that a line item becomes when it is first synced with a project.

    It begins as its project's does (40 bits), since a project's lines are written and read together; 40 bits of its own
    keep them apart.
    """
    own = _pairs(f"project_line_item\x1f{org}\x1f{connection_id}\x1f{external_id}")
    beginning = project_id.partition("_")[2][: 2 * _OF_PROJECT]
    return f"{_PREFIXES['project_line_item']}_{beginning}{''.join(own[len(beginning) // 2 :])}"


@lru_cache(maxsize=4096)
def _beginning(seed: str, external_id_begins: str) -> str:
    return "".join(_pairs(f"{seed}{external_id_begins}\x1f")[:_OF_NEIGHBOURS])


def _pairs(seed: str) -> list[str]:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:10], "big")
    return [_PAIRS[number >> shift & 1023] for shift in _SHIFTS]


@lru_cache(maxsize=4096)  # lines bear the names of few products
def normalized_name(name: str) -> str:
    """The form in which names are equal: compatibility characters, case, and white space do not count."""
    return " ".join(_folded(name).split())


def normalized_sku(sku: str) -> str:
    """The form in which SKUs are equal: case, white space and the kinds of dash do not count."""
    plain = "".join("-" if _is_dash(c) else c for c in _folded(sku) if not c.isspace())
    return unicodedata.normalize("NFKC", plain)


def _is_dash(character: str) -> bool:
    return unicodedata.category(character) == "Pd" or character == _MINUS_SIGN


def _folded(text: str) -> str:
    """The text for compatibility caseless matching (The Unicode Standard, definition D146)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())
