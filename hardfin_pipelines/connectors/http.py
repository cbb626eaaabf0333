"""HTTP as all connectors speak it: one shared client, and exchanges that leak no secret when they fail."""

import os
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from importlib.metadata import version
from math import isfinite
from typing import Any, TypeVar

import httpx
import orjson

from hardfin_pipelines.connectors.json_text import loads_leniently

Parsed = TypeVar("Parsed")

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0


@cache
def user_agent() -> str:
    """How we introduce ourselves to vendors."""
    return f"hardfin-pipelines/{version('hardfin-pipelines')}"


def open_http_client(*, connections: int = 100, read_seconds: float = _READ_SECONDS) -> httpx.AsyncClient:
    """The client that all connectors of a process share; close it when the last of them is done.

    Args:
        connections: Open connections at most, to all vendors together; calls beyond wait their turn.
        read_seconds: How long an answer may keep us waiting between two pieces of it.
    """
    return httpx.AsyncClient(
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30),
        # No limit for the wait for a free connection: the rate limiters decide how many calls there are.
        timeout=httpx.Timeout(read_seconds, connect=_CONNECT_SECONDS, pool=None),
        verify=_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        headers={"User-Agent": user_agent(), "Accept": "application/json"},
        follow_redirects=False,
    )


@cache
def _certificates(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Whom to trust, by the two variables that may say so: read once, since that takes 20 ms."""
    return httpx.create_ssl_context()


@dataclass(frozen=True)
class Answer:
    """A vendor's answer.

    Attributes:
        status: HTTP status.
        body: As received.
        headers: Names in lower case.
        vendor_time: The answer's Date header, or our clock where it has none.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    vendor_time: datetime

    @cached_property
    def document(self) -> Any:
        """The body's JSON.

        Raises:
            ValueError: It is no JSON.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return loads_leniently(self.body)

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The body's JSON object; empty where the body is something else."""
        try:
            document = self.document
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def parsed(self, parse: Callable[[bytes], Parsed]) -> Parsed:
        """What `parse` makes of the body; worked out once, however often it is asked for.

        Raises:
            Whatever `parse` raises, each time.
        """
        known: dict[Any, Any] = self.__dict__.setdefault("_parsed", {})
        if parse not in known:
            known[parse] = parse(self.body)
        found: Parsed = known[parse]
        return found

    def with_headers(self, names: Collection[str]) -> "Answer":
        """The same answer with only some of its headers; what was parsed of it stays parsed."""
        answer = replace(self, headers={name: self.headers[name] for name in names if name in self.headers})
        answer.__dict__["_parsed"] = self.__dict__.get("_parsed", {})
        return answer

    @property
    def content_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("content-type", "no content type").partition(";")[0].strip()

    def retry_after(self) -> float | None:
        """Seconds the vendor asks us to wait: `Retry-After` as seconds or as an HTTP date; None without one."""
        text = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(text)
        except ValueError:
            moment = http_date(text)
            return None if moment is None else max((moment - self.vendor_time).total_seconds(), 0.0)
        return max(seconds, 0.0) if isfinite(seconds) else None


class NoAnswer(Exception):
    """The exchange failed on the way. Its text names the kind of failure and nothing of the request."""


def http_date(text: str) -> datetime | None:
    """An HTTP date, aware and in UTC; None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _at_sending(work: Callable[[], Awaitable[None]]) -> Callable[[str, Any], Awaitable[None]]:
    """For httpcore, which tells of each step of a request and waits for whom it tells (httpcore docs: extensions)."""

    async def trace(step: str, _facts: Any) -> None:
        if step.endswith("send_request_headers.started"):
            await work()

    return trace


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    now: datetime,
    headers: Mapping[str, str],
    content: bytes = b"",
    secrets: tuple[str, ...] = (),
    before_sending: Callable[[], Awaitable[None]] | None = None,
) -> Answer:
    """Send one request and read its answer whole.

    Args:
        http: The shared client.
        method: HTTP method.
        url: Absolute.
        now: Our clock, for answers without a Date.
        headers: Added to the client's own.
        content: The body.
        secrets: Texts that are blotted out should the vendor send them back in a refusal.
        before_sending: Awaited when a connection is open and nothing is sent yet. What it raises is raised.

    Raises:
        NoAnswer: Nothing came, or not all of it. httpx's own error is not chained: it holds the request.
    """
    failure = ""
    try:
        extensions = None if before_sending is None else {"trace": _at_sending(before_sending)}
        response = await http.request(
            method, url, headers=dict(headers), content=content or None, extensions=extensions
        )
    except httpx.TimeoutException as error:
        failure = f"gave no answer in time ({type(error).__name__})"
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        failure = f"could not be reached ({type(error).__name__})"
    if failure:
        raise NoAnswer(failure)
    body = response.content
    if response.status_code >= 300:  # a record's own bytes stay as received
        for secret in filter(None, secrets):
            body = body.replace(secret.encode(), b"***")
    vendor_time = http_date(response.headers.get("date", "")) or now
    return Answer(response.status_code, body, dict(response.headers.items()), vendor_time)
