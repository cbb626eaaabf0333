"""From a poll to a synced project, as the daemon does it: schedule, sensor and job on a real instance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import update

from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS, vendor_key
from hardfin_pipelines.orchestration.jobs import LANE_TAG, sync_org_job
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines.orchestration.partitions import org_partitions
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.orchestration.schedules import SCHEDULES, poll_request
from hardfin_pipelines.orchestration.sensors import CLAIM_TAG, start_pending_syncs
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import pending_work
from hardfin_pipelines_tests.product_fixtures import Product

PROJECTS = ENTITY_ASSETS["project"]


def poll(instance: dg.DagsterInstance, org: str = "") -> dg.ExecuteInProcessResult:
    job = resolved_definitions().resolve_job_def("change_poll")
    return job.execute_in_process(instance=instance, run_config=poll_request("5m", org=org).run_config)


def look(instance: dg.DagsterInstance) -> list[Any]:
    """What the sensor answers."""
    context = dg.build_sensor_context(instance=instance, definitions=resolved_definitions())
    answers: Any = start_pending_syncs(context, hardfin=HardfinResource())
    return list(answers)


def carry_out(instance: dg.DagsterInstance, request: dg.RunRequest, **options: Any) -> dg.ExecuteInProcessResult:
    """The run a sensor asks for, as the daemon makes it."""
    job = resolved_definitions().resolve_job_def(request.job_name or sync_org_job.name)
    checks = None if request.asset_check_keys is None else frozenset(request.asset_check_keys)
    subset = job.get_subset(asset_selection=frozenset(request.asset_selection or ()), asset_check_selection=checks)
    return subset.execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        run_config=request.run_config,
        tags=dict(request.tags),
        **options,
    )


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Why the run failed, as the run's page shows it."""
    data = next(event for event in result.all_events if event.is_step_failure).step_failure_data
    assert data.user_failure_data is not None
    assert data.user_failure_data.label == "intentional-failure"
    return str(data.user_failure_data.description)


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_poll_is_one_run_that_asks_due_connections_and_notes_what_changed(acme, instance):
    acme.add_deal()

    result = poll(instance)

    assert result.success
    numbers = metadata_of(instance, dg.AssetKey(["ops", "change_poll"]))
    assert (numbers["connections_asked"], numbers["connections_changed"], numbers["errors"]) == (1, 1, 0)
    assert numbers["vendor_calls"] >= 1
    (work,) = acme.table_rows(pending_work)
    assert (work["org"], work["kind"], work["trigger"], work["claim"]) == ("acme", "changes", "poll", "")
    assert acme.count_projects() == 0


def test_a_poll_where_nothing_changed_leaves_nothing_to_do(acme, instance):
    poll(instance)

    assert acme.table_rows(pending_work) == []
    assert [type(answer) for answer in look(instance)] == [dg.SkipReason]


def test_the_sensor_asks_for_a_run_that_says_everything_about_itself(acme, instance):
    acme.add_deal()
    poll(instance)

    (request,) = look(instance)

    (work,) = acme.table_rows(pending_work)
    assert work["claim"] == request.run_key
    assert request.partition_key == "acme"
    assert request.run_config == {
        "ops": {"crm_sync": {"config": {"claim": request.run_key, "connection": "acme:hubspot"}}}
    }
    assert dict(request.tags) == {
        "hardfin/org": "acme",
        "hardfin/integration": "hubspot",
        "hardfin/trigger": "poll",
        LANE_TAG: "acme:tick",
        CLAIM_TAG: request.run_key,
        "dagster/priority": "10",
    }
    assert set(request.asset_selection) == {
        *ENTITY_ASSETS.values(),
        *(vendor_key("hubspot", role) for role in ("company", "deal", "line_item", "product")),
    }
    assert "acme" in instance.get_dynamic_partitions(str(org_partitions.name))


def test_the_run_syncs_the_deal_and_shows_counts_on_the_assets(acme, instance):
    deal = acme.add_deal(lines=[("Robot arm", "100.50"), ("Support", "20")])
    poll(instance)
    (request,) = look(instance)

    result = carry_out(instance, request)

    assert result.success
    assert acme.project_of(deal) is not None
    assert acme.table_rows(pending_work) == []
    shown = metadata_of(instance, PROJECTS)
    assert shown["dagster/row_count"] == 1
    assert (shown["created"], shown["deals_synced"], shown["deals_set_aside"]) == (1, 1, 0)
    assert metadata_of(instance, ENTITY_ASSETS["project_line_item"])["created"] == 2
    assert metadata_of(instance, vendor_key("hubspot", "deal"))["records_landed"] == 1
    assert instance.get_materialized_partitions(PROJECTS) == {"acme"}
    assert result.get_asset_check_evaluations() == []
    assert [type(answer) for answer in look(instance)] == [dg.SkipReason]


