"""The OAuth endpoints: consent, token, introspection, revocation (HubSpot docs: OAuth)."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from hardfin_pipelines.sandbox.hubspot.calls import Reply
from hardfin_pipelines.sandbox.hubspot.errors import OAuthError, VendorError, not_found, validation
from hardfin_pipelines.sandbox.hubspot.gate import error_response, json_response
from hardfin_pipelines.sandbox.hubspot.oauth import ACCESS_TOKEN_SECONDS, Grant
from hardfin_pipelines.sandbox.hubspot.values import instant_ms

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox

_TOKEN_VERSIONS = ("v1", "v3", "2026-03", "2026-09")
_USER_ID = 5_402_117


async def _fields(request: Request) -> dict[str, str]:
    """The request's fields out of a form or JSON body, and of the query for the old version, which took both."""
    raw = await request.body()
    fields = dict(request.query_params) if request.url.path.startswith("/oauth/v1/") else {}
    if raw and "json" in request.headers.get("content-type", ""):
        try:
            given = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise validation(f"Invalid input JSON on line {error.lineno}, column {error.colno}: {error.msg}") from error
        if not isinstance(given, dict):
            raise validation("Invalid input JSON on line 1, column 1: Cannot deserialize value: expected an object")
        return fields | {name: str(value) for name, value in given.items() if value is not None}
    return fields | dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


