"""Reads landed records back: all of them, one unit's, those of some ids, or only the newest version of each."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.landing.columns import valid_text
from hardfin_pipelines.landing.errors import LandingError, UnreadableFile
from hardfin_pipelines.landing.layout import (
    LandedPath,
    Root,
    Unit,
    integration_of,
    landed_path,
    landed_paths,
    landing_root,
)
from hardfin_pipelines.landing.parquet import COLUMNS, FORMAT, FORMAT_KEY, LANDED_AT_KEY, references_of
from hardfin_pipelines.sync.records import Reference, Role

if TYPE_CHECKING:
    import pandas as pd

_PYTHON_ROWS = 500
"""Rows that are Python objects at one time."""
_STAMPS = ("id", "modified_at", "archived", "landed_at", "run_id")


@dataclass(frozen=True, slots=True)
class LandedRecord:
    """One version of a record, as it was received.

    Attributes:
        id: The vendor's id.
        modified_at: The vendor's stamp, aware and in UTC.
        archived: Whether the vendor had it in its recycle bin.
        raw: Its JSON, byte for byte as received.
        references: Records it pointed to, by role.
        merged_ids: Ids of records merged into it.
        url: Where a person sees it at the vendor, or "".
        run_id: The run that landed it.
        landed_at: Our clock when it came, aware and in UTC.
        unit_name: The unit of work that landed it.
    """

    id: str
    modified_at: datetime
    archived: bool
    raw: bytes
    references: Mapping[Role, tuple[Reference, ...]]
    merged_ids: tuple[str, ...]
    url: str
    run_id: str
    landed_at: datetime
    unit_name: str


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A landed file whose end has been read: it is whole, and ours.

    Attributes:
        path: Where it is.
        unit_name: The unit of work that wrote it.
        landed_at: When its newest row landed, aware and in UTC.
        rows: How many rows it has.
    """

    path: Path
    unit_name: str
    landed_at: datetime
    rows: int


def read_landed(
    root: Root,
    org: str,
    connection: str,
    object_name: str,
    *,
    unit: str | None = None,
    ids: Collection[str] | None = None,
    latest_only: bool = False,
) -> Iterator[LandedRecord]:
    """The landed versions of an object's records: the unit that landed last first, each unit in its own order.

    Memory holds one row group (at most 5,000 rows or some 32 MB), and with `latest_only` some 50 bytes for each
    version besides.

    Args:
        root: The landing root.
        org: The organization's slug.
        connection: The connection's id or its integration.
        object_name: The vendor's name of the object, such as "deals".
        unit: Only what the unit of work of that name landed.
        ids: Only these records, by their own id or by one that was merged into them.
        latest_only: Only the newest version of each record: by the vendor's stamp, then by when it landed.

    Returns:
        An iterator; nothing when nothing has landed.

    Raises:
        InvalidName: When a name cannot be part of a path.
        LandingError: While iterating, when a file is damaged, is not ours, or was removed meanwhile.
    """
    paths = _paths(root, org, connection, object_name, unit)
    return _read(paths, ids, latest_only)


def read_files(
    files: Sequence[LandedFile], *, ids: Collection[str] | None = None, latest_only: bool = False
) -> Iterator[LandedRecord]:
    """What `read_landed` gives, of files of one object that have been inspected, in the order they are given.

    Raises:
        LandingError: While iterating, when a file is damaged after all, or was removed meanwhile.
    """
    wanted = None if ids is None else sorted({valid_text(identifier) for identifier in ids})
    newest = newest_versions(files, wanted) if latest_only else {}
    for number, file in enumerate(files):
        if not latest_only:
            yield from _records(file, None if wanted is None else _versions(number, file, wanted)["row"].to_numpy())
        elif number in newest:
            yield from _records(file, newest[number])


