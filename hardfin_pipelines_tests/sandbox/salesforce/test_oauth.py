"""OAuth: consent with PKCE, rotating refresh tokens, revocation, introspection."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.oauth import challenge_of

_BACK = "https://hardfin.example/oauth/salesforce"
_VERIFIER = "v" * 50


def _asked(**changes: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": "an-app",
        "redirect_uri": _BACK,
        "scope": "api refresh_token",
        "state": "xyz",
        "code_challenge": challenge_of(_VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**asked, **changes}.items() if value}


def _code(url: str, org: Org, **changes: str) -> str:
    form = {**_asked(**changes), "user": f"{org.id} {org.integration_user_id}", "decision": "allow"}
    back = httpx.post(f"{url}/services/oauth2/authorize", data=form)
    assert back.status_code == 302
    answer = parse_qs(urlsplit(back.headers["location"]).query)
    assert answer["state"] == ["xyz"]
    return answer["code"][0]


def _token(url: str, **form: str) -> httpx.Response:
    keys = {"client_id": "an-app", "client_secret": "its-secret"}
    return httpx.post(f"{url}/services/oauth2/token", data={**keys, **form})


def _by_code(url: str, code: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _BACK, "code_verifier": _VERIFIER}
    return _token(url, **{**form, **changes})


def _refused(answer: httpx.Response) -> tuple[str, str]:
    assert answer.status_code == 400
    return answer.json()["error"], answer.json()["error_description"]


def test_a_browser_connects_and_the_session_works(url: str, org: Org, sandbox: SalesforceSandbox):
    page = httpx.get(f"{url}/services/oauth2/authorize", params=_asked(state='"><script>'))
    assert "Allow Access?" in page.text
    assert "<script>" not in page.text
    granted = _by_code(url, _code(url, org)).json()
    assert set(granted) == {
        "access_token",
        "refresh_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    }
    assert granted["access_token"].startswith(f"{org.id[:15]}!")
    assert granted["issued_at"] == str(sandbox.clock.now_ms())
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    info = httpx.get(f"{url}/services/oauth2/userinfo", headers=headers).json()
    assert (info["organization_id"], info["user_id"]) == (org.id, org.integration_user_id)
    assert httpx.get(granted["id"], headers=headers).json()["display_name"] == "Hardfin Integration"
    assert httpx.get(f"{granted['instance_url']}/services/data/v62.0/limits", headers=headers).status_code == 200


def test_a_code_is_good_once_for_its_verifier_and_for_fifteen_minutes(url: str, org: Org):
    code = _code(url, org)
    assert _by_code(url, code).status_code == 200
    assert _refused(_by_code(url, code)) == ("invalid_grant", "invalid authorization code")
    assert _refused(_by_code(url, _code(url, org), code_verifier="w" * 50))[1] == "invalid code verifier"
    assert _refused(_by_code(url, _code(url, org), redirect_uri="https://x.example"))[0] == "redirect_uri_mismatch"
    late = _code(url, org)
    org.clock.advance(15 * 60)
    assert _refused(_by_code(url, late))[1] == "expired authorization code"


def test_refresh_tokens_rotate_and_the_old_one_is_dead(url: str, org: Org, sandbox: SalesforceSandbox):
    first = sandbox.tokens.issue_refresh(org, org.integration_user_id)
    second = _token(url, grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    assert second != first
    reused = _token(url, grant_type="refresh_token", refresh_token=first)
    assert _refused(reused) == ("invalid_grant", "expired access/refresh token")
    org.clock.advance(29 * 86_400)
    third = _token(url, grant_type="refresh_token", refresh_token=second).json()["refresh_token"]
    org.clock.advance(30 * 86_400)
    assert _refused(_token(url, grant_type="refresh_token", refresh_token=third))[0] == "invalid_grant"
    sandbox.tokens.app.rotate_refresh_tokens = False
    kept = sandbox.tokens.issue_refresh(org, org.integration_user_id)
    assert "refresh_token" not in _token(url, grant_type="refresh_token", refresh_token=kept).json()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_wrong_request_goes_back_to_the_app(url: str, org: Org, changes: dict[str, str], error: str):
    back = httpx.get(f"{url}/services/oauth2/authorize", params=_asked(**changes))
    assert back.status_code == 302
    assert parse_qs(urlsplit(back.headers["location"]).query)["error"] == [error]


def test_unknown_apps_and_strange_addresses_stay_here(url: str, org: Org):
    for changes in ({"client_id": "other"}, {"redirect_uri": "javascript:alert(1)"}):
        assert httpx.get(f"{url}/services/oauth2/authorize", params=_asked(**changes)).status_code == 400


def test_denied_blocked_and_uninstalled(url: str, org: Org, sandbox: SalesforceSandbox):
    form = {**_asked(), "user": f"{org.id} {org.integration_user_id}"}
    denied = httpx.post(f"{url}/services/oauth2/authorize", data={**form, "decision": "deny"})
    assert "error=access_denied" in denied.headers["location"]
    policy = sandbox.tokens.policy(org)
    policy.admin_approved_only = True
    blocked = httpx.post(f"{url}/services/oauth2/authorize", data={**form, "decision": "allow"})
    assert "error=OAUTH_APP_ACCESS_DENIED" in blocked.headers["location"]
    token = sandbox.tokens.issue_refresh(org, org.integration_user_id)
    assert _refused(_token(url, grant_type="refresh_token", refresh_token=token))[1] == "user is not admin approved"
    policy.admin_approved_only = False
    session = sandbox.session(org)
    sandbox.tokens.uninstall(org)
    headers = {"Authorization": f"Bearer {session}"}
    assert httpx.get(f"{url}/services/data/v62.0/limits", headers=headers).status_code == 401
    assert _refused(_token(url, grant_type="refresh_token", refresh_token=token))[0] == "invalid_grant"


def test_wrong_clients_grants_and_users(url: str, org: Org, sandbox: SalesforceSandbox):
    assert _refused(_token(url, grant_type="refresh_token", client_id="x")) == (
        "invalid_client_id",
        "client identifier invalid",
    )
    assert _refused(_token(url, grant_type="refresh_token", client_secret="x")) == (
        "invalid_client",
        "invalid client credentials",
    )
    assert _refused(_token(url, grant_type="password"))[0] == "unsupported_grant_type"
    org.update("User", org.integration_user_id, {"IsActive": False})
    token = sandbox.tokens.issue_refresh(org, org.integration_user_id)
    assert _refused(_token(url, grant_type="refresh_token", refresh_token=token))[0] == "inactive_user"


def test_introspecting_and_revoking(url: str, org: Org, sandbox: SalesforceSandbox):
    session, refresh = sandbox.session(org), sandbox.tokens.issue_refresh(org, org.integration_user_id)
    keys = {"client_id": "an-app", "client_secret": "its-secret"}
    seen = httpx.post(f"{url}/services/oauth2/introspect", data={**keys, "token": session}).json()
    assert (seen["active"], seen["username"]) == (True, "hardfin.integration@acme.example")
    assert httpx.post(f"{url}/services/oauth2/revoke", data={"token": refresh}).status_code == 200
    assert not httpx.post(f"{url}/services/oauth2/introspect", data={**keys, "token": session}).json()["active"]
    assert httpx.post(f"{url}/services/oauth2/revoke", data={"token": refresh}).status_code == 400
    call = httpx.get(f"{url}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {session}"})
    assert (call.status_code, call.text) == (403, "Bad_OAuth_Token")


def test_a_session_slides_and_ends_after_two_idle_hours(url: str, org: Org, sandbox: SalesforceSandbox):
    headers = {"Authorization": f"Bearer {sandbox.session(org)}"}
    statuses = []
    for seconds in (7_000, 7_000, 7_200):
        org.clock.advance(seconds)
        statuses.append(httpx.get(f"{url}/services/data/v62.0/limits", headers=headers).status_code)
    assert statuses == [200, 200, 401]


def test_tokens_and_codes_are_not_logged(url: str, org: Org, sandbox: SalesforceSandbox):
    httpx.get(f"{url}/services/oauth2/authorize", params=_asked(state="secret-state"))
    httpx.post(f"{url}/services/oauth2/revoke?token=secret-token")
    assert all(call.query == "" for call in sandbox.call_log.entries)
    assert "its-secret" not in repr(sandbox.tokens.app)


def test_a_token_request_may_come_in_chunks_with_a_basic_header(url: str, org: Org, sandbox: SalesforceSandbox):
    form = (part for part in (b"grant_type=client_", b"credentials"))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    keys = httpx.BasicAuth("an-app", "its-secret")
    granted = httpx.post(f"{url}/services/oauth2/token", content=form, headers=headers, auth=keys)
    assert granted.status_code == 200
    assert "refresh_token" not in granted.json()
    sandbox.add_org("other")
    refused = httpx.post(f"{url}/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=keys)
    assert _refused(refused) == ("invalid_grant", "request not supported on this domain")
    sandbox.local_hosts[url.removeprefix("http://")] = org.id
    again = httpx.post(f"{url}/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=keys)
    assert again.json()["access_token"].startswith(org.id[:15])
