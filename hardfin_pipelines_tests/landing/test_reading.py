import json
import os
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from hardfin_pipelines.landing.errors import InvalidName, LandingError
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import landed_path
from hardfin_pipelines.landing.parquet import ROW_GROUP_ROWS, LandingWriter
from hardfin_pipelines.landing.reading import landed_dataset, preview, read_landed
from hardfin_pipelines_tests.landing.landing_cases import NOON, land, record, rich_record, unit

MINUTE = timedelta(minutes=1)


def read(root, **choices):
    return list(read_landed(root, "acme", "hubspot", "deals", **choices))


def found(root, **choices):
    return [(each.id, each.unit_name) for each in read(root, **choices)]


def test_nothing_landed_reads_as_nothing(tmp_path):
    assert read(tmp_path) == []
    assert read(tmp_path, latest_only=True) == []
    assert read(tmp_path, unit="tick-1") == []
    assert read(tmp_path / "no such folder", ids=["1"]) == []


def test_the_unit_that_landed_last_is_read_first(tmp_path):
    land(tmp_path, unit("z-older"), [record("1"), record("2")], landed_at=NOON)
    land(tmp_path, unit("a-newer"), [record("3"), record("1")], landed_at=NOON + MINUTE)
    assert found(tmp_path) == [("3", "a-newer"), ("1", "a-newer"), ("1", "z-older"), ("2", "z-older")]


def test_one_unit_and_some_ids_can_be_chosen(tmp_path):
    land(tmp_path, unit("tick-1"), [record("1"), record("2"), record("3")])
    land(tmp_path, unit("tick-2"), [record("2"), record("4")], landed_at=NOON + MINUTE)
    assert found(tmp_path, unit="tick-1") == [("1", "tick-1"), ("2", "tick-1"), ("3", "tick-1")]
    assert found(tmp_path, ids={"2", "3"}) == [("2", "tick-2"), ("2", "tick-1"), ("3", "tick-1")]
    assert found(tmp_path, ids={"2", "3"}, latest_only=True) == [("2", "tick-2"), ("3", "tick-1")]
    assert found(tmp_path, unit="tick-1", ids=["2"]) == [("2", "tick-1")]
    assert found(tmp_path, ids=[]) == []
    assert found(tmp_path, ids=["nobody", "\ud800"], latest_only=True) == []


def test_organizations_connections_and_objects_never_see_each_other(tmp_path):
    land(tmp_path, unit(org="acme"), [record("1")])
    land(tmp_path, unit(org="acme-2"), [record("2")])
    land(tmp_path, unit(integration="salesforce"), [record("3")])
    land(tmp_path, unit(), [record("4")], object_name="companies")
    assert found(tmp_path) == [("1", "tick-1")]
    with pytest.raises(InvalidName, match="not one of organization acme"):
        read_landed(tmp_path, "acme", "acme-2:hubspot", "deals")


def test_the_newest_is_by_the_vendors_stamp_then_by_when_it_landed(tmp_path):
    land(tmp_path, unit("a"), [record("stamp", minutes=5), record("landing", minutes=3)], landed_at=NOON)
    land(tmp_path, unit("b"), [record("stamp", minutes=4), record("landing", minutes=3)], landed_at=NOON + MINUTE)
    assert sorted(found(tmp_path, latest_only=True)) == [("landing", "b"), ("stamp", "a")]


def test_of_versions_equal_in_all_stamps_the_one_read_first_is_the_newest(tmp_path):
    for name in ("tick-1", "tick-2"):
        land(tmp_path, unit(name), [record("1")])
    assert found(tmp_path) == [("1", "tick-2"), ("1", "tick-1")]
    assert found(tmp_path, latest_only=True) == [("1", "tick-2")]


def test_of_two_equal_versions_in_one_unit_the_later_row_is_the_newest(tmp_path):
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([record("1"), record("1"), record("2")], [b"first", b"second", b"{}"], NOON, "run")
    assert [each.raw for each in read(tmp_path, latest_only=True)] == [b"second", b"{}"]


