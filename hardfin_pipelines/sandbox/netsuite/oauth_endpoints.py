"""The token endpoint (Oracle docs: POST request to the token endpoint and the access token response)."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import jwt
import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hardfin_pipelines.sandbox.middleware import CALL_FACTS
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.errors import OAuthError
from hardfin_pipelines.sandbox.netsuite.hosts import TOKEN_PATH, account_of_host
from hardfin_pipelines.sandbox.netsuite.vendor_faults import MAINTENANCE_PAGE

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"


class OAuthEndpoints:
    """Hands out access tokens for signed assertions; there is no refresh token in this flow."""

    def __init__(self, sandbox: "NetSuiteSandbox") -> None:
        """`sandbox` has the accounts and keys."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """The endpoint."""
        return [Route(TOKEN_PATH, self._token, methods=["POST"])]

    async def _token(self, request: Request) -> Response:
        request.scope[CALL_FACTS]["bucket"] = "token"
        raw = await request.body()
        try:
            form = _form(request, raw)
            account = self._account(request, form["client_assertion"])
            request.scope[CALL_FACTS]["account"] = account.id
            if account.settings.maintenance:
                return HTMLResponse(MAINTENANCE_PAGE, 503)
            own = f"{request.url.scheme}://{request.url.netloc}{TOKEN_PATH}"
            audiences = (f"https://{account.host}{TOKEN_PATH}", own)
            token, _ = self._sandbox.keys.redeem_assertion(account, form["client_assertion"], audiences)
        except OAuthError as error:
            return Response(orjson.dumps(error.body), error.status, media_type="application/json")
        body = {"access_token": token, "expires_in": str(account.settings.token_seconds), "token_type": "bearer"}
        return Response(orjson.dumps(body), media_type="application/json")

    def _account(self, request: Request, assertion: str) -> Account:
        """The account of the host; at an address of this machine, the one that the certificate belongs to.

        Raises:
            OAuthError: there is none.
        """
        found = account_of_host(self._sandbox, request.url.hostname, request.url.netloc)
        if found is None:
            try:
                kid = str(jwt.get_unverified_header(assertion).get("kid"))
            except jwt.PyJWTError as error:
                raise OAuthError("invalid_request", "The client assertion is not a JWT.") from error
            found = self._sandbox.keys.account_of_kid(kid)
        if found is None:
            raise OAuthError("invalid_grant", "The certificate of the client assertion is unknown, revoked or expired.")
        return found


def _form(request: Request, raw: bytes) -> dict[str, str]:
    if not request.headers.get("content-type", "").startswith(_FORM):
        raise OAuthError("invalid_request", f"The content type must be {_FORM}.")
    form = {name: values[0] for name, values in parse_qs(raw.decode("latin-1")).items()}
    if form.get("grant_type") != "client_credentials":
        raise OAuthError("unsupported_grant_type", "The grant type must be client_credentials.")
    if form.get("client_assertion_type") != _ASSERTION or not form.get("client_assertion"):
        raise OAuthError("invalid_request", "The client assertion or its type is missing.")
    return form
