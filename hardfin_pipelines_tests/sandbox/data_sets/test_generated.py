import hashlib
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sandbox.data_sets.deals import AMOUNT_DIFFERS_EVERY
from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.model import DataSet, LineItem
from hardfin_pipelines.sandbox.data_sets.summary import line_total, summarize, won_deals

START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2025, 7, 1, tzinfo=UTC)

SIZES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "won_deals": st.integers(0, 60),
        "open_deals": st.none() | st.integers(0, 30),
        "companies_per_deal": st.floats(0, 3),
        "line_items_per_deal": st.floats(0, 6),
        "products": st.integers(0, 80),
    }
)
DATA_SETS = st.builds(lambda size: (size, robotics_rental(start=START, end=END, **size)), SIZES)
MODERATE = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def company() -> DataSet:
    return robotics_rental(seed=7, won_deals=1_000, start=START, end=END)


@MODERATE
@given(DATA_SETS)
def test_the_documented_counts_are_exact(case):
    size, data_set = case
    summary = summarize(data_set)
    won = size["won_deals"]
    opened = round(won * 0.4) if size["open_deals"] is None else size["open_deals"]
    others = opened + opened // 4
    customers = round(won * size["companies_per_deal"])
    assert (summary.won_deals, summary.open_deals, summary.lost_deals) == (won, opened, opened // 4)
    assert summary.deals == won + others
    assert summary.companies_of_won_deals == customers
    assert summary.companies == customers + round(others * 0.3)
    assert summary.line_items_of_won_deals == round(size["line_items_per_deal"] * won)
    assert summary.line_items - summary.line_items_of_won_deals == round(size["line_items_per_deal"] * others)
    assert summary.products == size["products"]


@MODERATE
@given(SIZES)
def test_the_same_arguments_give_an_equal_data_set(size):
    first, second = (robotics_rental(start=START, end=END, **size) for _ in range(2))
    assert first == second
    assert repr(first) == repr(second)


def test_the_same_arguments_give_the_same_bytes_in_another_process():
    program = (
        "import hashlib; from datetime import UTC, datetime;"
        "from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental;"
        "d = robotics_rental(seed=3, won_deals=40, start=datetime(2025, 1, 1, tzinfo=UTC),"
        " end=datetime(2025, 7, 1, tzinfo=UTC));"
        "print(hashlib.sha256(repr(d).encode()).hexdigest())"
    )
    here = robotics_rental(seed=3, won_deals=40, start=START, end=END)
    there = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == hashlib.sha256(repr(here).encode()).hexdigest()


def test_another_seed_gives_other_records():
    first, second = (robotics_rental(seed=seed, won_deals=20, start=START, end=END) for seed in (1, 2))
    assert [deal.name for deal in first.deals] != [deal.name for deal in second.deals]


@MODERATE
@given(DATA_SETS)
def test_every_key_is_unique_and_every_reference_resolves(case):
    _, data_set = case
    lines = [line for deal in data_set.deals for line in deal.line_items]
    for records in (data_set.pipelines, data_set.owners, data_set.products, data_set.companies, data_set.deals, lines):
        keys = [record.key for record in records]
        assert len(set(keys)) == len(keys)
    companies = {company.key for company in data_set.companies}
    products = {product.key: product for product in data_set.products}
    owners = {owner.key for owner in data_set.owners} | {None}
    stages = {pipeline.key: [stage.key for stage in pipeline.stages] for pipeline in data_set.pipelines}
    for deal in data_set.deals:
        assert len(set(deal.company_keys)) == len(deal.company_keys)
        assert companies.issuperset(deal.company_keys)
        assert deal.owner_key in owners
        assert deal.stage_key in stages[deal.pipeline_key]
        assert set(stages[deal.pipeline_key]).issuperset(deal.entered_stage_at)
        assert set(data_set.custom_deal_fields).issuperset(deal.custom)
    for line in lines:
        if line.product_key is not None:
            assert (line.name, line.sku) == (products[line.product_key].name, products[line.product_key].sku)


@MODERATE
@given(DATA_SETS)
def test_stamps_are_in_order_and_modifications_in_the_window(case):
    _, data_set = case
    stages = {pipeline.key: [stage.key for stage in pipeline.stages] for pipeline in data_set.pipelines}
    for deal in data_set.deals:
        order = stages[deal.pipeline_key]
        entered = list(deal.entered_stage_at.values())
        assert [key for key in order if key in deal.entered_stage_at] == list(deal.entered_stage_at)
        assert list(deal.entered_stage_at)[-1] == deal.stage_key
        assert [deal.created_at, *entered, deal.modified_at] == sorted([deal.created_at, *entered, deal.modified_at])
        assert START <= deal.modified_at < END
        assert all(moment.microsecond % 1000 == 0 for moment in [deal.created_at, *entered, deal.modified_at])
    created = {company.key: company.created_at for company in data_set.companies}
    for deal in data_set.deals:
        assert all(created[key] <= deal.created_at for key in deal.company_keys)
    for company in data_set.companies:
        assert company.created_at <= company.modified_at
        assert START <= company.modified_at < END
    stamps = [deal.modified_at for deal in data_set.deals]
    assert len(stamps) < 2 or max(Counter(stamps).values()) > 1


def expected_amount(line: LineItem, currency: str) -> Decimal:
    share = 1 - (line.discount_percent or Decimal(0)) / 100
    net = line.quantity * (line.unit_price - (line.discount_amount or 0)) * share
    return net.quantize(Decimal(1) if currency == "JPY" else Decimal("0.01"), rounding="ROUND_HALF_UP")


@MODERATE
@given(DATA_SETS)
def test_amounts_add_up_but_for_every_fiftieth_deal_with_lines(case):
    _, data_set = case
    with_lines = [deal for deal in data_set.deals if deal.line_items]
    for deal in with_lines:
        for line in deal.line_items:
            assert line.amount == expected_amount(line, deal.currency)
            assert line.amount >= 0
            assert line.discount_percent is None or line.discount_amount is None
    for number, deal in enumerate(with_lines, start=1):
        assert (deal.amount == line_total(deal)) == (number % AMOUNT_DIFFERS_EVERY != 0)


@given(
    st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)).map(lambda after: START + after),
    st.integers(1_000, 10_000_000_000),
)
@settings(max_examples=40, deadline=None)
def test_any_window_of_a_millisecond_or_more_holds_every_modification(start, microseconds):
    end = start + timedelta(microseconds=microseconds)
    data_set = robotics_rental(seed=1, won_deals=12, products=5, start=start, end=end)
    stamps = [deal.modified_at for deal in data_set.deals] + [company.modified_at for company in data_set.companies]
    assert all(start <= stamp < end for stamp in stamps)


