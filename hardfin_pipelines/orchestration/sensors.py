"""The sensors. They read tables and never call a vendor."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from hardfin_pipelines.orchestration.assets.books_catalog import books_keys
from hardfin_pipelines.orchestration.assets.catalog import (
    CRM_OBJECTS,
    ENTITY_ASSETS,
    ERP_OBJECTS,
    TRIAGE,
    erp_key,
    vendor_key,
)
from hardfin_pipelines.orchestration.assets.crm import CRM_STEP
from hardfin_pipelines.orchestration.assets.items import ITEM_STEP
from hardfin_pipelines.orchestration.jobs import org_tags, sync_items_job, sync_org_job
from hardfin_pipelines.orchestration.onboarding import loading_orgs, orgs_to_show
from hardfin_pipelines.orchestration.partitions import onboarding_partitions, org_partitions
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import list_organizations

CLAIM_TAG = "hardfin/claim"
CLAIMS_A_TICK = 50
STALE_AFTER = timedelta(minutes=2)
_OVER = frozenset({dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})


@dg.sensor(
    jobs=[sync_org_job, sync_items_job],
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run for every organization that has pending work: changes a poll found, a webhook, a retry. "
    "Work whose run died is handed out again.",
)
def start_pending_syncs(
    context: dg.SensorEvaluationContext, hardfin: HardfinResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Claim pending work, oldest and most urgent first, one run an organization's connection."""
    deployment = hardfin.deployment()
    released = _release_dead_claims(context.instance, hardfin)
    with writing(deployment.engine) as connection:
        claims = pending.claim_work(connection, CLAIMS_A_TICK, deployment.now())
    known = set(context.instance.get_dynamic_partitions(str(org_partitions.name)))
    new = [claim.org for claim in claims if claim.org not in known]
    if new:
        context.instance.add_dynamic_partitions(str(org_partitions.name), sorted(set(new)))
    if not claims:
        yield dg.SkipReason(f"no pending work ({released} dead claim(s) released)")
    for claim in claims:
        yield sync_request(claim)


def sync_request(claim: pending.Claim) -> dg.RunRequest:
    """The run that does some claimed work."""
    integration = claim.connection_id.split(":")[1]
    work = {"claim": claim.key, "connection": claim.connection_id}
    if integration in ERP_OBJECTS:
        return dg.RunRequest(
            run_key=claim.key,
            job_name=sync_items_job.name,
            partition_key=claim.org,
            asset_selection=[
                *(erp_key(integration, role) for role in ERP_OBJECTS[integration]),
                *books_keys(integration),
                TRIAGE,
            ],
            asset_check_keys=[],
            run_config={"ops": {ITEM_STEP: {"config": work}}},
            tags={
                **org_tags(claim.org, integration, claim.trigger, "items"),
                CLAIM_TAG: claim.key,
                "dagster/priority": str(claim.priority),
            },
        )
    keys = [vendor_key(integration, role) for role in CRM_OBJECTS[integration]]
    tags = {**org_tags(claim.org, integration, claim.trigger, "tick"), CLAIM_TAG: claim.key}
    return dg.RunRequest(
        run_key=claim.key,
        job_name=sync_org_job.name,
        partition_key=claim.org,
        asset_selection=[*keys, *ENTITY_ASSETS.values()],
        # Checks look at all organizations: check_health runs them. Left out, a run with a selection runs them too.
        asset_check_keys=[],
        run_config={"ops": {CRM_STEP: {"config": work}}},
        tags={**tags, "dagster/priority": str(claim.priority)},
    )


def _release_dead_claims(instance: dg.DagsterInstance, hardfin: HardfinResource) -> int:
    """Give work back whose run is over, or never came to be, and did not finish it."""
    deployment = hardfin.deployment()
    with reading(deployment.engine) as connection:
        stale = pending.stale_claims(connection, deployment.now() - STALE_AFTER)
    dead = [claim for claim in stale if _is_over(instance, claim)]
    with writing(deployment.engine) as connection:
        for claim in dead:
            pending.release_work(connection, claim.org, claim.connection_id, claim.key, deployment.now())
    return len(dead)


def _is_over(instance: dg.DagsterInstance, claim: pending.Claim) -> bool:
    runs = instance.get_runs(dg.RunsFilter(tags={CLAIM_TAG: claim.key}), limit=1)
    return not runs or runs[0].status in _OVER


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps the partition keys equal to the organizations: new ones appear, removed ones leave. The keys of "
    "an initial load appear when an account is connected and leave two weeks after the load is done.",
)
def org_registry(context: dg.SensorEvaluationContext, hardfin: HardfinResource) -> dg.SensorResult:
    """Add and delete partition keys."""
    deployment = hardfin.deployment()
    instance = context.instance
    present = set(instance.get_dynamic_partitions(str(org_partitions.name)))
    onboarding = set(instance.get_dynamic_partitions(str(onboarding_partitions.name)))
    with reading(deployment.engine) as connection:
        known = set(list_organizations(connection))
        loads = orgs_to_show(connection, onboarding & known, deployment.now())
    leaving = onboarding - loads
    if leaving & known:
        leaving -= loading_orgs(instance, onboarding) & known
    requests = [
        *_differences(org_partitions, known - present, present - known),
        *_differences(onboarding_partitions, loads - onboarding, leaving),
    ]
    if not requests:
        return dg.SensorResult(
            skip_reason=f"{len(known)} organizations, all known; {len(onboarding)} with an initial load"
        )
    return dg.SensorResult(dynamic_partitions_requests=requests)


def _differences(
    partitions: dg.DynamicPartitionsDefinition, new: set[str], gone: set[str]
) -> Iterator[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    if new:
        yield partitions.build_add_request(sorted(new))
    if gone:
        yield partitions.build_delete_request(sorted(gone))


SENSORS = [start_pending_syncs, org_registry]
