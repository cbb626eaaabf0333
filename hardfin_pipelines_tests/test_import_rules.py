"""Who may import whom, what modules may be called, and how long a file may be.

The imports are read from the source, so one that is made inside a function or only for type checking counts too.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "hardfin_pipelines"
CHECKOUT = Path(__file__).resolve().parents[1]

LOWER_ROOMS = frozenset({"connectors", "landing", "organizations", "platform", "settings", "sync"})
TOP_ROOMS = frozenset({"cli", "console", "definitions", "demo", "orchestration"})

MAY_IMPORT: dict[str, frozenset[str]] = {
    "": frozenset(),
    "sync": frozenset(),
    "settings": frozenset(),
    "sandbox": frozenset(),
    "connectors": frozenset({"sync"}),
    "landing": frozenset({"sync", "connectors.base"}),
    "organizations": frozenset({"sync"}),
    "platform": frozenset({"sync"}),
    "engine": LOWER_ROOMS,
    "orchestration": LOWER_ROOMS | TOP_ROOMS | {"engine"},
    "console": LOWER_ROOMS | TOP_ROOMS | {"engine"},
    "definitions": LOWER_ROOMS | TOP_ROOMS | {"engine"},
    "cli": LOWER_ROOMS | TOP_ROOMS | {"engine", "sandbox"},
    "demo": LOWER_ROOMS | TOP_ROOMS | {"engine", "sandbox"},
}
"""Room to the rooms (or single modules) it may import beside itself; "" is the package's own `__init__.py`."""

MAY_IMPORT_DAGSTER = frozenset({"orchestration", "definitions", "cli", "demo"})

VAGUE_NAMES = frozenset({"util", "utils", "helper", "helpers", "common", "misc"})
LONGEST_FILE = 450


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, or name of a module, and the line it stands in."""

    name: str
    line: int


def imports_of(source: str, module: str, *, is_package: bool) -> Iterator[Import]:
    """Every import of a module's source, wherever it stands; `from a import b` counts as `a.b`."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            yield from (Import(f"{origin}.{alias.name}".rstrip(".*"), node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and (name := _imported_by_call(node)) is not None:
            yield Import(name, node.lineno)


