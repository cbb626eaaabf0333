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

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import requests
from simple_salesforce.api import Salesforce

from hardfin_pipelines.connectors.http import Answer, NoAnswer, http_date, user_agent
from hardfin_pipelines.connectors.salesforce.limits import PAGE
from hardfin_pipelines.connectors.salesforce.pools import TellingAdapter, telling
from hardfin_pipelines.connectors.salesforce.requests import Request
from hardfin_pipelines.connectors.salesforce.versions import API_VERSION, DATA

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 1.0
_GONE = "was not asked: whoever wanted to know is gone"

BeforeSending = Callable[[], Coroutine[Any, Any, None]]


class Org(Salesforce):
    """simple-salesforce for one session of one org, without what it does by itself (see the module)."""

    def __init__(
        self, access_token: str, instance_url: str, session: requests.Session, seconds: tuple[float, float]
    ) -> None:
        super().__init__(
            session_id=access_token,
            instance_url=instance_url,
            version=API_VERSION,
            session=session,
            object_pairs_hook=None,
        )
        self.base_url = instance_url.rstrip("/") + DATA
        self.headers["X-PrettyPrint"] = "0"
        self._seconds = seconds

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
        verify = own_verify(self.session)
        return self.session.request(
            method, url, headers=headers, timeout=self._seconds, allow_redirects=False, verify=verify, **kwargs
        )

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
        self._seconds = (connect_seconds, read_seconds)
        self._executor = ThreadPoolExecutor(connections, thread_name_prefix="salesforce")
        session = requests.Session()
        for scheme in ("https://", "http://"):
            adapter = TellingAdapter(pool_connections=connections, pool_maxsize=connections, pool_block=True)
            session.mount(scheme, adapter)
        session.headers.update({"User-Agent": user_agent(), "Accept": "application/json"})
        session.verify = verify
        # Orgs share the session: no cookie of one may go to another, and no .netrc may take the token's place.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.auth = _as_it_is
        self._session = session

    def org(self, access_token: str, instance_url: str) -> Org:
        """One session of one org."""
        return Org(access_token, instance_url, self._session, self._seconds)

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
        tell = None if before_sending is None else _from_thread(before_sending, asyncio.get_running_loop())

        def send() -> requests.Response:
            with telling(tell):
                return org.ask(request)

        return await self._run(send, now, secrets)

    async def post_form(
        self, url: str, form: Mapping[str, str], *, now: datetime, secrets: tuple[str, ...] = ()
    ) -> Answer:
        """Post a form, as the token endpoint wants it.

        Raises:
            NoAnswer: Nothing came, or not all of it.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        def post() -> requests.Response:
            return self._session.post(
                url,
                data=urlencode(form).encode(),
                headers=headers,
                timeout=self._seconds,
                allow_redirects=False,
                verify=own_verify(self._session),
            )

        return await self._run(post, now, secrets)

    def close(self) -> None:
        """Close the connections; calls under way still end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    async def _run(self, send: Callable[[], requests.Response], now: datetime, secrets: tuple[str, ...]) -> Answer:
        failure = ""
        try:
            response = await asyncio.get_running_loop().run_in_executor(self._executor, send)
        except requests.Timeout as error:
            failure = f"gave no answer in time ({type(error).__name__})"
        except (requests.RequestException, UnicodeError) as error:
            failure = f"could not be reached ({type(error).__name__})"
        if failure:  # the library's own error is not chained: it holds the request
            raise NoAnswer(failure)
        body = response.content
        if response.status_code >= 300:
            for secret in filter(None, secrets):
                body = body.replace(secret.encode(), b"***")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, body, headers, http_date(headers.get("date", "")) or now)


def _from_thread(work: BeforeSending, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Does `work` in an event loop, from a thread that waits for it as long as the loop lives."""

    def wait() -> None:
        if loop.is_closed():
            raise NoAnswer(_GONE)
        future = asyncio.run_coroutine_threadsafe(work(), loop)
        while not futures.wait([future], timeout=_LOOK_AGAIN_SECONDS).done:
            if loop.is_closed():
                raise NoAnswer(_GONE)
        future.result()

    return wait


def own_verify(session: requests.Session) -> str | bool | None:
    """What requests must be told of certificates with each call: else a file that the environment names goes first."""
    return None if session.verify is True else session.verify


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
