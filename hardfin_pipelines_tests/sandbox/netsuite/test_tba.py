"""Token-based authentication: OAuth 1.0a signatures, each good once and for a few minutes."""

import httpx
import pytest
from oauthlib.oauth1 import Client  # type: ignore[import-untyped]  # oauthlib has no types

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.oauth import TbaKeys
from hardfin_pipelines_tests.sandbox.netsuite.conftest import NOON, QUERY, refused

_NOW = str(int(NOON.timestamp()))


@pytest.fixture
def keys(sandbox: NetSuiteSandbox, account: Account) -> TbaKeys:
    return sandbox.keys.add_tba_token(account)


def _signed(url: str, keys: TbaKeys, **changes: str) -> httpx.Request:
    """A signed query, as oauthlib's own client signs it."""
    options = {"realm": keys.account.id, "nonce": "n-1", "timestamp": _NOW, "signature_method": "HMAC-SHA256"}
    secret = changes.pop("token_secret", keys.token_secret)
    client = Client(
        keys.consumer_key,
        client_secret=keys.consumer_secret,
        resource_owner_key=keys.token,
        resource_owner_secret=secret,
        **{**options, **changes},
    )
    address, headers, _ = client.sign(f"{url}{QUERY}?limit=5&offset=0", http_method="POST")
    headers["Prefer"] = "transient"
    return httpx.Request("POST", address, headers=headers, json={"q": "SELECT id FROM location"})


def _sent(request: httpx.Request) -> httpx.Response:
    with httpx.Client() as client:
        return client.send(request)


def test_a_signed_request_is_answered_and_counted_for_its_account(url: str, sandbox: NetSuiteSandbox, keys: TbaKeys):
    assert _sent(_signed(url, keys)).status_code == 200
    assert sandbox.call_log.count(account="1234567_SB1", bucket="suiteql", status=200) == 1


def test_a_nonce_is_good_once(url: str, keys: TbaKeys):
    request = _signed(url, keys)
    assert _sent(request).status_code == 200
    again = httpx.Request("POST", request.url, headers=request.headers, content=request.content)
    assert refused(_sent(again))[:2] == (401, "INVALID_LOGIN")
    assert _sent(_signed(url, keys, nonce="n-2")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"realm": "1234567-sb1"},
        {"realm": "1234567_sb1"},
        {"timestamp": str(int(_NOW) - 301)},
        {"timestamp": str(int(_NOW) + 301)},
        {"signature_method": "HMAC-SHA1"},
        {"token_secret": "wrong"},
    ],
)
def test_what_is_signed_wrongly_is_an_invalid_login(url: str, keys: TbaKeys, changes: dict[str, str]):
    assert refused(_sent(_signed(url, keys, **changes)))[:2] == (401, "INVALID_LOGIN")


def test_a_changed_query_does_not_fit_the_signature(url: str, keys: TbaKeys):
    request = _signed(url, keys)
    headers = {"Authorization": request.headers["Authorization"], "Prefer": "transient"}
    changed = httpx.Request("POST", f"{url}{QUERY}?limit=6", headers=headers, json={"q": "SELECT id FROM location"})
    assert _sent(changed).status_code == 401


def test_accounts_may_have_it_turned_off_and_roles_may_lack_it(url: str, account: Account, keys: TbaKeys):
    account.settings.change({"tba_enabled": False})
    assert _sent(_signed(url, keys)).status_code == 401
    account.settings.change({"tba_enabled": True})
    account.roles["Hardfin Integration"].permissions.discard("Log in using Access Tokens")
    assert _sent(_signed(url, keys, nonce="n-2")).status_code == 401
