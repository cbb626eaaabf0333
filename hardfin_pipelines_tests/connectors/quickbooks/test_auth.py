"""Connecting a company, and tokens that are renewed by exactly one writer and kept before they are used."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorContractError
from hardfin_pipelines.connectors.quickbooks import (
    OAuthApp,
    OAuthEndpoints,
    QuickBooksConnector,
    TokenEndpoint,
    authorize_url,
    discovered,
)
from hardfin_pipelines.connectors.quickbooks.transport import Company, Intuit
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines_tests.connectors.quickbooks.account import TOKEN, QuickBooksAccount

REDIRECT = "https://hardfin.example/callback"
DAY = timedelta(days=1).total_seconds()


class NotingStore(MemoryTokenStore):
    """Notes what is saved; dies instead when told to."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.saved: list[Tokens] = []
        self.dies = False

    def save(self, tokens: Tokens) -> None:
        if self.dies:
            raise KeyboardInterrupt
        self.saved.append(tokens)
        super().save(tokens)


def endpoint(account: QuickBooksAccount, app: OAuthApp | None = None) -> TokenEndpoint:
    return TokenEndpoint(
        transport=account.transport, app=app or account.app, endpoints=account.endpoints, clock=account.clock
    )


def visits(account: QuickBooksAccount, count: int = 1, **changes: Any) -> list[QuickBooksConnector]:
    """So many connectors that each ask for changes once, all at once."""

    async def visit(connector: QuickBooksConnector) -> None:
        async for _ in connector.changed_pages(account.now() - timedelta(hours=1)):
            pass

    async def in_loop() -> list[QuickBooksConnector]:
        connectors = [account.new_connector(**changes) for _ in range(count)]
        await asyncio.gather(*map(visit, connectors))
        return connectors

    return asyncio.run(in_loop())


def consent(account: QuickBooksAccount) -> dict[str, str]:
    """A person's consent in the sandbox's page; what the redirect brings back."""
    url = authorize_url(account.app, redirect_uri=REDIRECT, state="acme:1", endpoints=account.endpoints)
    page = requests.get(url, timeout=10)
    assert page.status_code == 200
    assert "Hardfin" in page.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    form = {**asked, "decision": "connect", "realm": account.company.realm_id}
    answer = requests.post(url.partition("?")[0], data=form, allow_redirects=False, timeout=10)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def test_a_consent_becomes_tokens_of_the_company_that_the_redirect_names(account: QuickBooksAccount) -> None:
    back = consent(account)
    assert back["state"] == "acme:1"
    grant = asyncio.run(endpoint(account).redeem(back["code"], REDIRECT, back["realmId"]))
    assert grant.realm_id == account.company.realm_id
    assert grant.tokens.issued_at is not None
    assert grant.tokens.expires_at == grant.tokens.issued_at + timedelta(hours=1)
    assert grant.ends_at is not None
    assert grant.ends_at - account.now() > timedelta(days=99)
    visits(account, tokens=MemoryTokenStore(grant.tokens))
    assert account.token_calls() == 1


def test_a_code_is_good_once(account: QuickBooksAccount) -> None:
    back = consent(account)
    asyncio.run(endpoint(account).redeem(back["code"], REDIRECT, back["realmId"]))
    with pytest.raises(NeedsAttention, match="connect QuickBooks again") as caught:
        asyncio.run(endpoint(account).redeem(back["code"], REDIRECT, back["realmId"]))
    assert back["code"] not in str(caught.value)


@pytest.mark.parametrize("realm_id", ["", "12/../13", "١٢"])
def test_a_redirect_without_a_company_is_refused_before_anything_is_asked(account, realm_id) -> None:
    with pytest.raises(NeedsAttention, match="realmId: expected digits"):
        asyncio.run(endpoint(account).redeem("code", REDIRECT, realm_id))
    assert account.token_calls() == 0


