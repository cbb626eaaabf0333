"""The assets of what an accounting system holds besides items: stock, prices, costs, accounts, sales documents."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

import dagster as dg

from hardfin_pipelines.orchestration.assets.catalog import (
    ENTITY_ASSETS,
    LANDED_COLUMNS,
    OWNER,
    erp_key,
)
from hardfin_pipelines.orchestration.partitions import org_partitions
from hardfin_pipelines.sync.books import FACT_TYPES, BooksKind, ItemCost

BOOKS_OBJECTS: Mapping[str, Mapping[str, tuple[BooksKind, ...]]] = MappingProxyType(
    {
        "netsuite": MappingProxyType(
            {
                "locations": ("subsidiary", "location"),
                "accounts": ("ledger_account",),
                "prices": ("price_level", "item_price"),
                "components": ("item_component",),
                "inventory": ("inventory_level", "serial_number"),
                "sales": ("customer", "sales_document", "sales_document_line"),
            }
        )
    }
)
"""ERP integrations of which more than items is read: the names of their assets, and the kinds of each."""

BOOKS_ASSETS: Mapping[BooksKind, dg.AssetKey] = MappingProxyType(
    {
        "subsidiary": dg.AssetKey(["hardfin", "subsidiaries"]),
        "location": dg.AssetKey(["hardfin", "locations"]),
        "ledger_account": dg.AssetKey(["hardfin", "ledger_accounts"]),
        "price_level": dg.AssetKey(["hardfin", "price_levels"]),
        "item_price": dg.AssetKey(["hardfin", "item_prices"]),
        "item_component": dg.AssetKey(["hardfin", "item_components"]),
        "inventory_level": dg.AssetKey(["hardfin", "inventory_levels"]),
        "serial_number": dg.AssetKey(["hardfin", "serial_numbers"]),
        "sales_document": dg.AssetKey(["hardfin", "sales_documents"]),
        "sales_document_line": dg.AssetKey(["hardfin", "sales_document_lines"]),
    }
)
"""The entity of each kind; an accounting system's customers become links of Hardfin's."""

ITEM_COSTS = dg.AssetKey(["hardfin", "item_costs"])

_VENDOR_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "locations": "Places where stock is kept, and the companies of the group they belong to, as received.",
        "accounts": "Accounts of the general ledger, as received.",
        "prices": "Price levels, and the prices of items at those besides the base price, as received.",
        "components": "What assemblies and kits are made of, as received.",
        "inventory": "Stock by item and location, and serial numbers, as received.",
        "sales": "Customers, and their sales orders and invoices with lines, as received.",
    }
)

_TEXTS: Mapping[BooksKind, str] = MappingProxyType(
    {
        "subsidiary": "**Subsidiaries**: the companies of a group.",
        "location": "**Locations** where stock is kept.",
        "ledger_account": "**Ledger accounts**: the chart of accounts.",
        "price_level": "**Price levels**: the kinds of prices that items have.",
        "item_price": "**Item prices** at levels besides the base price, from a quantity on.",
        "item_component": "**Components** of assemblies and kits.",
        "inventory_level": "**Inventory levels**: what there is of an item at a location, on hand, available and on "
        "order, and what it cost. `as_of` is when the accounting system last said something else.",
        "serial_number": "**Serial numbers**, and numbers of lots.",
        "sales_document": "**Sales orders and invoices** of customers.",
        "sales_document_line": "**Lines of sales orders and invoices**, each with its item.",
    }
)

_PARENTS: Mapping[BooksKind, tuple[BooksKind, ...]] = MappingProxyType(
    {
        "location": ("subsidiary",),
        "item_price": ("price_level",),
        "inventory_level": ("location",),
        "sales_document_line": ("sales_document",),
    }
)
"""The kinds that rows of a kind name, besides items and customers."""

_OF_ITEMS: frozenset[BooksKind] = frozenset(
    {"item_price", "item_component", "inventory_level", "serial_number", "sales_document_line"}
)

_OWNED = " The accounting system owns it: Hardfin keeps it as last read, and links lead to products and customers."


def books_key(integration: str, name: str) -> dg.AssetKey:
    """The key of a vendor's asset, such as netsuite/inventory."""
    return dg.AssetKey([integration, name])


def books_keys(integration: str) -> list[dg.AssetKey]:
    """The keys of everything that is read of an accounting system besides items; none where nothing is."""
    if integration not in BOOKS_OBJECTS:
        return []
    vendor = [books_key(integration, name) for name in BOOKS_OBJECTS[integration]]
    return [*vendor, *BOOKS_ASSETS.values(), ITEM_COSTS]


def books_specs() -> list[dg.AssetSpec]:
    """All of these assets: the vendors', then Hardfin's."""
    return [*(spec for name in BOOKS_OBJECTS for spec in _vendor_specs(name)), *_entity_specs()]


def _vendor_specs(integration: str) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            books_key(integration, name),
            description=_VENDOR_TEXTS[name],
            group_name=integration,
            owners=[OWNER],
            kinds={integration, "parquet"},
            metadata={"dagster/column_schema": LANDED_COLUMNS},
            tags={"hardfin/integration": integration},
            partitions_def=org_partitions,
            skippable=True,
        )
        for name in BOOKS_OBJECTS[integration]
    ]


def _entity_specs() -> list[dg.AssetSpec]:
    specs = [
        _entity_spec(key, _TEXTS[kind], FACT_TYPES[kind], [*_sources(kind), *_neighbours(kind)])
        for kind, key in BOOKS_ASSETS.items()
    ]
    of_items = [erp_key(name, "item") for name in BOOKS_OBJECTS]
    text = "**Item costs**: what an item costs, all locations together."
    return [*specs, _entity_spec(ITEM_COSTS, text, ItemCost, [*of_items, ENTITY_ASSETS["item"]])]


def _sources(kind: BooksKind) -> list[dg.AssetKey]:
    return [
        books_key(integration, name)
        for integration, names in BOOKS_OBJECTS.items()
        for name, kinds in names.items()
        if kind in kinds
    ]


def _neighbours(kind: BooksKind) -> list[dg.AssetKey]:
    found = [BOOKS_ASSETS[parent] for parent in _PARENTS.get(kind, ())]
    if kind in _OF_ITEMS:
        found.append(ENTITY_ASSETS["item"])
    if kind == "sales_document":
        found.append(ENTITY_ASSETS["customer"])
    return found


def _entity_spec(key: dg.AssetKey, text: str, fact: type, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=text + _OWNED,
        group_name="hardfin",
        owners=[OWNER],
        kinds={"sql"},
        metadata={"dagster/column_schema": _columns(fact)},
        partitions_def=org_partitions,
        skippable=True,
    )


def _columns(fact: type) -> dg.TableSchema:
    own = [dg.TableColumn("external_id" if each.name == "id" else each.name, _type(each.type)) for each in fields(fact)]
    return dg.TableSchema(
        columns=[
            dg.TableColumn("connection_id", "text", description="whose accounting system"),
            *own,
            dg.TableColumn("as_of", "timestamp", description="when the vendor last said something else, UTC"),
            dg.TableColumn("gone_at", "timestamp", description="since when the vendor has it no more, UTC"),
        ]
    )


def _type(annotation: object) -> str:
    text = getattr(annotation, "__name__", None) or str(annotation)
    for python, sql in (("Decimal", "decimal"), ("datetime", "timestamp"), ("date", "date"), ("bool", "bool")):
        if python in text:
            return sql
    return "text"
