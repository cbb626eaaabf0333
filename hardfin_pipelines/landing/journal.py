"""The vendor's answers of one unit of work, kept durably, so that a killed run asks for none of them twice.

The file begins with eight bytes that name its format, then holds entries one after another, each written whole and
synced before its value is handed out:

```
crc32 u32 | codec u8 | key length u32 | stored length u64 | plain length u64 | key (UTF-8) | stored value
```

All numbers are little-endian; the checksum covers everything after itself. What follows the last whole entry is what
a killed process left; it is cut off when the journal is opened.
"""

import asyncio
import contextlib
import logging
import os
import struct
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from hardfin_pipelines.landing.errors import JournalInUse, LandingError
from hardfin_pipelines.landing.layout import Root, Unit, ensure_folder, journal_path, lock_path, sync_folder

_FORMAT = b"HFJRNL\x00\x01"
_HEAD = struct.Struct("<IBIQQ")
_PLAIN, _ZSTD = 0, 1
_COMPRESS_FROM = 256
"""Bytes: shorter values are kept as they are."""

_log = logging.getLogger(__name__)


class _Entry(NamedTuple):
    key: str
    codec: int
    stored: bytes
    plain_length: int
    end: int

    def value(self) -> bytes:
        if self.codec == _PLAIN:
            return self.stored
        import pyarrow as pa

        plain: bytes = pa.decompress(self.stored, self.plain_length, codec="zstd", asbytes=True)
        return plain


class UnitJournal:
    """Answers of one unit of work, by key: what is kept is served, what is not is fetched once and kept.

    It fulfils `PageMemory`. Opening reads the whole file once to check it; memory holds only each key and where its
    entry begins. All of one event loop's calls may run at once. Open it with `with`, or call `close` when done;
    `discard` once the unit is finished.
    """

    def __init__(self, root: Root, unit: Unit, *, fsync: bool = True) -> None:
        """Open the unit's journal, or begin it.

        Args:
            root: The landing root.
            unit: The unit of work.
            fsync: Whether every entry must outlive a loss of power, not only the death of the process.

        Raises:
            JournalInUse: When it is open elsewhere.
            LandingError: When the file is no journal or cannot be written.
        """
        self.path = journal_path(root, unit)
        self._fsync = fsync
        self._index: dict[str, int] = {}
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()
        self._file: BinaryIO | None = None
        with _clear_errors("open", self.path):
            ensure_folder(self.path.parent)
            self._lock = _locked(self.path)
            try:
                self._file = _opened(self.path)
                self._end = self._recover(self._file)
                sync_folder(self.path.parent)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._index)

    def __contains__(self, key: object) -> bool:
        return key in self._index

    async def remember(self, key: str, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer kept under `key`, else what `fetch` returns, kept durably before it is returned.

        A key asked for twice at once is fetched once. When `fetch` raises or is cancelled nothing is kept, and
        whoever waits for the same key fetches for itself.

        Raises:
            LandingError: When the answer cannot be kept or read back, such as on a full disk.
        """
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.Lock()
        async with asking:
            if key in self._index:
                return await asyncio.to_thread(self._read, key)
            value = await fetch()
            # A thread, because a sync of the disk must not hold up the answers of other calls. If this task is
            # cancelled meanwhile the thread still ends its entry, under its own guard.
            await asyncio.to_thread(self._append, key, value)
            return value

    def close(self) -> None:
        """Close the file and let others open the journal. What is kept stays kept. May be called twice."""
        with self._guard:
            self._shut()
            self._lock.release()

    def discard(self) -> None:
        """Remove the journal: its unit is finished, and what it kept has been landed and applied.

        Raises:
            LandingError: When the journal has been closed and its file is still there.
        """
        with self._guard:
            if not self._lock.is_locked and self.path.exists():
                raise LandingError(f"{self.path} is closed: expected an open journal to discard; discard before close")
            self._shut()
            self._index.clear()
            if self._lock.is_locked:
                remove_journal(self.path)
                self._lock.release()

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _recover(self, file: BinaryIO) -> int:
        """Index every whole entry, cut off what follows, and say where the next entry goes."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = _read_exactly(file, len(_FORMAT))
        if head != _FORMAT:
            if not _FORMAT.startswith(head.rstrip(b"\0")):
                raise LandingError(
                    f"{self.path} is not a journal of this version: expected it to begin with {_FORMAT!r}; "
                    "move the file away and run the unit again"
                )
            self._begin(file)
            return len(_FORMAT)
        end = len(_FORMAT)
        while (entry := _read_entry(file, end, size)) is not None:
            self._index[entry.key] = end
            end = entry.end
        if end < size:
            _log.warning(
                "%s: cut off %d bytes that a killed run left after %d whole answers",
                self.path,
                size - end,
                len(self._index),
            )
            file.truncate(end)
        return end

    def _begin(self, file: BinaryIO) -> None:
        file.truncate(0)
        file.seek(0)
        _write(file, _FORMAT)
        self._flush(file)

    def _append(self, key: str, value: bytes) -> None:
        entry = _encoded(key, value)
        with self._guard, _clear_errors("write", self.path):
            file = self._opened()
            try:
                file.seek(self._end)
                _write(file, entry)
                self._flush(file)
            except OSError:
                with contextlib.suppress(OSError):  # opening cuts it off as well
                    file.truncate(self._end)
                raise
            self._index[key] = self._end
            self._end += len(entry)

    def _read(self, key: str) -> bytes:
        with self._guard, _clear_errors("read", self.path):
            offset = self._index[key]
            entry = _read_entry(self._opened(), offset, self._end)
        if entry is None or entry.key != key:
            raise LandingError(
                f"{self.path} is damaged at byte {offset}: the entry was whole when the journal was opened; "
                "check the disk, then run the unit again"
            )
        return entry.value()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise LandingError(f"{self.path} is closed: expected an open journal; open the unit's journal again")
        return self._file

    def _flush(self, file: BinaryIO) -> None:
        file.flush()
        if self._fsync:
            os.fsync(file.fileno())


def remove_journal(path: Path) -> None:
    """Remove a journal and its lock file. For the holder of the lock only.

    Who had the lock file open meanwhile sees that it is gone (filelock checks its link count) and takes a new one.
    """
    path.unlink(missing_ok=True)
    lock_path(path).unlink(missing_ok=True)


def journal_lock(path: Path) -> FileLock:
    """The lock of a journal, not yet taken; taking it makes one attempt and raises `filelock.Timeout`."""
    return FileLock(lock_path(path), timeout=0, thread_local=False)


def _locked(path: Path) -> FileLock:
    lock = journal_lock(path)
    try:
        lock.acquire()
    except Timeout:
        raise JournalInUse(
            f"{path} is open elsewhere: expected one process for a unit of work; "
            "wait until the other run has ended, or end it"
        ) from None
    return lock


def _opened(path: Path) -> BinaryIO:
    # Unbuffered: an entry reaches the system in one write, and a failed write leaves nothing behind to be flushed.
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)


