"""The sandbox: its accounts, keys, clock, faults and call log, and the app that serves them."""

import re
import secrets
from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.types import ASGIApp

from hardfin_pipelines.sandbox.call_log import CallLog
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.faults import FaultPlan
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.account_setup import set_up
from hardfin_pipelines.sandbox.netsuite.app import build_app
from hardfin_pipelines.sandbox.netsuite.oauth import KeyBook
from hardfin_pipelines.sandbox.netsuite.roles import User
from hardfin_pipelines.sandbox.netsuite.schema import FEATURES
from hardfin_pipelines.sandbox.netsuite.settings import TIERS, Tier

_ACCOUNT_ID = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)?")


class NetSuiteSandbox:
    """A NetSuite of our own.

    Example:
        >>> sandbox = NetSuiteSandbox()
        >>> account = sandbox.add_account("1234567", name="Acme")
        >>> item = account.create("inventoryItem", {"itemid": "AMR-100", "displayname": "Atlas AMR 100"})
        >>> with SandboxServer(sandbox.app) as server:
        ...     headers = {"Authorization": f"Bearer {sandbox.issue_access_token(account)}", "Prefer": "transient"}
        ...     url = f"{server.url}/services/rest/query/v1/suiteql?limit=1000"
        ...     httpx.post(url, headers=headers, json={"q": "SELECT id, itemid FROM item ORDER BY id"})
    """

    def __init__(
        self, *, clock: SandboxClock | None = None, latency_ms: float = 0, client_id: str | None = None
    ) -> None:
        """An empty sandbox.

        Args:
            clock: the time it lives in; the machine's, when left out.
            latency_ms: added to every vendor request.
            client_id: of the integration record; a new one, when left out.
        """
        self.clock = clock or SandboxClock()
        self.faults = FaultPlan(latency_ms=latency_ms)
        self.call_log = CallLog()
        self.accounts: dict[str, Account] = {}
        self.local_hosts: dict[str, str] = {}
        """Host and port of this machine that stand for one account's host, with its id; others stand for all."""
        self.broken: list[Exception] = []
        """Mistakes of the sandbox itself that a caller was answered UNEXPECTED_ERROR for."""
        self.keys = KeyBook(self.clock, self.accounts, client_id or secrets.token_hex(32))
        self._app: ASGIApp | None = None

    @property
    def client_id(self) -> str:
        """The integration's client id, the `iss` of assertions."""
        return self.keys.client_id

    def add_account(
        self,
        account_id: str,
        *,
        name: str = "",
        tier: Tier = "standard",
        one_world: bool = True,
        multi_location: bool = True,
        without: Iterable[str] = (),
        time_zone: str = "America/New_York",
        date_format: str = "M/D/YYYY",
        currency: str = "USD",
    ) -> Account:
        """Opens an account: its features, chart of accounts, periods, price levels, users; no items.

        Args:
            account_id: such as `1234567` or, for a NetSuite sandbox, `1234567_SB1`.
            name: its name.
            tier: decides how many requests may be under way.
            one_world: it has subsidiaries.
            multi_location: stock is kept by location; without, items have it themselves.
            without: other features that are off, such as `locations` or `classes`.
            time_zone: of its users, an IANA name.
            date_format: of its users, such as `DD/MM/YYYY`.
            currency: of its books, three letters.

        Raises:
            ValueError: the id is taken or no account id, or there is no such tier, feature, zone or format.
        """
        if account_id in self.accounts:
            raise ValueError(f"account {account_id!r} exists already; choose another id")
        if not _ACCOUNT_ID.fullmatch(account_id):
            raise ValueError(f"account id is {account_id!r}; expected one such as 1234567 or 1234567_SB1")
        if tier not in TIERS:
            raise ValueError(f"account {account_id}: tier is {tier!r}; expected one of {', '.join(TIERS)}")
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            wrong = f"account {account_id}: no time zone {time_zone!r}; give one such as Europe/Berlin"
            raise ValueError(wrong) from error
        off = set(without) | ({"subsidiaries"} if not one_world else set())
        off |= {"multilocinvt"} if not multi_location or "locations" in off else set()
        unknown = sorted(off - FEATURES)
        if unknown:
            raise ValueError(f"account: no feature {unknown[0]!r}; expected one of {', '.join(sorted(FEATURES))}")
        account = Account(
            self.clock,
            account_id,
            name=name or account_id,
            tier=tier,
            features=FEATURES - off,
            time_zone=time_zone,
            date_format=date_format,
        )
        set_up(account, currency)
        self.accounts[account_id] = account
        return account

    def issue_access_token(self, account: Account, user: User | None = None) -> str:
        """A new access token of a user, the integration user where none is named."""
        return self.keys.issue(account, user or account.integration_user)

    @property
    def app(self) -> ASGIApp:
        """The ASGI app: NetSuite's REST services, the control API under `/_sandbox`, and a page for people at `/`."""
        if self._app is None:
            self._app = build_app(self)
        return self._app

    def close(self) -> None:
        """Gives all databases back."""
        for account in self.accounts.values():
            account.store.close()
