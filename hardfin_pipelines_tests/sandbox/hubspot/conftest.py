"""A sandbox with one portal on a real port, and clients that talk to it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox, Portal
from hardfin_pipelines.sandbox.server import SandboxServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A sandbox whose clock stands at noon."""
    made = HubSpotSandbox(clock=SandboxClock(NOON, frozen=True), client_id="an-app", client_secret="its-secret")
    yield made
    made.close()


@pytest.fixture
def portal(sandbox: HubSpotSandbox) -> Portal:
    return sandbox.add_portal(4242, name="Acme Robotics")


class _CurrentApp:
    """Passes requests on to the sandbox of the test that runs: starting a server costs more than most tests."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[SandboxServer, _CurrentApp]]:
    current = _CurrentApp()
    with SandboxServer(current) as running:
        yield running, current


@pytest.fixture
def server(sandbox: HubSpotSandbox, portal: Portal, _running: tuple[SandboxServer, _CurrentApp]) -> SandboxServer:
    running, current = _running
    current.app = sandbox.app
    return running


@pytest.fixture
def api(server: SandboxServer, portal: Portal) -> Iterator[httpx.Client]:
    """An HTTP client with an OAuth access token that has every scope."""
    headers = {"Authorization": f"Bearer {portal.issue_access_token()}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        yield client


@pytest.fixture
def control(server: SandboxServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/_sandbox") as client:
        yield client
