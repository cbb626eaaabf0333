"""NetSuite, as the engine connects to it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import orjson

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.http import open_http_client
from hardfin_pipelines.connectors.netsuite import (
    READ_SECONDS,
    NetSuiteConnector,
    NetSuiteLimits,
    OAuthApp,
    TokenEndpoint,
    TokenKeys,
)
from hardfin_pipelines.connectors.netsuite.limits import AccountLimiters, rate_windows
from hardfin_pipelines.connectors.netsuite.oauth import algorithm_of
from hardfin_pipelines.connectors.netsuite.versions import account_url
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens
from hardfin_pipelines.engine.vendors.contract import Secret, Shared, SignIn
from hardfin_pipelines.engine.vendors.renewal import renewal_lock
from hardfin_pipelines.organizations.account_descriptions import description_from_json
from hardfin_pipelines.organizations.netsuite_accounts import NetSuiteAccount
from hardfin_pipelines.platform.call_places import StoredPlaces
from hardfin_pipelines.platform.call_slots import StoredSlots
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.sync.call_budget import Reserve
from hardfin_pipelines.sync.call_windows import CallWindow

_KEYS = ("consumer_key", "consumer_secret", "token", "token_secret")


class NetSuiteVendor:
    """NetSuite accounts. One HTTP client serves all connectors of an event loop; threads may share this.

    Attributes:
        limits: How hard accounts may be asked.
    """

    unused_tokens_die = None

    def __init__(self, shared: Shared, places: StoredPlaces) -> None:
        self.shared = shared
        self.limits = NetSuiteLimits()
        self._http: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._limiters: LimiterRegistry[AccountLimiters] = LimiterRegistry(places)
        self._slots = StoredSlots(shared.engine)

    def connector(self, row: ConnectionRow, memory: PageMemory | None, reserve: Reserve) -> NetSuiteConnector:  # noqa: ARG002
        """A connector for a connection's account. NetSuite publishes no limit by the day.

        Raises:
            Refusal: Our key is not configured.
            NeedsAttention: The connection has no credentials.
        """
        configured = _configured(row.configuration)
        tokens = StoredTokens(self.shared.engine, self.shared.vault, row)
        by_keys = configured.sign_in == "tokens"
        return NetSuiteConnector(
            http=self._client(),
            account_id=configured.account,
            credentials=_keys(tokens.load().access) if by_keys else self._app(configured),
            tokens=None if by_keys else tokens,
            limits=self.limits,
            api_url=self._url(configured),
            described=None if row.description is None else description_from_json(row.description),
            sku_field=configured.sku_field,
            price_level=configured.price_level,
            documents_since=documents_since(row.configuration),
            memory=memory,
            limiters=self._limiters,
            slots=self._slots,
            renewal_lock=renewal_lock(self.shared.engine, row),
        )

    def floor(self) -> float:
        """None: NetSuite publishes no number of calls a day."""
        return 0.0

    def rate_windows(self, account_id: str, configuration: Mapping[str, Any]) -> list[CallWindow]:
        """The rate window of an account: ours, since NetSuite limits what is under way and publishes no other limit."""
        return rate_windows(self.limits, self._url(_configured(configuration)), account_id)

    def consent_url(self, row: ConnectionRow, redirect_uri: str, state: str) -> str:  # noqa: ARG002  # there is none
        """Nowhere: NetSuite's administrator maps our certificate to a role.

        Raises:
            Refusal: Always, with what to do.
        """
        if _configured(row.configuration).sign_in == "tokens":
            text = "signs in by the keys of its integration: connect it with --access-token-from"
        else:
            text = "signs in by our certificate: no consent is needed, connect it with --by-app"
        raise Refusal(f"{row.connection_id} {text}")

    async def sign_in(self, row: ConnectionRow, secret: Secret) -> SignIn:
        """Sign in to an account by our key, or take the keys of an older integration.

        Raises:
            Refusal: Our key is not configured, or this is nothing to sign in with.
            VendorError: NetSuite does not take it.
        """
        configured = _configured(row.configuration)
        if configured.sign_in == "tokens":
            if not secret.access_token:
                raise Refusal(f"{row.connection_id} signs in by tokens: give their JSON with --access-token-from")
            _keys(secret.access_token)
            return SignIn(Tokens(secret.access_token), configured.account)
        if secret.code or secret.refresh_token or secret.access_token:
            raise Refusal(f"{row.connection_id} signs in by our certificate: connect it with --by-app")
        endpoint = TokenEndpoint(http=self._client(), api_url=self._url(configured), app=self._app(configured))
        return SignIn(await endpoint.mint(), configured.account)

    async def renew_tokens(self, row: ConnectionRow) -> None:
        """Nothing to do: our key gets new tokens whenever they are needed."""

    async def aclose(self) -> None:
        """Close the HTTP client of the running event loop; the next connector opens another."""
        http = self._http.pop(asyncio.get_running_loop(), None)
        if http is not None:
            await http.aclose()

    def _url(self, configured: NetSuiteAccount) -> str:
        return self.shared.settings.netsuite_url or account_url(configured.account)

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()  # a client's connections belong to the loop they were opened in
        if loop not in self._http:
            self._http[loop] = open_http_client(read_seconds=READ_SECONDS)
        return self._http[loop]

    def _app(self, configured: NetSuiteAccount) -> OAuthApp:
        client_id = configured.client_id or self.shared.settings.netsuite_client_id
        if not client_id:
            raise Refusal(
                "set HARDFIN_NETSUITE_CLIENT_ID to that of our NetSuite integration, or client_id in the YAML"
            )
        return OAuthApp(client_id, configured.certificate or "", self._private_key())

    def _private_key(self) -> str:
        file = self.shared.settings.netsuite_private_key_file
        if file is None:
            raise Refusal("set HARDFIN_NETSUITE_PRIVATE_KEY_FILE to the PEM of the key that our certificate is of")
        try:
            key = file.read_text(encoding="ascii")
            algorithm_of(key)
        except (OSError, ValueError) as error:
            raise Refusal(f"HARDFIN_NETSUITE_PRIVATE_KEY_FILE: {file} cannot be used ({error})") from None
        return key


def documents_since(configuration: Mapping[str, Any]) -> datetime | None:
    """Since when sales documents are kept, by a connection's start date; None for all."""
    start = configuration.get("start_date")
    return None if start is None else datetime.combine(date.fromisoformat(start), time(), UTC)


def _configured(configuration: Mapping[str, Any]) -> NetSuiteAccount:
    return NetSuiteAccount.model_validate(configuration.get("netsuite") or {})


def _keys(text: str) -> TokenKeys:
    """Keys of token-based authentication from the JSON that a person gave."""
    wanted = f"expected JSON with the texts {', '.join(_KEYS)}"
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Refusal(f"NetSuite's tokens are no JSON object: {wanted}")
    missing = [name for name in _KEYS if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise Refusal(f"NetSuite's tokens lack {', '.join(missing)}: {wanted}")
    return TokenKeys(*(given[name] for name in _KEYS))
