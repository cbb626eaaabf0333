"""Rule 1, the customer: by link, else created; merged companies follow the survivor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.first_sync import numeric_first, plan_batch, primary_company
from hardfin_pipelines.sync.identity import entity_id
from hardfin_pipelines.sync.plans import Known
from hardfin_pipelines.sync.records import Reference
from hardfin_pipelines_tests.sync.builders import (
    CONNECTION,
    ORG,
    bundle,
    company,
    context,
    created,
    links,
    set_aside,
    synced,
)


def plan_one(deal, known=None):
    return plan_batch([deal], known or Known(), context())[0]


def customer_of(outcome):
    (project,) = created(outcome, "project")
    return project.parents["customer_id"]


def test_a_customer_is_created_with_its_mapped_fields_and_linked():
    outcome = plan_one(bundle(of_company="7", companies=[company("7", "Globex")]))

    (customer,) = created(outcome, "customer")
    assert customer.id == customer_of(outcome) == entity_id("customer", ORG, CONNECTION, "7")
    assert customer.values == {"name": "Globex", "website": None}
    link = links(outcome, "company")["7"]
    assert (link.entity, link.entity_id, link.url) == ("customer", customer.id, "https://crm.example/company/7")
    assert link.synced_values == {"name": "Globex", "website": None}


def test_a_linked_customer_is_taken_as_it_is_and_its_company_need_not_be_read():
    outcome = plan_one(bundle(of_company="7"), Known(links={("company", "7"): "cus_known"}))

    assert customer_of(outcome) == "cus_known"
    assert created(outcome, "customer") == []
    assert links(outcome, "company") == {}


def test_a_linked_customer_is_not_written_though_its_company_was_read_and_changed():
    deal = bundle(of_company="7", companies=[company("7", "Renamed")])

    outcome = plan_one(deal, Known(links={("company", "7"): "cus_known"}))

    assert created(outcome, "customer") == []
    assert links(outcome, "company") == {}


def test_two_deals_of_one_company_share_the_customer():
    known = Known()
    deals = [bundle(str(n), of_company="7", companies=[company("7")]) for n in (1, 2)]

    first, second = plan_batch(deals, known, context())

    assert customer_of(first) == customer_of(second)
    assert created(second, "customer") == []
    assert links(second, "company") == {}


def test_a_deal_without_a_company_becomes_a_project_without_a_customer():
    assert customer_of(plan_one(bundle())) is None


def test_a_company_merged_away_leads_to_the_customer_of_the_survivor():
    """The deal still names company 5; reading it gives the survivor 7, which is linked already."""
    deal = bundle(of_company="5", companies=[company("7", merged_ids=["5"])])

    outcome = plan_one(deal, Known(links={("company", "7"): "cus_7"}))

    assert customer_of(outcome) == "cus_7"
    assert created(outcome, "customer") == []
    assert {external_id: link.entity_id for external_id, link in links(outcome, "company").items()} == {"5": "cus_7"}


def test_the_survivor_of_a_merge_gets_the_customer_of_the_company_merged_into_it():
    """The deal names the survivor 7, which is new to Hardfin; company 5, merged into it, has a customer."""
    deal = bundle(of_company="7", companies=[company("7", merged_ids=["5"])])
    known = Known(links={("company", "5"): "cus_5"})

    outcome = plan_one(deal, known)

    assert customer_of(outcome) == "cus_5"
    assert created(outcome, "customer") == []
    link = links(outcome, "company")["7"]
    assert link.entity_id == "cus_5"
    assert link.synced_values == {}, "nothing of the survivor was written to the customer"
    assert known.links["company", "7"] == "cus_5"


def test_the_customer_of_one_merged_company_is_linked_under_the_survivor_and_the_id_the_deal_names():
    deal = bundle(of_company="6", companies=[company("7", merged_ids=["5", "6"])])

    outcome = plan_one(deal, Known(links={("company", "5"): "cus_5"}))

    assert customer_of(outcome) == "cus_5"
    linked = {external_id: link.entity_id for external_id, link in links(outcome, "company").items()}
    assert linked == {"6": "cus_5", "7": "cus_5"}


def test_a_survivor_created_for_a_company_merged_away_is_linked_under_both_ids():
    deals = [
        bundle("1", of_company="5", companies=[company("7", merged_ids=["5", "6"])]),
        bundle("2", of_company="6", companies=[company("7", merged_ids=["5", "6"])]),
        bundle("3", of_company="7", companies=[company("7", merged_ids=["5", "6"])]),
    ]

    outcomes = plan_batch(deals, Known(), context())

    assert {customer_of(outcome) for outcome in outcomes} == {entity_id("customer", ORG, CONNECTION, "7")}
    assert [sorted(links(outcome, "company")) for outcome in outcomes] == [["5", "7"], ["6"], []]


def test_the_stored_link_decides_even_when_the_survivor_has_another_customer():
    """Two customers existed before the merge: the deal keeps the one its own reference is linked to."""
    deal = bundle(of_company="5", companies=[company("7", merged_ids=["5"])])

    outcome = plan_one(deal, Known(links={("company", "5"): "cus_5", ("company", "7"): "cus_7"}))

    assert customer_of(outcome) == "cus_5"
    assert links(outcome, "company") == {}


def test_a_company_that_cannot_be_read_sets_the_deal_aside_with_the_vendors_reason():
    known = Known()

    outcome = plan_one(bundle(of_company="7", unread=("company 7: no permission", "company 8: gone")), known)

    assert set_aside(outcome).reason == "company 7: no permission; company 8: gone"
    assert known == Known()


def test_a_company_neither_linked_nor_read_sets_the_deal_aside_instead_of_losing_its_customer():
    """Its link was removed between reading (when a linked company is not read) and planning."""
    reason = set_aside(plan_one(bundle(of_company="7"))).reason

    assert reason == "company 7: is not linked and was not read; the next visit reads it"


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ((), None),
        ((Reference("9"), Reference("5", primary=True)), "5"),
        ((Reference("10"), Reference("9")), "9"),
        ((Reference("2", primary=True), Reference("10", primary=True), Reference("1")), "2"),
        ((Reference("0015g00000B"), Reference("0015g00000A")), "0015g00000A"),
    ],
)
def test_the_customer_is_the_primary_company_else_the_one_with_the_lowest_id(references, expected):
    assert primary_company(references) == expected
    assert primary_company(tuple(reversed(references))) == expected


def test_a_deal_of_three_companies_gets_the_primary_one():
    references = (Reference("3"), Reference("8", primary=True), Reference("1"))

    outcome = plan_one(bundle(of_company=references, companies=[company("8", "Primary")]))

    assert [customer.values["name"] for customer in created(outcome, "customer")] == ["Primary"]


@given(st.lists(st.integers(0, 10**20)))
def test_numeric_ids_sort_as_numbers(numbers):
    assert sorted(map(str, numbers), key=numeric_first) == [str(number) for number in sorted(numbers)]


def test_a_project_is_created_with_its_mapped_fields_ledger_row_and_link():
    outcome = synced(plan_one(bundle("12", merged_ids=("11",))))

    (project,) = created(outcome, "project")
    assert project.id == outcome.ledger.project_id == entity_id("project", ORG, CONNECTION, "12")
    assert project.values["name"] == "Deal 12"
    assert (outcome.ledger.external_id, outcome.ledger.pipeline_id, outcome.ledger.stage_id) == ("12", "default", "won")
    assert outcome.ledger.vendor_modified_at == outcome.deal.modified_at
    assert outcome.ledger.aliases == ("11",)
    synced_values = links(outcome, "deal")["12"].synced_values
    assert synced_values["value"] == "10"
    assert synced_values["closed_on"] == "2026-03-01"
