"""The OAuth endpoints: consent, token, revocation, introspection, user info (Salesforce docs: OAuth endpoints)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from hardfin_pipelines.sandbox.salesforce.consent_page import consent_page, refusal_page
from hardfin_pipelines.sandbox.salesforce.errors import OAuthError
from hardfin_pipelines.sandbox.salesforce.gate import JSON_TYPE, bearer_token
from hardfin_pipelines.sandbox.salesforce.hosts import LOGIN_HOSTS, is_login_host, my_domain_host, org_of_host
from hardfin_pipelines.sandbox.salesforce.oauth import DEFAULT_SCOPES, Grant
from hardfin_pipelines.sandbox.salesforce.org import Org

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_START = "/services/oauth2"
_SOAP_FAULT = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com">'
    "<soapenv:Body><soapenv:Fault><faultcode>sf:INVALID_OPERATION</faultcode>"
    "<faultstring>INVALID_OPERATION: SOAP API login() is disabled by default in this org.</faultstring><detail>"
    "<sf:LoginFault><sf:exceptionCode>INVALID_OPERATION</sf:exceptionCode>"
    "<sf:exceptionMessage>SOAP API login() is disabled by default in this org.</sf:exceptionMessage>"
    "</sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)
Answer = Callable[[Request, dict[str, str]], Response]


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, media_type=JSON_TYPE)


async def _form(request: Request) -> dict[str, str]:
    """The form, with the client's credentials out of a Basic header where there is one."""
    fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    scheme, _, packed = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return fields
        fields.update(client_id=unquote(client_id), client_secret=unquote(secret))
    return fields


async def _soap_login(_request: Request) -> Response:
    """The old way in with a password, which organizations have switched off (Salesforce docs: SOAP login)."""
    return Response(_SOAP_FAULT, 500, media_type="text/xml;charset=utf-8")


