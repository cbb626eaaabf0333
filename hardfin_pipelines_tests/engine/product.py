"""Hardfin and a HubSpot sandbox behind real HTTP: one line gives a connected organization with a portal of its own."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import Settings
from hardfin_pipelines_tests.engine.hardfin_team import Deployed, HardfinTeam, MovableDeployment
from hardfin_pipelines_tests.engine.sales_team import LINE_ITEM, OPEN, PRIMARY_COMPANY, WON, SalesTeam

SEARCH = "/crm/objects/2026-03/deals/search"
FAST = HubSpotLimits(1_000_000, 1_000_000, 1_000_000)
"""Our own limiters let everything pass: what is tested is not HubSpot's pace."""
IMPATIENT = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, attempts=1, longest_wait_seconds=1, patience_seconds=1)
"""Gives up at the first failure, where a test is about what happens then."""


@dataclass
class _Held:
    """What happens while a request for a path is under way, and whether it has."""

    path: str
    skip: int
    change: Callable[[], object]
    happened: list[bool] = field(default_factory=list)


class BetweenAnswers:
    """Lets people do something in a portal while the vendor is at an answer, or right after it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._held: _Held | None = None
        self.path = ""
        self.waiting: deque[Callable[[], object]] = deque()

    def do(self, path: str, *actions: Callable[[], object]) -> None:
        """One action after each answer to a path, in order, before the next request."""
        self.path = path
        self.waiting = deque(actions)

    def hold(self, path: str, change: Callable[[], object], *, skip: int = 0) -> list[bool]:
        """Answer the next request for a path (a shell pattern) only when something has happened; others go on.

        Returns:
            A list that holds True once it has happened.
        """
        self._held = _Held(path, skip, change)
        return self._held.happened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._hold(scope["path"])
        if scope["type"] != "http" or scope["path"] != self.path or not self.waiting:
            await self._app(scope, receive, send)
            return
        answer: list[Message] = []

        async def hold(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, hold)
        self.waiting.popleft()()
        for message in answer:
            await send(message)

    async def _hold(self, path: str) -> None:
        held = self._held
        if held is None or not fnmatchcase(path, held.path):
            return
        if held.skip:
            held.skip -= 1
            return
        self._held = None
        await asyncio.to_thread(held.change)
        held.happened.append(True)


@dataclass
class Product(Deployed):
    """A sandbox that is up and a deployment that is pointed at it by its settings."""

    sandbox: HubSpotSandbox
    url: str
    deployment: MovableDeployment
    between: "BetweenAnswers | None" = None
    organizations: dict[str, "Organization"] = field(default_factory=dict)

    def add_organization(
        self,
        org: str = "acme",
        *,
        hub_id: int | None = None,
        pipelines: Sequence[str] = ("default",),
        document: str = "",
        start_date: str = "2025-01-01",
        connect: bool = True,
        **tokens: Any,
    ) -> "Organization":
        """An organization with a portal, connected by a refresh token.

        Args:
            org: Its slug.
            hub_id: The portal's id.
            pipelines: Ids or labels of the pipelines that sync.
            document: More lines of its connection in YAML, indented by four.
            start_date: Of its initial load.
            connect: Whether the account is connected at once.
            tokens: For `Portal.issue_refresh_token`.
        """
        portal = self.sandbox.add_portal(hub_id or 4_200_001 + len(self.organizations), name=org.title())
        portal.settings.change({"limits_enabled": False})
        organization = Organization(portal, self, org)
        self.organizations[org] = organization
        organization.start_date = start_date
        organization.apply(pipelines, document)
        if connect:
            organization.connect(**tokens)
        return organization

    @contextmanager
    def beside(self, database_url: str, folder: Path) -> Iterator["Product"]:
        """Another deployment, with a store of its own, at the same vendor; its organizations have the same portals."""
        deployment = MovableDeployment.open(settings_for(database_url, folder, self.sandbox, self.url))
        deployment.vendors.hubspot.limits = FAST
        other = Product(self.sandbox, self.url, deployment)
        for organization in self.organizations.values():
            twin = Organization(organization.portal, other, organization.org, organization.start_date)
            other.organizations[organization.org] = twin
            twin.apply()
            twin.connect()
        try:
            yield other
        finally:
            deployment.engine.dispose()

    def environment(self) -> dict[str, str]:
        """The variables that point another process at this deployment."""
        settings = self.deployment.settings
        return {
            "HARDFIN_HOME": str(settings.home),
            "HARDFIN_DATABASE_URL": settings.database_url,
            "HARDFIN_LANDING_ROOT": settings.landing_root,
            "HARDFIN_SECRET_KEY": settings.secret_key.get_secret_value(),
            "HARDFIN_HUBSPOT_URL": self.url,
            "HARDFIN_HUBSPOT_APP_URL": self.url,
            "HARDFIN_HUBSPOT_CLIENT_ID": settings.hubspot_client_id,
            "HARDFIN_HUBSPOT_CLIENT_SECRET": settings.hubspot_client_secret.get_secret_value(),
        }


@dataclass
class Organization(SalesTeam, HardfinTeam):
    """One organization, its portal, and what its people do."""

    product: Product
    org: str
    start_date: str = "2025-01-01"

    def secret(self, **tokens: Any) -> Secret:
        return Secret(refresh_token=self.portal.issue_refresh_token(**tokens))

    def calls(self) -> int:
        """Vendor calls with this account's tokens so far."""
        return len(self.portal.calls)

    def fault(self, **fields: Any) -> Fault:
        """Plan a failure of the vendor for this account."""
        return self.product.sandbox.faults.add(Fault(account=str(self.portal.hub_id), **fields))


def settings_for(database_url: str, folder: Path, sandbox: HubSpotSandbox, url: str) -> Settings:
    """Settings that point a deployment at a sandbox."""
    return Settings(
        home=folder / "home",
        database_url=database_url,
        landing_root=str(folder / "landing"),
        secret_key=SecretStr(Fernet.generate_key().decode()),
        hubspot_url=url,
        hubspot_app_url=url,
        hubspot_client_id=sandbox.tokens.app.client_id,
        hubspot_client_secret=SecretStr(sandbox.tokens.app.client_secret),
    )


@contextmanager
def running_product(database_url: str, folder: Path) -> Iterator[Product]:
    """A product for the length of a block."""
    sandbox = HubSpotSandbox()
    between = BetweenAnswers(sandbox.app)
    with SandboxServer(between) as server:
        deployment = MovableDeployment.open(settings_for(database_url, folder, sandbox, server.url))
        deployment.vendors.hubspot.limits = FAST
        try:
            yield Product(sandbox, server.url, deployment, between)
        finally:
            deployment.engine.dispose()
    sandbox.close()


def values_of(rows: Sequence[Mapping[str, Any]], *names: str) -> list[Any]:
    """Some columns of rows: values for one name, tuples for several."""
    if len(names) == 1:
        return [row[names[0]] for row in rows]
    return [tuple(row[name] for name in names) for row in rows]


__all__ = ["LINE_ITEM", "OPEN", "PRIMARY_COMPANY", "WON", "Organization", "Product"]
