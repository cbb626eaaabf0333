"""What every API call passes: session, limits, the way to its endpoint. And how replies and errors leave."""

import re
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from hardfin_pipelines.sandbox.middleware import CALL_FACTS
from hardfin_pipelines.sandbox.salesforce import bulk_endpoints, describe_endpoints, query_endpoints, record_endpoints
from hardfin_pipelines.sandbox.salesforce.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.salesforce.composite_endpoints import CompositeEndpoints
from hardfin_pipelines.sandbox.salesforce.describe_endpoints import NEWEST_VERSION, OLDEST_VERSION, version_list
from hardfin_pipelines.sandbox.salesforce.errors import (
    VendorError,
    json_error,
    limit_exceeded,
    not_found,
    session_invalid,
)
from hardfin_pipelines.sandbox.salesforce.hosts import org_of_host
from hardfin_pipelines.sandbox.salesforce.oauth import Grant
from hardfin_pipelines.sandbox.salesforce.settings import most_long_calls
from hardfin_pipelines.sandbox.salesforce.xml_replies import as_xml

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

_VARIABLE = re.compile(r"\\\{(\w+)\\\}")
_VERSION = re.compile(r"v(\d{2})\.0")
JSON_TYPE = "application/json;charset=UTF-8"


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The session of an `Authorization` header; `OAuth` and `Bearer` are both taken."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() in {"bearer", "oauth"} else None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_VARIABLE.sub(r"(?P<\1>[^/]+)", re.escape(path)))


def _raw_path(request: Request) -> str:
    """The path still encoded: external ids may have slashes."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return raw.partition(b"?")[0].decode("latin-1")


class Gate:
    """Lets calls through to their endpoints."""

    def __init__(self, sandbox: "SalesforceSandbox") -> None:
        """`sandbox` has the organizations, sessions and the calls under way."""
        self._sandbox = sandbox
        composite = CompositeEndpoints(self.dispatch, lambda call: self._count(call.grant))
        endpoints: Iterable[Endpoint] = (
            *query_endpoints.ENDPOINTS,
            *describe_endpoints.ENDPOINTS,
            *composite.endpoints(),
            *bulk_endpoints.ENDPOINTS,
            *record_endpoints.ENDPOINTS,
        )
        self._endpoints = [(_pattern(each.path), each) for each in endpoints]

    def dispatch(self, call: Call) -> Reply:
        """Answers a call, or a part of one.

        Raises:
            VendorError: the call is refused.
        """
        if not OLDEST_VERSION <= call.version <= NEWEST_VERSION or call.version % 1:
            raise not_found()
        allowed = []
        for pattern, endpoint in self._endpoints:
            found = pattern.fullmatch(call.path)
            if found is None:
                continue
            if endpoint.method == call.method:
                call.params = {name: unquote(part) for name, part in found.groupdict().items()}
                return endpoint.handler(call)
            allowed.append(endpoint.method)
        if allowed:
            text = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(sorted(set(allowed)))}"
            raise VendorError(405, "METHOD_NOT_ALLOWED", text)
        raise not_found()

    async def respond(self, request: Request) -> Response:
        """Answers a request to `/services/data` and below."""
        raw_body = await request.body()
        headers = dict(request.headers)
        grant = None
        try:
            path = _raw_path(request).removeprefix("/services/data").strip("/")
            if not path:
                return self._response(Reply(version_list()), headers, None)
            grant = self._authenticated(request, headers)
            request.scope[CALL_FACTS]["account"] = grant.org.id
            request.scope[CALL_FACTS]["bucket"] = path.partition("/")[2].partition("/")[0] or "versions"
            self._count(grant)
            with grant.org.store.lock:
                reply = self.dispatch(self._call(request, grant, path, headers, raw_body))
        except VendorError as error:
            reply = Reply(error.as_json(), error.status)
        return self._response(reply, headers, grant)

    def _authenticated(self, request: Request, headers: Mapping[str, str]) -> Grant:
        """The session's grant; a session is good at its own organization's hosts only."""
        grant = self._sandbox.tokens.authenticate(bearer_token(headers))
        if org_of_host(self._sandbox, request.url.hostname) not in (None, grant.org):
            raise session_invalid()
        return grant

    def _call(self, request: Request, grant: Grant, path: str, headers: dict[str, str], raw_body: bytes) -> Call:
        version, _, rest = path.partition("/")
        found = _VERSION.fullmatch(version)
        if found is None:
            raise not_found()
        if headers.get("content-encoding") == "gzip":
            try:
                raw_body = zlib.decompress(raw_body, wbits=31)
            except zlib.error as error:
                raise json_error("The body is not in gzip format") from error  # the text is ours
        return Call(
            grant, float(found[1]), request.method, rest.strip("/"), dict(request.query_params), headers, raw_body
        )

    def _count(self, grant: Grant) -> None:
        """Takes one of the day's calls.

        Raises:
            VendorError: 403, there is none left, or too many long ones are under way.
        """
        org = grant.org
        settings, now_ms = org.settings, org.clock.now_ms()
        most = settings.daily_limit(org.edition)
        if not settings.limits_enabled:
            org.calls.take(now_ms, 2**62)
            return
        under_way = self._sandbox.calls_under_way.long_ones(org.id) + settings.long_calls_of_others
        if under_way >= most_long_calls(org.edition):
            raise limit_exceeded("ConcurrentPerOrgLongTxn")
        if not org.calls.take(now_ms, max(most - settings.calls_of_others, 0)):
            raise limit_exceeded()

    def _response(self, reply: Reply, headers: Mapping[str, str], grant: Grant | None) -> Response:
        sent = dict(reply.headers)
        if grant is not None:
            sent["Sforce-Limit-Info"] = self._limit_info(grant)
        if reply.body is None:
            return Response(b"", reply.status, sent)
        if isinstance(reply.body, bytes):
            return Response(reply.body, reply.status, sent, media_type=reply.media_type)
        accept = headers.get("accept", "")
        wants_xml = "application/xml" in accept and "json" not in accept
        if wants_xml and (grant is None or grant.org.settings.xml_enabled):
            content = as_xml(reply.body, reply.root)
            return Response(content, reply.status, sent, media_type="application/xml;charset=UTF-8")
        pretty = headers.get("x-prettyprint", "0").lower() in {"1", "true"}
        content = orjson.dumps(reply.body, option=orjson.OPT_INDENT_2 if pretty else None)
        return Response(content, reply.status, sent, media_type=JSON_TYPE)

    def _limit_info(self, grant: Grant) -> str:
        org = grant.org
        most = org.settings.daily_limit(org.edition)
        left = org.calls.remaining(org.clock.now_ms(), 2**62)
        used = min(2**62 - left + org.settings.calls_of_others, most)
        info = f"api-usage={used}/{most}"
        if org.settings.per_app_usage:
            info += f"; per-app-api-usage={used}/{most}(appName={self._sandbox.tokens.app.name})"
        return info
