"""What may happen to an org and its connection while we sync: nothing is lost, and it is said in one line."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.connectors.errors import ReserveReached, UnknownField
from hardfin_pipelines.engine.call_budget import call_forecasts
from hardfin_pipelines.engine.census import take_census
from hardfin_pipelines.engine.explaining import ExplainRequest, explain_record
from hardfin_pipelines.engine.keeping_alive import keep_tokens_alive
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import call_allowances, customers, ledger
from hardfin_pipelines.sandbox.salesforce import Field
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment
from hardfin_pipelines_tests.engine.previews import looked_at
from hardfin_pipelines_tests.engine.salesforce_product import FAST, IMPATIENT, OPEN, SalesforceOrganization


def test_an_opportunity_that_was_won_and_reopened_between_two_ticks_is_synced(initech):
    opportunity = initech.add_opportunity(stage=OPEN)
    initech.poll()
    initech.win(opportunity)
    initech.move(opportunity, OPEN)

    initech.tick()

    assert initech.project(opportunity)["name"] == "Ten robots"


def test_the_days_calls_gone_rest_the_connection_and_the_next_day_goes_on(initech):
    initech.deployment.vendors.salesforce.limits = IMPATIENT
    opportunity = initech.add_opportunity()
    initech.fault("daily_limit", times=None)

    report = initech.poll()

    row = initech.row()
    assert row.status == "active"
    assert row.next_due_at > initech.deployment.now()
    assert any("24 hours" in note for note in report.notes)
    initech.product.sandbox.faults.clear()
    today = initech.deployment
    tomorrow = MovableDeployment(today.settings, today.engine, today.vault)  # as another process: the day is over
    tomorrow.ahead = timedelta(days=1)
    initech.product.deployment = tomorrow
    with writing(today.engine) as connection:
        connection.execute(call_allowances.update().values(seen_at=today.now() - timedelta(days=1)))
    initech.tick()
    assert initech.project(opportunity)["name"] == "Ten robots"


def test_a_share_of_the_days_calls_is_left_to_the_orgs_other_integrations(initech):
    initech.add_opportunity()
    initech.tick()
    initech.salesforce.settings.daily_calls = 1_000
    initech.salesforce.settings.calls_of_others = 900
    initech.poll()
    before = initech.calls()

    with pytest.raises(ReserveReached) as rests:
        initech.load()

    assert initech.calls() == before
    assert rests.value.purpose == "load"


@pytest.mark.parametrize("what", ["line", "formula"])
def test_a_line_mended_alone_and_a_formula_that_moves_no_stamp_are_read_again_within_a_day(salesforce, what):
    """They are not polled: what was synced is operations' own. What waits for them is set aside, and read again."""
    initech = salesforce.add_organization("initech")
    org = initech.salesforce
    org.add_field("Opportunity", Field("Level__c", "string", "Level", 80, calculated=True, formula="..."))
    needed = {"line": ("project_line_item", "Description"), "formula": ("project", "Level__c")}[what]
    name = {"line": "Product2.Name", "formula": "Name"}[what]
    entry = f"{{name: {name}, description: {{field: {needed[1]}, required: true}}}}"
    initech.apply(document=f"    mappings:\n      {needed[0]}: {entry}\n")
    opportunity = initech.add_opportunity()
    initech.tick()
    assert initech.rows(ledger) == []
    stamp = org.record("Opportunity", opportunity)["SystemModstamp"]
    if what == "line":
        (line,) = org.store.rows(org.store.table(org.schema.known("OpportunityLineItem")).select())
        org.update("OpportunityLineItem", line.Id, {"Description": "with a spare battery"})
    else:
        org.set_silently("Opportunity", opportunity, {"Level__c": "gold"})
    assert org.record("Opportunity", opportunity)["SystemModstamp"] == stamp

    for hours in range(1, 25):
        initech.deployment.ahead = timedelta(hours=hours)
        initech.tick()

    assert initech.project(opportunity)["name"] == "Ten robots"


def test_too_many_formulas_at_once_are_named_in_one_line(salesforce):
    initech = salesforce.add_organization("initech")
    for name in ("One__c", "Two__c"):
        formula = Field(name, "string", name, 80, calculated=True, formula="...")
        initech.salesforce.add_field("Opportunity", formula)
    initech.apply(document="    mappings:\n      project: {name: Name, custom.one: One__c, custom.two: Two__c}\n")
    initech.salesforce.settings.most_formulas = 1
    opportunity = initech.add_opportunity()

    (note,) = initech.poll().notes

    assert "map fewer formula fields" in note
    assert "\n" not in note
    assert initech.row().status == "needs attention"
    initech.apply(document="    mappings:\n      project: {name: Name, custom.one: One__c}\n")
    initech.pause()
    initech.pause(paused=False)
    initech.tick()
    assert initech.project(opportunity)["name"] == "Ten robots"


