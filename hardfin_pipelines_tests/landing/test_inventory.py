"""Going through all that landed of a connection, whatever has been pruned or damaged."""

import os

from hardfin_pipelines.landing.inventory import LandedInventory
from hardfin_pipelines.landing.parquet import LandingWriter
from hardfin_pipelines_tests.landing.landing_cases import NOON, land, record, unit
from hardfin_pipelines_tests.landing.test_reading import MINUTE

OBJECTS = ("deals", "companies", "deal_references")


def inventory(root):
    return LandedInventory(root, "acme", "acme:hubspot", OBJECTS)


def versions(records):
    return [(each.id, each.unit_name) for each in records]


def test_nothing_landed_is_no_unit(tmp_path):
    assert inventory(tmp_path).units() == []
    assert inventory(tmp_path).newest("deals", ["1"]) == []


def test_units_come_in_the_order_they_landed_with_the_files_they_have(tmp_path):
    land(tmp_path, unit("b"), [record("1")], landed_at=NOON + MINUTE)
    land(tmp_path, unit("a"), [record("1")], landed_at=NOON + 2 * MINUTE)
    land(tmp_path, unit("c"), [record("9")], landed_at=NOON, object_name="companies")
    land(tmp_path, unit("b"), [record("9")], landed_at=NOON, object_name="companies")
    land(tmp_path, unit("other", org="beta"), [record("1")])
    found = inventory(tmp_path)
    assert [(each.name, sorted(each.files)) for each in found.units()] == [
        ("c", ["companies"]),
        ("b", ["companies", "deals"]),
        ("a", ["deals"]),
    ]
    assert [each.name for each in found.units(since=NOON + MINUTE)] == ["b", "a"]
    assert [each.name for each in found.units(until=NOON + MINUTE)] == ["c"]
    assert found.problems == []


def test_a_units_records_the_newest_of_all_and_the_versions_of_one(tmp_path):
    land(tmp_path, unit("a"), [record("1", minutes=5), record("2")], landed_at=NOON)
    land(tmp_path, unit("b"), [record("1", minutes=9), record("3", merged_ids=("2",))], landed_at=NOON + MINUTE)
    found = inventory(tmp_path)
    first, second = found.units()
    assert versions(found.of_unit(first, "deals")) == [("1", "a"), ("2", "a")]
    assert versions(found.of_unit(second, "deals", ["2"])) == [("3", "b")]
    assert versions(found.of_unit(second, "companies")) == []
    assert sorted(versions(found.newest("deals", ["1", "2"]))) == [("1", "b"), ("2", "a"), ("3", "b")]
    assert versions(found.versions("deals", "1")) == [("1", "a"), ("1", "b")]
    assert versions(found.versions("deals", "2")) == [("2", "a"), ("3", "b")]


def test_a_file_that_is_cut_off_or_not_ours_is_one_line_and_the_others_are_read(tmp_path):
    whole = land(tmp_path, unit("a"), [record("1")])
    damaged = land(tmp_path, unit("b"), [record("1")], landed_at=NOON + MINUTE)
    damaged.write_bytes(damaged.read_bytes()[:-9])
    whole.with_name("notes.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    found = inventory(tmp_path)
    assert [each.name for each in found.units()] == ["a"]
    assert len(found.problems) == 2
    assert any(f"{damaged} cannot be read" in line for line in found.problems)
    assert versions(found.newest("deals", ["1"])) == [("1", "a")]


def damaged_inside(root, name):
    """A file whose end is whole, with a changed byte in a record that is stored as it is."""
    raw = os.urandom(3_000)
    with LandingWriter(root, unit(name), "deals") as writer:
        writer.add([record("1", minutes=7)], [raw], NOON + MINUTE, "run")
    whole = writer.path.read_bytes()
    position = whole.index(raw[1_000:1_100])
    writer.path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    return writer.path


def test_damage_that_shows_only_when_read_is_one_line_and_the_next_version_takes_its_place(tmp_path):
    land(tmp_path, unit("a"), [record("1")])
    path = damaged_inside(tmp_path, "b")
    found = inventory(tmp_path)
    assert found.problems == []
    assert versions(found.newest("deals", ["1"])) == [("1", "a")]
    (line,) = found.problems
    assert f"{path} cannot be read" in line
    assert [each.name for each in found.units()] == ["a"]
    assert versions(found.versions("deals", "1")) == [("1", "a")]
    assert len(found.problems) == 1


def test_a_unit_that_is_damaged_gives_nothing_more_and_one_line(tmp_path):
    damaged_inside(tmp_path, "b")
    found = inventory(tmp_path)
    (broken,) = found.units()
    assert list(found.of_unit(broken, "deals")) == []
    assert list(found.of_unit(broken, "deals")) == []
    assert len(found.problems) == 1


def test_a_file_that_is_pruned_meanwhile_is_one_line(tmp_path):
    path = land(tmp_path, unit("a"), [record("1")])
    found = inventory(tmp_path)
    path.unlink()
    assert found.newest("deals", ["1"]) == []
    assert ["was removed while it was being read" in line for line in found.problems] == [True]
