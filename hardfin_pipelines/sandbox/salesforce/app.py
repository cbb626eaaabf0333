"""All of a sandbox's endpoints as one ASGI app."""

from typing import TYPE_CHECKING

import orjson
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hardfin_pipelines.sandbox.middleware import VendorRequests
from hardfin_pipelines.sandbox.salesforce.control import CONTROL_PREFIX, ControlEndpoints
from hardfin_pipelines.sandbox.salesforce.errors import not_found
from hardfin_pipelines.sandbox.salesforce.front_door import RequestLength
from hardfin_pipelines.sandbox.salesforce.gate import JSON_TYPE, Gate, bearer_token
from hardfin_pipelines.sandbox.salesforce.home_page import home_page
from hardfin_pipelines.sandbox.salesforce.oauth_endpoints import OAuthEndpoints

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
_SMALLEST_GZIP = 500


async def _http_error(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 404:  # HTTP's number
        return Response(orjson.dumps(not_found().as_json()), 404, media_type=JSON_TYPE)
    if isinstance(error, HTTPException):
        return Response(b"", error.status_code)
    text = "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (1)"
    return Response(orjson.dumps([{"message": text, "errorCode": "UNKNOWN_EXCEPTION"}]), 500, media_type=JSON_TYPE)


def build_app(sandbox: "SalesforceSandbox") -> ASGIApp:
    """The ASGI app of a sandbox."""
    gate = Gate(sandbox)

    async def home(_request: Request) -> Response:
        return HTMLResponse(home_page(sandbox))

    routes = [
        *OAuthEndpoints(sandbox).routes(),
        *ControlEndpoints(sandbox).routes(),
        Route("/services/data", gate.respond, methods=_METHODS),
        Route("/services/data/{rest:path}", gate.respond, methods=_METHODS),
        Route("/", home, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Exception: _http_error})
    app.router.redirect_slashes = False

    def account_of(headers: Headers) -> str | None:
        grant = sandbox.tokens.peek(bearer_token(headers))
        return None if grant is None else grant.org.id

    vendor = VendorRequests(
        RequestLength(app),
        clock=sandbox.clock,
        faults=sandbox.faults,
        call_log=sandbox.call_log,
        is_vendor_path=lambda path: path != "/" and not path.startswith(CONTROL_PREFIX),
        account_of=account_of,
        loggable=_without_secrets,
    )
    return GZipMiddleware(sandbox.calls_under_way.watching(vendor, account_of), minimum_size=_SMALLEST_GZIP)


def _without_secrets(path: str, query: str) -> tuple[str, str]:
    return path, "" if path.startswith("/services/oauth2") else query
