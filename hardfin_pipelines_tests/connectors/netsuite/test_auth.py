"""Signing in without a person: by a key whose certificate is mapped, or by the keys of token-based authentication."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.netsuite import NetSuiteLimits, OAuthApp, TokenEndpoint, TokenKeys
from hardfin_pipelines.connectors.netsuite.oauth import algorithm_of
from hardfin_pipelines.connectors.netsuite.versions import account_key, account_url
from hardfin_pipelines.connectors.retries import RetryPolicy
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines_tests.connectors.netsuite.account import (
    TOKEN,
    NetSuiteAccount,
    certificate_of,
    pem_of,
    private_key,
)

LOGIN_AUDIT = "Login Audit Trail"


def tick(account: NetSuiteAccount, **changes: Any) -> list[ItemPage]:
    async def run() -> list[ItemPage]:
        async with account.connector(**changes) as connector:
            return [page async for page in connector.changed_pages(account.now() - timedelta(hours=1))]

    return asyncio.run(run())


def mint(account: NetSuiteAccount, app: OAuthApp) -> Tokens:
    async def run() -> Tokens:
        async with open_http_client() as http:
            endpoint = TokenEndpoint(
                http=http, api_url=account.url, app=app, clock=account.clock, retries=RetryPolicy(2)
            )
            return await endpoint.mint()

    return asyncio.run(run())


@pytest.mark.parametrize(("kind", "algorithm"), [("3072", "PS256"), ("secp256r1", "ES256"), ("secp384r1", "ES384")])
def test_a_token_of_an_hour_is_got_with_either_kind_of_key(account: NetSuiteAccount, kind: str, algorithm: str) -> None:
    key = private_key(kind)
    mapping = account.sandbox.keys.add_certificate(account.account, certificate_of(key))
    app = OAuthApp(account.sandbox.client_id, mapping.kid, pem_of(key))
    assert algorithm_of(app.private_key) == algorithm
    tokens = mint(account, app)
    assert tokens.expires_at is not None
    assert tokens.issued_at is not None
    assert tokens.expires_at - tokens.issued_at == timedelta(hours=1)
    assert tick(account, credentials=app, tokens=MemoryTokenStore(tokens))[-1].last


def test_a_token_is_renewed_before_it_ends_and_kept_for_others(account: NetSuiteAccount) -> None:
    tick(account)
    minted = account.calls(TOKEN)
    account.wait(timedelta(minutes=47).total_seconds())
    tick(account)
    assert account.calls(TOKEN) == minted
    first = account.store.load().access
    account.wait(timedelta(minutes=2).total_seconds())
    tick(account)
    tick(account)
    assert account.calls(TOKEN) == minted + 1
    assert account.store.load().access != first
    assert account.calls(status=401) == 0


def test_many_at_once_renew_once(account: NetSuiteAccount) -> None:
    account.age_access_token()
    minted = account.calls(TOKEN)

    async def run() -> None:
        async with account.connector() as one, account.connector() as two:
            await asyncio.gather(*(each.read_items([str(n)]) for each in (one, two) for n in range(1, 5)))

    asyncio.run(run())
    assert account.calls(TOKEN) == minted + 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"certificate_id": "another"}, "gives us no token .*the certificate was revoked, expired"),
        ({"client_id": "another"}, "gives us no token .*the integration record is blocked"),
        ({"private_key": pem_of(private_key("secp384r1"))}, "gives us no token"),
        ({"private_key": "no key"}, "must be PEM of an RSA key of 3072 or 4096 bits.*cannot be read"),
        ({"private_key": pem_of(private_key("2048"))}, "this one is .*RSAPrivateKey of 2048 bits"),
    ],
)
def test_a_wrong_key_is_one_clear_line(account: NetSuiteAccount, change: dict[str, str], says: str) -> None:
    given = {"client_id": account.app.client_id, "certificate_id": account.app.certificate_id}
    app = OAuthApp(**({**given, "private_key": account.app.private_key} | change))
    with pytest.raises(NeedsAttention, match=says) as caught:
        mint(account, app)
    assert "\n" not in str(caught.value)
    assert app.private_key[30:60] not in f"{caught.value} {caught.value.context}" or app.private_key == "no key"


def test_a_role_that_may_not_log_in_says_so(account: NetSuiteAccount) -> None:
    account.role.permissions -= {"Log in using OAuth 2.0 Access Tokens"}
    with pytest.raises(NeedsAttention, match=r"lacks Log in using OAuth 2\.0 Access Tokens"):
        mint(account, account.app)


def test_a_token_endpoint_that_is_down_is_no_lost_grant(account: NetSuiteAccount) -> None:
    account.fault("gateway_503", path=TOKEN, times=None)
    account.age_access_token()
    with pytest.raises(RetryLater, match="answered 503 to POST token"):
        tick(account)
    account.sandbox.faults.clear()
    account.fault("maintenance", path=TOKEN, times=1)
    assert tick(account)[-1].last


@pytest.mark.parametrize("seconds", [-25, 25])
def test_a_clock_that_is_off_by_seconds_gets_its_token(account: NetSuiteAccount, seconds: int) -> None:
    account.clock = replace(account.clock, now=lambda: account.now() + timedelta(seconds=seconds))
    account.store = MemoryTokenStore(Tokens(""))
    assert tick(account)[-1].last


def test_load_that_shows_as_a_wrong_login_is_waited_out(account: NetSuiteAccount) -> None:
    """An account under load answers 401 "Invalid login attempt", though nothing is wrong with the login."""
    tick(account)
    began = account.now()
    account.fault("invalid_login", times=4)
    minted = account.calls(TOKEN)
    tick(account)
    assert account.calls(TOKEN) == minted + 1
    assert account.calls(status=401) == 4
    assert account.now() - began > timedelta(seconds=30)


def test_a_login_that_stays_refused_needs_a_person(account: NetSuiteAccount) -> None:
    account.fault("invalid_login", times=None)
    began = account.now()
    with pytest.raises(
        NeedsAttention, match=f"refused our login for .*{LOGIN_AUDIT}.*connect NetSuite again"
    ) as caught:
        tick(account)
    assert timedelta(minutes=1) < account.now() - began < timedelta(minutes=6)
    assert "clock" not in str(caught.value)


def test_no_secret_is_in_a_repr_or_an_error(account: NetSuiteAccount) -> None:
    tick(account)
    keys = account.token_keys()
    access = account.store.load().access
    shown = f"{account.app!r} {keys!r} {account.store.load()!r}"
    for secret in (account.app.private_key, keys.consumer_secret, keys.token_secret, keys.token, access):
        assert secret not in shown
    account.fault("invalid_login", times=None, body=f'{{"o:errorDetails":[{{"detail":"Bearer {access} is bad"}}]}}')
    with pytest.raises(NeedsAttention) as caught:
        tick(account, limits=NetSuiteLimits(login_patience_seconds=1))
    assert account.store.load().access not in f"{caught.value} {caught.value.context}"


def test_token_based_authentication_signs_every_try_anew(account: NetSuiteAccount) -> None:
    items = account.create_items([account.now()] * 12)
    keys = account.token_keys()
    account.fault("gateway_502", times=1)
    account.throttle(2)
    pages = tick(account, credentials=keys, tokens=None)
    assert {record.id for page in pages for record in page.records} == set(items)
    assert account.calls(status=401) == 0
    assert account.calls(TOKEN) == 0


def test_token_based_authentication_waits_before_it_gives_up(account: NetSuiteAccount) -> None:
    keys = account.token_keys()
    account.fault("invalid_login", times=3)
    assert tick(account, credentials=keys)[-1].last
    wrong = TokenKeys(keys.consumer_key, keys.consumer_secret, keys.token, "another secret")
    with pytest.raises(NeedsAttention, match="refused our login"):
        tick(account, credentials=wrong)


def test_a_clock_that_signatures_are_refused_for_is_named(account: NetSuiteAccount) -> None:
    clock = replace(account.clock, now=lambda: account.now() + timedelta(minutes=10))
    with pytest.raises(NeedsAttention, match=r"our clock and NetSuite's differ by (599|600|601) s: set ours right"):
        tick(account, credentials=account.token_keys(), clock=clock)


def test_keys_are_kept_alive_by_nothing(account: NetSuiteAccount) -> None:
    async def run() -> int:
        async with account.connector(credentials=account.token_keys()) as connector:
            await connector.keep_alive()
            return connector.calls.total + connector.calls.token_refreshes

    assert asyncio.run(run()) == 0


@pytest.mark.parametrize(
    ("given", "key", "host"),
    [
        ("1234567", "1234567", "1234567"),
        (" 1234567_sb1 ", "1234567_SB1", "1234567-sb1"),
        ("1234567-sb1", "1234567_SB1", "1234567-sb1"),
        ("TSTDRV123", "TSTDRV123", "tstdrv123"),
    ],
)
def test_account_ids_make_hosts(given: str, key: str, host: str) -> None:
    assert account_key(given) == key
    assert account_url(given) == f"https://{host}.suitetalk.api.netsuite.com"


@pytest.mark.parametrize("given", ["", "evil.example/", "123 456", "1_2_3", "1234567@evil", "١٢٣"])
def test_what_is_no_account_id_makes_no_host(given: str) -> None:
    with pytest.raises(ValueError, match="NetSuite account id is"):
        account_url(given)
