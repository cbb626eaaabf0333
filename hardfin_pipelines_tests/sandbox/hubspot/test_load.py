"""Filling a portal with a data set."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.sandbox.data_sets.model import (
    Company,
    DataSet,
    Deal,
    LineItem,
    Owner,
    Pipeline,
    Product,
    Stage,
)
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines.sandbox.hubspot.values import instant_ms
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

DAY = timedelta(days=1)
SALES = Pipeline(
    "default",
    "Sales",
    (Stage("contractsent", "Contract", Decimal("0.9"), False), Stage("closedwon", "Won", Decimal(1), True)),
)
RENEWALS = Pipeline("renewals", "Renewals", (Stage("signed", "Signed", Decimal(1), True),))


@pytest.fixture
def data_set():
    lines = (
        LineItem(
            key="l1",
            name="Arm rental",
            quantity=Decimal("2.5"),
            unit_price=Decimal("100.10"),
            amount=Decimal("225.23"),
            product_key="arm",
            sku="ARM-1",
            discount_percent=Decimal(10),
            term_months=12,
            billing_months=1,
            starts_on=date(2026, 4, 1),
        ),
        LineItem("l2", "Visit", Decimal(1), Decimal(50), Decimal(45), discount_amount=Decimal(5)),
    )
    deal = Deal(
        key="d1",
        name="Ten arms",
        pipeline_key="default",
        stage_key="closedwon",
        amount=Decimal("270.23"),
        currency="EUR",
        created_at=NOON - 9 * DAY,
        modified_at=NOON - DAY,
        close_date=NOON - 2 * DAY,
        entered_stage_at={"contractsent": NOON - 5 * DAY, "closedwon": NOON - 2 * DAY},
        company_keys=("mill", "bank"),
        owner_key="ann",
        line_items=lines,
        custom={"site_contact": "Bo"},
    )
    renewal = replace(
        deal, key="d2", pipeline_key="renewals", stage_key="signed", entered_stage_at={}, company_keys=(), line_items=()
    )
    return DataSet(
        name="small",
        pipelines=(SALES, RENEWALS),
        owners=(Owner("ann", "ann@example.com", "Ann", "Lee"),),
        products=(Product("arm", "Arm", "ARM-1", Decimal(100), billing_months=12),),
        companies=(
            Company("bank", "Bank", created_at=NOON - 20 * DAY),
            Company("mill", "Mill", domain="mill.example", region="Bavaria", postal_code="80331"),
        ),
        deals=(deal, renewal),
        custom_deal_fields={"site_contact": "Site contact"},
    )


def test_a_deal_arrives_with_all_that_hangs_on_it(api, portal, data_set):
    loaded = load_data_set(portal, data_set)
    names = [
        "dealname", "amount", "deal_currency_code", "hubspot_owner_id", "site_contact", "closedate", "pipeline",
        "dealstage", "hs_is_closed_won", "hs_v2_date_entered_contractsent", "hs_v2_date_exited_contractsent",
        "hs_v2_date_entered_closedwon", "hs_v2_date_exited_closedwon", "hs_num_of_associated_line_items",
    ]  # fmt: skip
    record = api.get(f"/crm/v3/objects/deals/{loaded.deals['d1']}", params={"properties": ",".join(names)}).json()
    assert {name: record["properties"][name] for name in names} == {
        "dealname": "Ten arms",
        "amount": "270.23",
        "deal_currency_code": "EUR",
        "hubspot_owner_id": loaded.owners["ann"],
        "site_contact": "Bo",
        "closedate": "2026-02-28T12:00:00Z",
        "pipeline": "default",
        "dealstage": "closedwon",
        "hs_is_closed_won": "true",
        "hs_v2_date_entered_contractsent": "2026-02-25T12:00:00Z",
        "hs_v2_date_exited_contractsent": "2026-02-28T12:00:00Z",
        "hs_v2_date_entered_closedwon": "2026-02-28T12:00:00Z",
        "hs_v2_date_exited_closedwon": None,
        "hs_num_of_associated_line_items": "2",
    }
    assert (record["createdAt"], record["updatedAt"]) == ("2026-02-21T12:00:00Z", "2026-03-01T12:00:00Z")


def test_line_items_are_copies_of_products(portal, data_set):
    loaded = load_data_set(portal, data_set)
    line = portal.properties("line_items", loaded.line_items["l1"])
    assert {
        name: line[name] for name in line if not name.startswith("hs_object") and name != "hs_lastmodifieddate"
    } == {
        "name": "Arm rental",
        "hs_product_id": loaded.products["arm"],
        "hs_sku": "ARM-1",
        "price": "100.10",
        "quantity": "2.5",
        "amount": "225.23",
        "hs_discount_percentage": "10",
        "recurringbillingfrequency": "monthly",
        "hs_recurring_billing_period": "P12M",
        "hs_recurring_billing_start_date": "2026-04-01",
        "hs_line_item_currency_code": "EUR",
        "createdate": "2026-02-21T12:00:00Z",
    }
    assert portal.properties("line_items", loaded.line_items["l2"])["discount"] == "5"
    assert portal.properties("products", loaded.products["arm"])["recurringbillingfrequency"] == "annually"


def test_the_first_company_is_the_primary_one(api, portal, data_set):
    loaded = load_data_set(portal, data_set)
    body = {"inputs": [{"id": loaded.deals["d1"]}]}
    read = api.post("/crm/v4/associations/deals/companies/batch/read", json=body).json()["results"][0]["to"]
    types = {str(each["toObjectId"]): [kind["typeId"] for kind in each["associationTypes"]] for each in read}
    assert types == {loaded.companies["mill"]: [341, 5], loaded.companies["bank"]: [341]}
    company = portal.properties("companies", loaded.companies["mill"])
    assert (company["state"], company["zip"], company["domain"]) == ("Bavaria", "80331", "mill.example")


def test_only_the_default_pipeline_keeps_names_as_ids(api, portal, data_set):
    loaded = load_data_set(portal, data_set)
    assert loaded.pipelines["default"] == "default"
    assert loaded.stages["default", "closedwon"] == "closedwon"
    assert loaded.pipelines["renewals"].isdigit()
    assert loaded.stages["renewals", "signed"].isdigit()
    listed = api.get("/crm/v3/pipelines/deals").json()["results"]
    assert [(each["label"], len(each["stages"]), each["displayOrder"]) for each in listed] == [
        ("Sales", 2, 0),
        ("Renewals", 1, 1),
    ]
    renewal = portal.properties("deals", loaded.deals["d2"])
    assert renewal[f"hs_v2_date_entered_{loaded.stages['renewals', 'signed']}"] == "2026-02-21T12:00:00Z"


def test_what_does_not_fit_is_named_and_nothing_is_loaded(portal, data_set):
    wrong = replace(data_set, products=(replace(data_set.products[0], billing_months=5),))
    with pytest.raises(ValueError, match="product 'arm': bills every 5 months"):
        load_data_set(portal, wrong)
    unknown = replace(data_set, custom_deal_fields={})
    with pytest.raises(ValueError, match="site_contact"):
        load_data_set(portal, unknown)
    assert portal.count("companies") == 0


@pytest.mark.slow
def test_fifty_thousand_deals_are_loaded_and_searched(api, portal):
    start = datetime(2024, 1, 1, tzinfo=UTC)
    deals = tuple(
        Deal(
            key=f"d{number}",
            name=f"Deal {number}",
            pipeline_key="default",
            stage_key="closedwon" if number % 2 else "contractsent",
            amount=Decimal(number),
            currency="USD",
            created_at=start,
            modified_at=start + timedelta(minutes=number),
            company_keys=(f"c{number % 30_000}",),
            line_items=tuple(
                LineItem(f"d{number}-{line}", "Line", Decimal(1), Decimal(9), Decimal(9)) for line in range(4)
            ),
        )
        for number in range(50_000)
    )
    companies = tuple(Company(f"c{number}", f"Company {number}") for number in range(30_000))
    load_data_set(portal, DataSet("large", (SALES,), (), (), companies, deals))
    assert portal.record_counts() == {"companies": 30_000, "deals": 50_000, "line_items": 200_000, "products": 0}

    portal.settings.limits_enabled = False
    filters = [
        {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(instant_ms(start + 10 * DAY))},
        {"propertyName": "pipeline", "operator": "IN", "values": ["default"]},
        {"propertyName": "dealstage", "operator": "IN", "values": ["closedwon"]},
    ]
    body = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
        "limit": 200,
    }
    for page in range(20):
        found = api.post("/crm/v3/objects/deals/search", json={**body, "after": str(page * 200)})
    assert found.json()["total"] == (50_000 - 10 * 24 * 60) // 2
    assert len(found.json()["results"]) == 200


def test_a_sandbox_refuses_a_second_portal_of_the_same_id():
    sandbox = HubSpotSandbox()
    sandbox.add_portal(1)
    with pytest.raises(ValueError, match="portal 1 exists already"):
        sandbox.add_portal(1)
