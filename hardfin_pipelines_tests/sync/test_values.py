"""Reading a vendor's text exactly or not at all."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.entities import FieldType
from hardfin_pipelines.sync.mapping_rules import CONVERSIONS, Conversion
from hardfin_pipelines.sync.records import PropertyDescription
from hardfin_pipelines.sync.values import (
    LONGEST_TEXT,
    Value,
    ValueProblem,
    as_boolean,
    as_currency,
    as_date,
    as_instant,
    as_option_label,
    as_text,
    read_value,
    shown,
    to_text,
)

# -- times ------------------------------------------------------------------------------------------------------

MOMENT = datetime(2025, 4, 3, 12, 59, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-03T12:59:10Z", MOMENT),
        ("2025-04-03T12:59:10.726Z", MOMENT + timedelta(milliseconds=726)),
        ("2025-04-03T12:59:10.7Z", MOMENT + timedelta(milliseconds=700)),
        ("2025-04-03T12:59:10.123456789Z", MOMENT + timedelta(microseconds=123456)),
        ("2025-04-03T12:59:10.000+0000", MOMENT),
        ("2025-04-03T12:59:10+00:00", MOMENT),
        ("2025-04-03T04:59:10-08:00", MOMENT),
        ("2025-04-03T12:59:10", MOMENT),
        ("2025-04-03 12:59:10", MOMENT),
        (" 2025-04-03 ", datetime(2025, 4, 3, tzinfo=UTC)),
        ("1743685150000", MOMENT),
        ("1743685150726", MOMENT + timedelta(milliseconds=726)),
        ("-1577923200000", datetime(1920, 1, 1, tzinfo=UTC)),
        ("99999999999999", datetime(5138, 11, 16, 9, 46, 39, 999000, tzinfo=UTC)),
    ],
)
def test_instants_in_the_forms_vendors_write_them(text, expected):
    assert as_instant(text) == expected
    assert as_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "31/12/2025",
            "2025-13-01",
            "2025-02-29",
            "2025-01-01T25:00",
            "1743685150",
            "2025",
            "\x00",
            "\ud800",
        ),
        *(
            "999999999999999",
            "9999-12-31T23:59:59-05:00",
            "0001-01-01T00:00:00+14:00",
            "1" * 400,
            "1912011520000000",
            "20250101",
            "-99999999999999",
        ),
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueProblem, match="expected a date or time, got"):
        as_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31T23:59:59Z", "1900-01-01T00:00:00+14:00", "-2208988800001"])
def test_times_before_1900_are_mistakes(text):
    with pytest.raises(ValueProblem, match="expected a date from 1900 on"):
        as_instant(text)


@given(st.datetimes(datetime(1901, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001  # Hypothesis adds the zone
def test_an_instant_survives_the_way_through_its_text(moment):
    assert as_instant(moment.isoformat()) == moment
    assert as_instant(moment.astimezone(timezone(timedelta(hours=-8))).isoformat()) == moment


@given(st.integers(10**10, 10**14))
def test_milliseconds_are_exact(milliseconds):
    assert (as_instant(str(milliseconds)) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    ) == milliseconds
    assert as_instant(str(milliseconds)).microsecond % 1000 == 0


@given(st.dates(date(1900, 1, 1)))
def test_a_date_survives_the_way_through_its_text(day):
    assert as_date(to_text(day)) == day


def test_the_day_of_a_time_is_that_of_utc():
    assert as_date("2026-03-01T23:30:00-08:00") == date(2026, 3, 2)
    assert as_date("2026-03-01T00:00:00Z") == date(2026, 3, 1)
    assert as_date("1772323200000") == date(2026, 3, 1)


# -- texts ------------------------------------------------------------------------------------------------------


def test_text_is_kept_in_its_composed_form():
    assert as_text("Zoe\u0308") == "Zo\u00eb"
    assert as_text(" two  spaces ") == " two  spaces "
    for text in ("שלום", "مرحبا", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "a\nb\tc", "\u202eabc"):
        assert as_text(text) == text


def test_text_may_be_long_but_not_without_end():
    assert as_text("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    with pytest.raises(ValueProblem, match=r"is 65,537 characters long; at most 65,536 are kept: 'x{60}…'"):
        as_text("x" * (LONGEST_TEXT + 1))


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "ok \udfff", "\udc00\ud800"])
def test_text_that_no_store_can_keep_is_refused(text):
    with pytest.raises(ValueProblem, match=r"NUL|not valid Unicode") as refused:
        as_text(text)

    assert str(refused.value).isprintable()


@given(st.text(st.characters(codec=None)))
def test_shown_text_is_short_and_printable(text):
    assert shown(text).isprintable()
    assert len(shown(text)) <= 61 * len("\\U0001f468") + 2


@pytest.mark.parametrize(
    ("text", "expected"), [("true", "yes"), ("TRUE ", "yes"), ("1", "yes"), ("No", "no"), ("false", "no"), ("0", "no")]
)
def test_booleans(text, expected):
    assert as_boolean(text) == expected


def test_what_is_neither_true_nor_false_is_refused():
    with pytest.raises(ValueProblem, match="expected true or false, got 'maybe'"):
        as_boolean("maybe")


def test_currencies_are_codes_of_three_letters():
    assert as_currency(" usd ") == "USD"
    for text in ("US", "USDT", "$", "U5D", "ßßß", ""):
        with pytest.raises(ValueProblem, match="expected a currency code such as USD"):
            as_currency(text)


# -- options ----------------------------------------------------------------------------------------------------

ONE = PropertyDescription("tier", "Tier", "option", {"g": "Gold", "a;b": "Both"})
MANY = PropertyDescription("sites", "Sites", "options", {"a": "Bay A", "b": "Bay B"})


def test_options_become_their_labels():
    assert as_option_label("g", ONE) == "Gold"
    assert as_option_label("a;b", ONE) == "Both", "only a multi-select has several"
    assert as_option_label("b;a", MANY) == "Bay B, Bay A"
    assert as_option_label("a;;", MANY) == "Bay A"


def test_an_option_the_account_no_longer_has_is_refused():
    with pytest.raises(ValueProblem, match="expected one of the options of 'sites', got 'c'"):
        as_option_label("a;c", MANY)


def test_a_removed_option_can_stand_for_itself_beside_the_labels_of_others():
    assert as_option_label("a;c", MANY, removed_too=True) == "Bay A, c"


def test_without_options_the_stored_value_is_shown():
    assert as_option_label("g", None) == "g"
    assert as_option_label("g", PropertyDescription("x", "X", "text")) == "g"


# -- conversions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("convert", "text", "field_type", "expected"),
    [
        (None, "10.0", "decimal", Decimal("10.0")),
        (None, "10.0", "text", "10.0"),
        ("text", "7", "decimal", Decimal(7)),
        ("number", "10.50", "decimal", Decimal("10.50")),
        ("number", "10.50", "text", "10.5"),
        ("number", "10.0", "integer", 10),
        ("money", "10.50", "decimal", Decimal("10.50")),
        ("date", "2026-03-01T08:00:00Z", "date", date(2026, 3, 1)),
        ("date", "2026-03-01T08:00:00Z", "text", "2026-03-01"),
        ("datetime", "1772352000000", "text", "2026-03-01T08:00:00+00:00"),
        ("datetime", "2026-03-01T08:00:00Z", "date", date(2026, 3, 1)),
        ("boolean", "TRUE", "text", "yes"),
        ("option label", "a;b", "text", "Bay A, Bay B"),
        ("list", " a ;b;; c", "text", "a, b, c"),
        ("months", "P1Y6M", "integer", 18),
        ("months", "P1Y6M", "text", "18"),
        ("months", "P1Y6M", "decimal", Decimal(18)),
    ],
)
def test_conversions_fit_the_field(convert, text, field_type, expected):
    value = read_value(text, field_type, convert, MANY)

    assert value == expected
    assert type(value) is type(expected)
    assert str(value) == str(expected)


@pytest.mark.parametrize(
    ("convert", "text", "field_type"),
    [
        ("boolean", "true", "decimal"),
        ("list", "a;b", "date"),
        ("number", "10.5", "integer"),
        ("date", "2026-01-01", "currency"),
    ],
)
def test_a_conversion_that_does_not_fit_the_field_is_refused(convert, text, field_type):
    with pytest.raises(ValueProblem, match="expected"):
        read_value(text, field_type, convert, None)


FIELD_TYPES: tuple[FieldType, ...] = ("text", "decimal", "integer", "date", "currency")


@settings(deadline=None, max_examples=500)
@given(
    text=st.text(st.characters(codec=None), min_size=1)
    | st.from_regex(r"[-+]?[0-9]{0,3}[._]?[0-9]{0,3}([eE][-+]?[0-9]{1,7})?", fullmatch=True)
    | st.from_regex(r"[0-9]{4}-[0-1][0-9]-[0-3][0-9](.[0-9:.]{2,12}([-+][0-9:]{2,5}|Z)?)?", fullmatch=True)
    | st.from_regex(r"P([0-9]{1,5}[YMWD]){0,3}", fullmatch=True),
    field_type=st.sampled_from(FIELD_TYPES),
    convert=st.sampled_from([None, *CONVERSIONS]),
)
def test_hazard_any_text_is_read_or_refused_and_never_breaks_the_reader(
    text: str, field_type: FieldType, convert: Conversion | None
):
    try:
        value = read_value(text, field_type, convert, MANY)
    except ValueProblem as problem:
        refusal = str(problem)
    else:
        _check_canonical(value, field_type, convert)
        refusal = ""
    assert refusal == "" or refusal.isprintable()


def _check_canonical(value: Value, field_type: FieldType, convert: Conversion | None) -> None:
    canonical = to_text(value)
    assert len(canonical) <= LONGEST_TEXT
    if field_type != "text" or convert is None:
        assert to_text(read_value(canonical, field_type, None, None)) == canonical