def test_skus_and_product_names_stay_unique_in_a_long_price_list():
    products = robotics_rental(seed=1, won_deals=0, products=12_000, start=START, end=END).products
    assert len({product.sku for product in products}) == len({product.name for product in products}) == 12_000
    assert {product.billing_months for product in products} == {None, 1, 12}


def test_recurring_and_one_off_lines_with_both_kinds_of_discount_occur(company):
    lines = [line for deal in company.deals for line in deal.line_items]
    recurring = [line for line in lines if line.term_months is not None]
    assert {line.term_months for line in recurring} == {12, 24, 36}
    assert {line.billing_months for line in recurring} == {1, 12}
    assert 0 < len(recurring) < len(lines)
    assert all(line.billing_months is None and line.starts_on is None for line in lines if line.term_months is None)
    assert any(line.discount_percent for line in lines)
    assert any(line.discount_amount for line in lines)
    assert any(line.quantity != line.quantity.to_integral_value() for line in lines)
    assert any(line.product_key is None and line.sku == "" for line in lines)


def test_a_year_of_a_monthly_product_costs_twelve_months(company):
    monthly = {product.key: product.price for product in company.products if product.billing_months == 1}
    yearly_lines = [
        line
        for deal in company.deals
        if deal.currency == "USD"
        for line in deal.line_items
        if line.product_key in monthly and line.billing_months == 12
    ]
    assert yearly_lines
    assert all(line.unit_price == 12 * monthly[line.product_key] for line in yearly_lines)


