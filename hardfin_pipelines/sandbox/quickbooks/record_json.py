"""Records as QuickBooks writes them in JSON."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from hardfin_pipelines.sandbox.quickbooks.entities import Entity
from hardfin_pipelines.sandbox.quickbooks.moments import written
from hardfin_pipelines.sandbox.quickbooks.records import Snapshot, Stub


def plain_number(number: Decimal) -> str:
    """Without needless zeros: 275, 10.5."""
    return format(number.normalize(), "f") if number else "0"


def _member(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def as_json(entity: Entity, snapshot: Snapshot) -> dict[str, Any]:
    """A record whole, in the schema's order; what is not set is left out."""
    base = {
        "domain": "QBO",
        "sparse": False,
        "Id": str(snapshot.id),
        "SyncToken": str(snapshot.sync_token),
        "MetaData": {"CreateTime": written(snapshot.created_at), "LastUpdatedTime": written(snapshot.updated_at)},
    }
    held = {**snapshot.values, **base}
    return {name: _member(held[name]) for name in entity.order if name in held}


def as_fragment(entity: Entity, snapshot: Snapshot) -> orjson.Fragment:
    """A record whole, written once and kept."""
    if not snapshot.rendered:
        snapshot.rendered.append(dumped(as_json(entity, snapshot)))
    return orjson.Fragment(snapshot.rendered[0])


def with_columns(entity: Entity, snapshot: Snapshot, columns: Collection[str]) -> dict[str, Any]:
    """Some columns of a record. That its id always comes along, and that it is marked sparse, is a guess."""
    whole = as_json(entity, snapshot)
    wanted = {path.split(".")[0] for path in columns} | {"domain", "sparse", "Id"}
    found = {name: value for name, value in whole.items() if name in wanted}
    if "MetaData" in found and "MetaData" not in columns:
        names = {path.partition(".")[2] for path in columns}
        found["MetaData"] = {name: value for name, value in found["MetaData"].items() if name in names}
    return {**found, "sparse": True}


def stub_json(stub: Stub) -> dict[str, Any]:
    """What change data capture says of a record that is gone."""
    times = {"LastUpdatedTime": written(stub.deleted_at)}
    return {"domain": "QBO", "status": "Deleted", "Id": str(stub.id), "MetaData": times}


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(plain_number(value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumped(body: Any) -> bytes:
    """JSON with decimals digit for digit."""
    return orjson.dumps(body, default=_number)
