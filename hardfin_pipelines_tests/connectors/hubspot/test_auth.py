import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorError
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.hubspot import Grant, OAuthApp, authorize_url, exchange_code
from hardfin_pipelines.connectors.hubspot.oauth import SCOPES
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines_tests.connectors.conformance import minutes
from hardfin_pipelines_tests.connectors.hubspot.account import SEARCH, HubSpotAccount

TOKEN = "/oauth/2026-03/token"


def sandbox_time(account: HubSpotAccount) -> Clock:
    """A clock that is the sandbox's in all respects, for the life of tokens."""
    return Clock(account.sandbox.clock.now, account.clock.monotonic, account.clock.sleep)


def token_calls(account: HubSpotAccount) -> int:
    return account.sandbox.call_log.count(path=TOKEN)


def pages(account: HubSpotAccount, advances: list[float], **changes: Any) -> None:
    """A first page, then another after each advance of time."""

    async def run() -> None:
        async with account.connector(clock=sandbox_time(account), **changes) as connector:
            await connector.first_page(account.query(), ())
            for seconds in advances:
                account.sandbox.clock.advance(seconds)
                await connector.first_page(account.query(), ())

    asyncio.run(run())


def test_a_token_is_replaced_at_four_fifths_of_its_life_before_it_is_refused(account: HubSpotAccount) -> None:
    pages(account, [1_430])
    assert token_calls(account) == 1
    pages(account, [20])
    assert token_calls(account) == 2
    assert account.sandbox.call_log.count(status=401) == 0


def test_a_new_token_is_saved_before_it_is_used(account: HubSpotAccount) -> None:
    events: list[str] = []

    class Store(MemoryTokenStore):
        def save(self, tokens: Tokens) -> None:
            super().save(tokens)
            events.append(f"saved after {account.searches()} searches")

    store = Store(account.store.load())
    pages(account, [], tokens=store)
    assert events == ["saved after 0 searches"]
    assert store.load().access
    assert store.load().refresh == account.store.load().refresh
    assert store.load().expires_at is not None


def test_many_callers_refresh_once(account: HubSpotAccount) -> None:
    account.create_deals(minutes(1))

    async def run() -> int:
        async with account.connector() as connector:
            await asyncio.gather(*(connector.first_page(account.query(), ()) for _ in range(4)))
            account.age_access_token()
            await asyncio.gather(*(connector.first_page(account.query(), ()) for _ in range(4)))
            return connector.calls.token_refreshes

    assert asyncio.run(run()) == 2
    assert token_calls(account) == 2


def test_a_token_another_process_fetched_is_taken(account: HubSpotAccount) -> None:
    async def run() -> int:
        async with account.connector() as connector:
            await connector.first_page(account.query(), ())
            account.age_access_token()
            fresh = Tokens(account.portal.issue_access_token(), account.store.load().refresh)
            account.store.save(fresh)
            await connector.first_page(account.query(), ())
            return connector.calls.token_refreshes

    assert asyncio.run(run()) == 1


def test_a_refresh_token_another_process_used_up_is_no_revocation(account: HubSpotAccount) -> None:
    newer = Tokens(account.portal.issue_access_token(), account.portal.issue_refresh_token())

    class RacedStore(MemoryTokenStore):
        loads = 0

        def load(self) -> Tokens:
            self.loads += 1
            return super().load() if self.loads <= 2 else newer

    pages(account, [], tokens=RacedStore(Tokens("", "na1-used-up")))
    assert token_calls(account) == 1


def test_a_rotated_refresh_token_is_kept(account: HubSpotAccount) -> None:
    account.sandbox.tokens.rotate_refresh_tokens = True
    before = account.store.load().refresh
    pages(account, [1_500, 1_500])
    assert account.store.load().refresh != before
    assert token_calls(account) == 3


def test_a_token_that_still_lives_is_used_while_the_token_endpoint_is_down(account: HubSpotAccount) -> None:
    pages(account, [])
    account.sandbox.clock.advance(1_450)
    fault = account.fault(path=TOKEN, times=None, status=503)
    pages(account, [])
    assert fault.hits == 6
    account.sandbox.clock.advance(1_000)
    with pytest.raises(RetryLater, match=r"503 to POST /oauth/2026-03/token 6 times"):
        pages(account, [])


def test_a_removed_app_needs_attention(account: HubSpotAccount) -> None:
    account.portal.uninstall_app()
    with pytest.raises(NeedsAttention, match="HubSpot access was revoked or expired: connect HubSpot again"):
        pages(account, [])