def preview(
    root: Root,
    org: str,
    connection: str,
    object_name: str,
    *,
    unit: str | None = None,
    rows: int = 20,
    include_raw: bool = False,
) -> "pd.DataFrame":
    """The first rows of one landed file: ids, stamps and run, no customer data unless it is asked for.

    Args:
        root: The landing root.
        org: The organization's slug.
        connection: The connection's id or its integration.
        object_name: The vendor's name of the object.
        unit: The unit whose file to show; without it, the one that landed last.
        rows: How many rows at most.
        include_raw: Whether to add the records as received.

    Returns:
        A table of `id, modified_at, archived, landed_at, run_id` and perhaps `raw`; empty when nothing has landed.

    Raises:
        InvalidName: When a name cannot be part of a path.
        LandingError: When the file is damaged or is not ours.
    """
    import pandas as pd

    columns = [*_STAMPS, "raw"] if include_raw else [*_STAMPS]
    files = in_reading_order(map(inspect_file, _paths(root, org, connection, object_name, unit)))
    if not files:
        return pd.DataFrame(columns=columns)
    with _opened(files[0].path) as parquet:
        first = next(parquet.iter_batches(batch_size=max(rows, 1), columns=columns))  # a landed file is never empty
    return first.select(columns).to_pandas().head(rows)


def landed_dataset(root: Root) -> Any:
    """Everything landed under the root as one `pyarrow.dataset.Dataset`.

    The folders become the columns `org`, `connection` and `object`, always text.

    Raises:
        InvalidName: When the root is an address.
        LandingError: When there is no such folder.
    """
    import pyarrow as pa
    from pyarrow import dataset

    from hardfin_pipelines.landing.parquet import landed_schema

    top = landing_root(root)
    if not top.is_dir():
        raise LandingError(
            f"{top} is not there: expected the landing root's folder; land something or correct the root"
        )
    folders = pa.schema([(name, pa.string()) for name in ("org", "connection", "object")])
    schema = pa.schema([*landed_schema(), *folders])
    return dataset.dataset(
        top, schema=schema, format="parquet", partitioning=dataset.partitioning(folders, flavor="hive")
    )


def in_reading_order(files: Iterable[LandedFile]) -> list[LandedFile]:
    """The files, the one that landed last first."""
    return sorted(files, key=lambda file: (file.landed_at, file.path.name), reverse=True)


def inspect_file(path: LandedPath) -> LandedFile:
    """Read the end of a landed file.

    Raises:
        LandingError: When it is damaged, is not ours, or was removed meanwhile.
    """
    with _opened(path.path) as parquet:
        landed_at = datetime.fromisoformat(parquet.metadata.metadata[LANDED_AT_KEY].decode())
        return LandedFile(path.path, path.unit_name, landed_at, parquet.metadata.num_rows)


def newest_versions(files: Sequence[LandedFile], ids: Collection[str] | None = None) -> dict[int, Any]:
    """Where the newest version of each record is: the file's place in `files`, to an array of row numbers in order.

    The newest is the one with the latest vendor's stamp; among equals the one that landed last; among those the one
    in the file that comes first in `files`; and of two rows of one file the lower.

    Args:
        files: Files of one object, in reading order.
        ids: Only these records, by their own id or by one that was merged into them.
    """
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute as pc

    if not files:
        return {}
    versions = pa.concat_tables([_versions(number, file, ids) for number, file in enumerate(files)])
    versions = versions.sort_by(
        [
            ("id", "ascending"),
            ("modified_at", "descending"),
            ("landed_at", "descending"),
            ("file", "ascending"),
            ("row", "descending"),
        ]
    )
    identifiers = versions["id"].combine_chunks()
    first = np.ones(len(versions), dtype=bool)
    if len(versions) > 1:
        first[1:] = pc.not_equal(identifiers[1:], identifiers[:-1]).to_numpy(zero_copy_only=False)
    newest = versions.filter(pa.array(first)).sort_by([("file", "ascending"), ("row", "ascending")])
    numbers, starts = np.unique(newest["file"].to_numpy(), return_index=True)
    rows = np.split(newest["row"].to_numpy(), starts[1:])
    return dict(zip(numbers.tolist(), rows, strict=True)) if len(numbers) else {}


