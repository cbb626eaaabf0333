"""The OAuth endpoints: discovery, consent, token, revocation, user info (Intuit docs: OAuth 2.0 and OpenID Connect)."""

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from hardfin_pipelines.sandbox.middleware import CALL_FACTS
from hardfin_pipelines.sandbox.quickbooks.consent_page import consent_page, refusal_page
from hardfin_pipelines.sandbox.quickbooks.errors import OAuthError
from hardfin_pipelines.sandbox.quickbooks.gate import JSON_TYPE, bearer_token, vendor_headers
from hardfin_pipelines.sandbox.quickbooks.hosts import address_of, discovery_document, path_of
from hardfin_pipelines.sandbox.quickbooks.id_tokens import IdTokenSigner
from hardfin_pipelines.sandbox.quickbooks.oauth import KNOWN_SCOPES, IssuedTokens

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.quickbooks.sandbox import QuickBooksSandbox

_DISCOVERY = "/.well-known/openid_configuration"
_SANDBOX_DISCOVERY = "/.well-known/openid_sandbox_configuration"
_HARD_EXPIRY = "x-include-refresh-token-hard-expires-in"
Answer = Callable[[Request, bytes], Response]


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, vendor_headers(), media_type=JSON_TYPE)


def _form(raw: bytes) -> dict[str, str]:
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