@MODERATE
@given(st.integers(0, 10_000), st.integers(10, 40))
def test_of_ten_won_deals_one_has_no_company_one_has_several_and_one_has_no_lines(seed, won):
    deals = won_deals(robotics_rental(seed=seed, won_deals=won, products=20, start=START, end=END))
    assert any(not deal.company_keys for deal in deals)
    assert any(len(deal.company_keys) > 1 for deal in deals)
    assert any(not deal.line_items for deal in deals)


def test_names_are_written_in_many_scripts(company):
    text = "".join(record.name for record in company.companies)
    scripts = {unicodedata.name(character, "?").split()[0] for character in text if character.isalpha()}
    assert scripts >= {"LATIN", "CJK", "KATAKANA", "ARABIC", "GREEK", "CYRILLIC", "DEVANAGARI"}
    assert re.search(r"[à-ÿ]", text)
    assert any(unicodedata.category(character) == "So" for character in text)
    assert any("<quote> &" in deal.description for deal in company.deals)
    assert any('"' in company_.name for company_ in company.companies)


def test_company_names_and_domains_are_unique(company):
    assert len({record.name for record in company.companies}) == len(company.companies)
    assert len({record.domain for record in company.companies}) == len(company.companies)
    assert all(re.fullmatch(r"[a-z0-9-]+\.example", record.domain) for record in company.companies)


def test_several_currencies_occur_and_yen_have_no_minor_units(company):
    assert {deal.currency for deal in company.deals} >= {"USD", "EUR", "JPY", "INR"}
    yen = [line for deal in company.deals if deal.currency == "JPY" for line in deal.line_items]
    assert yen
    assert all(value == value.to_integral_value() for line in yen for value in (line.amount, line.unit_price))


def test_both_pipelines_are_won_lost_and_open(company):
    stages = Counter((deal.pipeline_key, deal.stage_key) for deal in company.deals)
    every = {(pipeline.key, stage.key) for pipeline in company.pipelines for stage in pipeline.stages}
    assert set(stages) == every
    assert {stage.label for pipeline in company.pipelines for stage in pipeline.stages if stage.won} == {
        "Closed Won",
        "Contract signed",
    }


def test_custom_fields_are_used_by_some_deals(company):
    for name in ("site_contact", "renewal_tier"):
        users = sum(name in deal.custom for deal in company.deals)
        assert 0 < users < len(company.deals)


def test_a_company_of_ten_thousand_deals_has_as_many():
    data_set = robotics_rental(seed=1, won_deals=10_000, open_deals=0, start=START, end=END)
    assert len(data_set.deals) == 10_000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"won_deals": -1}, "won_deals is -1; expected a number of 0 or more"),
        ({"open_deals": -5}, "open_deals is -5"),
        ({"products": -1}, "products is -1"),
        ({"companies_per_deal": float("nan")}, "companies_per_deal is nan"),
        ({"line_items_per_deal": float("inf")}, "line_items_per_deal is inf"),
        ({"start": datetime(2025, 1, 1)}, "start is 2025-01-01T00:00:00, without a time zone"),  # noqa: DTZ001 - on purpose
        ({"end": START}, "expected at least a millisecond after start"),
    ],
)
def test_an_argument_out_of_range_is_named(wrong, message):
    arguments = {"seed": 1, "won_deals": 1, "start": START, "end": END} | wrong
    with pytest.raises(ValueError, match=re.escape(message)):
        robotics_rental(**arguments)
