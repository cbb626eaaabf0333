"""An organization's accounting systems: their items, those that wait for a person, and what else they hold.

It is one step for the same reasons as a CRM's (`assets/crm.py`): items are read, landed, matched and applied together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import dagster as dg
from pydantic import Field

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.item_runs import ItemsSync, sync_claimed_items, sync_organization_items
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.orchestration.assets.books_catalog import (
    BOOKS_ASSETS,
    BOOKS_OBJECTS,
    ITEM_COSTS,
    books_key,
    books_specs,
)
from hardfin_pipelines.orchestration.assets.catalog import ERP_OBJECTS, TRIAGE, erp_key, erp_specs, triage_spec
from hardfin_pipelines.orchestration.assets.crm import failure
from hardfin_pipelines.orchestration.partitions import org_partitions
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.triage_store import count_triage
from hardfin_pipelines.sync.books import BooksKind

ITEM_STEP = "item_sync"


class ItemSyncConfig(dg.Config):
    """What to sync. With nothing set: everything that changed at the organization's accounting systems."""

    claim: str = Field(
        default="", description="Set by the sensor: the pending work this run was started for. Leave it empty."
    )
    connection: str = Field(default="", description="Set by the sensor: the connection of that work.")


@dg.multi_asset(
    name=ITEM_STEP,
    specs=[*(spec for name in ERP_OBJECTS for spec in erp_specs(name)), *books_specs(), triage_spec()],
    can_subset=True,
    partitions_def=org_partitions,
    pool="erp_api",
)
def item_sync(
    context: dg.AssetExecutionContext, config: ItemSyncConfig, hardfin: HardfinResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Sync what changed at an organization's accounting systems, and match it to its products and parts."""
    deployment = hardfin.deployment()
    org = context.partition_key
    try:
        if config.claim:
            work = sync_claimed_items(deployment, org, config.connection, config.claim, run_id=context.run_id)
        else:
            work = sync_organization_items(deployment, org, run_id=context.run_id)
        synced = deployment.run(work)
    except (VendorError, Refusal) as error:
        raise failure(error) from None
    for line in synced.notes:
        context.log.info(line)
    yield from _results(context, synced)
    yield from _books_results(context, synced)
    if TRIAGE in context.selected_asset_keys:
        with reading(deployment.engine) as connection:
            states = count_triage(connection, org)
        metadata = {str(state): dg.MetadataValue.int(number) for state, number in states.items()}
        metadata["dagster/row_count"] = dg.MetadataValue.int(states["open"])
        yield dg.MaterializeResult(TRIAGE, metadata=metadata)


def _results(context: dg.AssetExecutionContext, synced: ItemsSync) -> Iterator[dg.MaterializeResult[None]]:
    """Counts by connection: numbers only, no customer data."""
    for integration, report in synced.reports.items():
        key = erp_key(integration, "item")
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(key, metadata={"visit": report.kind, **_metadata(report.numbers())})


def _books_results(context: dg.AssetExecutionContext, synced: ItemsSync) -> Iterator[dg.MaterializeResult[None]]:
    """Counts by kind, of those that had moved; an entity's are those of all accounting systems together."""
    selected = context.selected_asset_keys
    of_kinds: dict[BooksKind, Counter[str]] = {}
    for integration, report in synced.books.items():
        for kind, counts in report.kinds.items():
            of_kinds.setdefault(kind, Counter()).update(counts.numbers())
        for name, kinds in BOOKS_OBJECTS[integration].items():
            told = {
                f"{kind} {what}": number
                for kind in kinds
                if kind in report.kinds
                for what, number in report.kinds[kind].numbers().items()
                if what in ("read", "set_aside")
            }
            if told and books_key(integration, name) in selected:
                yield dg.MaterializeResult(books_key(integration, name), metadata=_metadata(told))
    for kind, key in BOOKS_ASSETS.items():
        if kind in of_kinds and key in selected:
            numbers = dict(of_kinds[kind])
            yield dg.MaterializeResult(
                key, metadata=_metadata({"dagster/row_count": numbers.pop("row_count"), **numbers})
            )
    costs = sum(report.costs for report in synced.reports.values())
    if costs and ITEM_COSTS in selected:
        yield dg.MaterializeResult(ITEM_COSTS, metadata=_metadata({"read": costs}))


def _metadata(numbers: Mapping[str, int]) -> dict[str, dg.IntMetadataValue]:
    return {name: dg.MetadataValue.int(number) for name, number in numbers.items()}