class OAuthEndpoints:
    """The OAuth endpoints of one sandbox."""

    def __init__(self, sandbox: "QuickBooksSandbox") -> None:
        """`sandbox` has the tokens and companies."""
        self._sandbox = sandbox
        self._tokens = sandbox.tokens
        self._signer = IdTokenSigner()

    def routes(self) -> list[Route]:
        """All of them."""
        consent, token, revoke = map(path_of, ("authorization_endpoint", "token_endpoint", "revocation_endpoint"))
        described = [f"{path}{end}" for path in (_DISCOVERY, _SANDBOX_DISCOVERY) for end in ("", "/")]
        return [
            *(Route(path, self._answering(self._discovery), methods=["GET"]) for path in described),
            Route(consent, self._answering(self._ask), methods=["GET"]),
            Route(consent, self._answering(self._decide), methods=["POST"]),
            Route(token, self._answering(self._token), methods=["POST"]),
            Route(revoke, self._answering(self._revoke), methods=["POST"]),
            Route(path_of("userinfo_endpoint"), self._answering(self._user_info), methods=["GET"]),
            Route(path_of("jwks_uri"), self._answering(self._keys), methods=["GET"]),
        ]

    def _answering(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            request.scope[CALL_FACTS]["bucket"] = "oauth"
            try:
                return answer(request, await request.body())
            except OAuthError as error:
                return _json(error.as_json(described=self._sandbox.settings.errors_described), error.status)

        return respond

    def _address(self, request: Request, place: str) -> str:
        return address_of(place, str(request.base_url), request.url.hostname)

    def _discovery(self, request: Request, _raw: bytes) -> Response:
        return _json(discovery_document(str(request.base_url), request.url.hostname))

    def _keys(self, _request: Request, _raw: bytes) -> Response:
        return _json(self._signer.key_set())

    def _ask(self, request: Request, _raw: bytes) -> Response:
        """The consent page: which company, and whether to connect."""
        query = request.query_params
        refused = self._refused(query)
        if refused is not None:
            return refused
        companies = self._sandbox.companies.values()
        return HTMLResponse(consent_page(self._tokens.app.name, companies, query, request.url.path))

    def _refused(self, query: Mapping[str, str]) -> Response | None:
        app, redirect_uri = self._tokens.app, query.get("redirect_uri", "")
        if query.get("client_id") != app.client_id:
            return HTMLResponse(refusal_page("The client_id query parameter value is invalid."), 400)
        parts = urlsplit(redirect_uri)
        allowed = redirect_uri in app.redirect_uris if app.redirect_uris else True
        if parts.scheme not in {"http", "https"} or not parts.netloc or not allowed:
            text = (
                "The redirect_uri query parameter value is invalid. Make sure it is listed in the Redirect URIs "
                "section on your app's keys tab and matches it exactly."
            )
            return HTMLResponse(refusal_page(text), 400)
        if not query.get("state"):
            return HTMLResponse(refusal_page("The state query parameter is missing from the request."), 400)
        if query.get("response_type") != "code":
            return _back(query, error="unsupported_response_type")
        scopes = query.get("scope", "").split()
        if not scopes or set(scopes) - set(KNOWN_SCOPES):
            return _back(query, error="invalid_scope")
        return None

    def _decide(self, _request: Request, raw: bytes) -> Response:
        form = _form(raw)
        refused = self._refused(form)
        if refused is not None:
            return refused
        if form.get("decision") != "connect":
            return _back(form, error="access_denied")
        company = self._sandbox.companies.get(form.get("realm", ""))
        if company is None:
            return HTMLResponse(refusal_page("Choose a company."), 400)
        grant = self._tokens.grant(company, form["scope"].split())
        code = self._tokens.issue_code(grant, form["redirect_uri"])
        return _back(form, code=code, realmId=company.realm_id)

    def _check_app(self, request: Request, form: Mapping[str, str]) -> None:
        """The app's credentials, from a Basic header or from the form."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, packed = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise OAuthError("invalid_client", status=401) from None
        app = self._tokens.app
        right = secrets.compare_digest(secret.encode(), app.client_secret.encode())
        if client_id != app.client_id or not right:
            raise OAuthError("invalid_client", status=401)

    def _token(self, request: Request, raw: bytes) -> Response:
        if "x-www-form-urlencoded" not in request.headers.get("content-type", ""):
            raise OAuthError("invalid_request", "The body is not a form")
        form = _form(raw)
        self._check_app(request, form)
        kind = form.get("grant_type")
        if kind == "authorization_code":
            issued = self._tokens.redeem_code(form.get("code"), form.get("redirect_uri"))
        elif kind == "refresh_token":
            issued = self._tokens.refresh(form.get("refresh_token"))
        else:
            raise OAuthError("unsupported_grant_type" if kind else "invalid_request")
        request.scope[CALL_FACTS]["account"] = issued.grant.company.realm_id
        return _json(self._granted(request, issued, first=kind == "authorization_code"))

    def _granted(self, request: Request, issued: IssuedTokens, *, first: bool) -> dict[str, Any]:
        """The token answer. The company's id is not in it: only the redirect tells it."""
        body: dict[str, Any] = {
            "token_type": "bearer",
            "expires_in": issued.expires_in,
            "refresh_token": issued.refresh_token,
            "x_refresh_token_expires_in": issued.refresh_expires_in,
            "access_token": issued.access_token,
        }
        if request.headers.get(_HARD_EXPIRY, "").lower() == "true":
            body["x_refresh_token_hard_expires_in"] = issued.refresh_hard_expires_in
        if first and "openid" in issued.grant.scopes:
            body["id_token"] = self._signer.signed(
                issuer=self._address(request, "issuer"),
                client_id=self._tokens.app.client_id,
                realm_id=issued.grant.company.realm_id,
                user=_user_id(issued.grant.company.user_email),
                now=self._sandbox.clock.now(),
            )
        return body

    def _revoke(self, request: Request, raw: bytes) -> Response:
        """Ends a consent; the body is JSON."""
        self._check_app(request, {})
        try:
            token = orjson.loads(raw).get("token")
        except (orjson.JSONDecodeError, AttributeError):
            raise OAuthError("invalid_request", "The body is not a JSON object with a token") from None
        if not isinstance(token, str) or not self._tokens.revoke(token):
            raise OAuthError("invalid_request", "The token is not known")
        return Response(b"", 200, vendor_headers())

    def _user_info(self, request: Request, _raw: bytes) -> Response:
        token = self._tokens.access(bearer_token(request.headers))
        if token is None or token.grant.ended or token.ends_at_ms <= self._sandbox.clock.now_ms():
            return _json({"error": "invalid_token"}, 401)
        if "openid" not in token.grant.scopes:
            return _json({"error": "insufficient_scope"}, 403)
        email = token.grant.company.user_email
        scopes = token.grant.scopes
        return _json(
            {
                "sub": _user_id(email),
                **({"email": email, "emailVerified": True} if "email" in scopes else {}),
                **({"givenName": "Casey", "familyName": "Admin"} if "profile" in scopes else {}),
            }
        )


def _user_id(email: str) -> str:
    """A user's stable id."""
    return f"{binascii.crc32(email.encode()):08x}-0000-4000-8000-000000000000"


def _back(query: Mapping[str, str], **answer: str) -> Response:
    """Back to the app, with its state."""
    redirect_uri = query["redirect_uri"]
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{urlencode({**answer, 'state': query['state']})}", 302)
