"""HTTP to Salesforce: simple-salesforce, which blocks, in threads of its own.

What simple-salesforce does by itself and what is in its place here:

- It refreshes a refused session by a hook that loses the call's headers, and for some calls without end; bulk calls
  it never refreshes. Here no hook is set: the answer comes back as it is, and the client refreshes once.
- It asks for indented JSON (`X-PrettyPrint: 1`), 40 % more to read, and parses into ordered dictionaries. Here the body
  stays as received.
- It has no timeout and a pool of the default size. Here every call has both.
- It writes `https://` before the host whatever the instance URL says. Here the URL is taken as it is; whether it may be
  a plain one, `oauth` decides.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import requests
from simple_salesforce.api import Salesforce

from hardfin_pipelines.connectors.blocking_http import BeforeSending, BlockingHttp
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce.limits import PAGE
from hardfin_pipelines.connectors.salesforce.requests import Request
from hardfin_pipelines.connectors.salesforce.versions import API_VERSION, DATA

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 120.0


class Org(Salesforce):
    """simple-salesforce for one session of one org, without what it does by itself (see the module)."""

    def __init__(self, access_token: str, instance_url: str, http: BlockingHttp) -> None:
        super().__init__(
            session_id=access_token,
            instance_url=instance_url,
            version=API_VERSION,
            session=http.session,
            object_pairs_hook=None,
        )
        self.base_url = instance_url.rstrip("/") + DATA
        self.headers["X-PrettyPrint"] = "0"
        self._http = http

    def __repr__(self) -> str:
        return f"Org({self.base_url})"

    def ask(self, request: Request) -> requests.Response:
        """The response to a request, whatever its status."""
        headers = {"Sforce-Query-Options": f"batchSize={request.batch_size}"} if request.batch_size != PAGE else {}
        if request.media == "csv":
            headers["Accept"] = "text/csv"
        if request.statement is not None:
            response = self.query(request.statement.text, request.statement.deleted_too, headers=headers)
        elif request.locator:
            response = self.query_more(request.locator, headers=headers)
        else:
            url = self.base_url + request.path
            response = self._call_salesforce(request.method, url, data=request.body or None, headers=headers)
        assert isinstance(response, requests.Response)  # noqa: S101  # see `parse_result_to_json`
        return response

    def _call_salesforce(
        self,
        method: str,
        url: str,
        name: str = "",  # noqa: ARG002  # the signature is the library's
        retries: int = 0,  # noqa: ARG002
        max_retries: int = 3,  # noqa: ARG002
        **kwargs: Any,
    ) -> requests.Response:
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return self._http.request(method, url, headers=headers, **kwargs)

    def parse_result_to_json(self, result: requests.Response) -> Any:
        """The response itself: its body is read where its kind is known."""
        return result


class SalesforceTransport:
    """The connections and threads that all Salesforce connectors of a process share; of any event loop.

    Close it when the last of them is done. Nothing is tried again here: every call is one that Salesforce counts.
    """

    def __init__(
        self,
        *,
        connections: int = 32,
        connect_seconds: float = _CONNECT_SECONDS,
        read_seconds: float = _READ_SECONDS,
        verify: str | bool = True,
    ) -> None:
        """A transport that has opened nothing yet.

        Args:
            connections: Calls under way at once, to all orgs together.
            connect_seconds: How long a connection may take.
            read_seconds: How long an answer may keep us waiting between two pieces of it.
            verify: A file of certificates to trust instead of the machine's.
        """
        self._http = BlockingHttp(
            "salesforce",
            connections=connections,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            verify=verify,
        )

    def org(self, access_token: str, instance_url: str) -> Org:
        """One session of one org."""
        return Org(access_token, instance_url, self._http)

    async def ask(
        self,
        org: Org,
        request: Request,
        *,
        now: datetime,
        secrets: tuple[str, ...] = (),
        before_sending: BeforeSending | None = None,
    ) -> Answer:
        """Send one request and read its answer whole.

        Args:
            org: The session to ask with.
            request: What to ask.
            now: Our clock, for answers without a Date.
            secrets: Texts that are blotted out should Salesforce send them back in a refusal.
            before_sending: Awaited in the running event loop when a connection is open and nothing is sent yet. What
                it raises is raised.

        Raises:
            NoAnswer: Nothing came, or not all of it.
        """
        return await self._http.run(lambda: org.ask(request), now=now, secrets=secrets, before_sending=before_sending)

    async def post_form(
        self, url: str, form: Mapping[str, str], *, now: datetime, secrets: tuple[str, ...] = ()
    ) -> Answer:
        """Post a form, as the token endpoint wants it.

        Raises:
            NoAnswer: Nothing came, or not all of it.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        def post() -> requests.Response:
            return self._http.request("POST", url, data=urlencode(form).encode(), headers=headers)

        return await self._http.run(post, now=now, secrets=secrets)

    def close(self) -> None:
        """Close the connections; calls under way still end by themselves."""
        self._http.close()
