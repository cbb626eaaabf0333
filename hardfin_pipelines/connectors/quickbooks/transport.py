"""HTTP to QuickBooks and Intuit's OAuth: python-quickbooks and intuit-oauth, which block, in threads of their own.

What the libraries do by themselves and what is in its place here:

- python-quickbooks reads every answer as JSON (throttling comes as XML), takes numbers for floats, and turns a deleted
  record into an active one with no name. It gets nothing to read here: the answer comes back as it is.
- It has no timeout, follows redirects with the token, and refuses addresses that begin with http://. Here each call has
  timeouts, no redirect is followed, and the address is taken as it is.
- intuit-oauth asks for the discovery document in its constructor, without a timeout, and keeps whatever members a
  token answer has as its own. Here it is told the addresses, and gets nothing to keep.
- Both open connections of their own. Here all connectors of a process share one pool.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from quickbooks import QuickBooks

from hardfin_pipelines.connectors.blocking_http import BeforeSending, BlockingHttp
from hardfin_pipelines.connectors.http import Answer, user_agent
from hardfin_pipelines.connectors.quickbooks.requests import Request
from hardfin_pipelines.connectors.quickbooks.versions import (
    AUTHORIZE_URL,
    MINOR_VERSION,
    REVOKE_URL,
    TOKEN_URL,
    VERSION,
)

SCOPE = Scopes.ACCOUNTING
"""Reading and writing; there is none for reading alone."""


@dataclass(frozen=True, slots=True)
class OAuthEndpoints:
    """Where Intuit's OAuth is.

    Attributes:
        authorize: Where a person is asked for consent.
        token: Where codes and refresh tokens are exchanged.
        revoke: Where a grant is ended.
    """

    authorize: str = AUTHORIZE_URL
    token: str = TOKEN_URL
    revoke: str = REVOKE_URL


@dataclass(frozen=True, slots=True)
class _NothingToRead:
    """What the libraries get in place of an answer."""

    status_code: int = 200
    text: str = "{}"
    content: bytes = b""


class Company(QuickBooks):  # type: ignore[misc]  # the library has no types
    """python-quickbooks for one call to one company, without what it does by itself (see the module)."""

    def __init__(
        self,
        *,
        company_id: str,
        minorversion: int,  # noqa: ARG002  # the library's `__new__` takes it
        api_url: str,
        access_token: str,
        http: BlockingHttp,
    ) -> None:
        self.company_id = quote(company_id, safe="")
        self.api_url_v3 = api_url.rstrip("/") + VERSION
        self._access_token = access_token
        self._http = http
        self._response: requests.Response | None = None

    def __repr__(self) -> str:
        return f"Company({self.company_id} at {self.api_url_v3})"

    def ask(self, request: Request) -> requests.Response:
        """The response to a request, whatever its status."""
        if request.operation == "query":
            self.query(request.body)
        elif request.operation == "cdc":
            self.change_data_capture(request.entities, request.since)
        else:
            self.batch_operation(request.body)
        assert self._response is not None  # noqa: S101  # each of the three calls `process_request`
        return self._response

    def process_request(
        self,
        request_type: str,
        url: str,
        headers: Any = "",
        params: Any = "",
        data: Any = "",
    ) -> _NothingToRead:
        """Send the library's request and keep its response."""
        sent = {**dict(headers or {}), "Authorization": f"Bearer {self._access_token}", "User-Agent": user_agent()}
        body = data.encode() if isinstance(data, str) else None
        self._response = self._http.request(request_type, url, headers=sent, params=params, data=body)
        return _NothingToRead()


class Intuit(AuthClient):  # type: ignore[misc]  # the library has no types
    """intuit-oauth for one exchange, without what it does by itself (see the module)."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        endpoints: OAuthEndpoints,
        redirect_uri: str = "",
        http: BlockingHttp | None = None,
    ) -> None:
        """Without `http` it makes addresses and sends nothing."""
        requests.Session.__init__(self)  # the library's own constructor asks for the discovery document
        self.client_id = client_id
        self.client_secret = client_secret
        self.redirect_uri = redirect_uri
        self.state_token = None
        self.realm_id = None
        self.auth_endpoint = endpoints.authorize
        self.token_endpoint = endpoints.token
        self.revoke_endpoint = endpoints.revoke
        self._http = http
        self.response: requests.Response | None = None

    def __repr__(self) -> str:
        return f"Intuit({self.token_endpoint})"

    def request(self, method: str, url: str, headers: Any = None, data: Any = None, **_given: Any) -> Any:
        """Send the library's request and keep its response."""
        assert self._http is not None  # noqa: S101  # given by all who send
        sent = {**(headers or {}), "User-Agent": user_agent()}
        self.response = self._http.request(method, url, headers=sent, data=data)
        return _NothingToRead()


class QuickBooksTransport:
    """The connections and threads that all QuickBooks connectors of a process share; of any event loop.

    Close it when the last of them is done. Nothing is tried again here: a read that succeeds costs money.
    """

    def __init__(
        self,
        *,
        connections: int = 32,
        connect_seconds: float = 10.0,
        read_seconds: float = 125.0,
        verify: str | bool = True,
    ) -> None:
        """A transport that has opened nothing yet.

        Args:
            connections: Calls under way at once, to all companies together.
            connect_seconds: How long a connection may take.
            read_seconds: How long an answer may keep us waiting between two pieces of it. QuickBooks ends requests of
                its own accord after 120 seconds (Intuit docs: rest essentials).
            verify: A file of certificates to trust instead of the machine's.
        """
        self.http = BlockingHttp(
            "quickbooks",
            connections=connections,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            verify=verify,
        )

    async def ask(
        self,
        request: Request,
        *,
        api_url: str,
        company_id: str,
        access_token: str,
        now: datetime,
        before_sending: BeforeSending | None = None,
    ) -> Answer:
        """Send one request to a company and read its answer whole.

        Args:
            request: What to ask.
            api_url: Where the API is.
            company_id: The company (its realm id).
            access_token: To ask with; it is blotted out should QuickBooks send it back in a refusal.
            now: Our clock, for answers without a Date.
            before_sending: Awaited when a connection is open and nothing is sent yet. What it raises is raised.

        Raises:
            NoAnswer: Nothing came, or not all of it.
        """

        def send() -> requests.Response:
            company = Company(
                company_id=company_id,
                minorversion=MINOR_VERSION,
                api_url=api_url,
                access_token=access_token,
                http=self.http,
            )
            return company.ask(request)

        return await self.http.run(send, now=now, secrets=(access_token,), before_sending=before_sending)

    async def get(self, url: str, *, now: datetime) -> Answer:
        """A document that needs no signing in.

        Raises:
            NoAnswer: Nothing came, or not all of it.
        """
        return await self.http.run(lambda: self.http.request("GET", url), now=now)

    def close(self) -> None:
        """Close the connections; calls under way still end by themselves."""
        self.http.close()
