"""Which calls a sandbox is answering right now."""

import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class CallsUnderWay:
    """Knows which calls are being answered, and for how long (in the machine's time)."""

    def __init__(self, long_seconds: float) -> None:
        """Nothing is under way. A call is long from `long_seconds` on; with 0 every call is."""
        self.long_seconds = long_seconds
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
