"""HubSpot's failures by name, for the fault plan (HubSpot docs: error handling)."""

from collections.abc import Mapping
from typing import Any

import orjson

from hardfin_pipelines.sandbox.faults import Fault

_CORRELATION_ID = "01980000-0000-7000-8000-000000000000"


def _json_error(message: str, **fields: Any) -> str:
    body = {"status": "error", "message": message, "correlationId": _CORRELATION_ID, **fields}
    return orjson.dumps(body).decode()


_SECONDLY = "You have reached your secondly limit."
_ROLLING = "You have reached your ten_secondly_rolling limit."
_DAILY = "You have reached your daily limit."

_NAMED: Mapping[str, Mapping[str, Any]] = {
    # The texts of 423 and 477 are ours: HubSpot docs give their meaning only.
    "locked": {"status": 423, "body": _json_error("The resource is locked; try again in 2 seconds.")},
    "migration": {
        "status": 477,
        "body": _json_error("This account is being migrated between data centers."),
        "retry_after_seconds": 86_400,
    },
    "rate_limited": {
        "status": 429,
        "body": _json_error(_ROLLING, errorType="RATE_LIMIT", policyName="TEN_SECONDLY_ROLLING"),
    },
    "search_rate_limited": {"status": 429, "body": _json_error(_SECONDLY, category="RATE_LIMITS")},
    "daily_limit": {"status": 429, "body": _json_error(_DAILY, errorType="RATE_LIMIT", policyName="DAILY")},
    "daily_limit_without_policy": {"status": 429, "body": _json_error(_DAILY, category="RATE_LIMITS")},
    "internal_error": {"status": 500, "body": _json_error("internal error")},
}
_GATEWAY = {f"gateway_{status}": status for status in (502, 503, 504, 520, 521, 522, 523, 524, 525, 526)}
FAULT_NAMES = (*_NAMED, *_GATEWAY)


def named_fault(name: str, **fields: Any) -> Fault:
    """One of HubSpot's failures; `fields` are those of `Fault`, and win over the failure's own.

    Example:
        >>> sandbox.faults.add(named_fault("locked", path="/crm/*", times=3))

    Raises:
        ValueError: there is no such failure, or a field is wrong.
    """
    if name in _GATEWAY:
        page = Fault.gateway_page(_GATEWAY[name])
        return Fault.from_json({"status": page.status, "body": page.body, "content_type": "text/html", **fields})
    if name not in _NAMED:
        raise ValueError(f"fault: there is no failure {name!r}; expected one of {', '.join(FAULT_NAMES)}")
    return Fault.from_json({**_NAMED[name], **fields})
