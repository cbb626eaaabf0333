"""The HubSpot sandbox as the commands fill it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp

from hardfin_pipelines.cli.sandbox_companies import SalesDepartment
from hardfin_pipelines.cli.sandbox_consent import follow_link, secret_of
from hardfin_pipelines.cli.sandbox_contract import DealField, OpenDeal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.data_sets.model import Product
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines.sandbox.hubspot.object_types import DEAL_TO_LINE_ITEM
from hardfin_pipelines.sandbox.hubspot.record_values import NewRecord

_FIRST_HUB = 4_200_001
_PROPERTIES: Mapping[DealField, str] = MappingProxyType({"name": "dealname", "description": "description"})


class HubSpotAccount:
    """A portal with a sales department's records."""

    integration = "hubspot"
    vendor = "HubSpot"
    deal_word = "deal"
    deals_word = "deals"
    add_ons: Sequence[str] = ()
    connect_options: Sequence[str] = ()
    needs_consent = True

    def __init__(self, sandbox: HubSpotSandbox, hub_id: int, department: SalesDepartment) -> None:
        self.org = department.org
        self.name = department.name
        self.account_id = str(hub_id)
        self.holds = department.summary()
        self.loads_past = department.loads_past
        self.portal = sandbox.add_portal(hub_id, name=department.name)
        self._sandbox = sandbox
        self._department = department
        self._loaded = load_data_set(self.portal, department.records)

    def connection(self) -> Mapping[str, Any]:
        """The connection in the organization's document; pipelines by their ids."""
        return {
            "integration": self.integration,
            **({"start_date": f"{self._department.since():%Y-%m-%d}"} if self.loads_past else {}),
            "pipelines": [{"pipeline": each, "trigger_stages": "won"} for each in self._loaded.pipelines.values()],
        }

    def contents(self) -> Mapping[str, int]:
        """What it holds, counted."""
        return {"won deals": self.holds.won_deals, "all deals": self.holds.deals}

    def consent(self, url: str) -> Secret:
        """Let Hardfin in: open the consent page, choose the portal, be sent back with a code."""
        return secret_of(url, follow_link(url, f"/oauth/{self.portal.hub_id}/authorize"))

    def issue_refresh_token(self) -> str:
        """A refresh token, as after a consent."""
        return self.portal.issue_refresh_token()

    def calls(self) -> int:
        """Calls of the portal's API so far."""
        return self._sandbox.call_log.count(account=self.account_id)

    def open_deal(self, number: int = 0) -> OpenDeal:
        """A deal that was open at first and names a company, by its place among them."""
        deal = self._department.open_deal(number)
        stage = self._department.won_stage(deal.pipeline_key)
        return OpenDeal(self._loaded.deals[deal.key], self._loaded.stages[deal.pipeline_key, stage])

    def move_deal(self, deal_id: str, stage: str) -> None:
        """Put a deal into a stage, now."""
        self.portal.move_deal(deal_id, stage)

    def edit_deal(self, deal_id: str, field: DealField, value: str) -> None:
        """Change a property of a deal, now."""
        self.portal.update("deals", deal_id, {_PROPERTIES[field]: value})

    def sell(self, deal_id: str, product: Product) -> None:
        """Put a product that is new on the price list, and one of it into a deal, now."""
        about = {"name": product.name, "hs_sku": product.sku, "price": product.price}
        listed = NewRecord({**about, "description": product.description})
        (product_id,) = self.portal.create_many("products", [listed])
        line = NewRecord({**about, "hs_product_id": product_id, "quantity": 1, "amount": product.price})
        (line_id,) = self.portal.create_many("line_items", [line])
        self.portal.associate_many("deals", "line_items", [(deal_id, line_id, DEAL_TO_LINE_ITEM)])


class HubSpotServer:
    """The HubSpot sandbox with an account for each sales department that works in it."""

    integration = "hubspot"
    vendor = "HubSpot"

    def __init__(
        self, departments: Sequence[SalesDepartment], *, latency_ms: float = 0, redirect_uris: Sequence[str] = ()
    ) -> None:
        """All portals begin to count their ids at the same number, as portals may."""
        self._sandbox = HubSpotSandbox(latency_ms=latency_ms, redirect_uris=redirect_uris)
        self.accounts = [
            HubSpotAccount(self._sandbox, _FIRST_HUB + number, department)
            for number, department in enumerate(departments)
        ]

    @property
    def app(self) -> ASGIApp:
        """What serves it."""
        return self._sandbox.app

    def environment(self, url: str) -> dict[str, str]:
        """The variables that point Hardfin at it."""
        app = self._sandbox.tokens.app
        return {
            "HARDFIN_HUBSPOT_URL": url,
            "HARDFIN_HUBSPOT_APP_URL": url,
            "HARDFIN_HUBSPOT_CLIENT_ID": app.client_id,
            "HARDFIN_HUBSPOT_CLIENT_SECRET": app.client_secret,
        }

    def close(self) -> None:
        """Give its databases back."""
        self._sandbox.close()
