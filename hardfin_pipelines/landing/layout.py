"""Where landed records and journals are: every path under the landing root is made and recognized here.

```
<root>/org=<slug>/connection=<integration>/object=<object>/<unit>.parquet      landed records
<root>/org=<slug>/connection=<integration>/object=<object>/.<unit>.<token>.part   a file being written
<root>/org=<slug>/connection=<integration>/_journal/<unit>.journal             vendor's answers of a unit at work
<root>/org=<slug>/connection=<integration>/_journal/<unit>.journal.lock        held by the process at work
```

An object is named as its vendor does; `deal_references` is ours. A unit that is done again lands as `<unit>.again-2`.
The names of folders are hive partitions, so pyarrow, DuckDB and Spark read the root as one dataset; they skip names
that begin with a dot or an underscore. The root is a folder of a local or mounted file system: the rename that makes
a file visible and the journal's appends and locks are what object storage does not offer.
"""

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hardfin_pipelines.landing.errors import InvalidName

Root = str | os.PathLike[str]
"""The landing root: a folder of a local or mounted file system."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_OBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_UNIT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9])){0,149}")

_SLUG_RULE = "1 to 63 of a-z, 0-9, '-' and '_', the first a letter or digit"
_OBJECT_RULE = "1 to 100 of A-Z, a-z, 0-9, '-' and '_', the first a letter or digit"
_UNIT_RULE = "1 to 150 of A-Z, a-z, 0-9, '-', '_' and single dots between them, the first a letter or digit"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work: a tick of a connection, or a window of its initial load.

    Attributes:
        org: The organization's slug.
        connection_id: `<org>:<integration>`.
        name: Unique within the connection, the same when the unit is done again, such as
            "tick-2026-11-22T20-15-00Z-7" or "load-2026-01-01_2026-07-01".

    Raises:
        InvalidName: When a part cannot name a folder or file, or the connection is another organization's.
    """

    org: str
    connection_id: str
    name: str

    def __post_init__(self) -> None:
        integration_of(self.org, self.connection_id)
        _checked(_UNIT, self.name, "unit of work", _UNIT_RULE)

    @property
    def integration(self) -> str:
        """The kind of vendor system, such as "hubspot"."""
        return integration_of(self.org, self.connection_id)


@dataclass(frozen=True, slots=True)
class LandedPath:
    """A landed file's place, recognized by its path alone."""

    path: Path
    org: str
    integration: str
    object_name: str
    unit_name: str


def integration_of(org: str, connection: str) -> str:
    """The integration of a connection, which names the connection's folder.

    Args:
        org: The organization's slug.
        connection: A connection id (`<org>:<integration>`) or the integration alone.

    Raises:
        InvalidName: When a part cannot name a folder, or the id belongs to another organization.
    """
    _checked(_SLUG, org, "organization slug", _SLUG_RULE)
    owner, colon, integration = connection.partition(":")
    if not colon:
        owner, integration = org, connection
    if owner != org:
        raise InvalidName(
            f"connection id {_shown(connection)} is not one of organization {org}: expected {org}:<integration>; "
            "pass the organization and the connection that belong together"
        )
    return _checked(_SLUG, integration, "integration", _SLUG_RULE)


def landing_root(root: Root) -> Path:
    """The root as a path.

    Raises:
        InvalidName: When it is an address such as s3://…, which this version does not write to.
    """
    text = os.fspath(root)
    if "://" in text:
        raise InvalidName(
            f"landing root {_shown(text)} is an address: expected a folder of a local or mounted file system; "
            "mount the storage or name a folder"
        )
    return Path(text)


def object_folder(root: Root, org: str, connection: str, object_name: str) -> Path:
    """The folder of one object's landed files. It may not exist yet.

    Raises:
        InvalidName: When a name cannot be part of a path.
    """
    _checked(_OBJECT, object_name, "object", _OBJECT_RULE)
    return _connection_folder(root, org, connection) / f"object={object_name}"


def landed_path(root: Root, unit: Unit, object_name: str) -> Path:
    """The file that holds what a unit of work landed of one object."""
    return object_folder(root, unit.org, unit.connection_id, object_name) / f"{unit.name}.parquet"


