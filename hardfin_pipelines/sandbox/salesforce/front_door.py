"""What Salesforce's front door does before the API is asked: too long requests, and calls that run long."""

import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST_HEAD_BYTES = 16_384
LONG_CALL_SECONDS = 20.0


def _refusal(status: int, reason: str) -> HTMLResponse:
    return HTMLResponse(f"<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>", status)


class RequestLength:
    """Refuses URIs, and URIs with headers, over 16,384 bytes: 414 and 431 with Jetty's page."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` gets what is short enough."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] == "http":
            uri = len(scope.get("raw_path") or scope["path"].encode()) + 1 + len(scope["query_string"])
            headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
            if uri > LONGEST_HEAD_BYTES:
                await _refusal(414, "URI Too Long")(scope, receive, send)
                return
            if uri + headers > LONGEST_HEAD_BYTES:
                await _refusal(431, "Request Header Fields Too Large")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class CallsUnderWay:
    """Knows which calls are being answered, and for how long (in the machine's time)."""

    def __init__(self) -> None:
        """Nothing is under way. A call is long from `long_seconds` on."""
        self.long_seconds = LONG_CALL_SECONDS
        self._started: dict[int, tuple[str, float]] = {}
        self._number = 0

    def long_ones(self, account: str) -> int:
        """How many calls of an account have been running long."""
        now = time.monotonic()
        return sum(account == of and now - started >= self.long_seconds for of, started in list(self._started.values()))

    def watching(self, app: ASGIApp, account_of: Callable[[Headers], str | None]) -> ASGIApp:
        """An app that notes each call while `app` answers it."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            account = account_of(Headers(scope=scope)) if scope["type"] == "http" else None
            if account is None:
                await app(scope, receive, send)
                return
            self._number += 1
            number = self._number
            self._started[number] = (account, time.monotonic())
            try:
                await app(scope, receive, send)
            finally:
                del self._started[number]

        return watched
