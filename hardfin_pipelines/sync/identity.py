"""How entities get their ids and how names are compared."""

import hashlib
import unicodedata
from base64 import b32encode

from hardfin_pipelines.sync.entities import EntityType

_PREFIXES: dict[EntityType, str] = {
    "customer": "cus",
    "item": "itm",
    "project": "prj",
    "project_line_item": "pli",
}


def entity_id(entity: EntityType, org: str, connection_id: str, external_id: str) -> str:
    """The id of the entity that a record becomes when it is first synced.

    It follows from the record alone, so the same work done twice, at once or after a crash, makes one entity.
    80 bits of SHA-256 keep two records of one organization apart.
    """
    seed = f"{entity}\x1f{org}\x1f{connection_id}\x1f{external_id}".encode()
    digest = hashlib.sha256(seed).digest()[:10]
    return f"{_PREFIXES[entity]}_{b32encode(digest).decode().lower()}"


def normalized_name(name: str) -> str:
    """The form in which names are equal: compatibility characters, case, and white space do not count."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def normalized_sku(sku: str) -> str:
    """The form in which SKUs are equal: case, white space and the kinds of dash do not count."""
    folded = unicodedata.normalize("NFKC", sku).casefold()
    return "".join("-" if unicodedata.category(c) == "Pd" else c for c in folded if not c.isspace())
