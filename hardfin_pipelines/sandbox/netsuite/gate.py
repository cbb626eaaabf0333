"""What every API call passes: signature or token, limits, the way to its endpoint. And how replies leave."""

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hardfin_pipelines.sandbox.middleware import CALL_FACTS
from hardfin_pipelines.sandbox.netsuite import (
    metadata_endpoints,
    query_endpoints,
    record_endpoints,
    system_endpoints,
)
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.calls import JSON_TYPE, Call, Endpoint, Reply
from hardfin_pipelines.sandbox.netsuite.errors import (
    VendorError,
    concurrency_exceeded,
    frequency_exceeded,
    invalid_login,
    no_such_path,
    permission_violation,
    unexpected,
)
from hardfin_pipelines.sandbox.netsuite.front_door import ADMITTED
from hardfin_pipelines.sandbox.netsuite.hosts import account_of_host
from hardfin_pipelines.sandbox.netsuite.roles import REST_WEB_SERVICES, User
from hardfin_pipelines.sandbox.netsuite.tba import TbaVerifier, oauth_header
from hardfin_pipelines.sandbox.netsuite.vendor_faults import MAINTENANCE_PAGE

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

PREFIX = "/services/rest/"
_VARIABLE = re.compile(r"\\\{(\w+)\\\}")
_ENDPOINTS = (
    *query_endpoints.ENDPOINTS,
    *system_endpoints.ENDPOINTS,
    *metadata_endpoints.ENDPOINTS,
    *record_endpoints.ENDPOINTS,
)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The access token of an `Authorization` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_VARIABLE.sub(r"(?P<\1>[^/]+)", re.escape(path)))


class Gate:
    """Lets calls through to their endpoints."""

    def __init__(self, sandbox: "NetSuiteSandbox") -> None:
        """`sandbox` has the accounts and keys."""
        self._sandbox = sandbox
        self._tba = TbaVerifier(sandbox.keys)
        self._endpoints = [(_pattern(each.path), each) for each in _ENDPOINTS]

    async def respond(self, request: Request) -> Response:
        """Answers a request below `/services/rest/`."""
        raw_body = await request.body()
        try:
            account, user = self._authenticated(request)
            request.scope[CALL_FACTS]["account"] = account.id
            if account.settings.maintenance:
                return HTMLResponse(MAINTENANCE_PAGE, 503)
            path = request.url.path.removeprefix(PREFIX).strip("/")
            endpoint, params = self._endpoint(request.method, path)
            request.scope[CALL_FACTS]["bucket"] = endpoint.bucket
            await self._admit(request, account)
            _check_role(user)
            base = f"{request.url.scheme}://{request.url.netloc}"
            query, headers = dict(request.query_params), dict(request.headers)
            call = Call(account, user, request.method, path, base, query, headers, raw_body, params)
            return _written(await endpoint.handler(call))
        except VendorError as error:
            return _refused(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, NetSuite would answer this
            self._sandbox.broken.append(error)
            return _refused(unexpected())

    def _authenticated(self, request: Request) -> tuple[Account, User]:
        header = oauth_header(request.headers.get("authorization", ""))
        if header is not None:
            keys = self._tba.verify(request, header, self._sandbox.clock.now_ms() // 1000)
            account, user = keys.account, keys.account.users[keys.user.id]
        else:
            grant = self._sandbox.keys.live(bearer_token(request.headers))
            if grant is None or "rest_webservices" not in grant.scopes:
                raise invalid_login()
            account, user = grant.account, grant.user
        if account_of_host(self._sandbox, request.url.hostname, request.url.netloc) not in (None, account):
            raise invalid_login()
        return account, user

    async def _admit(self, request: Request, account: Account) -> None:
        settings, clock = account.settings, self._sandbox.clock
        if settings.limits_enabled and not request.scope.get(ADMITTED, True):
            if settings.overload_as == "401":
                await asyncio.sleep(settings.overload_wait_seconds)
                raise invalid_login()
            raise concurrency_exceeded(settings.throttled_title)
        minute, day = settings.requests_per_minute, settings.requests_per_day
        if not settings.limits_enabled:
            minute = day = None
        if minute is not None and not account.minute.take(clock.now_ms(), minute):
            raise frequency_exceeded(settings.throttled_title)
        if day is not None and not account.day.take(clock.now(), day):
            raise frequency_exceeded(settings.throttled_title)

    def _endpoint(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        known = False
        for pattern, endpoint in self._endpoints:
            found = pattern.fullmatch(path)
            if found is not None and endpoint.method == method:
                return endpoint, {name: unquote(part) for name, part in found.groupdict().items()}
            known = known or found is not None
        if known:
            detail = f"The {method} method is not supported by this resource."  # ours
            raise VendorError(405, "METHOD_NOT_ALLOWED", detail, where=("o:urlPath", path))
        raise no_such_path(path)


def _check_role(user: User) -> None:
    if not user.role.may(REST_WEB_SERVICES):
        raise permission_violation(REST_WEB_SERVICES)


def _written(reply: Reply) -> Response:
    if reply.body is None:
        return Response(b"", reply.status, reply.headers)
    media_type = reply.media_type or JSON_TYPE.format(reply.kind)
    return Response(orjson.dumps(reply.body, default=_plain), reply.status, reply.headers, media_type=media_type)


def _refused(error: VendorError) -> Response:
    return Response(orjson.dumps(error.as_json()), error.status, media_type=JSON_TYPE.format("error"))


def _plain(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form")
