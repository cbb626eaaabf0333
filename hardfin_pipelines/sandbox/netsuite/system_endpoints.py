"""The server's clock and the account's limits (Oracle docs: serverTime and governanceLimits operations)."""

from typing import Any

from hardfin_pipelines.sandbox.netsuite.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.netsuite.errors import permission_violation

_PLAIN = "application/json; charset=UTF-8"


async def server_time(call: Call) -> Reply:
    """The time in UTC, for any user. Where it is and what its member is called is a guess."""
    call.only()
    now = call.account.clock.now()
    written = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    return Reply({"serverTime": written}, media_type=_PLAIN)


async def governance_limits(call: Call) -> Reply:
    """How many requests may be under way; administrators only.

    Raises:
        VendorError: 403, somebody else asks.
    """
    call.only()
    if not call.user.role.administrator:
        raise permission_violation("Administrator")
    settings = call.account.settings
    limit, share = settings.account_limit(call.account.tier), settings.integration_share
    body: dict[str, Any] = {
        "accountConcurrencyLimit": limit,
        "accountUnallocatedConcurrencyLimit": limit - (share or 0),
        "integrationLimitType": "accountLimit",
    }
    if share is not None:
        body.update({"integrationConcurrencyLimit": share, "integrationLimitType": "integrationSpecific"})
    return Reply(body, media_type=_PLAIN)


ENDPOINTS = (
    Endpoint("GET", "system/v1/serverTime", "system", server_time),
    Endpoint("GET", "system/v1/governanceLimits", "system", governance_limits),
)
