"""The initial load: the same records, by month of modification, as backfills of (organization x month)."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.organization_sync import OrganizationSync
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.orchestration.assets.catalog import (
    CRM_OBJECTS,
    ENTITY_ASSETS,
    INITIAL_LOAD,
    initial_load_spec,
    vendor_key,
    vendor_specs,
)
from hardfin_pipelines.orchestration.assets.crm import entity_metadata, failure, landed_metadata, log_notes
from hardfin_pipelines.orchestration.partitions import load_partitions, load_windows
from hardfin_pipelines.orchestration.resources import HardfinResource

LOAD_STEP = "crm_initial_load"

MONTHS_PER_RUN = 6
"""Enough months to be few runs, few enough to show progress and to start again cheaply."""


class InitialLoadConfig(dg.Config):
    """What to load of the months."""

    only_new: bool = Field(
        default=False,
        description="true: load only for pipelines and stages for which these months were not loaded yet. false: look "
        "at all deals of the months again; what is in Hardfin already is left alone.",
    )


@dg.multi_asset(
    name=LOAD_STEP,
    specs=[*(spec for name in CRM_OBJECTS for spec in vendor_specs(name, history=True)), initial_load_spec()],
    can_subset=True,
    partitions_def=load_partitions,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=MONTHS_PER_RUN),
    pool="crm_api",
)
def crm_initial_load(
    context: dg.AssetExecutionContext, config: InitialLoadConfig, hardfin: HardfinResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Load the months of this run; months that follow each other are one window at the vendor."""
    deployment = hardfin.deployment()
    loads: list[OrganizationSync] = []
    for window in load_windows(context.partition_keys):
        try:
            synced = deployment.run(
                load_window(
                    deployment,
                    window.org,
                    window.start,
                    window.end,
                    only_new=config.only_new,
                    run_id=context.run_id,
                )
            )
        except (VendorError, Refusal) as error:
            raise failure(error) from None
        log_notes(context, synced)
        _show_entities(context, synced)
        loads.append(synced)
    yield from _results(context, loads)


def _show_entities(context: dg.AssetExecutionContext, synced: OrganizationSync) -> None:
    """Let the entities' own pages show what the load created; they have other partitions than this step."""
    created = synced.created()
    for entity, key in ENTITY_ASSETS.items():
        if created.get(entity):
            metadata = entity_metadata(synced, entity, created, synced.held)
            context.log_event(dg.AssetMaterialization(key, partition=synced.org, metadata=metadata))


def _results(context: dg.AssetExecutionContext, loads: list[OrganizationSync]) -> Iterator[dg.MaterializeResult[None]]:
    selected = context.selected_asset_keys
    for integration, roles in CRM_OBJECTS.items():
        reports = [load.reports[integration] for load in loads if integration in load.reports]
        for role in roles:
            key = vendor_key(integration, role, history=True)
            if key in selected:
                # Also where nothing was left to load: the months are done, and the backfill waits for that.
                landed = sum(report.read.landed.get(role, 0) for report in reports)
                yield dg.MaterializeResult(key, metadata=landed_metadata(reports[-1], landed) if reports else {})
    if INITIAL_LOAD in selected:
        counts: dict[str, int] = {}
        for load in loads:
            for name, number in load.deal_counts().items():
                counts[f"deals_{name}"] = counts.get(f"deals_{name}", 0) + number
        proofs = [report.proof for load in loads for report in load.reports.values() if report.proof is not None]
        counts["deals_at_the_vendor"] = sum(proof.at_vendor or 0 for proof in proofs)
        counts["deals_accounted"] = sum(proof.accounted for proof in proofs)
        counts["windows_left_open"] = sum(not proof.holds for proof in proofs)
        counts["vendor_calls"] = sum(report.calls for load in loads for report in load.reports.values())
        yield dg.MaterializeResult(INITIAL_LOAD, metadata=counts)
