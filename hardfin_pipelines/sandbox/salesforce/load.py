"""Fills an organization with a data set: a sales department's records become Salesforce's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.data_sets.model import Company, DataSet, Deal, LineItem, Product
from hardfin_pipelines.sandbox.salesforce.fields import Field
from hardfin_pipelines.sandbox.salesforce.org import NewStage, Org, SalesProcess

_LONGEST_NAME = 120


@dataclass(slots=True)
class LoadedDataSet:
    """The Salesforce ids that a data set's keys became; stages' API names by (pipeline key, stage key)."""

    users: dict[str, str] = field(default_factory=dict)
    processes: dict[str, SalesProcess] = field(default_factory=dict)
    stages: dict[tuple[str, str], str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    opportunities: dict[str, str] = field(default_factory=dict)
    line_items: dict[str, str] = field(default_factory=dict)


def custom_name(name: str) -> str:
    """The API name of a data set's own field: `site_contact` becomes `Site_Contact__c`."""
    return "_".join(part.capitalize() for part in name.split("_")) + "__c"


def load_data_set(org: Org, data_set: DataSet) -> LoadedDataSet:
    """Adds everything of a data set to an organization, all or nothing.

    Each pipeline becomes a record type with a sales process; a stage's API name is its label. What Salesforce cannot
    hold becomes what its users do instead: lines typed by hand get a product of that name, money off each unit goes
    into the unit price, a deal's amount is the sum of its lines, and only a deal's first company is kept. Without
    multi-currency all amounts are in the organization's currency.

    Raises:
        VendorError: a value does not fit; the message names it.
        KeyError: a key leads nowhere.
    """
    loaded = LoadedDataSet()
    with org.store.writing(), org.rolling_up_once():
        _add_fields(org, data_set)
        _load_pipelines(org, data_set, loaded)
        for owner in data_set.owners:
            loaded.users[owner.key] = org.add_user(owner.key, owner.first_name, owner.last_name)
        if org.schema.multi_currency:
            _add_currencies(org, {deal.currency for deal in data_set.deals})
        for product in data_set.products:
            loaded.products[product.key] = org.create("Product2", _product(product), at=product.created_at)
        for company in data_set.companies:
            loaded.accounts[company.key] = org.create("Account", _account(company), at=company.created_at)
        entries = _PriceList(org, data_set.products, loaded)
        for deal in data_set.deals:
            _load_deal(org, deal, loaded, entries)
    return loaded


def _add_fields(org: Org, data_set: DataSet) -> None:
    for name, label in data_set.custom_deal_fields.items():
        org.add_field("Opportunity", Field(custom_name(name), "string", label, 255))
    org.add_field("Product2", Field("Billing_Months__c", "double", "Billing Months", precision=4))
    org.add_field("OpportunityLineItem", Field("Billing_Months__c", "double", "Billing Months", precision=4))
    org.add_field("OpportunityLineItem", Field("Term_Months__c", "double", "Term (Months)", precision=4))


def _load_pipelines(org: Org, data_set: DataSet, loaded: LoadedDataSet) -> None:
    stages: dict[str, NewStage] = {}
    for pipeline in data_set.pipelines:
        for stage in pipeline.stages:
            percent = stage.probability * 100
            stages.setdefault(stage.label, NewStage(stage.label, stage.label, percent, stage.closed))
            loaded.stages[pipeline.key, stage.key] = stage.label
    org.set_stages(list(stages.values()))
    for pipeline in data_set.pipelines:
        developer_name = "_".join(pipeline.label.split())
        loaded.processes[pipeline.key] = org.add_sales_process(
            pipeline.label, developer_name, [stage.label for stage in pipeline.stages]
        )


def _add_currencies(org: Org, codes: Iterable[str]) -> None:
    table = org.store.table(org.schema.known("CurrencyType"))
    held = {row.IsoCode for row in org.store.rows(table.select())}
    for code in sorted(set(codes) - held):
        org.add_currency(code)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _product(product: Product) -> dict[str, Any]:
    return _given(
        Name=product.name,
        ProductCode=product.sku,
        StockKeepingUnit=product.sku,
        Description=product.description,
        IsActive=True,
        Billing_Months__c=product.billing_months,
    )


