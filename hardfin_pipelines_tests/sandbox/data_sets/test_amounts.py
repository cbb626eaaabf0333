from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sandbox.data_sets.amounts import line_amount

MONEY = st.decimals(0, 10**12, places=4)
PERCENT = st.none() | st.decimals(0, 100, places=2)


@pytest.mark.parametrize(
    ("quantity", "price", "percent", "money", "unit", "amount"),
    [
        ("10", "9.80", None, None, "0.01", "98.00"),
        ("35", "7.7", "15", None, "0.01", "229.08"),  # 229.075: half a cent goes up
        ("1", "0.125", None, None, "0.01", "0.13"),
        ("2.5", "100", None, "10", "0.01", "225.00"),
        ("2", "100", "10", "10", "0.01", "162.00"),
        ("3", "1000", "0.05", None, "1", "2999"),  # 2998.5 yen
        ("4", "5", "100", None, "0.01", "0.00"),
    ],
)
def test_known_amounts(quantity, price, percent, money, unit, amount):
    result = line_amount(
        Decimal(quantity),
        Decimal(price),
        discount_percent=percent and Decimal(percent),
        discount_amount=money and Decimal(money),
        minor_unit=Decimal(unit),
    )
    assert str(result) == amount


@given(MONEY, MONEY, PERCENT)
def test_the_only_rounding_is_the_last_one(quantity, price, percent):
    exact = Fraction(quantity) * Fraction(price) * (1 - Fraction(percent or 0) / 100)
    amount = line_amount(quantity, price, discount_percent=percent)
    cents = int(exact * 100 + Fraction(1, 2))
    assert Fraction(amount) == Fraction(cents, 100)
