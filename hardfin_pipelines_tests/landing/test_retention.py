import asyncio
import os
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from hardfin_pipelines.landing import retention
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import lock_path, part_path
from hardfin_pipelines.landing.reading import newest_versions, read_landed
from hardfin_pipelines.landing.retention import prune
from hardfin_pipelines_tests.landing.landing_cases import NOON, land, record, unit

DAY = timedelta(days=1)


def age(path, days):
    """Make a file look as if it was last written to so many days ago."""
    then = path.stat().st_mtime - days * 86_400
    os.utime(path, (then, then))


def journal_of(root, work):
    async def answer():
        return b"answer"

    with UnitJournal(root, work) as journal:
        asyncio.run(journal.remember("a", answer))
    return journal.path


def test_old_files_go_and_files_since_the_date_stay(tmp_path):
    old = land(tmp_path, unit("tick-1"), [record("1")], landed_at=NOON - DAY)
    edge = land(tmp_path, unit("tick-2"), [record("1")], landed_at=NOON)
    new = land(tmp_path, unit("tick-3"), [record("1")], landed_at=NOON + DAY)
    size = old.stat().st_size
    report = prune(tmp_path, NOON, keep_latest=False)
    assert report.landed == (old,)
    assert report.freed == size
    assert not old.exists()
    assert edge.exists()
    assert new.exists()
    assert prune(tmp_path, NOON, keep_latest=False).landed == ()


def test_a_file_with_the_newest_version_of_any_record_stays(tmp_path):
    needed = land(tmp_path, unit("tick-1"), [record("only here"), record("1")], landed_at=NOON - 3 * DAY)
    superseded = land(tmp_path, unit("tick-2"), [record("1", minutes=1)], landed_at=NOON - 2 * DAY)
    newest = land(tmp_path, unit("tick-3"), [record("1", minutes=2)], landed_at=NOON - DAY)
    other = land(tmp_path, unit("tick-1", org="beta"), [record("1")], landed_at=NOON - 9 * DAY)
    assert prune(tmp_path, NOON).landed == (superseded,)
    assert needed.exists()
    assert newest.exists()
    assert other.exists()


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=4), max_size=5),
    st.integers(0, 5),
)
def test_the_newest_versions_read_the_same_before_and_after(tmp_path_factory, works, days):
    root = tmp_path_factory.mktemp("prune")
    for number, rows in enumerate(works):
        land(root, unit(f"tick-{number}"), [record(*row) for row in rows], landed_at=NOON + number * DAY)
    before = list(read_landed(root, "acme", "hubspot", "deals", latest_only=True))
    report = prune(root, NOON + days * DAY)
    assert list(read_landed(root, "acme", "hubspot", "deals", latest_only=True)) == before
    left = {each.unit_name for each in read_landed(root, "acme", "hubspot", "deals")}
    needed = {each.unit_name for each in before}
    assert left == needed | {f"tick-{number}" for number in range(days, len(works))}
    assert len(report.landed) == len(works) - len(left)


def test_nothing_outside_the_layout_is_touched(tmp_path):
    root = tmp_path / "root"
    old = land(root, unit(), [record("1")], landed_at=NOON - DAY)
    outside = land(tmp_path / "outside", unit(), [record("1")], landed_at=NOON - DAY)
    strays = [
        old.with_name("_notes.parquet"),
        old.with_name("tick-1.parquet.bak"),
        old.parent / "deeper" / "tick-1.parquet",
        root / "tick-1.parquet",
        root / "org=Beta" / "connection=hubspot" / "object=deals" / "tick-1.parquet",
    ]
    for stray in strays:
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(old.read_bytes())
        age(stray, 99)
    linked = old.parent.parent / "object=companies"
    linked.symlink_to(outside.parent)
    report = prune(root, NOON, keep_latest=False)
    assert report.landed == (old,)
    assert report.left == (linked / outside.name,)
    assert outside.exists()
    assert all(stray.exists() for stray in strays)


def test_files_that_are_not_ours_or_damaged_stay_and_are_reported(tmp_path, caplog):
    old = land(tmp_path, unit("tick-1"), [record("1")], landed_at=NOON - DAY)
    foreign = old.with_name("foreign.parquet")
    pq.write_table(pa.table({"id": ["1"]}), foreign)
    damaged = old.with_name("damaged.parquet")
    damaged.write_bytes(old.read_bytes()[:-20])
    report = prune(tmp_path, NOON, keep_latest=False)
    assert report.landed == (old,)
    assert set(report.left) == {foreign, damaged}
    assert foreign.exists()
    assert damaged.exists()
    assert "foreign.parquet is not a landed file" in caplog.text


def test_journals_go_when_idle_since_the_date_and_not_open(tmp_path):
    idle, recent, at_work = (journal_of(tmp_path, unit(name)) for name in ("idle", "recent", "at-work"))
    age(idle, 30)
    age(recent, 5)
    with UnitJournal(tmp_path, unit("at-work")):
        age(at_work, 30)
        report = prune(tmp_path, datetime.now().astimezone() - 10 * DAY)
    assert report.journals == (idle,)
    assert not idle.exists()
    assert not lock_path(idle).exists()
    assert recent.exists()
    assert at_work.exists()


def test_what_a_run_may_still_be_writing_stays_whatever_the_date(tmp_path):
    landed = land(tmp_path, unit(), [record("1")])
    young, old = part_path(landed), part_path(landed)
    young.write_bytes(b"half")
    old.write_bytes(b"half")
    age(old, 2)
    journal = journal_of(tmp_path, unit())
    report = prune(tmp_path, datetime.now().astimezone() + 99 * DAY)
    assert report.parts == (old,)
    assert report.journals == ()
    assert report.freed == 4
    assert young.exists()
    assert journal.exists()


def test_a_file_whose_unit_is_done_again_meanwhile_stays(tmp_path, monkeypatch):
    old = land(tmp_path, unit("tick-1"), [record("1")], landed_at=NOON - 2 * DAY)
    gone = land(tmp_path, unit("tick-2"), [record("1", minutes=1)], landed_at=NOON - DAY)
    land(tmp_path, unit("tick-3"), [record("1", minutes=2)], landed_at=NOON)

    def meanwhile(files):
        needed = newest_versions(files)
        land(tmp_path, unit("tick-1"), [record("1", minutes=9)], landed_at=NOON + DAY)
        gone.unlink()
        return needed

    monkeypatch.setattr(retention, "newest_versions", meanwhile)
    assert prune(tmp_path, NOON).landed == ()
    assert old.exists()
    (newest,) = read_landed(tmp_path, "acme", "hubspot", "deals", latest_only=True)
    assert (newest.unit_name, newest.modified_at) == ("tick-1", NOON + timedelta(minutes=9))


def test_a_date_without_a_time_zone_is_refused(tmp_path):
    with pytest.raises(LandingError, match="has no time zone"):
        prune(tmp_path, NOON.replace(tzinfo=None))


def test_an_empty_root_is_fine(tmp_path):
    report = prune(tmp_path / "nowhere", NOON)
    assert (report.landed, report.journals, report.parts, report.freed, report.left) == ((), (), (), 0, ())
