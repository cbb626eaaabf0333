"""What a line of a deal comes to."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

CENT = Decimal("0.01")

_EXACT_DIGITS = 80


def line_amount(
    quantity: Decimal,
    unit_price: Decimal,
    *,
    discount_percent: Decimal | None = None,
    discount_amount: Decimal | None = None,
    minor_unit: Decimal = CENT,
) -> Decimal:
    """Return quantity times unit price less the discount, rounded half up once, at the end.

    On a recurring line this is the amount of one billing period: quantity x price, as a CRM's own line amount is,
    whatever the term.

    Args:
        quantity: how many units, may be a fraction.
        unit_price: the price of one unit before the discount.
        discount_percent: 0 to 100, off the whole line.
        discount_amount: money off each unit, taken before the percentage.
        minor_unit: the currency's smallest unit, which the result is a multiple of.
    """
    with localcontext() as context:
        # 28 digits, the default, could round a product of three long numbers before the rounding that is meant.
        context.prec = _EXACT_DIGITS
        net = quantity * (unit_price - (discount_amount or 0)) * (100 - (discount_percent or 0)) / 100
        return net.quantize(minor_unit, rounding=ROUND_HALF_UP)
