"""The asset checks: they hold on synced data, and say where they do not when it is broken on purpose."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Connection, update

from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.call_budget import save_allowances
from hardfin_pipelines.platform.connection_store import mark_failed, mark_needs_attention
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections, ledger, pipeline_rules, project_line_items, projects
from hardfin_pipelines.sync.call_budget import DailyAllowance
from hardfin_pipelines_tests.orchestration.test_syncing import metadata_of, poll
from hardfin_pipelines_tests.product_fixtures import Product

NAMES = {
    "nothing_below_zero",
    "items_and_locations_exist",
    "customers_and_items_exist",
    "everything_is_read",
    "nothing_waits_long",
    "most_items_are_linked",
    "has_customer",
    "linked_once",
    "adds_up",
    "on_time",
    "no_attention_needed",
    "within_call_budget",
    "every_deal_has_an_answer",
    "windows_close",
    "mapping_matches_account",
}


@pytest.fixture
def synced(acme: Product, instance: dg.DagsterInstance) -> Product:
    """Two synced deals, and a poll."""
    acme.add_deal(name="One")
    acme.add_deal(name="Two", company="Initech", lines=[("Arm", "10"), ("Leg", "2.50")])
    assert launching.sync_now(instance, "acme", "hubspot", "cli:ann").success
    assert poll(instance).success
    return acme


def evaluate(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the job `check_health` finds, by check."""
    result = resolved_definitions().resolve_job_def("check_health").execute_in_process(instance=instance)
    assert result.success
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def drop_customers(connection: Connection, _now: datetime) -> None:
    connection.execute(update(projects).where(projects.c.name == "One").values(customer_id=None))


def give_two_deals_one_project(connection: Connection, _now: datetime) -> None:
    first = connection.execute(ledger.select().order_by(ledger.c.external_id)).first()
    assert first is not None
    connection.execute(update(ledger).values(project_id=first.project_id))


def change_an_amount(connection: Connection, _now: datetime) -> None:
    connection.execute(update(project_line_items).where(project_line_items.c.name == "Leg").values(amount=Decimal(3)))


def poll_long_ago(connection: Connection, now: datetime) -> None:
    connection.execute(update(connections).values(last_polled_at=now - timedelta(hours=1)))


def revoke(connection: Connection, now: datetime) -> None:
    mark_needs_attention(connection, "acme", "acme:hubspot", Cause("sync", "access was revoked", now))


def use_the_day_up(connection: Connection, now: datetime) -> None:
    save_allowances(connection, [("acme", "acme:hubspot", DailyAllowance(0, 0, now, now))])


def hold_a_rule(connection: Connection, now: datetime) -> None:
    because = 'mappings.project.owner: the account has no deal field "seller"'
    connection.execute(update(pipeline_rules).values(held_because=because, held_since=now))


def test_all_checks_hold_on_synced_data(synced, instance):
    found = evaluate(instance)

    assert {name: each.passed for name, each in found.items()} == dict.fromkeys(NAMES, True)
    assert {each.metadata["count"].value for each in found.values()} == {0}
    numbers = metadata_of(instance, dg.AssetKey(["ops", "sync_health"]))
    assert (numbers["organizations"], numbers["connections_active"], numbers["connections_late"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("harm", "check", "severity", "where"),
    [
        (drop_customers, "has_customer", dg.AssetCheckSeverity.ERROR, "acme: prj_"),
        (give_two_deals_one_project, "linked_once", dg.AssetCheckSeverity.ERROR, "has several deals"),
        (change_an_amount, "adds_up", dg.AssetCheckSeverity.WARN, "lines 13, deal 12.5"),
        (poll_long_ago, "on_time", dg.AssetCheckSeverity.ERROR, "acme:hubspot: last visited"),
        (hold_a_rule, "mapping_matches_account", dg.AssetCheckSeverity.WARN, 'no deal field "seller"'),
        (revoke, "no_attention_needed", dg.AssetCheckSeverity.WARN, "acme:hubspot: access was revoked"),
        (use_the_day_up, "within_call_budget", dg.AssetCheckSeverity.WARN, "acme:hubspot: the account's calls of the"),
    ],
)  # fmt: skip
def test_a_check_says_where_it_does_not_hold_and_the_others_still_do(synced, instance, harm, check, severity, where):
    with writing(synced.deployment.engine) as connection:
        harm(connection, datetime.now(UTC))

    found = evaluate(instance)

    assert {name for name, each in found.items() if not each.passed} == {check}
    assert found[check].severity == severity
    assert found[check].metadata["count"].value == 1
    assert where in found[check].metadata["where"].value
    assert found[check].description.startswith("1 ")


def test_health_counts_connections_that_fail_without_needing_a_person(synced, instance):
    with writing(synced.deployment.engine) as connection:
        mark_failed(connection, "acme", "acme:hubspot", "HubSpot is down", datetime.now(UTC))

    evaluate(instance)

    numbers = metadata_of(instance, dg.AssetKey(["ops", "sync_health"]))
    assert (numbers["connections_failing"], numbers["connections_needing_attention"]) == (1, 0)


def test_health_shows_what_is_asked_of_each_account_with_numbers_and_ids_only(synced, instance):
    evaluate(instance)

    numbers = metadata_of(instance, dg.AssetKey(["ops", "sync_health"]))
    assert numbers["vendor_calls_expected_a_day"] == 288
    assert numbers["vendor_calls_refused_today"] == 0
    assert numbers["vendor_calls_today"] >= 10
    (record,) = numbers["call_budgets"].records
    assert (record.data["connection"], record.data["expected_a_day"]) == ("acme:hubspot", 288)
    assert record.data["today"] == numbers["vendor_calls_today"]
    assert [record.data[name] for name in ("account_limit", "left_to_others", "left_today")] == ["not told"] * 3


def test_health_shows_the_reserve_of_an_account_whose_limit_is_known(synced, instance):
    with writing(synced.deployment.engine) as connection:
        save_allowances(connection, [("acme", "acme:hubspot", DailyAllowance(250_000, 240_000, datetime.now(UTC)))])

    evaluate(instance)

    (record,) = metadata_of(instance, dg.AssetKey(["ops", "sync_health"]))["call_budgets"].records
    assert (record.data["account_limit"], record.data["left_to_others"]) == ("250000", "50000")
    assert record.data["left_today"] == "240000"
