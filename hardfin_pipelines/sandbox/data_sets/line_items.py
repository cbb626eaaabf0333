"""The generated lines of deals: copies of products, with terms, billing and discounts."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from hardfin_pipelines.sandbox.data_sets.amounts import line_amount
from hardfin_pipelines.sandbox.data_sets.locales import UNITS_PER_USD, minor_unit
from hardfin_pipelines.sandbox.data_sets.model import LineItem, Product

_TYPED_BY_HAND = (
    "Custom gripper fingers",
    "Ramp & gate (built on site)",
    "Travel, per agreement",
    'Sign "robots at work"',
    "特注ブラケット",
    "Trial weeks 🤝",
)
_PERCENTS = tuple(map(Decimal, ("2.5", "5", "7.5", "10", "15", "33.33", "100")))
_PERCENT_WEIGHTS = (3, 6, 3, 6, 4, 2, 1)
_TERMS = (12, 24, 36)
_BULK_BELOW = Decimal(20)


def line_items(
    rng: Random, deal_key: str, count: int, *, products: Sequence[Product], currency: str, agreed_on: date | None
) -> tuple[LineItem, ...]:
    """Return exactly `count` lines of a deal.

    Of the lines, about one in 25 (and each of them where there are no products) is typed by hand and copies no
    product, one in five has a discount in percent and one in ten a discount in money off each unit. Lines of a
    recurring product run 12, 24 or 36 months and are billed by the month or the year.

    Args:
        rng: decides all the rest.
        deal_key: the deal's key, from which the lines' keys follow.
        count: how many lines.
        products: the price list in US dollars; products early in it are sold more often.
        currency: what the lines are priced in, at a fixed rate.
        agreed_on: recurring lines start up to 60 days after this day; without it they have no start.
    """
    keys = (f"{deal_key}-line-{number}" for number in range(1, count + 1))
    return tuple(
        _by_hand(rng, key, currency)
        if not products or rng.random() < 0.04
        else _from_product(rng, key, products[int(len(products) * rng.random() * rng.random())], currency, agreed_on)
        for key in keys
    )


def _by_hand(rng: Random, key: str, currency: str) -> LineItem:
    quantity = Decimal(rng.randrange(1, 5))
    price = _in_currency(Decimal(rng.randrange(2_000, 90_000)).scaleb(-2), currency)
    return LineItem(
        key=key,
        name=rng.choice(_TYPED_BY_HAND),
        quantity=quantity,
        unit_price=price,
        amount=line_amount(quantity, price, minor_unit=minor_unit(currency)),
    )


def _from_product(rng: Random, key: str, product: Product, currency: str, agreed_on: date | None) -> LineItem:
    term = billing = starts_on = None
    price = product.price
    if product.billing_months is not None:
        term = rng.choice(_TERMS)
        billing = rng.choice((1, 1, 12))
        price = price * billing / product.billing_months
        if agreed_on is not None and rng.random() < 0.8:
            starts_on = agreed_on + timedelta(days=rng.randrange(61))
    price = _in_currency(price, currency)
    quantity = _quantity(rng, product)
    percent, money = _discount(rng, price, currency)
    return LineItem(
        key=key,
        name=product.name,
        quantity=quantity,
        unit_price=price,
        amount=line_amount(
            quantity, price, discount_percent=percent, discount_amount=money, minor_unit=minor_unit(currency)
        ),
        product_key=product.key,
        sku=product.sku,
        discount_percent=percent,
        discount_amount=money,
        term_months=term,
        billing_months=billing,
        starts_on=starts_on,
    )


def _quantity(rng: Random, product: Product) -> Decimal:
    if product.name.endswith("per day"):
        return Decimal(rng.randrange(1, 21)) / 2
    if product.price < _BULK_BELOW:
        return Decimal(rng.randrange(1, 40) * 25)
    return Decimal(rng.randrange(1, 13))


def _discount(rng: Random, price: Decimal, currency: str) -> tuple[Decimal | None, Decimal | None]:
    """Return a discount in percent or one in money off each unit, or neither; never both."""
    luck = rng.random()
    if luck < 0.2:
        return rng.choices(_PERCENTS, _PERCENT_WEIGHTS)[0], None
    if luck < 0.3:
        part = price * rng.randrange(1, 30) / 100
        return None, part.quantize(minor_unit(currency), rounding=ROUND_HALF_UP)
    return None, None


def _in_currency(price: Decimal, currency: str) -> Decimal:
    return (price * UNITS_PER_USD[currency]).quantize(minor_unit(currency), rounding=ROUND_HALF_UP)
