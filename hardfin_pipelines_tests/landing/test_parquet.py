import json
import os
import signal
import threading
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from hardfin_pipelines.landing.errors import InvalidName, LandingError
from hardfin_pipelines.landing.layout import landed_path
from hardfin_pipelines.landing.parquet import ROW_GROUP_BYTES, ROW_GROUP_ROWS, LandingWriter, landed_schema
from hardfin_pipelines.landing.reading import read_landed
from hardfin_pipelines.sync.records import CRM_ROLES, Record, Reference
from hardfin_pipelines_tests.landing.landing_cases import AWKWARD, NOON, land, record, rich_record, start, unit


def read(root, **choices):
    return list(read_landed(root, "acme", "acme:hubspot", "deals", **choices))


def files_under(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_every_part_of_a_record_comes_back(tmp_path):
    raw = b'{"id":"701",  "properties": {"amount": "1.10"}}'
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([rich_record()], [raw], NOON, "run-1")
        assert writer.rows == 1
    (landed,) = read(tmp_path)
    assert (landed.id, landed.raw, landed.archived) == ("701", raw, True)
    assert (landed.modified_at, landed.landed_at) == (NOON, NOON)
    assert landed.modified_at.tzinfo is UTC
    assert landed.references == rich_record().references
    assert landed.merged_ids == ("55", "56")
    assert (landed.url, landed.run_id, landed.unit_name) == ("https://vendor.example/701", "run-1", "tick-1")


text = st.text(max_size=8) | st.text(alphabet=AWKWARD, max_size=4)
json_bytes = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
).map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
NAIVE = NOON.replace(tzinfo=None)
stamps = st.datetimes(
    min_value=NAIVE.replace(year=1, day=2),
    max_value=NAIVE.replace(year=9999, day=30),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=5, minutes=45))]),
)
references = st.dictionaries(
    st.sampled_from(CRM_ROLES), st.lists(st.builds(Reference, text, st.booleans()), max_size=3).map(tuple)
)
records = st.builds(
    Record,
    role=st.just("deal"),
    id=text,
    modified_at=stamps,
    properties=st.just({}),
    references=references,
    merged_ids=st.lists(text, max_size=3).map(tuple),
    archived=st.booleans(),
    url=text,
)


def as_utf8(value):
    return value.encode("utf-8", "backslashreplace").decode()


@settings(deadline=None)
@given(st.lists(st.tuples(records, st.binary(max_size=50) | json_bytes), max_size=5), stamps)
def test_any_record_comes_back_as_it_was(tmp_path_factory, pairs, landed_at):
    root = tmp_path_factory.mktemp("landed")
    with LandingWriter(root, unit(), "deals", fsync=False) as writer:
        writer.add([each for each, _ in pairs], [raw for _, raw in pairs], landed_at, "run")
    landed = read(root)
    assert [each.raw for each in landed] == [raw for _, raw in pairs]
    assert [each.modified_at for each in landed] == [each.modified_at for each, _ in pairs]
    assert {each.landed_at for each in landed} <= {landed_at}
    for back, (given_record, _) in zip(landed, pairs, strict=True):
        assert (back.id, back.url) == (as_utf8(given_record.id), as_utf8(given_record.url))
        assert back.merged_ids == tuple(map(as_utf8, given_record.merged_ids))
        assert back.references == {
            role: tuple(Reference(as_utf8(each.id), each.primary) for each in pointers)
            for role, pointers in given_record.references.items()
        }


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0\0", "🙂 שלום \u202e".encode(), b"\xff\xfe\xed\xa0\x80", b'{"note": "' + b"x" * 1_048_576 + b'"}'],
    ids=["empty", "nul", "emoji and right to left", "not UTF-8", "1 MB"],
)
def test_awkward_bytes_come_back_as_they_were(tmp_path, raw):
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([record("a"), record("b\0c")], [raw, b"{}"], NOON, "run")
    assert [(each.id, each.raw) for each in read(tmp_path)] == [("a", raw), ("b\0c", b"{}")]