versions = st.tuples(st.sampled_from("abcd"), st.integers(0, 3))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(versions, min_size=1, max_size=6), max_size=5))
def test_latest_only_agrees_with_a_plain_scan(tmp_path_factory, works):
    root = tmp_path_factory.mktemp("latest")
    expected: dict[str, tuple[int, str]] = {}
    for number, rows in enumerate(works):
        landed_at = NOON + number * MINUTE
        land(root, unit(f"tick-{number}"), [record(name, minutes) for name, minutes in rows], landed_at=landed_at)
        for name, minutes in rows:
            if name not in expected or minutes >= expected[name][0]:
                expected[name] = (minutes, f"tick-{number}")
    landed = read(root, latest_only=True)
    assert len(landed) == len(expected)
    assert {each.id: ((each.modified_at - NOON) // MINUTE, each.unit_name) for each in landed} == expected


def test_rows_far_apart_in_large_files_are_found(tmp_path):
    total = 2 * ROW_GROUP_ROWS + 10
    land(tmp_path, unit("load-1"), [record(str(number)) for number in range(total)])
    land(tmp_path, unit("tick-1"), [record("7", minutes=1)], landed_at=NOON + MINUTE)
    wanted = ["0", "7", str(ROW_GROUP_ROWS), str(total - 1)]
    assert found(tmp_path, ids=wanted, latest_only=True) == [
        ("7", "tick-1"),
        ("0", "load-1"),
        (str(ROW_GROUP_ROWS), "load-1"),
        (str(total - 1), "load-1"),
    ]


def test_reading_holds_one_row_group_not_the_whole_file(tmp_path):
    page = [record(str(number)) for number in range(100)]
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        for _ in range(20):
            writer.add(page, [bytes(str(number), "ascii") * 30_000 for number in range(100)], NOON, "run")
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() - before for _ in read_landed(tmp_path, "acme", "hubspot", "deals"))
    assert 0 < most < 80 * 2**20


def test_a_damaged_file_is_named_and_never_half_believed(tmp_path):
    path = land(tmp_path, unit(), [record(str(number)) for number in range(50)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LandingError, match=r"tick-1\.parquet cannot be read: .*; restore it from a backup"):
        read(tmp_path)


def test_a_changed_byte_of_a_record_is_noticed(tmp_path):
    raw = os.urandom(3_000)  # stored as it is, so that only the page's checksum can tell
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([record("1")], [raw], NOON, "run")
    whole = writer.path.read_bytes()
    position = whole.index(raw[1_000:1_100])
    writer.path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    with pytest.raises(LandingError, match=r"tick-1\.parquet cannot be read: "):
        read(tmp_path)


def test_a_file_that_is_not_ours_is_named(tmp_path):
    path = land(tmp_path, unit(), [record("1")])
    pq.write_table(pa.table({"id": ["1"]}), path.with_name("notes.parquet"))
    with pytest.raises(LandingError, match=r"notes\.parquet is not a landed file of this version"):
        read(tmp_path)


def test_a_preview_shows_ids_and_stamps_and_no_customer_data(tmp_path):
    land(tmp_path, unit("tick-1"), [record("old")])
    path = land(tmp_path, unit("tick-2"), [rich_record(), record("2"), record("3")], landed_at=NOON + MINUTE)
    assert path.exists()
    table = preview(tmp_path, "acme", "acme:hubspot", "deals", rows=2)
    assert list(table.columns) == ["id", "modified_at", "archived", "landed_at", "run_id"]
    assert table["id"].tolist() == ["701", "2"]
    assert table["landed_at"][0].to_pydatetime() == NOON + MINUTE
    assert preview(tmp_path, "acme", "hubspot", "deals", unit="tick-1")["id"].tolist() == ["old"]
    with_raw = preview(tmp_path, "acme", "hubspot", "deals", unit="tick-1", include_raw=True)
    assert json.loads(with_raw["raw"][0]) == {"id": "old", "unit": "tick-1"}
    empty = preview(tmp_path, "acme", "hubspot", "companies")
    assert (len(empty), list(empty.columns)) == (0, list(table.columns))


def test_everything_landed_is_one_dataset(tmp_path):
    land(tmp_path, unit(org="007"), [record("1")])
    land(tmp_path, unit(org="acme"), [record("2"), record("3")])
    land(tmp_path, unit(org="acme"), [record("4")], object_name="companies")
    unfinished = LandingWriter(tmp_path, unit("tick-9"), "deals")
    unfinished.add([record(str(n)) for n in range(ROW_GROUP_ROWS)], [b"{}"] * ROW_GROUP_ROWS, NOON, "run")
    with UnitJournal(tmp_path, unit()):
        rows = landed_dataset(tmp_path).to_table(columns=["org", "connection", "object", "id"]).to_pylist()
    unfinished.abort()
    assert sorted(tuple(row.values()) for row in rows) == [
        ("007", "hubspot", "deals", "1"),
        ("acme", "hubspot", "companies", "4"),
        ("acme", "hubspot", "deals", "2"),
        ("acme", "hubspot", "deals", "3"),
    ]
    with pytest.raises(LandingError, match="is not there"):
        landed_dataset(tmp_path / "nowhere")


def test_a_file_removed_while_it_is_read_is_named(tmp_path):
    land(tmp_path, unit("tick-1"), [record("1")])
    land(tmp_path, unit("tick-2"), [record("2")], landed_at=NOON + MINUTE)
    reading = read_landed(tmp_path, "acme", "hubspot", "deals")
    assert next(reading).unit_name == "tick-2"
    landed_path(tmp_path, unit("tick-1"), "deals").unlink()
    with pytest.raises(LandingError, match=r"tick-1\.parquet was removed while it was being read"):
        next(reading)


@pytest.mark.shared_data
def test_real_records_come_back_byte_for_byte(tmp_path, shared_data):
    files = [path for path in sorted(shared_data.rglob("*")) if path.suffix in {".csv", ".json", ".xml"}]
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    assert len(lines) > 1_000
    with LandingWriter(tmp_path, unit(), "deals") as writer:
        writer.add([record(str(number)) for number in range(len(lines))], lines, NOON, "run")
    assert [each.raw for each in read(tmp_path)] == lines


def test_a_record_is_found_by_an_id_that_was_merged_into_it(tmp_path):
    merged = record("3", merged_ids=("2", "7"))
    land(tmp_path, unit("tick-1"), [record("1", merged_ids=("9",)), record("2"), merged, record("4")])
    assert found(tmp_path, ids=["7"]) == [("3", "tick-1")]
    assert found(tmp_path, ids=["2"], latest_only=True) == [("2", "tick-1"), ("3", "tick-1")]
    assert found(tmp_path, ids=["8"], latest_only=True) == []
