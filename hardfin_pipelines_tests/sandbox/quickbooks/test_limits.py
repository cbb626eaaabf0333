"""Throttling, the month's allowance, and who is let in."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from hardfin_pipelines.sandbox.quickbooks.vendor_faults import FAULT_NAMES, named_fault
from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, client_of, fault

QUERY = {"query": "SELECT * FROM Item"}


def statuses(api, calls, path="/preferences"):
    return [api.get(path).status_code for _ in range(calls)]


@pytest.fixture
def limited(company):
    company.settings.limits_enabled = True
    return company


def test_ten_calls_a_second(api, sandbox, limited):
    assert statuses(api, 11) == [200] * 10 + [429]
    sandbox.clock.advance(1)
    assert statuses(api, 11) == [200] * 10 + [429]


def test_a_throttled_call_is_answered_in_xml_though_json_was_asked_for(api, limited):
    limited.settings.calls_per_second = 0
    answer = api.get("/preferences")
    assert answer.headers["content-type"] == "application/xml;charset=UTF-8"
    assert "Retry-After" not in answer.headers
    assert '<Fault type="SERVICE"><Error code="3001">' in answer.text
    assert "<Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>" in answer.text
    limited.settings.change({"throttled_as": "capital", "retry_after_seconds": 60})
    answer = api.get("/preferences")
    assert (fault(answer, 429)["code"], answer.headers["Retry-After"]) == ("3001", "60")
    limited.settings.change({"throttled_as": "lower"})
    assert api.get("/preferences").json()["fault"]["type"] == "SERVICE"


def test_five_hundred_calls_a_minute_of_all_apps(api, sandbox, limited):
    limited.settings.change({"calls_per_second": 1_000, "calls_of_others": 480})
    assert statuses(api, 21) == [200] * 20 + [429]
    sandbox.clock.advance(59)
    assert statuses(api, 1) == [429]
    sandbox.clock.advance(1)
    assert statuses(api, 1) == [200]


def test_batches_have_limits_of_their_own(api, sandbox, limited):
    limited.settings.calls_per_second = 1_000
    body = {"BatchItemRequest": [{"bId": "1", "Query": "SELECT COUNT(*) FROM Item"}]}
    assert [api.post("/batch", json=body).status_code for _ in range(41)] == [200] * 40 + [429]
    sandbox.clock.advance(60)
    limited.settings.batches_of_others = 110
    assert [api.post("/batch", json=body).status_code for _ in range(11)] == [200] * 10 + [429]
    assert statuses(api, 1) == [200]


def test_companies_have_their_limits_each(api, sandbox, limited, url):
    other = sandbox.add_company(name="Other")
    with client_of(url, sandbox, other) as theirs:
        assert statuses(api, 11)[-1] == 429
        assert statuses(theirs, 1) == [200]


def test_ten_calls_at_once(api, sandbox, limited):
    limited.settings.calls_per_second = 1_000
    sandbox.faults.latency_ms = 500
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: api.get("/preferences").status_code, range(12)))
    assert found.count(429) in {1, 2}
    assert found.count(200) + found.count(429) == 12
    sandbox.faults.latency_ms = 0
    assert statuses(api, 1) == [200]


def test_reads_are_metered_and_writes_are_not(api, sandbox, company):
    company.create("Item", {"Name": "Arm"})
    api.get("/query", params=QUERY)
    api.get("/item/1")
    api.get(f"/companyinfo/{company.realm_id}")
    api.get("/preferences")
    api.get("/cdc", params={"entities": "Item,Account", "changedSince": "2026-03-02"})
    assert sandbox.meter.used(NOON) == 5
    api.post("/customer", json={"DisplayName": "Initech"})
    assert fault(api.get("/item/9"))["code"] == "610"
    api.get("/query", params={"query": "SELECT"})
    assert sandbox.meter.by_company(NOON) == {company.realm_id: 5}


def test_whether_each_query_of_a_batch_counts_can_be_chosen(api, sandbox):
    parts = [{"bId": str(n), "Query": "SELECT COUNT(*) FROM Item"} for n in range(3)]
    api.post("/batch", json={"BatchItemRequest": parts})
    assert sandbox.meter.used(NOON) == 3
    sandbox.settings.batch_queries_count_each = False
    api.post("/batch", json={"BatchItemRequest": parts})
    assert sandbox.meter.used(NOON) == 4


def test_the_allowance_is_of_the_app_and_ends_with_the_month(api, sandbox, company, url):
    sandbox.settings.monthly_calls = 2
    sandbox.meter.add(NOON, "elsewhere", 1)
    assert statuses(api, 2) == [200, 429]
    assert api.post("/customer", json={"DisplayName": "Initech"}).status_code == 200
    sandbox.settings.blocked_status = 403
    assert "QuotaExceeded" in api.get("/preferences").text
    sandbox.settings.block_when_used_up = False
    assert statuses(api, 1) == [200]
    sandbox.settings.change({"block_when_used_up": True, "blocked_status": 429})
    sandbox.clock.set(NOON.replace(month=4, day=1, hour=6))  # still March in California
    with client_of(url, sandbox, company) as later:
        assert statuses(later, 1) == [429]
        sandbox.clock.advance(3_600)
    with client_of(url, sandbox, company) as later:
        assert statuses(later, 1) == [200]


def test_sandbox_companies_are_not_metered(sandbox, url):
    trial = sandbox.add_company(name="Trial", kind="sandbox")
    sandbox.settings.monthly_calls = 0
    with client_of(url, sandbox, trial) as api:
        assert statuses(api, 2) == [200, 200]
    assert sandbox.meter.used(NOON) == 0


def test_an_ended_token_is_told_in_two_shapes(api, sandbox, company):
    sandbox.tokens.expire_access(company)
    answer = api.get("/preferences")
    assert answer.status_code == 401
    body = answer.json()
    assert (body["fault"]["type"], body["fault"]["error"][0]["code"], body["warnings"]) == (
        "AUTHENTICATION",
        "3200",
        None,
    )
    assert body["fault"]["error"][0]["message"] == "message=AuthenticationFailed; errorCode=003200; statusCode=401"
    company.settings.unauthorized_as = "capital"
    assert fault(api.get("/preferences"), 401)["Detail"].startswith("Token expired: eyJ")


def test_a_call_without_a_token(url, company):
    answer = httpx.get(f"{url}/v3/company/{company.realm_id}/preferences")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/xml")
    bad = httpx.get(f"{url}/v3/company/{company.realm_id}/preferences", headers={"Authorization": "Bearer x"})
    assert "Token invalid" in bad.text


@pytest.mark.parametrize("case", ["other company", "no company", "scope", "disconnected", "sandbox host"])
def test_calls_that_are_not_for_this_app_and_company(sandbox, company, url, case):
    scopes = ["openid"] if case == "scope" else ["com.intuit.quickbooks.accounting"]
    other = sandbox.add_company(name="Other")
    tokens = sandbox.issue_tokens(company, scopes)
    realm = {"other company": other.realm_id, "no company": "42"}.get(case, company.realm_id)
    headers = {"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"}
    if case == "sandbox host":
        headers["Host"] = "sandbox-quickbooks.api.intuit.com"
    if case == "disconnected":
        assert sandbox.tokens.end(company, "disconnected") == 1
    answer = httpx.get(f"{url}/v3/company/{realm}/preferences", headers=headers)
    assert answer.status_code == 403
    [error] = answer.json()["fault"]["error"]
    assert (error["code"], error["detail"]) == ("3100", None)


@pytest.mark.parametrize("name", [name for name in FAULT_NAMES if name != "refresh_refused"])
def test_failures_by_name(api, sandbox, name):
    sandbox.faults.add(named_fault(name, delay_seconds=0.0))
    answer = api.get("/preferences")
    assert answer.status_code >= 400
    assert api.get("/preferences").status_code == 200
    assert answer.content


def test_a_time_out_lasts_two_minutes():
    assert (named_fault("time_out").delay_seconds, named_fault("time_out").status) == (120, 504)


def test_a_refused_refresh_by_name(sandbox, company, url):
    token = sandbox.issue_tokens(company).refresh_token
    form = {"grant_type": "refresh_token", "refresh_token": token}
    sandbox.faults.add(named_fault("refresh_refused"))
    found = [httpx.post(f"{url}/oauth2/v1/tokens/bearer", data=form, auth=("an-app", "its-secret")) for _ in range(2)]
    assert [answer.status_code for answer in found] == [400, 200]


def test_dropped_connections_and_pages_in_place_of_json(api, sandbox):
    sandbox.faults.add(named_fault("internal_error", drop="before_reply", status=None))
    with pytest.raises(httpx.RemoteProtocolError):
        api.get("/preferences")
    sandbox.faults.add(named_fault("internal_error", mangle="html", status=None))
    answer = api.get("/preferences")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_failure_that_is_not_known():
    with pytest.raises(ValueError, match="there is no failure 'rain'"):
        named_fault("rain")