class OAuthEndpoints:
    """The OAuth endpoints of one sandbox."""

    def __init__(self, sandbox: "SalesforceSandbox") -> None:
        """`sandbox` has the tokens and organizations."""
        self._sandbox = sandbox
        self._tokens = sandbox.tokens

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(f"{_START}/authorize", self.authorize, methods=["GET"]),
            Route(f"{_START}/authorize", self._answering(self._decide), methods=["POST"]),
            Route(f"{_START}/token", self._answering(self._token), methods=["POST"]),
            Route(f"{_START}/revoke", self._answering(self._revoke), methods=["POST"]),
            Route(f"{_START}/introspect", self._answering(self._introspect), methods=["POST"]),
            Route(f"{_START}/userinfo", self._answering(self._user_info), methods=["GET", "POST"]),
            Route("/services/Soap/{kind}/{version}", _soap_login, methods=["POST"]),
            Route("/id/{org_id}/{user_id}", self._answering(self._identity), methods=["GET"]),
        ]

    def _answering(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            try:
                return answer(request, await _form(request))
            except OAuthError as error:
                return _json(error.body, error.status)

        return respond

    async def authorize(self, request: Request) -> Response:
        """The consent page: as whom to log in, and whether to allow the app."""
        query = request.query_params
        refused = self._refused(query)
        if refused is not None:
            return refused
        here = org_of_host(self._sandbox, request.url.hostname)
        orgs = list(self._sandbox.orgs.values()) if here is None else [here]
        return HTMLResponse(consent_page(self._tokens.app.name, orgs, query))

    def _refused(self, query: Mapping[str, str]) -> Response | None:
        app, redirect_uri = self._tokens.app, query.get("redirect_uri", "")
        if query.get("client_id") != app.client_id:
            return HTMLResponse(refusal_page("invalid_client_id", "client identifier invalid"), 400)
        parts = urlsplit(redirect_uri)
        allowed = redirect_uri in app.redirect_uris if app.redirect_uris else True
        if parts.scheme not in {"http", "https"} or not parts.netloc or not allowed:
            return HTMLResponse(refusal_page("redirect_uri_mismatch", "redirect_uri must match configuration"), 400)
        if query.get("response_type") != "code":
            return _back(query, error="unsupported_response_type", error_description="response type not supported")
        if app.require_pkce and not query.get("code_challenge"):
            return _back(query, error="invalid_request", error_description="missing required code challenge")
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            return _back(query, error="invalid_request", error_description="code challenge method must be S256")
        return None

    def _decide(self, _request: Request, form: dict[str, str]) -> Response:
        refused = self._refused(form)
        if refused is not None:
            return refused
        if form.get("decision") != "allow":
            return _back(form, error="access_denied", error_description="end-user denied authorization")
        org_id, _, user_id = form.get("user", "").partition(" ")
        org = self._sandbox.orgs.get(org_id)
        if org is None or user_id not in org.permissions:
            return HTMLResponse(refusal_page("invalid_request", "choose a user"), 400)
        policy = self._tokens.policy(org)
        blocked = policy.admin_approved_only and user_id not in policy.approved_users
        if blocked or not policy.installed:
            text = "user is not admin approved to access this app"
            return _back(form, error="OAUTH_APP_ACCESS_DENIED", error_description=text)
        scopes = form.get("scope", "").split() or list(DEFAULT_SCOPES)
        code = self._tokens.issue_code(
            org, user_id, scopes, redirect_uri=form["redirect_uri"], challenge=form.get("code_challenge", "")
        )
        return _back(form, code=code)

    def _token(self, request: Request, form: dict[str, str]) -> Response:
        kind = form.get("grant_type", "")
        granting = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh,
            "client_credentials": self._by_client,
            _JWT_BEARER: self._by_assertion,
        }.get(kind)
        if granting is None:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        grant, refresh_token = granting(request, form)
        return _json(self._granted(request, grant, refresh_token))

    def _check_client(self, form: Mapping[str, str]) -> None:
        self._tokens.check_client(form.get("client_id"), form.get("client_secret"))

    def _by_code(self, _request: Request, form: dict[str, str]) -> tuple[Grant, str | None]:
        self._check_client(form)
        grant = self._tokens.redeem_code(form.get("code"), form.get("redirect_uri"), form.get("code_verifier"))
        if not {"refresh_token", "offline_access"} & set(grant.scopes):
            return grant, None
        return grant, self._tokens.issue_refresh(grant.org, grant.user_id, grant.scopes)

    def _by_refresh(self, _request: Request, form: dict[str, str]) -> tuple[Grant, str | None]:
        self._check_client(form)
        return self._tokens.refresh(form.get("refresh_token"))

    def _by_client(self, request: Request, form: dict[str, str]) -> tuple[Grant, str | None]:
        self._check_client(form)
        host = request.url.hostname
        if is_login_host(host):
            raise OAuthError("invalid_grant", "request not supported on this domain")
        org = org_of_host(self._sandbox, host) or self._sandbox.org_of_local_host(request.url.netloc)
        if org is None:
            raise OAuthError("invalid_grant", "request not supported on this domain")
        return self._tokens.client_credentials(org), None

    def _by_assertion(self, request: Request, form: dict[str, str]) -> tuple[Grant, str | None]:
        hosts = (*LOGIN_HOSTS, *map(my_domain_host, self._sandbox.orgs.values()))
        audiences = [f"https://{host}" for host in hosts] + [str(request.base_url).rstrip("/")]
        return self._tokens.assertion(form.get("assertion"), audiences), None

    def _granted(self, request: Request, grant: Grant, refresh_token: str | None) -> dict[str, Any]:
        """The token answer: no `expires_in`, and the moment in milliseconds as text."""
        issued_at = str(self._sandbox.clock.now_ms())
        identity = self._identity_url(request, grant)
        key = self._tokens.app.client_secret.encode()
        signature = hmac.new(key, f"{identity}{issued_at}".encode(), hashlib.sha256).digest()
        body = {
            "access_token": self._tokens.issue_session(grant.org, grant.user_id, grant.scopes),
            "signature": base64.b64encode(signature).decode(),
            "scope": " ".join(grant.scopes),
            "instance_url": self._instance_url(request, grant.org),
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        return body if refresh_token is None else {**body, "refresh_token": refresh_token}

    def _instance_url(self, request: Request, org: Org) -> str:
        if (request.url.hostname or "").endswith(".salesforce.com"):
            return f"https://{my_domain_host(org)}"
        return str(request.base_url).rstrip("/")

    def _identity_url(self, request: Request, grant: Grant) -> str:
        host = (request.url.hostname or "").endswith(".salesforce.com")
        base = f"https://{LOGIN_HOSTS[grant.org.is_sandbox]}" if host else str(request.base_url).rstrip("/")
        return f"{base}/id/{grant.org.id}/{grant.user_id}"

    def _revoke(self, request: Request, form: dict[str, str]) -> Response:
        token = form.get("token") or request.query_params.get("token", "")
        if not self._tokens.revoke(token):
            raise OAuthError("invalid_token", "invalid token")
        return Response(b"", 200)

    def _introspect(self, _request: Request, form: dict[str, str]) -> Response:
        self._check_client(form)
        token = form.get("token", "")
        grant = self._tokens.live(token)
        kind, refresh = "access_token", self._tokens.peek_refresh(token)
        if grant is None and refresh is not None:
            grant, kind = refresh, "refresh_token"
        if grant is None:
            return _json({"active": False})
        issued = grant.used_at_ms // 1000
        username = grant.org.record("User", grant.user_id)["Username"]
        body = {"active": True, "scope": " ".join(grant.scopes), "client_id": self._tokens.app.client_id}
        identity = {"username": username, "sub": f"https://{LOGIN_HOSTS[0]}/id/{grant.org.id}/{grant.user_id}"}
        times = {"exp": issued + grant.org.settings.session_minutes * 60, "iat": issued, "nbf": issued}
        return _json({**body, **identity, "token_type": kind, **times})

    def _session(self, request: Request) -> Grant | None:
        return self._tokens.live(bearer_token(dict(request.headers)))

    def _user_info(self, request: Request, _form: dict[str, str]) -> Response:
        grant = self._session(request)
        if grant is None:
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        return _json(self._described(request, grant))

    def _identity(self, request: Request, _form: dict[str, str]) -> Response:
        grant = self._session(request)
        if grant is None:
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        if request.path_params["user_id"] != grant.user_id or request.path_params["org_id"] != grant.org.id:
            return Response("Wrong_Org", 404, media_type="text/html")
        described = self._described(request, grant)
        more = {
            "id": self._identity_url(request, grant),
            "asserted_user": True,
            "username": described["preferred_username"],
        }
        return _json({**described, **more, "display_name": described["name"]})

    def _described(self, request: Request, grant: Grant) -> dict[str, Any]:
        user, base = grant.org.record("User", grant.user_id), self._instance_url(request, grant.org)
        data = f"{base}/services/data/v{{version}}"
        return {
            "sub": self._identity_url(request, grant),
            "user_id": grant.user_id,
            "organization_id": grant.org.id,
            "preferred_username": user["Username"],
            "nickname": user["Alias"],
            "name": user["Name"],
            "email": user["Email"],
            "email_verified": True,
            "given_name": user["FirstName"],
            "family_name": user["LastName"],
            "zoneinfo": user["TimeZoneSidKey"],
            "active": user["IsActive"],
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "urls": {
                "rest": f"{data}/",
                "sobjects": f"{data}/sobjects/",
                "query": f"{data}/query/",
                "custom_domain": f"https://{my_domain_host(grant.org)}",
            },
        }


def _back(query: Mapping[str, str], **answer: str) -> Response:
    """Back to the app, with its state."""
    redirect_uri = query["redirect_uri"]
    state = {"state": query["state"]} if "state" in query else {}
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{urlencode({**answer, **state})}", 302)
