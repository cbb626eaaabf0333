"""Machine-to-machine OAuth 2.0: signed assertions for access tokens of an hour."""

from datetime import timedelta

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines_tests.sandbox.netsuite.conftest import (
    NOON,
    QUERY,
    TOKEN,
    assertion,
    certificate_of,
    new_key,
    refused,
    token_request,
)

_NOW = int(NOON.timestamp())


@pytest.fixture(scope="module")
def rsa_key():
    return new_key("3072")


def test_a_token_is_given_for_an_assertion_and_lasts_an_hour(sandbox: NetSuiteSandbox, account: Account, url: str):
    key = new_key()
    kid = sandbox.keys.add_certificate(account, certificate_of(key)).kid
    answer = token_request(url, assertion(key, kid))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"access_token", "expires_in", "token_type"}
    assert (body["expires_in"], body["token_type"]) == ("3600", "bearer")
    headers = {"Authorization": f"Bearer {body['access_token']}", "Prefer": "transient"}
    ask = {"q": "SELECT COUNT(*) AS n FROM item"}
    assert httpx.post(f"{url}{QUERY}", headers=headers, json=ask).json()["items"] == [{"links": [], "n": "0"}]
    sandbox.clock.advance(3_600)
    late = httpx.post(f"{url}{QUERY}", headers=headers, json=ask)
    assert refused(late)[:2] == (401, "INVALID_LOGIN")
    assert "Invalid login attempt" in late.text


def test_ps256_is_taken_and_rs256_refused(sandbox: NetSuiteSandbox, account: Account, url: str, rsa_key):
    kid = sandbox.keys.add_certificate(account, certificate_of(rsa_key)).kid
    assert token_request(url, assertion(rsa_key, kid, algorithm="PS256")).status_code == 200
    wrong = token_request(url, assertion(rsa_key, kid, algorithm="RS256"))
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_request")


def test_the_local_address_is_an_audience_too(sandbox: NetSuiteSandbox, account: Account, url: str):
    key = new_key()
    kid = sandbox.keys.add_certificate(account, certificate_of(key)).kid
    assert token_request(url, assertion(key, kid, aud=f"{url}{TOKEN}")).status_code == 200


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"iss": "another-integration"}, "invalid_grant"),
        ({"exp": _NOW - 1}, "invalid_grant"),
        ({"exp": _NOW + 3_600}, "invalid_grant"),
        ({"iat": _NOW + 120, "exp": _NOW + 300}, "invalid_grant"),
        ({"iat": None}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "mcp,rest_webservices"}, "invalid_scope"),
        ({"typ": "at+jwt"}, "invalid_request"),
    ],
)
def test_a_wrong_assertion_is_refused(sandbox: NetSuiteSandbox, account: Account, url: str, claims, error: str):
    key = new_key()
    kid = sandbox.keys.add_certificate(account, certificate_of(key)).kid
    answer = token_request(url, assertion(key, kid, **claims))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]


def test_unknown_revoked_and_expired_certificates_are_refused(sandbox: NetSuiteSandbox, account: Account, url: str):
    key = new_key()
    mapping = sandbox.keys.add_certificate(account, certificate_of(key, days=10))
    good = assertion(key, mapping.kid)
    assert token_request(url, assertion(key, "no-such-kid")).json()["error"] == "invalid_grant"
    assert token_request(url, assertion(new_key(), mapping.kid)).json()["error"] == "invalid_grant"
    mapping.revoked = True
    assert token_request(url, good).json()["error"] == "invalid_grant"
    mapping.revoked = False
    assert token_request(url, good).status_code == 200
    sandbox.clock.set(NOON + timedelta(days=10))
    later = int((NOON + timedelta(days=10)).timestamp())
    expired = assertion(key, mapping.kid, iat=later, exp=later + 60)
    assert token_request(url, expired).json()["error"] == "invalid_grant"


def test_forms_that_are_no_token_request_are_refused(account: Account, url: str):
    assert token_request(url, "x", grant_type="refresh_token").json()["error"] == "unsupported_grant_type"
    assert token_request(url, "x", client_assertion_type="x").json()["error"] == "invalid_request"
    assert token_request(url, "x").json()["error"] == "invalid_request"
    assert httpx.post(f"{url}{TOKEN}", json={}).json()["error"] == "invalid_request"


def test_certificates_of_the_wrong_kind_are_not_taken(sandbox: NetSuiteSandbox, account: Account):
    for kind, said in (("2048", "2048 bits"), ("P-256k", "P-256, P-384 or P-521")):
        with pytest.raises(ValueError, match=said):
            sandbox.keys.add_certificate(account, certificate_of(new_key(kind)))
    with pytest.raises(ValueError, match=r"no X\.509 certificate"):
        sandbox.keys.add_certificate(account, "nonsense")


def test_a_certificate_of_ten_years_lasts_two(sandbox: NetSuiteSandbox, account: Account):
    made = sandbox.keys.add_certificate(account, certificate_of(new_key(), days=3_650))
    assert made.valid_until == NOON - timedelta(days=1) + timedelta(days=730)


def test_a_role_without_the_permission_gets_no_token(sandbox: NetSuiteSandbox, account: Account, url: str):
    key = new_key()
    kid = sandbox.keys.add_certificate(account, certificate_of(key)).kid
    account.roles["Hardfin Integration"].permissions.discard("Log in using OAuth 2.0 Access Tokens")
    assert token_request(url, assertion(key, kid)).json()["error"] == "invalid_grant"


def test_a_token_is_good_at_its_own_accounts_host_only(sandbox: NetSuiteSandbox, account: Account, url: str):
    other = sandbox.add_account("7654321")
    token = sandbox.issue_access_token(account)
    ask = {"q": "SELECT id FROM location"}
    for host, status in ((account.host, 200), (other.host, 401)):
        headers = {"Authorization": f"Bearer {token}", "Prefer": "transient", "Host": host}
        assert httpx.post(f"{url}{QUERY}", headers=headers, json=ask).status_code == status
    assert account.host == "1234567-sb1.suitetalk.api.netsuite.com"


def test_no_secret_shows_in_a_repr(sandbox: NetSuiteSandbox, account: Account):
    keys = sandbox.keys.add_tba_token(account)
    shown = f"{keys!r} {account!r} {sandbox.keys.add_certificate(account, certificate_of(new_key()))!r}"
    assert keys.consumer_secret not in shown
    assert keys.token_secret not in shown
