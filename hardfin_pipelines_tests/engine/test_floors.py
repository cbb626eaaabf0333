"""What the engine costs and may not do, as numbers: calls, rows written again, tenants touched."""

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.known_records import count_links
from hardfin_pipelines.platform.tables import cursors, metadata, organizations, pending_work, projects
from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.summary import summarize
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines_tests.engine.hardfin_team import load_end
from hardfin_pipelines_tests.engine.product import SEARCH, WON


def say(line: str) -> None:
    """Show a measurement, with `-s` or when the test fails."""
    sys.stdout.write(f"{line}\n")


ALL_TABLES = [table for table in metadata.sorted_tables if table is not organizations and "org" in table.c]


@pytest.mark.parametrize("pipelines", [1, 2, 5])
def test_a_quiet_tick_is_one_search_whatever_the_number_of_pipelines(product, pipelines):
    acme = product.add_organization(connect=False)
    for number in range(1, pipelines):
        stages = [("Quote", Decimal("0.5"), False, f"q{number}"), ("Signed", Decimal(1), True, f"signed{number}")]
        acme.portal.add_pipeline(f"Pipeline {number}", stages, f"p{number}")
    acme.apply(["default", *(f"p{number}" for number in range(1, pipelines))])
    acme.connect()
    acme.add_deal(stage="contractsent", at=datetime.now(UTC) - timedelta(days=1))
    began = acme.product.sandbox.clock.now()
    product.sandbox.call_log.reset()

    report = acme.poll()

    assert (report.asked, report.changed, report.calls, report.errors) == (1, 0, 1, 0)
    assert [call.path for call in acme.portal.calls] == [SEARCH]
    assert product.claims() == []
    assert acme.rows(pending_work) == []
    cursor = acme.cursor()
    assert cursor is not None
    assert abs(cursor - began) < timedelta(seconds=5)


def test_the_cursor_follows_the_vendors_clock_not_ours(acme):
    acme.deployment.ahead = timedelta(hours=2)

    acme.poll()

    cursor = acme.cursor()
    assert cursor is not None
    assert abs(datetime.now(UTC) - cursor) < timedelta(seconds=10)


def test_a_second_load_tick_and_run_write_nothing(acme):
    data_set = robotics_rental(
        seed=3, won_deals=60, products=20, start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime.now(UTC)
    )
    load_data_set(acme.portal, data_set)
    first = acme.load()
    acme.tick()
    before = acme.dump()
    assert first.created()["project"] > 0

    again = acme.load("again")
    acme.tick()
    acme.ask_for_record(*(row["external_id"] for row in acme.rows(metadata.tables["ledger"])))
    acme.product.run_all()

    assert sum(again.created().values()) == 0
    assert acme.dump() == before


def test_two_organizations_whose_portals_use_the_same_ids_do_not_touch_each_other(product):
    acme = product.add_organization("acme")
    zeta = product.add_organization("zeta")
    deals = {org.org: (org.add_deal(f"{org.org} one"), org.add_deal(f"{org.org} two")) for org in (acme, zeta)}
    assert deals["acme"] == deals["zeta"]
    acme.tick()
    zeta_before = product.dump("zeta", tables=ALL_TABLES)
    acme_before = product.dump("acme")

    # Now zeta's account is broken while both are visited.
    zeta.fault(times=None, status=401, body='{"category":"INVALID_AUTHENTICATION"}')
    acme.portal.update("deals", deals["acme"][0], {"dealname": "renamed"})
    product.tick()

    assert product.dump("acme") == acme_before
    assert zeta.projects() == []
    assert zeta.row().status == "needs attention"
    assert acme.row().status == "active"
    assert acme.row().status_reason == ""
    assert all(rows == [] for name, rows in product.dump("zeta").items() if name != "audit_events")
    assert zeta_before["projects"] == []

    # And what zeta does afterwards leaves every table of acme as it is.
    acme_all = product.dump("acme", tables=ALL_TABLES)
    product.sandbox.faults.clear()
    zeta.pause(paused=False)
    zeta.tick()
    zeta.load()
    assert sorted(row["name"] for row in zeta.projects()) == ["zeta one", "zeta two"]
    zeta.resync(deals["zeta"][0])
    assert product.dump("acme", tables=ALL_TABLES) == acme_all
    ids = {org.org: {row["id"] for row in org.rows(projects)} for org in (acme, zeta)}
    assert not ids["acme"] & ids["zeta"]


def test_a_hundred_changed_deals_of_a_larger_portal_cost_a_handful_of_calls(sqlite_acme):
    acme = sqlite_acme
    past = datetime.now(UTC) - timedelta(days=40)
    data_set = robotics_rental(
        seed=5, won_deals=1_000, open_deals=500, products=100, start=past - timedelta(days=200), end=past
    )
    loaded = load_data_set(acme.portal, data_set)
    acme.load()
    open_deals = [
        loaded.deals[deal.key]
        for deal in data_set.deals
        if deal.pipeline_key == "default" and deal.stage_key == "contractsent"
    ]
    changed = [*open_deals, *(loaded.deals[deal.key] for deal in data_set.deals if deal.stage_key == WON)][:100]
    for deal in changed:
        acme.portal.move_deal(deal, WON)
    acme.product.sandbox.call_log.reset()

    report = acme.poll()
    polled = acme.calls()
    (synced,) = acme.product.run_all()

    assert report.changed == 1
    assert synced.deal_counts()["synced"] + synced.deal_counts()["protected"] == 100
    lines = synced.created()["project_line_item"]
    new = synced.deal_counts()["synced"]
    # One search (its answer is handed to the run), two for associations, then batches of 100 companies and lines.
    least = 1 + 2 + -(-lines // 100) + (1 if new else 0)
    say(f"100 changed deals ({new} new, {lines} lines): {polled} + {acme.calls() - polled} calls, least {least}")
    assert polled == 1
    assert acme.calls() <= least + 2


@pytest.mark.slow
def test_ten_thousand_won_deals_cost_at_most_1700_calls(sqlite_product):
    acme = sqlite_product.add_organization(connect=False)
    end = datetime.now(UTC) - timedelta(hours=1)
    start = end - timedelta(days=300)
    data_set = robotics_rental(seed=7, won_deals=10_000, open_deals=0, products=500, start=start, end=end)
    holds = summarize(data_set)
    load_data_set(acme.portal, data_set)
    acme.apply(["default", "Service renewals"])
    acme.connect()
    acme.product.sandbox.call_log.reset()

    synced = acme.deployment.run(load_window(acme.deployment, "acme", start, load_end(), run_id="load"))

    with reading(acme.deployment.engine) as connection:
        links = count_links(connection, "acme", acme.connection_id)
    least = acme.deployment.vendors.plan_calls("hubspot", links).total
    say(f"10,000 won deals: {acme.calls()} vendor calls, {least} by plan_calls")
    assert acme.calls() <= 1_700
    assert acme.calls() <= least * 1.05
    assert synced.deal_counts() == {"synced": 10_000, "protected": 0, "not_triggered": 0, "set_aside": 0}
    assert synced.held["project"] == holds.won_deals == 10_000
    assert synced.held["project_line_item"] == holds.line_items_of_won_deals
    assert acme.rejected() == []
    assert acme.rows(cursors) == []
