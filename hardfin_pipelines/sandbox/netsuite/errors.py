"""NetSuite's error replies (Oracle docs: REST error messages; texts as public issue threads and code quote them).

Where a text is ours, the line says so.
"""

import secrets
from typing import Any

_SECTIONS = {
    400: ("15.5.1", "Bad Request"),
    401: ("15.5.2", "Unauthorized"),
    403: ("15.5.4", "Forbidden"),
    404: ("15.5.5", "Not Found"),
    405: ("15.5.6", "Method Not Allowed"),
    415: ("15.5.16", "Unsupported Media Type"),
    429: ("15.5.1", "Too Many Requests"),
    500: ("15.6.1", "Internal Server Error"),
}
_LOGIN = (
    "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > "
    "User Management > View Login Audit Trail."
)
_QUERY = "Invalid search query. Detailed unprocessed description follows. "
BLOCKED = "Concurrent request limit exceeded. Request blocked."


class VendorError(Exception):
    """A request that NetSuite would refuse; the reply's body is its error envelope."""

    def __init__(
        self, status: int, code: str, detail: str, *, where: tuple[str, str] | None = None, title: str | None = None
    ) -> None:
        """`where` is one of `o:errorPath`, `o:urlPath`, `o:errorHeader`, `o:errorQueryParam` with its value."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self._where = where
        self._title = title

    def as_json(self) -> dict[str, Any]:
        """The reply's body."""
        section, title = _SECTIONS[self.status]
        detail: dict[str, Any] = {"detail": self.detail}
        if self._where is not None:
            detail[self._where[0]] = self._where[1]
        detail["o:errorCode"] = self.code
        return {
            "type": f"https://www.rfc-editor.org/rfc/rfc9110.html#section-{section}",
            "title": self._title or title,
            "status": self.status,
            "o:errorDetails": [detail],
        }


class OAuthError(Exception):
    """A token request that NetSuite would refuse; the reply's body is OAuth's."""

    def __init__(self, error: str, description: str) -> None:
        """`error` is OAuth's code; which one goes with which mistake, and the descriptions, are ours."""
        super().__init__(description)
        self.status = 400
        self.body = {"error": error, "error_description": description}


def invalid_login() -> VendorError:
    """401 for whatever is wrong with a signature or a token; the audit trail alone knows what."""
    return VendorError(401, "INVALID_LOGIN", _LOGIN)


def concurrency_exceeded(title: str) -> VendorError:
    """429 for a request too many at once."""
    return VendorError(429, "CONCURRENCY_LIMIT_EXCEEDED", BLOCKED, title=title)


def frequency_exceeded(title: str) -> VendorError:
    """429 for too many requests in a minute or a day; the text is ours."""
    return VendorError(429, "USER_ERROR", "Request limit exceeded. Request blocked.", title=title)


def permission_violation(permission: str) -> VendorError:
    """403 for a role that lacks a permission."""
    detail = f"Permission Violation: You need the '{permission}' permission to access this page. Please contact your "
    return VendorError(403, "INSUFFICIENT_PERMISSION", f"{detail}account administrator.")


def invalid_query(description: str) -> VendorError:
    """400 for a SuiteQL statement; `description` is what the search engine says of it."""
    return VendorError(400, "INVALID_PARAMETER", f"{_QUERY}{description}", where=("o:errorQueryParam", "q"))


def unsupported_query() -> VendorError:
    """400 for what SuiteQL cannot read or does not have."""
    return invalid_query("Search error occurred: Invalid or unsupported search.")


def invalid_parameter(name: str, detail: str) -> VendorError:
    """400 for a query parameter; the texts are ours."""
    return VendorError(400, "INVALID_PARAMETER", detail, where=("o:errorQueryParam", name))


def unexpected() -> VendorError:
    """500 without a reason."""
    detail = f"An unexpected error occurred. Error ID: {secrets.token_hex(12)}"
    return VendorError(500, "UNEXPECTED_ERROR", detail)


def no_such_record(record_type: str, record_id: str) -> VendorError:
    """404 for a record that is not there."""
    detail = "The record instance does not exist. Provide a valid record instance ID."
    return VendorError(404, "NONEXISTENT_ID", detail, where=("o:errorPath", f"{record_type}/{record_id}"))


def no_such_record_type(record_type: str) -> VendorError:
    """404 for a record type that is not there, not turned on or not permitted."""
    return VendorError(
        404, "INVALID_RECORD_TYPE", f"Record '{record_type}' was not found.", where=("o:urlPath", record_type)
    )


def no_such_path(path: str) -> VendorError:
    """404 for an address that is no resource."""
    return VendorError(404, "INVALID_PATH", f"Invalid URL path: {path}", where=("o:urlPath", path))
