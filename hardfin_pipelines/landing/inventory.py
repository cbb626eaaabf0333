"""What is landed of one connection, unit by unit, for going through all of it whatever has been pruned or damaged."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.landing.errors import UnreadableFile
from hardfin_pipelines.landing.layout import LandedPath, Root, landed_paths
from hardfin_pipelines.landing.reading import (
    LandedFile,
    LandedRecord,
    in_reading_order,
    inspect_file,
    read_files,
)


@dataclass(frozen=True, slots=True)
class LandedUnit:
    """What one unit of work landed.

    Attributes:
        name: The unit's name.
        landed_at: When its newest row landed, aware and in UTC.
        files: Its whole files, by object.
    """

    name: str
    landed_at: datetime
    files: dict[str, LandedFile] = field(repr=False)


class LandedInventory:
    """The landed files of one connection that are whole and ours; a file that is not is one line in `problems`.

    A file whose damage shows only when it is read is left out from then on.
    """

    def __init__(self, root: Root, org: str, connection: str, objects: Collection[str]) -> None:
        """Read the end of every landed file.

        Args:
            root: The landing root.
            org: The organization's slug.
            connection: The connection's id or its integration.
            objects: The objects' names.

        Raises:
            InvalidName: When a name cannot be part of a path.
        """
        self.problems: list[str] = []
        self._files: dict[str, list[LandedFile]] = {}
        for name in objects:
            files = (self._inspected(path) for path in landed_paths(root, org, connection, name))
            self._files[name] = in_reading_order(file for file in files if file is not None)

    def units(self, since: datetime | None = None, until: datetime | None = None) -> list[LandedUnit]:
        """The units that landed in [since, until), in the order they landed."""
        found: dict[str, LandedUnit] = {}
        for name, files in self._files.items():
            for file in files:
                unit = found.get(file.unit_name)
                landed_at = file.landed_at if unit is None else max(unit.landed_at, file.landed_at)
                found[file.unit_name] = LandedUnit(
                    file.unit_name, landed_at, {**(unit.files if unit else {}), name: file}
                )
        chosen = (
            unit
            for unit in found.values()
            if (since is None or unit.landed_at >= since) and (until is None or unit.landed_at < until)
        )
        return sorted(chosen, key=lambda unit: (unit.landed_at, unit.name))

    def of_unit(
        self, unit: LandedUnit, object_name: str, ids: Collection[str] | None = None, *, latest_only: bool = False
    ) -> Iterator[LandedRecord]:
        """What a unit landed of an object, in its own order; nothing more of a file that turns out damaged.

        Args:
            unit: The unit.
            object_name: The object.
            ids: Only these records, by their own id or by one that was merged into them.
            latest_only: Only the newest version of each.
        """
        file = unit.files.get(object_name)
        if file is not None:
            yield from self._read([file], object_name, ids, latest_only=latest_only)

    def newest(self, object_name: str, ids: Collection[str]) -> list[LandedRecord]:
        """The newest landed version of some records, whichever unit landed it."""
        while True:
            known = len(self.problems)
            found = list(self._read(self._files[object_name], object_name, ids, latest_only=True))
            if len(self.problems) == known:
                return found

    def versions(self, object_name: str, record_id: str) -> list[LandedRecord]:
        """Every landed version of one record, the one that landed first first."""
        found = [
            record
            for file in list(self._files[object_name])
            for record in self._read([file], object_name, [record_id], latest_only=False)
        ]
        return sorted(found, key=lambda record: (record.landed_at, record.modified_at))

    def _inspected(self, path: LandedPath) -> LandedFile | None:
        try:
            return inspect_file(path)
        except UnreadableFile as error:
            self.problems.append(str(error))
            return None

    def _read(
        self, files: Sequence[LandedFile], object_name: str, ids: Collection[str] | None, *, latest_only: bool
    ) -> Iterator[LandedRecord]:
        whole = [file for file in files if file in self._files[object_name]]
        try:
            yield from read_files(whole, ids=ids, latest_only=latest_only)
        except UnreadableFile as error:
            self.problems.append(str(error))
            self._files[object_name] = [file for file in self._files[object_name] if file.path != error.path]
