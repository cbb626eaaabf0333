"""What every API call passes: token, company, limits, the way to its endpoint. And how replies and errors leave."""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from hardfin_pipelines.sandbox.middleware import CALL_FACTS
from hardfin_pipelines.sandbox.quickbooks import batch_endpoints, entity_endpoints, query_endpoints
from hardfin_pipelines.sandbox.quickbooks.calls import Call, Endpoint
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.errors import (
    VendorError,
    allowance_used_up,
    company_refused,
    sign_in_refused,
    subscription_lapsed,
    throttled,
    unsupported,
)
from hardfin_pipelines.sandbox.quickbooks.hosts import API_HOSTS
from hardfin_pipelines.sandbox.quickbooks.moments import written_with_ms
from hardfin_pipelines.sandbox.quickbooks.oauth import ACCOUNTING
from hardfin_pipelines.sandbox.quickbooks.record_json import dumped
from hardfin_pipelines.sandbox.quickbooks.settings import CompanySettings
from hardfin_pipelines.sandbox.quickbooks.xml_replies import as_xml

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.quickbooks.sandbox import QuickBooksSandbox

JSON_TYPE = "application/json;charset=UTF-8"
XML_TYPE = "application/xml;charset=UTF-8"
_VARIABLE = re.compile(r"\\\{(\w+)\\\}")
_ENDPOINTS = (*query_endpoints.ENDPOINTS, *batch_endpoints.ENDPOINTS, *entity_endpoints.ENDPOINTS)


def vendor_headers() -> dict[str, str]:
    """Headers of every reply. `intuit_tid` is what Intuit's support asks for."""
    return {
        "intuit_tid": f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}",
        "Strict-Transport-Security": "max-age=31536000",
        "Cache-Control": "no-cache, no-store",
        "Via": "1.1 ipp-gateway",
    }


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The access token of an `Authorization` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_VARIABLE.sub(r"(?P<\1>[^/]+)", re.escape(path)))


class Gate:
    """Lets calls through to their endpoints."""

    def __init__(self, sandbox: "QuickBooksSandbox") -> None:
        """`sandbox` has the companies, tokens and counts."""
        self._sandbox = sandbox
        self._endpoints = [(_pattern(each.path), each) for each in _ENDPOINTS]

    async def respond(self, request: Request) -> Response:
        """Answers a request to `/v3/company/{realm}` and below."""
        raw_body = await request.body()
        company = self._sandbox.companies.get(request.path_params["realm"])
        settings = company.settings if company else CompanySettings()
        skew = timedelta(seconds=settings.envelope_time_skew_seconds)
        try:
            company = self._authenticated(request, company, settings)
            with company.lock:
                body = self._answer(request, company, raw_body, skew)
            return self._written(request, body, 200)
        except VendorError as error:
            return self._refused(request, error, settings)

    def _answer(self, request: Request, company: Company, raw_body: bytes, skew: timedelta) -> dict[str, Any]:
        path = request.path_params["rest"].strip("/")
        endpoint, params = self._endpoint(request.method, path)
        request.scope[CALL_FACTS]["bucket"] = endpoint.bucket
        self._admit(company, endpoint)
        call = Call(
            company,
            request.method,
            path,
            dict(request.query_params),
            request.headers.get("content-type", ""),
            raw_body,
            self._sandbox.clock.now() + skew,
            lambda: self._check_allowance(company),
            params,
        )
        body = endpoint.handler(call)
        if company.kind == "production":
            each = self._sandbox.settings.batch_queries_count_each
            self._sandbox.meter.add(
                self._sandbox.clock.now(), company.realm_id, call.core_plus if each else min(call.core_plus, 1)
            )
        return body

    def _endpoint(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        for pattern, endpoint in self._endpoints:
            found = pattern.fullmatch(path)
            if found is not None and endpoint.method == method:
                return endpoint, {name: unquote(part) for name, part in found.groupdict().items()}
        raise unsupported(f"{method} {path or '/'}")

    def _authenticated(self, request: Request, company: Company | None, settings: CompanySettings) -> Company:
        value = bearer_token(request.headers)
        token = self._sandbox.tokens.access(value)
        if value is None or token is None:
            detail = "Token invalid" if value else "Missing or malformed Authorization header"  # ours
            raise sign_in_refused(detail, settings.unauthorized_as)
        request.scope[CALL_FACTS]["account"] = token.grant.company.realm_id
        if token.grant.ended == "disconnected":
            raise company_refused()
        if token.grant.ended or token.ends_at_ms <= self._sandbox.clock.now_ms():
            word = "revoked" if token.grant.ended else "expired"
            raise sign_in_refused(f"Token {word}: {value}", settings.unauthorized_as)
        kind = API_HOSTS.get(request.url.hostname or "")
        fits = company is token.grant.company and kind in (None, company.kind)
        if company is None or not fits or ACCOUNTING not in token.grant.scopes:
            raise company_refused()
        return company

    def _admit(self, company: Company, endpoint: Endpoint) -> None:
        settings = company.settings
        under_way = self._sandbox.calls_under_way.long_ones(company.realm_id)
        batch = endpoint.bucket == "batch"
        if not company.throttle.take(self._sandbox.clock.now_ms(), settings, batch=batch, under_way=under_way):
            raise throttled(settings.throttled_as)
        if settings.subscription == "lapsed":
            raise subscription_lapsed()

    def _check_allowance(self, company: Company) -> None:
        settings, now = self._sandbox.settings, self._sandbox.clock.now()
        full = self._sandbox.meter.used(now) >= settings.monthly_calls
        if company.kind == "production" and settings.block_when_used_up and full:
            raise allowance_used_up(settings.blocked_status, company.settings.throttled_as)

    def _refused(self, request: Request, error: VendorError, settings: CompanySettings) -> Response:
        now = self._sandbox.clock.now()
        headers = {}
        if error.status == 429 and settings.retry_after_seconds:  # HTTP's number
            headers["Retry-After"] = str(settings.retry_after_seconds)
        body: dict[str, Any] = {"Fault": error.fault(), "time": written_with_ms(now)}
        if error.shape == "xml":
            return Response(as_xml(body), error.status, {**vendor_headers(), **headers}, media_type=XML_TYPE)
        if error.shape == "lower" and _wants_json(request):
            body = error.gateway_json(self._sandbox.clock.now_ms())
        return self._written(request, body, error.status, headers)

    def _written(
        self, request: Request, body: dict[str, Any], status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        sent = {**vendor_headers(), "QBO-Version": "1997.184", **(headers or {})}
        if _wants_json(request):
            return Response(dumped(body), status, sent, media_type=JSON_TYPE)
        return Response(as_xml(body), status, sent, media_type=XML_TYPE)


def _wants_json(request: Request) -> bool:
    return "json" in request.headers.get("accept", "")