def _origin(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    base = ".".join(parents[: len(parents) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def _imported_by_call(node: ast.Call) -> str | None:
    """The module that `import_module("...")` or `__import__("...")` names."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in {"import_module", "__import__"} or not node.args:
        return None
    first = node.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def broken_rules(path: str, source: str) -> list[str]:
    """What a file imports against the rules, one line each.

    Args:
        path: The file's path inside the package, such as "sync/values.py".
        source: Its text.
    """
    parts = Path(path).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    inner = parts[:-1] if is_package else parts
    room = inner[0] if inner else ""
    module = ".".join((PACKAGE, *inner))
    found = []
    for imported in imports_of(source, module, is_package=is_package):
        rule = _broken_rule(room, imported.name)
        if rule is not None:
            found.append(f"{PACKAGE}/{path}:{imported.line}: imports {imported.name}: {rule}")
    return found


def _broken_rule(room: str, imported: str) -> str | None:
    top, _, rest = imported.partition(".")
    if top == "dagster" or top.startswith("dagster_"):
        return None if room in MAY_IMPORT_DAGSTER else "only orchestration and what starts it import Dagster"
    if top != PACKAGE or not rest:
        return None
    if room not in MAY_IMPORT:
        return f"{room} is a room without a rule; say in this test what it may import"
    target = rest.split(".")[0]
    allowed = MAY_IMPORT[room]
    if target == room or target in allowed or any(f"{rest}.".startswith(f"{each}.") for each in allowed):
        return None
    return f"{room or PACKAGE} may import only {', '.join(sorted({room or 'nothing', *allowed}))}"


def package_files() -> list[Path]:
    return sorted((CHECKOUT / PACKAGE).rglob("*.py"))


def all_files() -> list[Path]:
    folders = (PACKAGE, f"{PACKAGE}_tests", "benchmarks")
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


def test_every_import_of_the_package_keeps_to_the_rules():
    found = [
        broken
        for path in package_files()
        for broken in broken_rules(path.relative_to(CHECKOUT / PACKAGE).as_posix(), path.read_text(encoding="utf-8"))
    ]

    assert not found, "\n".join(["imports against the rules:", *found])


def test_every_room_has_a_rule():
    rooms = {path.relative_to(CHECKOUT / PACKAGE).with_suffix("").parts[0] for path in package_files()} - {"__init__"}

    assert {"sync", "connectors", "platform", "sandbox"} <= rooms, "the package was not found where it is looked for"
    assert rooms <= MAY_IMPORT.keys(), f"rooms without a rule: {sorted(rooms - MAY_IMPORT.keys())}"


def test_no_module_has_a_name_that_says_nothing():
    vague = [str(path.relative_to(CHECKOUT)) for path in all_files() if VAGUE_NAMES & {*path.parts, path.stem}]

    assert not vague, f"say what is inside instead: {', '.join(vague)}"


def test_no_file_is_too_long_to_read():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in all_files()}
    long = [f"{path.relative_to(CHECKOUT)}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]

    assert not long, f"a file has at most {LONGEST_FILE} lines; split {', '.join(long)}"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("sync/trigger.py", "from hardfin_pipelines.sync.records import Record"),
        ("sync/trigger.py", "from . import records\nfrom .records import Record"),
        ("connectors/base.py", "from hardfin_pipelines.sync.records import Record"),
        ("landing/layout.py", "from hardfin_pipelines.connectors.base import Page"),
        ("landing/layout.py", "from hardfin_pipelines.connectors import base"),
        (
            "engine/polling.py",
            "from hardfin_pipelines import platform, settings\nimport hardfin_pipelines.landing.layout",
        ),
        ("orchestration/jobs.py", "import dagster as dg\nfrom hardfin_pipelines.engine import polling"),
        ("definitions.py", "import dagster as dg\nfrom hardfin_pipelines.orchestration import jobs"),
        ("cli/demo.py", "import dagster\nfrom hardfin_pipelines.sandbox.server import SandboxServer"),
        ("sandbox/server.py", "from hardfin_pipelines.sandbox.clock import SandboxClock\nimport uvicorn"),
        ("settings.py", "from pydantic_settings import BaseSettings"),
        ("sync/__init__.py", "from .records import Record"),
    ],
)
def test_what_the_rules_allow(path, source):
    assert broken_rules(path, source) == []


@pytest.mark.parametrize(
    ("path", "source", "broken"),
    [
        (
            "sync/trigger.py",
            "import re\nfrom hardfin_pipelines.connectors.base import Page",
            "sync/trigger.py:2: imports hardfin_pipelines.connectors.base.Page: sync may import only sync",
        ),
        (
            "sync/values.py",
            "def late():\n    from hardfin_pipelines.platform import tables",
            "sync/values.py:2: imports hardfin_pipelines.platform.tables: sync may import only sync",
        ),
        (
            "platform/tables.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hardfin_pipelines.engine.guards",
            "platform/tables.py:3: imports hardfin_pipelines.engine.guards: platform may import only platform, sync",
        ),
        (
            "landing/layout.py",
            "from hardfin_pipelines.connectors import hubspot",
            (
                "landing/layout.py:1: imports hardfin_pipelines.connectors.hubspot: "
                "landing may import only connectors.base, landing, sync"
            ),
        ),
        (
            "landing/layout.py",
            "from hardfin_pipelines.connectors.base_urls import URL",
            (
                "landing/layout.py:1: imports hardfin_pipelines.connectors.base_urls.URL: "
                "landing may import only connectors.base, landing, sync"
            ),
        ),
        (
            "connectors/hubspot/client.py",
            "from ...platform import tables",
            (
                "connectors/hubspot/client.py:1: imports hardfin_pipelines.platform.tables: "
                "connectors may import only connectors, sync"
            ),
        ),
        (
            "connectors/hubspot/__init__.py",
            "from ... import platform",
            (
                "connectors/hubspot/__init__.py:1: imports hardfin_pipelines.platform: "
                "connectors may import only connectors, sync"
            ),
        ),
        (
            "organizations/plans.py",
            "from importlib import import_module\nimport_module('hardfin_pipelines.console')",
            (
                "organizations/plans.py:2: imports hardfin_pipelines.console: "
                "organizations may import only organizations, sync"
            ),
        ),
        (
            "settings.py",
            "from hardfin_pipelines import sync",
            "settings.py:1: imports hardfin_pipelines.sync: settings may import only settings",
        ),
        (
            "sandbox/server.py",
            "from hardfin_pipelines.sync.records import Record",
            "sandbox/server.py:1: imports hardfin_pipelines.sync.records.Record: sandbox may import only sandbox",
        ),
        (
            "engine/polling.py",
            "import dagster_postgres",
            "engine/polling.py:1: imports dagster_postgres: only orchestration and what starts it import Dagster",
        ),
        (
            "__init__.py",
            "from hardfin_pipelines.sync import records",
            "__init__.py:1: imports hardfin_pipelines.sync.records: hardfin_pipelines may import only nothing",
        ),
        (
            "shed/tools.py",
            "from hardfin_pipelines.sync import records",
            (
                "shed/tools.py:1: imports hardfin_pipelines.sync.records: "
                "shed is a room without a rule; say in this test what it may import"
            ),
        ),
    ],
)
def test_what_the_rules_refuse_names_the_file_the_line_the_import_and_the_rule(path, source, broken):
    assert broken_rules(path, source) == [f"{PACKAGE}/{broken}"]


@pytest.mark.parametrize("room", ["orchestration", "console", "definitions", "engine", "connectors"])
def test_the_sandbox_is_for_the_command_line_and_tests_alone(room):
    (broken,) = broken_rules(f"{room}/any.py", "from hardfin_pipelines.sandbox import server")

    assert "imports hardfin_pipelines.sandbox.server" in broken
