"""Starting the jobs of production from the command line: in this process, or through the daemon."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from hardfin_pipelines.definitions import defs
from hardfin_pipelines.orchestration.assets.catalog import CRM_OBJECTS, INITIAL_LOAD, vendor_key
from hardfin_pipelines.orchestration.assets.crm import CRM_STEP, REFUSED
from hardfin_pipelines.orchestration.assets.history import LOAD_STEP, MONTHS_PER_RUN
from hardfin_pipelines.orchestration.jobs import (
    initial_load_job,
    org_tags,
    resync_project_job,
    sync_items_job,
    sync_org_job,
)
from hardfin_pipelines.orchestration.partitions import month_keys, onboarding_partitions, org_partitions


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        run_id: Its id.
        success: Whether it succeeded.
        failure: Why not, in one line.
        metadata: The numbers it reported, by asset.
        refused: Whether it failed because it cannot be done as asked.
    """

    run_id: str
    success: bool
    failure: str
    metadata: dict[str, dict[str, Any]]
    refused: bool = False


# The command says itself how a run ended; Dagster's own lines are in the run's log.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def resolved_definitions() -> dg.Definitions:
    """The code location of this process."""
    loaded = defs()
    assert isinstance(loaded, dg.Definitions)  # noqa: S101  # what the decorated function returns; for the type checker
    return loaded


def sync_now(instance: dg.DagsterInstance, org: str, integration: str, actor: str) -> RunResult:
    """Run `sync_org` for one organization in this process."""
    know_organization(instance, org)
    tags = {**org_tags(org, integration, "request", "tick"), "hardfin/actor": actor}
    return _execute(instance, sync_org_job.name, partition_key=org, tags=tags)


def sync_items_now(instance: dg.DagsterInstance, org: str, actor: str) -> RunResult:
    """Run `sync_items` for one organization in this process."""
    know_organization(instance, org)
    tags = {**org_tags(org, "", "request", "items"), "hardfin/actor": actor}
    return _execute(instance, sync_items_job.name, partition_key=org, tags=tags)


def resync_now(instance: dg.DagsterInstance, org: str, config: dict[str, Any], actor: str) -> RunResult:
    """Run `resync_project` in this process with the given config."""
    know_organization(instance, org)
    tags = {"hardfin/org": org, "hardfin/project": str(config["project"]), "hardfin/actor": actor}
    run_config = {"ops": {CRM_STEP: {"config": config}}}
    return _execute(instance, resync_project_job.name, partition_key=org, tags=tags, run_config=run_config)


def load_ranges(since: datetime, until: datetime) -> list[list[str]]:
    """The months of a load, in runs of at most six."""
    months = month_keys(since, until)
    return [months[start : start + MONTHS_PER_RUN] for start in range(0, len(months), MONTHS_PER_RUN)]


def load_now(instance: dg.DagsterInstance, org: str, months: Sequence[str], actor: str) -> RunResult:
    """Run `initial_load` for some months that follow each other, in this process."""
    know_organization(instance, org)
    start_onboarding(instance, org)
    tags = {
        **org_tags(org, "", "load", "load"),
        "hardfin/actor": actor,
        ASSET_PARTITION_RANGE_START_TAG: load_key(org, months[0]),
        ASSET_PARTITION_RANGE_END_TAG: load_key(org, months[-1]),
    }
    return _execute(instance, initial_load_job.name, tags=tags)


def request_backfill(
    instance: dg.DagsterInstance, org: str, months: Sequence[str], actor: str, *, only_new: bool = False
) -> str:
    """Ask the daemon for the backfill of an initial load, as the button in Dagster's UI does; its id.

    Args:
        instance: Dagster's instance.
        org: The organization.
        months: Partition keys of months.
        actor: Who asks, for the audit.
        only_new: Load only for trigger stages for which the months were not loaded yet.
    """
    know_organization(instance, org)
    start_onboarding(instance, org)
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=uuid.uuid4().hex[:8],
        asset_graph=resolved_definitions().resolve_asset_graph(),
        partition_names=[load_key(org, month) for month in months],
        asset_selection=[dg.AssetKey(path) for path in history_assets()],
        backfill_timestamp=datetime.now(UTC).timestamp(),
        tags={**org_tags(org, "", "load", "load"), "hardfin/actor": actor},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=f"Initial load of {org}",
        description=None,
        run_config={"ops": {LOAD_STEP: {"config": {"only_new": only_new}}}},
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def know_organization(instance: dg.DagsterInstance, org: str) -> None:
    """Make sure the organization has its partition key."""
    instance.add_dynamic_partitions(str(org_partitions.name), [org])


def start_onboarding(instance: dg.DagsterInstance, org: str) -> None:
    """Give the organization its keys for an initial load; the sensor `org_registry` takes them away in the end."""
    instance.add_dynamic_partitions(str(onboarding_partitions.name), [org])


def history_assets() -> list[list[str]]:
    """The paths of the assets of an initial load."""
    history = [vendor_key(name, role, history=True) for name in CRM_OBJECTS for role in CRM_OBJECTS[name]]
    return [list(key.path) for key in (*history, INITIAL_LOAD)]


def load_key(org: str, month: str) -> str:
    """The partition key of one month of an organization's load."""
    return str(dg.MultiPartitionKey({"org": org, "month": month}))


def _execute(instance: dg.DagsterInstance, job_name: str, *, run_config: Any = None, **options: Any) -> RunResult:
    job = resolved_definitions().resolve_job_def(job_name)
    config = {**(run_config or {}), **_QUIET}
    result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=config, **options)
    metadata: dict[str, dict[str, Any]] = {}
    failure, refused = "", False
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            if materialization.asset_key is not None:
                key = materialization.asset_key.to_user_string()
                metadata[key] = {name: value.value for name, value in materialization.metadata.items()}
        if event.is_step_failure:
            failure, refused = _failure_line(event), _is_refusal(event)
    return RunResult(result.run_id, result.success, failure, metadata, refused)


def _failure_line(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.message.strip() if data.error is not None else "the run failed"


def _is_refusal(event: dg.DagsterEvent) -> bool:
    data = event.step_failure_data.user_failure_data
    told = None if data is None else data.metadata.get(REFUSED)
    return told is not None and bool(told.value)
