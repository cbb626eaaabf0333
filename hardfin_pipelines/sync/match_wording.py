"""How matching tells people what it found."""

from collections.abc import Collection
from itertools import islice

from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem

_LONGEST = 80
_MOST_LISTED = 3


def quoted(text: str) -> str:
    """A vendor's text in quotes, on one line, cut where it is long."""
    line = text if text.isprintable() else " ".join(text.split())
    return f"“{line}”" if len(line) <= _LONGEST else f"“{line[: _LONGEST - 1]}…”"


def in_words(item: CatalogueItem) -> str:
    """An item of Hardfin, for the middle of a sentence."""
    return f"the {item.kind} {quoted(item.name)}"


def listed(catalogue: Catalogue, ids: Collection[str]) -> str:
    """Some items of Hardfin, for the middle of a sentence; "nothing" where there is none."""
    if not ids:
        return "nothing"
    first = [in_words(catalogue.item(each)) for each in islice(ids, _MOST_LISTED)]
    if len(ids) > _MOST_LISTED:
        first.append(f"{len(ids) - _MOST_LISTED} more")
    if len(first) == 1:
        return first[0]
    return f"{len(ids)} items: {', '.join(first[:-1])} and {first[-1]}"
