"""Consent, tokens, expiry, scopes, and what leaks nowhere."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hardfin_pipelines.sandbox.hubspot import ALL_SCOPES, HubSpotSandbox
from hardfin_pipelines.sandbox.server import SandboxServer

CREDENTIALS = {"client_id": "an-app", "client_secret": "its-secret"}
BACK = "http://localhost:9/back?tab=1"
VERSIONS = ("v1", "v3", "2026-03", "2026-09")


@pytest.fixture
def web(server):
    with httpx.Client(base_url=server.url) as client:
        yield client


def refresh(web, token, version="v3", **overrides):
    fields = {"grant_type": "refresh_token", "refresh_token": token, **CREDENTIALS, **overrides}
    return web.post(f"/oauth/{version}/token", data=fields)


def authorize(web, **overrides):
    query = {"client_id": "an-app", "redirect_uri": BACK, "scope": "oauth crm.objects.deals.read", "state": "s/1"}
    return web.get("/oauth/authorize", params={**query, "optional_scope": "tickets", **overrides})


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_flow(web, portal, version):
    answer = authorize(web)
    assert answer.status_code == 302
    back = urlsplit(answer.headers["location"])
    query = parse_qs(back.query)
    assert (back.netloc, query["state"], query["tab"]) == ("localhost:9", ["s/1"], ["1"])
    fields = {"grant_type": "authorization_code", "code": query["code"][0], "redirect_uri": BACK, **CREDENTIALS}
    tokens = web.post(f"/oauth/{version}/token", data=fields).json()
    assert {name: tokens[name] for name in ("token_type", "expires_in", "hub_id", "scopes")} == {
        "token_type": "bearer",
        "expires_in": 1800,
        "hub_id": 4242,
        "scopes": ["oauth", "crm.objects.deals.read", "tickets"],
    }
    assert tokens["refresh_token"].startswith("na1-")
    assert len(tokens["access_token"]) > 200
    again = refresh(web, tokens["refresh_token"], version).json()
    assert again["refresh_token"] == tokens["refresh_token"]
    bearer = {"Authorization": f"Bearer {again['access_token']}"}
    assert web.get("/crm/v3/objects/deals", headers=bearer).status_code == 200
    used = web.post(f"/oauth/{version}/token", data=fields)
    assert (used.status_code, used.json()["status"]) == (400, "BAD_AUTH_CODE")


def test_consent_offers_a_choice_where_there_are_several_accounts(web, sandbox):
    sandbox.add_portal(7, name="<Other & Co>")
    page = authorize(web)
    assert page.status_code == 200
    assert "&lt;Other &amp; Co&gt;" in page.text
    chosen = web.get("/oauth/7/authorize", params={"client_id": "an-app", "redirect_uri": BACK, "scope": "oauth"})
    code = parse_qs(urlsplit(chosen.headers["location"]).query)["code"][0]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **CREDENTIALS}
    assert web.post("/oauth/v3/token", data=fields).json()["hub_id"] == 7


@pytest.mark.parametrize(
    "overrides", [{"client_id": "x"}, {"redirect_uri": "javascript:alert(1)"}, {"scope": ""}, {"redirect_uri": ""}]
)
def test_consent_refuses_wrong_requests(web, overrides):
    assert authorize(web, **overrides).status_code == 400


def test_consent_takes_only_the_apps_redirect_uris():
    sandbox = HubSpotSandbox(client_id="an-app", redirect_uris=["https://app.example/back"])
    sandbox.add_portal(1)
    with SandboxServer(sandbox.app) as own_server, httpx.Client(base_url=own_server.url) as web:
        assert authorize(web, redirect_uri="https://app.example/back").status_code == 302
        assert authorize(web, redirect_uri="https://evil.example/back").status_code == 400


@pytest.mark.parametrize(
    ("overrides", "status"),
    [
        ({"refresh_token": "na1-0"}, "BAD_REFRESH_TOKEN"),
        ({"client_id": "other"}, "BAD_CLIENT_ID"),
        ({"client_secret": "wrong"}, "BAD_CLIENT_SECRET"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
    ],
)
def test_refused_token_requests_name_the_reason(web, portal, overrides, status):
    reply = refresh(web, portal.issue_refresh_token(), **overrides)
    body = reply.json()
    assert (reply.status_code, body["status"]) == (400, status)
    assert body["message"] == body["error_description"]
    if status == "BAD_REFRESH_TOKEN":
        assert body["message"] == "refresh token is invalid, expired or revoked"
        assert body["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_redirect_uri_and_lives_ten_minutes(web, portal, sandbox):
    code = portal.issue_authorization_code(BACK)
    fields = {"grant_type": "authorization_code", "code": code, **CREDENTIALS}
    other = web.post("/oauth/v3/token", data={**fields, "redirect_uri": "http://localhost/else"})
    assert other.json()["status"] == "BAD_REDIRECT_URI"
    sandbox.clock.advance(601)
    late = web.post("/oauth/v3/token", data={**fields, "redirect_uri": BACK})
    assert late.json()["status"] == "BAD_AUTH_CODE"


def test_rotated_refresh_tokens_work_once(web, portal, sandbox):
    sandbox.tokens.rotate_refresh_tokens = True
    first = portal.issue_refresh_token()
    second = refresh(web, first).json()["refresh_token"]
    assert second != first
    assert refresh(web, first).json()["status"] == "BAD_REFRESH_TOKEN"
    assert refresh(web, second).status_code == 200


def test_introspection_and_revocation(web, portal, sandbox):
    token = portal.issue_refresh_token(["oauth"])
    access = refresh(web, token).json()["access_token"]
    sandbox.clock.advance(100)
    described = web.post("/oauth/2026-03/token/introspect", data={**CREDENTIALS, "token": access}).json()
    assert (described["active"], described["expires_in"], described["hub_id"]) == (True, 1700, 4242)
    assert described["token_use"] == "access_token"
    old = web.get(f"/oauth/v1/access-tokens/{access}").json()
    assert (old["expires_in"], old["scopes"]) == (1700, ["oauth"])
    assert web.post("/oauth/v3/token/introspect", data={**CREDENTIALS, "token": token}).json()["active"] is True
    assert web.post("/oauth/v3/token/revoke", data={**CREDENTIALS, "token": token}).status_code == 200
    assert web.post("/oauth/v3/token/introspect", data={**CREDENTIALS, "token": token}).json() == {"active": False}
    assert refresh(web, token).json()["status"] == "BAD_REFRESH_TOKEN"
    assert web.get(f"/oauth/v1/refresh-tokens/{token}").status_code == 404
    assert web.post("/oauth/v3/token/introspect", data={"client_id": "x", "token": access}).status_code == 400


def test_uninstalling_ends_every_oauth_token_but_no_static_one(web, portal):
    access, token, static = portal.issue_access_token(), portal.issue_refresh_token(), portal.issue_static_token()
    portal.uninstall_app()
    assert refresh(web, token).json()["status"] == "BAD_REFRESH_TOKEN"
    assert web.get("/crm/v3/objects/deals", headers={"Authorization": f"Bearer {access}"}).status_code == 401
    assert web.get("/crm/v3/objects/deals", headers={"Authorization": f"Bearer {static}"}).status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer", "Basic abc", "Bearer pat-na1-unknown", "Bearer CPjunknown"])
def test_missing_and_unknown_tokens(web, header):
    reply = web.get("/crm/v3/objects/deals", headers={"Authorization": header} if header else {})
    body = reply.json()
    assert (reply.status_code, body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert body["message"].startswith("Authentication credentials not found. This API supports OAuth 2.0")
    assert body["correlationId"] == reply.headers["X-HubSpot-Correlation-Id"]
    assert reply.headers["content-type"] == "application/json;charset=utf-8"


def test_an_access_token_lives_1800_seconds(web, portal, sandbox):
    headers = {"Authorization": f"Bearer {portal.issue_access_token()}"}
    sandbox.clock.advance(1799)
    assert web.get("/crm/v3/objects/deals", headers=headers).status_code == 200
    sandbox.clock.advance(76)
    reply = web.get("/crm/v3/objects/deals", headers=headers)
    body = reply.json()
    assert (reply.status_code, body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert body["message"] == "The OAuth token used to make this call expired 75 second(s) ago."
    assert body["context"] == {"expire time": ["2026-03-02T12:30:00Z"]}


def test_garbage_tokens_expired_in_1970(web):
    body = web.get("/crm/v3/objects/deals", headers={"Authorization": "Bearer garbage"}).json()
    assert body["category"] == "EXPIRED_AUTHENTICATION"
    assert body["message"] == "The OAuth token used to make this call expired 20514 day(s) ago."
    assert body["context"] == {"expire time": ["1970-01-01T00:00:00Z"]}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/crm/v3/objects/deals", "crm.objects.deals.read"),
        ("POST", "/crm/v3/objects/companies/search", "crm.objects.companies.read"),
        ("POST", "/crm/v3/objects/line_items/batch/read", "crm.objects.line_items.read"),
        ("GET", "/crm/v3/objects/products/1", "crm.objects.products.read"),
        ("POST", "/crm/v3/objects/deals", "crm.objects.deals.write"),
        ("POST", "/crm/v4/associations/deals/companies/batch/read", "crm.objects.companies.read"),
        ("GET", "/crm/v3/objects/deals?associations=line_items", "crm.objects.line_items.read"),
        ("GET", "/crm/v3/properties/deals", "crm.schemas.deals.read"),
        ("GET", "/crm/v3/owners", "crm.objects.owners.read"),
    ],
)
def test_each_object_needs_its_scope(web, portal, method, path, scope):
    token = portal.issue_access_token([each for each in ALL_SCOPES if each != scope])
    reply = web.request(
        method, path, headers={"Authorization": f"Bearer {token}"}, json={} if method == "POST" else None
    )
    body = reply.json()
    assert (reply.status_code, body["category"]) == (403, "MISSING_SCOPES")
    assert scope in body["errors"][0]["context"]["requiredGranularScopes"]
    assert body["message"].startswith("This app hasn't been granted all required scopes to make this call.")
    whole = {"Authorization": f"Bearer {portal.issue_access_token()}"}
    assert web.request(method, path, headers=whole, json={} if method == "POST" else None).status_code != 403


def test_pipelines_need_only_a_deals_read_scope(web, portal):
    token = portal.issue_access_token(["crm.objects.deals.read"])
    assert web.get("/crm/v3/pipelines/deals", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_token_reads_its_own_account_only(web, portal, sandbox):
    other = sandbox.add_portal(7)
    portal.create("deals", {"dealname": "Mine"})
    headers = {"Authorization": f"Bearer {other.issue_access_token()}"}
    assert web.get("/crm/v3/objects/deals", headers=headers).json() == {"results": []}
    assert web.get("/account-info/v3/details", headers=headers).json()["portalId"] == 7
    assert [call.account for call in other.calls] == ["7", "7"]
    assert portal.calls == []


def test_secrets_are_in_no_repr_and_no_log(web, portal, sandbox):
    token = portal.issue_refresh_token()
    access = refresh(web, token).json()["access_token"]
    web.get(f"/oauth/v1/access-tokens/{access}")
    web.post("/oauth/v1/token", params={"client_secret": "its-secret", "refresh_token": token})
    written = repr([sandbox.tokens.app, portal, list(sandbox.call_log.entries)])
    assert not [secret for secret in (token, access, "its-secret") if secret in written]
