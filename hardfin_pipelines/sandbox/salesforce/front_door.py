"""What Salesforce's front door does before the API is asked: it refuses too long requests."""

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST_HEAD_BYTES = 16_384


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
