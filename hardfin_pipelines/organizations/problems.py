"""What is wrong with a configuration: one line each, with the place, what was expected and what to do."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

KeyPath = tuple[str | int, ...]
"""Where something stands in a document, such as ("connections", 0, "cadence")."""

_PLAIN_KEY = re.compile(r"[\w.<-]+")
_LONGEST_SHOWN = 60
_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: Where in the document.
        message: What was expected and what to do, in one line.
        source: The file it was read from, or "".
        line: The line in that file, from 1, or None.
    """

    path: KeyPath
    message: str
    source: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (place, shown_path(self.path), self.message) if part)

    def below(self, path: KeyPath) -> "Problem":
        """The same problem in a document of which this one is the part at `path`."""
        return replace(self, path=path + self.path)


class ConfigurationError(ValueError):
    """A configuration that cannot be used as it is. Nothing of it was applied.

    Attributes:
        problems: Everything that is wrong with it; the error's text has one line for each.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def shown_path(path: KeyPath) -> str:
    """A path as a person writes it: connections[0].pipelines[1].trigger_stages."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _PLAIN_KEY.fullmatch(step) and len(step) <= _LONGEST_SHOWN else shown(step)
            text += f".{key}" if text else key
    return text


def shown(value: object) -> str:
    """A value as it may stand in a message: on one line, escaped, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a block of keys"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    text = str(value)
    text = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    if isinstance(value, str):
        return '"' + repr(f"'{text}")[2:-1].replace('"', '\\"') + '"'
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the known names nearest to `word`, to end a message with; "" where none is near."""
    names = {name.casefold(): name for name in known}
    # The cost of comparing grows with the square of the length.
    near = difflib.get_close_matches(word[:200].casefold(), names, n=3, cutoff=0.6)
    return f"; did you mean {one_of(names[name] for name in near)}?" if near else ""


def one_of(names: Iterable[str]) -> str:
    """Names as a person lists them: "a", "b" or "c"; a long list is cut."""
    listed = [shown(name) for name in names]
    if len(listed) > _MOST_LISTED:
        return f"{', '.join(listed[:_MOST_LISTED])} or {len(listed) - _MOST_LISTED} others"
    if not listed:
        return "(none)"
    *others, last = listed
    return f"{', '.join(others)} or {last}" if others else last
