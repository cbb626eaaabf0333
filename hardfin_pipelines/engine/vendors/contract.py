"""What the engine knows of a vendor besides its connectors: signing in, rate windows, and what calls cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import Engine

from hardfin_pipelines.connectors.base import CallPlan, CrmConnector, Decoder, PageMemory
from hardfin_pipelines.connectors.erp import ErpConnector
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.secrets import Vault
from hardfin_pipelines.settings import Settings
from hardfin_pipelines.sync.call_budget import Reserve
from hardfin_pipelines.sync.call_windows import CallWindow


@dataclass(frozen=True, slots=True)
class Secret:
    """What a person gives to connect an account, one of the tokens or the code. It is in no repr.

    Attributes:
        code: The authorization code the vendor redirected with.
        redirect_uri: What the code was asked for with.
        state: What the consent was asked for with; PKCE's verifier follows from it.
        account_id: The account as the vendor's redirect named it, where only the redirect does.
        refresh_token: Gets access tokens.
        access_token: A static token.
    """

    code: str = field(default="", repr=False)
    redirect_uri: str = ""
    state: str = ""
    account_id: str = ""
    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What signing in to an account gave: tokens, in no repr, and the vendor's id of the account."""

    tokens: Tokens = field(repr=False)
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all vendors of a deployment stand on."""

    settings: Settings
    engine: Engine
    vault: Vault


class Vendor(Protocol):
    """One kind of vendor system, of either kind."""

    @property
    def unused_tokens_die(self) -> timedelta | None:
        """After how long tokens that nobody renews are dead; None where they are not."""
        ...

    async def renew_tokens(self, row: ConnectionRow) -> None:
        """Renew a connection's tokens, used or not.

        Raises:
            Refusal: Our app is not configured.
            VendorError: Access was revoked, or the vendor is down.
        """
        ...

    def floor(self) -> float:
        """The share of an account's calls of the day that is left to others whatever the work is for."""
        ...

    def rate_windows(self, account_id: str, configuration: Mapping[str, Any]) -> list[CallWindow]:
        """The rate windows of an account, under its connection's configuration."""
        ...

    def consent_url(self, row: ConnectionRow, redirect_uri: str, state: str) -> str:
        """Where a person lets Hardfin into an account.

        Raises:
            Refusal: Our app is not configured, or this connection needs no consent.
        """
        ...

    async def sign_in(self, row: ConnectionRow, secret: Secret) -> SignIn:
        """Sign in to an account with what a person gave.

        Raises:
            Refusal: Our app is not configured, or this is nothing to sign in with.
            VendorError: The vendor does not take it.
        """
        ...

    async def aclose(self) -> None:
        """Close what was opened in the running event loop."""
        ...


class ErpVendor(Vendor, Protocol):
    """An accounting system."""

    def connector(self, row: ConnectionRow, memory: PageMemory | None, reserve: Reserve) -> ErpConnector:
        """A connector for a connection's account; arguments as for a CRM's."""
        ...


class CrmVendor(Vendor, Protocol):
    """A CRM."""

    @property
    def shows_late(self) -> timedelta:
        """How late it may show a change, such that ticks are to find it: with a stamp that is so much older."""
        ...

    def connector(self, row: ConnectionRow, memory: PageMemory | None, reserve: Reserve) -> CrmConnector:
        """A connector for a connection's account.

        Args:
            row: The connection.
            memory: Keeps answers of this unit of work.
            reserve: What the work leaves of the day's calls to the account's other integrations.
        """
        ...

    def decoder(self, configuration: Mapping[str, Any]) -> Decoder:
        """What turns landed records of a connection, so configured, into records again."""
        ...

    def plan_calls(self, deals: int, companies: int, line_items: int, products: int) -> CallPlan:
        """The least number of calls that reading so many records takes."""
        ...
