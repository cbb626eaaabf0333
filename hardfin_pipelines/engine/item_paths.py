"""Bringing the paths of items up to date before they are matched, also of those that the vendor did not tell of."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from hardfin_pipelines.platform.vendor_item_store import ItemScope, read_known, sub_items
from hardfin_pipelines.sync.item_paths import leads_through, moved_paths, paths_by_parents
from hardfin_pipelines.sync.vendor_items import KnownItem, Sightings, VendorItem


def with_paths(
    connection: Connection, scope: ItemScope, sightings: Sightings, known: dict[str, KnownItem]
) -> Sightings:
    """What was seen, each item with the path that its parents give it, and with it what has moved without being told.

    Args:
        connection: An open transaction.
        scope: Whose items.
        sightings: What a visit saw.
        known: What is known of it; grows by what has moved besides.
    """
    moved = moved_paths(sightings, known)
    if moved:
        ids = [each for each, path in sub_items(connection, scope).items() if leads_through(path, moved)]
        known |= read_known(connection, scope, set(ids) - known.keys())
    there = {each: item for each, item in _present(known) if each not in sightings.gone} | sightings.items
    parents = {item.facts.parent_id for item in there.values()} - there.keys() - sightings.gone.keys() - {""}
    above = dict(_present(read_known(connection, scope, parents))) if parents else {}
    paths = paths_by_parents({each: item.facts for each, item in (above | there).items()})
    moved_items = {each: path for each, path in paths.items() if each in there}
    if not moved_items:
        return sightings
    return sightings.with_items(
        replace(there[each], facts=replace(there[each].facts, path=path)) for each, path in moved_items.items()
    )


def _present(known: dict[str, KnownItem]) -> Iterable[tuple[str, VendorItem]]:
    return ((each, held.item) for each, held in known.items() if held.item is not None and held.gone is None)
