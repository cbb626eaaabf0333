"""YAML text as plain values, with the line of every key.

The values are built here rather than by ruamel's constructor: what looks like a number keeps the digits it was written
with (a vendor's id may begin with zeros), a date stays text until the model reads it, and every problem of a file is
found, not only the first.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from hardfin_pipelines.organizations.problems import KeyPath, Problem, shown

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\.[0-9]{1,18}")
_MOST_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One YAML document of a file.

    Attributes:
        data: Its values: mappings, lists, text, whole numbers, Decimals, booleans, None.
        lines: The line of each key and list element, from 1; () is where the document begins.
    """

    data: Any
    lines: Mapping[KeyPath, int]


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a key, or of the nearest thing around it that is there; None where the document has no lines."""
    return next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), None)


def parse_yaml(content: bytes, source: str) -> tuple[list[SourceDocument], list[Problem]]:
    """The YAML documents of a file, and what is wrong with them as YAML. Documents without content are left out.

    Args:
        content: The file's bytes, in UTF-8, with or without a byte order mark.
        source: What the file is called in problems.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        return [], [Problem((), f"is not UTF-8 (byte 0x{byte:02x}): save the file as UTF-8", source, line)]
    documents: list[SourceDocument] = []
    problems: list[Problem] = []
    try:
        for node in YAML(typ="safe", pure=True).compose_all(text):
            builder = _Builder(source)
            data = builder.document(node)
            problems.extend(builder.problems)
            if data is not None or builder.problems:
                documents.append(SourceDocument(data, builder.lines))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(
            Problem((), f"holds the character U+{_code(error):04X}, which YAML does not allow", source, line)
        )
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        told = " ".join(part for part in (error.context, error.problem) if part)
        problems.append(Problem((), f"is not valid YAML: {' '.join(told.split())}", source, line))
    except (YAMLError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else shown(str(error))
        problems.append(Problem((), f"is not valid YAML: {reason}", source, 1))
    return documents, problems


def _code(error: ReaderError) -> int:
    character = error.character
    return ord(character) if isinstance(character, str) else int(character)


class _TooMuch(Exception):
    """The document stands for more values than any configuration has (aliases of aliases)."""


@dataclass(slots=True)
class _Builder:
    """Builds the values of one document."""

    source: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0
    open_nodes: set[int] = field(default_factory=set)

    def document(self, node: Node) -> Any:
        self.lines[()] = _line(node)
        try:
            return self.value(node, ())
        except _TooMuch:
            self.complain((), node, f"stands for more than {_MOST_VALUES:,} values: write it without so many aliases")
            return {}

    def complain(self, path: KeyPath, node: Node, message: str) -> None:
        self.problems.append(Problem(path, message, self.source, _line(node)))

    def value(self, node: Node, path: KeyPath) -> Any:
        self.values += 1
        if self.values > _MOST_VALUES:
            raise _TooMuch
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open_nodes:
            self.complain(path, node, "is an alias of what it stands in: write it out")
            return None
        self.open_nodes.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.element(child, (*path, index)) for index, child in enumerate(node.value)]
            return self.mapping(node, path)
        finally:
            self.open_nodes.discard(id(node))

    def element(self, node: Node, path: KeyPath) -> Any:
        self.lines[path] = _line(node)
        return self.value(node, path)

    def mapping(self, node: Node, path: KeyPath) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node, path)
            if key is None:
                continue
            if key in built:
                first = self.lines[(*path, key)]
                self.complain((*path, key), key_node, f"is given twice (first on line {first}): keep one")
                continue
            self.lines[(*path, key)] = _line(key_node)
            built[key] = self.value(value_node, (*path, key))
        return built

    def key(self, node: Node, path: KeyPath) -> str | None:
        if not isinstance(node, ScalarNode):
            self.complain(path, node, "has a list or a block as a key: expected a plain word")
            return None
        if node.tag == f"{_TAG}merge":
            self.complain((*path, "<<"), node, "merge keys are not read: write the keys out")
            return None
        return str(node.value)

    def scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        text = str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and _INTEGER.fullmatch(text):
            return int(text)
        if kind == "float" and _DECIMAL.fullmatch(text):
            return Decimal(text)
        if kind not in {"int", "float", "str", "timestamp"}:
            self.complain(path, node, f"has the tag {shown(kind)}: expected a plain value")
        return text


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def values_of(text: str) -> Iterator[Any]:
    """The plain values of YAML text that is known to be sound.

    Raises:
        ValueError: It is not.
    """
    documents, problems = parse_yaml(text.encode(), "")
    if problems:
        raise ValueError("; ".join(map(str, problems)))
    return (document.data for document in documents)