def test_the_file_has_exactly_the_documented_columns(tmp_path):
    path = land(tmp_path, unit(), [record("1")])
    schema = pq.read_schema(path)
    assert schema.remove_metadata() == landed_schema().remove_metadata()
    assert [f"{field.name}: {field.type}" for field in schema] == [
        "id: string",
        "modified_at: timestamp[us, tz=UTC]",
        "archived: bool",
        "raw: large_binary",
        "references: string",
        "merged_ids: list<element: string>",
        "url: string",
        "run_id: dictionary<values=string, indices=int32, ordered=0>",
        "landed_at: timestamp[us, tz=UTC]",
    ]
    column = pq.ParquetFile(path).metadata.row_group(0).column(3)
    assert (column.path_in_schema, column.compression) == ("raw", "ZSTD")


def test_rows_are_grouped_by_number_however_they_arrive(tmp_path):
    total = 2 * ROW_GROUP_ROWS + 300
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        for begin in range(0, total, 700):
            page = [record(str(number)) for number in range(begin, min(begin + 700, total))]
            writer.add(page, [b"{}"] * len(page), NOON, "run")
    with pq.ParquetFile(writer.path) as file:
        groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 300]
    assert [each.id for each in read(tmp_path)] == [str(number) for number in range(total)]


def test_large_records_close_a_row_group_early(tmp_path):
    megabyte = b"x" * 2**20
    count = ROW_GROUP_BYTES // len(megabyte) + 2
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([record(str(number)) for number in range(count)], [megabyte] * count, NOON, "run")
    with pq.ParquetFile(writer.path) as file:
        groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [count - 2, 2]


def land_and_raise(root, error, rows=1):
    with LandingWriter(root, unit(), "deals") as writer:
        writer.add([record(str(number)) for number in range(rows)], [b"{}"] * rows, NOON, "run")
        raise error


def test_nothing_is_seen_before_the_block_ends(tmp_path):
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([record(str(number)) for number in range(ROW_GROUP_ROWS)], [b"{}"] * ROW_GROUP_ROWS, NOON, "run")
        assert [name.endswith(".part") for name in files_under(tmp_path)] == [True]
        assert read(tmp_path) == []
    assert len(read(tmp_path)) == ROW_GROUP_ROWS


@pytest.mark.parametrize("rows", [1, ROW_GROUP_ROWS])
def test_nothing_is_left_when_the_block_raises(tmp_path, rows):
    with pytest.raises(KeyboardInterrupt):
        land_and_raise(tmp_path, KeyboardInterrupt(), rows)
    assert files_under(tmp_path) == []


def test_an_error_leaves_the_units_earlier_file_as_it_was(tmp_path):
    path = land(tmp_path, unit(), [record("1")])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="broken"):
        land_and_raise(tmp_path, ValueError("broken"), ROW_GROUP_ROWS)
    assert path.read_bytes() == before
    assert len(files_under(tmp_path)) == 1


CRASHING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from hardfin_pipelines.landing import parquet
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.sync.records import Record

