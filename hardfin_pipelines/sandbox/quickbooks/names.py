"""Names that must be unique, and the suffix that frees one."""

from collections.abc import Iterator

DELETED_SUFFIX = " (deleted)"
_PEOPLE = frozenset({"Customer", "Vendor"})
Key = tuple[str, int, str]


def without_suffix(name: str) -> str:
    """A name as it was before its record was made inactive."""
    start, found, end = name.rpartition(" (deleted")
    return start if found and end.endswith(")") else name


def deleted_names(name: str) -> Iterator[str]:
    """What an inactive record may be called; that a second one gets a number, and which, is a guess."""
    yield f"{name}{DELETED_SUFFIX}"
    number = 1
    while True:
        yield f"{name} (deleted {number})"
        number += 1


class NameIndex:
    """Who has which name. Names differ by more than case; customers and vendors share theirs."""

    def __init__(self) -> None:
        """Nobody has a name."""
        self._holders: dict[Key, tuple[str, int]] = {}

    @staticmethod
    def _key(entity: str, parent_id: int, name: str) -> Key:
        return ("people" if entity in _PEOPLE else entity, parent_id, name.casefold())

    def holder(self, entity: str, parent_id: int, name: str) -> tuple[str, int] | None:
        """Entity and id of the record that has a name among the children of a parent (0: at the top)."""
        return self._holders.get(self._key(entity, parent_id, name))

    def take(self, entity: str, record_id: int, parent_id: int, name: str) -> None:
        """Gives a record a name."""
        self._holders[self._key(entity, parent_id, name)] = (entity, record_id)

    def free(self, entity: str, parent_id: int, name: str) -> None:
        """Takes it away again."""
        self._holders.pop(self._key(entity, parent_id, name), None)
