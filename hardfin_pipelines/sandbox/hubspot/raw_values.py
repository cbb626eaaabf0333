"""Poison: values on the wire that no write through the API could have put there.

Text goes among the record's other values, so that search sees it too. What is not text, and what HubSpot works out by
itself, lies over the record and shows on the wire only, until it is set again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from hardfin_pipelines.sandbox.hubspot.record_values import KEPT_IN_COLUMNS

RAW = "_raw"
"""Where a record's kept properties hold what lies over it."""
_MEMBERS = frozenset({"createdAt", "updatedAt", "archived", "archivedAt", "url"})


def with_raw(
    kept: Mapping[str, Any], properties: Mapping[str, Any] | None, record: Mapping[str, Any]
) -> dict[str, Any]:
    """A record's kept properties with raw ones put over them.

    Args:
        kept: what the record holds.
        properties: raw values by name; None sends the whole `properties` member as null.
        record: raw members of the record beside its properties, such as `updatedAt`.

    Raises:
        ValueError: `record` has a member that cannot be set.
    """
    unknown = sorted(record.keys() - _MEMBERS)
    if unknown:
        raise ValueError(f"record: {unknown[0]!r} cannot be set; expected some of {', '.join(sorted(_MEMBERS))}")
    result = dict(kept)
    over = {"properties": {}, "record": {}, **result.pop(RAW, {})}
    over["record"] = {**over["record"], **record}
    if properties is None:
        over["properties"] = None
    for name, value in (properties or {}).items():
        shown = {key: held for key, held in (over["properties"] or {}).items() if key != name}
        if name in KEPT_IN_COLUMNS or not isinstance(value, str | None):
            shown[name] = value
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = value
        over["properties"] = shown
    if over["properties"] is None or over["properties"] or over["record"]:
        result[RAW] = orjson.loads(orjson.dumps(over))
    return result


def spoil(record: dict[str, Any], over: Mapping[str, Any], shown: Iterable[str]) -> None:
    """Lays raw values over a JSON record, those of the `shown` properties only."""
    if over["properties"] is None:
        record["properties"] = None
    else:
        record["properties"] |= {name: over["properties"][name] for name in shown if name in over["properties"]}
    record.update(over["record"])
