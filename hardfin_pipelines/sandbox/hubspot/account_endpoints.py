"""Endpoints over an account's owners and its own details."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hardfin_pipelines.sandbox.hubspot.calls import Call, Reply
from hardfin_pipelines.sandbox.hubspot.errors import not_found
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint
from hardfin_pipelines.sandbox.hubspot.object_endpoints import numeric_after
from hardfin_pipelines.sandbox.hubspot.values import instant_text

_OWNERS_LIMIT = 500


def _now(call: Call) -> str:
    return instant_text(call.portal.sandbox.clock.now_ms())


def owners(call: Call) -> Reply:
    """`GET /crm/owners`: 100 a page (at most 500), by id; `after` goes on behind an owner."""
    limit = call.query.page_size(100, _OWNERS_LIMIT)
    after = numeric_after(call.query.text("after") or "0")
    email, archived = call.query.text("email"), call.query.flag("archived")
    fitting = sorted(
        (
            owner
            for owner in call.portal.schema.owners.values()
            if owner["archived"] == archived and int(owner["id"]) > after and email in {None, owner["email"]}
        ),
        key=lambda owner: int(owner["id"]),
    )
    body: dict[str, Any] = {"results": fitting[:limit]}
    if len(fitting) > limit:
        cursor = fitting[limit - 1]["id"]
        body["paging"] = {"next": {"after": cursor, "link": f"{call.base_url}{call.path}?after={cursor}"}}
    return Reply(body)


def get_owner(call: Call) -> Reply:
    """`GET /crm/owners/{id}`, by owner id or, with `idProperty=userId`, by user id."""
    by_user = call.query.text("idProperty") == "userId"
    for owner in call.portal.schema.owners.values():
        held = str(owner["userId"]) if by_user else owner["id"]
        if held == call.params["owner_id"] and owner["archived"] == call.query.flag("archived"):
            return Reply(owner)
    raise not_found()


def account_details(call: Call) -> Reply:
    """`GET /account-info/details`."""
    portal = call.portal
    offset = portal.sandbox.clock.now().astimezone(ZoneInfo(portal.time_zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return Reply(
        {
            "portalId": portal.hub_id,
            "accountType": "STANDARD",
            "timeZone": portal.time_zone,
            "companyCurrency": portal.currencies[0],
            "additionalCurrencies": list(portal.currencies[1:]),
            "utcOffset": f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def api_usage(call: Call) -> Reply:
    """`GET /account-info/api-usage/daily/private-apps`."""
    portal = call.portal
    used = portal.sandbox.limits[portal.hub_id].used_today
    limit = portal.settings.daily_limit(portal.tier)
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limit,
        "currentUsage": used,
        "collectedAt": _now(call),
        "fetchStatus": "SUCCESS",
        "resetsAt": None,
    }
    return Reply({"results": [usage]})


_ARCHIVED = frozenset({"archived"})
_OWNER_SCOPES: list[tuple[str, ...]] = [("crm.objects.owners.read",)]
_OWNERS_QUERY = _ARCHIVED | {"limit", "after", "email"}
OWNER_ENDPOINTS = (
    Endpoint("GET", "", owners, lambda _call: _OWNER_SCOPES, _OWNERS_QUERY),
    Endpoint("GET", "/", owners, lambda _call: _OWNER_SCOPES, _OWNERS_QUERY),
    Endpoint("GET", "/{owner_id}", get_owner, lambda _call: _OWNER_SCOPES, _ARCHIVED | {"idProperty"}),
)
ACCOUNT_ENDPOINTS = (
    Endpoint("GET", "/details", account_details, lambda _call: []),
    Endpoint("GET", "/api-usage/daily/private-apps", api_usage, lambda _call: []),
)
