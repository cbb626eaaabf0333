"""An account loses what a rule needs: that rule is held, says why, and loses no deal; the others go on."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.engine.loading import loads_needed
from hardfin_pipelines.engine.opening import open_crm_connection, prepare
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections, load_windows
from hardfin_pipelines_tests.engine.drifting import (
    LOST,
    QUOTE,
    SIGNED,
    TWO_RULES,
    a_day_later,
    archive_field,
    cursor_is,
    delete_pipeline,
    forget_start_date,
    held,
    hide_field,
    make_pipeline,
    restore_field,
    rule_actions,
    show_field,
    unmake_won,
    unseen,
    with_two_rules,
)
from hardfin_pipelines_tests.engine.product import Organization

DRIFTS: dict[str, tuple[Callable[[Organization], Any], Callable[[Organization], Any], str]] = {
    "archived": (
        archive_field,
        restore_field,
        'pipelines[1].project.custom.po: the deal field "po_number" was archived',
    ),
    "hidden": (hide_field, show_field, 'pipelines[1].project.custom.po: the vendor hides the deal field "po_number"'),
    "pipeline gone": (delete_pipeline, make_pipeline, 'pipelines[1].pipeline: the account has no pipeline "renewals"'),
    "no won stage": (unmake_won, make_pipeline, 'pipelines[1].trigger_stages: the pipeline "Renewals" has no stage'),
}


def test_a_deal_that_is_won_while_its_rule_is_held_arrives_exactly_once_on_both_databases(product):
    hold_win_release(with_two_rules(product.add_organization("held", connect=False)), "archived")


@pytest.mark.parametrize("drift", [drift for drift in DRIFTS if drift != "archived"])
def test_a_deal_that_is_won_while_its_rule_is_held_arrives_exactly_once(held_up, drift):
    hold_win_release(held_up, drift)


def hold_win_release(acme: Organization, drift: str) -> None:
    lose, mend, reason = DRIFTS[drift]
    waiting = acme.add_deal("Waits", pipeline="renewals", dealstage="quote", po_number="7")
    acme.tick()
    lose(acme)
    a_day_later(acme)
    acme.tick()
    (rule,) = held(acme)
    assert (rule.pipeline, rule.because[: len(reason)]) == ("renewals", reason)
    assert acme.row().status == "active"

    if drift == "pipeline gone":
        make_pipeline(acme)
    acme.portal.move_deal(waiting, "signed")
    if drift == "pipeline gone":
        delete_pipeline(acme)
    acme.add_deal("Goes on")
    acme.tick()
    assert [project["name"] for project in acme.projects()] == ["Goes on"]

    # The cursor has long left the deal behind when the account has the thing again.
    cursor_is(acme, acme.deployment.now() + timedelta(minutes=30))
    acme.tick()
    mend(acme)
    a_day_later(acme)
    acme.tick()

    assert [project["name"] for project in acme.projects()] == ["Goes on", "Waits"]
    assert acme.project(waiting)["custom"] == {"po": "7"}
    assert held(acme) == []
    acme.tick()
    acme.tick()
    assert len(acme.projects()) == 2
    assert unseen(acme) is None
    assert rule_actions(acme) == [
        ("pipeline_rule.held", "held:hubspot/renewals"),
        ("pipeline_rule.released", "held:hubspot/renewals"),
    ]


def test_a_release_with_nothing_missed_is_settled_by_the_poll_alone(held_up):
    archive_field(held_up)
    a_day_later(held_up)
    held_up.poll()
    assert unseen(held_up) is not None
    restore_field(held_up)
    a_day_later(held_up)

    held_up.poll()

    assert unseen(held_up) is None
    assert held_up.product.claims() == []


def test_a_deal_that_passed_through_its_trigger_stage_while_the_rule_was_held_arrives(held_up):
    deal = held_up.add_deal("Passed", pipeline="renewals", dealstage="quote", po_number="7")
    held_up.tick()
    archive_field(held_up)
    a_day_later(held_up)
    held_up.tick()

    held_up.portal.move_deal(deal, "signed")
    held_up.portal.move_deal(deal, "quote")
    restore_field(held_up)
    a_day_later(held_up)
    held_up.tick()

    assert [project["name"] for project in held_up.projects()] == ["Passed"]


def test_a_field_that_goes_between_two_descriptions_never_leaves_a_blank(held_up):
    deal = held_up.add_deal("Waits", pipeline="renewals", dealstage="quote", po_number="7")
    held_up.tick()
    with writing(held_up.deployment.engine) as connection:
        some_hours = held_up.deployment.now() - timedelta(hours=5)
        connection.execute(update(connections).values(described_at=some_hours))
    archive_field(held_up)
    held_up.portal.move_deal(deal, "signed")

    report = held_up.product.poll(held_up.org)

    assert report.errors == 1
    assert "po_number" in report.notes[0]
    assert (held_up.row().status, held_up.row().failures) == ("active", 1)
    held_up.add_deal("Goes on")
    held_up.tick()
    assert [rule.pipeline for rule in held(held_up)] == ["renewals"]
    assert [project["name"] for project in held_up.projects()] == ["Goes on"]
    restore_field(held_up)
    a_day_later(held_up)
    held_up.tick()
    assert held_up.project(deal)["custom"] == {"po": "7"}


def test_a_field_that_the_description_has_and_no_record_needs_a_person_after_a_fresh_description(held_up):
    body = '{"status":"error","category":"VALIDATION_ERROR","message":"Property \\"po_number\\" does not exist"}'
    held_up.fault(path="/crm/objects/2026-03/deals/search", times=None, status=400, body=body)

    held_up.poll()
    assert (held_up.row().status, held_up.row().failures) == ("active", 1)
    held_up.poll()

    assert held_up.row().status == "needs attention"
    assert "po_number" in held_up.row().status_reason


def test_a_field_that_goes_right_after_the_account_was_described_holds_its_rule_and_nobody_is_asked(held_up):
    held_up.redescribe()
    archive_field(held_up)
    held_up.add_deal("Goes on")

    held_up.tick()
    assert (held_up.row().status, held_up.row().failures) == ("active", 1)
    held_up.tick()

    assert [rule.pipeline for rule in held(held_up)] == ["renewals"]
    assert (held_up.row().status, held_up.row().failures) == ("active", 0)
    assert [project["name"] for project in held_up.projects()] == ["Goes on"]
    restore_field(held_up)
    a_day_later(held_up)
    held_up.tick()
    assert held(held_up) == []


def test_loads_of_a_rule_are_not_forgotten_while_it_is_held(sqlite_product):
    acme = with_two_rules(sqlite_product.add_organization("held", connect=False), "2026-01-01")
    at = acme.deployment.now() - timedelta(days=40)
    acme.add_deal("Old", pipeline="renewals", dealstage="signed", po_number="7", at=at)
    acme.load()
    before = [row["counts"]["stages"] for row in acme.rows(load_windows)]
    assert ["renewals", "signed"] in before[0]

    archive_field(acme)
    a_day_later(acme)
    acme.tick()
    loads_wanted(acme)

    assert [row["counts"]["stages"] for row in acme.rows(load_windows)] == before


def test_what_an_initial_load_left_out_for_a_held_rule_is_loaded_after_the_release(sqlite_product):
    acme = with_two_rules(sqlite_product.add_organization("held", connect=False), "2026-01-01")
    archive_field(acme)
    a_day_later(acme)
    acme.tick()
    at = acme.deployment.now() - timedelta(days=40)
    restore_field(acme)
    old = acme.add_deal("Old", pipeline="renewals", dealstage="signed", po_number="7", at=at)
    archive_field(acme)
    acme.load(only_new=True)
    assert loads_wanted(acme) == []
    assert acme.projects() == []

    restore_field(acme)
    a_day_later(acme)
    acme.tick()

    assert len(loads_wanted(acme)) == 1
    acme.load(only_new=True)
    assert acme.project(old)["custom"] == {"po": "7"}
    assert loads_wanted(acme) == []


def loads_wanted(org: Organization) -> list[Any]:
    now = org.deployment.now()
    return list(loads_needed(org.deployment, [(now - timedelta(days=60), now + timedelta(days=1))]))


def test_a_connection_with_a_broken_rule_is_connected_and_that_rule_looks_back_to_when_it_was_enabled(sqlite_product):
    acme = sqlite_product.add_organization("held", connect=False)
    acme.portal.add_pipeline("Renewals", [QUOTE, SIGNED, LOST], "renewals")
    acme.apply(TWO_RULES)
    forget_start_date(acme)
    acme.connect()
    acme.portal.add_property("deals", "po_number", "PO number")
    deal = acme.add_deal("Waits", pipeline="renewals", dealstage="signed", po_number="7")
    early = acme.deployment.now() - timedelta(days=2)
    acme.add_deal("Before it was enabled", pipeline="renewals", dealstage="signed", po_number="6", at=early)
    assert acme.row().status == "active"
    assert [rule.pipeline for rule in held(acme)] == ["renewals"]
    cursor_is(acme, acme.deployment.now() + timedelta(minutes=30))

    a_day_later(acme)
    acme.tick()

    assert [project["id"] for project in acme.projects()] == [acme.project(deal)["id"]]


def test_every_rule_held_needs_a_person_and_goes_on_by_itself_when_the_account_has_it_again(held_up):
    acme = held_up
    acme.apply(document="    mappings:\n      project: {name: dealname, custom.po: po_number}\n")
    forget_start_date(acme)
    deal = acme.add_deal("Waits", stage="contractsent", po_number="7")
    acme.tick()
    archive_field(acme)
    a_day_later(acme)
    acme.tick()

    row = acme.row()
    assert row.status == "needs attention"
    assert row.status_reason == (
        'held:hubspot: mappings.project.custom.po: the deal field "po_number" was archived: restore it at the vendor, '
        "or map another field"
    )
    acme.win(deal)
    calls = acme.calls()
    for _ in range(3):
        acme.product.poll()  # looked at once, and then not for an hour
    assert acme.calls() - calls <= 12

    restore_field(acme)
    acme.deployment.ahead = timedelta(hours=1, minutes=1)
    acme.product.poll()
    acme.product.run_all()

    assert acme.row().status == "active"
    assert acme.project(deal)["custom"] == {"po": "7"}
    assert held(acme) == []


def test_a_problem_of_the_connections_mapping_holds_only_the_rules_that_use_the_entry(held_up):
    held_up.portal.add_property("deals", "site", "Site")
    held_up.redescribe()
    held_up.apply(
        ["default", "renewals\n        project: {custom.site: po_number}"],
        "    mappings:\n      project: {name: dealname, custom.site: site}\n",
    )
    held_up.portal.schema.remove_property("deals", "site")
    a_day_later(held_up)
    held_up.tick()

    (rule,) = held(held_up)
    assert rule.pipeline == "default"
    assert rule.because == 'mappings.project.custom.site: the account has no deal field "site"'
    held_up.add_deal("Renewed", pipeline="renewals", dealstage="signed", po_number="7")
    held_up.add_deal("Waits")
    held_up.tick()
    assert [project["custom"] for project in held_up.projects()] == [{"site": "7"}]


def test_a_deal_that_is_asked_for_while_its_rule_is_held_is_set_aside_and_synced_after_the_release(held_up):
    deal = held_up.add_deal("Waits", pipeline="renewals", dealstage="signed", po_number="7")
    archive_field(held_up)
    a_day_later(held_up)
    held_up.tick()
    held_up.ask_for_record(deal)
    held_up.product.run_all()
    (aside,) = held_up.rejected()
    assert aside.rejection.reason.startswith("the rule of pipeline renewals is held: pipelines[1].project.custom.po: ")
    cursor_is(held_up, held_up.deployment.now() + timedelta(days=1))

    restore_field(held_up)
    a_day_later(held_up)
    held_up.tick()

    assert held_up.project(deal)["custom"] == {"po": "7"}
    assert held_up.rejected() == []


def test_a_deal_set_aside_that_passed_through_its_stage_waits_for_the_held_rule(held_up):
    deal = held_up.add_deal("Passed", pipeline="renewals", dealstage="quote", po_number="7")
    held_up.tick()
    held_up.portal.move_deal(deal, "signed")
    held_up.force(deal, {"amount": "N/A"})
    held_up.tick()
    assert len(held_up.rejected()) == 1
    held_up.portal.move_deal(deal, "quote")
    archive_field(held_up)
    a_day_later(held_up)
    held_up.deployment.ahead = timedelta(minutes=20)
    held_up.tick()

    (aside,) = held_up.rejected()

    assert "is held" in aside.rejection.reason


def test_a_deal_set_aside_before_the_hold_is_not_forgotten_by_it(held_up):
    long_ago = held_up.deployment.now() - timedelta(minutes=5)
    deal = held_up.add_deal("Bad amount", pipeline="renewals", dealstage="signed", po_number="7", at=long_ago)
    held_up.force(deal, {"amount": "N/A"})
    held_up.tick()
    assert len(held_up.rejected()) == 1
    unmake_won(held_up)
    a_day_later(held_up)
    held_up.tick()
    held_up.deployment.ahead = timedelta(days=1)
    held_up.tick()

    (aside,) = held_up.rejected()

    assert "is held" in aside.rejection.reason
    held_up.portal.update("deals", deal, {"amount": "5"})
    make_pipeline(held_up)
    held_up.deployment.ahead = timedelta(days=2)
    held_up.tick()
    assert [project["value"] for project in held_up.projects()] == [Decimal(5)]
    assert held_up.rejected() == []


# -- a document that is mended, paused or stored nowhere -------------------------------------------------------------


def test_mending_the_document_releases_the_rule_and_it_looks_back(held_up):
    archive_field(held_up)
    a_day_later(held_up)
    held_up.tick()
    deal = held_up.add_deal("Waits", pipeline="renewals", dealstage="signed")
    held_up.tick()
    cursor_is(held_up, held_up.deployment.now() + timedelta(minutes=30))

    held_up.apply(["default", "renewals"])
    forget_start_date(held_up)
    held_up.tick()

    assert [project["id"] for project in held_up.projects()] == [held_up.project(deal)["id"]]


def test_a_document_can_be_edited_elsewhere_while_a_rule_is_held(held_up):
    archive_field(held_up)
    a_day_later(held_up)
    held_up.tick()

    held_up.apply([*TWO_RULES], "    cadence: 60m\n")

    assert held_up.row().cadence == "60m"
    assert [rule.pipeline for rule in held(held_up)] == ["renewals"]


def test_a_held_rule_that_a_person_pauses_is_held_no_more_and_says_nothing_of_a_release(held_up):
    archive_field(held_up)
    a_day_later(held_up)
    held_up.tick()
    held_up.apply(["default", "renewals\n        status: paused\n        project: {custom.po: po_number}"])
    held_up.tick()

    assert held(held_up) == []
    assert [action for action, _ in rule_actions(held_up)] == ["pipeline_rule.held"]


def test_a_run_that_opens_a_connection_whose_rules_are_all_held_is_refused_with_the_reason(held_up):
    held_up.apply([TWO_RULES[1]])
    held_up.tick()
    archive_field(held_up)
    with pytest.raises(NeedsAttention):
        held_up.redescribe()

    with pytest.raises(Refusal, match="po_number"):
        open_crm_connection(held_up.deployment, held_up.org, held_up.connection_id)
    assert prepare(held_up.deployment, held_up.row(), held_up.deployment.now()) is None
