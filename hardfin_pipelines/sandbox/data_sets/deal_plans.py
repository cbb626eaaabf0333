"""Which deals a generated data set has, before they have names and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hardfin_pipelines.sandbox.data_sets.model import Pipeline, Stage
from hardfin_pipelines.sandbox.data_sets.pipelines import SALES_PIPELINE, SERVICE_RENEWALS
from hardfin_pipelines.sandbox.data_sets.shares import few, share_companies, spread


@dataclass(frozen=True, slots=True)
class DealPlan:
    """Where a deal stands, the numbers (from 0) of its companies, primary first, and how many lines it has."""

    pipeline: Pipeline
    stage: Stage
    companies: Sequence[int]
    lines: int


def plan_won_deals(rng: Random, count: int, *, companies: int, lines: int) -> list[DealPlan]:
    """Plan `count` won deals with `lines` lines in all, naming each of the companies 0 to `companies` - 1."""
    shared = share_companies(rng, count, companies)
    line_counts = spread(rng, lines, count, empty=few(count, 3))
    plans = []
    for deal_companies, line_count in zip(shared, line_counts, strict=True):
        pipeline = _pipeline(rng)
        won = next(stage for stage in pipeline.stages if stage.won)
        plans.append(DealPlan(pipeline, won, deal_companies, line_count))
    return plans


def plan_other_deals(
    rng: Random, *, open_deals: int, lost_deals: int, customers: int, prospects: int, lines: int
) -> list[DealPlan]:
    """Plan the deals that are not won, with `lines` lines in all.

    Most of them name a prospect (a company number of `customers` and up), some a customer, a few no company.
    """
    count = open_deals + lost_deals
    line_counts = spread(rng, lines, count, empty=few(count, 10))
    plans = []
    for number, line_count in enumerate(line_counts):
        pipeline = _pipeline(rng)
        lost = number >= open_deals
        stage = rng.choice([stage for stage in pipeline.stages if not stage.won and stage.closed == lost])
        plans.append(DealPlan(pipeline, stage, _one_company(rng, customers, prospects), line_count))
    return plans


def _pipeline(rng: Random) -> Pipeline:
    return SERVICE_RENEWALS if rng.random() < 0.2 else SALES_PIPELINE


def _one_company(rng: Random, customers: int, prospects: int) -> list[int]:
    luck = rng.random()
    if luck < 0.65 and prospects:
        return [customers + rng.randrange(prospects)]
    if luck < 0.92 and customers:
        return [rng.randrange(customers)]
    return []
