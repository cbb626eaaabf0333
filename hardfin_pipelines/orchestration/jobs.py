"""The jobs: what schedules, sensors and people start."""

from collections.abc import Mapping

import dagster as dg

from hardfin_pipelines.orchestration.assets.books_catalog import BOOKS_ASSETS, BOOKS_OBJECTS, books_keys
from hardfin_pipelines.orchestration.assets.catalog import (
    CRM_OBJECTS,
    ENTITY_ASSETS,
    ERP_OBJECTS,
    INITIAL_LOAD,
    TRIAGE,
    erp_key,
    vendor_key,
)
from hardfin_pipelines.orchestration.assets.census import CENSUS
from hardfin_pipelines.orchestration.assets.crm import RESYNC, TRIGGER_TAG
from hardfin_pipelines.orchestration.assets.operations import CHANGE_POLL, RETENTION, SYNC_HEALTH
from hardfin_pipelines.orchestration.partitions import load_partitions, org_partitions

LANE_TAG = "hardfin/lane"
"""Runs of one lane (an organization's ticks, its loads) never overlap; dagster.yaml holds the limit."""

_entities = dg.AssetSelection.assets(*ENTITY_ASSETS.values())
_crm = [vendor_key(name, role) for name in CRM_OBJECTS for role in CRM_OBJECTS[name]]
_books = [erp_key(name, role) for name in ERP_OBJECTS for role in ERP_OBJECTS[name]]
_books += [key for name in BOOKS_OBJECTS for key in books_keys(name)]
_checked = (SYNC_HEALTH, CENSUS, INITIAL_LOAD, TRIAGE, *ENTITY_ASSETS.values(), *BOOKS_ASSETS.values())
_history = [vendor_key(name, role, history=True) for name in CRM_OBJECTS for role in CRM_OBJECTS[name]]

change_poll_job = dg.define_asset_job(
    "change_poll",
    selection=dg.AssetSelection.assets(CHANGE_POLL),
    description="Ask the due connections of a cadence whether anything changed.",
)

sync_org_job = dg.define_asset_job(
    "sync_org",
    selection=(dg.AssetSelection.assets(*_crm) | _entities).without_checks(),
    partitions_def=org_partitions,
    description="Sync what changed at one organization's CRM.",
)

sync_items_job = dg.define_asset_job(
    "sync_items",
    selection=dg.AssetSelection.assets(*_books, TRIAGE).without_checks(),
    partitions_def=org_partitions,
    description="Sync what changed at one organization's accounting systems: items are matched to its products and "
    "parts; stock, prices, costs, accounts and sales documents are kept as they are.",
)

resync_project_job = dg.define_asset_job(
    "resync_project",
    selection=_entities.without_checks(),
    partitions_def=org_partitions,
    description="Re-sync one project: pick the organization's partition and give `project` in the config. As launched "
    "it only **previews** what would change and materializes nothing; set `preview: false` to write. `undo: true` puts "
    "back what the project's last re-sync changed.",
    tags={TRIGGER_TAG: RESYNC},
)

initial_load_job = dg.define_asset_job(
    "initial_load",
    selection=dg.AssetSelection.assets(*_history, INITIAL_LOAD).without_checks(),
    partitions_def=load_partitions,
    description="Load an organization's past deals, by month of modification.",
    tags={TRIGGER_TAG: "load"},
)

health_job = dg.define_asset_job(
    "check_health",
    selection=dg.AssetSelection.assets(SYNC_HEALTH)
    | dg.AssetSelection.checks_for_assets(
        SYNC_HEALTH, CENSUS, INITIAL_LOAD, TRIAGE, *ENTITY_ASSETS.values(), *BOOKS_ASSETS.values()
    ),
    description="Count how connections are, and run the checks.",
)

census_job = dg.define_asset_job(
    "census",
    selection=dg.AssetSelection.assets(CENSUS).without_checks(),
    description="Compare what each CRM shows with what has an answer, for the connections that are due.",
)

retention_job = dg.define_asset_job(
    "retention",
    selection=dg.AssetSelection.assets(RETENTION),
    description="Prune old operational events and landed files.",
)

JOBS = [
    change_poll_job,
    sync_org_job,
    sync_items_job,
    resync_project_job,
    initial_load_job,
    health_job,
    census_job,
    retention_job,
]


def org_tags(org: str, integration: str, trigger: str, lane: str) -> Mapping[str, str]:
    """The tags by which runs of an organization are found and limited."""
    return {
        "hardfin/org": org,
        "hardfin/integration": integration,
        TRIGGER_TAG: trigger,
        LANE_TAG: f"{org}:{lane}",
    }
