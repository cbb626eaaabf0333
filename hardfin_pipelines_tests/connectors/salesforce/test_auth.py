"""Signing in by each grant, and tokens that are renewed by exactly one writer."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorContractError
from hardfin_pipelines.connectors.salesforce import OAuthApp, SalesforceConnector, TokenEndpoint, authorize_url
from hardfin_pipelines.connectors.salesforce.oauth import Grant, pkce_verifier
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.salesforce.oauth import challenge_of
from hardfin_pipelines_tests.connectors.conformance import minutes
from hardfin_pipelines_tests.connectors.salesforce.account import SalesforceAccount

REDIRECT = "https://hardfin.example/callback"


class NotingStore(MemoryTokenStore):
    """Notes what is saved."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.saved: list[Tokens] = []

    def save(self, tokens: Tokens) -> None:
        self.saved.append(tokens)
        super().save(tokens)


def endpoint(account: SalesforceAccount, app: OAuthApp | None = None) -> TokenEndpoint:
    return TokenEndpoint(
        transport=account.transport, app=app or account.app, login_url=account.url, clock=account.clock
    )


def first_pages(account: SalesforceAccount, count: int = 1, **changes: Any) -> list[SalesforceConnector]:
    """So many connectors that each ask for a first page, all at once."""

    async def in_loop() -> list[SalesforceConnector]:
        connectors = [account.new_connector(**changes) for _ in range(count)]
        await asyncio.gather(*(each.first_page(account.query(), ()) for each in connectors))
        return connectors

    return asyncio.run(in_loop())


def token_calls(account: SalesforceAccount) -> int:
    return account.sandbox.call_log.count(path="/services/oauth2/token")


def consent(account: SalesforceAccount, state: str) -> str:
    """A person's consent in the sandbox's page; the code."""
    url = authorize_url(account.app, redirect_uri=REDIRECT, state=state, login_url=account.url)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query["code_challenge"] == challenge_of(pkce_verifier(account.app, state))
    return account.sandbox.tokens.issue_code(
        account.org, account.user, query["scope"].split(), redirect_uri=REDIRECT, challenge=query["code_challenge"]
    )


def test_a_code_is_redeemed_with_the_verifier_of_its_consent(account: SalesforceAccount) -> None:
    code = consent(account, "acme:1")
    grant: Grant = asyncio.run(endpoint(account).redeem(code, REDIRECT, "acme:1"))
    assert grant.organization_id == account.org.id
    assert grant.user_id == account.user
    assert grant.scopes == ("api", "refresh_token")
    assert grant.tokens.instance_url == account.url
    assert grant.tokens.refresh
    first_pages(account, tokens=MemoryTokenStore(grant.tokens))
    assert token_calls(account) == 1


def test_the_consent_page_shows_and_sends_back(account: SalesforceAccount) -> None:
    url = authorize_url(account.app, redirect_uri=REDIRECT, state="acme:1", login_url=account.url)
    page = requests.get(url, timeout=10)
    assert page.status_code == 200
    assert "Hardfin" in page.text


def test_a_code_of_another_consent_is_refused(account: SalesforceAccount) -> None:
    code = consent(account, "acme:1")
    with pytest.raises(NeedsAttention, match="connect Salesforce again") as caught:
        asyncio.run(endpoint(account).redeem(code, REDIRECT, "acme:2"))
    assert "invalid code verifier" in str(caught.value)


def test_each_renewal_gives_a_new_refresh_token_that_is_saved_before_use(account: SalesforceAccount) -> None:
    store = NotingStore(account.store.load())
    first_pages(account, tokens=store)
    account.age_access_token()
    first_pages(account, tokens=store)
    assert len({each.refresh for each in store.saved}) == len(store.saved) == 2
    assert account.store.load().refresh not in {each.refresh for each in store.saved}


@pytest.mark.parametrize("connectors", [2, 8])
def test_however_many_ask_at_once_one_renews(account: SalesforceAccount, connectors: int) -> None:
    account.create_deals(minutes(1))
    found = first_pages(account, connectors)
    assert sum(each.calls.token_refreshes for each in found) == token_calls(account) == 1
    account.age_access_token()
    found = first_pages(account, connectors)
    assert sum(each.calls.token_refreshes for each in found) == 1
    assert token_calls(account) == 2


def test_a_refused_session_costs_one_refusal_and_one_renewal(account: SalesforceAccount) -> None:
    first_pages(account)
    account.age_access_token()
    (connector,) = first_pages(account)
    assert (connector.calls.total, connector.calls.token_refreshes) == (2, 1)


def test_a_session_that_is_refused_for_ever_ends(account: SalesforceAccount) -> None:
    fault = account.fault("session_expired", times=None)
    with pytest.raises(NeedsAttention, match="connect Salesforce again"):
        first_pages(account)
    assert fault.hits == 2


def test_a_token_that_another_process_renewed_without_our_lock_is_taken_up(account: SalesforceAccount) -> None:
    stolen = account.store.load()
    first_pages(account)
    newer = account.store.load()

    class Late(MemoryTokenStore):
        """Shows what the other process saved only after the first look."""

        looks = 0

        def load(self) -> Tokens:
            self.looks += 1
            return stolen if self.looks < 3 else newer

    (connector,) = first_pages(account, tokens=Late(stolen))
    assert connector.calls.token_refreshes == 1


