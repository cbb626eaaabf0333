"""All of a sandbox's endpoints under all their versions' paths, as one ASGI app."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hardfin_pipelines.sandbox.hubspot import (
    account_endpoints,
    association_endpoints,
    batch_endpoints,
    object_endpoints,
    pipeline_endpoints,
    property_endpoints,
    search,
)
from hardfin_pipelines.sandbox.hubspot.control import CONTROL_PREFIX, ControlEndpoints
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, not_found
from hardfin_pipelines.sandbox.hubspot.gate import Endpoint, bearer_token, error_response, guarded
from hardfin_pipelines.sandbox.hubspot.home_page import home_page
from hardfin_pipelines.sandbox.hubspot.oauth_endpoints import OAuthEndpoints
from hardfin_pipelines.sandbox.middleware import VendorRequests

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox

DATED_VERSIONS = ("2026-03", "2026-09")
_URI_TOO_LONG = (
    "<html>\r\n<head><title>414 Request-URI Too Large</title></head>\r\n"
    "<body>\r\n<center><h1>414 Request-URI Too Large</h1></center>\r\n<hr><center>cloudflare</center>\r\n"
    "</body>\r\n</html>\r\n"
)
_TOKEN_IN_PATH = re.compile(r"(/oauth/v1/(?:access|refresh)-tokens/).*", re.DOTALL)

_OBJECTS = (*search.ENDPOINTS, *batch_endpoints.ENDPOINTS, *object_endpoints.ENDPOINTS)


def _vendor_endpoints() -> Iterable[tuple[str, str, Iterable[Endpoint]]]:
    """(path prefix, version, endpoints): v3 and v4 first, then the dated versions."""
    yield "/crm/v3/objects", "v3", (*_OBJECTS, association_endpoints.LIST_ENDPOINT)
    yield "/crm/v4/objects", "v4", association_endpoints.RECORD_ENDPOINTS
    yield "/crm/v4/associations", "v4", association_endpoints.BATCH_ENDPOINTS
    yield "/crm/v3/properties", "v3", property_endpoints.ENDPOINTS
    yield "/crm/v3/pipelines", "v3", pipeline_endpoints.ENDPOINTS
    yield "/crm/v3/owners", "v3", account_endpoints.OWNER_ENDPOINTS
    yield "/account-info/v3", "v3", account_endpoints.ACCOUNT_ENDPOINTS
    for version in DATED_VERSIONS:
        yield f"/crm/objects/{version}", version, (*_OBJECTS, *association_endpoints.RECORD_ENDPOINTS)
        yield f"/crm/associations/{version}", version, association_endpoints.BATCH_ENDPOINTS
        yield f"/crm/properties/{version}", version, property_endpoints.ENDPOINTS
        yield f"/crm/pipelines/{version}", version, pipeline_endpoints.ENDPOINTS
        yield f"/crm/owners/{version}", version, account_endpoints.OWNER_ENDPOINTS
        yield f"/account-info/{version}", version, account_endpoints.ACCOUNT_ENDPOINTS


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return error_response(not_found())
    return error_response(VendorError(status, "Method Not Allowed" if status == 405 else "internal error"))


def build_app(sandbox: "HubSpotSandbox") -> ASGIApp:
    """The ASGI app of a sandbox."""
    routes: list[BaseRoute] = []
    for prefix, version, endpoints in _vendor_endpoints():
        for endpoint in endpoints:
            respond = guarded(sandbox, endpoint, version)
            routes.append(Route(prefix + endpoint.path, respond, methods=[endpoint.method]))
    routes += OAuthEndpoints(sandbox).routes()
    routes += ControlEndpoints(sandbox).routes()

    async def home(_request: Request) -> Response:
        return HTMLResponse(home_page(sandbox))

    routes.append(Route("/", home, methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Exception: _http_error})
    app.router.redirect_slashes = False

    def account_of(headers: Headers) -> str | None:
        grant = sandbox.tokens.peek(bearer_token(headers.get("authorization")) or "")
        return None if grant is None else str(grant.hub_id)

    return VendorRequests(
        _UrlLength(app, sandbox),
        clock=sandbox.clock,
        faults=sandbox.faults,
        call_log=sandbox.call_log,
        is_vendor_path=lambda path: path != "/" and not path.startswith(CONTROL_PREFIX),
        account_of=account_of,
        loggable=_without_secrets,
    )


def _without_secrets(path: str, query: str) -> tuple[str, str]:
    if path.startswith("/oauth/"):
        return _TOKEN_IN_PATH.sub(r"\1***", path), ""
    return path, query


class _UrlLength:
    """Refuses URLs that are too long, as the vendor's front door does: 414 with an HTML page."""

    def __init__(self, app: ASGIApp, sandbox: "HubSpotSandbox") -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            length = len(scope.get("raw_path") or scope["path"].encode()) + 1 + len(scope["query_string"])
            if length > self._sandbox.longest_url_bytes:
                await HTMLResponse(_URI_TOO_LONG, 414)(scope, receive, send)
                return
        await self._app(scope, receive, send)
