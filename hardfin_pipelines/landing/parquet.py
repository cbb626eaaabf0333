"""Writes landed records: one Parquet file for each object and unit of work, seen whole or not at all."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from hardfin_pipelines.landing.columns import arrow_array, valid_text
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.layout import Root, Unit, ensure_folder, landed_path, part_path, sync_folder
from hardfin_pipelines.sync.records import Record, Reference, Role

ROW_GROUP_ROWS = 2_000
ROW_GROUP_BYTES = 32 * 2**20
"""A row group is closed at so many bytes of records as received, so that neither side needs much memory."""

FORMAT_KEY = b"hardfin.landed"
FORMAT = b"1"
LANDED_AT_KEY = b"hardfin.landed_at"
"""In the file's own metadata: the newest `landed_at` of its rows, in ISO format."""

COLUMNS = ("id", "modified_at", "archived", "raw", "references", "merged_ids", "url", "run_id", "landed_at")


@cache
def landed_schema() -> Any:
    """The columns of every landed file, a `pyarrow.Schema`.

    `raw` is binary: it holds the record's JSON as received, which may be anything. `references` is JSON: role to a
    list of `{"id", "primary"}`. Stamps are UTC, in microseconds; `modified_at` is the vendor's, `landed_at` ours.
    """
    import pyarrow as pa

    stamp = pa.timestamp("us", tz="UTC")
    types = {
        "id": pa.string(),
        "modified_at": stamp,
        "archived": pa.bool_(),
        "raw": pa.large_binary(),
        "references": pa.string(),
        "merged_ids": pa.list_(pa.string()),
        "url": pa.string(),
        "run_id": pa.dictionary(pa.int32(), pa.string()),
        "landed_at": stamp,
    }
    return pa.schema([pa.field(name, types[name], nullable=False) for name in COLUMNS], metadata={FORMAT_KEY: FORMAT})


class _Part(NamedTuple):
    """The file while it is being written."""

    path: Path
    writer: Any


class LandingWriter:
    """Writes what one unit of work lands of one object.

    A context manager: the file appears under its name when the block ends well and not at all when it raises. Writing
    the same unit again replaces its file. With no row added there is no file, and an earlier one of the unit is gone.

    Attributes:
        path: Where the file will be.
        rows: How many records have been added.
    """

    def __init__(self, root: Root, unit: Unit, object_name: str, *, fsync: bool = True) -> None:
        """Name the file; nothing is written yet.

        Args:
            root: The landing root.
            unit: The unit of work.
            object_name: The vendor's name of the object, such as "deals".
            fsync: Whether the file must outlive a loss of power, not only the death of the process.

        Raises:
            InvalidName: When the object cannot name a folder.
        """
        self.path = landed_path(root, unit, object_name)
        self.rows = 0
        self._ended = False
        self._fsync = fsync
        self._part: _Part | None = None
        self._newest = datetime.min.replace(tzinfo=UTC)
        self._columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def add(self, records: Sequence[Record], raw: Sequence[bytes], landed_at: datetime, run_id: str) -> None:
        """Add records with the bytes they came as.

        Args:
            records: Decoded records.
            raw: The same records as received, in the same order.
            landed_at: Our clock when they came, aware.
            run_id: The run that asked for them.

        Raises:
            LandingError: When the two do not belong together, a stamp has no time zone, the disk refuses, or the file
                has been closed.
        """
        if self._ended:
            raise LandingError(f"{self.path} is closed: expected an open writer; write the whole unit again")
        if len(records) != len(raw):
            raise LandingError(
                f"{self.path}: {len(records)} records came with {len(raw)} raw texts: expected one text for each "
                "record, in the same order; correct the connector"
            )
        self._require_aware(landed_at, "landed_at")
        for record in records:
            self._require_aware(record.modified_at, f"modified_at of record {record.id!a}")
        self._newest = max(self._newest, landed_at)
        for record, content in zip(records, raw, strict=True):
            self._add_row(record, content, landed_at, run_id)
            if len(self._columns["id"]) >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
                self._write_rows()

    def close(self) -> None:
        """Finish the file and make it visible under its name, in place of the unit's earlier one.

        A second call, or one after `abort`, does nothing.

        Raises:
            LandingError: When the disk refuses; the earlier file, if any, is then still there.
        """
        if self._ended:
            return
        try:
            with self._clear_errors():
                if not self.rows:
                    self.path.unlink(missing_ok=True)
                    return
                self._write_rows()
                if self._part is not None:
                    self._publish(self._part)
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up: remove what has been written and leave the unit's earlier file as it is."""
        self._ended = True
        part, self._part = self._part, None
        if part is not None:
            with contextlib.suppress(OSError):  # an unfinished file is removed next, whatever it holds
                part.writer.close()
            part.path.unlink(missing_ok=True)

    def _require_aware(self, stamp: datetime, what: str) -> None:
        if stamp.tzinfo is None:
            raise LandingError(f"{self.path}: {what} has no time zone: expected an aware datetime; pass it in UTC")

    def _add_row(self, record: Record, content: bytes, landed_at: datetime, run_id: str) -> None:
        columns = self._columns
        columns["id"].append(record.id)
        columns["modified_at"].append(record.modified_at)
        columns["archived"].append(record.archived)
        columns["raw"].append(content)
        columns["references"].append(_references_json(record.references))
        columns["merged_ids"].append(record.merged_ids)
        columns["url"].append(record.url)
        columns["run_id"].append(run_id)
        columns["landed_at"].append(landed_at)
        self._bytes += len(content)
        self.rows += 1

    def _write_rows(self) -> None:
        if not self._columns["id"]:
            return
        import pyarrow as pa

        schema = landed_schema()
        arrays = [arrow_array(self._columns[field.name], field.type) for field in schema]
        batch = pa.record_batch(arrays, schema=schema)
        for column in self._columns.values():
            column.clear()
        self._bytes = 0
        with self._clear_errors():
            if self._part is None:
                self._part = self._begin()
            self._part.writer.write_batch(batch)

    def _begin(self) -> _Part:
        from pyarrow import parquet as pq

        ensure_folder(self.path.parent)
        path = part_path(self.path)
        writer = pq.ParquetWriter(
            path,
            landed_schema(),
            compression="zstd",
            use_dictionary=["run_id"],
            write_statistics=["id", "modified_at", "landed_at"],
            write_page_checksum=True,
        )
        return _Part(path, writer)

    def _publish(self, part: _Part) -> None:
        newest = self._newest.astimezone(UTC).isoformat().encode()
        part.writer.add_key_value_metadata({LANDED_AT_KEY: newest})
        part.writer.close()
        if self._fsync:
            with part.path.open("r+b") as written:
                os.fsync(written.fileno())
        part.path.replace(self.path)
        if self._fsync:
            sync_folder(self.path.parent)

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LandingError(
                f"could not write {self.path}: {error.strerror or error}; give the landing root space and access, "
                "then run the unit again"
            ) from error


def references_of(text: str) -> Mapping[Role, tuple[Reference, ...]]:
    """What a row's `references` column says."""
    if text == "{}":
        return {}
    return {
        role: tuple(Reference(reference["id"], reference["primary"]) for reference in references)
        for role, references in orjson.loads(text).items()
    }


def _references_json(references: Mapping[Role, tuple[Reference, ...]]) -> str:
    if not references:
        return "{}"
    by_role = dict(references)
    try:
        return orjson.dumps(by_role).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(
            {
                role: [{"id": valid_text(reference.id), "primary": reference.primary} for reference in pointers]
                for role, pointers in by_role.items()
            }
        ).decode()
