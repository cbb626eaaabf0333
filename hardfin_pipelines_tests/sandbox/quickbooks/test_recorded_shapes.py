"""Replies beside recorded ones of the real QuickBooks, which are no part of the project."""

import json
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest

from hardfin_pipelines_tests.real_records import shared_data  # noqa: F401  # a fixture
from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON

_SPACE = "{http://schema.intuit.com/finance/v3}"
pytestmark = pytest.mark.shared_data


@pytest.fixture
def recorded(shared_data):  # noqa: F811  # pytest passes the fixture by its name
    """Reads a recorded reply in XML by its file's name."""
    return lambda name: ET.parse(shared_data / "quickbooks" / "xml" / name).getroot()


@pytest.fixture
def recorded_json(shared_data):  # noqa: F811  # as above
    """Reads recorded replies in JSON by their file's name."""
    return lambda name: json.loads((shared_data / "quickbooks" / name).read_text())


def shape(element):
    """Names of an element, its attributes and what is below it, without values."""
    return element.tag.removeprefix(_SPACE), sorted(element.attrib), [shape(each) for each in element]


def xml(answer):
    return ET.fromstring(answer.text)


def test_items_have_the_members_of_recorded_ones_in_their_order(api, company, recorded_json):
    item = company.create("Item", {"Name": "Concrete", "Description": "For fountains", "UnitPrice": 0})
    ours = list(api.get(f"/item/{item}").json()["Item"])
    for theirs in recorded_json("items.json"):
        assert [name for name in ours if name in theirs] == [name for name in theirs if name in ours]
        assert set(theirs) <= set(ours)


def test_company_information_has_the_members_of_a_recorded_one(api, company, recorded_json):
    theirs = recorded_json("other_responses.json")["company_info"]
    ours = api.get(f"/companyinfo/{company.realm_id}").json()["CompanyInfo"]
    assert set(theirs) == set(ours)


def test_an_account_has_the_members_of_recorded_ones(api, recorded_json):
    ours = set(api.get("/account/1").json()["Account"])
    for theirs in recorded_json("other_responses.json")["account_response"]:
        assert set(theirs) <= ours


def test_a_throttled_call_has_the_recorded_form(api, company, recorded):
    company.settings.change({"limits_enabled": True, "calls_per_second": 0})
    answer = xml(api.get("/preferences"))
    theirs = recorded("too_many_requests_error.xml")
    assert shape(answer) == shape(theirs)
    found, wanted = (
        [each.text for each in root.iter() if each.text and each.text.strip()] for root in (answer, theirs)
    )
    assert found == wanted


def test_a_duplicate_name_has_the_recorded_form(api, company, recorded):
    company.create("Customer", {"DisplayName": "Initech"})
    answer = api.post("/customer", json={"DisplayName": "Initech"}, headers={"Accept": "application/xml"})
    assert shape(xml(answer)) == shape(recorded("customer_duplicate_error.xml"))


def test_a_refused_query_has_the_recorded_form(api, recorded):
    query = {"query": "SELECT * FROM Item MAXRESULTS 0"}
    answer = xml(api.get("/query", params=query, headers={"Accept": "application/xml"}))
    theirs = recorded("query_validation_error.xml")
    assert shape(answer) == shape(theirs)
    assert [each.text for each in answer.iter("*")][-1] == [each.text for each in theirs.iter("*")][-1]


def test_a_deleted_item_has_the_recorded_form(api, company, recorded):
    item = company.create("Item", {"Name": "Arm"})
    company.delete("Item", item, at=NOON + timedelta(seconds=1))
    params = {"entities": "Item", "changedSince": "2026-03-02T04:00:00-08:00"}
    answer = xml(api.get("/cdc", params=params, headers={"Accept": "application/xml"}))
    ours = answer.find(f".//{_SPACE}Item")
    theirs = recorded("item_changes.xml").find(f".//{_SPACE}Item")
    assert shape(ours) == shape(theirs)