def _account(company: Company) -> dict[str, Any]:
    parts = {
        "Street": company.address,
        "City": company.city,
        "State": company.region,
        "PostalCode": company.postal_code,
        "Country": company.country,
    }
    address = {f"{kind}{part}": value for kind in ("Billing", "Shipping") for part, value in parts.items()}
    modified = company.modified_at
    return _given(
        Name=company.name,
        Phone=company.phone,
        Website=company.domain,
        LastModifiedDate=modified,
        SystemModstamp=modified,
        **address,
    )


class _PriceList:
    """The standard price book's entries, made where a line first needs them."""

    def __init__(self, org: Org, products: Iterable[Product], loaded: LoadedDataSet) -> None:
        self._org = org
        self._loaded = loaded
        self._entries: dict[tuple[str, str], str] = {}
        self._typed: dict[str, str] = {}
        for product in products:
            self._entry(loaded.products[product.key], org.currency, product.price)

    def entry_for(self, line: LineItem, deal: Deal) -> str:
        """The entry of a line's product in the deal's currency."""
        if line.product_key is not None:
            product_id = self._loaded.products[line.product_key]
        else:
            if line.name not in self._typed:
                given = {"Name": line.name, "IsActive": True, "Description": "Typed by hand"}
                self._typed[line.name] = self._org.create("Product2", given, at=deal.created_at)
            product_id = self._typed[line.name]
        currency = deal.currency if self._org.schema.multi_currency else self._org.currency
        return self._entry(product_id, currency, line.unit_price)

    def _entry(self, product_id: str, currency: str, price: Decimal) -> str:
        key = (product_id, currency)
        if key not in self._entries:
            book = self._org.standard_pricebook_id
            given = {"Product2Id": product_id, "Pricebook2Id": book, "UnitPrice": price, "IsActive": True}
            self._entries[key] = self._org.create("PricebookEntry", {**given, **_currency(self._org, currency)})
        return self._entries[key]


def _currency(org: Org, code: str) -> Mapping[str, str]:
    return {"CurrencyIsoCode": code} if org.schema.multi_currency else {}


def _load_deal(org: Org, deal: Deal, loaded: LoadedDataSet, entries: _PriceList) -> None:
    closes = (deal.close_date or deal.modified_at).date()
    entered = deal.entered_stage_at.get(deal.stage_key)
    given = _given(
        Name=deal.name[:_LONGEST_NAME],
        RecordTypeId=loaded.processes[deal.pipeline_key].record_type_id,
        StageName=loaded.stages[deal.pipeline_key, deal.stage_key],
        AccountId=loaded.accounts[deal.company_keys[0]] if deal.company_keys else None,
        OwnerId=loaded.users[deal.owner_key] if deal.owner_key else None,
        Amount=None if deal.line_items else deal.amount,
        CloseDate=closes,
        Description=deal.description,
        Pricebook2Id=org.standard_pricebook_id if deal.line_items else None,
        CreatedDate=deal.created_at,
        LastStageChangeDate=entered,
        **_currency(org, deal.currency),
        **{custom_name(name): value for name, value in deal.custom.items()},
    )
    opportunity_id = loaded.opportunities[deal.key] = org.create("Opportunity", given, at=deal.modified_at)
    _load_history(org, deal, opportunity_id, loaded)
    for order, line in enumerate(deal.line_items, 1):
        loaded.line_items[line.key] = org.create(
            "OpportunityLineItem",
            _line(line, order, opportunity_id, entries.entry_for(line, deal)),
            at=deal.modified_at,
        )


def _load_history(org: Org, deal: Deal, opportunity_id: str, loaded: LoadedDataSet) -> None:
    """The stages that a deal was in before; the present one's row is there already."""
    for stage_key, at in deal.entered_stage_at.items():
        if stage_key != deal.stage_key:
            stage = loaded.stages[deal.pipeline_key, stage_key]
            org.create("OpportunityHistory", {"OpportunityId": opportunity_id, "StageName": stage}, at=at)


def _line(line: LineItem, order: int, opportunity_id: str, entry_id: str) -> dict[str, Any]:
    return _given(
        OpportunityId=opportunity_id,
        PricebookEntryId=entry_id,
        Quantity=line.quantity,
        UnitPrice=line.unit_price - (line.discount_amount or Decimal(0)),
        Discount=line.discount_percent,
        SortOrder=order,
        ServiceDate=line.starts_on,
        Description=line.name[:255],
        Billing_Months__c=line.billing_months,
        Term_Months__c=line.term_months,
    )
