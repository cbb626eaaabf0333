"""QuickBooks' failures by name, for the fault plan (Intuit docs: error codes; recorded replies of public clients)."""

from collections.abc import Mapping
from typing import Any

from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.quickbooks.errors import (
    SERVICE,
    SIGN_IN,
    SYSTEM,
    VendorError,
    allowance_used_up,
    company_refused,
    sign_in_refused,
    subscription_lapsed,
    throttled,
)
from hardfin_pipelines.sandbox.quickbooks.record_json import dumped
from hardfin_pipelines.sandbox.quickbooks.xml_replies import as_xml

_JSON, _XML = "application/json;charset=UTF-8", "application/xml;charset=UTF-8"
_TIME_OUT_SECONDS = 120.0


def _reply(error: VendorError) -> dict[str, Any]:
    """An error as it goes on the wire. Its time is left out, as a rule knows none."""
    if error.shape == "xml":
        return {"status": error.status, "body": as_xml({"Fault": error.fault()}).decode(), "content_type": _XML}
    body = error.gateway_json(0) if error.shape == "lower" else {"Fault": error.fault()}
    return {"status": error.status, "body": dumped(body).decode(), "content_type": _JSON}


def _authorization_failure(code: str, shape: Any) -> VendorError:
    text = f"message=AuthorizationFailure; errorCode={int(code):06d}; statusCode=401"
    return VendorError(401, code, text, kind=SIGN_IN, shape=shape)


_SYSTEM_TEXT = "An application error has occurred while processing your request"
_UNAVAILABLE = "message=ServiceUnavailable; errorCode=003003; statusCode=503"
_NAMED: Mapping[str, Mapping[str, Any]] = {
    "token_expired": _reply(sign_in_refused("Token expired", "lower")),
    "token_expired_capital": _reply(sign_in_refused("Token expired", "capital")),
    "authorization_failure_120": _reply(_authorization_failure("120", "capital")),
    "authorization_failure_3201": _reply(_authorization_failure("3201", "lower")),
    "wrong_environment": _reply(company_refused()),
    "scope_missing": _reply(company_refused()),
    "throttled": _reply(throttled("xml")),
    "throttled_json": _reply(throttled("capital")),
    "throttled_503": {**_reply(throttled("xml")), "status": 503},
    "allowance_used_up": _reply(allowance_used_up(429, "xml")),
    "subscription_lapsed": _reply(subscription_lapsed()),
    "internal_error": _reply(VendorError(500, "10000", _SYSTEM_TEXT, "System Failure Error: null", kind=SYSTEM)),
    "system_fault_400": _reply(VendorError(400, "10000", _SYSTEM_TEXT, "System Failure Error: null", kind=SYSTEM)),
    "code_is_a_word": _reply(VendorError(500, "SystemFault", _SYSTEM_TEXT, kind=SYSTEM)),
    "service_unavailable": _reply(VendorError(503, "3003", _UNAVAILABLE, kind=SERVICE, shape="xml")),
    "query_processing": _reply(
        VendorError(400, "4002", "Error processing query", "QueryProcessingError: To email address entered is invalid")
    ),
}
_GATEWAY = {f"gateway_{status}": status for status in (502, 503, 504)}
FAULT_NAMES = (*_NAMED, *_GATEWAY, "time_out", "refresh_refused")


def named_fault(name: str, **fields: Any) -> Fault:
    """One of QuickBooks' failures; `fields` are those of `Fault`, and win over the failure's own.

    Example:
        >>> sandbox.faults.add(named_fault("throttled", path="*/query", times=3))

    Raises:
        ValueError: there is no such failure, or a field is wrong.
    """
    if name in _GATEWAY or name == "time_out":
        page = Fault.gateway_page(_GATEWAY.get(name, 504))
        delay = {"delay_seconds": _TIME_OUT_SECONDS} if name == "time_out" else {}
        given = {"status": page.status, "body": page.body, "content_type": "text/html", **delay}
        return Fault.from_json({**given, **fields})
    if name == "refresh_refused":
        given = {"status": 400, "body": '{"error":"invalid_grant"}', "path": "/oauth2/v1/tokens/bearer"}
        return Fault.from_json({**given, **fields})
    if name not in _NAMED:
        raise ValueError(f"fault: there is no failure {name!r}; expected one of {', '.join(FAULT_NAMES)}")
    return Fault.from_json({**_NAMED[name], **fields})
