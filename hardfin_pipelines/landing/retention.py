"""Removes landed files that are no longer needed, and what finished or killed runs left behind."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from filelock import Timeout

from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import journal_lock, remove_journal
from hardfin_pipelines.landing.layout import LandedPath, Root, is_within, journal_paths, landed_paths, part_paths
from hardfin_pipelines.landing.reading import LandedFile, in_reading_order, inspect_file, newest_versions

_AT_WORK = timedelta(days=1)
"""Journals and unfinished files written to within this time may belong to a run that goes on; they always stay."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What pruning removed and what it would not touch.

    Attributes:
        landed: Landed files removed.
        journals: Journals removed.
        parts: Unfinished files of killed runs removed.
        freed: Bytes they held.
        left: Files at our places that could not be read or are not ours, and stayed.
    """

    landed: tuple[Path, ...]
    journals: tuple[Path, ...]
    parts: tuple[Path, ...]
    freed: int
    left: tuple[Path, ...]


def prune(root: Root, older_than: datetime, *, keep_latest: bool = True) -> PruneReport:
    """Remove what landed before `older_than` and is no longer needed.

    Touches only plain files whose path matches the layout and, for landed files, whose own metadata say they are
    ours; follows no link; removes no folder. Journals go when nothing was written to them since `older_than` and
    nobody has them open: their unit is finished or given up, and answers so old must not be served for new ones.

    Args:
        root: The landing root.
        older_than: Aware. A landed file stays when any of its rows landed at or after it.
        keep_latest: Whether a file stays as long as it holds the newest landed version of any record, so that
            `read_landed(latest_only=True)` reads the same before and after.

    Raises:
        InvalidName: When the root is an address.
        LandingError: When `older_than` has no time zone.
    """
    if older_than.tzinfo is None:
        raise LandingError(f"older_than {older_than} has no time zone: expected an aware datetime; pass it in UTC")
    removal = _Removal(root)
    landed = list(_prune_landed(removal, older_than, keep_latest=keep_latest))
    untouched_since = min(older_than, datetime.now(UTC) - _AT_WORK)
    journals = [path for path in journal_paths(root) if _prune_journal(removal, path, untouched_since)]
    parts = [path for path in part_paths(root) if removal.idle(path, untouched_since) and removal.remove(path)]
    return PruneReport(tuple(landed), tuple(journals), tuple(parts), removal.freed, tuple(removal.left))


class _Removal:
    """Removes single files under a root and counts what that frees."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.freed = 0
        self.left: list[Path] = []

    def idle(self, path: Path, since: datetime) -> bool:
        """Whether the file is plain, is under the root, and has not been written to since."""
        with contextlib.suppress(FileNotFoundError):
            return is_within(self.root, path) and path.stat().st_mtime < since.timestamp()
        return False

    def remove(self, path: Path, unlink: Callable[[Path], None] = Path.unlink) -> bool:
        """Remove a file; False when it is gone already."""
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            unlink(path)
            self.freed += size
            return True
        return False


def _prune_landed(removal: _Removal, older_than: datetime, *, keep_latest: bool) -> Iterator[Path]:
    def folder(path: LandedPath) -> Path:
        return path.path.parent

    for _, in_folder in groupby(landed_paths(removal.root), key=folder):
        paths = list(in_folder)
        identities = {path.path: _identity(path.path) for path in paths}
        files = _inspected(removal, paths)
        if all(file.landed_at >= older_than for file in files):
            continue
        needed = newest_versions(files) if keep_latest else {}
        for number, file in enumerate(files):
            unchanged = _identity(file.path) == identities[file.path]  # its unit may have been done again meanwhile
            if file.landed_at < older_than and number not in needed and unchanged and removal.remove(file.path):
                yield file.path


def _inspected(removal: _Removal, paths: list[LandedPath]) -> list[LandedFile]:
    """The files that are ours and whole, the one that landed last first; the others are noted as left."""
    files = []
    for path in paths:
        try:
            if is_within(removal.root, path.path):
                files.append(inspect_file(path))
                continue
            _log.warning("not pruned: %s is a link, or behind one", path.path)
        except LandingError as error:
            _log.warning("not pruned: %s", error)
        removal.left.append(path.path)
    return in_reading_order(files)


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(FileNotFoundError):
        stat = path.stat()
        return stat.st_ino, stat.st_mtime_ns
    return None


def _prune_journal(removal: _Removal, path: Path, untouched_since: datetime) -> bool:
    if not removal.idle(path, untouched_since):
        return False
    try:
        with journal_lock(path):
            return removal.idle(path, untouched_since) and removal.remove(path, remove_journal)
    except Timeout:
        return False
