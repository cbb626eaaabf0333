"""What an org has set up, for how many calls, and how what is hidden is named."""

import asyncio
from typing import Any

import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.salesforce.decode import MASTER_RECORD_TYPE
from hardfin_pipelines.sandbox.salesforce import Field, NewStage, PicklistValue, describe_endpoints
from hardfin_pipelines.sandbox.salesforce.errors import not_found
from hardfin_pipelines.sync.records import AccountDescription
from hardfin_pipelines_tests.connectors.salesforce.account import LOST, WON, SalesforceAccount


def described(account: SalesforceAccount, named: Any = None, **changes: Any) -> AccountDescription:
    async def work() -> AccountDescription:
        async with account.connector(**changes) as connector:
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


def test_record_types_are_pipelines_with_the_stages_of_their_process_in_the_same_call(
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
    assert account.api_calls() == 1


def test_very_many_record_types_cost_one_call_more_for_each_25_that_were_not_foreseen(
    account: SalesforceAccount,
) -> None:
    for number in range(45):
        account.org.add_sales_process(f"Process {number}", f"P{number}", [("Prospecting", "Qualification")[number % 2]])
    found = described(account)
    assert [len(pipeline.stages) for pipeline in found.pipelines] == [1] * 45 + [8]
    assert account.api_calls() == 3


def test_record_types_whose_stages_are_not_told_have_all_of_them(
    account: SalesforceAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals = account.org.add_sales_process("Renewals", "Renewals", ["Prospecting", WON])

    def refuse(_call: object) -> str:
        raise not_found()

    monkeypatch.setattr(describe_endpoints, "_record_type_in", refuse)
    own = described(account).pipeline(renewals.record_type_id)
    assert own is not None
    assert len(own.stages) == 8
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


def _sites(account: SalesforceAccount, lookup: str = "Site__c") -> None:
    org = account.org
    org.add_object("Region__c", "Region")
    org.add_object("Site__c", "Site")
    org.add_field("Site__c", Field("Region__c", "reference", "Region", refers_to=("Region__c",)))
    org.add_field("Opportunity", Field(lookup, "reference", "Site", refers_to=("Site__c",)))


def test_named_fields_over_custom_parents_are_described_in_the_same_call(account: SalesforceAccount) -> None:
    _sites(account)
    names = ("Site__r.Name", "Site__r.Region__r.Name", "Account.Owner.Email")
    found = described(account, {"deal": names})
    deal = found.properties["deal"]
    assert [(deal[name].type, deal[name].hidden) for name in names] == [("text", False)] * 3
    assert found.parents == ("Region__c", "Site__c")
    assert account.api_calls() == 1


def test_parents_that_are_not_called_like_their_lookup_cost_a_call_once(account: SalesforceAccount) -> None:
    _sites(account, "Delivered_To__c")
    names = ("Delivered_To__r.Region__r.Name",)
    found = described(account, {"deal": names})
    assert found.properties["deal"][names[0]].label == "Delivered_To__r: Region__r: Region Name"
    assert account.api_calls() == 2
    again = described(account, {"deal": names}, parents=found.parents)
    assert again.properties == found.properties
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
    assert "Read on the field Opportunity.Nope__c (if Salesforce has it)" in deal["Nope__r.Name"].needs
    assert account.api_calls() == 1


@pytest.mark.parametrize(
    ("hidden", "needed"),
    [
        (("Region__c",), "Read on the object Region__c"),
        (("Region__c", "Name"), "Read on the field Region__c.Name"),
        (("Site__c", "Region__c"), "Read on the field Site__c.Region__c"),
        (("Site__c",), "Read on the object Site__c"),
        (("Opportunity", "Site__c"), "Read on the field Opportunity.Site__c"),
    ],
)
def test_of_a_path_over_parents_the_step_is_named_that_is_not_seen(
    account: SalesforceAccount, hidden: tuple[str, ...], needed: str
) -> None:
    _sites(account)
    hide = account.org.hide_object if len(hidden) == 1 else account.org.hide_field
    hide(account.user, *hidden)
    about = described(account, {"deal": ("Site__r.Region__r.Name",)}).properties["deal"]["Site__r.Region__r.Name"]
    assert about.hidden
    assert about.needs.startswith(f"{needed} (if Salesforce has it")


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
