"""What a held rule says: the field, pipeline or stage that is missing, and what may have taken its place."""

from datetime import timedelta
from decimal import Decimal

from hardfin_pipelines.platform.tables import ledger
from hardfin_pipelines.sandbox.hubspot.oauth import ALL_SCOPES
from hardfin_pipelines_tests.engine.drifting import (
    LOST,
    QUOTE,
    SIGNED,
    TWO_RULES,
    a_day_later,
    archive_field,
    cursor_is,
    forget_start_date,
    held,
)


def test_a_renamed_field_is_told_with_the_new_one_of_the_same_label(held_up):
    archive_field(held_up)
    held_up.portal.add_property("deals", "purchase_order", "PO number")
    a_day_later(held_up)
    held_up.tick()

    (rule,) = held(held_up)

    assert rule.because == (
        'pipelines[1].project.custom.po: the deal field "po_number" was archived: restore it at the vendor, or map '
        'another field; did you mean "purchase_order", which has the same label?'
    )


def test_another_label_of_a_field_is_harmless(held_up):
    held_up.portal.schema.redefine_property("deals", "po_number", {"label": "Bestellnummer"})
    a_day_later(held_up)
    held_up.tick()

    assert held(held_up) == []


def test_a_field_closed_to_hardfins_user_is_told_with_the_scope(sqlite_product):
    acme = sqlite_product.add_organization("held", connect=False)
    acme.portal.add_property("deals", "po_number", "PO number")
    acme.portal.add_pipeline("Renewals", [QUOTE, SIGNED, LOST], "renewals")
    acme.apply(TWO_RULES)
    acme.connect(scopes=[scope for scope in ALL_SCOPES if "sensitive" not in scope])
    acme.add_deal("Open", stage="contractsent")
    acme.portal.schema.redefine_property("deals", "po_number", {"dataSensitivity": "sensitive"})
    a_day_later(acme)
    acme.tick()

    (rule,) = held(acme)

    assert rule.because == (
        'pipelines[1].project.custom.po: the deal field "po_number" is hidden from Hardfin\'s user: '
        "the scope crm.objects.deals.sensitive.read.v2 is missing; grant it and connect the account again, "
        "or map another field"
    )


def test_a_sensitive_field_that_hardfins_user_may_read_is_mapped_like_any_other(sqlite_product):
    acme = sqlite_product.add_organization("held", connect=False)
    acme.portal.add_property("deals", "po_number", "PO number")
    acme.portal.add_pipeline("Renewals", [QUOTE, SIGNED, LOST], "renewals")
    acme.portal.schema.redefine_property("deals", "po_number", {"dataSensitivity": "sensitive"})
    acme.add_deal("Secret", pipeline="renewals", dealstage="signed", po_number="7")
    acme.apply(TWO_RULES)
    acme.connect(scopes=[*ALL_SCOPES, "crm.objects.deals.sensitive.read.v2"])
    acme.tick()

    assert held(acme) == []
    assert [project["custom"] for project in acme.projects()] == [{"po": "7"}]


def test_a_retyped_field_is_told_with_what_it_holds_now(held_up):
    held_up.apply(["default", "renewals\n        project: {starts_on: po_number}"])
    held_up.portal.schema.redefine_property("deals", "po_number", {"type": "number", "fieldType": "number"})
    a_day_later(held_up)
    held_up.tick()

    (rule,) = held(held_up)

    assert rule.because == (
        'pipelines[1].project.starts_on: "po_number" holds a number, which cannot be read as a date'
    )


def test_an_option_that_a_default_names_and_that_is_removed_holds_the_rule(held_up):
    options = {"gold": "Gold", "silver": "Silver"}
    held_up.portal.add_property("deals", "tier", "Tier", type="enumeration", field_type="select", options=options)
    held_up.redescribe()
    entry = "{field: tier, as: option label, default: silver}"
    held_up.apply(["default", f"renewals\n        project: {{service_level: {entry}}}"])
    fewer = [{"label": "Gold", "value": "gold", "displayOrder": 0, "hidden": False, "description": ""}]
    held_up.portal.schema.redefine_property("deals", "tier", {"options": fewer})
    a_day_later(held_up)
    held_up.tick()

    (rule,) = held(held_up)

    assert rule.because == (
        "pipelines[1].project.service_level: the default cannot be read: expected one of the options of 'tier', "
        "got 'silver'"
    )


