"""OAuth 2.0 client credentials, machine to machine: tokens for assertions that our key signs (Oracle docs: OAuth 2.0).

There is no consent in a browser and no refresh token: an administrator maps our certificate to a role and an employee
once, and each token is got with a signed assertion. Mapping and certificate end after two years at most.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.errors import NeedsAttention, VendorContractError, VendorError
from hardfin_pipelines.connectors.http import Answer, NoAnswer, exchange
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.versions import TOKEN_PATH
from hardfin_pipelines.connectors.retries import GaveUp, RetryPolicy, Transient
from hardfin_pipelines.connectors.tokens import Tokens

SCOPE = "rest_webservices"

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFE = timedelta(minutes=5)
_BACKDATED = timedelta(seconds=30)
"""An assertion of the future is refused, and clocks differ."""
_USUAL_LIFE = timedelta(hours=1)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA_BITS = (3072, 4096)
_CALL = "POST token (client_credentials)"
_RECONNECT = f"connect {errors.VENDOR} again"


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An integration record of the account, and the key whose certificate is mapped there.

    Attributes:
        client_id: The integration record's.
        certificate_id: What NetSuite calls the mapped certificate, the `kid` of assertions.
        private_key: PEM of an RSA key of 3072 or 4096 bits, or of an EC key of 256, 384 or 521. In no repr.
    """

    client_id: str
    certificate_id: str
    private_key: str = field(repr=False)


def algorithm_of(private_key: str) -> str:
    """How a key signs: PS256 with RSA, ES256, ES384 or ES512 with a curve.

    Raises:
        ValueError: NetSuite does not take such keys, or it cannot be read. The text shows nothing of it.
    """
    wanted = "the private key for NetSuite must be PEM of an RSA key of 3072 or 4096 bits, or an EC key of 256 bits up"
    try:
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size in _RSA_BITS:
        return "PS256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if key is None:
        raise ValueError(f"{wanted}; what is there cannot be read as one")
    raise ValueError(f"{wanted}; this one is {type(key).__name__} of {getattr(key, 'key_size', '?')} bits")


class TokenEndpoint:
    """An account's token endpoint. Its calls count against no limit that we know of. A `Renewer`."""

    ends_when_said = True
    mints = True

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        api_url: str,
        app: OAuthApp,
        clock: Clock = SYSTEM_CLOCK,
        retries: RetryPolicy | None = None,
    ) -> None:
        self._http = http
        self._url = api_url.rstrip("/") + TOKEN_PATH
        self._app = app
        self._clock = clock
        self._retries = retries or RetryPolicy()

    async def mint(self) -> Tokens:
        """A new token, to be saved before it is used. The certificate's id stands for what gets the next one.

        Raises:
            NeedsAttention: The key cannot sign, or NetSuite does not take its certificate, role or integration.
            RetryLater: NetSuite is down or unreachable.
            VendorContractError: NetSuite refuses the request itself.
        """
        began = self._clock.now()
        return self._tokens(await self._patiently(), began)

    async def renewed(self, stored: Tokens) -> Tokens:  # noqa: ARG002  # the key gets new ones, not the old
        """As `mint`."""
        return await self.mint()

    def is_dead_grant(self, error: NeedsAttention) -> bool:  # noqa: ARG002  # there is no refresh token to be dead
        """Whether a refresh token is of no use any more: there is none."""
        return False

    def _tokens(self, answer: Answer, began: datetime) -> Tokens:
        access = answer.members.get("access_token")
        if not isinstance(access, str) or not access:
            raise errors.unknown_shape(_CALL, "access_token")
        life = _seconds(answer.members.get("expires_in")) or _USUAL_LIFE
        return Tokens(access, self._app.certificate_id, began + life, began)

    async def _patiently(self) -> Answer:
        try:
            return await self._retries.run(self._attempt, self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self) -> Answer:
        assertion = self._assertion()
        form = {"grant_type": "client_credentials", "client_assertion_type": _ASSERTION_TYPE}
        failure = ""
        try:
            answer = await exchange(
                self._http,
                "POST",
                self._url,
                now=self._clock.now(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                content=urlencode({**form, "client_assertion": assertion}).encode(),
                secrets=(assertion,),
            )
        except NoAnswer as error:
            failure = str(error)
        if failure:
            raise Transient(f"{failure} for {_CALL}")
        if errors.is_transient(answer) or errors.is_throttled(answer):
            raise errors.transient(answer, _CALL)
        if not answer.members:
            raise Transient(f"answered {answer.status} to {_CALL} with {answer.content_type} instead of JSON")
        if answer.status >= 300:
            raise _refused(answer)
        return answer

    def _assertion(self) -> str:
        issued = self._clock.now() - _BACKDATED
        claims = {
            "iss": self._app.client_id,
            "scope": SCOPE,
            "aud": self._url,
            "iat": int(issued.timestamp()),
            "exp": int((issued + _ASSERTION_LIFE).timestamp()),
        }
        key = self._app.private_key
        try:
            return jwt.encode(claims, key, algorithm_of(key), headers={"kid": self._app.certificate_id, "typ": "JWT"})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            text = str(error) if isinstance(error, ValueError) else "the private key for NetSuite cannot sign"
        raise NeedsAttention(errors.INTEGRATION, text)


def _refused(answer: Answer) -> VendorError:
    """What a token request's refusal means; each of these is permanent until a person acts."""
    code = errors.one_line(answer.members.get("error"))
    said = f"{code}: {errors.one_line(answer.members.get('error_description'))}".rstrip(": ")
    context = {"status": str(answer.status), "call": _CALL, "code": code}
    if code == "invalid_scope":
        text = (
            f"{errors.VENDOR}'s integration record does not allow REST web services ({said}): tick REST Web Services "
            "among its OAuth 2.0 scopes"
        )
    elif code in {"invalid_grant", "invalid_client", "unauthorized_client", "invalid_request", "access_denied"}:
        text = (
            f"{errors.VENDOR} gives us no token ({said or answer.status}): the certificate was revoked, expired or is "
            "another account's, the integration record is blocked, or the role lacks Log in using OAuth 2.0 Access "
            f"Tokens; map the certificate at Setup > Integration > OAuth 2.0 Client Credentials and {_RECONNECT}"
        )
    elif answer.status in {401, 403}:
        text = f"{errors.VENDOR} gives us no token ({errors.message_of(answer)}): {_RECONNECT}"
    else:
        text = f"{errors.VENDOR} answered {answer.status} to {_CALL}: {said or errors.message_of(answer)}"
        return VendorContractError(errors.INTEGRATION, text, context=context)
    return NeedsAttention(errors.INTEGRATION, text, context=context)


def _seconds(value: object) -> timedelta | None:
    text = str(value)
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else None
