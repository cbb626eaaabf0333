"""A sandbox with one organization behind http and https, and clients that talk to it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import requests
from simple_salesforce.api import Salesforce
from starlette.types import ASGIApp, Receive, Scope, Send

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.tls import Certificates, make_certificates
from hardfin_pipelines.sandbox.server import SandboxServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class CurrentApp:
    """Passes requests on to the sandbox of the test that runs: starting a server costs more than most tests."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


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
def sandbox(_current: CurrentApp) -> Iterator[SalesforceSandbox]:
    """A sandbox whose clock stands at noon."""
    made = SalesforceSandbox(clock=SandboxClock(NOON, frozen=True), client_id="an-app", client_secret="its-secret")
    _current.app = made.app
    yield made
    made.close()


@pytest.fixture
def org(sandbox: SalesforceSandbox) -> Org:
    return sandbox.add_org("acme", name="Acme Robotics")


@pytest.fixture
def url(_http: SandboxServer, sandbox: SalesforceSandbox) -> str:
    return _http.url


@pytest.fixture
def https_url(_https: SandboxServer, sandbox: SalesforceSandbox) -> str:
    return _https.url


@pytest.fixture
def api(url: str, sandbox: SalesforceSandbox, org: Org) -> Iterator[httpx.Client]:
    """An HTTP client with a session of the integration user, below API version 62."""
    headers = {"Authorization": f"Bearer {sandbox.session(org)}"}
    with httpx.Client(base_url=f"{url}/services/data/v62.0", headers=headers) as client:
        yield client


@pytest.fixture
def control(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/_sandbox") as client:
        yield client


@pytest.fixture
def web(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    """A session that trusts the sandbox's authority, as the environment says."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    with requests.Session() as session:
        yield session


@pytest.fixture
def salesforce(https_url: str, sandbox: SalesforceSandbox, org: Org, web: requests.Session) -> Salesforce:
    """simple-salesforce as it comes from its package."""
    return Salesforce(instance_url=https_url, session_id=sandbox.session(org), session=web, version="62.0")


def found(api: httpx.Client, query: str, **params: str) -> Any:
    """A query's first page."""
    answer = api.get("/query", params={"q": query, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api: httpx.Client, query: str) -> tuple[str, str]:
    """The code and text with which a query is refused."""
    answer = api.get("/query", params={"q": query})
    assert answer.status_code == 400, answer.text
    [error] = answer.json()
    return error["errorCode"], error["message"]


def new_deal(org: Org, name: str = "Ten robots", *, lines: int = 0, stage: str = "Closed Won", **values: object) -> str:
    """An opportunity of a new account, with so many line items."""
    account = org.create("Account", {"Name": f"{name} Inc.", "ShippingCity": "Boston"})
    given = {"Name": name, "StageName": stage, "CloseDate": "2026-03-01", "AccountId": account, **values}
    deal = org.create("Opportunity", {**given, "Pricebook2Id": org.standard_pricebook_id})
    if lines:
        add_lines(org, deal, lines)
    return deal


def add_lines(org: Org, deal: str, count: int, price: str = "10.25") -> list[str]:
    """Line items of one new product."""
    product = org.create("Product2", {"Name": "Robot", "ProductCode": "R-1", "IsActive": True})
    entry = org.create(
        "PricebookEntry",
        {"Pricebook2Id": org.standard_pricebook_id, "Product2Id": product, "UnitPrice": price, "IsActive": True},
    )
    line = {"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 2, "UnitPrice": price}
    return org.create_many("OpportunityLineItem", [line] * count)
