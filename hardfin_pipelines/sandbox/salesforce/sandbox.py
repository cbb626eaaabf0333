"""The sandbox: its organizations, sessions, clock, faults and call log, and the app that serves them."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from starlette.types import ASGIApp

from hardfin_pipelines.sandbox.call_log import CallLog
from hardfin_pipelines.sandbox.calls_under_way import CallsUnderWay
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.faults import FaultPlan
from hardfin_pipelines.sandbox.salesforce.app import build_app
from hardfin_pipelines.sandbox.salesforce.oauth import ConnectedApp, TokenBook
from hardfin_pipelines.sandbox.salesforce.org import Org
from hardfin_pipelines.sandbox.salesforce.settings import Edition
from hardfin_pipelines.sandbox.time_zones import is_time_zone

_LONG_CALL_SECONDS = 20.0


class SalesforceSandbox:
    """A Salesforce of our own.

    Example:
        >>> sandbox = SalesforceSandbox()
        >>> org = sandbox.add_org("acme", name="Acme")
        >>> account_id = org.create("Account", {"Name": "Initech"})
        >>> with SandboxServer(sandbox.app) as server:
        ...     headers = {"Authorization": f"Bearer {sandbox.session(org)}"}
        ...     httpx.get(f"{server.url}/services/data/v62.0/query?q=SELECT+Id+FROM+Account", headers=headers)
    """

    def __init__(
        self,
        *,
        clock: SandboxClock | None = None,
        latency_ms: float = 0,
        client_id: str | None = None,
        client_secret: str | None = None,
        redirect_uris: Sequence[str] = (),
        certificate: str | None = None,
        directory: Path | None = None,
    ) -> None:
        """An empty sandbox.

        Args:
            clock: the time it lives in; the machine's, when left out.
            latency_ms: added to every vendor request.
            client_id: of the External Client App; a new one, when left out.
            client_secret: likewise.
            redirect_uris: the app's; with none, any is taken.
            certificate: PEM of the certificate or public key for the JWT bearer flow.
            directory: puts each organization's records into a new file here, rather than in memory.
        """
        self.clock = clock or SandboxClock()
        self.faults = FaultPlan(latency_ms=latency_ms)
        self.call_log = CallLog()
        self.calls_under_way = CallsUnderWay(_LONG_CALL_SECONDS)
        self.orgs: dict[str, Org] = {}
        self.local_hosts: dict[str, str] = {}
        """Host and port of this machine that stand for one organization's My Domain, with its id."""
        app = ConnectedApp(
            client_id or f"3MVG9{secrets.token_urlsafe(60)}",
            client_secret or secrets.token_hex(32).upper(),
            redirect_uris=tuple(redirect_uris),
            certificate=certificate,
        )
        self.tokens = TokenBook(app, self.clock, self.orgs)
        self._directory = directory
        self._app: ASGIApp | None = None

    def add_org(
        self,
        my_domain: str,
        *,
        name: str = "",
        edition: Edition = "Enterprise Edition",
        currency: str = "USD",
        additional_currencies: Sequence[str] = (),
        multi_currency: bool | None = None,
        time_zone: str = "America/New_York",
        is_sandbox: bool = False,
    ) -> Org:
        """Opens an organization: the standard objects, stages, price book, an administrator and an integration user.

        Args:
            my_domain: the first part of its host, such as `acme` or `acme--dev.sandbox`.
            name: its name.
            edition: decides its limits.
            currency: its own, in multi-currency the corporate one.
            additional_currencies: others; with any, multi-currency is on.
            multi_currency: turns multi-currency on or off whatever the currencies.
            time_zone: of its users, for date literals.
            is_sandbox: what Organization.IsSandbox says.

        Raises:
            ValueError: there is one of that My Domain already, or there is no such edition or time zone.
        """
        if any(org.my_domain == my_domain for org in self.orgs.values()):
            raise ValueError(f"organization {my_domain!r} exists already; choose another My Domain")
        if edition not in get_args(Edition):
            raise ValueError(f"organization {my_domain!r}: edition is {edition!r}; expected one of {get_args(Edition)}")
        if not is_time_zone(time_zone):
            raise ValueError(f"organization {my_domain!r}: no time zone {time_zone!r}; give one such as Europe/Berlin")
        path = None if self._directory is None else self._directory / f"{my_domain}.sqlite"
        if path is not None and path.exists():
            raise ValueError(f"{path}: the file is there already; remove it, or choose another directory")
        org = Org(
            self.clock,
            len(self.orgs) + 1,
            name=name or my_domain,
            my_domain=my_domain,
            edition=edition,
            currencies=[currency, *additional_currencies],
            multi_currency=bool(additional_currencies) if multi_currency is None else multi_currency,
            time_zone=time_zone,
            is_sandbox=is_sandbox,
            path=path,
        )
        self.orgs[org.id] = org
        return org

    def session(self, org: Org, user_id: str | None = None) -> str:
        """A new session of a user, the integration user where none is named."""
        return self.tokens.issue_session(org, user_id or org.integration_user_id)

    def org_of_local_host(self, netloc: str) -> Org | None:
        """The organization that an address of this machine stands for; with one organization, any address does."""
        if netloc in self.local_hosts:
            return self.orgs.get(self.local_hosts[netloc])
        return next(iter(self.orgs.values())) if len(self.orgs) == 1 else None

    @property
    def app(self) -> ASGIApp:
        """The ASGI app: Salesforce's API, the control API under `/_sandbox`, and a page for people at `/`."""
        if self._app is None:
            self._app = build_app(self)
        return self._app

    def close(self) -> None:
        """Gives all databases back."""
        for org in self.orgs.values():
            org.store.close()
