"""All of a sandbox's endpoints as one ASGI app."""

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hardfin_pipelines.sandbox.middleware import VendorRequests
from hardfin_pipelines.sandbox.quickbooks.control import CONTROL_PREFIX, ControlEndpoints
from hardfin_pipelines.sandbox.quickbooks.errors import SYSTEM, VendorError
from hardfin_pipelines.sandbox.quickbooks.gate import XML_TYPE, Gate, bearer_token, vendor_headers
from hardfin_pipelines.sandbox.quickbooks.home_page import home_page
from hardfin_pipelines.sandbox.quickbooks.oauth_endpoints import OAuthEndpoints
from hardfin_pipelines.sandbox.quickbooks.xml_replies import as_xml

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.quickbooks.sandbox import QuickBooksSandbox

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_SMALLEST_GZIP = 500


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = "An application error has occurred while processing your request"
    fault = VendorError(status, "10000", text, "System Failure Error: Could not find resource", kind=SYSTEM)
    return Response(as_xml({"Fault": fault.fault()}), status, vendor_headers(), media_type=XML_TYPE)


def build_app(sandbox: "QuickBooksSandbox") -> ASGIApp:
    """The ASGI app of a sandbox."""
    gate = Gate(sandbox)

    async def home(_request: Request) -> Response:
        return HTMLResponse(home_page(sandbox))

    routes = [
        *OAuthEndpoints(sandbox).routes(),
        *ControlEndpoints(sandbox).routes(),
        Route("/v3/company/{realm}/{rest:path}", gate.respond, methods=_METHODS),
        Route("/", home, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Exception: _http_error})
    app.router.redirect_slashes = False

    def account_of(headers: Headers) -> str | None:
        token = sandbox.tokens.access(bearer_token(headers))
        return None if token is None else token.grant.company.realm_id

    vendor = VendorRequests(
        app,
        clock=sandbox.clock,
        faults=sandbox.faults,
        call_log=sandbox.call_log,
        is_vendor_path=lambda path: path != "/" and not path.startswith(CONTROL_PREFIX),
        account_of=account_of,
        loggable=_without_secrets,
    )
    return GZipMiddleware(sandbox.calls_under_way.watching(vendor, account_of), minimum_size=_SMALLEST_GZIP)


def _without_secrets(path: str, query: str) -> tuple[str, str]:
    return path, query if path.startswith("/v3/") else ""
