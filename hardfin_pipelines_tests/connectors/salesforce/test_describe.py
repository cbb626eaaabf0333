"""What an org has set up, for how many calls, and how what is hidden is named."""

import asyncio
from typing import Any

import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.salesforce.decode import MASTER_RECORD_TYPE
from hardfin_pipelines.sandbox.salesforce import Field, NewStage, PicklistValue
from hardfin_pipelines.sync.records import AccountDescription
from hardfin_pipelines_tests.connectors.salesforce.account import LOST, WON, SalesforceAccount


def described(account: SalesforceAccount, named: Any = None) -> AccountDescription:
    async def work() -> AccountDescription:
        async with account.connector() as connector:
            return await connector.describe(named)

    account.org.settings.largest_page = None
    return asyncio.run(work())


def test_an_org_without_record_types_is_one_call_and_one_pipeline(account: SalesforceAccount) -> None:
    found = described(account)
    assert found.account_id == account.org.id
    (pipeline,) = found.pipelines
    assert (pipeline.id, pipeline.label) == ("default", "Default")
    assert [stage.id for stage in pipeline.stages if stage.won] == [WON]
    assert [stage.id for stage in pipeline.stages if stage.closed] == [WON, LOST]
    assert abs((found.described_at - account.sandbox.clock.now()).total_seconds()) < 60
    assert account.api_calls() == 1


def test_record_types_are_pipelines_with_the_stages_of_their_process_for_one_call_more(
    account: SalesforceAccount,
) -> None:
    renewals = account.org.add_sales_process("Renewals", "Renewals", ["Prospecting", WON])
    found = described(account)
    assert {each.id: each.label for each in found.pipelines} == {
        renewals.record_type_id: "Renewals",
        MASTER_RECORD_TYPE: "Master",
    }
    own = found.pipeline(renewals.record_type_id)
    assert own is not None
    assert [stage.id for stage in own.stages] == ["Prospecting", WON]
    assert account.api_calls() == 2


def test_stages_have_their_api_name_as_id_and_the_vendors_flags(account: SalesforceAccount) -> None:
    account.org.set_stages([NewStage("Won_X", "Gewonnen", 100, closed=True), NewStage("Closed Won", "Closed Won", 50)])  # type: ignore[arg-type]
    account.org.rename_stage("Won_X", "Signed")
    (pipeline,) = described(account).pipelines
    assert [(stage.id, stage.label, stage.won) for stage in pipeline.stages] == [
        ("Won_X", "Signed", True),
        ("Closed Won", "Closed Won", False),
    ]


def test_fields_have_types_options_and_parents(account: SalesforceAccount) -> None:
    org = account.org
    org.add_field("Opportunity", Field("Level__c", "picklist", "Level", 40, picklist=(PicklistValue("g", "Gold"),)))
    org.add_field("Opportunity", Field("Months__c", "double", "Months", precision=3))
    org.add_field("Opportunity", Field("Owner_Mail__c", "string", "Mail", calculated=True, formula_path="Owner.Email"))
    found = described(account).properties
    deal = found["deal"]
    assert {name: deal[name].type for name in ("Name", "Amount", "CloseDate", "IsWon", "StageName", "AccountId")} == {
        "Name": "text",
        "Amount": "number",
        "CloseDate": "date",
        "IsWon": "boolean",
        "StageName": "option",
        "AccountId": "text",
    }
    assert deal["LastModifiedDate"].type == "datetime"
    assert deal["Level__c"].options == {"g": "Gold"}
    assert (deal["Owner_Mail__c"].label, deal["Owner_Mail__c"].calculated) == ("Mail", True)
    assert not deal["Amount"].calculated
    assert deal["Account.ShippingCity"].label == "Account: Shipping City"
    assert "Owner.Email" in deal
    assert {"Product2.Name", "PricebookEntry.UnitPrice"} <= found["line_item"].keys()
    assert deal["Amount"].currency_property == ""


def test_named_fields_over_custom_parents_are_described_for_a_call_a_step(account: SalesforceAccount) -> None:
    org = account.org
    org.add_object("Region__c", "Region")
    org.add_object("Site__c", "Site")
    org.add_field("Site__c", Field("Region__c", "reference", "Region", refers_to=("Region__c",)))
    org.add_field("Opportunity", Field("Site__c", "reference", "Site", refers_to=("Site__c",)))
    names = ("Site__r.Name", "Site__r.Region__r.Name", "Account.Owner.Email")
    deal = described(account, {"deal": names}).properties["deal"]
    assert [(deal[name].type, deal[name].hidden) for name in names] == [("text", False)] * 3
    assert account.api_calls() == 3


def test_what_is_hidden_or_not_there_is_named_with_the_permission_that_may_be_missing(
    account: SalesforceAccount,
) -> None:
    account.org.hide_field(account.user, "Opportunity", "NextStep")
    named = {"deal": ("NextStep", "Nope__c", "Nope__r.Name", "Name")}
    deal = described(account, named).properties["deal"]
    assert {name: deal[name].hidden for name in named["deal"]} == {
        "NextStep": True,
        "Nope__c": True,
        "Nope__r.Name": True,
        "Name": False,
    }
    assert "Read on the field Opportunity.NextStep (if Salesforce has it)" in deal["NextStep"].needs
    assert account.api_calls() == 1


def test_a_field_in_another_case_or_with_a_slip_gets_a_suggestion(account: SalesforceAccount) -> None:
    deal = described(account, {"deal": ("closedate", "Descripton")}).properties["deal"]
    assert "did you mean CloseDate?" in deal["closedate"].needs
    assert "did you mean Description?" in deal["Descripton"].needs


def test_hidden_objects_are_named_all_at_once(account: SalesforceAccount) -> None:
    account.org.hide_object(account.user, "Product2")
    account.org.hide_object(account.user, "Account")
    with pytest.raises(NeedsAttention, match="grant it Read on Account, Product2 in a permission set"):
        described(account)


def test_a_currency_belongs_to_its_row_where_there_are_several() -> None:
    with SalesforceAccount(currency="EUR", additional_currencies=("USD",)).serving() as account:
        found = described(account)
        assert found.currency == "EUR"
        assert found.properties["deal"]["Amount"].currency_property == "CurrencyIsoCode"
        assert found.properties["deal"]["Account.AnnualRevenue"].currency_property == "Account.CurrencyIsoCode"
        assert found.properties["line_item"]["UnitPrice"].currency_property == "CurrencyIsoCode"


def test_the_currency_of_an_org_with_one_is_not_told_by_salesforce(account: SalesforceAccount) -> None:
    assert described(account).currency == ""
