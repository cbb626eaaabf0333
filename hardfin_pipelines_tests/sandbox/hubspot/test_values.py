"""Property values in and out."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sandbox.hubspot.store import has_token
from hardfin_pipelines.sandbox.hubspot.values import (
    InvalidValueError,
    instant_ms,
    instant_text,
    kept,
    long_decimal,
    parse_instant,
)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001  # hypothesis wants bounds without a zone
def test_instants_survive_the_wire(moment):
    ms = instant_ms(moment)
    text = instant_text(ms)
    assert text.endswith("Z")
    assert ("." in text) == bool(ms % 1000)
    assert parse_instant(text) == parse_instant(str(ms)) == ms


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", Decimal("1E+3"), "1000"),
        ("number", " 1.50 ", "1.50"),
        ("number", "", None),
        ("string", "", ""),
        ("string", None, None),
        ("bool", True, "true"),
        ("date", date(2026, 3, 2), "2026-03-02"),
        ("date", "2026-03-02", "2026-03-02"),
        ("enumeration", "a;b", "a;b"),
        ("datetime", "2026-03-02", 1772409600000),
    ],
)
def test_values_are_kept_by_type(kind, value, expected):
    assert kept(kind, value, {"a": True, "b": True}) == expected


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("number", "NaN", "INVALID_LONG"),
        ("date", "1", "INVALID_DATE"),
        ("date", "02.03.2026", "INVALID_LONG"),
        ("datetime", "soon", "INVALID_LONG"),
        ("bool", "yes", "INVALID_OPTION"),
        ("enumeration", "a;z", "INVALID_OPTION"),
    ],
)
def test_values_of_the_wrong_type_are_refused(kind, value, code):
    with pytest.raises(InvalidValueError) as refused:
        kept(kind, value, {"a": True})
    assert refused.value.code == code


def test_calculated_numbers_are_long_binary_expansions():
    assert long_decimal(Decimal("0.9")) == "0.90000000000000002220446049250313080847263336181640625"
    assert (long_decimal(Decimal(1)), long_decimal(Decimal(0))) == ("1", "0")


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("Ten big robots", "big", True),
        ("Ten big robots", "BIG ROBOTS", True),
        ("Ten big robots", "ten robots", False),
        ("Ten big robots", "rob*", True),
        ("Ten big robots", "*bots", True),
        ("Ten big robots", "bot", False),
        ("www.mill-hill.example", "mill-hill.example", True),
        (None, "x", False),
        ("x", "", False),
    ],
)
def test_tokens(text, pattern, fits):
    assert has_token(text, pattern) == fits
