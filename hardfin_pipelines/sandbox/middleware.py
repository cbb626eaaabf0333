"""The layer every request passes first: the `Date` header, and for vendor paths latency, faults and the call log."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.sandbox.call_log import CallLog, LoggedCall
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.faults import Fault, FaultPlan
from hardfin_pipelines.sandbox.http_dates import http_date, retry_after_text
from hardfin_pipelines.sandbox.mangled_replies import mangled

CALL_FACTS = "sandbox.call"
"""Scope key under which the vendor's app leaves `account` and `bucket` of the request for the log."""
ABORT = "sandbox.abort"
"""Scope key under which the server leaves the function that cuts the connection."""


class VendorRequests:
    """ASGI middleware for one sandbox's vendor paths.

    Paths for which `is_vendor_path` is false (control API, human page) pass unlogged and without faults. Every reply's
    `Date` is the sandbox's time, for clients that read the vendor's clock there; the server sends none of its own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: SandboxClock,
        faults: FaultPlan,
        call_log: CallLog,
        is_vendor_path: Callable[[str], bool],
        account_of: Callable[[Headers], str | None],
        loggable: Callable[[str, str], tuple[str, str]],
    ) -> None:
        """`account_of` reads the account out of request headers; `loggable` masks secrets in (path, query)."""
        self._app = app
        self._clock = clock
        self._faults = faults
        self._call_log = call_log
        self._is_vendor_path = is_vendor_path
        self._account_of = account_of
        self._loggable = loggable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._dated(send)
        if not self._is_vendor_path(scope["path"]):
            await self._app(scope, receive, send)
            return
        facts: dict[str, Any] = {"account": self._account_of(Headers(scope=scope)), "bucket": None, "status": 0}
        scope[CALL_FACTS] = facts
        fault = self._faults.pick(scope["method"], scope["path"], facts["account"])
        wait = self._faults.latency_ms / 1000 + (fault.delay_seconds if fault else 0)
        if wait:
            await asyncio.sleep(wait)
        try:
            await self._answer(fault, scope, receive, _watched(send, facts))
        finally:
            self._log(scope, facts)

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.drop == "before_reply":
            scope[ABORT]()
        elif fault.drop == "inside_reply":
            await self._app(scope, receive, _cut_body(send, scope[ABORT]))
        elif fault.mangle is not None:
            await self._app(scope, receive, mangled(send, fault.mangle))
        elif fault.status is not None:
            await Response(fault.body, fault.status, self._fault_headers(fault))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _fault_headers(self, fault: Fault) -> dict[str, str]:
        headers = {"content-type": fault.content_type, **fault.headers}
        if fault.retry_after_seconds is not None:
            now = self._clock.now() if fault.retry_after_as_date else None
            headers["Retry-After"] = retry_after_text(round(fault.retry_after_seconds), now)
        return headers

    def _dated(self, send: Send) -> Send:
        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Date", http_date(self._clock.now()))
            await send(message)

        return send_with_date

    def _log(self, scope: Scope, facts: dict[str, Any]) -> None:
        path, query = self._loggable(scope["path"], scope["query_string"].decode("latin-1"))
        self._call_log.add(
            LoggedCall(
                at=self._clock.now(),
                method=scope["method"],
                path=path,
                query=query,
                account=facts["account"],
                bucket=facts["bucket"],
                status=facts["status"],
            )
        )


def _watched(send: Send, facts: dict[str, Any]) -> Send:
    async def send_and_note(message: Message) -> None:
        if message["type"] == "http.response.start":
            facts["status"] = message["status"]
        await send(message)

    return send_and_note


def _cut_body(send: Send, abort: Callable[[], None]) -> Send:
    async def send_half(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = message.get("body", b"")
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # lets the first half leave before the connection goes
        abort()

    return send_half
