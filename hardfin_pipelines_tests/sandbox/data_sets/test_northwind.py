"""Real orders: what is expected is computed here from the files, with the csv module and whole numbers."""

import csv
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sandbox.data_sets.northwind import northwind
from hardfin_pipelines.sandbox.data_sets.summary import line_total, summarize

FOLDER = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "northwind"
ANCHOR = datetime(1998, 5, 6, tzinfo=UTC)

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason="the folder of real records (../shared/data/northwind) is not beside the checkout"
    ),
]


def rows(name):
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scaled(text, places):
    """Return a decimal text as a whole number of 10^-places."""
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= places
    return int(whole + fraction.ljust(places, "0"))


def line_cents(row):
    """Return unit price (in cents) x quantity x (1 - discount in hundredths), half a cent rounded up."""
    hundredths_of_cents = scaled(row["UnitPrice"], 2) * int(row["Quantity"]) * (100 - scaled(row["Discount"], 2))
    return (hundredths_of_cents + 50) // 100


@pytest.fixture(scope="module")
def data_set():
    return northwind(FOLDER)


def test_every_order_customer_line_and_product_is_there(data_set):
    summary = summarize(data_set)
    assert (summary.deals, summary.companies, summary.line_items, summary.products) == (830, 93, 2155, 77)
    assert [deal.key for deal in data_set.deals] == [row["OrderID"] for row in rows("orders.csv")]
    assert len(data_set.owners) == len({row["EmployeeID"] for row in rows("orders.csv")})


def test_shipped_orders_are_won_and_closed_on_the_day_they_were_shipped(data_set):
    shipped = {row["OrderID"]: row["ShippedDate"] for row in rows("orders.csv") if row["ShippedDate"]}
    assert summarize(data_set).won_deals == len(shipped)
    for deal in data_set.deals:
        if deal.key in shipped:
            assert deal.stage_key == "closedwon"
            assert deal.close_date is not None
            assert deal.close_date.strftime("%Y-%m-%d %H:%M:%S.000") == shipped[deal.key]
        else:
            assert deal.stage_key == "contractsent"
            assert "closedwon" not in deal.entered_stage_at


def test_amounts_are_right_to_the_cent(data_set):
    cents: dict[str, int] = defaultdict(int)
    for row in rows("order_details.csv"):
        cents[row["OrderID"]] += line_cents(row)
    shipped = {row["OrderID"] for row in rows("orders.csv") if row["ShippedDate"]}
    assert {deal.key: deal.amount * 100 for deal in data_set.deals} == cents
    won = sum(amount for order, amount in cents.items() if order in shipped)
    assert {currency: total * 100 for currency, total in summarize(data_set).totals_by_currency.items()} == {"USD": won}
    assert all(deal.amount == line_total(deal) for deal in data_set.deals)


def test_lines_keep_price_quantity_and_discount_digit_for_digit(data_set):
    lines = {line.key: line for deal in data_set.deals for line in deal.line_items}
    names = {row["ProductID"]: row["ProductName"] for row in rows("products.csv")}
    for row in rows("order_details.csv"):
        line = lines[f"{row['OrderID']}-{row['ProductID']}"]
        assert (str(line.unit_price), str(line.quantity)) == (row["UnitPrice"], row["Quantity"])
        assert (line.discount_percent or 0) == scaled(row["Discount"], 2)
        assert line.name == names[row["ProductID"]]


def test_customers_keep_their_names_and_addresses(data_set):
    companies = {company.key: company for company in data_set.companies}
    assert companies["BLAUS"].name == "Blauer See Delikatessen"
    assert companies["ANATR"].address == "Avda. de la Constitución 2222"
    assert companies["WOLZA"].name == "Wolski  Zajazd"
    assert {company.name for company in data_set.companies if company.key.startswith("Val")} == {"IT"}


def test_freight_and_contact_go_to_custom_fields(data_set):
    freight = {row["OrderID"]: row["Freight"] for row in rows("orders.csv")}
    contacts = {row["CustomerID"]: row["ContactName"] for row in rows("customers.csv")}
    for deal in data_set.deals:
        assert deal.custom == {"freight": freight[deal.key], "site_contact": contacts[deal.company_keys[0]]}
    assert set(data_set.custom_deal_fields) == {"freight", "site_contact"}


def test_record_stamps_are_the_orders_dates(data_set):
    dates = {row["OrderID"]: row["OrderDate"] for row in rows("orders.csv")}
    for deal in data_set.deals:
        assert deal.modified_at.strftime("%Y-%m-%d %H:%M:%S.000") == dates[deal.key]
        assert {deal.created_at, *deal.entered_stage_at.values()} == {deal.modified_at}
    by_customer = defaultdict(list)
    for deal in data_set.deals:
        by_customer[deal.company_keys[0]].append(deal.modified_at)
    oldest = min(deal.modified_at for deal in data_set.deals)
    for company in data_set.companies:
        stamps = by_customer.get(company.key, [oldest])
        assert (company.created_at, company.modified_at) == (min(stamps), max(stamps))
    assert {product.created_at for product in data_set.products} == {oldest}


@settings(max_examples=10, deadline=None)
@given(st.timedeltas(timedelta(days=-3_000), timedelta(days=15_000)).map(lambda after: ANCHOR + after))
def test_stamps_are_shifted_by_whole_days_up_to_the_moment_asked_for_and_business_dates_stay(moment):
    before, after = northwind(FOLDER), northwind(FOLDER, newest_modified=moment)
    newest = max(deal.modified_at for deal in after.deals)
    assert moment - timedelta(days=1) < newest <= moment
    shift = newest - max(deal.modified_at for deal in before.deals)
    assert shift % timedelta(days=1) == timedelta()
    for old, new in zip(before.deals, after.deals, strict=True):
        assert new.modified_at - old.modified_at == new.created_at - old.created_at == shift
        assert {stage: time - shift for stage, time in new.entered_stage_at.items()} == old.entered_stage_at
        assert new.close_date == old.close_date
    for was, company in zip(before.companies, after.companies, strict=True):
        assert was.created_at is not None
        assert was.modified_at is not None
        assert (company.created_at, company.modified_at) == (was.created_at + shift, was.modified_at + shift)


def test_a_moment_without_time_zone_is_refused():
    with pytest.raises(ValueError, match=re.escape("newest_modified is 2025-01-01T00:00:00, without a time zone")):
        northwind(FOLDER, newest_modified=datetime(2025, 1, 1))  # noqa: DTZ001 - on purpose


def test_products_are_described_by_category_and_supplier(data_set):
    product = next(product for product in data_set.products if product.name == "Ikura")
    assert (product.sku, product.price) == ("NW-10", Decimal(31))
    assert product.description == "Seafood; 12 - 200 ml jars; supplied by Tokyo Traders"
