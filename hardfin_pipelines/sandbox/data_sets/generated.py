"""A generated robotics rental company, of any size and for any random seed."""

import math
from collections.abc import Sequence
from datetime import datetime
from random import Random

from hardfin_pipelines.sandbox.data_sets.catalogue import catalogue
from hardfin_pipelines.sandbox.data_sets.customers import Identity, identities, make_company, sales_team
from hardfin_pipelines.sandbox.data_sets.deal_plans import DealPlan, plan_other_deals, plan_won_deals
from hardfin_pipelines.sandbox.data_sets.deals import CUSTOM_DEAL_FIELDS, Market, make_deals
from hardfin_pipelines.sandbox.data_sets.model import Company, DataSet
from hardfin_pipelines.sandbox.data_sets.pipelines import SALES_PIPELINE, SERVICE_RENEWALS
from hardfin_pipelines.sandbox.data_sets.timelines import Timeline, milliseconds, modification_stamps, timeline

_OPEN_PER_WON = 0.4
_PROSPECTS_PER_OTHER_DEAL = 0.3


def robotics_rental(
    *,
    seed: int,
    won_deals: int,
    open_deals: int | None = None,
    companies_per_deal: float = 0.6,
    line_items_per_deal: float = 4.0,
    products: int = 500,
    start: datetime,
    end: datetime,
) -> DataSet:
    """Generate a robotics rental company's sales department; the same arguments give an equal data set.

    Exact are:

    - the deals: `won_deals` are won, `open_deals` are open and ``open_deals // 4`` are lost, mixed over both
      pipelines;
    - the companies that won deals name: ``round(won_deals * companies_per_deal)`` different ones. Another
      ``round(0.3 * deals not won)`` are prospects, which no won deal names;
    - the line items of the won deals: ``round(line_items_per_deal * won_deals)``, and of the others:
      ``round(line_items_per_deal * deals not won)``;
    - `products`, each SKU and each name once;
    - amounts: a deal with lines has their sum as its amount, but every 50th of them (in the data set's order) has
      none or a higher round figure. A deal without lines has no amount or a typed one.

    Of ten or more won deals at least one has no company, one has several (where there are several companies) and one
    has no lines. Every modification stamp lies in [start, end), in whole milliseconds, and of two or more deals at
    least two have equal stamps. Creation and stage times may lie before `start`.

    Args:
        seed: of the random numbers.
        won_deals: how many deals are won.
        open_deals: how many deals are open; ``round(0.4 * won_deals)`` when None.
        companies_per_deal: different companies of won deals, per won deal.
        line_items_per_deal: lines per deal.
        products: rows of the price list; with 0 every line is typed by hand.
        start: aware; no record was modified before it.
        end: aware; every record was modified before it.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """
    opened = round(won_deals * _OPEN_PER_WON) if open_deals is None else open_deals
    _check_counts({"won_deals": won_deals, "open_deals": opened, "products": products})
    _check_counts({"companies_per_deal": companies_per_deal, "line_items_per_deal": line_items_per_deal})
    _check_window(start, end)
    lost = opened // 4
    customers = round(won_deals * companies_per_deal)
    prospects = round((opened + lost) * _PROSPECTS_PER_OTHER_DEAL)

    rng = Random(seed)
    market = Market(
        identities=identities(rng, customers + prospects),
        products=catalogue(rng, products, listed_before=start),
        owners=sales_team(),
    )
    plans = plan_won_deals(rng, won_deals, companies=customers, lines=round(line_items_per_deal * won_deals))
    plans += plan_other_deals(
        rng,
        open_deals=opened,
        lost_deals=lost,
        customers=customers,
        prospects=prospects,
        lines=round(line_items_per_deal * (opened + lost)),
    )
    rng.shuffle(plans)
    stamps = modification_stamps(rng, len(plans), start, end)
    planned = [
        (plan, timeline(rng, plan.pipeline, plan.stage, stamp)) for plan, stamp in zip(plans, stamps, strict=True)
    ]
    return DataSet(
        name=f"robotics-rental-{seed}",
        pipelines=(SALES_PIPELINE, SERVICE_RENEWALS),
        owners=tuple(market.owners),
        products=tuple(market.products),
        companies=_companies(rng, market.identities, planned, start, end),
        deals=make_deals(rng, market, planned),
        custom_deal_fields=dict(CUSTOM_DEAL_FIELDS),
    )


def _companies(
    rng: Random,
    market: Sequence[Identity],
    planned: Sequence[tuple[DealPlan, Timeline]],
    start: datetime,
    end: datetime,
) -> tuple[Company, ...]:
    """Return the companies, each created before the first deal that names it."""
    known_by = [start] * len(market)
    for plan, course in planned:
        for number in plan.companies:
            known_by[number] = min(known_by[number], course.created_at)
    return tuple(
        make_company(rng, number, identity, known_by=known, start=start, end=end)
        for number, (identity, known) in enumerate(zip(market, known_by, strict=True))
    )


def _check_counts(counts: dict[str, int] | dict[str, float]) -> None:
    for name, count in counts.items():
        if not (math.isfinite(count) and count >= 0):
            raise ValueError(f"{name} is {count}; expected a number of 0 or more")


def _check_window(start: datetime, end: datetime) -> None:
    for name, moment in (("start", start), ("end", end)):
        if moment.tzinfo is None:
            raise ValueError(f"{name} is {moment.isoformat()}, without a time zone; expected an aware datetime")
    if milliseconds(start) >= milliseconds(end):
        raise ValueError(
            f"end is {end.isoformat()}; expected at least a millisecond after start, which is {start.isoformat()}"
        )
