"""Data sets become an organization's records, and come back whole through the API."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import orjson
import pytest

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.model import DataSet
from hardfin_pipelines.sandbox.data_sets.northwind import northwind
from hardfin_pipelines.sandbox.data_sets.summary import line_total, summarize, won_deals
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.load import load_data_set
from hardfin_pipelines.sandbox.salesforce.load_sites import add_sites
from hardfin_pipelines_tests.real_records import shared_data  # noqa: F401  # a fixture
from hardfin_pipelines_tests.sandbox.salesforce.conftest import found

_END = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> DataSet:
    return robotics_rental(seed=7, won_deals=30, products=20, start=_END - timedelta(days=90), end=_END)


def test_a_generated_company_comes_back_whole(api: httpx.Client, org: Org, company: DataSet):
    loaded = load_data_set(org, company)
    counted = summarize(company)
    won = found(api, "SELECT COUNT() FROM Opportunity WHERE IsWon = true")["totalSize"]
    closed = found(api, "SELECT COUNT() FROM Opportunity WHERE IsClosed = true")["totalSize"]
    assert (won, closed - won) == (counted.won_deals, counted.lost_deals)
    assert found(api, "SELECT COUNT() FROM Account")["totalSize"] == counted.companies
    assert found(api, "SELECT COUNT() FROM OpportunityLineItem")["totalSize"] == counted.line_items
    for deal in won_deals(company):
        held = org.record("Opportunity", loaded.opportunities[deal.key])
        assert held["SystemModstamp"] == deal.modified_at.replace(microsecond=0)
        assert held["StageName"] == loaded.stages[deal.pipeline_key, deal.stage_key]
        if deal.line_items:
            # Money off a unit is rounded in the price, so lines may differ by a cent for each unit.
            units = sum((line.quantity for line in deal.line_items), Decimal(0))
            assert abs(held["Amount"] - line_total(deal)) <= units / 100
        else:
            assert held["Amount"] == deal.amount


def test_both_sales_processes_have_their_stages(api: httpx.Client, org: Org, company: DataSet):
    loaded = load_data_set(org, company)
    names = [each["Name"] for each in found(api, "SELECT Name FROM RecordType ORDER BY Id")["records"]]
    assert names == ["Sales Pipeline", "Service renewals"]
    renewals = loaded.processes["servicerenewals"]
    path = f"/ui-api/object-info/Opportunity/picklist-values/{renewals.record_type_id}/StageName"
    stages = [each["value"] for each in api.get(path).json()["values"]]
    assert stages == ["Renewal due", "In conversation", "Quote sent", "Contract signed", "Not renewed"]
    query = "SELECT COUNT() FROM Opportunity WHERE RecordType.DeveloperName = 'Service_renewals'"
    expected = sum(deal.pipeline_key == "servicerenewals" for deal in company.deals)
    assert found(api, query)["totalSize"] == expected


def test_with_multi_currency_each_deal_keeps_its_own(sandbox: SalesforceSandbox, company: DataSet):
    org = sandbox.add_org("global", multi_currency=True)
    loaded = load_data_set(org, company)
    held = Counter(org.record("Opportunity", each)["CurrencyIsoCode"] for each in loaded.opportunities.values())
    assert held == Counter(deal.currency for deal in company.deals)
    line = org.record("OpportunityLineItem", next(iter(loaded.line_items.values())))
    assert line["CurrencyIsoCode"] == org.record("Opportunity", line["OpportunityId"])["CurrencyIsoCode"]
    entry = org.record("PricebookEntry", line["PricebookEntryId"])
    assert entry["CurrencyIsoCode"] == line["CurrencyIsoCode"]


def test_sites_are_a_custom_object_with_a_formula_over_them(api: httpx.Client, org: Org, company: DataSet):
    loaded = load_data_set(org, company)
    sites = add_sites(org, company, loaded)
    query = (
        "SELECT Site__r.Name, Site_City__c, SystemModstamp FROM Opportunity WHERE Site__c != null ORDER BY Id LIMIT 1"
    )
    [before] = found(api, query)["records"]
    assert before["Site__r"]["Name"].endswith(" main site")
    for site in sites.values():
        org.update("Site__c", site, {"City__c": "Elsewhere"})
    [after] = found(api, query)["records"]
    assert (after["Site_City__c"], after["SystemModstamp"]) == ("Elsewhere", before["SystemModstamp"])


@pytest.mark.shared_data
def test_northwinds_orders_are_opportunities(api: httpx.Client, org: Org, shared_data: Path):  # noqa: F811
    data_set = northwind(shared_data / "northwind")
    loaded = load_data_set(org, data_set)
    assert org.count("Opportunity") == len(data_set.deals)
    total = sum((line_total(deal) for deal in data_set.deals), Decimal(0))
    amounts = [org.record("Opportunity", each)["Amount"] for each in loaded.opportunities.values()]
    assert sum(amounts, Decimal(0)) == total
    [record] = found(api, "SELECT Freight__c FROM Opportunity ORDER BY CreatedDate, Id LIMIT 1")["records"]
    assert Decimal(record["Freight__c"]) > 0


@pytest.mark.shared_data
def test_describes_have_the_members_of_recorded_ones(api: httpx.Client, org: Org, shared_data: Path):  # noqa: F811
    for name in ("Account", "Contact", "Opportunity", "Case"):
        recorded = orjson.loads((shared_data / "salesforce_describes" / f"{name}.json").read_bytes())
        ours = api.get(f"/sobjects/{name}/describe").json()
        assert set(recorded) - set(ours) == set()
        theirs = {each["name"]: each for each in recorded["fields"]}
        for field in ours["fields"]:
            expected = theirs.get(field["name"])
            if expected is not None:
                assert set(field) == set(expected)
                same = (
                    "type",
                    "soapType",
                    "calculated",
                    "referenceTo",
                    "relationshipName",
                    "compoundFieldName",
                    "custom",
                )
                assert {key: field[key] for key in same} == {key: expected[key] for key in same}, (
                    f"{name}.{field['name']}"
                )
    summary = orjson.loads((shared_data / "salesforce_describes" / "Global.json").read_bytes())["sobjects"][0]
    assert set(api.get("/sobjects").json()["sobjects"][0]) == set(summary)
