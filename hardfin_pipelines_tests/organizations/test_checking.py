"""What an account cannot do is named before anything runs."""

from datetime import UTC, datetime

import pytest

from hardfin_pipelines.organizations.checking import check_against_account
from hardfin_pipelines.organizations.resolving import resolve_rules
from hardfin_pipelines.sync.mapping_rules import FieldRule
from hardfin_pipelines.sync.records import PropertyDescription
from hardfin_pipelines_tests.organizations.accounts import hubspot_account
from hardfin_pipelines_tests.organizations.test_mappings import connection

A_DAY = datetime(2026, 2, 1, tzinfo=UTC)


def check(account=None, **keys) -> list[str]:
    return [str(problem) for problem in check_against_account(connection(**keys), account or hubspot_account())]


def test_rules_are_found_by_id_or_exact_label_with_stages_in_the_vendors_order():
    configured = connection(
        pipelines=[
            {"pipeline": "Sales Pipeline", "project": {"service_level": "tier"}},
            {"pipeline": 8812, "trigger_stages": ["Signed", 101], "status": "paused"},
        ]
    )

    rules, problems = resolve_rules(configured, hubspot_account(), {"Sales Pipeline": A_DAY})

    assert problems == []
    assert [(rule.pipeline_id, rule.stage_ids, rule.status, rule.active_since) for rule in rules] == [
        ("default", ("closedwon",), "active", A_DAY),
        ("8812", ("101", "103"), "paused", None),
    ]
    assert rules[0].overrides["project"].rules == (FieldRule("service_level", "tier"),)


@pytest.mark.parametrize(
    ("pipelines", "problem"),
    [
        (
            [{"pipeline": "Sales Pipelin"}],
            (
                'pipelines[0].pipeline: the account has no pipeline "Sales Pipelin"; it has "Sales Pipeline" or '
                '"Service renewals"; did you mean "Sales Pipeline"?'
            ),
        ),
        (
            [{"pipeline": "default", "trigger_stages": ["closedwon", "Signed"]}],
            (
                'pipelines[0].trigger_stages[1]: the pipeline "Sales Pipeline" has no stage "Signed"; it has '
                '"Contract sent", "Closed won" or "Closed lost"'
            ),
        ),
        (
            [{"pipeline": "8812", "trigger_stages": ["Review"]}],
            (
                'pipelines[0].trigger_stages[0]: 2 stages of the pipeline "Service renewals" are called "Review": '
                'write the id instead, "101" or "102"'
            ),
        ),
        (
            [{"pipeline": "8812"}],
            (
                'pipelines[0].trigger_stages: the pipeline "Service renewals" has no stage that the vendor flags as '
                'won: list the trigger stages; it has "Review", "Review" or "Signed"'
            ),
        ),
        (
            [{"pipeline": "default"}, {"pipeline": "Sales Pipeline"}],
            "pipelines[1].pipeline: is a second rule for the pipeline default: keep one",
        ),
    ],
)
def test_a_pipeline_or_stage_that_cannot_be_found_is_named(pipelines, problem):
    assert check(pipelines=pipelines) == [problem]


TIER = PropertyDescription("tier", "Service tier", "option", {"g": "Gold", "s": "Silver"})
TERM = PropertyDescription("term", "Term", "option", {"12": "One year", "other": "Other"})
SECRET = PropertyDescription("secret", "Secret", "text", hidden=True)
SIGNED = PropertyDescription("signed", "Signed", "boolean")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"value": "amout"}, 'the account has no deal field "amout"; did you mean "amount"?'),
        ({"value": "Amount"}, 'expected the internal name of a deal field: "Amount" is the label of "amount"'),
        (
            {"owner": "secret"},
            'the vendor hides the deal field "secret": show it there again, or map another field',
        ),
        (
            {"value": {"field": "tier", "as": "money"}},
            'none of the options of "tier" can be read as money: "g" cannot, for one',
        ),
        ({"value": "signed"}, '"signed" holds true or false, which cannot be read as a number'),
        ({"closed_on": "amount"}, '"amount" holds a number, which cannot be read as a date'),
        ({"currency": "amount"}, '"amount" holds a number, which cannot be read as a currency code'),
        (
            {"service_level": {"field": "dealname", "as": "option label"}},
            '"dealname" holds text, which cannot be read as option label',
        ),
        (
            {"service_level": {"field": "tier", "as": "option label", "default": "bronze"}},
            "the default cannot be read: ",
        ),
        ({"description": {"template": "{dealname} {nope}"}}, 'the account has no deal field "nope"'),
    ],
)
def test_a_field_that_cannot_be_read_as_asked_is_named(entry, problem):
    account = hubspot_account(("deal", TIER), ("deal", SECRET), ("deal", SIGNED))
    (target,) = entry

    in_connection = check(account, mappings={"project": entry})
    in_pipeline = check(account, pipelines=[{"pipeline": "default", "project": entry}])

    assert len(in_connection) == len(in_pipeline) == 1
    assert in_connection[0].startswith(f"mappings.project.{target}: {problem}")
    assert in_pipeline[0].startswith(f"pipelines[0].project.{target}: {problem}")


def test_what_can_be_read_is_no_problem():
    account = hubspot_account(("deal", TIER), ("deal", TERM))
    entries = {
        "value": {"field": "term", "as": "number"},
        "closed_on": {"field": "amount", "as": "date"},
        "service_level": {"field": "tier", "as": "option label", "default": "g"},
        "owner": "amount",
        "site_contact": {"field": "dealname", "as": "list"},
    }

    assert check(account, mappings={"project": entries}) == []


def test_what_is_paused_is_not_checked_because_pausing_must_always_be_possible():
    lost = {"pipeline": "gone", "project": {"owner": "gone"}}

    assert len(check(pipelines=[lost])) == 2
    assert check(pipelines=[lost | {"status": "paused"}]) == []
    assert check(status="paused", pipelines=[lost]) == []
    assert resolve_rules(connection(pipelines=[lost | {"status": "paused"}]), hubspot_account(), {}) == ([], [])
