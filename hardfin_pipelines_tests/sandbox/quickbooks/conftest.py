"""A sandbox with one company behind http and https, and clients that talk to it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.quickbooks import Company, QuickBooksSandbox
from hardfin_pipelines.sandbox.quickbooks.hosts import ALL_HOSTS
from hardfin_pipelines.sandbox.salesforce.tls import Certificates, make_certificates
from hardfin_pipelines.sandbox.server import SandboxServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REDIRECT_URI = "https://hardfin.example/oauth/quickbooks"


class CurrentApp:
    """Passes requests on to the sandbox of the test that runs: starting a server costs more than most tests."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), ALL_HOSTS)


@pytest.fixture(scope="session")
def _current() -> CurrentApp:
    return CurrentApp()


@pytest.fixture(scope="session")
def _http(_current: CurrentApp) -> Iterator[SandboxServer]:
    with SandboxServer(_current) as running:
        yield running


@pytest.fixture(scope="session")
def _https(_current: CurrentApp, certificates: Certificates) -> Iterator[SandboxServer]:
    with SandboxServer(_current, certificate=certificates.server) as running:
        yield running


@pytest.fixture
def sandbox(_current: CurrentApp) -> Iterator[QuickBooksSandbox]:
    """A sandbox whose clock stands at noon."""
    made = QuickBooksSandbox(
        clock=SandboxClock(NOON, frozen=True),
        client_id="an-app",
        client_secret="its-secret",
        redirect_uris=[REDIRECT_URI],
    )
    _current.app = made.app
    yield made
    made.close()


@pytest.fixture
def company(sandbox: QuickBooksSandbox) -> Company:
    """A company that takes any number of calls."""
    made = sandbox.add_company(name="Acme Robotics")
    made.settings.limits_enabled = False
    return made


@pytest.fixture
def url(_http: SandboxServer, sandbox: QuickBooksSandbox) -> str:
    return _http.url


@pytest.fixture
def https_url(_https: SandboxServer, sandbox: QuickBooksSandbox) -> str:
    return _https.url


def client_of(url: str, sandbox: QuickBooksSandbox, company: Company) -> httpx.Client:
    """An HTTP client with a token of the company, below its path, that asks for JSON."""
    token = sandbox.issue_tokens(company).access_token
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return httpx.Client(base_url=f"{url}/v3/company/{company.realm_id}", headers=headers)


@pytest.fixture
def api(url: str, sandbox: QuickBooksSandbox, company: Company) -> Iterator[httpx.Client]:
    with client_of(url, sandbox, company) as client:
        yield client


@pytest.fixture
def control(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/_sandbox") as client:
        yield client


def asked(api: httpx.Client, statement: str) -> Any:
    """The `QueryResponse` of a statement."""
    answer = api.get("/query", params={"query": statement})
    assert answer.status_code == 200, answer.text
    return answer.json()["QueryResponse"]


def names(api: httpx.Client, condition: str, entity: str = "Item") -> list[str]:
    """The names of the items found."""
    return [row["Name"] for row in asked(api, f"SELECT * FROM {entity} {condition}").get(entity, [])]


def fault(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The one error of a refusal."""
    assert answer.status_code == status, answer.text
    [error] = answer.json()["Fault"]["Error"]
    return dict(error)


def refused(api: httpx.Client, statement: str) -> tuple[str, str]:
    """Code and detail with which a statement is refused."""
    error = fault(api.get("/query", params={"query": statement}))
    return error["code"], error["Detail"]


def changes(api: httpx.Client, entities: str, since: str) -> list[dict[str, Any]]:
    """The answers of change data capture, one an entity."""
    answer = api.get("/cdc", params={"entities": entities, "changedSince": since})
    assert answer.status_code == 200, answer.text
    [only] = answer.json()["CDCResponse"]
    return list(only["QueryResponse"])
