"""Salesforce on the same spine: the rules of sync end to end, and what they cost in calls."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hardfin_pipelines.engine.drift import EveryRuleHeld
from hardfin_pipelines.engine.explaining import ExplainRequest, explain_record
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.replay_versions import record_history
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.platform.tables import customers, items, ledger, links, pending_work, projects
from hardfin_pipelines.sandbox.salesforce import Field
from hardfin_pipelines_tests.engine.previews import looked_at
from hardfin_pipelines_tests.engine.product import values_of
from hardfin_pipelines_tests.engine.replays import replayed, values
from hardfin_pipelines_tests.engine.salesforce_product import OPEN, WON, fill


def test_a_won_opportunity_becomes_a_project_with_all_that_belongs_to_it(initech):
    opportunity = initech.add_opportunity(lines=[("Robot arm", "100.50"), ("Support", "20")])

    initech.poll()
    (claim,) = initech.product.claims()
    synced = initech.product.run(claim, "run-7")

    project = initech.project(opportunity)
    assert (project["name"], project["value"], project["status"]) == ("Ten robots", Decimal("120.50"), "active")
    assert str(project["closed_on"]) == "2026-01-31"
    (customer,) = initech.rows(customers)
    assert (customer["id"], customer["name"]) == (project["customer_id"], "Globex")
    assert values_of(initech.lines(opportunity), "name", "unit_price", "sku") == [
        ("Robot arm", Decimal("100.50"), "SKU-Robot arm"),
        ("Support", Decimal("20"), "SKU-Support"),
    ]
    assert sorted(values_of(initech.rows(items), "name")) == ["Robot arm", "Support"]
    (entry,) = initech.rows(ledger)
    assert (entry["external_id"], entry["object"], entry["stage_id"]) == (opportunity, "Opportunity", WON)
    assert {row["object"] for row in initech.rows(links)} == {
        "Account",
        "Opportunity",
        "OpportunityLineItem",
        "Product2",
    }
    assert synced.deal_counts() == {"synced": 1, "protected": 0, "not_triggered": 0, "set_aside": 0}
    assert initech.rows(pending_work) == []


def test_a_quiet_tick_is_one_call(initech):
    initech.add_opportunity()
    initech.tick()
    before = initech.calls()

    initech.poll()

    assert initech.calls() - before == 1


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the calls are the same on both
def test_ten_thousand_opportunities_with_five_lines_each_cost_less_than_thirty_calls(salesforce):
    """`make bench` measures the CPU as well."""
    initech = salesforce.add_organization("initech")
    fill(initech.salesforce, 10_000)
    before = initech.calls()

    loaded = initech.load()

    assert initech.calls() - before <= 22
    assert loaded.deal_counts()["synced"] == 10_000
    assert loaded.held["project_line_item"] == 50_000


def test_describing_all_mapped_objects_is_one_call_with_record_types_and_objects_of_the_orgs_own_too(salesforce):
    plain = salesforce.add_organization("initech")
    assert plain.calls() == 1

    custom = salesforce.add_organization("acme")
    custom.salesforce.add_object("Site__c", "Site")
    custom.salesforce.add_field("Opportunity", Field("Site__c", "reference", "Site", refers_to=("Site__c",)))
    custom.salesforce.add_sales_process("Leasing", "Leasing", [OPEN, WON])
    custom.salesforce.add_sales_process("Sales", "Sales", [OPEN, WON])
    custom.apply(("Leasing", "Sales"), "    mappings:\n      project: {name: Name, description: Site__r.Name}\n")
    before = custom.calls()
    custom.redescribe()
    assert custom.calls() - before == 1


def test_an_opportunity_edited_after_its_first_sync_is_left_alone(initech):
    opportunity = initech.add_opportunity()
    initech.tick()
    before = initech.dump()

    initech.salesforce.update("Opportunity", opportunity, {"Name": "Eleven robots"})
    initech.tick()

    assert initech.dump() == before


def test_an_initial_load_and_the_ticks_meet_and_a_second_load_writes_nothing(initech):
    when = datetime(2025, 3, 1, tzinfo=UTC)
    old = [initech.add_opportunity(f"Old {number}", at=when) for number in range(5)]
    new = initech.add_opportunity("New")

    loaded = initech.load()
    initech.tick()
    before = initech.dump()
    initech.load("again")

    assert loaded.deal_counts()["synced"] == 6
    assert {row["external_id"] for row in initech.rows(ledger)} == {*old, new}
    assert initech.dump() == before


def test_a_re_sync_is_one_call_and_takes_details_lines_and_customer(initech):
    opportunity = initech.add_opportunity(lines=[("Robot arm", "100.50"), ("Support", "20")])
    initech.tick()
    account = initech.salesforce.record("Opportunity", opportunity)["AccountId"]
    initech.salesforce.update("Opportunity", opportunity, {"Name": "Eleven robots"})
    initech.salesforce.update("Account", account, {"Phone": "555-1234"})
    initech.add_line(opportunity, ("Gripper", "7.25"))
    before = initech.calls()

    report = initech.resync(opportunity)

    assert initech.calls() - before == report.calls == 1
    assert initech.project(opportunity)["name"] == "Eleven robots"
    assert {row["phone"] for row in initech.rows(customers)} == {"555-1234"}
    assert values_of(initech.lines(opportunity), "name") == ["Robot arm", "Support", "Gripper"]


def test_a_re_sync_keeps_local_edits_where_that_is_asked_for(initech):
    opportunity = initech.add_opportunity()
    initech.tick()
    project = initech.project(opportunity)
    initech.edit(projects, project["id"], description="Gate code 4711")
    initech.salesforce.update("Opportunity", opportunity, {"Name": "Renamed", "Description": "by sales"})

    initech.resync(opportunity, keep_local_edits=True)

    after = initech.project(opportunity)
    assert (after["name"], after["description"]) == ("Renamed", "Gate code 4711")


@pytest.mark.parametrize("how", ["15 characters", "deleted", "unknown"])
def test_a_re_sync_takes_short_ids_and_says_what_is_gone(initech, how):
    opportunity = initech.add_opportunity()
    initech.tick()
    before = initech.dump()
    if how == "15 characters":
        assert initech.resync(opportunity[:15]).deal_id == opportunity
        return
    if how == "deleted":
        initech.salesforce.delete("Opportunity", opportunity)
    asked = "0065e00000ZZZZZAA0" if how == "unknown" else opportunity

    with pytest.raises(Refusal) as refused:
        initech.resync(asked)

    assert "\n" not in str(refused.value)
    assert initech.dump() == before


def test_record_types_are_pipelines_and_their_stages_are_matched_by_api_name(salesforce):
    initech = salesforce.add_organization("initech", pipelines=("default",))
    leasing = initech.salesforce.add_sales_process("Leasing", "Leasing", [OPEN, WON])
    initech.salesforce.add_sales_process("Sales", "Sales", [OPEN, WON])
    initech.salesforce.rename_stage(WON, "Gewonnen")
    initech.apply(pipelines=("Leasing",))
    initech.redescribe()

    taken = initech.add_opportunity("Leased", RecordTypeId=leasing.record_type_id)
    initech.add_opportunity("Sold")
    initech.load()

    assert {row["external_id"]: row["stage_id"] for row in initech.rows(ledger)} == {taken: WON}


def test_fields_of_any_parent_and_of_custom_objects_can_be_mapped(salesforce):
    initech = salesforce.add_organization("initech")
    org = initech.salesforce
    org.add_object("Site__c", "Site")
    org.add_field("Site__c", Field("Gate__c", "string", "Gate", 80))
    org.add_field("Opportunity", Field("Site__c", "reference", "Site", refers_to=("Site__c",)))
    initech.apply(
        document="    mappings:\n      project:\n        name: Name\n        owner: Owner.Name\n"
        "        site_contact: Site__r.Gate__c\n        custom.region: Account.BillingState\n"
    )
    site = org.create("Site__c", {"Name": "North", "Gate__c": "Gate 7"})
    initech.redescribe()

    opportunity = initech.add_opportunity(Site__c=site)
    org.update("Account", org.record("Opportunity", opportunity)["AccountId"], {"BillingState": "Ohio"})
    initech.tick()

    project = initech.project(opportunity)
    assert (project["site_contact"], project["owner"]) == (
        "Gate 7",
        "Ada Administrator",
    )
    assert project["custom"] == {"region": "Ohio"}


@pytest.mark.parametrize("several", [False, True])
def test_amounts_have_the_currency_of_their_record_where_an_org_has_several(salesforce, several):
    initech = salesforce.add_organization("initech", additional_currencies=["EUR"] if several else [])
    org = initech.salesforce
    own = {"CurrencyIsoCode": "EUR"} if several else {}
    opportunity = initech.add_opportunity(lines=(), Pricebook2Id=org.standard_pricebook_id, **own)
    product = org.create("Product2", {"Name": "Robot arm", "IsActive": True})
    price = {"Pricebook2Id": org.standard_pricebook_id, "Product2Id": product, "UnitPrice": "100.50", **own}
    entry = org.create("PricebookEntry", price)
    line = {"OpportunityId": opportunity, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": "100.50"}
    org.create("OpportunityLineItem", line)

    initech.tick()

    project = initech.project(opportunity)
    (of_line,) = initech.lines(opportunity)
    assert (project["value"], of_line["unit_price"]) == (Decimal("100.50"), Decimal("100.50"))
    assert (project["currency"], of_line["currency"]) == (("EUR", "EUR") if several else (None, None))


def test_a_field_that_the_user_may_not_see_holds_the_rule_and_names_the_permission(initech):
    initech.apply(document="    mappings:\n      project: {name: Name, description: NextStep}\n")
    initech.redescribe()
    initech.salesforce.hide_field(initech.salesforce.integration_user_id, "Opportunity", "NextStep")

    with pytest.raises(EveryRuleHeld, match=r"Read on the field Opportunity.NextStep .* in a permission set"):
        initech.redescribe()


def test_what_is_set_for_signing_in_is_checked_before_anything_is_asked(salesforce):
    initech = salesforce.add_organization("initech")

    with pytest.raises(ConfigurationError, match="login address of Salesforce"):
        initech.apply(document="    login: {url: 'https://evil.example'}\n")
    with pytest.raises(ConfigurationError, match="user to act as"):
        initech.apply(document="    login: {flow: jwt_bearer}\n")


def test_salesforce_is_an_add_on(salesforce):
    initech = salesforce.add_organization("initech")
    initech.add_ons = ()

    with pytest.raises(ConfigurationError, match=r"salesforce.*add-on|add.on.*salesforce"):
        initech.apply()


def test_a_preview_plans_what_the_load_does_and_writes_nothing(initech):
    opportunity = initech.add_opportunity(at=datetime(2025, 3, 1, tzinfo=UTC))
    before = initech.dump()

    report, plans = looked_at(initech)

    assert plans[opportunity].outcome == "synced"
    assert report.totals.outcomes["synced"] == 1
    assert initech.dump() == before


def test_a_replay_makes_the_same_from_what_landed_without_a_call(initech):
    initech.add_opportunity(lines=[("Robot arm", "100.50"), ("Support", "20")])
    initech.tick()
    before = initech.calls()

    report = replayed(initech)

    assert initech.calls() == before
    assert values(report) == []
    assert report.entities["project"] == 1


def test_lines_keep_the_order_that_people_gave_them(initech):
    opportunity = initech.add_opportunity(stage=OPEN, lines=[("Third", "1"), ("First", "2"), ("Second", "3")])
    org = initech.salesforce
    table = org.store.table(org.schema.known("OpportunityLineItem"))
    for row, place in zip(org.store.rows(table.select().order_by(table.c.Id)), (3, 1, 2), strict=True):
        org.update("OpportunityLineItem", row.Id, {"SortOrder": place})
    initech.win(opportunity)

    initech.tick()

    assert values_of(initech.lines(opportunity), "name") == ["First", "Second", "Third"]


def test_a_replay_knows_that_a_parent_that_is_not_there_has_no_fields(initech):
    initech.salesforce.add_object("Site__c", "Site")
    initech.salesforce.add_field("Opportunity", Field("Site__c", "reference", "Site", refers_to=("Site__c",)))
    initech.apply(document="    mappings:\n      project: {name: Name, description: Site__r.Name}\n")
    initech.add_opportunity()
    initech.tick()

    report = replayed(initech)

    assert (values(report), report.lines) == ([], [])


@pytest.mark.parametrize("form", ["18 characters", "15 characters", "its page"])
def test_an_opportunity_is_explained_by_whatever_id_people_copy(initech, form):
    opportunity = initech.add_opportunity()
    initech.tick()
    page = f"https://initech.lightning.force.com/lightning/r/Opportunity/{opportunity}/view"
    copied = {"18 characters": opportunity, "15 characters": opportunity[:15], "its page": page}[form]

    report = initech.deployment.run(
        explain_record(initech.deployment, ExplainRequest("initech", "salesforce", "deal", copied))
    )

    assert "first synced" in report.reason[0]
    assert WON in report.reason[0]
    history = record_history(initech.deployment, "initech", "initech:salesforce", f"deal:{copied}")
    assert (history.external_id, len(history.versions)) == (opportunity, 1)


def test_a_formula_is_warned_of_before_anything_runs(salesforce):
    initech = salesforce.add_organization("initech")
    formula = Field("Score__c", "double", "Score", precision=4, calculated=True, formula="Amount / 100")
    initech.salesforce.add_field("Opportunity", formula)
    initech.apply(document="    mappings:\n      project: {name: Name, custom.score: Score__c}\n")

    report, _plans = looked_at(initech)

    assert [line for line in report.remarks if "Score__c, which the CRM computes" in line]
