"""Fills a portal with a data set: a sales department's records become HubSpot's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from hardfin_pipelines.sandbox.data_sets.model import Company, DataSet, Deal, LineItem, Pipeline, Product
from hardfin_pipelines.sandbox.hubspot.account_schema import DEFAULT_STAGES, NewStage
from hardfin_pipelines.sandbox.hubspot.object_types import DEAL_TO_COMPANY, DEAL_TO_LINE_ITEM, DEAL_TO_PRIMARY_COMPANY
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.record_values import NewRecord

_DEFAULT_PIPELINE = "default"
_FREQUENCIES = {
    1: "monthly",
    3: "quarterly",
    6: "per_six_months",
    12: "annually",
    24: "per_two_years",
    36: "per_three_years",
    48: "per_four_years",
    60: "per_five_years",
}
_BEGINNING = datetime.min.replace(tzinfo=UTC)

_Dated = TypeVar("_Dated", Company, Deal)


@dataclass(slots=True)
class LoadedDataSet:
    """The HubSpot ids that a data set's keys became; stages by (pipeline key, stage key)."""

    owners: dict[str, str] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    stages: dict[tuple[str, str], str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)
    companies: dict[str, str] = field(default_factory=dict)
    deals: dict[str, str] = field(default_factory=dict)
    line_items: dict[str, str] = field(default_factory=dict)


def load_data_set(portal: Portal, data_set: DataSet) -> LoadedDataSet:
    """Adds everything of a data set to a portal, visible to search at once, all or nothing.

    The pipeline with key "default" becomes the portal's own first pipeline, where stages named like HubSpot's keep
    those ids; all others get numbers. A deal's first company is its primary one.

    Raises:
        ValueError: a billing interval is none of HubSpot's, or a value does not fit; the message names it.
        KeyError: a key leads nowhere.
    """
    loaded = LoadedDataSet()
    with portal.store.writing():
        portal.add_currencies({deal.currency for deal in data_set.deals})
        for pipeline in data_set.pipelines:
            _load_pipeline(portal, pipeline, loaded)
        for owner in data_set.owners:
            loaded.owners[owner.key] = portal.add_owner(owner.email, owner.first_name, owner.last_name)
        for name, label in data_set.custom_deal_fields.items():
            portal.add_property("deals", name, label)
        loaded.products = _create(portal, "products", [(each.key, _product(each)) for each in data_set.products])
        companies, deals = _as_created(data_set.companies), _as_created(data_set.deals)
        loaded.companies = _create(portal, "companies", [(each.key, _company(each)) for each in companies])
        loaded.deals = _create(portal, "deals", [(each.key, _deal(each, loaded)) for each in deals])
        lines = [(line.key, _line_item(line, deal, loaded)) for deal in deals for line in deal.line_items]
        loaded.line_items = _create(portal, "line_items", lines)
        portal.associate_many("deals", "companies", _company_links(data_set, loaded))
        portal.associate_many("deals", "line_items", _line_links(data_set, loaded))
    return loaded


def _as_created(records: Sequence[_Dated]) -> list[_Dated]:
    """In the order in which people made them: HubSpot's ids grow with time."""
    return sorted(records, key=lambda each: each.created_at or _BEGINNING)


def _create(portal: Portal, object_type: str, records: list[tuple[str, NewRecord]]) -> dict[str, str]:
    ids = portal.create_many(object_type, (record for _, record in records))
    return dict(zip((key for key, _ in records), ids, strict=True))


def _load_pipeline(portal: Portal, pipeline: Pipeline, loaded: LoadedDataSet) -> None:
    own_ids = {stage_id for stage_id, _, _ in DEFAULT_STAGES}
    is_default = pipeline.key == _DEFAULT_PIPELINE
    stages = [
        NewStage(
            stage.label, stage.probability, stage.closed, stage.key if is_default and stage.key in own_ids else None
        )
        for stage in pipeline.stages
    ]
    pipeline_id = portal.add_pipeline(pipeline.label, stages, _DEFAULT_PIPELINE if is_default else None)
    loaded.pipelines[pipeline.key] = pipeline_id
    for stage, made in zip(pipeline.stages, portal.schema.pipelines[pipeline_id]["stages"], strict=True):
        loaded.stages[pipeline.key, stage.key] = made["id"]


def _given(**properties: Any) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value not in {None, ""}}


def _product(product: Product) -> NewRecord:
    properties = _given(
        name=product.name,
        description=product.description,
        hs_sku=product.sku,
        price=product.price,
        recurringbillingfrequency=_frequency(product.billing_months, f"product {product.key!r}"),
    )
    return NewRecord(properties, created_at=product.created_at)


def _company(company: Company) -> NewRecord:
    properties = _given(
        name=company.name,
        domain=company.domain,
        phone=company.phone,
        address=company.address,
        city=company.city,
        state=company.region,
        zip=company.postal_code,
        country=company.country,
    )
    return NewRecord(properties, created_at=company.created_at, modified_at=company.modified_at)


def _deal(deal: Deal, loaded: LoadedDataSet) -> NewRecord:
    line_count = str(len(deal.line_items))
    properties = _given(
        dealname=deal.name,
        pipeline=loaded.pipelines[deal.pipeline_key],
        dealstage=loaded.stages[deal.pipeline_key, deal.stage_key],
        amount=deal.amount,
        deal_currency_code=deal.currency,
        closedate=deal.close_date,
        description=deal.description,
        hubspot_owner_id=loaded.owners[deal.owner_key] if deal.owner_key else None,
        hs_num_of_associated_line_items=line_count,
        **deal.custom,
    )
    entered = {loaded.stages[deal.pipeline_key, key]: moment for key, moment in deal.entered_stage_at.items()}
    return NewRecord(properties, created_at=deal.created_at, modified_at=deal.modified_at, entered_stage_at=entered)


def _line_item(line: LineItem, deal: Deal, loaded: LoadedDataSet) -> NewRecord:
    properties = _given(
        name=line.name,
        hs_product_id=loaded.products[line.product_key] if line.product_key else None,
        hs_sku=line.sku,
        price=line.unit_price,
        quantity=line.quantity,
        amount=line.amount,
        discount=line.discount_amount,
        hs_discount_percentage=line.discount_percent,
        recurringbillingfrequency=_frequency(line.billing_months, f"line item {line.key!r}"),
        hs_recurring_billing_period=None if line.term_months is None else f"P{line.term_months}M",
        hs_recurring_billing_start_date=line.starts_on,
        hs_line_item_currency_code=deal.currency,
    )
    return NewRecord(properties, created_at=deal.created_at, modified_at=deal.modified_at)


def _frequency(months: int | None, place: str) -> str | None:
    if months is None:
        return None
    if months not in _FREQUENCIES:
        raise ValueError(
            f"{place}: bills every {months} months; HubSpot bills every {', '.join(map(str, _FREQUENCIES))}"
        )
    return _FREQUENCIES[months]


def _company_links(data_set: DataSet, loaded: LoadedDataSet) -> Iterator[tuple[str, str, int]]:
    for deal in data_set.deals:
        for place, key in enumerate(deal.company_keys):
            type_id = DEAL_TO_COMPANY if place else DEAL_TO_PRIMARY_COMPANY
            yield loaded.deals[deal.key], loaded.companies[key], type_id


def _line_links(data_set: DataSet, loaded: LoadedDataSet) -> Iterator[tuple[str, str, int]]:
    for deal in data_set.deals:
        for line in deal.line_items:
            yield loaded.deals[deal.key], loaded.line_items[line.key], DEAL_TO_LINE_ITEM