def _encoded(key: str, value: bytes) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    codec, stored = _PLAIN, value
    if len(value) >= _COMPRESS_FROM:
        import pyarrow as pa

        compressed = pa.compress(value, codec="zstd", asbytes=True)
        if len(compressed) < len(value):
            codec, stored = _ZSTD, compressed
    head = _HEAD.pack(0, codec, len(name), len(stored), len(value))[4:]
    checksum = zlib.crc32(stored, zlib.crc32(name, zlib.crc32(head)))
    return b"".join((checksum.to_bytes(4, "little"), head, name, stored))


def _read_entry(file: BinaryIO, offset: int, size: int) -> _Entry | None:
    """The entry that begins at `offset`, or None when it is not whole. Never reads past `size`."""
    if offset + _HEAD.size > size:
        return None
    file.seek(offset)
    head = _read_exactly(file, _HEAD.size)
    checksum, codec, key_length, stored_length, plain_length = _HEAD.unpack(head)
    end = offset + _HEAD.size + key_length + stored_length
    if end > size:
        return None
    name, stored = _read_exactly(file, key_length), _read_exactly(file, stored_length)
    if zlib.crc32(stored, zlib.crc32(name, zlib.crc32(head[4:]))) != checksum:
        return None
    return _Entry(name.decode("utf-8", "surrogatepass"), codec, stored, plain_length, end)


def _write(file: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:  # an unbuffered write may take only a part, such as up to a full disk
        rest = rest[file.write(rest) :]


def _read_exactly(file: BinaryIO, length: int) -> bytes:
    """So many bytes, fewer at the end of the file only: one read of the system stops at 2 GiB."""
    content = file.read(length)
    while len(content) < length and (more := file.read(length - len(content))):
        content += more
    return content


@contextlib.contextmanager
def _clear_errors(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LandingError(
            f"could not {doing} {path}: {error.strerror or error}; give the landing root space and access, then run "
            "the unit again"
        ) from error
