"""Salesforce's failures by name, for the fault plan (Salesforce docs: status codes and error responses)."""

from collections.abc import Mapping
from typing import Any

import orjson

from hardfin_pipelines.sandbox.faults import Fault


def _body(code: str, message: str) -> str:
    return orjson.dumps([{"message": message, "errorCode": code}]).decode()


_MAINTENANCE = (
    "<html><head><title>Maintenance</title></head><body><h1>We are down for maintenance.</h1>"
    "<p>Sorry for the inconvenience. We'll be back shortly.</p></body></html>"
)
_UNKNOWN = "An unexpected error occurred. Please include this ErrorId if you contact support: 1180516846-100521 (1)"
_NAMED: Mapping[str, Mapping[str, Any]] = {
    "session_expired": {"status": 401, "body": _body("INVALID_SESSION_ID", "Session expired or invalid")},
    "daily_limit": {"status": 403, "body": _body("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")},
    "concurrent_limit": {
        "status": 403,
        "body": _body("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
    },
    "api_disabled": {"status": 403, "body": _body("API_DISABLED_FOR_ORG", "API is not enabled for this Organization")},
    "api_currently_disabled": {"status": 403, "body": _body("API_CURRENTLY_DISABLED", "API is currently disabled")},
    "security_metering": {
        "status": 403,
        "body": _body("TXN_SECURITY_METERING_ERROR", "Transaction security metering is temporarily unavailable."),
    },
    "query_timeout": {
        "status": 400,
        "body": _body("QUERY_TIMEOUT", "Your query request was running for too long."),
    },
    "dead_locator": {"status": 400, "body": _body("INVALID_QUERY_LOCATOR", "invalid query locator")},
    "operation_too_large": {
        "status": 400,
        "body": _body("OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's"),
    },
    "server_unavailable": {
        "status": 503,
        "body": _body("SERVER_UNAVAILABLE", "The server is temporarily unavailable. Please try again later."),
    },
    "unknown_exception": {"status": 500, "body": _body("UNKNOWN_EXCEPTION", _UNKNOWN)},
    "maintenance_page": {"status": 503, "body": _MAINTENANCE, "content_type": "text/html; charset=UTF-8"},
    "maintenance_redirect": {
        "status": 302,
        "body": "",
        "content_type": "text/html; charset=UTF-8",
        "headers": {"Location": "/_sandbox/maintenance"},
    },
}
_GATEWAY = {f"gateway_{status}": status for status in (502, 503, 504)}
MAINTENANCE_PAGE = _MAINTENANCE
FAULT_NAMES = (*_NAMED, *_GATEWAY)


def named_fault(name: str, **fields: Any) -> Fault:
    """One of Salesforce's failures; `fields` are those of `Fault`, and win over the failure's own.

    Example:
        >>> sandbox.faults.add(named_fault("query_timeout", path="*/query*", times=3))

    Raises:
        ValueError: there is no such failure, or a field is wrong.
    """
    if name in _GATEWAY:
        page = Fault.gateway_page(_GATEWAY[name])
        return Fault.from_json({"status": page.status, "body": page.body, "content_type": "text/html", **fields})
    if name not in _NAMED:
        raise ValueError(f"fault: there is no failure {name!r}; expected one of {', '.join(FAULT_NAMES)}")
    return Fault.from_json({**_NAMED[name], **fields})