@pytest.mark.parametrize("role", ["deal", "line item"])
def test_a_field_removed_between_describe_and_query_holds_its_rule_until_it_is_there_again(salesforce, role):
    initech = salesforce.add_organization("initech")
    org = initech.salesforce
    name, entity, entries = {
        "deal": ("Opportunity", "project", "name: Name, service_level: Tier__c"),
        "line item": ("OpportunityLineItem", "project_line_item", "name: Product2.Name, description: Tier__c"),
    }[role]
    tier = Field("Tier__c", "string", "Tier", length=80)
    org.add_field(name, tier)
    initech.apply(document=f"    mappings:\n      {entity}: {{{entries}}}\n")
    initech.load()
    initech.deployment.ahead = timedelta(minutes=10)
    opportunity = initech.add_opportunity()
    org.remove_field(name, "Tier__c")

    with contextlib.suppress(UnknownField):
        initech.tick()
    assert initech.row().status == "active"  # it may be one rule's loss only: the account is described again first
    initech.deployment.ahead = timedelta(minutes=20)
    initech.tick()

    row = initech.row()
    assert row.status == "needs attention"
    assert f"Read on the field {name}.Tier__c (if Salesforce has it" in row.status_reason
    assert "\n" not in row.status_reason
    assert initech.rows(ledger) == []
    org.add_field(name, tier)
    initech.deployment.ahead = timedelta(hours=2)
    initech.tick()
    assert initech.row().status == "active"
    assert initech.project(opportunity)["name"] == "Ten robots"


def test_a_share_of_the_orgs_day_is_never_exceeded_not_even_for_a_person(initech):
    opportunity = initech.add_opportunity()
    initech.tick()
    initech.salesforce.settings.daily_calls = 1_000
    initech.salesforce.settings.calls_of_others = 960
    initech.poll()
    before, held = initech.calls(), initech.dump()
    other = MovableDeployment(initech.deployment.settings, initech.deployment.engine, initech.deployment.vault)
    initech.product.deployment = other  # another process, which has asked for nothing yet

    for work in (lambda: initech.resync(opportunity), lambda: looked_at(initech), initech.redescribe):
        with pytest.raises(ReserveReached, match="leave 50 to its other integrations; will try again in 60 min"):
            work()
    report = initech.poll()

    assert (initech.calls(), initech.dump()) == (before, held)
    assert any("leave 50 to its other integrations" in note for note in report.notes)
    (forecast,) = call_forecasts(other, "initech")
    assert [line.partition(" rest until ")[0] for line in forecast.resting] == ["initial loads", "ticks", "re-syncs"]


def test_an_app_that_the_admin_removed_needs_a_person(initech):
    initech.add_opportunity()
    initech.product.sandbox.tokens.uninstall(initech.salesforce)

    initech.poll()

    assert initech.row().status == "needs attention"
    assert "connect Salesforce again" in initech.row().status_reason


def test_two_processes_renew_a_rotating_token_once(salesforce, tmp_path, database_url):
    initech = salesforce.add_organization("initech")
    other = MovableDeployment(salesforce.deployment.settings, salesforce.deployment.engine, salesforce.deployment.vault)
    other.vendors.salesforce.limits = FAST
    salesforce.sandbox.tokens.expire_sessions()

    async def ask(deployment):
        connector = deployment.connector(initech.row())
        await connector.describe()
        return connector.calls.token_refreshes

    async def both():
        return await asyncio.gather(ask(salesforce.deployment), ask(other))

    assert sorted(asyncio.run(both())) == [0, 1]


def test_p8c_a_commit_that_is_thirty_minutes_late_is_found_by_the_next_tick(initech):
    late = initech.add_opportunity(at=datetime.now(UTC) - timedelta(minutes=30))

    initech.tick()

    assert initech.project(late)["name"] == "Ten robots"


def test_a_quiet_tick_that_looks_an_hour_back_is_still_one_call_and_no_run(initech):
    initech.add_opportunity(at=datetime.now(UTC) - timedelta(minutes=30))
    initech.tick()
    before = initech.calls()

    assert initech.tick() is None

    assert initech.calls() - before == 1


