"""Replay where records were not given, are pruned, or are damaged."""

from pathlib import Path

import pytest
from sqlalchemy import select

from hardfin_pipelines.landing.retention import prune
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.tables import (
    projects,
)
from hardfin_pipelines_tests.engine.product import Organization
from hardfin_pipelines_tests.engine.replays import empty_store, replayed, rows, values

LINES = "/crm/objects/2026-03/line_items/batch/read"


def test_what_was_set_aside_for_a_line_that_could_not_be_read_syncs_with_all_its_lines_when_it_is_read(
    sqlite_acme: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    acme = sqlite_acme
    deal = acme.add_deal(lines=[("Robot arm", "1.50"), ("Robot leg", "2.50")])
    body = '{"results":[],"errors":[{"category":"INTERNAL_ERROR","message":"shard 7 is away"}]}'
    acme.fault(path=LINES, status=207, body=body)
    acme.tick()
    assert acme.projects() == []
    (held,) = acme.rejected()
    assert "line item" in held.rejection.reason
    assert "shard 7 is away" in held.rejection.reason
    acme.ask_for_record(deal)
    acme.product.run_all()
    assert len(acme.lines(deal)) == 2
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(acme, into)
        assert rows(into, "acme") == rows(acme.deployment.engine, "acme")
    assert (report.applied.set_aside, report.applied.synced, report.lines) == (1, 1, [])


def test_a_line_that_was_gone_is_left_out_again_without_a_word(sqlite_acme: Organization) -> None:
    acme = sqlite_acme
    deal = acme.add_deal(lines=[("Robot arm", "1.50"), ("Robot leg", "2.50")])
    gone = acme.lines_of(deal)[0]
    error = f'{{"category":"OBJECT_NOT_FOUND","message":"deleted","context":{{"ids":["{gone}"]}}}}'
    acme.fault(path=LINES, status=207, body=f'{{"results":[],"errors":[{error}]}}')
    acme.tick()
    # The other line was not in that answer either, without a reason: the deal waits for it.
    assert acme.projects() == []
    acme.portal.archive("line_items", gone)
    acme.ask_for_record(deal)
    acme.product.run_all()
    assert [line["name"] for line in acme.lines(deal)] == ["Robot leg"]
    report = replayed(acme)
    assert (report.lines, report.differences.total, report.entities["project_line_item"]) == ([], 0, 1)


def landed_of(acme: Organization, object_name: str) -> list[Path]:
    """The landed files of an object, the one that landed first first."""
    files = acme.product.landing.rglob(f"object={object_name}/*.parquet")
    return sorted(files, key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize("how", ["cut off", "a changed byte"])
def test_a_damaged_file_costs_its_deals_and_nothing_else(
    sqlite_acme: Organization, migrated_sqlite: Path, tmp_path: Path, how: str
) -> None:
    acme = sqlite_acme
    for name in ("One", "Two", "Three"):
        acme.add_deal(name, lines=[(f"Part of {name}", "1.50")])
        acme.tick()
    damaged = landed_of(acme, "line_items")[1]
    content = damaged.read_bytes()
    middle = content.index(b"\x28\xb5\x2f\xfd") + 20  # inside the first page, which is compressed
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    damaged.write_bytes(content[: len(content) // 2] if how == "cut off" else flipped)
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(acme, into)
        with reading(into) as connection:
            assert set(connection.scalars(select(projects.c.name))) == {"One", "Three"}
    broken, aside = report.lines
    assert f"{damaged} cannot be read" in broken
    assert "no landed record of it is left: its file was pruned or is damaged" in aside
    assert ("project", "", "Two", None, "replayed") in values(report)


def test_what_retention_pruned_is_a_line_each_and_the_rest_goes_on(sqlite_acme: Organization) -> None:
    acme = sqlite_acme
    first = acme.add_deal("First")
    acme.tick()
    between = acme.deployment.now()
    second = acme.add_deal("Second", company=None)
    acme.portal.associate_many("deals", "companies", [(second, acme.companies_of(first)[0], 5)])
    acme.add_deal("Third", company="Initech")
    acme.tick()
    assert len(prune(acme.product.landing, between, keep_latest=False).landed) == 5
    report = replayed(acme)
    unread, line = report.lines
    assert f"1 deal(s) meet the trigger, but what they point to has not landed ({first})" in unread
    assert line.startswith(
        f"deal {second} is set aside: company {acme.companies_of(first)[0]} cannot be read: no landed"
    )
    assert report.entities["project"] == 1
    lost = [value[2] for value in values(report) if value[:2] == ("project", "")]
    assert set(lost) == {"First", "Second"}


def test_a_version_that_retention_pruned_is_replaced_by_the_newest_one_with_a_line(sqlite_acme: Organization) -> None:
    acme = sqlite_acme
    deal = acme.add_deal("As sold")
    acme.tick()
    acme.portal.update("deals", deal, {"dealname": "Renamed"})
    acme.add_deal("Another")
    acme.tick()
    prune(acme.product.landing, acme.deployment.now())
    report = replayed(acme)
    (line,) = report.lines
    assert line.startswith(f"deal {deal} of unit tick-")
    assert line.endswith("takes its place")
    assert values(report) == [("project", "name", "As sold", "Renamed", "replayed")]


def test_units_from_before_references_were_landed_are_counted(sqlite_acme: Organization) -> None:
    deals = sqlite_acme.won_deals(7)
    sqlite_acme.tick()
    sqlite_acme.add_deal("New")
    sqlite_acme.tick()
    landed_of(sqlite_acme, "deal_references")[0].unlink()
    report = replayed(sqlite_acme)
    (line,) = report.lines
    assert ": 7 deal(s) meet the trigger, but what they point to has not landed" in line
    assert all(deal in line for deal in deals[:1])
    assert report.entities["project"] == 1