def crash(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "before rename":
    Path.replace = crash
elif sys.argv[2] == "after rename":
    parquet.sync_folder = crash
now = datetime.now(UTC)
rows = 1 if sys.argv[2] != "first row group" else parquet.ROW_GROUP_ROWS
with parquet.LandingWriter(sys.argv[1], Unit("acme", "acme:hubspot", "tick-1"), "deals") as writer:
    writer.add([Record("deal", "new", now, {})] * rows, [b"{}"] * rows, now, "run")
    if sys.argv[2] == "first row group":
        crash()
"""


@pytest.mark.parametrize(
    ("moment", "seen"), [("first row group", "old"), ("before rename", "old"), ("after rename", "new")]
)
def test_killed_while_writing_the_old_or_the_new_file_is_seen_whole(tmp_path, moment, seen):
    land(tmp_path, unit(), [record("old")])
    process = start(CRASHING, str(tmp_path), moment)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [each.id for each in read(tmp_path)] == [seen]
    land(tmp_path, unit(), [record("again")])
    assert [each.id for each in read(tmp_path)] == ["again"]


FULL_DISK = """
import os, resource, sys
from datetime import UTC, datetime
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.landing.parquet import LandingWriter
from hardfin_pipelines.sync.records import Record

now = datetime.now(UTC)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    with LandingWriter(sys.argv[1], Unit("acme", "acme:hubspot", "tick-1"), "deals") as writer:
        writer.add([Record("deal", "new", now, {})], [os.urandom(100_000)], now, "run")
except LandingError as error:
    print(error)
"""


def test_a_full_disk_is_named_and_leaves_the_earlier_file(tmp_path):
    path = land(tmp_path, unit(), [record("old")])
    process = start(FULL_DISK, str(tmp_path))
    output, _ = process.communicate()
    assert process.returncode == 0
    (line,) = output.splitlines()
    assert line.startswith(f"could not write {path}: ")
    assert "File too large" in line
    assert "then run the unit again" in line
    assert files_under(tmp_path) == [str(path.relative_to(tmp_path))]
    assert [each.id for each in read(tmp_path)] == ["old"]


def test_a_unit_written_again_replaces_its_own_file_and_nothing_else(tmp_path):
    paths = [
        land(tmp_path, unit("tick-2"), [record("other unit")]),
        land(tmp_path, unit(org="beta"), [record("other organization")]),
        land(tmp_path, unit(integration="salesforce"), [record("other connection")]),
        land(tmp_path, unit(), [record("other object")], object_name="companies"),
    ]
    others = {path: path.read_bytes() for path in paths}
    land(tmp_path, unit(), [record("1"), record("2")])
    land(tmp_path, unit(), [record("3")])
    assert [each.id for each in read(tmp_path, unit="tick-1")] == ["3"]
    assert {path: path.read_bytes() for path in others} == others
    assert len(files_under(tmp_path)) == len(others) + 1


def test_a_unit_written_again_without_rows_takes_its_earlier_file_away(tmp_path):
    land(tmp_path, unit(), [record("1")])
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([], [], NOON, "run")
    assert files_under(tmp_path) == []
    with LandingWriter(tmp_path / "fresh", unit(), "deals"):
        pass
    assert not (tmp_path / "fresh").exists()


def test_records_without_their_raw_texts_are_refused(tmp_path):
    with (
        pytest.raises(LandingError, match="2 records came with 1 raw texts"),
        LandingWriter(tmp_path, unit(), "deals") as writer,
    ):
        writer.add([record("1"), record("2")], [b"{}"], NOON, "run")
    assert files_under(tmp_path) == []


def test_stamps_without_a_time_zone_are_refused_and_named(tmp_path):
    writer = LandingWriter(tmp_path, unit(), "deals")
    with pytest.raises(LandingError, match="landed_at has no time zone"):
        writer.add([record("1")], [b"{}"], NAIVE, "run")
    with pytest.raises(LandingError, match="modified_at of record '7' has no time zone"):
        writer.add([record("1"), record("7", modified_at=NAIVE)], [b"{}", b"{}"], NOON, "run")
    writer.close()
    assert writer.rows == 0
    assert files_under(tmp_path) == []


def test_an_object_that_names_no_folder_is_refused_at_once(tmp_path):
    with pytest.raises(InvalidName, match=r"object '\.\./deals' cannot name a folder"):
        LandingWriter(tmp_path, unit(), "../deals")


def test_a_writer_that_has_ended_takes_and_publishes_nothing_more(tmp_path):
    writer = LandingWriter(tmp_path, unit(), "deals")
    writer.add([record("1")], [b"{}"], NOON, "run")
    writer.abort()
    writer.close()
    assert files_under(tmp_path) == []
    with pytest.raises(LandingError, match="is closed: expected an open writer"):
        writer.add([record("2")], [b"{}"], NOON, "run")


@pytest.mark.parametrize(("fsync", "expected"), [(True, ["part", "folder"]), (False, [])])
def test_the_file_is_synced_before_its_rename_and_its_folder_after(tmp_path, monkeypatch, fsync, expected):
    synced = []
    real = os.fsync
    with LandingWriter(tmp_path, unit(), "deals", fsync=fsync) as writer:
        writer.path.parent.mkdir(parents=True)

        def sync(handle):
            real(handle)
            synced.append("folder" if writer.path.exists() else "part")

        monkeypatch.setattr(os, "fsync", sync)
        writer.add([record("1")], [b"{}"], NOON, "run")
    assert synced == expected


def test_two_writers_of_one_unit_leave_one_whole_file(tmp_path):
    threads = [
        threading.Thread(target=land, args=(tmp_path, unit(), [record(f"{name}-{number}") for number in range(500)]))
        for name in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files_under(tmp_path) == [str(landed_path("", unit(), "deals"))]
    ids = [each.id for each in read(tmp_path)]
    assert len(ids) == 500
    assert len({identifier[0] for identifier in ids}) == 1
