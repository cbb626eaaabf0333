"""What every asset is: its key, description, columns and lineage, as Dagster's catalog shows them."""

from collections.abc import Mapping
from types import MappingProxyType

import dagster as dg

from hardfin_pipelines.orchestration.partitions import load_partitions, org_partitions
from hardfin_pipelines.organizations.default_mappings import default_mappings
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ROLE_OF_ENTITY, EntityType
from hardfin_pipelines.sync.records import Role

OWNER = "team:integrations"

CRM_OBJECTS: Mapping[str, Mapping[Role, str]] = MappingProxyType(
    {
        "hubspot": MappingProxyType(
            {"company": "companies", "deal": "deals", "line_item": "line_items", "product": "products"}
        ),
        "salesforce": MappingProxyType(
            {
                "company": "accounts",
                "deal": "opportunities",
                "line_item": "opportunity_line_items",
                "product": "products",
            }
        ),
    }
)
"""CRM integrations and the asset name of each role's object."""

ERP_OBJECTS: Mapping[str, Mapping[Role, str]] = MappingProxyType(
    {"quickbooks": MappingProxyType({"item": "items"}), "netsuite": MappingProxyType({"item": "items"})},
)
"""ERP integrations and the asset name of each role's object."""

TRIAGE = dg.AssetKey(["triage", "items"])

ENTITY_ASSETS: Mapping[EntityType, dg.AssetKey] = MappingProxyType(
    {
        "customer": dg.AssetKey(["hardfin", "customers"]),
        "item": dg.AssetKey(["hardfin", "items"]),
        "project": dg.AssetKey(["hardfin", "projects"]),
        "project_line_item": dg.AssetKey(["hardfin", "project_line_items"]),
    }
)

INITIAL_LOAD = dg.AssetKey(["hardfin", "initial_load"])

LANDED_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("id", "string", description="the vendor's id"),
        dg.TableColumn("modified_at", "timestamp", description="the vendor's modification stamp, UTC"),
        dg.TableColumn("archived", "bool", description="whether it is in the vendor's recycle bin"),
        dg.TableColumn("raw", "binary", description="the record exactly as received, JSON"),
        dg.TableColumn("references", "string", description="what it points to, by role, JSON"),
        dg.TableColumn("merged_ids", "list<string>", description="ids merged into it"),
        dg.TableColumn("url", "string", description="where a person sees it at the vendor"),
        dg.TableColumn("run_id", "string", description="the run that landed it"),
        dg.TableColumn("landed_at", "timestamp", description="when it was landed, UTC"),
    ]
)

_TRIAGE_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("connection_id", "text", description="whose item it is: the organization and the source system"),
        dg.TableColumn("external_id", "text", description="the vendor's id"),
        dg.TableColumn("name", "text", description="its name as last read, with its parents (`full_name`)"),
        dg.TableColumn("sku", "text", description="its SKU as last read"),
        dg.TableColumn("state", "text", description="open, mapped, created, ignored, gone"),
        dg.TableColumn("reason", "text", description="unmatched, ambiguous, conflict"),
        dg.TableColumn("detail", "text", description="the reason in words"),
        dg.TableColumn("suggestions", "json", description="up to five items of Hardfin, scored 0 to 100, with reasons"),
        dg.TableColumn("first_seen_at", "timestamp", description="when it first began to wait, UTC"),
        dg.TableColumn("last_seen_at", "timestamp", description="when a visit last found it new or changed, UTC"),
        dg.TableColumn("state_at", "timestamp", description="when it came into its state, UTC"),
    ]
)

_VENDOR_TEXTS: Mapping[Role, str] = MappingProxyType(
    {
        "company": "Companies that won deals belong to, as received. Read only until they are linked to a customer.",
        "deal": "Deals in a trigger stage, or that passed through one, as received.",
        "line_item": "Line items of deals that are about to sync, as received.",
        "product": "Products those line items name, as received. Read only while they are not linked to an item.",
    }
)

_ENTITY_TEXTS: Mapping[EntityType, str] = MappingProxyType(
    {
        "customer": "**Customers** of the organization. Created with the first project that names them; from then on "
        "operations' own.",
        "item": "**Products and parts.** A CRM product is linked to the item of the same name, or becomes one.",
        "project": "**Projects.** A won deal becomes one, once. A tick, a load or a webhook never writes it again; "
        "only a re-sync somebody asks for does (job `resync_project`, or this asset's launchpad with `project`).",
        "project_line_item": "**Lines of projects**, each with its item. Lines that leave the CRM are marked removed "
        "by a re-sync, never deleted.",
    }
)


def vendor_key(integration: str, role: Role, *, history: bool = False) -> dg.AssetKey:
    """The key of a vendor's object, such as hubspot/deals or hubspot/deals_history."""
    name = CRM_OBJECTS[integration][role]
    return dg.AssetKey([integration, f"{name}_history" if history else name])


