"""Rule 8: completeness is proved. Windows close when the CRM's count and ours agree; a census finds what came late."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine import crm_sync
from hardfin_pipelines.engine.census import deals_without_an_answer, take_census, take_due_censuses
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.set_aside import ask_again
from hardfin_pipelines.landing.reading import read_landed
from hardfin_pipelines.platform.tables import ledger, load_windows, pending_work
from hardfin_pipelines_tests.engine.interference import interfere
from hardfin_pipelines_tests.engine.product import OPEN, SEARCH, WON, values_of

PAGE = 20
SMALL_PAGES = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, search_page=PAGE)
LONG_AGO = timedelta(days=40)


def past_deals(acme, count, *, since=LONG_AGO):
    """Won deals of the past, a minute apart."""
    first = datetime.now(UTC) - since
    return acme.portal.create_many(
        "deals",
        [
            acme.record(
                {"dealname": f"Deal {n}", "pipeline": "default", "dealstage": WON}, at=first + timedelta(minutes=n)
            )
            for n in range(count)
        ],
    )


def in_ledger(acme):
    return sorted(values_of(acme.rows(ledger), "external_id"))


def window(acme):
    (row,) = acme.rows(load_windows)
    return row


def test_a_window_closes_with_the_crms_own_count_for_one_call_more(acme):
    deals = acme.won_deals(30)
    calls = acme.calls()

    synced = acme.load()

    counts = window(acme)["counts"]
    assert window(acme)["state"] == "closed"
    assert (counts["at_the_vendor"], counts["accounted"], counts["unaccounted"]) == (30, 30, 0)
    assert in_ledger(acme) == sorted(deals)
    searches = [call for call in acme.portal.calls[calls:] if call.path == SEARCH]
    assert len(searches) == 2
    assert synced.calls() == acme.calls() - calls


def test_a_deal_that_the_index_shows_only_behind_the_scan_is_synced_before_the_window_closes(acme):
    acme.deployment.vendors.hubspot.limits = SMALL_PAGES
    deals = past_deals(acme, 60)
    late = []
    interfere(
        acme,
        after=SEARCH,
        skip=2,
        change=lambda: late.append(acme.add_deal("Late", at=datetime.now(UTC) - LONG_AGO - timedelta(hours=1))),
    )

    acme.load()

    assert in_ledger(acme) == sorted([*deals, *late])
    counts = window(acme)["counts"]
    assert (window(acme)["state"], counts["found_late"], counts["at_the_vendor"]) == ("closed", 1, 61)


def test_a_deal_that_leaves_the_window_while_it_is_read_does_not_keep_it_open(acme):
    acme.deployment.vendors.hubspot.limits = SMALL_PAGES
    deals = past_deals(acme, 60)
    interfere(acme, after=SEARCH, skip=2, change=lambda: acme.portal.move_deal(deals[0], OPEN))

    acme.load()

    assert in_ledger(acme) == sorted(deals)
    assert window(acme)["state"] == "closed"
    assert window(acme)["counts"]["at_the_vendor"] == 59


def test_a_window_stays_open_while_the_crm_counts_more_than_it_shows_and_closes_once_it_does(acme):
    acme.won_deals(3)
    nothing = '{"total":7,"results":[]}'
    acme.fault(path=SEARCH, skip=1, times=3, status=200, body=nothing)

    synced = acme.load()

    assert len(acme.projects()) == 3
    assert window(acme)["state"] == "open"
    (note,) = synced.notes
    assert "the CRM counts 7 deals, 0 have an answer; the window stays open" in note

    acme.load("again")
    assert window(acme)["state"] == "closed"


def test_a_tick_whose_crm_counts_more_than_it_shows_leaves_its_cursor_and_tries_again(acme):
    acme.poll()
    cursor = acme.cursor()
    deals = acme.won_deals(2)
    acme.poll()
    acme.product.sandbox.faults.clear()
    acme.fault(path=SEARCH, times=None, status=200, body='{"total":9,"results":[]}')
    acme.add_deal("Another")
    acme.poll()

    acme.product.run_all()

    assert acme.cursor() == cursor
    (work,) = acme.rows(pending_work)
    assert (work["claim"], work["attempts"]) == ("", 1)

    acme.product.sandbox.faults.clear()
    acme.deployment.ahead = timedelta(hours=2)
    acme.poll()
    acme.product.run_all()
    assert len(acme.projects()) == 3
    assert set(deals) <= set(in_ledger(acme))
    assert acme.rows(pending_work) == []


def test_a_load_whose_daily_limit_is_gone_goes_on_the_next_day_behind_what_is_committed(acme, monkeypatch):
    monkeypatch.setattr(crm_sync, "CHUNK", PAGE)
    acme.deployment.vendors.hubspot.limits = SMALL_PAGES
    deals = past_deals(acme, 100)
    acme.fault(
        path=SEARCH,
        skip=3,
        status=429,
        times=1,
        body='{"status":"error","category":"RATE_LIMITS","policyName":"DAILY","message":"daily limit reached"}',
    )
    with pytest.raises(RetryLater, match="daily"):
        acme.load()
    committed = set(in_ledger(acme))
    assert 0 < len(committed) < 100
    row = window(acme)
    assert row["state"] == "open"
    position = datetime.fromisoformat(row["counts"]["progress"]["position"])
    assert position > datetime.now(UTC) - LONG_AGO

    acme.deployment.ahead = timedelta(hours=26)
    acme.load("next day")

    assert in_ledger(acme) == sorted(deals)
    assert window(acme)["state"] == "closed"
    assert "progress" not in window(acme)["counts"]
    landed = list(read_landed(acme.product.landing, acme.org, acme.connection_id, "deals"))
    assert {record.id for record in landed} == set(deals)
    read_again = {record.id for record in landed if record.run_id == "next day"} & committed
    assert len(read_again) < PAGE  # a page begins again where the last committed one ended


def test_a_census_finds_a_deal_that_was_indexed_an_hour_late_and_the_next_run_syncs_it_once(acme):
    acme.load()
    acme.add_deal("First")
    acme.tick()
    acme.deployment.ahead = timedelta(hours=2)
    acme.poll()
    late = acme.add_deal("Indexed late", at=datetime.now(UTC) - timedelta(hours=1))
    acme.tick()
    assert late not in in_ledger(acme)

    report = acme.deployment.run(take_due_censuses(acme.deployment, run_id="census"))

    assert (report.connections, report.unaccounted, report.notes) == (1, 1, [])
    (work,) = acme.rows(pending_work)
    assert (work["external_id"], work["trigger"]) == (late, "census")
    assert len(deals_without_an_answer(acme.deployment)) == 1
    acme.product.run_all()
    assert in_ledger(acme).count(late) == 1
    assert deals_without_an_answer(acme.deployment) == []
    assert acme.deployment.run(take_due_censuses(acme.deployment, run_id="census")).connections == 0

    acme.deployment.ahead = timedelta(hours=4)
    again = acme.deployment.run(take_due_censuses(acme.deployment, run_id="census"))
    assert (again.connections, again.unaccounted) == (1, 0)


def test_a_census_finds_a_deal_that_passed_through_its_stage_and_was_indexed_late(acme):
    deal = acme.add_deal("Reopened", stage=OPEN)
    acme.load()
    acme.product.sandbox.clock.advance(7_200)
    acme.deployment.ahead = timedelta(hours=2)
    acme.poll()
    then = datetime.now(UTC) + timedelta(hours=1)
    acme.portal.move_deal(deal, WON, then)
    acme.portal.move_deal(deal, OPEN, then + timedelta(minutes=1))
    acme.tick()
    assert in_ledger(acme) == []

    report = acme.deployment.run(take_due_censuses(acme.deployment, run_id="census"))
    acme.product.run_all()

    assert report.unaccounted == 1
    assert in_ledger(acme) == [deal]


def test_a_census_leaves_months_alone_that_were_not_loaded_yet_and_writes_no_entity(acme):
    past_deals(acme, 5)
    acme.poll()
    before = acme.dump()

    report = acme.deployment.run(take_due_censuses(acme.deployment, run_id="census"))

    assert report.unaccounted == 0
    assert acme.rows(pending_work) == []
    assert acme.dump() == before


def test_a_census_of_one_connection_counts_every_month_with_a_call_a_page(acme):
    past_deals(acme, 5)
    acme.load()
    acme.poll()
    calls = acme.calls()

    report = acme.deployment.run(take_census(acme.deployment, acme.row(), run_id="census"))

    assert report.at_vendor == 5
    assert report.unaccounted == 0
    assert report.calls == acme.calls() - calls == len(report.months)


def test_one_organizations_failing_census_is_its_own(product):
    acme, beta = (product.add_organization(name) for name in ("acme", "beta"))
    for each in (acme, beta):
        each.load()
        each.poll()
    product.sandbox.faults.clear()
    acme.deployment.vendors.hubspot.limits = HubSpotLimits(
        1_000_000, 1_000_000, 1_000_000, attempts=1, longest_wait_seconds=1, patience_seconds=1
    )
    acme.fault(path=SEARCH, times=None, status=502)

    report = product.deployment.run(take_due_censuses(product.deployment, run_id="census"))

    assert report.connections == 2
    (note,) = report.notes
    assert note.startswith("acme:hubspot")
    assert {month.org for month in report.months} == {"beta"}


def test_records_that_are_set_aside_are_tried_again_when_somebody_asks(acme):
    deal = acme.add_deal()
    acme.force(deal, {"closedate": "not a day"})
    acme.tick()
    (held,) = acme.rejected()
    with pytest.raises(Refusal, match="9999 is not set aside"):
        ask_again(acme.deployment, acme.org, [held], ["9999"], "cli:ann")
    assert acme.rows(pending_work) == []

    acme.force(deal, {"closedate": None})
    assert ask_again(acme.deployment, acme.org, [held], [deal], "cli:ann") == [deal]
    acme.product.run_all()

    assert in_ledger(acme) == [deal]
    assert acme.rejected() == []
