"""`POST /crm/objects/{type}/search`: limits, paging and order (HubSpot docs: search guide)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply, checked_fields
from hardfin_pipelines.sandbox.hubspot.errors import validation
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.object_endpoints import numeric_after
from hardfin_pipelines.sandbox.hubspot.record_json import RecordJson
from hardfin_pipelines.sandbox.hubspot.search_filters import Condition, Field, condition, text_condition
from hardfin_pipelines.sandbox.hubspot.store import RECORDS

LARGEST_PAGE = 200
MOST_RESULTS = 10_000
_MOST_GROUPS = 5
_MOST_FILTERS_IN_GROUP = 6
_MOST_FILTERS = 18

_FIELDS: Mapping[str, Any] = {
    "filterGroups": list,
    "filters": list,
    "sorts": list,
    "query": str,
    "properties": list,
    "limit": int,
    "after": (str, int),
}
_FILTER_FIELDS: Mapping[str, Any] = {
    "propertyName": str,
    "operator": str,
    "value": (str, int, float),
    "highValue": (str, int, float),
    "values": list,
}


def search_records(call: Call) -> Reply:
    """Answers one search."""
    portal, kind = call.portal, call.kind
    longest = portal.settings.search_body_limit
    if longest is not None and len(call.raw_body.decode("utf-8", "replace")) > longest:
        raise validation(f"The request body is longer than {longest} characters")  # the text is ours
    fields = call.fields(_FIELDS)
    limit, offset = _page(fields)
    now_ms = portal.sandbox.clock.now_ms()
    portal.store.catch_up_index(now_ms)
    portal.store.drop_lingering(now_ms - int(portal.settings.search_archived_linger_seconds * 1000))
    where = sa.and_(RECORDS.c.type == kind.name, RECORDS.c.indexed == 1, *_conditions(call, fields))
    asked = orjson.dumps([kind.name, *(fields.get(name) for name in ("filterGroups", "filters", "query"))])
    count = sa.select(sa.func.count()).select_from(RECORDS).where(where)
    total = portal.store.number((asked, portal.settings.search_ids_as_text), count)
    size = limit - 1 if portal.settings.ragged_search_pages and limit > 1 else limit
    order = _order(call, fields.get("sorts", []))
    # The ids first: an index holds all that most searches compare, so pages far down cost little.
    ids = portal.store.rows(sa.select(RECORDS.c.id).where(where).order_by(*order).limit(size).offset(offset))
    found = {row.id: row for row in portal.store.get_many(kind.name, (row.id for row in ids))}
    # Archived records may linger in the index; they keep their place and are not shown, so a page can even be empty.
    rows = [found[row.id] for row in ids if found[row.id].archived_ms is None]
    shape = RecordJson(call, fields.get("properties", []))
    body: dict[str, Any] = {"total": total, "results": shape.records(rows)}
    end = offset + len(ids)
    if end < total or (portal.settings.ragged_search_pages and ids):
        body["paging"] = {"next": {"after": str(end)}}
    return Reply(body)


def _page(fields: Mapping[str, Any]) -> tuple[int, int]:
    limit = fields.get("limit", 10)
    if isinstance(limit, bool) or not 1 <= limit <= LARGEST_PAGE:
        raise validation(f"Invalid limit {limit}: must be between 1 and {LARGEST_PAGE}")  # the text is ours
    offset = numeric_after(str(fields.get("after") or 0))
    if offset + limit > MOST_RESULTS:
        # That this is a 400 is known, its text is not; this one is ours.
        raise validation(
            f"The maximum number of results a search returns is {MOST_RESULTS}; after={offset} goes past it"
        )
    return limit, offset


def _conditions(call: Call, fields: Mapping[str, Any]) -> list[Condition]:
    groups = [_filters_of(group) for group in fields.get("filterGroups", [])]
    if fields.get("filters"):
        groups.append(fields["filters"])
    groups = [group for group in groups if group]
    _check_counts(groups)
    alternatives = [sa.and_(*(condition(call, _checked_filter(each)) for each in group)) for group in groups]
    conditions = [sa.or_(*alternatives)] if alternatives else []
    if fields.get("query"):
        conditions.append(text_condition(call.kind, fields["query"]))
    return conditions


def _filters_of(group: Any) -> list[Any]:
    known: Mapping[str, Any] = {"filters": list}
    return list(checked_fields(group if isinstance(group, dict) else {"": 0}, known).get("filters", []))


def _checked_filter(given: Any) -> dict[str, Any]:
    return checked_fields(given if isinstance(given, dict) else {"": 0}, _FILTER_FIELDS, ["propertyName", "operator"])


def _check_counts(groups: Sequence[Sequence[Any]]) -> None:
    """HubSpot docs give the numbers; the texts are ours."""
    if len(groups) > _MOST_GROUPS:
        raise validation(f"Too many filterGroups: {len(groups)}, the maximum is {_MOST_GROUPS}")
    largest = max((len(group) for group in groups), default=0)
    if largest > _MOST_FILTERS_IN_GROUP:
        raise validation(f"Too many filters in one filterGroup: {largest}, the maximum is {_MOST_FILTERS_IN_GROUP}")
    if sum(map(len, groups)) > _MOST_FILTERS:
        raise validation(f"Too many filters: {sum(map(len, groups))}, the maximum is {_MOST_FILTERS}")


def _order(call: Call, sorts: Sequence[Any]) -> list[sa.ColumnElement[Any]]:
    """By the one sort that is given; oldest record first where none is."""
    if len(sorts) > 1:
        raise validation(f"Too many sorts: {len(sorts)}, the maximum is 1")  # the text is ours
    if not sorts:
        return [RECORDS.c.created_ms, RECORDS.c.id]
    name, descending = _sort(sorts[0])
    field = Field(call, name)
    by = field.compared.desc().nulls_last() if descending else field.compared.asc().nulls_last()
    if name in {"hs_object_id", "hs_lastmodifieddate", "createdate"}:
        by = field.compared.desc() if descending else field.compared.asc()  # never null, and served by an index
    return [by, RECORDS.c.id]


def _sort(given: Any) -> tuple[str, bool]:
    if isinstance(given, str):
        return given.lstrip("-+"), given.startswith("-")
    known: Mapping[str, Any] = {"propertyName": str, "direction": str}
    fields = checked_fields(given if isinstance(given, dict) else {"": 0}, known, ["propertyName"])
    direction = fields.get("direction", "ASCENDING")
    if direction not in {"ASCENDING", "DESCENDING"}:
        raise validation(f"Invalid input JSON: {direction} is not one of [ASCENDING, DESCENDING]")
    return fields["propertyName"], direction == "DESCENDING"


ENDPOINTS = (
    Endpoint("POST", "/{object_type}/search", search_records, lambda call: [call.kind.read_scopes], bucket="search"),
)
