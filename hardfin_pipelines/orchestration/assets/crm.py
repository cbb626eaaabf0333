"""The CRM assets of an organization: one step lands what vendors hold and applies it to Hardfin's entities.

It is one step because it streams: a chunk of deals is searched, read, landed and applied before the next one, so
memory stays small, nothing is decoded twice, and a killed run resumes at the page it was at. Dagster still shows each
object and entity as its own asset.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.crm_runs import sync_claimed, sync_organization
from hardfin_pipelines.engine.crm_sync import SyncReport
from hardfin_pipelines.engine.organization_sync import OrganizationSync
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.orchestration.assets.catalog import (
    CRM_OBJECTS,
    ENTITY_ASSETS,
    entity_specs,
    vendor_key,
    vendor_specs,
)
from hardfin_pipelines.orchestration.assets.resyncing import ResyncConfig, resync_or_undo
from hardfin_pipelines.orchestration.partitions import org_partitions
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.sync.entities import EntityType

CRM_STEP = "crm_sync"

TRIGGER_TAG = "hardfin/trigger"
RESYNC = "resync"

REFUSED = "cannot_be_done_as_asked"
"""Metadata of a failed step: true where the request was refused, false where a vendor failed."""

_SHOWN = 50

Metadata = dict[str, dg.MetadataValue[Any]]


class CrmSyncConfig(ResyncConfig):
    """What to sync. With nothing set: everything that changed at the organization's CRM since the last visit."""

    claim: str = Field(
        default="", description="Set by the sensor: the pending work this run was started for. Leave it empty."
    )


def run_actor(context: dg.AssetExecutionContext) -> str:
    """Who stands behind a run, for the audit log: the person who launched it where Dagster knows, else Dagster."""
    return context.run_tags.get("hardfin/actor") or context.run_tags.get("user") or "dagster"


def failure(error: Exception) -> dg.Failure:
    """A run's end in one clear line. It is not retried at once: the schedule comes back by its own back-off."""
    return dg.Failure(description=str(error), metadata={REFUSED: isinstance(error, Refusal)}, allow_retries=False)


@dg.multi_asset(
    name=CRM_STEP,
    specs=[*(spec for name in CRM_OBJECTS for spec in vendor_specs(name, history=False)), *entity_specs()],
    can_subset=True,
    partitions_def=org_partitions,
    pool="crm_api",
)
def crm_sync(
    context: dg.AssetExecutionContext, config: CrmSyncConfig, hardfin: HardfinResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Sync what changed at an organization's CRM, or re-sync one project."""
    deployment = hardfin.deployment()
    org = context.partition_key
    if not config.project and context.run_tags.get(TRIGGER_TAG) == RESYNC:
        raise dg.Failure(
            description="resync_project: give `project` in the config, the project's id (prj_…) or its deal's id; to "
            "sync whatever changed, launch sync_org",
            allow_retries=False,
        )
    try:
        if config.project:
            yield from resync_or_undo(context, deployment, config, run_actor(context))
            return
        if config.claim:
            work = sync_claimed(deployment, org, config.connection, config.claim, run_id=context.run_id)
        else:
            work = sync_organization(deployment, org, run_id=context.run_id)
        synced = deployment.run(work)
    except (VendorError, Refusal) as error:
        raise failure(error) from None
    log_notes(context, synced)
    yield from _sync_results(context, synced)


def log_notes(context: dg.AssetExecutionContext, synced: OrganizationSync) -> None:
    """What a person may want to know of a run, into its log: why it stopped, what was set aside and why."""
    for line in synced.notes:
        context.log.info(line)
    for reason in synced.reasons():
        context.log.warning("set aside: %s", reason)


def _sync_results(context: dg.AssetExecutionContext, synced: OrganizationSync) -> Iterator[dg.MaterializeResult[None]]:
    selected = context.selected_asset_keys
    for integration, report in synced.reports.items():
        for role in CRM_OBJECTS[integration]:
            key = vendor_key(integration, role)
            if key in selected and (role == "deal" or report.read.landed.get(role)):
                yield dg.MaterializeResult(key, metadata=landed_metadata(report, report.read.landed.get(role, 0)))
    totals = synced.created()
    for entity, key in ENTITY_ASSETS.items():
        if key in selected:
            yield dg.MaterializeResult(key, metadata=entity_metadata(synced, entity, totals, synced.held))


def landed_metadata(report: SyncReport, landed: int) -> Metadata:
    """Counts of one vendor object: numbers only, no customer data."""
    metadata: Metadata = {
        "records_landed": dg.MetadataValue.int(landed),
        "vendor_calls_of_the_visit": dg.MetadataValue.int(report.calls),
        "not_given_by_the_vendor": dg.MetadataValue.int(len(report.read.missing)),
    }
    if report.total is not None:
        metadata["deals_matching_at_the_vendor"] = dg.MetadataValue.int(report.total)
    return metadata


def entity_metadata(
    synced: OrganizationSync, entity: EntityType, created: Mapping[EntityType, int], held: Mapping[EntityType, int]
) -> Metadata:
    """Counts of one kind of entity, and for projects what became of the deals."""
    metadata: Metadata = {
        "dagster/row_count": dg.MetadataValue.int(held.get(entity, 0)),
        "created": dg.MetadataValue.int(created.get(entity, 0)),
    }
    if entity == "project":
        for name, number in synced.deal_counts().items():
            metadata[f"deals_{name}"] = dg.MetadataValue.int(number)
        aside = [reason.partition(":")[0] for reason in synced.reasons()]
        if aside:
            # The reasons quote the vendor's values: they are in the run's log and in `hardfin status`.
            metadata["set_aside"] = dg.MetadataValue.text(", ".join(aside[:_SHOWN]))
    return metadata