def unlanded_unit(root: Root, unit: Unit) -> Unit:
    """The unit under a name that nothing has landed under: its own, else with the number of the attempt behind it.

    A unit is done again by one process at a time, the one that holds its journal.
    """
    folder = _connection_folder(root, unit.org, unit.connection_id)
    attempt, free = 1, unit
    while next(folder.glob(f"object=*/{free.name}.parquet"), None) is not None:
        attempt += 1
        free = replace(unit, name=f"{unit.name}.again-{attempt}")
    return free


def part_path(landed: Path) -> Path:
    """A fresh name beside a landed file, for writing it; readers of the dataset do not see it."""
    return landed.with_name(f".{landed.stem}.{secrets.token_hex(4)}.part")


def journal_path(root: Root, unit: Unit) -> Path:
    """The journal of a unit of work."""
    return _connection_folder(root, unit.org, unit.connection_id) / "_journal" / f"{unit.name}.journal"


def lock_path(journal: Path) -> Path:
    """The lock file of a journal."""
    return journal.with_name(f"{journal.name}.lock")


def landed_paths(
    root: Root, org: str | None = None, connection: str | None = None, object_name: str | None = None
) -> Iterator[LandedPath]:
    """All landed files, or those of an organization, of its connection, of one object. In order of path.

    Files and folders that do not match the layout are passed over.

    Raises:
        InvalidName: When a name given cannot be part of a path.
    """
    pattern = "org=*/connection=*/object=*/*.parquet"
    if org is not None:
        pattern = pattern.replace("org=*", f"org={_checked(_SLUG, org, 'organization slug', _SLUG_RULE)}")
        if connection is not None:
            pattern = pattern.replace("connection=*", f"connection={integration_of(org, connection)}")
    if object_name is not None:
        pattern = pattern.replace("object=*", f"object={_checked(_OBJECT, object_name, 'object', _OBJECT_RULE)}")
    for path in sorted(landing_root(root).glob(pattern)):
        if (recognized := _recognized(path)) is not None:
            yield recognized


def journal_paths(root: Root) -> Iterator[Path]:
    """All journals under the root, in order of path."""
    for path in sorted(landing_root(root).glob("org=*/connection=*/_journal/*.journal")):
        if _named_by_layout(path.parent.parent) and _UNIT.fullmatch(path.stem):
            yield path


def part_paths(root: Root) -> Iterator[Path]:
    """All files that are being written, or that a killed process left behind, in order of path."""
    for path in sorted(landing_root(root).glob("org=*/connection=*/object=*/.*.part")):
        unit_name, _, token = path.name[1:].removesuffix(".part").rpartition(".")
        finished = path.with_name(f"{unit_name}.parquet")
        if re.fullmatch(r"[0-9a-f]{8}", token) and _recognized(finished) is not None:
            yield path


def is_within(root: Root, path: Path) -> bool:
    """Whether a path found under the root is a plain file that no link leads away from it."""
    top = landing_root(root)
    return not path.is_symlink() and path.is_file() and path.resolve() == top.resolve() / path.relative_to(top)


def ensure_folder(folder: Path) -> None:
    """Make a folder and its parents, and make sure that they outlive a loss of power."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in reversed(missing):
        sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a loss of power, where the system lets a folder be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _connection_folder(root: Root, org: str, connection: str) -> Path:
    return landing_root(root) / f"org={org}" / f"connection={integration_of(org, connection)}"


def _recognized(path: Path) -> LandedPath | None:
    object_name = path.parent.name.removeprefix("object=")
    connection = path.parent.parent
    if not (_OBJECT.fullmatch(object_name) and _UNIT.fullmatch(path.stem) and _named_by_layout(connection)):
        return None
    org, integration = connection.parent.name.removeprefix("org="), connection.name.removeprefix("connection=")
    return LandedPath(path, org, integration, object_name, path.stem)


def _named_by_layout(connection: Path) -> bool:
    org, integration = connection.parent.name.removeprefix("org="), connection.name.removeprefix("connection=")
    return bool(_SLUG.fullmatch(org) and _SLUG.fullmatch(integration))


def _checked(pattern: re.Pattern[str], name: str, what: str, rule: str) -> str:
    if not pattern.fullmatch(name):
        raise InvalidName(f"{what} {_shown(name)} cannot name a folder or file: expected {rule}; choose such a name")
    return name


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else f"{name[:80]}…")
