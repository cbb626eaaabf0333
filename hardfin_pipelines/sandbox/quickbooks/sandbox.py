"""The sandbox: its companies, tokens, clock, faults and call log, and the app that serves them."""

import secrets
from collections.abc import Iterable, Sequence

from starlette.types import ASGIApp

from hardfin_pipelines.sandbox.call_log import CallLog
from hardfin_pipelines.sandbox.calls_under_way import CallsUnderWay
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.faults import FaultPlan
from hardfin_pipelines.sandbox.quickbooks.app import build_app
from hardfin_pipelines.sandbox.quickbooks.company import Company, CompanyKind
from hardfin_pipelines.sandbox.quickbooks.metering import Meter
from hardfin_pipelines.sandbox.quickbooks.oauth import ACCOUNTING, ConnectedApp, IssuedTokens, TokenBook
from hardfin_pipelines.sandbox.quickbooks.settings import AppSettings

_FIRST_REALM = 9_130_000_000_000_001


class QuickBooksSandbox:
    """A QuickBooks Online of our own.

    Example:
        >>> sandbox = QuickBooksSandbox()
        >>> company = sandbox.add_company(name="Acme Robotics")
        >>> company.create("Item", {"Name": "Gripper", "Sku": "GR-1", "Type": "NonInventory"})
        >>> with SandboxServer(sandbox.app) as server:
        ...     tokens = sandbox.issue_tokens(company)
        ...     httpx.get(
        ...         f"{server.url}/v3/company/{company.realm_id}/query",
        ...         params={"query": "SELECT * FROM Item"},
        ...         headers={"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"},
        ...     )
    """

    def __init__(
        self,
        *,
        clock: SandboxClock | None = None,
        latency_ms: float = 0,
        client_id: str | None = None,
        client_secret: str | None = None,
        redirect_uris: Sequence[str] = (),
    ) -> None:
        """An empty sandbox.

        Args:
            clock: the time it lives in; the machine's, when left out.
            latency_ms: added to every vendor request.
            client_id: of the app; a new one, when left out.
            client_secret: likewise.
            redirect_uris: the app's; with none, any is taken.
        """
        self.clock = clock or SandboxClock()
        self.faults = FaultPlan(latency_ms=latency_ms)
        self.call_log = CallLog()
        self.calls_under_way = CallsUnderWay(long_seconds=0)
        self.settings = AppSettings()
        self.meter = Meter()
        self.companies: dict[str, Company] = {}
        app = ConnectedApp(
            client_id or f"AB{secrets.token_urlsafe(36)}",
            client_secret or secrets.token_urlsafe(30),
            redirect_uris=tuple(redirect_uris),
        )
        self.tokens = TokenBook(app, self.clock, self.settings)
        self._app: ASGIApp | None = None

    @property
    def client_id(self) -> str:
        """The app's id."""
        return self.tokens.app.client_id

    @property
    def client_secret(self) -> str:
        """The app's secret."""
        return self.tokens.app.client_secret

    def add_company(
        self,
        *,
        name: str,
        realm_id: str | None = None,
        country: str = "US",
        currency: str = "USD",
        kind: CompanyKind = "production",
        user_email: str = "admin@example.com",
    ) -> Company:
        """Opens a company: its accounts, no items.

        Args:
            name: its name.
            realm_id: its id; the next free one, when left out.
            country: two letters; US companies keep no more than ISO-8859-1.
            currency: three letters.
            kind: a sandbox company is not metered and answers on the sandbox host only.
            user_email: of the administrator who connects apps.

        Raises:
            ValueError: the realm id is taken or not a number.
        """
        realm_id = realm_id or str(_FIRST_REALM + len(self.companies))
        if realm_id in self.companies:
            raise ValueError(f"company {realm_id} exists already; choose another realm id")
        if not (realm_id.isascii() and realm_id.isdigit()):
            raise ValueError(f"realm id is {realm_id!r}; expected digits")
        company = Company(
            self.clock,
            realm_id,
            name=name,
            country=country,
            currency=currency,
            kind=kind,
            user_email=user_email,
            seed=len(self.companies),
        )
        self.companies[realm_id] = company
        return company

    def issue_tokens(self, company: Company, scopes: Iterable[str] = (ACCOUNTING,)) -> IssuedTokens:
        """Tokens as after a consent, without one."""
        return self.tokens.issue(self.tokens.grant(company, scopes))

    @property
    def app(self) -> ASGIApp:
        """The ASGI app: QuickBooks' API, the control API under `/_sandbox`, and a page for people at `/`."""
        if self._app is None:
            self._app = build_app(self)
        return self._app

    def close(self) -> None:
        """Gives the memory back; nothing else is held."""
        self.companies.clear()
