"""Single fields of stored entities: read digit for digit, and written again, by the names that mappings use.

Beside an entity's own fields, `custom.<name>` are the organization's own, `customer`, `item` and `project` the ids of
the entities it belongs to, and `status` says whether a line is there.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from hardfin_pipelines.platform.entity_rows import ENTITY_TABLES, item_search_forms
from hardfin_pipelines.sync.entities import CUSTOM_PREFIX, ENTITY_FIELDS, EntityType
from hardfin_pipelines.sync.mapping import Values, split_custom
from hardfin_pipelines.sync.plans import PARENT_FIELDS
from hardfin_pipelines.sync.resync import STATUS
from hardfin_pipelines.sync.undo_plan import EntityKey
from hardfin_pipelines.sync.values import Value

_LINES: EntityType = "project_line_item"


def entity_rows(
    connection: Connection, org: str, keys: Iterable[EntityKey], *, for_update: bool = False
) -> dict[EntityKey, RowMapping]:
    """The stored rows of some entities; those that the organization does not have are absent.

    Args:
        connection: An open transaction.
        org: The organization.
        keys: Which, by kind and id.
        for_update: Keep others from writing them until the transaction ends.
    """
    wanted: dict[EntityType, list[str]] = {}
    for kind, entity_id in keys:
        wanted.setdefault(kind, []).append(entity_id)
    found: dict[EntityKey, RowMapping] = {}
    for kind, ids in wanted.items():
        table = ENTITY_TABLES[kind]
        query = select(table).where(table.c.org == org, table.c.id.in_(ids)).order_by(table.c.id)
        rows = connection.execute(query.with_for_update() if for_update else query).mappings()
        found.update({(kind, row["id"]): row for row in rows})
    return found


def stored_texts(kind: EntityType, row: RowMapping) -> dict[str, str | None]:
    """All fields of a stored entity as texts, with the digits that are stored."""
    texts = {name: _as_text(row[name]) for name in ENTITY_FIELDS[kind]}
    texts.update({name: row[column] for name, column in PARENT_FIELDS.get(kind, {}).items()})
    texts.update({f"{CUSTOM_PREFIX}{name}": value for name, value in row["custom"].items()})
    if kind == _LINES:
        texts[STATUS] = row["status"]
    return texts


def stored_value(kind: EntityType, field: str, text: str | None) -> Value | None:
    """The value that `stored_texts` wrote out."""
    about = ENTITY_FIELDS[kind].get(field)
    if text is None or about is None:
        return text
    if about.type == "decimal":
        return Decimal(text)
    if about.type == "integer":
        return int(text)
    return date.fromisoformat(text) if about.type == "date" else text


def write_values(connection: Connection, org: str, key: EntityKey, values: Values, now: datetime) -> None:
    """Write some fields of one entity; None empties a field. Nothing where there are none, or no such entity.

    Args:
        connection: The caller's transaction.
        org: The organization.
        key: The entity.
        values: Field to value.
        now: Our clock.
    """
    row = entity_rows(connection, org, [key]).get(key) if values else None
    if row is None:
        return
    kind, entity_id = key
    own, custom = split_custom(values)
    changed: dict[str, Any] = dict(own)
    for name, column in PARENT_FIELDS.get(kind, {}).items():
        if name in changed:
            changed[column] = changed.pop(name)
    if any(field.startswith(CUSTOM_PREFIX) for field in values):
        gone = {field.removeprefix(CUSTOM_PREFIX) for field, value in values.items() if value is None}
        changed["custom"] = {name: text for name, text in row["custom"].items() if name not in gone} | custom
    table = ENTITY_TABLES[kind]
    if kind == "item" and changed.keys() & {"name", "sku"}:
        changed.update(item_search_forms({**row, **changed}))
        # A run that began before another item was written must still show as a change after it: by that, what waits in
        # triage is matched again (`item_store.catalogue_mark`).
        newest = connection.execute(select(func.max(table.c.updated_at)).where(table.c.org == org)).scalar_one()
        now = max(now, newest + timedelta(microseconds=1))
    statement = update(table).where(table.c.org == org, table.c.id == entity_id)
    connection.execute(statement.values(**changed, updated_at=now))


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)
