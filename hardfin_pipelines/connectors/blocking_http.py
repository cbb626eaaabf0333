"""HTTP through libraries that block: one pool of connections, in threads of its own, for all connectors of a vendor."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from hardfin_pipelines.connectors.http import Answer, NoAnswer, http_date, user_agent
from hardfin_pipelines.connectors.pools import TellingAdapter, telling

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 1.0
_GONE = "was not asked: whoever wanted to know is gone"

BeforeSending = Callable[[], Coroutine[Any, Any, None]]


class BlockingHttp:
    """Connections and threads that connectors of several accounts and event loops share.

    Nothing is tried again, no redirect is followed, no cookie is kept.
    """

    def __init__(
        self,
        name: str,
        *,
        connections: int = 32,
        connect_seconds: float = _CONNECT_SECONDS,
        read_seconds: float = _READ_SECONDS,
        verify: str | bool = True,
    ) -> None:
        """Nothing is opened yet.

        Args:
            name: Of the threads, for people who look at them.
            connections: Calls under way at once, to all accounts together.
            connect_seconds: How long a connection may take.
            read_seconds: How long an answer may keep us waiting between two pieces of it.
            verify: A file of certificates to trust instead of the machine's.
        """
        self._seconds = (connect_seconds, read_seconds)
        self._executor = ThreadPoolExecutor(connections, thread_name_prefix=name)
        session = requests.Session()
        for scheme in ("https://", "http://"):
            adapter = TellingAdapter(pool_connections=connections, pool_maxsize=connections, pool_block=True)
            session.mount(scheme, adapter)
        session.headers.update({"User-Agent": user_agent(), "Accept": "application/json"})
        session.verify = verify
        # Accounts share the session: no cookie of one may go to another, and no .netrc may take the token's place.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.auth = _as_it_is
        self.session = session

    def request(self, method: str, url: str, **given: Any) -> requests.Response:
        """One request, from a thread; what is given is as for `requests`.

        Raises:
            requests.RequestException: Nothing came, or not all of it.
        """
        # requests must be told of certificates with each call: else a file that the environment names goes first.
        verify = None if self.session.verify is True else self.session.verify
        return self.session.request(method, url, timeout=self._seconds, allow_redirects=False, verify=verify, **given)

    async def run(
        self,
        send: Callable[[], requests.Response],
        *,
        now: datetime,
        secrets: tuple[str, ...] = (),
        before_sending: BeforeSending | None = None,
    ) -> Answer:
        """What `send` gets, in a thread.

        Args:
            send: Sends one request by `request`.
            now: Our clock, for answers without a Date.
            secrets: Texts that are blotted out should the vendor send them back in a refusal.
            before_sending: Awaited in the running event loop when a connection is open and nothing is sent yet. What
                it raises is raised.

        Raises:
            NoAnswer: Nothing came, or not all of it.
        """
        tell = None if before_sending is None else _from_thread(before_sending, asyncio.get_running_loop())

        def sent() -> requests.Response:
            with telling(tell):
                return send()

        failure = ""
        try:
            response = await asyncio.get_running_loop().run_in_executor(self._executor, sent)
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

    def close(self) -> None:
        """Close the connections; calls under way still end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.session.close()


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


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
