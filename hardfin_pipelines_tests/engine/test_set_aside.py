"""Rule 8: a record that cannot be read or mapped is set aside with its reason, and stops nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.engine.set_aside import GONE_AFTER
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.record_log import timeline
from hardfin_pipelines.platform.tables import pending_work, projects
from hardfin_pipelines.sync.identity import entity_id
from hardfin_pipelines_tests.engine.product import OPEN, values_of
from hardfin_pipelines_tests.store_fixtures import A_MOMENT

MEGABYTE = "robots " * 150_000
RIGHT_TO_LEFT = "\u202e\u0631\u0648\u0628\u0648\u062a\u202c \U0001f916"


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"dealname": ""}, "project.name"),
        ({"amount": "N/A"}, "project.value"),
        ({"amount": "1e400000"}, "project.value"),
        ({"closedate": "soon"}, "closed_on"),
    ],
)
def test_one_poison_deal_is_set_aside_and_all_others_land(acme, properties, named):
    bad = acme.add_deal("Bad")
    acme.force(bad, properties)
    good = [acme.add_deal(f"Good {number}") for number in range(3)]

    acme.tick()

    assert sorted(values_of(acme.projects(), "name")) == ["Good 0", "Good 1", "Good 2"]
    (rejected,) = acme.rejected()
    assert rejected.rejection.external_id == bad
    assert named in rejected.rejection.reason
    assert "\n" not in rejected.rejection.reason
    assert all(acme.project(deal) for deal in good)


@pytest.mark.parametrize(
    "properties",
    [
        {"dealname": MEGABYTE},
        {"dealname": RIGHT_TO_LEFT},
        {"dealname": "Nul \0 inside"},
        {"closedate": "0001-01-01T00:00:00Z"},
        {"amount": "1e400"},
        {"amount": "0.10000000000000000000000000000000000001"},
    ],
    ids=["megabyte", "right to left", "nul", "year 1", "1e400", "many digits"],
)
def test_a_strange_value_is_taken_as_it_is_or_set_aside_with_a_reason_and_the_others_land(acme, properties):
    strange = acme.add_deal("Strange")
    acme.force(strange, properties)
    for number in range(3):
        acme.add_deal(f"Good {number}")

    acme.tick()

    names = values_of(acme.projects(), "name")
    assert {"Good 0", "Good 1", "Good 2"} <= set(names)
    if acme.rejected():
        assert values_of([{"id": each.rejection.external_id} for each in acme.rejected()], "id") == [strange]
        assert len(names) == 3
    else:
        assert len(names) == 4
        project = acme.project(strange)
        if "amount" in properties:
            assert project["value"] == Decimal(properties["amount"])
        if "dealname" in properties and "\0" not in properties["dealname"]:
            assert project["name"] == properties["dealname"].strip()


def test_a_line_on_no_product_becomes_an_item_by_its_name(acme):
    deal = acme.add_deal(lines=[])
    acme.add_line(deal, ("Travel, per agreement", "12.50"), product=False)

    acme.tick()

    (line,) = acme.lines(deal)
    assert (line["name"], line["unit_price"]) == ("Travel, per agreement", Decimal("12.50"))
    assert line["item_id"] is not None


def test_a_deal_whose_company_has_no_name_waits_for_it_and_syncs_then(acme):
    deal = acme.add_deal()
    (company,) = acme.companies_of(deal)
    acme.portal.update("companies", company, {"name": None})
    acme.add_deal("Good")
    acme.tick()
    (rejected,) = acme.rejected()
    assert (rejected.rejection.external_id, rejected.attempts) == (deal, 1)
    assert f"company {company}" in rejected.rejection.reason
    assert "customer.name" in rejected.rejection.reason

    # The deal's own stamp does not move: time alone brings it back.
    acme.portal.update("companies", company, {"name": "Globex"})
    assert acme.tick() is None
    acme.deployment.ahead = timedelta(minutes=16)
    acme.tick()

    assert acme.project(deal)["name"] == "Ten robots"
    assert acme.rejected() == []
    assert acme.tick() is None


def test_a_deal_that_is_mended_is_synced_at_the_next_tick(acme):
    deal = acme.add_deal()
    acme.force(deal, {"amount": "N/A"})
    acme.tick()
    assert acme.tick() is None

    acme.portal.update("deals", deal, {"amount": "12"})
    acme.tick()

    assert acme.project(deal)["value"] == Decimal(12)
    assert acme.rejected() == []


def test_a_changed_mapping_tries_the_deals_again_that_the_old_one_refused(acme):
    deal = acme.add_deal()
    acme.force(deal, {"amount": "N/A"})
    acme.tick()
    assert len(acme.rejected()) == 1

    acme.apply(document="    mappings:\n      project: {name: dealname}\n")
    acme.tick()

    assert acme.project(deal)["value"] is None
    assert acme.rejected() == []


def test_a_deal_set_aside_is_tried_at_growing_distances_and_counts_its_attempts(acme):
    deal = acme.add_deal()
    acme.force(deal, {"amount": "N/A"})
    acme.tick()

    attempts = []
    for minutes in (16, 32, 48, 64, 80, 96, 112):
        acme.deployment.ahead = timedelta(minutes=minutes)
        acme.tick()
        attempts.append(acme.rejected()[0].attempts)

    assert attempts == [2, 2, 3, 3, 3, 3, 4]
    assert acme.rejected()[0].rejection.external_id == deal


def test_a_deal_set_aside_that_loses_its_trigger_is_forgotten(acme):
    deal = acme.add_deal(stage=OPEN)
    acme.redescribe()
    acme.force(deal, {"amount": "N/A"})
    acme.win(deal)
    acme.tick()
    assert len(acme.rejected()) == 1

    # As if it had never been won: another pipeline's deal.
    acme.portal.add_pipeline("Other", [("Somewhere", Decimal("0.5"), False, "somewhere")], "other")
    acme.force(deal, {"pipeline": "other", "dealstage": "somewhere", "hs_v2_date_entered_closedwon": None})
    acme.deployment.ahead = timedelta(minutes=16)
    acme.tick()

    assert acme.rejected() == []
    assert acme.rows(pending_work) == []
    assert acme.tick() is None


def test_a_deal_set_aside_that_is_merged_into_a_synced_one_is_forgotten(acme):
    synced = acme.add_deal("Synced")
    bad = acme.add_deal("Bad")
    acme.force(bad, {"amount": "N/A"})
    acme.tick()
    assert len(acme.rejected()) == 1

    acme.portal.merge_deals(synced, bad)
    acme.deployment.ahead = timedelta(minutes=16)
    acme.tick()
    acme.tick()

    assert acme.rejected() == []
    assert values_of(acme.projects(), "name") == ["Synced"]
    assert acme.tick() is None


def test_a_deal_set_aside_that_is_deleted_is_asked_for_ever_less_often_and_forgotten_in_the_end(acme):
    deal = acme.add_deal()
    acme.force(deal, {"amount": "N/A"})
    acme.tick()
    acme.portal.archive("deals", deal)

    acme.deployment.ahead = timedelta(minutes=16)
    acme.tick()
    (rejected,) = acme.rejected()
    assert "cannot be read" in rejected.rejection.reason
    assert acme.tick() is None
    for attempt in range(GONE_AFTER):
        acme.deployment.ahead = timedelta(days=2 * (attempt + 1))
        acme.tick()

    assert acme.rejected() == []
    assert acme.tick() is None
    with reading(acme.deployment.engine) as connection:
        told = timeline(connection, "acme", acme.connection_id, "deals", deal)
    assert told[-1].kind == "skipped"
    assert "not asked for again" in told[-1].detail


def test_a_deal_that_passed_through_and_was_set_aside_is_synced_when_mended(acme):
    deal = acme.add_deal(stage=OPEN)
    acme.win(deal)
    acme.portal.move_deal(deal, "closedlost")
    (company,) = acme.companies_of(deal)
    acme.portal.update("companies", company, {"name": None})
    acme.tick()
    assert len(acme.rejected()) == 1

    acme.portal.update("companies", company, {"name": "Globex"})
    acme.deployment.ahead = timedelta(minutes=16)
    acme.tick()

    assert acme.project(deal)["name"] == "Ten robots"


def test_a_deal_whose_company_cannot_be_read_waits_for_it(acme):
    deal = acme.add_deal()
    acme.fault(path="/crm/objects/*/companies/batch/read", status=200, body='{"status":"COMPLETE","results":[]}')
    acme.fault(path="/crm/objects/*/companies/*", method="GET", status=404, body='{"category":"OBJECT_NOT_FOUND"}')

    acme.tick()
    (rejected,) = acme.rejected()
    assert "cannot be read" in rejected.rejection.reason
    acme.deployment.ahead = timedelta(minutes=16)
    acme.tick()

    assert acme.project(deal)["customer_id"] is not None
    assert acme.rejected() == []


@pytest.mark.slow
def test_a_deal_with_ten_thousand_lines_is_synced_whole_and_the_others_too(sqlite_acme):
    acme = sqlite_acme
    deal = acme.add_deal(lines=[])
    acme.add_lines(deal, 10_000)
    acme.add_deal("Good")

    acme.tick()

    assert len(acme.lines(deal)) == 10_000
    assert [row["position"] for row in acme.lines(deal)] == list(range(1, 10_001))
    assert len(acme.projects()) == 2
    assert acme.rejected() == []


def test_a_deal_that_the_store_refuses_is_set_aside_and_the_others_land(acme):
    deals = [acme.add_deal(f"Deal {number}") for number in range(9)]
    taken = {"org": "acme", "id": entity_id("project", "acme", acme.connection_id, deals[4])}
    stamps = dict.fromkeys(("created_at", "updated_at"), A_MOMENT)
    with writing(acme.deployment.engine) as connection:
        connection.execute(projects.insert().values(**taken, **stamps, name="In the way", status="active", custom={}))

    acme.tick()

    assert sorted(values_of(acme.projects(), "name")) == sorted(
        ["In the way", *(f"Deal {number}" for number in range(9) if number != 4)]
    )
    (rejected,) = acme.rejected()
    assert rejected.rejection.external_id == deals[4]
    assert rejected.rejection.reason.startswith("Hardfin cannot store it: ")
    assert acme.tick() is None


def test_a_value_the_store_cannot_hold_is_set_aside_and_the_others_land(acme):
    bad = acme.add_deal("Bad", lines=[])
    line = acme.add_line(bad, ("Robot arm", "1"))
    acme.force(line, {"hs_recurring_billing_period": "P99999999999999999999M"}, kind="line_items")
    for number in range(3):
        acme.add_deal(f"Good {number}")

    acme.tick()

    assert values_of(acme.projects(), "name") == ["Good 0", "Good 1", "Good 2"]
    (rejected,) = acme.rejected()
    assert rejected.rejection.external_id == bad
