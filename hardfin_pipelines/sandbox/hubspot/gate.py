"""What every API call passes: token, rate limit, scopes, query parameters. And how replies and errors leave."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hardfin_pipelines.sandbox.hubspot.calls import Call, Query, Reply
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, scopes_missing
from hardfin_pipelines.sandbox.hubspot.portal_records import RefusedWriteError
from hardfin_pipelines.sandbox.hubspot.refusals import refused_properties
from hardfin_pipelines.sandbox.middleware import CALL_FACTS

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox

Bucket = Literal["general", "search", "associations"]
Handler = Callable[[Call], Reply]
ScopeRule = Callable[[Call], list[tuple[str, ...]]]
"""What a call needs: one scope out of each tuple."""

JSON_TYPE = "application/json;charset=utf-8"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation: how it is reached and what it needs."""

    method: str
    path: str
    handler: Handler
    scopes: ScopeRule
    query: frozenset[str] = frozenset()
    bucket: Bucket = "general"


def json_response(body: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A reply as HubSpot sends it."""
    correlation_id = str(uuid.uuid4())
    content = b"" if body is None else orjson.dumps(body)
    all_headers = {"X-HubSpot-Correlation-Id": correlation_id, **(headers or {})}
    return Response(content, status, all_headers, media_type=None if body is None else JSON_TYPE)


def error_response(error: VendorError, headers: Mapping[str, str] | None = None, accept: str = "*/*") -> Response:
    """A refusal; the header's correlation id is the body's (seen on the wire)."""
    correlation_id = str(uuid.uuid4())
    if error.without_json:
        wanted = {**(headers or {}), "X-HubSpot-Correlation-Id": correlation_id}
        if "json" in accept:
            return Response(b"", error.status, wanted)
        return HTMLResponse(f"<html><body><h2>HTTP ERROR {error.status}</h2></body></html>", error.status, wanted)
    body = {"status": "error", "message": error.fields["message"], "correlationId": correlation_id, **error.fields}
    all_headers = {**(headers or {}), **error.headers, "X-HubSpot-Correlation-Id": correlation_id}
    return Response(orjson.dumps(body), error.status, all_headers, media_type=JSON_TYPE)


def bearer_token(authorization: str | None) -> str | None:
    """The token of an `Authorization` header."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def guarded(sandbox: "HubSpotSandbox", endpoint: Endpoint, version: str) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette endpoint that lets a call through the gate to its handler."""

    async def respond(request: Request) -> Response:
        headers: dict[str, str] = {}
        raw_body = await request.body()
        request.scope[CALL_FACTS]["bucket"] = endpoint.bucket
        try:
            reply = _through_gate(sandbox, endpoint, version, request, raw_body, headers)
        except VendorError as error:
            return error_response(error, headers, request.headers.get("accept", "*/*"))
        return json_response(reply.body, reply.status, {**headers, **reply.headers})

    return respond


def _through_gate(
    sandbox: "HubSpotSandbox",
    endpoint: Endpoint,
    version: str,
    request: Request,
    raw_body: bytes,
    headers: dict[str, str],
) -> Reply:
    grant = sandbox.tokens.authenticate(bearer_token(request.headers.get("authorization")))
    portal = sandbox.portals[grant.hub_id]
    sandbox.limits[grant.hub_id].take(endpoint.bucket, grant, headers)
    call = Call(
        portal=portal,
        grant=grant,
        version=version,
        params=request.path_params,
        query=Query(request.query_params.multi_items()),
        path=request.url.path,
        raw_body=raw_body,
        base_url=str(request.base_url).rstrip("/"),
    )
    required = endpoint.scopes(call)
    lacking = next((any_of for any_of in required if not grant.allows(any_of)), None)
    if lacking is not None:
        raise scopes_missing(lacking)
    call.query.refuse_others(endpoint.query)
    try:
        with portal.store.lock:
            return endpoint.handler(call)
    except RefusedWriteError as error:
        raise refused_properties(error.problems, portal.hub_id) from error
