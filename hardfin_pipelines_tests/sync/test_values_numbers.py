"""Reading numbers and periods: every digit, or a refusal."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.values import (
    ValueProblem,
    as_decimal,
    as_integer,
    as_months,
    canonical_decimal,
    shown,
    to_text,
)

LONG_BINARY_EXPANSION = "0.200000000000000011102230246251565404236316680908203125"

# -- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "10",
        "10.00",
        "-3.5",
        "+4",
        "007",
        ".5",
        "5.",
        "1E+3",
        "1e-7",
        "9" * 40,
        "0." + "1" * 100,
        LONG_BINARY_EXPANSION,
    ],
)
def test_a_number_arrives_digit_for_digit(text):
    number = as_decimal(f" {text}\n")

    assert number.as_tuple() == Decimal(text).as_tuple()


def test_the_long_binary_expansions_of_calculated_fields_keep_every_digit():
    """HubSpot writes calculated numbers so, such as hs_deal_stage_probability (seen on the wire)."""
    assert to_text(as_decimal(LONG_BINARY_EXPANSION)) == LONG_BINARY_EXPANSION


@pytest.mark.parametrize(
    "text",
    [
        *(
            "N/A",
            "",
            "-",
            ".",
            "1,000",
            "1 000",
            "1_000",
            "12.3.4",
            "0x10",
            "1e",
            "€5",
            "5 EUR",
            "5%",
            "½",
            "\uff11\uff10",
        ),
        *("NaN", "sNaN", "-nan", "Infinity", "-inf", "1\x00", "\ud800", "1e9999999999999999999", "0e-9999999999999999"),
    ],
)
def test_what_is_no_number_is_refused_and_shown(text):
    with pytest.raises(ValueProblem, match="expected a number, got ") as refused:
        as_decimal(text)

    assert shown(text) in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["1" + "0" * 40, "1e40", "1e400", "-1e400", "0." + "0" * 100 + "1", "1e-101", "0e-101", "0e-999999", "1e-400"],
)
def test_hazard_a_number_that_no_column_could_hold_is_refused(text):
    """PostgreSQL's NUMERIC keeps 16,383 digits after the point; one such row would fail the batch it is in."""
    with pytest.raises(ValueProblem, match="at most 40 digits before and 100 after the point"):
        as_decimal(text)


MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15)
NUMBERS = st.builds(
    lambda sign, digits, places: Decimal((sign, tuple(map(int, str(digits))), -places)),
    st.integers(0, 1),
    st.integers(0, 10**40 - 1),
    st.integers(0, 40),
)


@given(NUMBERS | MONEY)
def test_money_survives_the_way_through_its_canonical_text(number):
    text = to_text(as_decimal(str(number)))

    assert as_decimal(text) == number
    assert to_text(as_decimal(text)) == text


@given(NUMBERS, st.integers(0, 20))
def test_equal_numbers_have_one_canonical_text_however_they_are_written(number, zeros):
    sign, digits, exponent = number.as_tuple()
    longer = Decimal((sign, (*digits, *(0,) * zeros), int(exponent) - zeros))

    assert canonical_decimal(longer) == canonical_decimal(number)
    assert "E" not in canonical_decimal(number)


@given(NUMBERS, NUMBERS)
def test_different_numbers_have_different_canonical_texts(first, second):
    assert (canonical_decimal(first) == canonical_decimal(second)) == (first == second)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("10", "10"),
            ("10.0", "10"),
            ("10.00", "10"),
            ("1E+1", "10"),
            ("1e1", "10"),
            ("100", "100"),
            ("0.10", "0.1"),
        ),
        *(
            ("0", "0"),
            ("0.00", "0"),
            ("-0", "0"),
            ("-0.000", "0"),
            ("0E+5", "0"),
            ("-1.50", "-1.5"),
            ("1e-7", "0.0000001"),
        ),
    ],
)
def test_the_canonical_text_of_a_number(text, expected):
    assert canonical_decimal(Decimal(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("12", 12), ("12.0", 12), ("-3", -3), ("1e2", 100), ("2147483647", 2**31 - 1)]
)
def test_whole_numbers(text, expected):
    assert as_integer(text) == expected


@pytest.mark.parametrize("text", ["12.5", "1e-1", "0.0000001"])
def test_a_fraction_is_no_whole_number(text):
    with pytest.raises(ValueProblem, match="expected a whole number, got"):
        as_integer(text)


@pytest.mark.parametrize("text", ["2147483648", "-2147483649", "9" * 40])
def test_hazard_a_whole_number_that_overflows_its_column_is_refused(text):
    """PostgreSQL's INTEGER has 32 bits; one such row would fail the batch it is in."""
    with pytest.raises(ValueProblem, match="expected a whole number up to 2,147,483,647"):
        as_integer(text)


# -- months -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [("P12M", 12), ("P1Y", 12), ("P1Y6M", 18), ("p3y", 36), (" P1M ", 1), ("P0D", 0), ("12", 12), ("36.0", 36)],
)
def test_periods_in_months(text, expected):
    assert as_months(text) == expected


@pytest.mark.parametrize("text", ["P2W", "P30D", "P1Y1D", "P1M2W"])
def test_a_period_that_is_no_whole_number_of_months_is_refused(text):
    with pytest.raises(ValueProblem, match="expected a period of whole months"):
        as_months(text)


@pytest.mark.parametrize("text", ["P", "PT5M", "12 months", "1.5", "P1.5Y", "P-1M", "monthly", "P99999999M"])
def test_what_is_no_period_is_refused_with_an_example_of_one(text):
    with pytest.raises(ValueProblem, match="expected a period such as P12M or a whole number of months"):
        as_months(text)
