"""The sandbox: its portals, tokens, clock, faults and call log, and the app that serves them."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from starlette.types import ASGIApp

from hardfin_pipelines.sandbox.call_log import CallLog
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.faults import FaultPlan
from hardfin_pipelines.sandbox.hubspot.app import build_app
from hardfin_pipelines.sandbox.hubspot.oauth import OAuthApp, TokenBook
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.rate_limits import PortalLimits
from hardfin_pipelines.sandbox.hubspot.settings import Tier
from hardfin_pipelines.sandbox.time_zones import is_time_zone

LONGEST_URL_BYTES = 8_000


class HubSpotSandbox:
    """A HubSpot of our own.

    Example:
        >>> sandbox = HubSpotSandbox()
        >>> portal = sandbox.add_portal(4242, name="Acme")
        >>> deal_id = portal.create("deals", {"dealname": "Ten robots", "dealstage": "closedwon"})
        >>> with SandboxServer(sandbox.app) as server:
        ...     httpx.get(f"{server.url}/crm/v3/objects/deals", headers={"Authorization": "Bearer ..."})
    """

    def __init__(
        self,
        *,
        clock: SandboxClock | None = None,
        latency_ms: float = 0,
        client_id: str | None = None,
        client_secret: str | None = None,
        redirect_uris: Sequence[str] = (),
        longest_url_bytes: int = LONGEST_URL_BYTES,
        directory: Path | None = None,
    ) -> None:
        """An empty sandbox.

        Args:
            clock: the time it lives in; the machine's, when left out.
            latency_ms: added to every vendor request.
            client_id: of the OAuth app that may be installed; a new one, when left out.
            client_secret: likewise.
            redirect_uris: the app's; with none, any is taken.
            longest_url_bytes: path and query of a longer URL get 414 with an HTML page.
            directory: keeps each portal's records in a file here, rather than in memory. Tokens are never kept.
        """
        self.clock = clock or SandboxClock()
        self.faults = FaultPlan(latency_ms=latency_ms)
        self.call_log = CallLog()
        self.longest_url_bytes = longest_url_bytes
        oauth_app = OAuthApp(
            client_id or str(uuid.uuid4()), client_secret or str(uuid.uuid4()), 1_160_452, tuple(redirect_uris)
        )
        self.tokens = TokenBook(oauth_app, self.clock)
        self.portals: dict[int, Portal] = {}
        self.limits: dict[int, PortalLimits] = {}
        self._directory = directory
        self._app: ASGIApp | None = None

    def add_portal(
        self,
        hub_id: int,
        *,
        name: str = "",
        tier: Tier = "professional",
        currency: str = "USD",
        time_zone: str = "America/New_York",
        additional_currencies: Sequence[str] = (),
    ) -> Portal:
        """Opens an account: HubSpot's default pipeline and properties, no records (unless its file has some).

        Raises:
            ValueError: there is an account of that id already, or there is no such tier or time zone.
        """
        if hub_id in self.portals:
            raise ValueError(f"portal {hub_id} exists already; choose another id")
        if tier not in get_args(Tier):
            raise ValueError(f"portal {hub_id}: tier is {tier!r}; expected one of {', '.join(get_args(Tier))}")
        if not is_time_zone(time_zone):
            raise ValueError(f"portal {hub_id}: there is no time zone {time_zone!r}; give one such as Europe/Berlin")
        portal = Portal(
            self,
            hub_id,
            name=name or f"Portal {hub_id}",
            tier=tier,
            currencies=[currency, *additional_currencies],
            time_zone=time_zone,
            path=None if self._directory is None else self._directory / f"{hub_id}.sqlite",
        )
        self.portals[hub_id] = portal
        self.limits[hub_id] = PortalLimits(portal)
        return portal

    @property
    def app(self) -> ASGIApp:
        """The ASGI app: HubSpot's API, the control API under `/_sandbox`, and a page for people at `/`."""
        if self._app is None:
            self._app = build_app(self)
        return self._app

    def close(self) -> None:
        """Gives all databases back."""
        for portal in self.portals.values():
            portal.store.close()
