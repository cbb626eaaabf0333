"""Concurrency, frequency, load that shows as a wrong login, faults and maintenance."""

import asyncio
from collections import Counter

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.vendor_faults import FAULT_NAMES, named_fault
from hardfin_pipelines_tests.sandbox.netsuite.conftest import QUERY, asked, refused

_ASK = {"q": "SELECT id FROM location"}


async def _at_once(api: httpx.Client, count: int) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=api.base_url, headers=api.headers) as client:
        return await asyncio.gather(*(client.post(QUERY, json=_ASK) for _ in range(count)))


def test_a_sixth_request_at_once_is_blocked_without_a_retry_after(api: httpx.Client, account: Account):
    account.settings.change({"query_seconds": 1.0})
    answers = asyncio.run(_at_once(api, 8))
    assert Counter(each.status_code for each in answers) == {200: 5, 429: 3}
    blocked = next(each for each in answers if each.status_code == 429)
    assert "retry-after" not in blocked.headers
    assert blocked.json() == {
        "type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1",
        "title": "Bad Request",
        "status": 429,
        "o:errorDetails": [
            {
                "detail": "Concurrent request limit exceeded. Request blocked.",
                "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED",
            }
        ],
    }
    assert 5 < account.most_in_flight <= 8
    assert (account.in_flight, account.slots.refused) == (0, 3)


def test_latency_of_the_line_counts_as_under_way(api: httpx.Client, sandbox: NetSuiteSandbox, account: Account):
    sandbox.faults.latency_ms = 800
    answers = asyncio.run(_at_once(api, 7))
    assert Counter(each.status_code for each in answers) == {200: 5, 429: 2}


@pytest.mark.parametrize(
    ("tier", "settings", "limit"),
    [
        ("standard", {}, 5),
        ("premium", {}, 15),
        ("enterprise", {}, 20),
        ("standard", {"suitecloud_plus_licences": 1}, 15),
        ("premium", {"suitecloud_plus_licences": 5}, 65),
        ("standard", {"requests_of_others": 4}, 1),
        ("standard", {"integration_share": 2}, 2),
        ("premium", {"concurrent_requests": 7}, 7),
    ],
)
def test_limits_follow_tier_licences_and_the_others(sandbox: NetSuiteSandbox, tier, settings, limit: int):
    account = sandbox.add_account("99", tier=tier)
    account.settings.change(settings)
    assert account.settings.own_limit(tier) == limit


def test_other_accounts_and_the_token_endpoint_take_no_slot(api: httpx.Client, sandbox: NetSuiteSandbox, url: str):
    other = sandbox.add_account("99")
    other.settings.change({"concurrent_requests": 0})
    assert asked(api, "SELECT id FROM location").status_code == 200
    headers = {"Authorization": f"Bearer {sandbox.issue_access_token(other)}", "Prefer": "transient"}
    assert httpx.post(f"{url}{QUERY}", headers=headers, json=_ASK).status_code == 429
    assert httpx.post(f"{url}/services/rest/auth/oauth2/v1/token", headers=headers).status_code == 400


def test_overload_can_look_like_a_wrong_login(api: httpx.Client, account: Account):
    account.settings.change({"concurrent_requests": 0, "overload_as": "401"})
    status, code, text = refused(asked(api, "SELECT id FROM location"))
    assert (status, code) == (401, "INVALID_LOGIN")
    assert text.startswith("Invalid login attempt.")
    account.settings.change({"concurrent_requests": None})
    assert asked(api, "SELECT id FROM location").status_code == 200


def test_frequency_limits_are_of_another_kind(api: httpx.Client, sandbox: NetSuiteSandbox, account: Account):
    account.settings.change({"requests_per_minute": 2, "throttled_title": "Too Many Requests"})
    answers = [asked(api, "SELECT id FROM location") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert refused(answers[2])[1] == "USER_ERROR"
    assert answers[2].json()["title"] == "Too Many Requests"
    sandbox.clock.advance(60)
    assert asked(api, "SELECT id FROM location").status_code == 200
    account.settings.change({"requests_per_minute": None, "requests_per_day": 1})
    assert [asked(api, "SELECT id FROM location").status_code for _ in range(2)] == [200, 429]
    account.settings.change({"limits_enabled": False})
    assert asked(api, "SELECT id FROM location").status_code == 200


def test_maintenance_is_a_503_with_a_page(api: httpx.Client, account: Account):
    account.settings.change({"maintenance": True})
    answer = asked(api, "SELECT id FROM location")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")


@pytest.mark.parametrize("name", FAULT_NAMES)
def test_failures_have_names(api: httpx.Client, sandbox: NetSuiteSandbox, name: str):
    sandbox.faults.add(named_fault(name, path="*/suiteql"))
    answer = asked(api, "SELECT id FROM location")
    assert answer.status_code >= 400
    if "json" in answer.headers["content-type"]:
        refused(answer)
    assert asked(api, "SELECT id FROM location").status_code == 200


def test_an_unknown_failure_is_named():
    with pytest.raises(ValueError, match="no failure 'nope'"):
        named_fault("nope")