def vendor_specs(integration: str, *, history: bool) -> list[dg.AssetSpec]:
    """The assets of one CRM's objects."""
    return [
        dg.AssetSpec(
            vendor_key(integration, role, history=history),
            description=_VENDOR_TEXTS[role] + (" Initial load, by month of modification." if history else ""),
            group_name=integration,
            owners=[OWNER],
            kinds={integration, "parquet"},
            metadata={"dagster/column_schema": LANDED_COLUMNS},
            tags={"hardfin/integration": integration},
            partitions_def=load_partitions if history else org_partitions,
            skippable=True,
        )
        for role in CRM_OBJECTS[integration]
    ]


def erp_key(integration: str, role: Role) -> dg.AssetKey:
    """The key of an accounting system's object, such as quickbooks/items."""
    return dg.AssetKey([integration, ERP_OBJECTS[integration][role]])


def erp_specs(integration: str) -> list[dg.AssetSpec]:
    """The assets of one accounting system's objects."""
    return [
        dg.AssetSpec(
            erp_key(integration, role),
            description="Items of the accounting system, inactive ones too, as received. Each finds its product or "
            "part in Hardfin by SKU or name, or waits in `triage/items`.",
            group_name=integration,
            owners=[OWNER],
            kinds={integration, "parquet"},
            metadata={"dagster/column_schema": LANDED_COLUMNS},
            tags={"hardfin/integration": integration},
            partitions_def=org_partitions,
            skippable=True,
        )
        for role in ERP_OBJECTS[integration]
    ]


def triage_spec() -> dg.AssetSpec:
    """The asset of what waits for a person."""
    return dg.AssetSpec(
        TRIAGE,
        deps=[*(erp_key(name, role) for name in ERP_OBJECTS for role in ERP_OBJECTS[name]), ENTITY_ASSETS["item"]],
        description="**Triage.** Items of accounting systems that matched nothing, or more than one thing, with why "
        "and with suggestions: the table `triage_items`, beside `vendor_items`, which says what each item is. "
        "`hardfin triage` lists them and takes decisions; a decision holds for ever.",
        group_name="triage",
        owners=[OWNER],
        kinds={"sql"},
        metadata={"dagster/column_schema": _TRIAGE_COLUMNS},
        partitions_def=org_partitions,
        skippable=True,
    )


def entity_specs() -> list[dg.AssetSpec]:
    """The assets of Hardfin's entities, with the columns' lineage from the default mappings."""
    entity_parents: dict[EntityType, list[dg.AssetKey]] = {
        "customer": [],
        "item": [],
        "project": [ENTITY_ASSETS["customer"]],
        "project_line_item": [ENTITY_ASSETS["project"], ENTITY_ASSETS["item"]],
    }
    return [
        dg.AssetSpec(
            key,
            deps=[*(vendor_key(name, ROLE_OF_ENTITY[entity]) for name in CRM_OBJECTS), *entity_parents[entity]],
            description=_ENTITY_TEXTS[entity],
            group_name="hardfin",
            owners=[OWNER],
            kinds={"sql"},
            metadata={
                "dagster/column_schema": _entity_columns(entity),
                "dagster/column_lineage": column_lineage(entity),
            },
            partitions_def=org_partitions,
            skippable=True,
        )
        for entity, key in ENTITY_ASSETS.items()
    ]


def initial_load_spec() -> dg.AssetSpec:
    """The asset that says which windows of an initial load are done, and with what result."""
    return dg.AssetSpec(
        INITIAL_LOAD,
        deps=[vendor_key(name, role, history=True) for name in CRM_OBJECTS for role in CRM_OBJECTS[name]],
        description="**Initial load.** Deals modified in a month and won by now, synced like any other. One cell an "
        "organization and month; several months are worked on as one window.",
        group_name="hardfin",
        owners=[OWNER],
        kinds={"sql"},
        partitions_def=load_partitions,
        skippable=True,
    )


def column_lineage(entity: EntityType) -> dg.TableColumnLineage:
    """Which vendor fields fill which column, from the default mapping of each CRM."""
    role = ROLE_OF_ENTITY[entity]
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for integration in CRM_OBJECTS:
        for rule in default_mappings(integration)[entity].rules:
            deps.setdefault(rule.target, []).extend(
                dg.TableColumnDep(vendor_key(integration, role), source) for source in rule.sources()
            )
    return dg.TableColumnLineage(deps)


def _entity_columns(entity: EntityType) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn("id", "text", description="Hardfin's id"),
            *(
                dg.TableColumn(name, entity_field.type, description=entity_field.description)
                for name, entity_field in ENTITY_FIELDS[entity].items()
            ),
        ]
    )
