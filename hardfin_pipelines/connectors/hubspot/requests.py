"""The requests we send, as data: equal requests have equal bytes, so an answer can be remembered by its request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import orjson

from hardfin_pipelines.connectors.hubspot import versions
from hardfin_pipelines.connectors.hubspot.limits import Bucket
from hardfin_pipelines.sync.records import Role

OBJECTS: Mapping[Role, str] = {
    "company": "companies",
    "deal": "deals",
    "line_item": "line_items",
    "product": "products",
}
"""HubSpot's name of each role's object."""

OWNERS_PAGE = 100
"""HubSpot docs: owners guide; more than so many on a page are not documented."""

MERGED_IDS = "hs_merged_object_ids"
PRODUCT_ID = "hs_product_id"
PIPELINE = "pipeline"
STAGE = "dealstage"
MODIFIED = "hs_lastmodifieddate"
ENTERED_PREFIX = "hs_v2_date_entered_"
"""With a stage's id: when the deal last entered it, kept though it moved on (seen on the wire)."""
ENTERED_CURRENT_STAGE = f"{ENTERED_PREFIX}current_stage"
"""When the deal entered the stage it is in now (seen on the wire)."""

_ALWAYS_READ: Mapping[Role, tuple[str, ...]] = {
    "company": (MODIFIED, MERGED_IDS),
    "deal": (PIPELINE, STAGE, MODIFIED, MERGED_IDS, "hs_is_closed_won"),
    "line_item": (MODIFIED, PRODUCT_ID),
    "product": (MODIFIED, MERGED_IDS),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        bucket: The rate bucket it counts in.
        method: HTTP method.
        path: Path and query.
        body: JSON with sorted keys, or b"".
        absence: Whether 404 is an answer the caller reads, not an error.
    """

    bucket: Bucket
    method: str
    path: str
    body: bytes = b""
    absence: bool = False

    @property
    def call(self) -> str:
        """Method and path without the query, for messages."""
        return f"{self.method} {self.path.partition('?')[0]}"

    @property
    def key(self) -> str:
        """Names the request by all that the answer depends on."""
        return f"hubspot {self.method} {self.path} {sha256(self.body).hexdigest()}"


def wanted_properties(role: Role, properties: Iterable[str], stages: Iterable[str] = ()) -> list[str]:
    """The properties to ask for: what the rules need to decide, then the caller's.

    Args:
        role: Whose properties.
        properties: The caller's.
        stages: Trigger stages, of which the time a deal entered them is needed.
    """
    entered = (ENTERED_PREFIX + stage for stage in stages)
    return list(dict.fromkeys([*_ALWAYS_READ[role], *entered, *properties]))


def search_deals(
    filter_groups: Sequence[Sequence[Mapping[str, Any]]],
    properties: Sequence[str],
    *,
    sort: str,
    limit: int,
    after: str = "",
) -> Request:
    """A search for deals, ascending by `sort` (HubSpot docs: search guide)."""
    body = {
        "filterGroups": [{"filters": list(filters)} for filters in filter_groups],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": list(properties),
        "limit": limit,
    }
    return _post("search", f"{versions.OBJECTS}/deals/search", body | ({"after": after} if after else {}))


def read_batch(role: Role, ids: Iterable[str], properties: Sequence[str]) -> Request:
    """Up to 100 records by id; their order in the answer is another (seen on the wire)."""
    body = {"inputs": [{"id": each} for each in ids], "properties": list(properties)}
    return _post("general", f"{versions.OBJECTS}/{OBJECTS[role]}/batch/read", body)


def find_survivor(role: Role, record_id: str) -> Request:
    """A record by one id: that of a merged-away record answers with its survivor (HubSpot docs: using object APIs)."""
    path = f"{versions.OBJECTS}/{OBJECTS[role]}/{quote(record_id, safe='')}?properties={MERGED_IDS}"
    return Request("general", "GET", path, absence=True)


def read_associations(to: Role, inputs: Iterable[tuple[str, str]]) -> Request:
    """What up to 1,000 deals are associated with; an input is a deal's id and a cursor, or ""."""
    listed = [{"id": each, **({"after": after} if after else {})} for each, after in inputs]
    path = f"{versions.ASSOCIATIONS}/{OBJECTS['deal']}/{OBJECTS[to]}/batch/read"
    return _post("associations", path, {"inputs": listed})


def list_pipelines() -> Request:
    """All deal pipelines with their stages."""
    return Request("general", "GET", f"{versions.PIPELINES}/deals")


def list_properties(role: Role, which: str = "") -> Request:
    """Property definitions of an object.

    Args:
        role: Whose.
        which: "archived=true" or "dataSensitivity=…" for those that are left out otherwise (HubSpot docs: properties).
    """
    return Request("general", "GET", f"{versions.PROPERTIES}/{OBJECTS[role]}{which and f'?{which}'}")


def list_owners(*, archived: bool, after: str = "") -> Request:
    """Users that records can belong to, by id, 100 a page: those of now, or those who have left."""
    following = f"&after={quote(after, safe='')}" if after else ""
    query = f"limit={OWNERS_PAGE}&archived={str(archived).lower()}{following}"
    return Request("general", "GET", f"{versions.OWNERS}?{query}")


def list_one(role: Role, properties: Iterable[str]) -> Request:
    """The record of an object with the lowest id, to see which properties come with it."""
    names = quote(",".join(properties), safe="")
    return Request("general", "GET", f"{versions.OBJECTS}/{OBJECTS[role]}?limit=1&properties={names}")


def account_details() -> Request:
    """The account's id, currency and time zone."""
    return Request("general", "GET", f"{versions.ACCOUNT_INFO}/details")


def _post(bucket: Bucket, path: str, body: Mapping[str, Any]) -> Request:
    return Request(bucket, "POST", path, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
