"""HubSpot's error replies.

Texts and fields are HubSpot's where they are known (HubSpot docs: error handling; seen on the wire). Where a text is
ours, the line says so.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

SCOPES_PAGE = "https://developers.hubspot.com/scopes"
_AUTH_PAGE = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"


class VendorError(Exception):
    """A request that HubSpot would refuse.

    The reply's body gets `status` "error", a correlation id and the fields given here.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        without_json: bool = False,
        **fields: Any,
    ) -> None:
        """`fields` are more members of the body, such as `category`, `errors` and `context`.

        `without_json` has no such body: nothing for a client that asks for JSON, a page of HTML for others.
        """
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.without_json = without_json
        self.fields = {"message": message, **fields}


class OAuthError(Exception):
    """A token request that HubSpot would refuse: OAuth's two fields beside HubSpot's (HubSpot docs: OAuth)."""

    def __init__(self, error: str, hubspot_status: str, message: str) -> None:
        """`error` is OAuth's code, `hubspot_status` is HubSpot's (BAD_REFRESH_TOKEN ...)."""
        super().__init__(message)
        self.body = {"error": error, "error_description": message, "status": hubspot_status, "message": message}


def validation(message: str, **fields: Any) -> VendorError:
    """400 with category VALIDATION_ERROR."""
    return VendorError(400, message, category="VALIDATION_ERROR", **fields)


def credentials_missing() -> VendorError:
    """401 where no credentials came, or unknown ones (seen on the wire)."""
    text = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        f"details at {_AUTH_PAGE}"
    )
    return VendorError(401, text, category="INVALID_AUTHENTICATION")


def credentials_expired(age_seconds: int, expired_at: str) -> VendorError:
    """401 where the access token is too old (seen on the wire); `expired_at` is an instant."""
    days, seconds = divmod(age_seconds, 86400)
    age = f"{days} day(s)" if days else f"{seconds} second(s)"
    text = f"The OAuth token used to make this call expired {age} ago."
    return VendorError(401, text, category="EXPIRED_AUTHENTICATION", context={"expire time": [expired_at]})


def scopes_missing(required: Sequence[str]) -> VendorError:
    """403 where the token lacks every one of `required` (HubSpot docs: error handling)."""
    return VendorError(
        403,
        "This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {SCOPES_PAGE}.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(required)},
            }
        ],
        links={"scopes": SCOPES_PAGE},
        category="MISSING_SCOPES",
    )


def no_such_object(message: str) -> VendorError:
    """404 with category OBJECT_NOT_FOUND."""
    return VendorError(404, message, category="OBJECT_NOT_FOUND")


def not_found() -> VendorError:
    """404 for an id, or a path, that is not there; it has no category (seen on the wire)."""
    return VendorError(404, "resource not found")


def id_not_numeric(record_id: str) -> VendorError:
    """404 for a record id that is no number; the two spaces are HubSpot's (seen on the wire)."""
    return VendorError(
        404,
        "Object not found.  objectId are usually numeric.",
        category="OBJECT_NOT_FOUND",
        context={"id": [record_id]},
    )


def rate_limited(policy: str, *, with_policy: bool = True, retry_after: str | None = None) -> VendorError:
    """429. `policy` is TEN_SECONDLY_ROLLING, SECONDLY or DAILY; the older form has a category and no policy.

    HubSpot docs: usage guidelines; the search form is seen on the wire.
    """
    texts = {
        "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
        "SECONDLY": "You have reached your secondly limit.",
        "DAILY": "You have reached your daily limit.",
    }
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    if with_policy:
        request_id = str(uuid.uuid4())
        return VendorError(
            429, texts[policy], headers=headers, errorType="RATE_LIMIT", policyName=policy, requestId=request_id
        )
    return VendorError(429, texts[policy], headers=headers, category="RATE_LIMITS")
