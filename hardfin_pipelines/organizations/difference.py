"""What applying a document would change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

ChangeKind = Literal["added", "changed", "removed"]

_NAMED_BY: Mapping[str, str] = {"connections": "integration", "pipelines": "pipeline"}
"""The lists whose elements are known by one of their keys, whatever their order."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that changes.

    Attributes:
        path: Where, such as connections[hubspot].pipelines[default].status.
        kind: Whether the value is new, another, or gone.
        old: The value before; None where it is new.
        new: The value after; None where it is gone.
    """

    path: str
    kind: ChangeKind
    old: Any
    new: Any

    def __str__(self) -> str:
        match self.kind:
            case "added":
                return f"+ {self.path}: {_json(self.new)}"
            case "removed":
                return f"- {self.path}: {_json(self.old)}"
            case "changed":
                return f"~ {self.path}: {_json(self.old)} -> {_json(self.new)}"


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """What changes from one document to another: first what the new one has, in its order, then what is gone.

    The order of connections, of pipelines and of keys makes no difference.

    Args:
        before: The document of an organization as it is, in the one form `document()` gives; None for a new one.
        after: As it will be.
    """
    old, new = dict(_leaves(before or {}, "")), dict(_leaves(after or {}, ""))
    changes: list[Change] = []
    for path, value in new.items():
        if path not in old:
            changes.append(Change(path, "added", None, value))
        elif old[path] != value:
            changes.append(Change(path, "changed", old[path], value))
    changes.extend(Change(path, "removed", value, None) for path, value in old.items() if path not in new)
    return tuple(changes)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or (not value and path):
        yield path, value
        return
    for key, inner in value.items():
        below = f"{path}.{key}" if path else str(key)
        if key in _NAMED_BY and isinstance(inner, Sequence) and not isinstance(inner, str):
            for element in inner:
                yield from _leaves(element, f"{below}[{element[_NAMED_BY[key]]}]")
        else:
            yield from _leaves(inner, below)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
