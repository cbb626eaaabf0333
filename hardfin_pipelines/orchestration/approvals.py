"""Letting Dagster show what an approved plan made: it runs at a terminal, not as one of Dagster's runs."""

import dagster as dg

from hardfin_pipelines.engine.approving import ApprovalReport
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.organization_sync import held_entities
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS
from hardfin_pipelines.orchestration.launching import know_organization


def show_approval(
    instance: dg.DagsterInstance, deployment: Deployment, org: str, report: ApprovalReport, actor: str
) -> None:
    """Note what a plan created on the entities' own pages, as a load does: counts and the plan, no customer data."""
    created = report.applied.created
    if not any(created.values()):
        return
    know_organization(instance, org)
    held = held_entities(deployment, org)
    for entity, key in ENTITY_ASSETS.items():
        if not created.get(entity):
            continue
        metadata: dict[str, int | str] = {
            "dagster/row_count": held.get(entity, 0),
            "created": created[entity],
            "approved_plan": report.hash,
            "approved_by": actor,
        }
        if entity == "project":
            metadata |= {"deals_synced": report.applied.synced, "deals_set_aside": report.applied.set_aside}
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=org, metadata=metadata))
