"""The generated deals: a plan, a course of events and the names that go with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random

from hardfin_pipelines.sandbox.data_sets.customers import Identity, company_key
from hardfin_pipelines.sandbox.data_sets.deal_plans import DealPlan
from hardfin_pipelines.sandbox.data_sets.line_items import line_items
from hardfin_pipelines.sandbox.data_sets.locales import Locale, locales
from hardfin_pipelines.sandbox.data_sets.model import Deal, LineItem, Owner, Product
from hardfin_pipelines.sandbox.data_sets.pipelines import SERVICE_RENEWALS
from hardfin_pipelines.sandbox.data_sets.timelines import Timeline

CUSTOM_DEAL_FIELDS = {"site_contact": "Site contact", "renewal_tier": "Renewal tier"}
"""The fields that generated deals have beyond a CRM's own, each with its label."""

AMOUNT_DIFFERS_EVERY = 50
"""Every 50th of the deals with lines, in the data set's order, has an amount that is not the sum of its lines."""

_TIERS = ("bronze", "silver", "gold", "platinum ✨")
_DESCRIPTIONS = (
    "",
    "",
    "",
    'Customer asked for "no lift" option; see <quote> & annex.',
    "First line\nSecond line\twith a tab",
    "Übergabe nach Absprache, 現地調査済み",
    "Renewal of last year's agreement: 50 % of the fleet 🤖",
)


@dataclass(frozen=True, slots=True)
class Market:
    """What deals refer to; a plan's company numbers are positions in `identities`."""

    identities: Sequence[Identity]
    products: Sequence[Product]
    owners: Sequence[Owner]


def make_deals(rng: Random, market: Market, planned: Iterable[tuple[DealPlan, Timeline]]) -> tuple[Deal, ...]:
    """Return one deal for each plan and course of events, in their order."""
    deals = []
    with_lines = 0
    for number, (plan, course) in enumerate(planned, start=1):
        with_lines += plan.lines > 0
        differs = plan.lines > 0 and with_lines % AMOUNT_DIFFERS_EVERY == 0
        deals.append(_deal(rng, market, number, plan, course, amount_differs=differs))
    return tuple(deals)


def _deal(rng: Random, market: Market, number: int, plan: DealPlan, course: Timeline, *, amount_differs: bool) -> Deal:
    key = f"deal-{number:06d}"
    primary = market.identities[plan.companies[0]] if plan.companies else None
    locale = primary.locale if primary else locales()[0]
    close_date = _close_date(rng, plan, course)
    lines = line_items(
        rng,
        key,
        plan.lines,
        products=market.products,
        currency=locale.currency,
        agreed_on=close_date.date() if close_date else None,
    )
    return Deal(
        key=key,
        name=_name(rng, number, locale, primary),
        pipeline_key=plan.pipeline.key,
        stage_key=plan.stage.key,
        amount=_amount(rng, lines, differs=amount_differs),
        currency=locale.currency,
        created_at=course.created_at,
        modified_at=course.modified_at,
        close_date=close_date,
        entered_stage_at=course.entered_stage_at,
        company_keys=tuple(company_key(company) for company in plan.companies),
        owner_key=rng.choice(market.owners).key if rng.random() < 0.95 else None,
        line_items=lines,
        description=rng.choice(_DESCRIPTIONS),
        custom=_custom(rng, plan, locale),
    )


def _name(rng: Random, number: int, locale: Locale, primary: Identity | None) -> str:
    if primary is None:
        return f"Trade fair rental {number}"
    return f"{primary.name} - {rng.choice(locale.projects)}"


def _close_date(rng: Random, plan: DealPlan, course: Timeline) -> datetime | None:
    """Return when a closed deal was closed, or the day on which an open one is expected to be, if any."""
    if plan.stage.closed:
        closed = course.last_entered_at
        # Some sellers type the day instead of letting the CRM stamp the moment.
        return _midnight(closed) if rng.random() < 0.1 else closed
    if rng.random() < 0.15:
        return None
    return _midnight(course.modified_at) + timedelta(days=rng.randrange(10, 120))


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time.min, tzinfo=moment.tzinfo)


def _amount(rng: Random, lines: Sequence[LineItem], *, differs: bool) -> Decimal | None:
    total = sum((line.amount for line in lines), Decimal(0))
    if lines and not differs:
        return total
    if rng.random() < 0.5:
        return None
    return (total // 1000 + rng.randrange(1, 6)) * 1000


def _custom(rng: Random, plan: DealPlan, locale: Locale) -> dict[str, str]:
    custom: dict[str, str] = {}
    if rng.random() < 0.6:
        custom["site_contact"] = " ".join(rng.choice(locale.people))
    if rng.random() < (0.85 if plan.pipeline == SERVICE_RENEWALS else 0.05):
        custom["renewal_tier"] = rng.choice(_TIERS)
    return custom