class OAuthEndpoints:
    """The OAuth endpoints of one sandbox."""

    def __init__(self, sandbox: "HubSpotSandbox") -> None:
        """`sandbox` has the tokens and portals."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """All of them."""
        routes = [
            Route("/oauth/authorize", self.authorize, methods=["GET"]),
            Route("/oauth/{hub_id:int}/authorize", self.authorize, methods=["GET"]),
            Route("/oauth/v1/access-tokens/{token}", self._answering(self._old_access), methods=["GET"]),
            Route("/oauth/v1/refresh-tokens/{token}", self._answering(self._old_refresh), methods=["GET"]),
            Route("/oauth/v1/refresh-tokens/{token}", self._answering(self._old_revoke), methods=["DELETE"]),
        ]
        respond = self._answering(self._token)
        routes += [Route(f"/oauth/{version}/token", respond, methods=["POST"]) for version in _TOKEN_VERSIONS]
        for version in _TOKEN_VERSIONS[1:]:
            start = f"/oauth/{version}/token"
            routes.append(Route(f"{start}/introspect", self._answering(self._introspect), methods=["POST"]))
            routes.append(Route(f"{start}/revoke", self._answering(self._revoke), methods=["POST"]))
        return routes

    def _answering(self, handler: Any) -> Any:
        async def respond(request: Request) -> Response:
            try:
                reply: Reply = handler(await _fields(request) | request.path_params)
            except OAuthError as error:
                return json_response(error.body, 400)
            except VendorError as error:
                return error_response(error)
            return json_response(reply.body, reply.status)

        return respond

    async def authorize(self, request: Request) -> Response:
        """The consent page: it consents by itself. With several portals, the one in the path or a choice of links."""
        query = request.query_params
        problem = self._authorize_problem(query)
        if problem:
            return HTMLResponse(f"<!doctype html><title>Authorization</title><p>{escape(problem)}</p>", 400)
        portals = self._sandbox.portals
        hub_id = request.path_params.get("hub_id") or (next(iter(portals)) if len(portals) == 1 else None)
        if hub_id is None:
            return self._choice(request)
        if hub_id not in portals:
            return HTMLResponse("<!doctype html><title>Authorization</title><p>There is no such account.</p>", 404)
        scopes = [*query["scope"].split(), *query.get("optional_scope", "").split()]
        code = self._sandbox.tokens.issue_code(hub_id, dict.fromkeys(scopes), query["redirect_uri"])
        answer = {"code": code, **({"state": query["state"]} if "state" in query else {})}
        joint = "&" if urlsplit(query["redirect_uri"]).query else "?"
        return RedirectResponse(f"{query['redirect_uri']}{joint}{urlencode(answer)}", 302)

    def _authorize_problem(self, query: Mapping[str, str]) -> str | None:
        app = self._sandbox.tokens.app
        missing = [name for name in ("client_id", "redirect_uri", "scope") if not query.get(name)]
        if missing:
            return f"Authorization failed because {missing[0]} is missing."
        if query["client_id"] != app.client_id:
            return "Authorization failed because the client id is not known."
        redirect_uri = query["redirect_uri"]
        parts = urlsplit(redirect_uri)
        registered = redirect_uri in app.redirect_uris if app.redirect_uris else True
        if parts.scheme not in {"http", "https"} or not parts.netloc or not registered:
            return "Authorization failed because the redirect URI is not one of the app's."
        return None

    def _choice(self, request: Request) -> Response:
        links = [
            f'<li><a href="/oauth/{portal.hub_id}/authorize?{escape(request.url.query)}">'
            f"{escape(portal.name)} ({portal.hub_id})</a></li>"
            for portal in self._sandbox.portals.values()
        ]
        return HTMLResponse(f"<!doctype html><title>Choose an account</title><ul>{''.join(links)}</ul>")

    def _token(self, fields: Mapping[str, str]) -> Reply:
        tokens = self._sandbox.tokens
        grant_type = fields.get("grant_type")
        if grant_type not in {"authorization_code", "refresh_token"}:
            raise OAuthError("unsupported_grant_type", "BAD_GRANT_TYPE", f"unsupported grant type: {grant_type}")
        tokens.check_client(fields.get("client_id"), fields.get("client_secret"))
        if grant_type == "authorization_code":
            grant = tokens.redeem_code(fields.get("code"), fields.get("redirect_uri"))
            refresh_token = tokens.issue_refresh(grant.hub_id, grant.scopes)
        else:
            grant, refresh_token = tokens.refresh(fields.get("refresh_token"))
        body = {
            "token_type": "bearer",
            "access_token": tokens.issue_access(grant.hub_id, grant.scopes),
            "refresh_token": refresh_token,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "hub_id": grant.hub_id,
            "scopes": list(grant.scopes),
        }
        if self._sandbox.portals[grant.hub_id].settings.spec_strict:
            body["token_use"] = "access_token"  # noqa: S105  # HubSpot's word, no secret
        return Reply(body)

    def _described(self, token: str, grant: Grant, kind: Literal["access", "refresh"]) -> dict[str, Any]:
        app = self._sandbox.tokens.app
        return {
            "token": token,
            "hub_id": grant.hub_id,
            "user_id": _USER_ID,
            "client_id": app.client_id,
            "app_id": app.app_id,
            "user": f"admin@{grant.hub_id}.example.com",
            "hub_domain": f"{grant.hub_id}.example.com",
            "scopes": list(grant.scopes),
            "token_use": f"{kind}_token",
            "token_type": kind,
        }

    def _seconds_left(self, grant: Grant) -> int:
        left_ms = (grant.expires_at_ms or 0) - instant_ms(self._sandbox.clock.now())
        return max(left_ms // 1000, 0)

    def _introspect(self, fields: Mapping[str, str]) -> Reply:
        tokens = self._sandbox.tokens
        tokens.check_client(fields.get("client_id"), fields.get("client_secret"))
        token = fields.get("token") or fields.get("access_token") or fields.get("refresh_token") or ""
        refresh = tokens.peek_refresh(token)
        if refresh is not None:
            return Reply({"active": True, **self._described(token, refresh, "refresh")})
        access = tokens.peek(token)
        if access is None:
            return Reply({"active": False})
        left = self._seconds_left(access)
        described = self._described(token, access, "access")
        return Reply({"active": left > 0, **described, "expires_in": left, "is_private_distribution": False})

    def _revoke(self, fields: Mapping[str, str]) -> Reply:
        self._sandbox.tokens.check_client(fields.get("client_id"), fields.get("client_secret"))
        self._sandbox.tokens.revoke(fields.get("token", ""))
        return Reply(None, 200)

    def _old_access(self, fields: Mapping[str, str]) -> Reply:
        grant = self._sandbox.tokens.peek(fields["token"])
        if grant is None or grant.kind != "oauth" or not self._seconds_left(grant):
            raise not_found()
        described = self._described(fields["token"], grant, "access")
        return Reply({**described, "expires_in": self._seconds_left(grant)})

    def _old_refresh(self, fields: Mapping[str, str]) -> Reply:
        grant = self._sandbox.tokens.peek_refresh(fields["token"])
        if grant is None:
            raise not_found()
        return Reply(self._described(fields["token"], grant, "refresh"))

    def _old_revoke(self, fields: Mapping[str, str]) -> Reply:
        if not self._sandbox.tokens.revoke(fields["token"]):
            raise not_found()
        return Reply(None, 204)
