"""A configuration beside an account: which rules can run, which are held and why, without any store."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hardfin_pipelines.organizations.checking import check_against_account
from hardfin_pipelines.organizations.resolution import Resolution, resolve
from hardfin_pipelines.organizations.resolving import FoundNames, mapping_set
from hardfin_pipelines.sync.mapping_rules import FieldRule
from hardfin_pipelines.sync.pipeline_rules import active_rules, held_rules
from hardfin_pipelines.sync.records import AccountDescription, PropertyDescription, Role
from hardfin_pipelines_tests.organizations.accounts import RENEWALS, SALES, hubspot_account
from hardfin_pipelines_tests.organizations.test_mappings import connection

A_DAY = datetime(2026, 2, 1, tzinfo=UTC)
SIGNED = {"pipeline": "8812", "trigger_stages": ["Signed"]}
WON = {"pipeline": "default"}

Described = tuple[Role, PropertyDescription]


def resolved(account: AccountDescription | None = None, before=None, **keys) -> Resolution:
    return resolve(connection(**keys), account or hubspot_account(), {"default": A_DAY}, before)


def reasons(found: Resolution) -> dict[str, str]:
    return {each.pipeline: each.because for each in found.held}


def test_a_configuration_that_fits_holds_nothing():
    found = resolved(pipelines=[WON, SIGNED])

    assert (found.held, found.problems, found.runnable) == ((), (), True)
    assert [(rule.pipeline_id, rule.active_since, rule.held_because) for rule in found.rules] == [
        ("default", A_DAY, ""),
        ("8812", None, ""),
    ]
    assert found.found == {
        "default": FoundNames("default", ("closedwon",)),
        "8812": FoundNames("8812", ("103",), {"Signed": "103"}),
    }
    assert found.mappings == mapping_set(connection(), hubspot_account())


def test_a_rule_with_a_broken_entry_of_its_own_is_held_alone():
    found = resolved(pipelines=[WON, {**SIGNED, "project": {"owner": "seller"}}])

    assert reasons(found) == {"8812": 'pipelines[1].project.owner: the account has no deal field "seller"'}
    assert [rule.pipeline_id for rule in active_rules(found.rules)] == ["default"]
    assert [(rule.pipeline_id, rule.stage_ids) for rule in held_rules(found.rules)] == [("8812", ("103",))]
    assert found.runnable


def test_a_broken_entry_of_the_connection_holds_the_rules_that_do_not_replace_it():
    found = resolved(
        pipelines=[WON, {**SIGNED, "project": {"owner": "dealname"}}], mappings={"project": {"owner": "seller"}}
    )

    assert reasons(found) == {"default": 'mappings.project.owner: the account has no deal field "seller"'}
    assert [str(problem) for problem in found.problems] == [
        'mappings.project.owner: the account has no deal field "seller"'
    ]


def test_a_problem_that_concerns_no_rule_is_told_and_holds_none():
    found = resolved(pipelines=[{**WON, "project": {"owner": "dealname"}}], mappings={"project": {"owner": "seller"}})

    assert (found.held, len(found.problems), found.runnable) == ((), 1, True)


def test_nothing_runs_where_every_active_rule_is_held_and_a_paused_one_does_not_count():
    found = resolved(pipelines=[{**WON, "project": {"owner": "seller"}}, {**SIGNED, "status": "paused"}])

    assert (len(found.held), found.runnable) == (1, False)


def test_a_held_rule_keeps_the_pipeline_and_stages_it_was_last_found_with():
    before = {"8812": FoundNames("8812", ("103",), {"Signed": "103"})}
    gone = replace(hubspot_account(), pipelines=(SALES,))

    found = resolved(gone, before, pipelines=[WON, SIGNED])

    assert [(rule.pipeline_id, rule.stage_ids) for rule in held_rules(found.rules)] == [("8812", ("103",))]
    assert "8812" not in found.found
    assert held_rules(resolved(gone, pipelines=[WON, SIGNED]).rules) == ()


def test_a_rule_whose_pipeline_another_rule_has_now_keeps_nothing():
    before = {"Old label": FoundNames("default", ("closedwon",))}

    found = resolved(before=before, pipelines=[WON, {"pipeline": "Old label"}])

    assert [(rule.pipeline_id, rule.held_because) for rule in found.rules] == [("default", "")]
    assert list(reasons(found)) == ["Old label"]


@pytest.mark.parametrize("paused_first", [True, False])
def test_of_two_rules_for_one_pipeline_the_active_one_counts(paused_first):
    paused = {"pipeline": "Sales Pipeline", "status": "paused"}

    found = resolved(pipelines=[paused, WON] if paused_first else [WON, paused])

    assert [(rule.pipeline_id, rule.status) for rule in found.rules] == [("default", "active")]
    assert found.held == ()


def test_renamed_pipelines_and_stages_are_told_by_their_new_names():
    renamed = replace(RENEWALS, label="Verlängerungen", stages=(replace(RENEWALS.stages[2], label="Signé"),))
    account = replace(hubspot_account(), pipelines=(SALES, renamed))
    before = {
        "Service renewals": FoundNames("8812", ("103",), {"Signed": "103"}),
        "8812": FoundNames("8812", ("103",), {"Signed": "103"}),
    }

    by_label = resolved(account, before, pipelines=[{**SIGNED, "pipeline": "Service renewals"}])
    by_id = resolved(account, before, pipelines=[SIGNED])

    assert reasons(by_label) == {
        "Service renewals": 'pipelines[0].pipeline: the pipeline "Service renewals" is called "Verlängerungen" now: '
        'write that, or its id "8812", which stays'
    }
    assert reasons(by_id) == {
        "8812": 'pipelines[0].trigger_stages[0]: the stage "Signed" of the pipeline "Verlängerungen" is called "Signé" '
        'now: write that, or its id "103", which stays'
    }


OLD = PropertyDescription("po_number", "PO number", "text")


@pytest.mark.parametrize(
    ("others", "hint"),
    [
        ([("purchase_order", "po NUMBER")], '; did you mean "purchase_order", which has the same label?'),
        ([("purchase_order", "PO numbers")], '; did you mean "purchase_order"?'),
        ([("po_numbers", "Quite another")], '; did you mean "po_numbers"?'),
        ([("colour", "Colour")], ""),
    ],
)
def test_an_archived_field_is_told_with_the_one_that_may_have_taken_its_place(others, hint):
    made: list[Described] = [("deal", PropertyDescription(name, label, "text")) for name, label in others]
    account = replace(hubspot_account(*made), archived={"deal": {"po_number": OLD}})

    problems = check_against_account(connection(mappings={"project": {"owner": "po_number"}}), account)

    (problem,) = map(str, problems)
    assert problem == (
        'mappings.project.owner: the deal field "po_number" was archived: restore it at the vendor, or map another '
        f"field{hint}"
    )


def test_a_field_that_was_not_granted_is_told_with_what_is_missing():
    closed = replace(OLD, hidden=True, needs="the scope crm.objects.deals.sensitive.read.v2")

    problems = check_against_account(
        connection(mappings={"project": {"owner": "po_number"}}), hubspot_account(("deal", closed))
    )

    (problem,) = map(str, problems)
    assert problem == (
        'mappings.project.owner: the deal field "po_number" is hidden from Hardfin\'s user: '
        "the scope crm.objects.deals.sensitive.read.v2 is missing; grant it and connect the account again, or map "
        "another field"
    )


# -- the currency of money ---------------------------------------------------------------------------------------------

AMOUNT: Described = ("deal", PropertyDescription("amount", "Amount", "number", currency_property="deal_currency_code"))
FEE: Described = ("deal", PropertyDescription("fee", "Fee", "number", currency_property="deal_currency_code"))


@pytest.mark.parametrize(
    ("entries", "currency"),
    [
        ({"value": {"field": "amount", "as": "money"}}, FieldRule("currency", "deal_currency_code", default="USD")),
        ({"value": "amount"}, None),
        (
            {"value": {"field": "amount", "as": "money"}, "currency": "deal_currency_code"},
            FieldRule("currency", "deal_currency_code", default="USD"),
        ),
        (
            {"currency": {"field": "deal_currency_code", "default": "CHF"}},
            FieldRule("currency", "deal_currency_code", default="CHF"),
        ),
        ({"currency": "dealname"}, FieldRule("currency", "dealname")),
        ({"value": {"template": "{amount}{fee}", "as": "money"}}, None),
    ],
)
def test_money_brings_its_currency_field_and_the_accounts_currency_is_the_last_resort(entries, currency):
    found = mapping_set(connection(mappings={"project": entries}), hubspot_account(AMOUNT, FEE))["project"]

    assert next((rule for rule in found.rules if rule.target == "currency"), None) == currency


def test_an_account_that_does_not_say_its_currency_is_given_none():
    account = replace(hubspot_account(AMOUNT), currency="")

    found = mapping_set(connection(), account)["project"]

    assert FieldRule("currency", "deal_currency_code") in found.rules
