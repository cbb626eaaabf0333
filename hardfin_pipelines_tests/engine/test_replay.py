"""Replay: entities made anew from landed records, with no call to the vendor."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hardfin_pipelines.engine.connecting import disconnect
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.replay_report import ReplayRequest
from hardfin_pipelines.engine.replaying import replay
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.tables import (
    connections,
    credentials,
    ledger_aliases,
    projects,
    rejected_records,
)
from hardfin_pipelines.sandbox.data_sets.northwind import northwind
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines_tests.engine.interference import interfere
from hardfin_pipelines_tests.engine.product import OPEN, Organization, Product
from hardfin_pipelines_tests.engine.replays import empty_store, replayed, rows, values


@pytest.fixture
def lived_in(acme: Organization) -> Organization:
    """An organization after an initial load, ticks, edits of the sales team, a deal set aside and mended."""
    long_ago = datetime.now(UTC) - timedelta(days=40)
    first = acme.add_deal("First", at=long_ago, lines=[("Robot arm", "100.50"), ("Robot leg", "7.25")])
    acme.add_deal("Second", at=long_ago + timedelta(days=1), company=None, lines=[("robot ARM", "99")])
    acme.add_deal("Not won", stage=OPEN, at=long_ago)
    poor = acme.add_deal("", at=long_ago)
    acme.load()
    acme.portal.update("deals", first, {"dealname": "First, renamed by sales"})
    third = acme.add_deal("Third", stage=OPEN)
    acme.tick()
    acme.win(third)
    acme.portal.associate_many("deals", "companies", [(third, acme.companies_of(first)[0], 5)])
    acme.tick()
    acme.portal.update("deals", poor, {"dealname": "Fourth, named at last"})
    acme.tick()
    acme.portal.update("deals", third, {"amount": "5"})
    acme.tick()
    assert len(acme.projects()) == 4
    return acme


def test_a_rebuilt_store_is_the_original_row_for_row_with_no_call_and_no_token(
    lived_in: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    before = lived_in.dump()
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(lived_in, into)
        assert rows(into, "acme") == rows(lived_in.deployment.engine, "acme")
        with reading(into) as connection:
            assert connection.execute(select(credentials)).all() == []
            (row,) = connection.execute(select(connections)).all()
            assert connection.execute(select(rejected_records)).all() == []
    assert (row.status, row.account_id) == ("not connected", lived_in.row().account_id)
    assert lived_in.dump() == before
    assert (report.calls, report.lines, report.differences.total) == (0, [], 0)
    assert report.entities["project"] == 4


def test_edits_in_hardfin_and_re_syncs_are_told_from_what_the_records_say(acme: Organization) -> None:
    edited, resynced = acme.add_deal("Edited"), acme.add_deal("Re-synced")
    acme.tick()
    acme.edit(projects, acme.project(edited)["id"], name="Ours", service_level="gold")
    acme.portal.update("deals", resynced, {"dealname": "Sales's"})
    before = acme.dump()
    acme.resync(acme.project(resynced)["id"])
    after = acme.dump()
    report = replayed(acme)
    assert sorted(values(report)) == [
        ("project", "name", "Ours", "Edited", "edited"),
        ("project", "name", "Sales's", "Re-synced", "re-synced"),
        ("project", "service_level", "gold", None, "replayed"),
    ]
    assert (report.resyncs, report.lines) == (1, [])
    assert before != after
    assert acme.dump() == after


def test_another_mapping_is_compared_field_by_field_and_nothing_is_written(acme: Organization) -> None:
    for number in range(5):
        acme.add_deal(f"Deal {number}", description=f"for site {number}")
    acme.load()
    before = acme.dump()
    document = read_text(
        "organization: acme\nplan: advanced\nconnections:\n  - integration: hubspot\n    start_date: 2025-01-01\n"
        "    pipelines:\n      - pipeline: default\n    mappings:\n"
        "      project: {name: description, value: amount, owner: hubspot_owner_id}\n"
    )[0]
    report = replayed(acme, document=document, examples=2)
    counts = {(entity, field): number for (entity, field, _), number in report.differences.counts.items()}
    assert counts[("project", "name")] == 5
    assert ("project", "value") not in counts
    assert counts[("project", "currency")] == 5
    shown = [value for value in values(report) if value[:2] == ("project", "name")]
    assert shown[0][2:] in [(f"Deal {n}", f"for site {n}", "replayed") for n in range(5)]
    assert len(shown) == 2
    assert acme.dump() == before


def test_a_field_that_was_not_asked_for_then_is_named(sqlite_acme: Organization) -> None:
    sqlite_acme.portal.add_property("deals", "tier", "Tier")
    sqlite_acme.redescribe()
    sqlite_acme.add_deal(tier="gold")
    sqlite_acme.tick()
    document = read_text(
        "organization: acme\nplan: advanced\nconnections:\n  - integration: hubspot\n    start_date: 2025-01-01\n"
        "    pipelines:\n      - pipeline: default\n    mappings:\n"
        "      project: {name: dealname, service_level: tier}\n"
    )[0]
    report = replayed(sqlite_acme, document=document)
    assert [line for line in report.lines if "landed without 'tier'" in line] == report.lines != []


def test_a_deal_that_another_trigger_takes_is_named_when_what_it_points_to_has_not_landed(
    sqlite_acme: Organization,
) -> None:
    acme = sqlite_acme
    acme.add_deal("Won")
    later = acme.add_deal("Open", stage=OPEN)
    acme.apply(document="        trigger_stages: [closedwon, contractsent]\n        status: paused\n")
    acme.apply(document="        trigger_stages: [closedwon]\n")
    acme.ask_for_record(later)
    acme.tick()
    wider = read_text(
        "organization: acme\nplan: advanced\nconnections:\n  - integration: hubspot\n    start_date: 2025-01-01\n"
        "    pipelines:\n      - pipeline: default\n        trigger_stages: [closedwon, contractsent]\n"
    )[0]
    report = replayed(acme, document=wider)
    (line,) = report.lines
    assert f"1 deal(s) meet the trigger, but what they point to has not landed ({later})" in line
    assert report.entities["project"] == 1


def test_a_store_is_rebuilt_with_the_configuration_of_each_time(
    acme: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    acme.add_deal("Before", description="first site")
    acme.tick()
    mapping = "    mappings:\n      project: {name: description, value: amount, currency: deal_currency_code}\n"
    acme.apply(document=mapping)
    acme.add_deal("After", description="second site")
    acme.tick()
    assert [project["name"] for project in acme.projects()] == ["Before", "second site"]
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(acme, into)
        assert rows(into, "acme") == rows(acme.deployment.engine, "acme")
    assert (report.lines, report.differences.total) == ([], 0)
    assert ("project", "name", "Before", "first site", "replayed") in values(replayed(acme))


def test_merged_deals_and_companies_keep_their_ids(
    sqlite_acme: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    acme = sqlite_acme
    one, two = acme.add_deal("One"), acme.add_deal("Two", stage=OPEN)
    acme.tick()
    firm = acme.companies_of(two)[0]
    acme.portal.merge("deals", one, two)
    third = acme.add_deal("Three", company="Initech")
    acme.portal.merge("companies", acme.companies_of(third)[0], firm)
    acme.tick()
    assert acme.rows(ledger_aliases)
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(acme, into)
        assert rows(into, "acme") == rows(acme.deployment.engine, "acme")
    assert report.lines == []


def test_a_window_that_is_loaded_again_lands_beside_what_was_synced_from(
    sqlite_acme: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    acme = sqlite_acme
    deal = acme.add_deal("As sold", at=datetime.now(UTC) - timedelta(days=9))
    acme.load()
    acme.portal.update("deals", deal, {"dealname": "Renamed"})
    acme.load()
    landed = sorted(path.name for path in acme.product.landing.rglob("object=deals/*.parquet"))
    assert len(landed) == 2
    assert landed[0].removesuffix(".again-2.parquet") == landed[1].removesuffix(".parquet")
    with empty_store(migrated_sqlite, tmp_path) as into:
        replayed(acme, into)
        assert rows(into, "acme") == rows(acme.deployment.engine, "acme")


def test_only_the_units_of_a_time_are_replayed_and_what_they_do_not_make_is_no_difference(
    sqlite_acme: Organization,
) -> None:
    acme = sqlite_acme
    first = acme.add_deal("First")
    acme.tick()
    between = acme.deployment.now()
    second = acme.add_deal("Second", company=None)
    acme.portal.associate_many("deals", "companies", [(second, acme.companies_of(first)[0], 5)])
    acme.tick()
    late, early = replayed(acme, since=between), replayed(acme, until=between)
    for report in (late, early):
        assert (report.units, report.entities["project"], report.lines, report.differences.total) == (1, 1, [], 0)
    with pytest.raises(Refusal, match="nothing has landed in that time under"):
        replayed(acme, since=acme.deployment.now())


def test_a_store_that_knows_the_organization_is_refused_and_left_alone(
    lived_in: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    before = lived_in.dump()
    with pytest.raises(Refusal, match="has organizations of acme already: expected one that does not know it"):
        replayed(lived_in, lived_in.deployment.engine)
    assert lived_in.dump() == before
    with empty_store(migrated_sqlite, tmp_path) as into:
        replayed(lived_in, into)
        once = rows(into, "acme")
        with pytest.raises(Refusal, match="give another database"):
            replayed(lived_in, into)
        with writing(into) as connection:
            connection.execute(update(connections).values(status_reason="kept"))
        assert rows(into, "acme") == once


def test_another_organizations_store_gets_this_one_beside_it(
    sqlite_product: Product, migrated_sqlite: Path, tmp_path: Path
) -> None:
    acme, globex = sqlite_product.add_organization("acme"), sqlite_product.add_organization("globex")
    for organization in (acme, globex):
        organization.add_deal(f"Deal of {organization.org}")
        organization.tick()
    with empty_store(migrated_sqlite, tmp_path) as into:
        for organization in (acme, globex):
            assert replayed(organization, into).lines == []
        for organization in (acme, globex):
            assert rows(into, organization.org) == rows(organization.deployment.engine, organization.org)


def test_what_cannot_be_replayed_is_refused_with_what_to_do(sqlite_acme: Organization) -> None:
    acme = sqlite_acme
    with pytest.raises(Refusal, match=r"acme:hubspot: nothing has landed under .*: sync it first"):
        replayed(acme)
    acme.add_deal()
    acme.tick()
    other = read_text("organization: globex\nplan: advanced\nconnections: []\n")[0]
    with pytest.raises(Refusal, match="is of organization 'globex': expected one of 'acme'"):
        replayed(acme, document=other)
    without = read_text("organization: acme\nplan: advanced\nconnections: []\n")[0]
    with pytest.raises(Refusal, match="has no hubspot connection"):
        replayed(acme, document=without)
    with pytest.raises(Refusal, match="no connection acme:salesforce"):
        acme.deployment.run(replay(acme.deployment, ReplayRequest("acme", "acme:salesforce")))


def test_a_disconnected_account_is_replayed_without_its_token(lived_in: Organization) -> None:
    disconnect(lived_in.deployment, "acme", "hubspot", actor="cli:ann", reason="left")
    report = replayed(lived_in)
    assert (report.lines, report.differences.total) == ([], 0)


def test_many_deals_are_replayed_in_chunks_in_their_order(sqlite_acme: Organization) -> None:
    sqlite_acme.won_deals(1_203)
    sqlite_acme.load()
    report = replayed(sqlite_acme)
    assert (report.entities["project"], report.differences.total, report.lines) == (1_203, 0, [])
    assert report.read == {"deal": 1_203, "company": 1_203, "line_item": 1_203, "product": 1}


def test_what_a_paused_run_had_read_and_not_applied_comes_out_the_same_by_its_content(
    sqlite_acme: Organization, migrated_sqlite: Path, tmp_path: Path
) -> None:
    acme = sqlite_acme
    acme.won_deals(5)
    paused = interfere(acme, after="/crm/objects/2026-03/products/batch/read", change=acme.pause)
    acme.tick()
    assert paused == [True]
    assert acme.projects() == []
    acme.pause(paused=False)
    acme.tick()
    assert len(acme.projects()) == 5
    stamps = ("run_id", "created_at", "updated_at", "synced_at", "first_synced_at", "mapping_revision", "at")
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(acme, into)
        assert rows(into, "acme", *stamps) == rows(acme.deployment.engine, "acme", *stamps)
    assert (report.lines, report.differences.total) == ([], 0)


@pytest.mark.shared_data
def test_northwinds_orders_come_out_the_same_to_the_cent(
    sqlite_product: Product, shared_data: Path, migrated_sqlite: Path, tmp_path: Path
) -> None:
    northwind_org = sqlite_product.add_organization("northwind", start_date="2020-01-01")
    newest = datetime.now(UTC) - timedelta(hours=1)
    load_data_set(northwind_org.portal, northwind(shared_data / "northwind", newest_modified=newest))
    northwind_org.load()
    with empty_store(migrated_sqlite, tmp_path) as into:
        report = replayed(northwind_org, into)
        assert rows(into, "northwind") == rows(northwind_org.deployment.engine, "northwind")
    assert report.entities["project"] > 800
    assert (report.lines, report.differences.total) == ([], 0)
