"""Initial loads: months become windows, and a run over some of them syncs the deals once."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS, INITIAL_LOAD, vendor_key
from hardfin_pipelines.orchestration.load_sensor import start_initial_loads
from hardfin_pipelines.orchestration.partitions import LoadWindow, load_windows, month_keys, onboarding_partitions
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.platform.tables import (
    audit_events,
    customers,
    items,
    ledger,
    links,
    project_line_items,
    projects,
)
from hardfin_pipelines.platform.tables import load_windows as load_windows_table
from hardfin_pipelines_tests.orchestration.test_syncing import metadata_of
from hardfin_pipelines_tests.product_fixtures import Product, months_ago

SYNCED = (customers, items, projects, project_line_items, links, ledger, audit_events)


def month(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)


def key(org: str, text: str) -> str:
    return launching.load_key(org, f"{text}-01")


def window(org: str, start: str, end: str) -> LoadWindow:
    return LoadWindow(org, month(start), month(end))


@pytest.mark.parametrize(
    ("keys", "windows"),
    [
        ([], []),
        ([key("acme", "2026-02")], [window("acme", "2026-02", "2026-03")]),
        ([key("acme", "2025-12"), key("acme", "2026-01")], [window("acme", "2025-12", "2026-02")]),
        ([key("acme", "2026-03"), key("acme", "2026-01")], [
            window("acme", "2026-01", "2026-02"),
            window("acme", "2026-03", "2026-04"),
        ]),
        ([key("globex", "2026-02"), key("acme", "2026-01")], [
            window("acme", "2026-01", "2026-02"),
            window("globex", "2026-02", "2026-03"),
        ]),
        ([key("a-b", "2026-01"), key("a", "2026-01")], [
            window("a", "2026-01", "2026-02"),
            window("a-b", "2026-01", "2026-02"),
        ]),
    ],
    ids=["nothing", "one month", "over New Year", "with a gap", "two organizations", "slugs with a dash"],
)  # fmt: skip
def test_months_that_follow_each_other_are_one_window(keys, windows):
    assert load_windows(keys) == windows


def months_of(found: LoadWindow) -> Iterator[datetime]:
    moment = found.start
    while moment < found.end:
        yield moment
        moment += relativedelta(months=1)


asked = st.sets(st.tuples(st.sampled_from(["acme", "globex", "x-1"]), st.integers(0, 40)))


@given(asked, st.randoms())
def test_windows_hold_exactly_the_months_asked_for_and_are_as_few_as_can_be(months, shuffled):
    first = month("2023-01")
    keys = [key(org, f"{first + relativedelta(months=number):%Y-%m}") for org, number in months]
    shuffled.shuffle(keys)

    windows = load_windows(keys)

    held = [key(found.org, f"{moment:%Y-%m}") for found in windows for moment in months_of(found)]
    assert sorted(held) == sorted(keys)
    for one, other in itertools.pairwise(windows):
        assert (one.org, one.end) != (other.org, other.start)
        assert (one.org, one.start) < (other.org, other.start)


def test_the_months_of_a_span_have_its_first_and_its_last_moment():
    assert month_keys(datetime(2025, 11, 30, 23, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)) == [
        "2025-11-01",
        "2025-12-01",
        "2026-01-01",
    ]
    assert month_keys(month("2026-02"), month("2026-01")) == []


def test_a_long_load_is_cut_into_runs_of_six_months():
    ranges = launching.load_ranges(month("2025-01"), datetime(2026, 2, 10, tzinfo=UTC))

    assert [len(each) for each in ranges] == [6, 6, 2]
    assert [name for each in ranges for name in each][-1] == "2026-02-01"


@pytest.fixture
def past(acme: Product) -> Product:
    """Three won deals of the last months, and one that is open."""
    for months in (5, 3, 1):
        acme.add_deal(name=f"Deal of {months} months ago", at=months_ago(months))
    acme.add_deal(name="Open", at=months_ago(2), stage="contractsent")
    return acme


def load(instance: dg.DagsterInstance, first: int, last: int) -> launching.RunResult:
    return launching.load_now(instance, "acme", month_keys(months_ago(first), months_ago(last)), "cli:ann")


def test_a_run_over_a_range_of_months_syncs_the_won_deals_modified_in_them(past, instance):
    result = load(instance, 5, 2)

    assert result.success
    assert result.failure == ""
    assert sorted(row["name"] for row in past.table_rows(projects)) == ["Deal of 3 months ago", "Deal of 5 months ago"]
    assert result.metadata["hardfin/initial_load"]["deals_synced"] == 2
    assert result.metadata["hubspot/deals_history"]["records_landed"] == 2
    (closed,) = past.table_rows(load_windows_table)
    assert (closed["window_start"], closed["window_end"]) == (
        months_ago(5).replace(day=1, hour=0),
        months_ago(1).replace(day=1, hour=0),
    )
    months = month_keys(months_ago(5), months_ago(2))
    wanted = {launching.load_key("acme", name) for name in months}
    assert instance.get_materialized_partitions(INITIAL_LOAD) == wanted
    assert instance.get_materialized_partitions(vendor_key("hubspot", "deal", history=True)) == wanted
    assert instance.get_dynamic_partitions(str(onboarding_partitions.name)) == ["acme"]


def test_the_entities_pages_show_what_a_load_created(past, instance):
    load(instance, 5, 1)

    assert instance.get_materialized_partitions(ENTITY_ASSETS["project"]) == {"acme"}
    shown = metadata_of(instance, ENTITY_ASSETS["project"])
    assert (shown["dagster/row_count"], shown["created"], shown["deals_synced"]) == (3, 3, 3)
    assert metadata_of(instance, ENTITY_ASSETS["project_line_item"])["dagster/row_count"] == 3


def test_loading_the_same_months_again_writes_nothing(past, instance):
    load(instance, 5, 1)
    before = {table.name: past.table_rows(table) for table in SYNCED}

    again = load(instance, 5, 1)

    assert again.success
    assert again.metadata["hardfin/initial_load"]["deals_synced"] == 0
    assert again.metadata["hardfin/initial_load"]["deals_protected"] == 3
    assert {table.name: past.table_rows(table) for table in SYNCED} == before


def test_months_before_the_start_date_are_left_alone(past, instance):
    past.add_deal(name="Too old", at=months_ago(9))

    result = load(instance, 10, 5)

    assert result.success
    assert [row["name"] for row in past.table_rows(projects)] == ["Deal of 5 months ago"]


def test_a_load_that_the_vendor_refuses_fails_in_one_line_and_leaves_its_window_open(past, instance):
    past.portals["acme"].uninstall_app()

    result = load(instance, 5, 1)

    assert not result.success
    assert "revoked" in result.failure
    assert "\n" not in result.failure
    assert past.table_rows(load_windows_table) == []
    assert past.row().status == "needs attention"


def test_a_backfill_asked_for_by_the_command_line_is_what_the_daemon_expects(acme, instance):
    backfill_id = launching.request_backfill(instance, "acme", month_keys(months_ago(2), months_ago(0)), "cli:ann")

    backfill = instance.get_backfill(backfill_id)
    assert backfill.title == "Initial load of acme"
    assert backfill.tags == {
        "hardfin/org": "acme",
        "hardfin/integration": "",
        "hardfin/trigger": "load",
        "hardfin/lane": "acme:load",
        "hardfin/actor": "cli:ann",
    }
    subset = backfill.asset_backfill_data.target_subset
    assert subset.asset_keys == {dg.AssetKey(path) for path in launching.history_assets()}
    assert len(list(subset.iterate_asset_partitions())) == 3 * len(launching.history_assets())


def ask(instance: dg.DagsterInstance) -> str:
    """What the sensor that starts initial loads says of its tick."""
    skip = start_initial_loads(dg.build_sensor_context(instance=instance), hardfin=HardfinResource())
    assert isinstance(skip, dg.SkipReason)
    return str(skip.skip_message)


def finish(instance: dg.DagsterInstance, status: BulkActionStatus, minutes_ago: float = 0) -> None:
    (backfill,) = [each for each in instance.get_backfills() if each.status is BulkActionStatus.REQUESTED]
    ended = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).timestamp()
    instance.update_backfill(backfill.with_status(status).with_end_timestamp(ended))


def test_a_connected_account_is_loaded_from_its_start_date_by_a_backfill_asked_for_once(past, instance):
    assert "months requested" in ask(instance)
    assert "is under way" in ask(instance)

    (backfill,) = instance.get_backfills()
    wanted = {launching.load_key("acme", name) for name in month_keys(months_ago(7), datetime.now(UTC))}
    subset = backfill.asset_backfill_data.target_subset.get_partitions_subset(INITIAL_LOAD)
    assert set(subset.get_partition_keys()) == wanted
    assert backfill.tags["hardfin/org"] == "acme"


def test_a_load_that_is_done_is_not_asked_for_again(past, instance):
    ask(instance)
    load(instance, 7, 0)
    finish(instance, BulkActionStatus.COMPLETED_SUCCESS)

    assert ask(instance) == "every organization's past is loaded"
    assert len(instance.get_backfills()) == 1


def test_a_load_that_failed_is_asked_for_again_after_a_rest(past, instance):
    ask(instance)
    finish(instance, BulkActionStatus.COMPLETED_FAILED, minutes_ago=5)
    assert "failed; the next one is asked for at" in ask(instance)

    (failed,) = instance.get_backfills()
    instance.update_backfill(failed.with_end_timestamp((datetime.now(UTC) - timedelta(minutes=31)).timestamp()))
    assert "months requested" in ask(instance)


def test_an_account_that_is_not_connected_is_not_loaded(product, instance):
    product.add_organization("acme", connect=False)

    assert ask(instance) == "every organization's past is loaded"
    assert instance.get_backfills() == []
