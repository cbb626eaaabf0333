"""Control operations on a portal's records."""

from collections.abc import Callable
from typing import Any

from hardfin_pipelines.sandbox.control_requests import Fields, Table, moment, only, wanted
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.record_values import NewRecord


class RecordControl:
    """What people and tests do to records, over HTTP."""

    def __init__(self, portal_of: Callable[[Fields], Portal]) -> None:
        """`portal_of` takes the portal's id out of the members and finds the portal."""
        self._portal = portal_of

    def table(self) -> Table:
        """The operations."""
        portal = "/portals/{hub_id:int}"
        objects, record = f"{portal}/objects/{{object_type}}", f"{portal}/objects/{{object_type}}/{{record_id}}"
        return [
            ("POST", f"{portal}/deals/merge", lambda fields: self._merge({**fields, "object_type": "deals"})),
            ("POST", f"{portal}/deals/{{deal_id}}/move", self._move),
            ("POST", f"{portal}/deals/{{deal_id}}/line-items", self._add_line_items),
            ("POST", f"{objects}/merge", self._merge),
            ("POST", f"{objects}/bulk-create", self._bulk_create),
            ("POST", f"{objects}/bulk-update", self._bulk_update),
            ("POST", objects, self._create),
            ("GET", record, lambda fields: {"properties": self._properties(fields)}),
            ("PATCH", record, self._update),
            ("DELETE", record, self._archive),
            ("POST", f"{record}/restore", self._restore),
            ("PUT", f"{record}/raw", self._set_raw),
            ("POST", f"{portal}/associations", self._associate),
            ("DELETE", f"{portal}/associations", self._dissociate),
        ]

    def _merge(self, fields: Fields) -> Fields:
        portal, primary, other = self._portal(fields), wanted(fields, "primary"), wanted(fields, "other")
        return {"id": portal.merge(fields["object_type"], primary, other)}

    def _move(self, fields: Fields) -> Fields:
        portal, deal_id = self._portal(fields), fields["deal_id"]
        portal.move_deal(deal_id, wanted(fields, "stage"), moment(fields, "at"))
        return {"properties": portal.properties("deals", deal_id)}

    def _add_line_items(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        only(fields, "deal_id", "count", "properties", "at")
        count, at = wanted(fields, "count", int), moment(fields, "at")
        return {"ids": portal.add_line_items(fields["deal_id"], count, fields.get("properties"), at=at)}

    def _bulk_create(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        only(fields, "object_type", "count", "properties", "created_at", "modified_at")
        record = NewRecord(
            wanted(fields, "properties", dict),
            created_at=moment(fields, "created_at"),
            modified_at=moment(fields, "modified_at"),
        )
        return {"ids": portal.create_many(fields["object_type"], [record] * wanted(fields, "count", int))}

    def _bulk_update(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        only(fields, "object_type", "properties", "ids", "count", "at")
        ids = portal.bulk_update(
            fields["object_type"],
            fields.get("properties"),
            ids=fields.get("ids"),
            count=fields.get("count"),
            at=moment(fields, "at"),
        )
        return {"count": len(ids), "ids": ids}

    def _create(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        return {"id": portal.create(fields["object_type"], wanted(fields, "properties", dict))}

    def _properties(self, fields: Fields) -> dict[str, str | None]:
        return self._portal(fields).properties(fields["object_type"], fields["record_id"])

    def _update(self, fields: Fields) -> Fields:
        portal, key = self._portal(fields), (fields["object_type"], fields["record_id"])
        portal.update(*key, wanted(fields, "properties", dict), at=moment(fields, "at"))
        return {"properties": portal.properties(*key)}

    def _archive(self, fields: Fields) -> None:
        self._portal(fields).archive(fields["object_type"], fields["record_id"])

    def _restore(self, fields: Fields) -> None:
        self._portal(fields).restore(fields["object_type"], fields["record_id"])

    def _set_raw(self, fields: Fields) -> None:
        """A `properties` of null is sent as null; left out, none is set."""
        portal = self._portal(fields)
        only(fields, "object_type", "record_id", "properties", "record", "modified")
        portal.set_raw(
            fields["object_type"],
            fields["record_id"],
            fields.get("properties", {}),
            record=fields.get("record"),
            modified=fields.get("modified", True),
        )

    def _associate(self, fields: Fields) -> None:
        self._portal(fields).associate(*_ends(fields), fields.get("type_id"))

    def _dissociate(self, fields: Fields) -> None:
        self._portal(fields).dissociate(*_ends(fields))


def _ends(fields: Fields) -> tuple[Any, Any, Any, Any]:
    from_type, from_id = wanted(fields, "from_type"), wanted(fields, "from_id")
    return from_type, from_id, wanted(fields, "to_type"), wanted(fields, "to_id")