def test_the_endpoints_can_be_discovered(account: QuickBooksAccount) -> None:
    url = f"{account.url}/.well-known/openid_configuration/"
    assert asyncio.run(discovered(account.transport, url, clock=account.clock)) == account.endpoints
    with pytest.raises(VendorContractError, match="discovery document"):
        asyncio.run(discovered(account.transport, f"{account.url}/", clock=account.clock))


def test_by_default_the_endpoints_are_intuits() -> None:
    url = authorize_url(OAuthApp("our-id", "our-secret"), redirect_uri=REDIRECT, state="s")
    assert url.startswith("https://appcenter.intuit.com/connect/oauth2?client_id=our-id&")
    assert "scope=com.intuit.quickbooks.accounting" in url
    assert "our-secret" not in url
    assert OAuthEndpoints().token == "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"


def test_a_renewal_is_saved_before_it_is_used_with_the_value_it_replaced(account: QuickBooksAccount) -> None:
    first = account.store.load().refresh
    store = NotingStore(account.store.load())
    visits(account, tokens=store)
    account.wait(DAY)
    visits(account, tokens=store)
    account.wait(3600)
    visits(account, tokens=store)
    kept, rotated, same = store.saved
    assert (kept.refresh, kept.previous_refresh) == (first, "")
    assert rotated.refresh != first
    assert rotated.previous_refresh == first
    assert (same.refresh, same.previous_refresh) == (rotated.refresh, first)


@pytest.mark.parametrize("connectors", [2, 8])
def test_however_many_ask_at_once_one_renews(account: QuickBooksAccount, connectors: int) -> None:
    found = visits(account, connectors)
    assert sum(each.calls.token_refreshes for each in found) == account.token_calls() == 1
    account.age_access_token()
    found = visits(account, connectors)
    assert sum(each.calls.token_refreshes for each in found) == 1
    assert account.token_calls() == 2


def test_a_token_is_renewed_before_it_ends(account: QuickBooksAccount) -> None:
    visits(account)
    account.wait(3600 * 0.7)
    visits(account)
    assert account.token_calls() == 1
    account.wait(3600 * 0.2)
    visits(account)
    assert account.token_calls() == 2
    assert account.sandbox.call_log.count(status=401) == 0


def test_a_crash_between_renewing_and_saving_is_survived_while_the_refresh_token_stays_the_same(account) -> None:
    store = NotingStore(account.store.load())
    store.dies = True
    with pytest.raises(KeyboardInterrupt):
        visits(account, tokens=store)
    store.dies = False
    visits(account, tokens=store)
    assert len(store.saved) == 1


def crash_at_rotation(account: QuickBooksAccount) -> NotingStore:
    store = NotingStore(account.store.load())
    visits(account, tokens=store)
    account.wait(DAY)
    store.dies = True
    with pytest.raises(KeyboardInterrupt):
        visits(account, tokens=store)
    store.dies = False
    return store


def test_a_crash_at_a_rotation_is_survived_where_a_replaced_value_still_works(account: QuickBooksAccount) -> None:
    account.sandbox.settings.previous_refresh_token_seconds = 3600
    store = crash_at_rotation(account)
    lost = store.load().refresh
    visits(account, tokens=store)
    assert store.load().refresh != lost
    assert store.load().previous_refresh == lost


def test_a_crash_at_a_rotation_needs_a_person_where_a_replaced_value_is_dead(account: QuickBooksAccount) -> None:
    store = crash_at_rotation(account)
    calls = account.token_calls()
    with pytest.raises(NeedsAttention, match="a newer token was given that could not be kept") as caught:
        visits(account, tokens=store)
    assert "connect QuickBooks again" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.load().refresh not in str(caught.value)
    assert account.token_calls() == calls + 1


def test_the_value_before_is_tried_where_the_newest_is_refused(account: QuickBooksAccount) -> None:
    account.sandbox.settings.previous_refresh_token_seconds = 7200
    store = NotingStore(account.store.load())
    visits(account, tokens=store)
    account.wait(DAY)
    visits(account, tokens=store)
    newest = store.load()
    account.wait(3600)
    store.save(replace(newest, refresh="RT1-written-by-mistake"))
    (connector,) = visits(account, tokens=store)
    assert connector.calls.token_refreshes == 2
    assert store.load().refresh == newest.refresh