def test_a_sync_without_a_claim_is_what_materializing_from_the_page_does(acme, instance):
    deal = acme.add_deal()
    instance.add_dynamic_partitions(str(org_partitions.name), ["acme"])
    definitions = resolved_definitions()

    result = dg.materialize(
        [definitions.get_assets_def(PROJECTS)],
        instance=instance,
        partition_key="acme",
        selection=[PROJECTS],
        resources={"hardfin": HardfinResource()},
    )

    assert result.success
    assert acme.project_of(deal) is not None
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [PROJECTS]


def test_a_revoked_account_fails_its_own_run_in_one_line_and_no_other(acme, instance):
    acme.add_organization("globex")
    acme.enabled_since(datetime.now(UTC) - timedelta(days=7), "globex")
    for org in ("acme", "globex"):
        acme.add_deal(org)
    poll(instance)
    requests = {request.partition_key: request for request in look(instance)}
    acme.portals["acme"].uninstall_app()

    broken = carry_out(instance, requests["acme"], raise_on_error=False)
    whole = carry_out(instance, requests["globex"])

    assert whole.success
    assert acme.count_projects("globex") == 1
    assert not broken.success
    assert "\n" not in failure_of(broken)
    assert "HubSpot access was revoked" in failure_of(broken)
    assert acme.row("acme").status == "needs attention"
    assert acme.count_projects("acme") == 0
    assert instance.get_materialized_partitions(PROJECTS) == {"globex"}


def test_a_poll_goes_on_where_one_account_is_revoked(acme, instance):
    acme.add_organization("globex")
    acme.enabled_since(datetime.now(UTC) - timedelta(days=7), "globex")
    acme.add_deal("globex")
    acme.portals["acme"].uninstall_app()

    result = poll(instance)

    assert result.success
    numbers = metadata_of(instance, dg.AssetKey(["ops", "change_poll"]))
    assert (numbers["connections_asked"], numbers["connections_changed"], numbers["errors"]) == (2, 1, 1)
    assert [request.partition_key for request in look(instance)] == ["globex"]


def age_claims(product: Product, minutes: float) -> None:
    with writing(product.deployment.engine) as connection:
        claimed_at = product.deployment.now() - timedelta(minutes=minutes)
        connection.execute(update(pending_work).where(pending_work.c.claim != "").values(claimed_at=claimed_at))


def rest_is_over(product: Product) -> None:
    with writing(product.deployment.engine) as connection:
        connection.execute(update(pending_work).values(requested_at=product.deployment.now() - timedelta(seconds=1)))


def test_work_whose_run_never_came_to_be_is_handed_out_again(acme, instance):
    acme.add_deal()
    poll(instance)
    (lost,) = look(instance)
    age_claims(acme, minutes=5)

    (skip,) = look(instance)
    assert skip == dg.SkipReason("no pending work (1 dead claim(s) released)")

    rest_is_over(acme)
    (again,) = look(instance)
    assert again.partition_key == "acme"
    assert again.run_key != lost.run_key
    assert carry_out(instance, again).success
    assert acme.count_projects() == 1


def test_work_whose_run_is_waiting_or_at_work_stays_its_own(acme, instance):
    acme.add_deal()
    poll(instance)
    (request,) = look(instance)
    job = resolved_definitions().resolve_job_def(sync_org_job.name)
    instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    age_claims(acme, minutes=60)

    assert look(instance) == [dg.SkipReason("no pending work (0 dead claim(s) released)")]
    (work,) = acme.table_rows(pending_work)
    assert work["claim"] == request.run_key


def test_a_run_whose_claim_was_taken_back_does_nothing(acme, instance):
    acme.add_deal()
    poll(instance)
    (late,) = look(instance)
    age_claims(acme, minutes=5)
    look(instance)

    result = carry_out(instance, late)

    assert result.success
    assert acme.count_projects() == 0
    assert metadata_of(instance, PROJECTS)["created"] == 0


@pytest.mark.parametrize("due", [True, False])
def test_a_schedule_asks_for_one_run_of_its_tier_only_where_a_connection_is_due(acme, instance, due):
    if not due:
        poll(instance)
    schedule = next(each for each in SCHEDULES if each.name == "poll_every_5m")
    moment = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=moment)

    answer: Any = schedule(context, hardfin=HardfinResource())

    if due:
        assert answer.run_key == "5m:2026-03-02T09:05:00+00:00"
        assert answer.run_config == {"ops": {"ops__change_poll": {"config": {"tier": "5m", "org": ""}}}}
    else:
        assert answer == dg.SkipReason("no connection with cadence 5m is due")
