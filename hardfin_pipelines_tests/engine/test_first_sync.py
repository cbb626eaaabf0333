"""Rules 1 and 2 end to end: a deal that meets the trigger becomes a project, once, and is left alone afterwards."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.platform.tables import (
    audit_events,
    customers,
    items,
    ledger,
    ledger_aliases,
    links,
    pending_work,
    projects,
)
from hardfin_pipelines_tests.engine.product import OPEN, WON, values_of


def test_a_won_deal_becomes_a_project_with_all_that_belongs_to_it(acme):
    deal = acme.add_deal(lines=[("Robot arm", "100.50"), ("Support", "20")], amount="120.50")
    (company,), (arm, support) = acme.companies_of(deal), acme.lines_of(deal)

    acme.poll()
    (claim,) = acme.product.claims()
    synced = acme.product.run(claim, "run-7")

    project = acme.project(deal)
    assert (project["name"], project["value"], project["status"]) == ("Ten robots", Decimal("120.50"), "active")
    (customer,) = acme.rows(customers)
    assert (customer["id"], customer["name"]) == (project["customer_id"], "Globex")
    assert values_of(acme.lines(deal), "name", "unit_price") == [
        ("Robot arm", Decimal("100.50")),
        ("Support", Decimal("20")),
    ]
    assert sorted(values_of(acme.rows(items), "name")) == ["Robot arm", "Support"]
    assert {row["item_id"] for row in acme.lines(deal)} == {row["id"] for row in acme.rows(items)}
    (entry,) = acme.rows(ledger)
    assert (entry["external_id"], entry["project_id"], entry["stage_id"]) == (deal, project["id"], WON)
    assert (entry["trigger"], entry["run_id"]) == ("poll", "run-7")
    linked = {(row["object"], row["external_id"]) for row in acme.rows(links)}
    assert {("deals", deal), ("companies", company), ("line_items", arm), ("line_items", support)} <= linked
    assert len(linked) == 6
    (event,) = acme.audit(entity_type="project")
    assert (event.event.action, event.event.entity_id) == ("project.synced", project["id"])
    assert event.event.changes["value"] == (None, "120.5")
    assert synced.deal_counts() == {"synced": 1, "protected": 0, "not_triggered": 0, "set_aside": 0}
    assert acme.rows(pending_work) == []


def test_an_open_deal_waits_until_it_is_won(acme):
    deal = acme.add_deal(stage=OPEN)
    assert acme.tick() is None
    assert acme.projects() == []

    acme.win(deal)
    acme.tick()

    assert acme.project(deal)["name"] == "Ten robots"


def test_a_deal_that_passed_the_won_stage_between_two_ticks_is_synced(acme):
    deal = acme.add_deal(stage=OPEN)
    acme.poll()
    acme.win(deal)
    acme.portal.move_deal(deal, "closedlost")

    acme.tick()

    assert acme.project(deal)["name"] == "Ten robots"
    (entry,) = acme.rows(ledger)
    assert entry["stage_id"] == WON


def test_of_many_trigger_stages_one_that_a_deal_only_passed_through_on_its_way_out_is_not_missed(acme):
    stages = [(f"Step {n}", Decimal("0.5"), False, f"step{n}") for n in range(5)]
    acme.portal.add_pipeline("Projects", stages, "projects")
    acme.portal.add_pipeline("Archive", [("Kept", Decimal("0.5"), False, "kept")], "archive")
    acme.redescribe()
    acme.apply(["projects\n        trigger_stages: [step0, step1, step2, step3, step4]"])
    through = acme.add_deal("Through", pipeline="archive", stage="kept")
    acme.add_deal("Never", pipeline="archive", stage="kept")
    assert acme.tick() is None
    calls = acme.calls()
    assert acme.tick() is None
    assert acme.calls() == calls + 1

    for pipeline, stage in (("projects", "step3"), ("archive", "kept")):
        acme.portal.update("deals", through, {"pipeline": pipeline, "dealstage": stage})
    acme.tick()

    assert values_of(acme.projects(), "name") == ["Through"]
    assert acme.rows(ledger)[0]["stage_id"] == "step3"


def test_a_deal_edited_after_its_first_sync_is_left_alone(acme):
    deal = acme.add_deal()
    acme.tick()
    before = acme.dump()

    acme.portal.update("deals", deal, {"dealname": "Eleven robots", "amount": "999"})
    acme.add_line(deal, ("One more", "1"))
    acme.portal.update("companies", acme.companies_of(deal)[0], {"name": "Initech"})
    assert acme.tick() is None
    acme.load()

    assert acme.dump() == before


@pytest.mark.parametrize("has_rule", [True, False], ids=["with a rule", "without a rule"])
def test_a_deal_moved_to_another_pipeline_after_its_first_sync_stays_the_project_it_is(acme, has_rule):
    acme.portal.add_pipeline("Renewals", [("Signed", Decimal(1), True, "signed")], "renewals")
    acme.redescribe()
    acme.apply(["default", "renewals"] if has_rule else ["default"])
    deal = acme.add_deal()
    acme.tick()
    before = acme.dump()

    acme.portal.update("deals", deal, {"pipeline": "renewals", "dealstage": "signed", "dealname": "Renamed"})
    acme.tick()
    acme.ask_for_record(deal)
    acme.product.run_all()
    acme.load()

    assert acme.dump() == before


def test_a_deal_that_leaves_the_stage_and_comes_back_stays_one_project(acme):
    deal = acme.add_deal()
    acme.tick()
    before = acme.dump()

    acme.portal.move_deal(deal, OPEN)
    acme.tick()
    acme.win(deal)
    acme.tick()

    assert acme.dump() == before


def test_deals_merged_before_their_sync_become_one_project_known_under_all_ids(acme):
    first, second = acme.add_deal("One"), acme.add_deal("Two", stage=OPEN)
    survivor = acme.portal.merge_deals(first, second)

    acme.tick()

    assert values_of(acme.projects(), "name") == ["One"]
    (entry,) = acme.rows(ledger)
    assert entry["external_id"] == survivor
    assert {row["alias_id"] for row in acme.rows(ledger_aliases)} == {first, second}


def test_a_deal_merged_after_its_sync_stays_the_same_project_and_its_new_id_is_known(acme):
    deal = acme.add_deal("One")
    acme.tick()
    before = acme.dump(tables=[projects, links, ledger])

    survivor = acme.portal.merge_deals(deal, acme.add_deal("Two", stage=OPEN))
    acme.tick()

    assert acme.dump(tables=[projects, links, ledger]) == before
    assert survivor in {row["alias_id"] for row in acme.rows(ledger_aliases)}
    assert acme.tick() is None
    acme.load()
    assert acme.dump(tables=[projects, links, ledger]) == before


def test_two_synced_deals_that_are_merged_stay_the_two_projects_they_are(acme):
    first, second = acme.add_deal("One"), acme.add_deal("Two")
    acme.tick()
    before = acme.dump(tables=[projects, ledger])

    acme.portal.merge_deals(first, second)
    acme.tick()
    acme.load()

    assert acme.dump(tables=[projects, ledger]) == before


def test_a_deal_archived_after_its_sync_keeps_its_project(acme):
    deal = acme.add_deal()
    acme.tick()
    before = acme.dump()

    acme.portal.archive("deals", deal)
    acme.tick()
    acme.load()

    assert acme.dump() == before


def test_one_deal_told_by_a_webhook_and_found_by_a_poll_is_one_project(acme):
    deal = acme.add_deal()
    acme.ask_for_record(deal)
    acme.poll()

    (claim,) = acme.product.claims()
    synced = acme.product.run(claim)

    assert len(acme.projects()) == 1
    assert synced.deal_counts()["synced"] == 1
    (entry,) = acme.rows(ledger)
    assert entry["trigger"] == "webhook"
    assert acme.rows(pending_work) == []


def test_a_webhook_for_a_deal_that_is_not_won_does_nothing(acme):
    deal = acme.add_deal(stage=OPEN)
    acme.ask_for_record(deal)

    synced = [acme.product.run(claim) for claim in acme.product.claims()]

    assert synced[0].deal_counts()["not_triggered"] == 1
    assert acme.projects() == []
    assert acme.rows(pending_work) == []


def test_two_runs_of_one_connection_at_once_make_one_project_each_deal(acme):
    acme.won_deals(30)
    problems: list[BaseException] = []

    def load(run_id: str) -> None:
        try:
            acme.load(run_id)
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            problems.append(error)

    def tick() -> None:
        try:
            acme.ask_for_record(*deals, trigger="request")
            acme.product.run_all()
        except BaseException as error:  # noqa: BLE001  # as above
            problems.append(error)

    deals = [row["id"] for row in acme.portal_deals()]
    threads = [threading.Thread(target=load, args=("load-a",)), threading.Thread(target=tick)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert problems == []
    assert len(acme.projects()) == 30
    assert len(acme.rows(ledger)) == 30
    assert len(acme.rows(customers)) == 30
    assert len(acme.rows(items)) == 1
    assert len([row for row in acme.rows(audit_events) if row["action"] == "project.synced"]) == 30


def test_a_pipeline_turned_on_later_looks_back_only_by_a_load(acme):
    stages = [("Quote", Decimal("0.5"), False, "q"), ("Signed", Decimal(1), True, "signed")]
    acme.portal.add_pipeline("Renewals", stages, "renewals")
    old = acme.add_deal("Old renewal", pipeline="renewals", stage="signed", at=datetime.now(UTC) - timedelta(days=30))
    acme.tick()
    acme.redescribe()
    acme.apply(["default", "renewals"])
    new = acme.add_deal("New renewal", pipeline="renewals", stage="signed")

    acme.tick()
    assert values_of(acme.projects(), "name") == ["New renewal"]
    assert acme.project(new)["name"] == "New renewal"

    acme.load()
    assert acme.project(old)["name"] == "Old renewal"
    assert len(acme.projects()) == 2


def test_a_paused_rule_syncs_nothing_and_the_others_go_on(acme):
    stages = [("Quote", Decimal("0.5"), False, "q"), ("Signed", Decimal(1), True, "signed")]
    acme.portal.add_pipeline("Renewals", stages, "renewals")
    acme.redescribe()
    acme.apply(["default", "renewals\n        status: paused"])
    acme.add_deal("Renewal", pipeline="renewals", stage="signed")
    acme.add_deal("New")

    acme.tick()

    assert values_of(acme.projects(), "name") == ["New"]