def test_where_both_values_are_dead_the_newest_ones_refusal_is_told(account: QuickBooksAccount) -> None:
    store = MemoryTokenStore(Tokens("", "RT1-dead", previous_refresh="RT1-dead-too"))
    with pytest.raises(NeedsAttention, match="takes our refresh token no more") as caught:
        visits(account, tokens=store)
    assert "RT1" not in str(caught.value)
    assert account.token_calls() == 2


def test_tokens_that_another_process_renewed_without_our_lock_are_taken_up(account: QuickBooksAccount) -> None:
    stolen = account.store.load()
    visits(account)
    account.wait(DAY)
    visits(account)
    newer = account.store.load()

    class Late(MemoryTokenStore):
        """Shows what the other process saved only after the first look."""

        looks = 0

        def load(self) -> Tokens:
            self.looks += 1
            return stolen if self.looks < 3 else newer

    (connector,) = visits(account, tokens=Late(stolen))
    assert connector.calls.token_refreshes == 1


def test_a_dropped_answer_of_the_token_endpoint_is_asked_for_again(account: QuickBooksAccount) -> None:
    account.fault("internal_error", path=TOKEN, status=None, drop="inside_reply", times=2)
    visits(account)
    assert account.token_calls() == 3


def test_the_token_endpoint_down_stops_no_token_that_lives(account: QuickBooksAccount) -> None:
    visits(account)
    account.fault("service_unavailable", path=TOKEN, times=None)
    account.wait(3600 * 0.85)
    visits(account)
    account.wait(3600 * 0.2)
    with pytest.raises(RetryLater, match="will try again later"):
        visits(account)
    assert account.sandbox.call_log.count(status=401) == 0


def test_a_paused_connection_is_kept_alive(account: QuickBooksAccount) -> None:
    for _ in range(5):
        account.wait(90 * DAY)
        asyncio.run(account.new_connector().keep_alive())
    assert account.token_calls() == 5
    visits(account)
    account.wait(101 * DAY)
    with pytest.raises(NeedsAttention, match="was not used for 100 days"):
        visits(account)


def test_an_app_that_intuit_does_not_know_is_the_operators_to_mend(account: QuickBooksAccount) -> None:
    for app in (OAuthApp("x", account.app.client_secret), replace(account.app, client_secret="hush-hush-hush")):
        with pytest.raises(NeedsAttention, match="check its client id and secret") as caught:
            visits(account, app=app)
        assert "hush" not in str(caught.value)


def test_without_credentials_or_an_app_it_says_what_to_do(account: QuickBooksAccount) -> None:
    with pytest.raises(NeedsAttention, match="connect QuickBooks first"):
        visits(account, tokens=MemoryTokenStore(Tokens("")))
    issued = account.sandbox.issue_tokens(account.company)
    store = MemoryTokenStore(Tokens(issued.access_token))
    visits(account, app=None, tokens=store)
    account.age_access_token()
    with pytest.raises(NeedsAttention, match="cannot be renewed: connect QuickBooks again"):
        visits(account, app=None, tokens=store)


def test_a_grant_is_ended_once_or_twice(account: QuickBooksAccount) -> None:
    visits(account)
    refresh = account.store.load().refresh
    asyncio.run(endpoint(account).revoke(refresh))
    asyncio.run(endpoint(account).revoke(refresh))
    with pytest.raises(NeedsAttention, match="connect QuickBooks again"):
        visits(account)


def test_secrets_are_in_no_repr(account: QuickBooksAccount) -> None:
    http = account.transport.http
    company = Company(company_id="1", minorversion=75, api_url=account.url, access_token="s3cret", http=http)
    intuit = Intuit("id", "s3cret", account.endpoints, "", http)
    shown = repr(Tokens("s3cret", "s3cret", previous_refresh="s3cret"))
    shown += repr(OAuthApp("id", "s3cret")) + repr(company) + repr(intuit)
    assert "s3cret" not in shown