def test_a_renamed_pipeline_is_told_by_its_new_name_and_the_rule_that_takes_its_place_misses_nothing(sqlite_product):
    acme = sqlite_product.add_organization("held", connect=False)
    acme.portal.add_pipeline("Renewals", [QUOTE, SIGNED, LOST], "renewals")
    acme.apply(["default", "Renewals"])
    forget_start_date(acme)
    acme.connect()
    acme.tick()
    acme.portal.add_pipeline("Verlängerungen", [QUOTE, SIGNED, LOST], "renewals")
    a_day_later(acme)
    acme.tick()
    (rule,) = held(acme)
    assert rule.because == (
        'pipelines[1].pipeline: the pipeline "Renewals" is called "Verlängerungen" now: write that, or its id '
        '"renewals", which stays'
    )
    deal = acme.add_deal("Waits", pipeline="renewals", dealstage="signed")
    acme.tick()
    cursor_is(acme, acme.deployment.now() + timedelta(minutes=30))

    acme.apply(["default", "Verlängerungen"])
    forget_start_date(acme)
    acme.tick()

    assert [project["id"] for project in acme.projects()] == [acme.project(deal)["id"]]
    assert held(acme) == []


def test_a_renamed_stage_is_told_by_its_new_name(held_up):
    held_up.apply(["default", "renewals\n        trigger_stages: [Signed]"])
    held_up.tick()
    held_up.portal.add_pipeline("Renewals", [QUOTE, ("Signé", Decimal(1), True, "signed"), LOST], "renewals")
    a_day_later(held_up)
    held_up.tick()

    (rule,) = held(held_up)

    assert rule.because == (
        'pipelines[1].trigger_stages[0]: the stage "Signed" of the pipeline "Renewals" is called "Signé" now: '
        'write that, or its id "signed", which stays'
    )


# -- the trigger is the vendor's flag, never a label -----------------------------------------------------------------


def test_a_won_stage_is_known_by_its_flag_whatever_it_is_called_and_however_many_there_are(sqlite_acme):
    stages = [
        ("Closed won", Decimal("0.3"), False, "not_won"),
        ("Gewonnen", Decimal(1), True, "gewonnen"),
        ("受注", Decimal(1), True, "juchu"),
        LOST,
    ]
    sqlite_acme.portal.add_pipeline("Vertrieb", stages, "vertrieb")
    sqlite_acme.redescribe()
    sqlite_acme.apply(["vertrieb"])
    for name, stage in (("A", "not_won"), ("B", "gewonnen"), ("C", "juchu"), ("D", "lost")):
        sqlite_acme.add_deal(name, pipeline="vertrieb", dealstage=stage)

    sqlite_acme.tick()

    assert [project["name"] for project in sqlite_acme.projects()] == ["B", "C"]
    assert {row["stage_id"] for row in sqlite_acme.rows(ledger)} == {"gewonnen", "juchu"}


def test_a_stage_that_becomes_won_later_triggers_from_then_on_and_one_that_no_longer_is_does_not(sqlite_acme):
    paid = ("Paid", Decimal("0.9"), False, "paid")
    sqlite_acme.portal.add_pipeline("Shop", [SIGNED, paid], "shop")
    sqlite_acme.redescribe()
    sqlite_acme.apply(["shop"])
    sqlite_acme.add_deal("Signed", pipeline="shop", dealstage="signed")
    sqlite_acme.add_deal("Paid too early", pipeline="shop", dealstage="paid")
    sqlite_acme.tick()
    assert [project["name"] for project in sqlite_acme.projects()] == ["Signed"]

    now_open = ("Signed", Decimal("0.8"), False, "signed")
    sqlite_acme.portal.add_pipeline("Shop", [now_open, ("Paid", Decimal(1), True, "paid")], "shop")
    a_day_later(sqlite_acme)
    sqlite_acme.add_deal("Paid", pipeline="shop", dealstage="paid")
    sqlite_acme.add_deal("Signed later", pipeline="shop", dealstage="signed")
    sqlite_acme.tick()

    assert "Paid" in {project["name"] for project in sqlite_acme.projects()}
    assert "Signed later" not in {project["name"] for project in sqlite_acme.projects()}
    assert held(sqlite_acme) == []
