"""Rate limits: three buckets and the daily counts, their headers, both 429 bodies."""

import httpx
import pytest

DEALS = "/crm/v3/objects/deals"
SEARCH = "/crm/v3/objects/deals/search"
ASSOCIATIONS = "/crm/v4/associations/deals/companies/batch/read"
READ_ONE = {"inputs": [{"id": "1"}]}


def client_with(server, token):
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"})


def statuses(client, count, path=DEALS):
    return [client.get(path, params={"limit": 1}).status_code for _ in range(count)]


def test_an_oauth_app_has_110_calls_in_ten_seconds(api, sandbox):
    assert statuses(api, 110) == [200] * 110
    refused = api.get(DEALS)
    body = refused.json()
    assert refused.status_code == 429
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "category" not in body
    assert "Retry-After" not in refused.headers
    sandbox.clock.advance(9.9)
    assert api.get(DEALS).status_code == 429
    sandbox.clock.advance(0.1)
    assert api.get(DEALS).status_code == 200


@pytest.mark.parametrize(
    ("tier", "burst"), [("free", 100), ("starter", 100), ("professional", 190), ("enterprise", 190)]
)
def test_a_static_token_has_its_tiers_burst_of_its_own(server, portal, tier, burst):
    portal.tier = tier
    with client_with(server, portal.issue_static_token()) as client:
        assert statuses(client, burst + 1) == [200] * burst + [429]
    with client_with(server, portal.issue_static_token()) as other:
        assert statuses(other, 1) == [200]


def test_general_headers_of_an_oauth_app_have_no_daily_part(api):
    headers = api.get(DEALS).headers
    assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert (headers["X-HubSpot-RateLimit-Max"], headers["X-HubSpot-RateLimit-Remaining"]) == ("110", "109")
    assert headers["X-HubSpot-RateLimit-Secondly"] == "11"
    assert "X-HubSpot-RateLimit-Daily" not in headers


def test_five_searches_a_second_for_the_whole_account_without_headers(api, server, portal, sandbox):
    with client_with(server, portal.issue_static_token()) as other:
        replies = [client.post(SEARCH, json={}) for client in (api, other, api, other, api, other)]
    assert [each.status_code for each in replies] == [200] * 5 + [429]
    for each in replies:
        assert not [name for name in each.headers if "ratelimit" in name.lower()]
    body = replies[-1].json()
    assert (body["message"], body["category"]) == ("You have reached your secondly limit.", "RATE_LIMITS")
    assert "policyName" not in body
    sandbox.clock.advance(1)
    assert api.post(SEARCH, json={}).status_code == 200


def test_search_can_answer_with_the_newer_429_body_and_retry_after(api, portal):
    portal.settings.search_429_with_policy = True
    portal.settings.retry_after = True
    portal.settings.search_per_second = 0
    refused = api.post(SEARCH, json={})
    assert refused.json()["policyName"] == "SECONDLY"
    portal.settings.search_per_second = 1
    api.post(SEARCH, json={})
    assert api.post(SEARCH, json={}).headers["Retry-After"] == "1"


def test_retry_after_counts_the_seconds_until_a_call_fits(api, portal, sandbox):
    portal.settings.change({"retry_after": True, "general_per_ten_seconds": 1})
    assert api.get(DEALS).status_code == 200
    sandbox.clock.advance(2.5)
    assert api.get(DEALS).headers["Retry-After"] == "8"


def test_the_three_buckets_are_apart(api, portal):
    portal.settings.change({"general_per_ten_seconds": 1, "search_per_second": 1, "associations_per_ten_seconds": 2})
    assert api.get(DEALS).status_code == 200
    assert api.post(SEARCH, json={}).status_code == 200
    first = api.post(ASSOCIATIONS, json=READ_ONE)
    assert (first.status_code, first.headers["X-HubSpot-RateLimit-Max"]) == (207, "2")
    assert api.post(ASSOCIATIONS, json=READ_ONE).status_code == 207
    refused = [api.get(DEALS), api.post(SEARCH, json={}), api.post(ASSOCIATIONS, json=READ_ONE)]
    assert [each.status_code for each in refused] == [429, 429, 429]
    buckets = [(call.bucket, call.status) for call in portal.calls]
    assert buckets == [
        ("general", 200), ("search", 200), ("associations", 207), ("associations", 207),
        ("general", 429), ("search", 429), ("associations", 429),
    ]  # fmt: skip


