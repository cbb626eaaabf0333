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
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.calls import JSON_TYPE
from hardfin_pipelines.sandbox.netsuite.control import CONTROL_PREFIX, ControlEndpoints
from hardfin_pipelines.sandbox.netsuite.errors import no_such_path
from hardfin_pipelines.sandbox.netsuite.front_door import FrontDoor
from hardfin_pipelines.sandbox.netsuite.gate import PREFIX, Gate, bearer_token
from hardfin_pipelines.sandbox.netsuite.home_page import home_page
from hardfin_pipelines.sandbox.netsuite.hosts import TOKEN_PATH
from hardfin_pipelines.sandbox.netsuite.oauth_endpoints import OAuthEndpoints
from hardfin_pipelines.sandbox.netsuite.tba import oauth_header

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
_SMALLEST_GZIP = 500


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    body = {**no_such_path(request.url.path).as_json(), "status": status}
    return Response(orjson.dumps(body), status, media_type=JSON_TYPE.format("error"))


def build_app(sandbox: "NetSuiteSandbox") -> ASGIApp:
    """The ASGI app of a sandbox."""
    gate = Gate(sandbox)

    async def home(_request: Request) -> Response:
        return HTMLResponse(home_page(sandbox))

    routes = [
        *OAuthEndpoints(sandbox).routes(),
        *ControlEndpoints(sandbox).routes(),
        Route(PREFIX + "{rest:path}", gate.respond, methods=_METHODS),
        Route("/", home, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Exception: _http_error})
    app.router.redirect_slashes = False

    def account_of(headers: Headers) -> Account | None:
        given = oauth_header(headers.get("authorization", ""))
        if given is not None:
            return sandbox.accounts.get(given.get("realm", ""))
        grant = sandbox.keys.peek(bearer_token(headers))
        return None if grant is None else grant.account

    def account_id_of(headers: Headers) -> str | None:
        account = account_of(headers)
        return None if account is None else account.id

    vendor = VendorRequests(
        app,
        clock=sandbox.clock,
        faults=sandbox.faults,
        call_log=sandbox.call_log,
        is_vendor_path=lambda path: path != "/" and not path.startswith(CONTROL_PREFIX),
        account_of=account_id_of,
        loggable=lambda path, query: (path, query),
    )
    governed = FrontDoor(vendor, account_of, lambda path: path.startswith(PREFIX) and path != TOKEN_PATH)
    return GZipMiddleware(governed, minimum_size=_SMALLEST_GZIP)