def test_a_dead_refresh_token_needs_a_person_and_is_not_tried_again(account: SalesforceAccount) -> None:
    account.revoke()
    with pytest.raises(NeedsAttention, match="connect Salesforce again") as caught:
        first_pages(account)
    assert token_calls(account) == 1
    assert account.store.load().refresh not in str(caught.value)


def test_a_session_is_renewed_daily_so_that_its_refresh_token_stays_alive(account: SalesforceAccount) -> None:
    account.org.settings.session_minutes = 10**6
    for _ in range(40):
        first_pages(account)
        account.sandbox.clock.advance(timedelta(days=1).total_seconds())
    assert token_calls(account) == 40


def test_a_paused_connection_can_be_kept_alive(account: SalesforceAccount) -> None:
    first_pages(account)
    for _ in range(5):
        account.sandbox.clock.advance(timedelta(days=25).total_seconds())
        asyncio.run(account.new_connector().keep_alive())
    first_pages(account)
    account.sandbox.clock.advance(timedelta(days=31).total_seconds())
    with pytest.raises(NeedsAttention, match="expired access/refresh token"):
        first_pages(account)


def test_the_token_endpoint_down_does_not_stop_a_session_that_lives(account: SalesforceAccount) -> None:
    account.org.settings.session_minutes = 10**6
    first_pages(account)
    account.sandbox.clock.advance(timedelta(days=2).total_seconds())
    account.fault("server_unavailable", path="/services/oauth2/token", times=None)
    first_pages(account)
    account.age_access_token()
    with pytest.raises(RetryLater, match="SERVER_UNAVAILABLE"):
        first_pages(account)


def test_client_credentials_need_no_refresh_token(account: SalesforceAccount) -> None:
    app = replace(account.app, flow="client_credentials")
    store = NotingStore(Tokens(""))
    first_pages(account, app=app, tokens=store)
    account.age_access_token()
    first_pages(account, app=app, tokens=store)
    assert [each.refresh for each in store.saved] == ["", ""]
    account.sandbox.tokens.policy(account.org).run_as = None
    account.age_access_token()
    with pytest.raises(NeedsAttention, match="no client credentials user enabled"):
        first_pages(account, app=app, tokens=store)


def test_a_jwt_is_signed_for_the_user(account: SalesforceAccount) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account.sandbox.tokens.app.certificate = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    username = account.org.record("User", account.user)["Username"]
    app = OAuthApp(account.app.client_id, flow="jwt_bearer", username=username, private_key=pem)
    with pytest.raises(NeedsAttention, match="hasn't approved this consumer"):
        first_pages(account, app=app, tokens=MemoryTokenStore(Tokens("")))
    account.sandbox.tokens.policy(account.org).approved_users.add(account.user)
    first_pages(account, app=app, tokens=MemoryTokenStore(Tokens("")))
    with pytest.raises(NeedsAttention, match="expected the PEM of an RSA key"):
        first_pages(account, app=replace(app, private_key="x"), tokens=MemoryTokenStore(Tokens("")))


def test_an_app_that_salesforce_does_not_know_is_the_operators_to_mend(account: SalesforceAccount) -> None:
    for app in (replace(account.app, client_id="x"), replace(account.app, client_secret="hush-hush-hush")):
        with pytest.raises(NeedsAttention, match="check its client id and secret") as caught:
            first_pages(account, app=app)
        assert "hush" not in str(caught.value)


def test_without_credentials_or_an_app_it_says_what_to_do(account: SalesforceAccount) -> None:
    with pytest.raises(NeedsAttention, match="connect Salesforce first"):
        first_pages(account, tokens=MemoryTokenStore(Tokens("")))
    session = account.sandbox.session(account.org)
    store = MemoryTokenStore(Tokens(session, instance_url=account.url))
    first_pages(account, app=None, tokens=store)
    account.age_access_token()
    with pytest.raises(NeedsAttention, match="cannot be renewed: connect Salesforce again"):
        first_pages(account, app=None, tokens=store)


@pytest.mark.parametrize(
    ("login", "instance", "allowed"),
    [
        ("https://login.salesforce.com", "https://acme.my.salesforce.com", True),
        ("https://login.salesforce.com", "http://acme.my.salesforce.com", False),
        ("https://login.salesforce.com", "acme.my.salesforce.com", False),
        ("http://localhost:1", "http://localhost:1", True),
        ("http://localhost:1", "ftp://localhost:1", False),
    ],
)
def test_a_token_is_never_sent_in_the_clear_to_salesforce(account, login, instance, allowed) -> None:
    found = TokenEndpoint(transport=account.transport, app=account.app, login_url=login)
    if allowed:
        assert found._checked(f"{instance}/") == instance
    else:
        with pytest.raises(VendorContractError, match="instance_url"):
            found._checked(instance)


def test_secrets_are_in_no_repr(account: SalesforceAccount) -> None:
    tokens = account.store.load()
    org = account.transport.org("00Dsecret!token", account.url)
    shown = repr(tokens) + repr(account.app) + repr(OAuthApp("id", "s3cret", private_key="-----")) + repr(org)
    assert not re.search(r"5Aep|s3cret|-----|00Dsecret", shown + account.app.client_id * 0)
    assert account.app.client_secret not in shown
