"""What a data set holds, counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hardfin_pipelines.sandbox.data_sets.model import DataSet, Deal


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a data set.

    `companies_of_won_deals` counts each company once, however many won deals name it; `totals_by_currency` adds
    the line items' amounts of the won deals, `deal_totals_by_currency` those deals' own amounts (absent counts as 0),
    both in the currencies' alphabetical order. `amounts_that_differ` counts the won deals with line items whose
    own amount is not the sum of their lines.
    """

    deals: int
    won_deals: int
    open_deals: int
    lost_deals: int
    companies: int
    companies_of_won_deals: int
    products: int
    line_items: int
    line_items_of_won_deals: int
    totals_by_currency: Mapping[str, Decimal]
    deal_totals_by_currency: Mapping[str, Decimal]
    amounts_that_differ: int


def won_deals(data_set: DataSet) -> tuple[Deal, ...]:
    """Return the deals that are in a won stage of their pipeline now, in the data set's order."""
    won = {(pipeline.key, stage.key) for pipeline in data_set.pipelines for stage in pipeline.stages if stage.won}
    return tuple(deal for deal in data_set.deals if (deal.pipeline_key, deal.stage_key) in won)


def line_total(deal: Deal) -> Decimal:
    """Return the sum of the amounts of a deal's line items."""
    return sum((line.amount for line in deal.line_items), Decimal(0))


def summarize(data_set: DataSet) -> Summary:
    """Count what `data_set` holds."""
    closed = {(pipeline.key, stage.key) for pipeline in data_set.pipelines for stage in pipeline.stages if stage.closed}
    closed_deals = sum((deal.pipeline_key, deal.stage_key) in closed for deal in data_set.deals)
    won = won_deals(data_set)
    return Summary(
        deals=len(data_set.deals),
        won_deals=len(won),
        open_deals=len(data_set.deals) - closed_deals,
        lost_deals=closed_deals - len(won),
        companies=len(data_set.companies),
        companies_of_won_deals=len({key for deal in won for key in deal.company_keys}),
        products=len(data_set.products),
        line_items=sum(len(deal.line_items) for deal in data_set.deals),
        line_items_of_won_deals=sum(len(deal.line_items) for deal in won),
        totals_by_currency=_by_currency((deal.currency, line_total(deal)) for deal in won),
        deal_totals_by_currency=_by_currency((deal.currency, deal.amount or Decimal(0)) for deal in won),
        amounts_that_differ=sum(bool(deal.line_items) and deal.amount != line_total(deal) for deal in won),
    )


def _by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for currency, amount in amounts:
        totals[currency] = totals.get(currency, Decimal(0)) + amount
    return dict(sorted(totals.items()))
