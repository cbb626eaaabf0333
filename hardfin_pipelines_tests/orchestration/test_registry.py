"""The sensor that keeps partition keys equal to organizations, and the keys of initial loads in particular."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.onboarding import SHOWN_FOR, covers
from hardfin_pipelines.orchestration.partitions import month_keys, onboarding_partitions, org_partitions
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.orchestration.sensors import org_registry
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections, load_windows, organizations, pipeline_rules
from hardfin_pipelines_tests.product_fixtures import Product, months_ago

ORG, ONBOARDING = str(org_partitions.name), str(onboarding_partitions.name)


def look(instance: dg.DagsterInstance) -> dg.SensorResult:
    """Let the sensor look, and do what it asks for as the daemon does."""
    result = org_registry(dg.build_sensor_context(instance=instance), hardfin=HardfinResource())
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or ():
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return result


def skipped(result: dg.SensorResult) -> str | None:
    assert result.skip_reason is not None
    return result.skip_reason.skip_message


def keys(instance: dg.DagsterInstance, name: str) -> set[str]:
    return set(instance.get_dynamic_partitions(name))


def load(product: Product, instance: dg.DagsterInstance, org: str = "acme") -> None:
    since = product.row(org).start_date
    assert since is not None
    start = datetime.combine(since, datetime.min.time(), UTC)
    for months in launching.load_ranges(start, datetime.now(UTC)):
        assert launching.load_now(instance, org, months, "cli:ann").success


def loaded_long_ago(product: Product, days: float = SHOWN_FOR.days + 1) -> None:
    with writing(product.deployment.engine) as connection:
        connection.execute(update(load_windows).values(updated_at=product.deployment.now() - timedelta(days=days)))


def remove_organization(product: Product, org: str) -> None:
    with writing(product.deployment.engine) as connection:
        for table in (pipeline_rules, connections, organizations):
            connection.execute(delete(table).where(table.c.org == org))


def test_keys_come_and_go_with_the_organizations(product, instance):
    product.add_organization("acme", connect=False)
    product.add_organization("globex", connect=False)
    instance.add_dynamic_partitions(ORG, ["initech"])
    instance.add_dynamic_partitions(ONBOARDING, ["initech"])

    look(instance)

    assert keys(instance, ORG) == {"acme", "globex"}
    assert keys(instance, ONBOARDING) == set()
    assert skipped(look(instance)) == "2 organizations, all known; 0 with an initial load"

    remove_organization(product, "acme")
    look(instance)
    assert keys(instance, ORG) == {"globex"}


def test_an_account_that_was_connected_gets_the_keys_of_its_load(acme, instance):
    look(instance)

    assert keys(instance, ONBOARDING) == {"acme"}


def test_the_keys_of_a_load_stay_for_two_weeks_after_it_and_leave_then(acme, instance):
    look(instance)
    load(acme, instance)

    look(instance)
    assert keys(instance, ONBOARDING) == {"acme"}
    loaded_long_ago(acme, days=SHOWN_FOR.days - 1)
    look(instance)
    assert keys(instance, ONBOARDING) == {"acme"}

    loaded_long_ago(acme)
    look(instance)
    assert keys(instance, ONBOARDING) == set()
    look(instance)
    assert keys(instance, ONBOARDING) == set()


def test_the_keys_of_a_load_with_a_month_missing_stay(acme, instance):
    look(instance)
    start = acme.row().start_date
    months = month_keys(datetime(start.year, start.month, 1, tzinfo=UTC), datetime.now(UTC))
    for part in (months[:2], months[3:]):
        assert launching.load_now(instance, "acme", part, "cli:ann").success
    loaded_long_ago(acme)

    look(instance)

    assert keys(instance, ONBOARDING) == {"acme"}


@pytest.mark.parametrize("tagged", [True, False], ids=["by the command line", "in the UI, which does not say for whom"])
def test_the_keys_stay_while_a_backfill_is_under_way(acme, instance, tagged):
    look(instance)
    load(acme, instance)
    loaded_long_ago(acme)
    backfill_id = launching.request_backfill(instance, "acme", month_keys(months_ago(2), datetime.now(UTC)), "cli:ann")
    backfill = instance.get_backfill(backfill_id)
    if not tagged:
        instance.update_backfill(backfill._replace(tags={}))

    look(instance)
    assert keys(instance, ONBOARDING) == {"acme"}

    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    look(instance)
    assert keys(instance, ONBOARDING) == set()


def test_the_keys_stay_while_a_run_of_the_load_is_under_way(acme, instance):
    look(instance)
    load(acme, instance)
    loaded_long_ago(acme)
    job = launching.resolved_definitions().resolve_job_def("initial_load")
    run = instance.create_run_for_job(
        job, tags={"hardfin/org": "acme", "hardfin/trigger": "load"}, status=dg.DagsterRunStatus.STARTING
    )

    look(instance)
    assert keys(instance, ONBOARDING) == {"acme"}

    instance.report_run_canceled(run)
    look(instance)
    assert keys(instance, ONBOARDING) == set()


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def test_windows_cover_when_they_meet_from_start_to_end():
    assert covers([(day(3), day(5)), (day(0), day(3))], day(0), day(5))
    assert covers([(day(0), day(9))], day(2), day(4))
    assert covers([(day(2), day(4))], None, day(4))
    assert not covers([(day(0), day(3)), (day(4), day(5))], day(0), day(5))
    assert not covers([(day(1), day(5))], day(0), day(5))
    assert not covers([(day(0), day(4))], day(0), day(5))
    assert not covers([], None, day(1))


spans = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=8)


@given(spans, st.integers(0, 30), st.integers(1, 20))
def test_windows_cover_exactly_when_each_day_is_in_one(found, first, length):
    windows = [(day(begin), day(begin + days)) for begin, days in found]
    days = range(first, first + length)

    expected = all(any(begin <= each < begin + size for begin, size in found) for each in days)

    assert covers(windows, day(first), day(first + length)) == expected
