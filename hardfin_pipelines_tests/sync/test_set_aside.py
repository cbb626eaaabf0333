"""A record that cannot be mapped sets its deal aside whole, and stops nothing else."""

import pytest

from hardfin_pipelines.sync.first_sync import plan_batch
from hardfin_pipelines.sync.plans import Known, Synced
from hardfin_pipelines_tests.sync.builders import bundle, company, context, line, product, set_aside, synced

POISON = {
    "text in a number": ("amount", "N/A", "project.value from 'amount': expected a number, got 'N/A'"),
    "a number beyond all limits": ("amount", "1e400", "expected a number of at most 40 digits before"),
    "not a number": ("amount", "NaN", "expected a number, got 'NaN'"),
    "infinity": ("amount", "Infinity", "expected a number, got 'Infinity'"),
    "a zero of a million digits": ("amount", "0e-999999", "expected a number of at most 40 digits before"),
    "a date nobody can read": ("closedate", "31/12/2025", "expected a date or time, got '31/12/2025'"),
    "the year one": ("closedate", "0001-01-01", "expected a date from 1900 on"),
    "the last moment of the calendar": ("closedate", "9999-12-31T23:59:59-05:00", "expected a date or time"),
    "a NUL": ("dealname", "A\x00B", r"holds a NUL character: 'A\x00B'"),
    "half a character": ("dealname", "A\ud83d", r"is not valid Unicode: 'A\ud83d'"),
    "a megabyte of text": ("dealname", "x" * 1_000_000, "is 1,000,000 characters long; at most 65,536 are kept"),
    "nothing": ("dealname", None, "project.name has no value ('dealname' is empty at the vendor)"),
    "blanks": ("dealname", " \t\n\u00a0\u3000", "project.name has no value"),
}


@pytest.mark.parametrize(("field", "value", "reason"), POISON.values(), ids=POISON.keys())
def test_hazard_a_poison_value_sets_one_deal_aside_and_the_others_sync(field, value, reason):
    known = Known()
    poisoned = bundle("2", properties={field: value}, of_company="7", companies=[company("7")], lines=[line("5")])

    first, second, third = plan_batch([bundle("1"), poisoned, bundle("3")], known, context())

    assert reason in set_aside(second).reason
    assert isinstance(first, Synced)
    assert isinstance(third, Synced)
    assert set(known.ledger) == {"1", "3"}


@pytest.mark.parametrize(("field", "value", "_reason"), POISON.values(), ids=POISON.keys())
def test_a_reason_is_one_short_printable_line_that_a_store_can_keep(field, value, _reason):
    (outcome,) = plan_batch([bundle(properties={field: value})], Known(), context())

    reason = set_aside(outcome).reason
    assert reason.isprintable()
    assert len(reason) < 300
    reason.encode()


def test_nothing_of_a_deal_that_is_set_aside_is_planned_or_remembered():
    known = Known()
    poisoned = bundle(
        "2",
        properties={"amount": "N/A"},
        of_company="7",
        companies=[company("7")],
        lines=[line("5", of_product="9"), line("6", "Ad hoc")],
        products=[product("9")],
    )

    plan_batch([poisoned], known, context())

    assert known == Known()


def test_what_a_deal_set_aside_would_have_created_is_created_by_the_next_deal_that_needs_it():

    def sale(deal_id, line_id, amount):
        return bundle(
            deal_id,
            of_company="7",
            companies=[company("7")],
            lines=[line(line_id, of_product="9")],
            products=[product("9")],
            properties={"amount": amount},
        )

    _, outcome = plan_batch([sale("1", "5", "N/A"), sale("2", "6", "10")], Known(), context())

    assert [entity.entity for entity in synced(outcome).entities].count("customer") == 1
    assert [entity.entity for entity in synced(outcome).entities].count("item") == 1


def test_every_reason_is_named_with_its_record_in_one_line():
    deal = bundle(
        properties={"dealname": "", "amount": "N/A"},
        of_company="7",
        companies=[company("7", " ")],
        lines=[line("5", "Pump", "free")],
    )

    (outcome,) = plan_batch([deal], Known(), context())

    assert set_aside(outcome).reason == (
        "company 7: customer.name has no value ('name' is empty at the vendor); fill it there, or give the mapping a "
        "default; deal 1: project.value from 'amount': expected a number, got 'N/A'; project.name has no value "
        "('dealname' is empty at the vendor); fill it there, or give the mapping a default; line item 5: "
        "project_line_item.unit_price from 'price': expected a number, got 'free'"
    )


def test_a_deal_set_aside_twice_in_a_batch_is_set_aside_both_times_and_syncs_once_repaired():
    known = Known()
    broken = bundle("1", properties={"amount": "N/A"})

    first, second, third = plan_batch([broken, broken, bundle("1")], known, context())

    assert set_aside(first) == set_aside(second)
    assert synced(third).ledger.external_id == "1"


def test_text_of_any_script_is_kept_as_it_is():
    name = "شركة \U0001f916 שלום \u202eevil\u202c Zoë"

    (outcome,) = plan_batch([bundle(properties={"dealname": name})], Known(), context())

    assert synced(outcome).entities[0].values["name"] == name
