"""Paths of items by their parents, since the path that an item came with may be out of date.

Where a parent is renamed or moved, the paths of all below it are others from then on. Whether the vendor then tells of
those items as changed is not published; if it does not, what is known of them still has the old path.
"""

from collections.abc import Collection, Iterator, Mapping

from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.vendor_items import KnownItem, Sightings

SEPARATOR = ":"
"""Between the names of a path that is written as one text."""


def written_path(path: tuple[str, ...]) -> str:
    """A path as one text."""
    return SEPARATOR.join(path)


def paths_by_parents(facts: Mapping[str, ItemFacts]) -> dict[str, tuple[str, ...]]:
    """The paths that are not as the items say: the parent's path, with the item's own name behind it.

    Args:
        facts: External id to item. Of one whose parent is not among them the path is taken as it is, and so it is
            where parents lead in a circle.
    """
    paths = {external_id: _path(external_id, facts) for external_id, each in facts.items() if each.parent_id in facts}
    return {external_id: path for external_id, path in paths.items() if path != facts[external_id].path}


def moved_paths(sightings: Sightings, known: Mapping[str, KnownItem]) -> set[str]:
    """The written paths that items had until now which were seen under other ones: what is below them has moved."""
    before = ((known[each].item, item) for each, item in sightings.items.items() if each in known)
    return {
        written_path(old.facts.path) for old, item in before if old is not None and old.facts.path != item.facts.path
    }


def leads_through(path: str, moved: Collection[str]) -> bool:
    """Whether a written path leads through one of some others."""
    return any(each in moved for each in _above(path))


def _above(path: str) -> Iterator[str]:
    end = path.find(SEPARATOR)
    while end >= 0:
        yield path[:end]
        end = path.find(SEPARATOR, end + 1)


def _path(external_id: str, facts: Mapping[str, ItemFacts]) -> tuple[str, ...]:
    names: list[str] = []
    passed = {external_id}
    item = facts[external_id]
    while item.parent_id in facts and item.parent_id not in passed:
        names.append(item.name)
        passed.add(item.parent_id)
        item = facts[item.parent_id]
    if item.parent_id in passed:
        return facts[external_id].path
    return (*item.path, *reversed(names))
