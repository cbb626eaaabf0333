"""Salesforce's error replies.

Codes and texts are Salesforce's where they are known (Salesforce docs: status codes and error responses; recorded
replies of public clients). Where a text is ours, the line says so.
"""

from collections.abc import Sequence
from typing import Any

_APPEND_FIELD = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_APPEND_OBJECT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_APPEND_RELATIONSHIP = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship "
    "name. Please reference your WSDL or the describe call for the appropriate names."
)
_SHOWN_BEFORE, _SHOWN_AFTER = 60, 60


class VendorError(Exception):
    """A request that Salesforce would refuse; the reply's body is an array with one error."""

    def __init__(self, status: int, code: str, message: str, *, fields: Sequence[str] | None = None) -> None:
        """`fields` names the fields that a refused write is about."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def as_json(self) -> list[dict[str, Any]]:
        """The reply's body."""
        body: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = self.fields
        return [body]


class OAuthError(Exception):
    """A token request that Salesforce would refuse; the reply's body is one object."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """`error` is OAuth's code."""
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}


def located(query: str, position: int, code: str, text: str) -> VendorError:
    """400 for a place in a query: the line around it, a caret below it, its row and column, then the text.

    Salesforce shows part of a long line; how much is ours.
    """
    start = query.rfind("\n", 0, position) + 1
    end = query.find("\n", position)
    line = query[start : None if end < 0 else end]
    column = position - start
    first = max(column - _SHOWN_BEFORE, 0) if len(line) > _SHOWN_BEFORE + _SHOWN_AFTER else 0
    shown = line[first : column + _SHOWN_AFTER] if len(line) > _SHOWN_BEFORE + _SHOWN_AFTER else line
    row = query.count("\n", 0, position) + 1
    caret = " " * (column - first) + "^"
    return VendorError(400, code, f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column + 1}\n{text}")


def malformed_query(text: str) -> VendorError:
    """400 for a query that is understood but not allowed."""
    return VendorError(400, "MALFORMED_QUERY", text)


def no_such_column(field: str, entity: str) -> str:
    """The text for a field that is not there, or not for this user."""
    return f"No such column '{field}' on entity '{entity}'. {_APPEND_FIELD}"


def no_such_object(name: str) -> str:
    """The text for an object that is not there, or not for this user."""
    return f"sObject type '{name}' is not supported. {_APPEND_OBJECT}"


def no_such_relationship(name: str, place: str = "field path") -> str:
    """The text for a relationship that is not there."""
    return f"Didn't understand relationship '{name}' in {place}. {_APPEND_RELATIONSHIP}"


def not_found() -> VendorError:
    """404 for a path, record or object that is not there."""
    return VendorError(404, "NOT_FOUND", "The requested resource does not exist")


def session_invalid() -> VendorError:
    """401 for a session that is unknown, expired or revoked."""
    return VendorError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def limit_exceeded(limit: str = "TotalRequests") -> VendorError:
    """403 for the day's requests (TotalRequests) or the long-running ones (ConcurrentPerOrgLongTxn)."""
    return VendorError(403, "REQUEST_LIMIT_EXCEEDED", f"{limit} Limit exceeded.")


def json_error(text: str) -> VendorError:
    """400 for a body that is not the JSON expected; the text after the code is ours."""
    return VendorError(400, "JSON_PARSER_ERROR", text)


def malformed_id(text: str, field: str = "id") -> VendorError:
    """400 for text that is no id."""
    return VendorError(400, "MALFORMED_ID", f"{field}: id value of incorrect type: {text}", fields=[field])
