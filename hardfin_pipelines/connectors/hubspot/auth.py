"""The access token of one connection: fetched ahead of time, saved before use, replaced once when refused."""

import asyncio
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater
from hardfin_pipelines.connectors.hubspot.errors import INTEGRATION
from hardfin_pipelines.connectors.hubspot.oauth import OAuthApp, TokenEndpoint, is_dead_grant
from hardfin_pipelines.connectors.tokens import Tokens, TokenStore

__all__ = ["Authenticator", "OAuthApp"]

_PAUSE_AFTER_FAILED_REFRESH = timedelta(minutes=1)


class Authenticator:
    """Gives the access token to send. HubSpot docs: refresh by `expires_in`; a 401 is no reliable sign of its end."""

    def __init__(self, *, endpoint: TokenEndpoint | None, store: TokenStore, calls: CallCounts, clock: Clock) -> None:
        """`endpoint` is None where there is no app: then only static tokens can be used."""
        self._endpoint = endpoint
        self._store = store
        self._calls = calls
        self._clock = clock
        self._tokens: Tokens | None = None
        self._refreshing = asyncio.Lock()
        self._no_refresh_before: datetime | None = None
        self._hub_id = ""

    async def access_token(self) -> str:
        """The token for the next call.

        Raises:
            NeedsAttention: Access was revoked, or there are no credentials.
            RetryLater: HubSpot's token endpoint is down and the token at hand has ended.
        """
        tokens = self._current()
        now = self._clock.now()
        held_back = self._no_refresh_before is not None and now < self._no_refresh_before
        if not tokens.refresh_is_due(now) or (held_back and tokens.is_usable(now)):
            return tokens.access
        try:
            return await self.replace(tokens.access)
        except RetryLater:
            if not tokens.is_usable(self._clock.now()):
                raise
            # It is good for a while yet: work on with it.
            self._no_refresh_before = self._clock.now() + _PAUSE_AFTER_FAILED_REFRESH
            return tokens.access

    async def replace(self, refused: str) -> str:
        """A token in place of one that HubSpot refuses or that is due; asked for once however many callers wait.

        Raises:
            NeedsAttention: There is none: access was revoked, or the token is a static one.
            RetryLater: HubSpot's token endpoint is down.
        """
        async with self._refreshing:
            if self._current().access != refused:
                return self._current().access
            stored = self._store.load()
            if stored.access not in {refused, ""} and not stored.refresh_is_due(self._clock.now()):
                self._tokens = stored  # another process was here first
                return stored.access
            self._tokens = await self._refreshed(stored)
            return self._tokens.access

    async def hub_id(self) -> str:
        """The account, from the last token reply or by introspection; "" for a static token without an app."""
        if not self._hub_id and self._endpoint is not None:
            token = await self.access_token()
            if not self._hub_id:
                self._hub_id = await self._endpoint.hub_id(token)
        return self._hub_id

    def _current(self) -> Tokens:
        if self._tokens is None:
            self._tokens = self._store.load()
            if not self._tokens.access and not self._tokens.refresh:
                raise NeedsAttention(INTEGRATION, "HubSpot is not connected: connect HubSpot first")
        return self._tokens

    async def _refreshed(self, stored: Tokens) -> Tokens:
        if not stored.refresh or self._endpoint is None:
            text = "HubSpot refuses our access token and it cannot be renewed: connect HubSpot again with a valid token"
            raise NeedsAttention(INTEGRATION, text)
        self._calls.token_refreshes += 1
        try:
            grant = await self._endpoint.refresh(stored.refresh)
        except NeedsAttention as error:
            newer = self._store.load()
            if is_dead_grant(error) and newer.refresh != stored.refresh and newer.access:
                return newer  # another process used the refresh token up, and saved what it got
            raise
        self._store.save(grant.tokens)
        self._hub_id = grant.hub_id or self._hub_id
        self._no_refresh_before = None
        return grant.tokens
