"""QuickBooks' error replies.

Codes and texts are QuickBooks' where they are known (Intuit docs: error codes; recorded replies of public clients).
Where a text is ours, the line says so.
"""

from typing import Any, Literal

Shape = Literal["capital", "lower", "xml"]

SIGN_IN = "AUTHENTICATION"
SERVICE = "SERVICE"
VALIDATION = "ValidationFault"
SYSTEM = "SystemFault"


class VendorError(Exception):
    """A request that QuickBooks would refuse.

    Attributes:
        kind: the fault's type.
        shape: how it is written: `Fault` as the API does, `fault` as the gateway before it does, or XML whatever was
            asked for.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        detail: str | None = None,
        *,
        element: str | None = None,
        kind: str = VALIDATION,
        shape: Shape = "capital",
    ) -> None:
        """`element` names the member of the request that a refusal is about."""
        super().__init__(f"{message}: {detail}" if detail else message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.element = element
        self.kind = kind
        self.shape: Shape = shape

    def fault(self) -> dict[str, Any]:
        """The `Fault` member of a reply."""
        error: dict[str, Any] = {"Message": self.message}
        if self.detail is not None:
            error["Detail"] = self.detail
        error["code"] = self.code
        if self.element is not None:
            error["element"] = self.element
        return {"Error": [error], "type": self.kind}

    def gateway_json(self, now_ms: int) -> dict[str, Any]:
        """The gateway's form of the reply: lower-case names, the time in milliseconds (seen on the wire)."""
        error = {"message": self.message, "detail": self.detail, "code": self.code, "element": self.element}
        return {
            "warnings": None,
            "intuitObject": None,
            "fault": {"error": [error], "type": self.kind},
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": now_ms,
            "status": None,
            "cdcresponse": [],
        }


class OAuthError(Exception):
    """A token request that Intuit would refuse; the reply's body is one object."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        """`error` is OAuth's code; Intuit often sends no description."""
        super().__init__(description or error)
        self.status = status
        self.error = error
        self.description = description

    def as_json(self, *, described: bool) -> dict[str, str]:
        """The reply's body."""
        more = {"error_description": self.description} if described and self.description else {}
        return {**more, "error": self.error}


def query_not_parsed(detail: str) -> VendorError:
    """400 for a statement that breaks the grammar."""
    return VendorError(400, "4000", "Error parsing query", f"QueryParserError: {detail}")


def query_invalid(detail: str) -> VendorError:
    """400 for a statement that is understood but not allowed."""
    return VendorError(400, "4001", "Invalid query", f"QueryValidationError: {detail}")


def not_found() -> VendorError:
    """400 for a record that is not there, or not any more."""
    text = (
        "Object Not Found : Something you're trying to use has been made inactive. "
        "Check the fields with accounts, customers, items, vendors or employees."
    )
    return VendorError(400, "610", "Object Not Found", text)


def unsupported(operation: str) -> VendorError:
    """400 for what an entity does not offer."""
    return VendorError(400, "500", "Unsupported Operation", f"Operation {operation} is not supported.")


def missing(parameter: str) -> VendorError:
    """400 for a required member that is not there."""
    return VendorError(
        400,
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {parameter} is missing in the request",
        element=parameter,
    )


def invalid_request(detail: str) -> VendorError:
    """400 for a body or parameter that cannot be read; the text after the code is ours."""
    return VendorError(400, "2010", "Request has invalid or unsupported property", detail)


def too_long(field: str, longest: int) -> VendorError:
    """400 for a text over its size."""
    text = f"String length specified does not match the supported length. Min:0 Max:{longest} supported."
    return VendorError(400, "2050", "String length is either shorter or longer than supported", text, element=field)


def bad_number(field: str, text: object) -> VendorError:
    """400 for what is no number; the text is ours."""
    return VendorError(400, "2080", "Illegal number format", f"{field} is {text}, which is not a number", element=field)


def bad_choice(field: str, text: object) -> VendorError:
    """400 for a value that an enumeration does not have; the text is ours."""
    return VendorError(400, "2170", "Invalid Enumeration", f"Invalid Enumeration : {text}", element=field)


def bad_reference(target: str, record_id: object, field: str) -> VendorError:
    """400 for a reference to nothing."""
    text = f"Invalid Reference Id : {target}s element id {record_id} not found"
    return VendorError(400, "2500", "Invalid Reference Id", text, element=field)


def business(text: str, field: str = "") -> VendorError:
    """400 for a rule of bookkeeping; the text after the colon is ours."""
    message = "A business validation error has occurred while processing your request"
    return VendorError(400, "6000", message, f"Business Validation Error: {text}", element=field)


def duplicate_name(other_id: object, field: str) -> VendorError:
    """400 for a name that another record has."""
    text = f"The name supplied already exists. : Id={other_id}"
    return VendorError(400, "6240", "Duplicate Name Exists Error", text, element=field)


def stale() -> VendorError:
    """400 for a SyncToken that is not the newest."""
    text = (
        "Stale Object Error : You and root were working on this at the same time. "
        "root finished before you did, so your work was not saved."
    )
    return VendorError(400, "5010", "Stale Object Error", text)


def subscription_lapsed() -> VendorError:
    """400 for a company whose subscription ended; the status is a guess."""
    text = (
        "Subscription period has ended or canceled or there was a billing problem : You can't add data to QuickBooks "
        "Online because your trial or subscription period ended, or there was a billing problem"
    )
    return VendorError(400, "6190", "Invalid Company Status", text)


def sign_in_refused(detail: str, shape: Shape) -> VendorError:
    """401 for a token that is unknown, expired or revoked."""
    text = "message=AuthenticationFailed; errorCode=003200; statusCode=401"
    return VendorError(401, "3200", text, detail, kind=SIGN_IN, shape=shape)


def company_refused() -> VendorError:
    """403 for another company than the token's, the wrong environment, a missing scope or a disconnected app."""
    text = "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
    return VendorError(403, "3100", text, kind=SERVICE, shape="lower")


def throttled(shape: Shape) -> VendorError:
    """429 for too many requests; it comes as XML even where JSON was asked for."""
    text = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    return VendorError(429, "3001", text, "The request limit was reached.  Try again later", kind=SERVICE, shape=shape)


def allowance_used_up(status: int, shape: Shape) -> VendorError:
    """What a read past the month's allowance gets. Nobody has published one: status, code and text are guesses."""
    text = f"message=QuotaExceeded; errorCode=003001; statusCode={status}"
    return VendorError(status, "3001", text, "The app's monthly limit was reached", kind=SERVICE, shape=shape)