@pytest.mark.parametrize("by", ["tick", "load", "census"])
def test_what_salesforce_itself_touched_is_no_edit_since_the_start_date(initech, by):
    """Recalculations and renamed picklist values move SystemModstamp of opportunities of any age."""
    initech.load("first")
    ancient = initech.add_opportunity("Ancient", at=datetime(2015, 3, 1, tzinfo=UTC))
    edited = initech.add_opportunity("Edited", at=datetime(2015, 3, 1, tzinfo=UTC))
    initech.salesforce.update("Opportunity", ancient, {"Probability": 99}, stamp="system")
    initech.salesforce.update("Opportunity", edited, {"NextStep": "Call"})
    if by == "tick":
        initech.tick()
    elif by == "load":
        initech.load("again")
    else:
        initech.poll()
        initech.deployment.run(take_census(initech.deployment, initech.row(), run_id="census"))
        initech.product.run_all()

    assert {row["external_id"] for row in initech.rows(ledger)} == {edited}
    asked = ExplainRequest("initech", "salesforce", "deal", ancient, ask_crm=True)
    told = initech.deployment.run(explain_record(initech.deployment, asked)).reason[-1]
    assert told.startswith(
        "Nobody has edited it since 2015-03-01 00:00 UTC, and what was last edited before 2025-01-01"
    )


def test_without_a_start_date_the_hour_before_a_connection_was_enabled_is_not_looked_at(salesforce):
    org = salesforce.sandbox.add_org("initech")
    initech = SalesforceOrganization(org, salesforce, "initech", "")
    salesforce.organizations["initech"] = initech
    before = initech.add_opportunity("Before", at=datetime.now(UTC) - timedelta(minutes=20))
    initech.apply_text(
        "organization: initech\nplan: advanced\nadd_ons: [salesforce]\nconnections:\n"
        "  - {integration: salesforce, pipelines: [{pipeline: default}]}\n"
    )
    initech.connect()
    after = initech.add_opportunity("After")

    initech.tick()
    assert {row["external_id"] for row in initech.rows(ledger)} == {after}
    initech.salesforce.update("Opportunity", before, {"NextStep": "Call"})
    initech.tick()
    assert {row["external_id"] for row in initech.rows(ledger)} == {before, after}


@pytest.mark.parametrize("how", ["first sync", "re-sync"])
def test_an_account_that_was_merged_away_leaves_its_customer_to_the_survivor(initech, how):
    opportunity = initech.add_opportunity()
    initech.tick()
    (customer,) = initech.rows(customers)
    gone = initech.salesforce.record("Opportunity", opportunity)["AccountId"]
    between, survivor = (initech.salesforce.create("Account", {"Name": name}) for name in ("Between", "Globex Group"))
    initech.salesforce.merge("Account", between, [gone])
    initech.salesforce.merge("Account", survivor, [between])

    if how == "re-sync":
        initech.resync(opportunity)
    else:
        opportunity = initech.add_opportunity("Two more", account=None, AccountId=survivor)
        initech.tick()

    assert [row["id"] for row in initech.rows(customers)] == [customer["id"]]
    assert initech.project(opportunity)["customer_id"] == customer["id"]


def test_a_census_finds_what_was_committed_late(initech):
    initech.load()
    initech.poll()
    late = initech.add_opportunity(at=datetime.now(UTC) - timedelta(hours=2))
    assert initech.tick() is None

    report = initech.deployment.run(take_census(initech.deployment, initech.row(), run_id="census"))
    initech.product.run_all()

    assert report.unaccounted == 1
    assert initech.project(late)["name"] == "Ten robots"


def test_the_tokens_of_a_paused_connection_are_renewed_before_they_die(initech):
    initech.pause()
    assert initech.deployment.run(keep_tokens_alive(initech.deployment)).renewed == 0
    initech.deployment.ahead = timedelta(days=21)

    assert initech.deployment.run(keep_tokens_alive(initech.deployment)).renewed == 1

    initech.deployment.ahead = timedelta()
    assert initech.deployment.run(keep_tokens_alive(initech.deployment)).renewed == 0
    initech.deployment.ahead = timedelta(days=21)
    initech.product.sandbox.tokens.uninstall(initech.salesforce)
    (line,) = initech.deployment.run(keep_tokens_alive(initech.deployment)).notes
    assert "connect Salesforce again" in line
    assert initech.row().status == "paused"
