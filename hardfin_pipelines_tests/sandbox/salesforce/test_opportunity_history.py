"""The stage history: written by Salesforce alone, at each change of what it tracks, and read like any object."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.load import load_data_set
from hardfin_pipelines_tests.sandbox.salesforce.conftest import NOON, add_lines, found, new_deal, refused

_ROWS = "SELECT StageName, Amount, Probability, CreatedDate FROM OpportunityHistory ORDER BY CreatedDate, Id"


def rows(api: httpx.Client) -> list[tuple[Any, ...]]:
    return [
        (each["StageName"], each["Amount"], each["Probability"], each["CreatedDate"][11:16])
        for each in found(api, _ROWS)["records"]
    ]


def test_each_change_of_what_is_tracked_is_a_row_with_its_moment(
    api: httpx.Client, sandbox: SalesforceSandbox, org: Org
) -> None:
    deal = new_deal(org, stage="Prospecting")
    changes = (
        {"StageName": "Closed Won"},
        {"NextStep": "Call"},
        {"Amount": "12.50"},
        {"CloseDate": "2026-04-01"},
        {"StageName": "Closed Won", "Amount": "12.50"},
        {"Probability": 55},
        {"StageName": "Closed Lost"},
    )
    for change in changes:
        sandbox.clock.advance(60)
        org.update("Opportunity", deal, change)
    assert rows(api) == [
        ("Prospecting", None, 10.0, "12:00"),
        ("Closed Won", None, 100.0, "12:01"),
        ("Closed Won", 12.5, 100.0, "12:03"),
        ("Closed Won", 12.5, 100.0, "12:04"),
        ("Closed Won", 12.5, 55.0, "12:06"),
        ("Closed Lost", 12.5, 0.0, "12:07"),
    ]


def test_line_items_that_change_the_amount_are_a_row_and_silent_changes_are_none(api: httpx.Client, org: Org) -> None:
    deal = new_deal(org)
    add_lines(org, deal, 3)
    assert [amount for _, amount, *_ in rows(api)] == [None, 61.5]
    org.set_silently("Opportunity", deal, {"Amount": "1.00"})
    assert len(rows(api)) == 2


def test_a_late_commit_writes_its_row_late_with_the_old_moment(
    api: httpx.Client, sandbox: SalesforceSandbox, org: Org
) -> None:
    deal = new_deal(org, stage="Prospecting")
    org.update("Opportunity", deal, {"StageName": "Closed Won"}, commit_after=timedelta(minutes=30))
    assert len(rows(api)) == 1
    sandbox.clock.advance(1_800)
    assert [(stage, at) for stage, _, _, at in rows(api)] == [("Prospecting", "12:00"), ("Closed Won", "12:00")]


def test_it_is_a_child_of_its_opportunity_and_counts_towards_the_page(api: httpx.Client, org: Org) -> None:
    deals = [new_deal(org, f"Deal {each}", stage="Prospecting") for each in range(3)]
    org.update("Opportunity", deals[0], {"StageName": "Closed Won"})
    children = "(SELECT StageName FROM OpportunityHistories ORDER BY CreatedDate DESC, Id DESC LIMIT 200)"
    answer = found(api, f"SELECT Id, {children} FROM Opportunity ORDER BY Id")
    stages = [[row["StageName"] for row in each["OpportunityHistories"]["records"]] for each in answer["records"]]
    assert stages == [["Closed Won", "Prospecting"], ["Prospecting"], ["Prospecting"]]
    org.settings.largest_page = 4
    assert len(found(api, f"SELECT Id, {children} FROM Opportunity ORDER BY Id")["records"]) == 1


def test_nobody_writes_it_and_it_has_no_modification_stamp(api: httpx.Client, org: Org) -> None:
    new_deal(org)
    [row] = found(api, "SELECT Id FROM OpportunityHistory")["records"]
    path = f"/sobjects/OpportunityHistory/{row['Id']}"
    for answer in (
        api.post("/sobjects/OpportunityHistory", json={"StageName": "X"}),
        api.patch(path, json={"StageName": "X"}),
        api.delete(path),
        api.get("/sobjects/OpportunityHistory/updated", params={"start": NOON.isoformat(), "end": NOON.isoformat()}),
    ):
        assert answer.status_code == 405, answer.text
    code, text = refused(api, "SELECT LastModifiedDate FROM OpportunityHistory")
    assert (code, "LastModifiedDate" in text) == ("INVALID_FIELD", True)
    described = api.get("/sobjects/OpportunityHistory/describe").json()
    assert (described["createable"], described["updateable"], described["queryable"]) == (False, False, True)


def test_it_goes_with_its_opportunity(api: httpx.Client, org: Org) -> None:
    org.delete("Opportunity", new_deal(org))
    assert rows(api) == []


@pytest.mark.parametrize("multi_currency", [False, True])
def test_a_data_sets_deals_have_been_in_all_their_stages(sandbox: SalesforceSandbox, multi_currency: bool) -> None:
    company = robotics_rental(seed=3, won_deals=5, products=5, start=NOON - timedelta(days=30), end=NOON)
    made = sandbox.add_org("loaded", multi_currency=multi_currency)
    loaded = load_data_set(made, company)
    table = made.store.table(made.schema.known("OpportunityHistory"))
    held = {(row.OpportunityId, row.StageName, row.CreatedDate) for row in made.store.rows(table.select())}
    for deal in company.deals:
        for stage, at in deal.entered_stage_at.items():
            entered = (loaded.opportunities[deal.key], loaded.stages[deal.pipeline_key, stage], int(at.timestamp()))
            assert entered in held
