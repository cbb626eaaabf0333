"""NetSuite's failures by name, for the fault plan."""

from collections.abc import Mapping
from typing import Any

import orjson

from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.netsuite.calls import JSON_TYPE
from hardfin_pipelines.sandbox.netsuite.errors import (
    VendorError,
    concurrency_exceeded,
    frequency_exceeded,
    invalid_login,
    unexpected,
    unsupported_query,
)

MAINTENANCE_PAGE = (
    "<html><head><title>NetSuite - Scheduled Maintenance</title></head><body>"
    "<h1>NetSuite is down for scheduled maintenance.</h1></body></html>"
)
"""Ours; that maintenance answers 503 with a page is known, its text is not."""


def _failure(error: VendorError) -> Mapping[str, Any]:
    body = orjson.dumps(error.as_json()).decode()
    return {"status": error.status, "body": body, "content_type": JSON_TYPE.format("error")}


_NAMED: Mapping[str, Mapping[str, Any]] = {
    "invalid_login": _failure(invalid_login()),
    "concurrency_limit": _failure(concurrency_exceeded("Bad Request")),
    "too_many_requests": _failure(concurrency_exceeded("Too Many Requests")),
    "frequency_limit": _failure(frequency_exceeded("Too Many Requests")),
    "unexpected_error": _failure(unexpected()),
    "invalid_search": _failure(unsupported_query()),
    "maintenance": {"status": 503, "body": MAINTENANCE_PAGE, "content_type": "text/html; charset=UTF-8"},
}
_GATEWAY = {f"gateway_{status}": status for status in (502, 503, 504)}
FAULT_NAMES = (*_NAMED, *_GATEWAY)


def named_fault(name: str, **fields: Any) -> Fault:
    """One of NetSuite's failures; `fields` are those of `Fault`, and win over the failure's own.

    Example:
        >>> sandbox.faults.add(named_fault("concurrency_limit", path="*/suiteql", times=3))

    Raises:
        ValueError: there is no such failure, or a field is wrong.
    """
    if name in _GATEWAY:
        page = Fault.gateway_page(_GATEWAY[name])
        return Fault.from_json({"status": page.status, "body": page.body, "content_type": "text/html", **fields})
    if name not in _NAMED:
        raise ValueError(f"fault: there is no failure {name!r}; expected one of {', '.join(FAULT_NAMES)}")
    return Fault.from_json({**_NAMED[name], **fields})