def _paths(root: Root, org: str, connection: str, object_name: str, unit: str | None) -> list[LandedPath]:
    if unit is None:
        return list(landed_paths(root, org, connection, object_name))
    work = Unit(org, f"{org}:{integration_of(org, connection)}", unit)
    path = landed_path(root, work, object_name)
    return [LandedPath(path, org, work.integration, object_name, unit)] if path.is_file() else []


def _read(paths: list[LandedPath], ids: Collection[str] | None, latest_only: bool) -> Iterator[LandedRecord]:  # noqa: FBT001  # passed on from read_landed, where it is named
    yield from read_files(in_reading_order(map(inspect_file, paths)), ids=ids, latest_only=latest_only)


def _versions(number: int, file: LandedFile, ids: Collection[str] | None) -> Any:
    """The id and stamps of each row of a file, with the file's number and the row's; of some ids only when given."""
    import numpy as np
    import pyarrow as pa

    columns = ["id", "modified_at", "landed_at"]
    with _opened(file.path) as parquet:
        versions = parquet.read(columns=columns if ids is None else [*columns, "merged_ids"])
    if ids is not None:
        wanted = _chosen(versions, pa.array(list(ids), pa.string()))
        versions = versions.drop_columns("merged_ids")
    versions = versions.append_column("row", pa.array(np.arange(len(versions), dtype=np.int64)))
    versions = versions.append_column("file", pa.array(np.full(len(versions), number, dtype=np.int64)))
    return versions if ids is None else versions.filter(wanted)


def _chosen(versions: Any, ids: Any) -> Any:
    """For each row whether it is one of the records, under its own id or one merged into it."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute as pc

    own = pc.is_in(versions["id"], value_set=ids).to_numpy().astype(bool)
    merged = versions["merged_ids"].combine_chunks()
    rows = pc.list_parent_indices(merged).to_numpy()
    if len(rows):
        found = pc.is_in(pc.list_flatten(merged), value_set=ids).to_numpy(zero_copy_only=False)
        own[np.unique(rows[found])] = True
    return pa.array(own)


def _records(file: LandedFile, rows: Any) -> Iterator[LandedRecord]:
    """The rows of a file, all of them or those of the given numbers, in order; other row groups are not read."""
    with _opened(file.path) as parquet:
        offset = 0
        for group in range(parquet.num_row_groups):
            size = parquet.metadata.row_group(group).num_rows
            chosen = None if rows is None else rows[(rows >= offset) & (rows < offset + size)] - offset
            offset += size
            if chosen is not None and not len(chosen):
                continue
            table = parquet.read_row_group(group)
            if chosen is not None:
                table = table.take(chosen)
            for batch in table.to_batches(max_chunksize=_PYTHON_ROWS):
                yield from _decoded(batch.to_pydict(), file.unit_name)


def _decoded(columns: Mapping[str, list[Any]], unit_name: str) -> Iterator[LandedRecord]:
    for row in zip(*(columns[name] for name in COLUMNS), strict=True):
        identifier, modified_at, archived, raw, references, merged_ids, url, run_id, landed_at = row
        yield LandedRecord(
            identifier,
            modified_at.replace(tzinfo=UTC),
            archived,
            raw,
            references_of(references),
            tuple(merged_ids),
            url,
            run_id,
            landed_at.replace(tzinfo=UTC),
            unit_name,
        )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A landed file, open; its pages are checked against their checksums as they are read."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            metadata = parquet.metadata.metadata or {}
            if metadata.get(FORMAT_KEY) != FORMAT or LANDED_AT_KEY not in metadata:
                raise UnreadableFile(
                    f"{path} is not a landed file of this version: expected {FORMAT_KEY.decode()}={FORMAT.decode()} "
                    "in its metadata; move it out of the landing root",
                    path,
                )
            yield parquet
    except FileNotFoundError:
        message = f"{path} was removed while it was being read, perhaps by pruning; read again"
        raise UnreadableFile(message, path) from None
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        message = f"{path} cannot be read: {reason}; restore it from a backup, or run its unit of work again"
        raise UnreadableFile(message, path) from error
