"""Records as JSON: which properties, in which form, with which associations."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.calls import Call
from hardfin_pipelines.sandbox.hubspot.errors import validation
from hardfin_pipelines.sandbox.hubspot.object_types import ALWAYS_RETURNED, OBJECT_TYPES, ObjectType
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.raw_values import RAW, spoil
from hardfin_pipelines.sandbox.hubspot.store import HISTORY, ids_in
from hardfin_pipelines.sandbox.hubspot.values import instant_text

INLINE_ASSOCIATIONS = 100


class RecordJson:
    """Turns rows of one object type into JSON records with the properties that were asked for.

    Asked for, defined and unset is null; asked for and undefined is left out; three properties always come; names are
    sorted (HubSpot docs: CRM guides; seen on the wire).
    """

    def __init__(self, call: Call, names: Iterable[str], history: Iterable[str] = ()) -> None:
        """With no `names`, the type's default properties are taken. `history` names those to show with history."""
        portal, kind, defined = call.portal, call.kind, call.defined
        wanted = set(names)
        history = [name for name in history if name in defined]
        if not wanted:
            wanted = set(kind.default_properties)
        self._names = sorted(name for name in {*wanted, *history, *ALWAYS_RETURNED} if name in defined)
        self._history = history
        self._portal = portal
        self._kind = kind
        self._nulls = not portal.settings.spec_strict
        self._url = f"https://app.hubspot.com/contacts/{portal.hub_id}/record/{kind.type_id}/"

    def record(self, row: sa.Row[Any]) -> dict[str, Any]:
        """One record."""
        kept = orjson.loads(row.properties)
        kept["createdate"] = row.created_ms
        kept["hs_lastmodifieddate"] = row.modified_ms
        kept["hs_object_id"] = str(row.id)
        properties = {}
        for name in self._names:
            value = kept.get(name)
            if value is not None or self._nulls:
                properties[name] = instant_text(value) if value.__class__ is int else value
        record: dict[str, Any] = {
            "id": str(row.id),
            "properties": properties,
            "createdAt": properties["createdate"],
            "updatedAt": properties["hs_lastmodifieddate"],
            "archived": row.archived_ms is not None,
            "url": f"{self._url}{row.id}",
        }
        if row.archived_ms is not None:
            record["archivedAt"] = instant_text(row.archived_ms)
        if RAW in kept:
            spoil(record, kept[RAW], self._names)
        return record

    def records(self, rows: Iterable[sa.Row[Any]]) -> list[dict[str, Any]]:
        """Several records, with history where it was asked for."""
        records = [self.record(row) for row in rows]
        if self._history:
            history = self._read_history(records)
            for record in records:
                record["propertiesWithHistory"] = {
                    name: history.get((record["id"], name)) or _only_entry(record, name) for name in self._history
                }
        return records

    def _read_history(self, records: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
        statement = (
            sa.select(HISTORY)
            .where(HISTORY.c.type == self._kind.name, HISTORY.c.name.in_(self._history))
            .where(HISTORY.c.id.in_(ids_in(int(record["id"]) for record in records)))
            .order_by(HISTORY.c.seq.desc())
        )
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in self._portal.store.rows(statement):
            found.setdefault((str(row.id), row.name), []).append(_history_entry(row.value, instant_text(row.at_ms)))
        return found


def _history_entry(value: str | None, timestamp: str) -> dict[str, Any]:
    return {"value": value or "", "timestamp": timestamp, "sourceType": "CRM_UI", "sourceId": "userId:0"}


def _only_entry(record: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = (record["properties"] or {}).get(name)
    return [] if value is None else [_history_entry(value, record["createdAt"])]


def add_inline_associations(
    portal: Portal,
    kind: ObjectType,
    records: list[dict[str, Any]],
    to_types: Iterable[ObjectType],
    version: str,
    base_url: str,
) -> None:
    """Puts `associations` into records: an entry per association type, so ids repeat; after 100 ids a cursor."""
    ids = [int(record["id"]) for record in records]
    for to_type in to_types:
        types = portal.associations.types_between(kind.name, to_type.name)
        found = portal.associations.of(kind.name, ids, to_type.name)
        key = to_type.name.replace("_", " ") if version == "v3" else to_type.name
        for record in records:
            linked = found.get(int(record["id"]))
            if not linked:
                continue
            shown = list(linked)[:INLINE_ASSOCIATIONS]
            entries: dict[str, Any] = {
                "results": [
                    {"id": str(to_id), "type": each.wire_name}
                    for each in types
                    for to_id in shown
                    if each.type_id in linked[to_id]
                ]
            }
            if len(linked) > len(shown):
                cursor = association_cursor(to_type, shown[-1])
                path = association_path(version, kind.name, record["id"], to_type.name)
                entries["paging"] = {"next": {"after": cursor, "link": f"{base_url}{path}?after={quote(cursor)}"}}
            record.setdefault("associations", {})[key] = entries


def association_path(version: str, from_type: str, from_id: str, to_type: str) -> str:
    """Path of the list of one record's associations."""
    start = f"/crm/{version}/objects" if version in {"v3", "v4"} else f"/crm/objects/{version}"
    return f"{start}/{from_type}/{from_id}/associations/{to_type}"


def association_cursor(to_type: ObjectType, last_id: int) -> str:
    """A cursor over associated records as seen on the wire: base64 of `{type id}-{last id}`, percent-encoded."""
    return quote(base64.b64encode(f"{to_type.type_id}-{last_id}".encode()).decode(), safe="")


def after_association_cursor(cursor: str | None) -> int:
    """The id after which a cursor goes on; 0 without a cursor.

    Raises:
        VendorError: 400, it is none of ours.
    """
    if not cursor:
        return 0
    try:
        text = base64.b64decode(unquote(cursor), validate=True).decode("ascii")
        return int(text.rpartition("-")[2])
    except (ValueError, UnicodeDecodeError) as error:
        raise validation(f"Invalid paging cursor: {cursor}") from error


def association_types_wanted(names: Iterable[str]) -> list[ObjectType]:
    """The object types of an `associations` parameter, `line items` with a space too.

    Raises:
        VendorError: 400, one is not known.
    """
    known = {name: kind for kind in OBJECT_TYPES.values() for name in (kind.name, kind.singular, kind.type_id)}
    wanted = {}
    for name in names:
        kind = known.get(name.lower().replace(" ", "_"))
        if kind is None:
            raise validation(f"Unable to infer object type from: {name}")
        wanted[kind.name] = kind
    return list(wanted.values())
