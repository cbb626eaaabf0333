"""An accounting system's items and books through Dagster: poll, sensor and job on a real instance."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from hardfin_pipelines.orchestration.assets.books_catalog import BOOKS_ASSETS, ITEM_COSTS, books_key
from hardfin_pipelines.orchestration.assets.catalog import TRIAGE, erp_key
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines.orchestration.resources import open_deployment
from hardfin_pipelines.sandbox.netsuite.load_business import load_business
from hardfin_pipelines_tests.engine.netsuite_product import (
    BETWEEN_TICKS,
    NetSuiteOrganization,
    running_netsuite_product,
)
from hardfin_pipelines_tests.orchestration.test_syncing import carry_out, look, metadata_of, poll
from hardfin_pipelines_tests.product_fixtures import dagster_home

__all__ = ["dagster_home"]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NetSuiteOrganization]:
    """An organization whose NetSuite account is connected; Dagster's resource is told by variables alone."""
    with running_netsuite_product(f"sqlite:///{tmp_path / 'home' / 'hardfin.db'}", tmp_path) as product:
        settings = product.deployment.settings
        for name, value in {
            "HARDFIN_HOME": str(settings.home),
            "HARDFIN_LANDING_ROOT": settings.landing_root,
            "HARDFIN_SECRET_KEY": settings.secret_key.get_secret_value(),
            "HARDFIN_NETSUITE_URL": settings.netsuite_url,
            "HARDFIN_NETSUITE_CLIENT_ID": settings.netsuite_client_id,
            "HARDFIN_NETSUITE_PRIVATE_KEY_FILE": str(settings.netsuite_private_key_file),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("HARDFIN_DATABASE_URL", raising=False)
        open_deployment.cache_clear()
        yield product.add_organization("wernham")
        open_deployment().engine.dispose()
        open_deployment.cache_clear()


def tick_on(team: NetSuiteOrganization) -> None:
    """Let the vendor's time go on to the next tick."""
    team.product.sandbox.clock.advance(BETWEEN_TICKS.total_seconds())


@pytest.fixture
def instance(team: NetSuiteOrganization, dagster_home: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance beside the organization."""
    with dg.DagsterInstance.get() as made:
        yield made


def test_a_tick_materializes_what_moved_and_the_next_one_starts_nothing(team, instance):
    items = [team.add_item("A-1", "Arm"), team.add_item("A-2", "Base", cost="3.5")]
    made = load_business(team.account, items)
    tick_on(team)
    poll(instance)
    (request,) = look(instance)

    assert carry_out(instance, request).success

    assert request.job_name == "sync_items"
    assert metadata_of(instance, erp_key("netsuite", "item"))["read"] == 2
    assert metadata_of(instance, books_key("netsuite", "inventory"))["inventory_level read"] == 4
    assert metadata_of(instance, BOOKS_ASSETS["inventory_level"])["dagster/row_count"] == 4
    assert metadata_of(instance, BOOKS_ASSETS["sales_document"])["vendor_total"] == len(made.orders + made.invoices)
    assert metadata_of(instance, ITEM_COSTS)["read"] == 2
    assert metadata_of(instance, TRIAGE)["open"] == 2

    tick_on(team)
    poll(instance)
    (skipped,) = look(instance)
    assert isinstance(skipped, dg.SkipReason)


def test_the_checks_of_stock_say_where_something_is_wrong(team, instance):
    item = team.add_item("A-1", "Arm")
    made = load_business(team.account, [item])
    team.account.set_stock(item, made.locations[0], on_hand=-3)
    poll(instance)
    carry_out(instance, look(instance)[0])

    result = resolved_definitions().resolve_job_def("check_health").execute_in_process(instance=instance)

    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert checks["items_and_locations_exist"].passed
    assert checks["customers_and_items_exist"].passed
    assert checks["everything_is_read"].passed
    below = checks["nothing_below_zero"]
    assert not below.passed
    assert "(-3)" in str(below.metadata["where"].value)
