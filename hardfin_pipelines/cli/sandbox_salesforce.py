"""The Salesforce sandbox as the commands fill it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp

from hardfin_pipelines.cli.sandbox_companies import SalesDepartment
from hardfin_pipelines.cli.sandbox_consent import fill_form, secret_of
from hardfin_pipelines.cli.sandbox_contract import DealField, OpenDeal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.data_sets.model import Product
from hardfin_pipelines.sandbox.salesforce import SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.load import load_data_set
from hardfin_pipelines.sandbox.salesforce.load_sites import add_sites

_API = "/services/data/*"
_FIELDS: Mapping[DealField, str] = MappingProxyType({"name": "Name", "description": "Description"})


_PROJECT: Mapping[str, Any] = MappingProxyType(
    {
        "name": "Name",
        "value": {"field": "Amount", "as": "money"},
        "closed_on": "CloseDate",
        "description": "Description",
        "owner": "Owner.Name",
        "site_contact": "Site__r.Name",
        "custom.site_city": "Site__r.City__c",
    }
)
"""How its opportunities become projects: sites are an object of the org's own."""


class SalesforceAccount:
    """A Salesforce org with a sales department's records, record types, and an object of its own for sites."""

    integration = "salesforce"
    vendor = "Salesforce"
    deal_word = "opportunity"
    deals_word = "opportunities"
    add_ons: Sequence[str] = ("salesforce",)
    connect_options: Sequence[str] = ()
    needs_consent = True

    def __init__(self, sandbox: SalesforceSandbox, department: SalesDepartment) -> None:
        currencies = {deal.currency for deal in department.records.deals}
        self.org = department.org
        self.name = department.name
        self.holds = department.summary()
        self.loads_past = department.loads_past
        self.salesforce = sandbox.add_org(
            department.org, name=department.name, additional_currencies=sorted(currencies - {"USD"})
        )
        self.account_id = self.salesforce.id
        self._sandbox = sandbox
        self._department = department
        self._loaded = load_data_set(self.salesforce, department.records)
        add_sites(self.salesforce, department.records, self._loaded)

    def connection(self) -> Mapping[str, Any]:
        """The connection in the organization's document; record types by their labels, as people know them."""
        labels = [pipeline.label for pipeline in self._department.records.pipelines]
        return {
            "integration": self.integration,
            **({"start_date": f"{self._department.since():%Y-%m-%d}"} if self.loads_past else {}),
            "pipelines": [{"pipeline": label, "trigger_stages": "won"} for label in labels],
            "mappings": {"project": dict(_PROJECT)},
        }

    def contents(self) -> Mapping[str, int]:
        """What it holds, counted."""
        return {"won opportunities": self.holds.won_deals, "all opportunities": self.holds.deals}

    def consent(self, url: str) -> Secret:
        """Let Hardfin in: open the consent page, log in as the integration user, allow, be sent back with a code."""
        user = f"{self.salesforce.id} {self.salesforce.integration_user_id}"
        return secret_of(url, fill_form(url, [("user", user), ("decision", "allow")]))

    def issue_refresh_token(self) -> str:
        """A refresh token, as after a consent."""
        return self._sandbox.tokens.issue_refresh(self.salesforce, self.salesforce.integration_user_id)

    def calls(self) -> int:
        """Calls of the org's API so far."""
        return self._sandbox.call_log.count(account=self.salesforce.id, path=_API)

    def open_deal(self, number: int = 0) -> OpenDeal:
        """An opportunity that was open at first and names an account, by its place among them."""
        deal = self._department.open_deal(number)
        stage = self._department.won_stage(deal.pipeline_key)
        return OpenDeal(self._loaded.opportunities[deal.key], self._loaded.stages[deal.pipeline_key, stage])

    def move_deal(self, deal_id: str, stage: str) -> None:
        """Put an opportunity into a stage, now."""
        self.salesforce.update("Opportunity", deal_id, {"StageName": stage})

    def edit_deal(self, deal_id: str, field: DealField, value: str) -> None:
        """Change a field of an opportunity, now."""
        self.salesforce.update("Opportunity", deal_id, {_FIELDS[field]: value})

    def sell(self, deal_id: str, product: Product) -> None:
        """Put a product that is new on the price list, and one of it into an opportunity, now."""
        org = self.salesforce
        book = {"Pricebook2Id": org.standard_pricebook_id}
        listed = {"Name": product.name, "ProductCode": product.sku, "Description": product.description}
        product_id = org.create("Product2", {**listed, "StockKeepingUnit": product.sku, "IsActive": True})
        price = {"UnitPrice": product.price}
        entry = {**book, **price, **self._currency(deal_id), "Product2Id": product_id, "IsActive": True}
        entry_id = org.create("PricebookEntry", entry)
        org.update("Opportunity", deal_id, book)
        line = {"OpportunityId": deal_id, "PricebookEntryId": entry_id, "Quantity": 1, **price}
        org.create("OpportunityLineItem", line)

    def _currency(self, opportunity_id: str) -> Mapping[str, str]:
        """The currency of what belongs to an opportunity; nothing where the org has only one."""
        if not self.salesforce.schema.multi_currency:
            return {}
        ids = self._loaded.opportunities
        deal = next(each for each in self._department.records.deals if ids[each.key] == opportunity_id)
        return {"CurrencyIsoCode": deal.currency}


class SalesforceServer:
    """The Salesforce sandbox with an org for each sales department that works in it."""

    integration = "salesforce"
    vendor = "Salesforce"

    def __init__(
        self, departments: Sequence[SalesDepartment], *, latency_ms: float = 0, redirect_uris: Sequence[str] = ()
    ) -> None:
        self._sandbox = SalesforceSandbox(latency_ms=latency_ms, redirect_uris=redirect_uris)
        self.accounts = [SalesforceAccount(self._sandbox, department) for department in departments]

    @property
    def app(self) -> ASGIApp:
        """What serves it."""
        return self._sandbox.app

    def environment(self, url: str) -> dict[str, str]:
        """The variables that point Hardfin at it."""
        app = self._sandbox.tokens.app
        return {
            "HARDFIN_SALESFORCE_LOGIN_URL": url,
            "HARDFIN_SALESFORCE_CLIENT_ID": app.client_id,
            "HARDFIN_SALESFORCE_CLIENT_SECRET": app.client_secret,
        }

    def close(self) -> None:
        """Give its databases back."""
        self._sandbox.close()