def test_a_wrong_app_needs_attention_of_another_kind(account: HubSpotAccount) -> None:
    with pytest.raises(NeedsAttention, match="check its client id and client secret"):
        pages(account, [], app=OAuthApp(account.app.client_id, "wrong-secret"))


def test_no_credentials_need_attention(account: HubSpotAccount) -> None:
    with pytest.raises(NeedsAttention, match="HubSpot is not connected"):
        pages(account, [], tokens=MemoryTokenStore(Tokens("")))
    assert account.sandbox.call_log.total == 0


def test_the_account_is_known_from_the_token_reply_without_a_call_of_its_own(account: HubSpotAccount) -> None:
    async def run() -> tuple[str, int]:
        async with account.connector() as connector:
            return await connector.account_id(), connector.calls.total

    assert asyncio.run(run()) == ("4242", 0)
    assert account.sandbox.call_log.total == 1


def test_the_account_is_found_by_introspection(account: HubSpotAccount) -> None:
    store = MemoryTokenStore(Tokens(account.portal.issue_access_token(), account.portal.issue_refresh_token()))

    async def run() -> str:
        async with account.connector(tokens=store) as connector:
            return await connector.account_id()

    assert asyncio.run(run()) == "4242"
    assert account.sandbox.call_log.count(path=f"{TOKEN}/introspect") == 1


def test_the_account_of_a_static_token_is_found(account: HubSpotAccount) -> None:
    store = MemoryTokenStore(Tokens(account.portal.issue_static_token()))

    async def run() -> str:
        async with account.connector(tokens=store, app=None) as connector:
            return await connector.account_id()

    assert asyncio.run(run()) == "4242"


def redeem(account: HubSpotAccount, code: str, redirect_uri: str) -> Grant:
    async def run() -> Grant:
        async with open_http_client() as http:
            return await exchange_code(
                http=http,
                base_url=account.url,
                app=account.app,
                code=code,
                redirect_uri=redirect_uri,
                clock=account.clock,
            )

    return asyncio.run(run())


def test_a_person_connects_an_account(account: HubSpotAccount) -> None:
    redirect_uri = "https://hardfin.example/hubspot/callback"
    url = authorize_url(
        account.app, redirect_uri=redirect_uri, state="s 1&x", app_url=f"{account.url}/", optional_scopes=["tickets"]
    )
    answer = httpx.get(url)
    assert answer.status_code == 302
    came_back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert came_back["state"] == ["s 1&x"]
    grant = redeem(account, came_back["code"][0], redirect_uri)
    assert (grant.hub_id, grant.scopes) == ("4242", (*SCOPES, "tickets"))
    assert grant.tokens.expires_at is not None
    pages(account, [], tokens=MemoryTokenStore(grant.tokens))
    assert account.sandbox.call_log.count(path=SEARCH, status=200) == 1


def test_a_used_code_needs_attention_and_is_not_shown(account: HubSpotAccount) -> None:
    code = account.portal.issue_authorization_code("https://x.example/")
    redeem(account, code, "https://x.example/")
    with pytest.raises(VendorError, match="authorization code") as caught:
        redeem(account, code, "https://x.example/")
    assert isinstance(caught.value, NeedsAttention)
    assert code not in str(caught.value)


def test_secrets_that_the_token_endpoint_repeats_are_blotted_out(account: HubSpotAccount) -> None:
    body = f'{{"status":"ODD","message":"bad {account.app.client_secret} {account.store.load().refresh}"}}'
    account.fault(path=TOKEN, status=400, body=body)
    with pytest.raises(VendorError, match=r"bad \*\*\* \*\*\*"):
        pages(account, [])


def test_refresh_is_due_by_the_life_of_the_token() -> None:
    from hardfin_pipelines_tests.connectors.conformance import START

    end = START + timedelta(minutes=30)
    whole = Tokens("a", "r", end, START)
    assert not whole.refresh_is_due(START + timedelta(minutes=23))
    assert whole.refresh_is_due(START + timedelta(minutes=24))
    assert Tokens("a", "r", end).refresh_is_due(START + timedelta(minutes=24))
    assert not Tokens("a", "r", end).refresh_is_due(START + timedelta(minutes=23))
    assert not Tokens("static").refresh_is_due(end)
    assert Tokens("static").is_usable(end)
    assert not whole.is_usable(end)
