"""Tokens: rotation, ends, refusals, and the consent page."""

from datetime import timedelta

import httpx
import pytest

from hardfin_pipelines.sandbox.quickbooks import ACCOUNTING, ConnectedApp
from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, REDIRECT_URI, client_of

APP = ("an-app", "its-secret")
DAY = 86_400


@pytest.fixture
def web(url):
    with httpx.Client(base_url=url) as client:
        yield client


@pytest.fixture
def refresh_token(sandbox, company):
    return sandbox.issue_tokens(company).refresh_token


def refreshed(web, token, **headers):
    return web.post(
        "/oauth2/v1/tokens/bearer",
        data={"grant_type": "refresh_token", "refresh_token": token},
        auth=APP,
        headers=headers,
    )


def query_of(company, **changes):
    found = {
        "client_id": "an-app",
        "response_type": "code",
        "scope": ACCOUNTING,
        "redirect_uri": REDIRECT_URI,
        "state": "s-1",
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def code_for(web, company):
    form = {**query_of(company), "realm": company.realm_id, "decision": "connect"}
    return httpx.URL(web.post("/connect/oauth2", data=form).headers["location"]).params["code"]


def redeemed(web, code, redirect_uri=REDIRECT_URI):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return web.post("/oauth2/v1/tokens/bearer", data=form, auth=APP)


@pytest.mark.parametrize("path", ["openid_configuration", "openid_configuration/", "openid_sandbox_configuration/"])
def test_discovery_names_this_server(web, url, path):
    found = web.get(f"/.well-known/{path}").json()
    assert found["token_endpoint"] == f"{url}/oauth2/v1/tokens/bearer"
    assert found["authorization_endpoint"] == f"{url}/connect/oauth2"
    assert found["revocation_endpoint"] == f"{url}/v2/oauth2/tokens/revoke"
    assert set(found) >= {"issuer", "jwks_uri", "userinfo_endpoint", "scopes_supported", "claims_supported"}


def test_the_token_answer_has_no_realm(web, company):
    answer = redeemed(web, code_for(web, company))
    assert list(answer.json()) == [
        "token_type",
        "expires_in",
        "refresh_token",
        "x_refresh_token_expires_in",
        "access_token",
    ]
    assert "intuit_tid" in answer.headers


def test_a_code_is_good_once_and_for_its_redirect_uri(web, sandbox, company):
    code = code_for(web, company)
    assert redeemed(web, code).status_code == 200
    assert redeemed(web, code).json() == {"error": "invalid_grant"}
    assert redeemed(web, code_for(web, company), "https://other.example/").status_code == 400
    late = code_for(web, company)
    sandbox.clock.advance(300)
    assert redeemed(web, late).status_code == 400


def test_connecting_again_ends_earlier_tokens(web, sandbox, company, refresh_token):
    redeemed(web, code_for(web, company))
    assert refreshed(web, refresh_token).status_code == 400
    sandbox.settings.consent_ends_earlier_tokens = False
    other = sandbox.issue_tokens(company).refresh_token
    redeemed(web, code_for(web, company))
    assert refreshed(web, other).status_code == 200


def test_the_refresh_token_changes_after_a_day_and_the_old_one_is_dead(web, sandbox, refresh_token):
    assert refreshed(web, refresh_token).json()["refresh_token"] == refresh_token
    sandbox.clock.advance(DAY - 1)
    assert refreshed(web, refresh_token).json()["refresh_token"] == refresh_token
    sandbox.clock.advance(1)
    newer = refreshed(web, refresh_token).json()["refresh_token"]
    assert newer != refresh_token
    refusal = refreshed(web, refresh_token)
    assert (refusal.status_code, refusal.content) == (400, b'{"error":"invalid_grant"}')
    assert refreshed(web, newer).status_code == 200


def test_a_replaced_refresh_token_may_work_for_a_while(web, sandbox, refresh_token):
    sandbox.settings.change({"previous_refresh_token_seconds": 60, "refresh_rotates_after_seconds": 0})
    newer = refreshed(web, refresh_token).json()["refresh_token"]
    sandbox.settings.refresh_rotates_after_seconds = DAY
    assert refreshed(web, refresh_token).json()["refresh_token"] == newer
    sandbox.clock.advance(60)
    assert refreshed(web, refresh_token).status_code == 400


def test_a_refresh_token_dies_of_a_hundred_idle_days_and_lives_on_by_use(web, sandbox, refresh_token):
    for _ in range(3):
        sandbox.clock.advance(99 * DAY)
        refresh_token = refreshed(web, refresh_token).json()["refresh_token"]
    sandbox.clock.advance(100 * DAY)
    assert refreshed(web, refresh_token).status_code == 400


def test_no_refresh_token_outlives_five_years(web, sandbox, refresh_token):
    answer = refreshed(web, refresh_token, **{"x-include-refresh-token-hard-expires-in": "true"}).json()
    assert answer["x_refresh_token_hard_expires_in"] == 1_826 * DAY
    days = 0
    while days + 90 < 1_826:
        sandbox.clock.advance(90 * DAY)
        days += 90
        answer = refreshed(web, refresh_token).json()
        refresh_token = answer["refresh_token"]
    assert answer["x_refresh_token_expires_in"] == (1_826 - days) * DAY
    sandbox.clock.set(NOON + timedelta(days=1_826))
    assert refreshed(web, refresh_token).status_code == 400


def test_an_access_token_lives_an_hour(sandbox, company, url):
    with client_of(url, sandbox, company) as api:
        sandbox.clock.advance(3_599)
        assert api.get("/preferences").status_code == 200
        sandbox.clock.advance(1)
        assert api.get("/preferences").status_code == 401


def test_a_refresh_elsewhere_leaves_nothing_that_works(web, sandbox, company, refresh_token):
    assert sandbox.tokens.rotate_elsewhere(company) == 1
    assert refreshed(web, refresh_token).status_code == 400


def test_revoking_ends_the_consent_and_all_its_tokens(web, sandbox, company, url):
    tokens = sandbox.issue_tokens(company)
    assert web.post("/v2/oauth2/tokens/revoke", json={"token": tokens.access_token}, auth=APP).status_code == 200
    assert refreshed(web, tokens.refresh_token).status_code == 400
    answer = web.get(
        f"/v3/company/{company.realm_id}/preferences",
        headers={"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"},
    )
    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["detail"] == f"Token revoked: {tokens.access_token}"
    assert web.post("/v2/oauth2/tokens/revoke", json={"token": tokens.access_token}, auth=APP).status_code == 400
    assert web.post("/v2/oauth2/tokens/revoke", content=b"token=x", auth=APP).status_code == 400


@pytest.mark.parametrize(
    ("auth", "data", "status", "error"),
    [
        (("an-app", "wrong"), {"grant_type": "refresh_token", "refresh_token": "x"}, 401, "invalid_client"),
        (("other", "its-secret"), {"grant_type": "refresh_token", "refresh_token": "x"}, 401, "invalid_client"),
        (None, {"grant_type": "refresh_token", "refresh_token": "x"}, 401, "invalid_client"),
        (APP, {"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        (APP, {"grant_type": "refresh_token"}, 400, "invalid_grant"),
        (APP, {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (APP, {"code": "x"}, 400, "invalid_request"),
    ],
)
def test_token_requests_that_are_refused(web, auth, data, status, error):
    answer = web.post("/oauth2/v1/tokens/bearer", data=data, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_errors_may_be_described(web, sandbox):
    sandbox.settings.errors_described = True
    assert refreshed(web, "x").json()["error_description"] == "Incorrect or invalid refresh token"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": "other"}, "client_id query parameter value is invalid"),
        ({"redirect_uri": "https://other.example/"}, "redirect_uri query parameter value is invalid"),
        ({"state": None}, "state query parameter is missing"),
    ],
)
def test_consent_that_cannot_be_asked_for(web, company, changes, words):
    answer = web.get("/connect/oauth2", params=query_of(company, **changes))
    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"response_type": "token"}, "unsupported_response_type"), ({"scope": "all"}, "invalid_scope")],
)
def test_consent_that_goes_back_refused(web, company, changes, error):
    answer = web.get("/connect/oauth2", params=query_of(company, **changes))
    assert answer.headers["location"] == f"{REDIRECT_URI}?error={error}&state=s-1"


def test_declining_goes_back_without_a_code(web, company):
    answer = web.post("/connect/oauth2", data={**query_of(company), "decision": "cancel"})
    assert answer.headers["location"] == f"{REDIRECT_URI}?error=access_denied&state=s-1"


def test_the_consent_page_escapes_what_it_shows(web, sandbox, company):
    sandbox.add_company(name="<b>Bold & Co</b>")
    page = web.get("/connect/oauth2", params=query_of(company, state='"><script>')).text
    assert "&lt;b&gt;Bold &amp; Co" in page
    assert "<script>" not in page


def test_secrets_are_in_no_repr(sandbox, company):
    tokens = sandbox.issue_tokens(company)
    shown = f"{tokens!r} {sandbox.tokens.app!r} {ConnectedApp('a', 'hidden')!r}"
    assert tokens.access_token not in shown
    assert tokens.refresh_token not in shown
    assert "its-secret" not in shown


def test_the_call_log_keeps_no_secrets(web, sandbox, company):
    code_for(web, company)
    web.get("/connect/oauth2", params=query_of(company))
    assert {call.query for call in sandbox.call_log.entries} == {""}
    assert sandbox.call_log.count(bucket="oauth") == 2
