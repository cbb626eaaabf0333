"""Entities as rows of their tables, and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, func, select

from hardfin_pipelines.platform.tables import customers, items, project_line_items, projects
from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, ENTITY_FIELDS, EntityType
from hardfin_pipelines.sync.identity import normalized_name, normalized_sku
from hardfin_pipelines.sync.mapping import split_custom
from hardfin_pipelines.sync.plans import PARENT_FIELDS, NewEntity
from hardfin_pipelines.sync.values import to_text

ENTITY_TABLES: Mapping[EntityType, Table] = MappingProxyType(
    {"customer": customers, "item": items, "project": projects, "project_line_item": project_line_items}
)

_FIXED: Mapping[EntityType, Mapping[str, Any]] = MappingProxyType(
    {
        "customer": MappingProxyType({}),
        "item": MappingProxyType({"kind": "product", "normalized_name": "", "normalized_sku": None}),
        "project": MappingProxyType({"status": "active", "customer_id": None}),
        "project_line_item": MappingProxyType({"status": "active", "project_id": "", "item_id": None}),
    }
)

_TEMPLATES: Mapping[EntityType, Mapping[str, Any]] = MappingProxyType(
    {entity: {**dict.fromkeys(ENTITY_FIELDS[entity]), **_FIXED[entity]} for entity in ENTITY_TABLES}
)


def new_row(org: str, entity: NewEntity, now: datetime) -> dict[str, Any]:
    """The row of an entity that is about to be created; all rows of one kind have the same keys."""
    own, custom = split_custom(entity.values)
    row = {**_TEMPLATES[entity.entity], **own, **entity.parents}
    row.update(org=org, id=entity.id, custom=custom, created_at=now, updated_at=now)
    if entity.entity == "project_line_item":
        row["position"] = entity.position
    if entity.entity == "item":
        row.update(item_search_forms(row))
    return row


def item_search_forms(row: Mapping[str, Any]) -> dict[str, str | None]:
    """The normalized forms that are kept beside an item's name and SKU."""
    sku = row.get("sku")
    return {"normalized_name": normalized_name(row["name"]), "normalized_sku": normalized_sku(sku) if sku else None}


def entity_texts(entity: EntityType, row: RowMapping) -> dict[str, str | None]:
    """The fields of a stored entity in canonical text.

    `custom.<name>` are the organization's own, `customer` and `item` the ids of the entities it belongs to.
    """
    texts = {name: None if row[name] is None else to_text(row[name]) for name in ENTITY_FIELDS[entity]}
    texts.update({name: row[column] for name, column in PARENT_FIELDS.get(entity, {}).items()})
    texts.update({f"{CUSTOM_PREFIX}{name}": value for name, value in row["custom"].items()})
    return texts


def read_entities(connection: Connection, org: str, entity: EntityType, ids: Sequence[str]) -> dict[str, RowMapping]:
    """The stored rows of some entities, by id; ids that the organization does not have are absent."""
    table = ENTITY_TABLES[entity]
    rows = connection.execute(select(table).where(table.c.org == org, table.c.id.in_(ids))).mappings()
    return {row["id"]: row for row in rows}


def count_entities(connection: Connection, org: str) -> dict[EntityType, int]:
    """How many entities of each kind the organization has."""
    return {
        entity: connection.execute(select(func.count()).select_from(table).where(table.c.org == org)).scalar_one()
        for entity, table in ENTITY_TABLES.items()
    }