@pytest.mark.parametrize(("tier", "limit"), [("starter", 100), ("professional", 150)])
def test_associations_have_a_limit_by_tier(api, portal, tier, limit):
    portal.tier = tier
    assert api.post(ASSOCIATIONS, json=READ_ONE).headers["X-HubSpot-RateLimit-Max"] == str(limit)


def test_the_daily_limit_counts_static_tokens_and_searches_until_midnight_there(api, server, portal, sandbox):
    portal.settings.daily_calls = 3
    with client_with(server, portal.issue_static_token()) as client:
        first = client.get(DEALS)
        assert (first.headers["X-HubSpot-RateLimit-Daily"], first.headers["X-HubSpot-RateLimit-Daily-Remaining"]) == (
            "3",
            "2",
        )
        assert client.post(SEARCH, json={}).status_code == 200
        assert client.get(DEALS).status_code == 200
        refused = client.get(DEALS)
        assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")
        assert refused.json()["message"] == "You have reached your daily limit."
        assert api.get(DEALS).status_code == 200
        usage = client.get("/account-info/v3/api-usage/daily/private-apps")
        assert usage.status_code == 429
        sandbox.clock.advance(16 * 3600 + 59 * 60)  # 23:59 in New York
        assert client.get(DEALS).status_code == 429
        sandbox.clock.advance(60)
        assert client.get(DEALS).status_code == 200


def test_refused_scopes_and_wrong_requests_count_too(server, portal):
    portal.settings.general_per_ten_seconds = 2
    with client_with(server, portal.issue_access_token(["oauth"])) as client:
        assert statuses(client, 3) == [403, 403, 429]


def test_limits_can_be_switched_off(api, portal):
    portal.settings.limits_enabled = False
    assert statuses(api, 120) == [200] * 120


def test_retry_after_can_be_an_http_date(api, portal, sandbox):
    portal.settings.change({"retry_after": True, "retry_after_as_date": True, "general_per_ten_seconds": 1})
    assert api.get(DEALS).status_code == 200
    sandbox.clock.advance(2.5)
    refused = api.get(DEALS)
    assert refused.headers["Date"] == "Mon, 02 Mar 2026 12:00:02 GMT"
    assert refused.headers["Retry-After"] == "Mon, 02 Mar 2026 12:00:10 GMT"


def test_the_daily_refusal_can_tell_when_the_day_ends(server, portal):
    portal.settings.change({"retry_after": True, "daily_calls": 0})
    with client_with(server, portal.issue_static_token()) as client:
        refused = client.get(DEALS)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(17 * 3600))  # midnight in New York
        assert refused.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
        assert refused.json()["requestId"]
        search = client.post(SEARCH, json={})
        assert (search.status_code, search.json()["policyName"]) == (429, "DAILY")
        assert not [name for name in search.headers if "ratelimit" in name.lower()]


def test_all_refusals_can_come_in_the_older_form(api, server, portal):
    portal.settings.change({"general_429_without_policy": True, "daily_calls": 0, "general_per_ten_seconds": 1})
    with client_with(server, portal.issue_static_token()) as client:
        daily = client.get(DEALS).json()
    api.get(DEALS)
    rolling = api.get(DEALS).json()
    for body, text in ((daily, "daily"), (rolling, "ten_secondly_rolling")):
        assert (body["message"], body["category"]) == (f"You have reached your {text} limit.", "RATE_LIMITS")
        assert not {"policyName", "errorType"} & body.keys()


def test_associations_have_a_day_of_their_own(api, portal):
    portal.settings.change({"associations_daily_calls": 1})
    assert api.post(ASSOCIATIONS, json=READ_ONE).status_code == 207
    refused = api.post(ASSOCIATIONS, json=READ_ONE)
    assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")
    assert api.get(DEALS).status_code == 200


def test_a_privately_distributed_oauth_app_has_the_tiers_burst_and_a_daily_limit_without_headers(api, portal):
    portal.settings.change({"private_oauth_app": True, "daily_calls": 2})
    first = api.get(DEALS)
    assert first.headers["X-HubSpot-RateLimit-Max"] == "190"
    assert "X-HubSpot-RateLimit-Daily" not in first.headers
    assert api.post(SEARCH, json={}).status_code == 200
    refused = api.get(DEALS)
    assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")
