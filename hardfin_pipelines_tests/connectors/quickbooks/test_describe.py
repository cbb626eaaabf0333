"""What is said of a company."""

import asyncio
from pathlib import Path

import orjson
import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention, VendorContractError
from hardfin_pipelines.connectors.quickbooks.describe import CompanyFacts, item_properties
from hardfin_pipelines.sandbox.quickbooks.entities import entities
from hardfin_pipelines_tests.connectors.quickbooks.account import QuickBooksAccount


def test_a_description_is_one_call_with_the_companys_currency(account: QuickBooksAccount) -> None:
    connector = account.new_connector()
    description = asyncio.run(connector.describe({"item": ["Sku"]}))
    assert account.api_calls() == 1
    assert description.account_id == account.company.realm_id
    assert description.currency == "CAD"
    assert connector.company == CompanyFacts("Rover Rentals", "CA", "CAD", "")


def test_the_fields_of_an_item_are_those_of_the_schema() -> None:
    described = item_properties()
    names = {name.partition(".")[0] for name in described}
    kinds = {"string": "text", "decimal": "number", "boolean": "boolean", "date": "date", "integer": "number"}
    for name, field in entities()["Item"].fields.items():
        assert name in names
        if field.kind in kinds:
            assert described[name].type == kinds[field.kind]
    assert described["Type"].options["NonInventory"] == "NonInventory"
    assert described["QtyOnHand"].calculated
    assert not described["UnitPrice"].calculated


def faulty(account: QuickBooksAccount, *parts: object) -> None:
    body = orjson.dumps({"BatchItemResponse": list(parts), "time": "2026-01-10T00:00:00-08:00"}).decode()
    account.fault("internal_error", status=200, body=body, times=None)


def test_a_part_that_failed_is_told_as_a_call_that_failed(account: QuickBooksAccount) -> None:
    faulty(account, {"bId": "0", "Fault": {"Error": [{"Message": "Invalid Company Status", "code": "6190"}]}})
    with pytest.raises(NeedsAttention, match="renew it at QuickBooks"):
        asyncio.run(account.new_connector().describe())


def test_an_answer_without_a_company_is_no_description(account: QuickBooksAccount) -> None:
    faulty(account, {"bId": "0", "QueryResponse": {}}, "odd", {"bId": "1"})
    with pytest.raises(VendorContractError, match="has no CompanyInfo"):
        asyncio.run(account.new_connector().describe())


def test_a_company_that_tells_little_is_described_as_far_as_it_does(account: QuickBooksAccount) -> None:
    faulty(account, {"bId": "0", "QueryResponse": {"CompanyInfo": [{"Id": "1", "DefaultTimeZone": "Asia/Tokyo"}]}})
    connector = account.new_connector()
    assert asyncio.run(connector.describe()).currency == ""
    assert connector.company == CompanyFacts("", "", "", "Asia/Tokyo")


@pytest.mark.shared_data
def test_a_recorded_company_is_read(account: QuickBooksAccount, shared_data: Path) -> None:
    recorded = orjson.loads((shared_data / "quickbooks" / "other_responses.json").read_bytes())
    faulty(
        account,
        {"bId": "0", "QueryResponse": {"CompanyInfo": [recorded["company_info"]]}},
        {"bId": "1", "QueryResponse": {"Preferences": [recorded["preference_response"]]}},
    )
    connector = account.new_connector()
    asyncio.run(connector.describe())
    assert connector.company == CompanyFacts("Sandbox Company_US_4", "US", "", "")
