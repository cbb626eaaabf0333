"""Two records become one (HubSpot docs: using object APIs)."""

from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.store import PENDING_INDEX, RECORDS, new_row

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.portal_records import PortalRecords

_MERGED_IDS = "hs_merged_object_ids"


def merge_records(portal: "PortalRecords", kind: str, primary_id: str | int, other_id: str | int) -> str:
    """Merges two records of one type and returns the survivor's id; see `Portal.merge`.

    Raises:
        ValueError: both ids are the same record's.
    """
    with portal.store.writing():
        primary, other = portal.record(kind, primary_id), portal.record(kind, other_id)
        if primary.id == other.id:
            raise ValueError(f"merge {kind}: {primary_id} and {other_id} are one record; give two")
        keeps_primary = kind == "companies" and portal.settings.company_merge_keeps_primary
        values = _merged_values(primary, other, keeps_primary=keeps_primary)
        if keeps_primary:
            survivor, gone = _into_primary(portal, primary, values), [other]
        else:
            survivor, gone = _into_new(portal, primary, other, values), [primary, other]
        for row in gone:
            _send_on(portal, row, survivor)
        if kind == "deals":
            portal.associations.count_line_items([survivor])
    return str(survivor)


def _merged_values(primary: sa.Row[Any], other: sa.Row[Any], *, keeps_primary: bool) -> dict[str, Any]:
    values: dict[str, Any] = {**orjson.loads(other.properties), **orjson.loads(primary.properties)}
    earlier = [orjson.loads(row.properties).get(_MERGED_IDS) for row in (primary, other)]
    now_gone = [str(other.id)] if keeps_primary else [str(primary.id), str(other.id)]
    values[_MERGED_IDS] = ";".join([*(ids for ids in earlier if ids), *now_gone])
    return values


def _into_new(portal: "PortalRecords", primary: sa.Row[Any], other: sa.Row[Any], values: dict[str, Any]) -> int:
    kind, now_ms = primary.type, portal.clock.now_ms()
    new_id = portal.store.largest_id(kind) + 1
    created_ms = min(primary.created_ms, other.created_ms)
    portal.insert_rows([new_row(kind, new_id, values, created_ms, now_ms)], lagging=True)
    return new_id


def _into_primary(portal: "PortalRecords", primary: sa.Row[Any], values: dict[str, Any]) -> int:
    now_ms = portal.clock.now_ms()
    portal.store.replace_properties(primary, values, now_ms, portal.visible_at_ms(primary.id, now_ms))
    return int(primary.id)


def _send_on(portal: "PortalRecords", gone: sa.Row[Any], survivor: int) -> None:
    """Takes a merged record away: its id leads to the survivor, which gets its associations."""
    here = (RECORDS.c.type == gone.type) & (RECORDS.c.id == gone.id)
    values = {"merged_into": survivor, "archived_ms": portal.clock.now_ms(), "indexed": 0}
    portal.store.run(RECORDS.update().where(here).values(**values))
    waiting = (PENDING_INDEX.c.type == gone.type) & (PENDING_INDEX.c.id == gone.id)
    portal.store.run(PENDING_INDEX.delete().where(waiting))
    portal.associations.hand_over(gone.type, gone.id, survivor)
