"""What the commands ask of a vendor's sandbox and of its accounts, whatever the vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from starlette.types import ASGIApp

from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.data_sets.model import Product
from hardfin_pipelines.sandbox.data_sets.summary import Summary

DealField = Literal["name", "description"]
"""A field of a deal that every CRM has, in words of no vendor."""


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """A deal that sales may win.

    Attributes:
        id: The vendor's id of it.
        won_stage: The vendor's id of the stage in which it would be won.
    """

    id: str
    won_stage: str


class SandboxAccount(Protocol):
    """One account at a vendor's sandbox, and the organization that is meant to connect to it.

    Attributes:
        org: The organization's slug.
        name: What people call the organization.
        integration: The integration's name.
        vendor: What people call the vendor.
        account_id: The vendor's id of the account.
        add_ons: What the organization's plan must have besides, to connect it.
        connect_options: What `hardfin org connect` is to be told besides a refresh token.
        needs_consent: Whether a person lets Hardfin in; else its own key does.
    """

    org: str
    name: str
    integration: str
    vendor: str
    account_id: str
    add_ons: Sequence[str]
    connect_options: Sequence[str]
    needs_consent: bool

    def connection(self) -> Mapping[str, Any]:
        """The connection in the organization's document."""
        ...

    def contents(self) -> Mapping[str, int]:
        """What it holds, counted, for a table."""
        ...

    def consent(self, url: str) -> Secret:
        """Let Hardfin in, as a person does in the browser.

        Args:
            url: Where Hardfin sends the person for it.

        Raises:
            Refusal: The vendor sent the person back without a code.
        """
        ...

    def issue_refresh_token(self) -> str:
        """A refresh token, as after a consent."""
        ...

    def calls(self) -> int:
        """Calls of the account's API so far; those for tokens are not among them."""
        ...


@runtime_checkable
class CrmAccount(SandboxAccount, Protocol):
    """An account where a sales department works.

    Attributes:
        deal_word: What the vendor calls a deal.
        deals_word: What it calls several.
        holds: What it held at first.
        loads_past: Whether deals of the time before it is connected are loaded.
    """

    deal_word: str
    deals_word: str
    holds: Summary
    loads_past: bool

    def open_deal(self, number: int = 0) -> OpenDeal:
        """A deal that was open at first and names a company, by its place among them.

        Raises:
            Refusal: There are not so many.
        """
        ...

    def move_deal(self, deal_id: str, stage: str) -> None:
        """Put a deal into a stage, now."""
        ...

    def edit_deal(self, deal_id: str, field: DealField, value: str) -> None:
        """Change a field of a deal, now."""
        ...

    def sell(self, deal_id: str, product: Product) -> None:
        """Put a product that is new on the price list, and one of it into a deal, now."""
        ...


@runtime_checkable
class ErpAccount(SandboxAccount, Protocol):
    """An account where a finance department keeps items.

    Attributes:
        items_word: What the vendor calls items.
        not_sold_yet: What it has an item of, and its sales department does not have on its price list yet.
    """

    items_word: str
    not_sold_yet: Product


@runtime_checkable
class StockAccount(ErpAccount, Protocol):
    """An account where stock, prices, accounts and sales documents are kept, too."""

    def move_stock(self, sku: str, on_hand: int) -> None:
        """Count what there is of an item at its first location, and write that down, now."""
        ...


class VendorSandbox(Protocol):
    """One vendor's sandbox, filled.

    Attributes:
        integration: The integration's name.
        vendor: What people call the vendor.
    """

    integration: str
    vendor: str

    @property
    def accounts(self) -> Sequence[SandboxAccount]:
        """Its accounts."""
        ...

    @property
    def app(self) -> ASGIApp:
        """What serves it."""
        ...

    def environment(self, url: str) -> dict[str, str]:
        """The variables that point Hardfin at it, served at a URL: addresses and credentials, nothing else."""
        ...

    def close(self) -> None:
        """Give its databases back."""
        ...


def redirect_uri(integration: str) -> str:
    """Where the demo's consents send people back to; nobody serves it."""
    return f"https://hardfin.example/oauth/{integration}"
