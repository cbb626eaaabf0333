"""A sandbox with one account behind http, and clients that talk to it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.types import ASGIApp, Receive, Scope, Send

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.server import SandboxServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUERY = "/services/rest/query/v1/suiteql"
TOKEN = "/services/rest/auth/oauth2/v1/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class CurrentApp:
    """Passes requests on to the sandbox of the test that runs: starting a server costs more than most tests."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def _current() -> CurrentApp:
    return CurrentApp()


@pytest.fixture(scope="session")
def _http(_current: CurrentApp) -> Iterator[SandboxServer]:
    with SandboxServer(_current) as running:
        yield running


@pytest.fixture
def sandbox(_current: CurrentApp) -> Iterator[NetSuiteSandbox]:
    """A sandbox whose clock stands at noon, and that made no mistakes of its own when the test is over."""
    made = NetSuiteSandbox(clock=SandboxClock(NOON, frozen=True), client_id="an-integration")
    _current.app = made.app
    yield made
    made.close()
    assert made.broken == []


@pytest.fixture
def account(sandbox: NetSuiteSandbox) -> Account:
    return sandbox.add_account("1234567_SB1", name="Acme Robotics")


@pytest.fixture
def url(_http: SandboxServer, sandbox: NetSuiteSandbox) -> str:
    return _http.url


@pytest.fixture
def api(url: str, sandbox: NetSuiteSandbox, account: Account) -> Iterator[httpx.Client]:
    """An HTTP client with an access token of the integration user."""
    with client_of(url, sandbox, account) as client:
        yield client


@pytest.fixture
def control(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/_sandbox") as client:
        yield client


def client_of(url: str, sandbox: NetSuiteSandbox, account: Account, user: Any = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {sandbox.issue_access_token(account, user)}", "Prefer": "transient"}
    return httpx.Client(base_url=url, headers=headers)


def asked(api: httpx.Client, statement: str, **params: Any) -> httpx.Response:
    return api.post(QUERY, params=params, json={"q": statement})


def rows(api: httpx.Client, statement: str, **params: Any) -> list[dict[str, Any]]:
    """A query's first page, without the links of its rows."""
    answer = asked(api, statement, **params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    assert all(each.pop("links") == [] for each in found)
    return found


def value(api: httpx.Client, expression: str) -> str | None:
    """What an expression comes to; None where the answer leaves it out."""
    [row] = rows(api, f"SELECT {expression} AS it FROM dual")
    return row.get("it")


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and text of a refusal."""
    body = answer.json()
    assert body["status"] == answer.status_code
    [error] = body["o:errorDetails"]
    return answer.status_code, error["o:errorCode"], error["detail"]


def new_key(kind: str = "P-256") -> Any:
    """A private key: a curve, or the bits of an RSA key."""
    if kind.isdigit():
        return rsa.generate_private_key(65_537, int(kind))
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-256k": ec.SECP256K1()}
    return ec.generate_private_key(curves[kind])


def certificate_of(key: Any, *, starts: datetime = NOON - timedelta(days=1), days: int = 365) -> str:
    """A self-signed certificate in PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hardfin")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(starts).not_valid_after(starts + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def assertion(key: Any, kid: str, *, algorithm: str = "ES256", typ: str = "JWT", **claims: Any) -> str:
    """A client assertion, right unless `claims` say otherwise."""
    now = int(NOON.timestamp())
    audience = f"https://1234567-sb1.suitetalk.api.netsuite.com{TOKEN}"
    right = {"iss": "an-integration", "scope": "rest_webservices", "aud": audience, "iat": now, "exp": now + 300}
    wanted = {name: each for name, each in {**right, **claims}.items() if each is not None}
    return jwt.encode(wanted, key, algorithm=algorithm, headers={"kid": kid, "typ": typ})


def token_request(url: str, text: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": text}
    return httpx.post(f"{url}{TOKEN}", data={**form, **changes})
