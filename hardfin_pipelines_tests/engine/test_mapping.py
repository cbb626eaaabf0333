"""Mappings end to end: from an organization's YAML, through an account with its own fields, to the store."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from hardfin_pipelines.connectors.hubspot.oauth import SCOPES
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections, customers, items
from hardfin_pipelines_tests.engine.product import Organization

TIERS = {"gold_2024": "Gold", "silver": "Silver"}
SITES = {"a": "Bay A", "b": "Bay B"}


@pytest.fixture
def rich(sqlite_acme: Organization) -> Organization:
    """An account with a field of every type."""
    portal = sqlite_acme.portal
    portal.add_property("deals", "tier", "Tier", type="enumeration", field_type="select", options=TIERS)
    portal.add_property("deals", "sites", "Sites", type="enumeration", field_type="checkbox", options=SITES)
    portal.add_property("deals", "go_live", "Go live", type="date", field_type="date")
    portal.add_property("deals", "signed_at", "Signed at", type="datetime", field_type="date")
    portal.add_property("deals", "robots", "Robots", type="number", field_type="number")
    portal.add_property(
        "deals",
        "priority_support",
        "Support",
        type="bool",
        field_type="booleancheckbox",
        options={"true": "Yes", "false": "No"},
    )
    portal.add_property("deals", "po_number", "PO number")
    sqlite_acme.redescribe()
    return sqlite_acme


def mapped(org: Organization, entries: str, **properties: Any) -> dict[str, Any]:
    """The project that a won deal becomes under some entries of the project's mapping."""
    org.apply(document=f"    mappings:\n      project: {{name: dealname, {entries}}}\n")
    deal = org.add_deal(**properties)
    org.tick()
    assert org.rejected() == []
    return org.project(deal)


def refused(org: Organization, entries: str, **properties: Any) -> str:
    """Why a won deal is set aside under some entries of the project's mapping."""
    org.apply(document=f"    mappings:\n      project: {{name: dealname, {entries}}}\n")
    org.add_deal(**properties)
    org.tick()
    assert org.projects() == []
    (aside,) = org.rejected()
    return aside.rejection.reason


@pytest.mark.parametrize(
    ("entry", "given", "kept"),
    [
        ("po_number", {"po_number": " 0042 "}, " 0042 "),
        ("tier", {"tier": "gold_2024"}, "gold_2024"),
        ("{field: tier, as: option label}", {"tier": "gold_2024"}, "Gold"),
        ("{field: tier, as: option label, default: silver}", {}, "Silver"),
        ("{field: sites, as: option label}", {"sites": "b;a"}, "Bay B, Bay A"),
        ("{field: sites, as: list}", {"sites": "b;a"}, "b, a"),
        ("{field: priority_support, as: boolean}", {"priority_support": "true"}, "yes"),
        ("{field: priority_support, as: option label}", {"priority_support": "true"}, "Yes"),
        ("{field: robots, as: number}", {"robots": "12.50"}, "12.5"),
        ("{field: go_live, as: date}", {"go_live": "2026-03-01"}, "2026-03-01"),
        ("{field: signed_at, as: date}", {"signed_at": "2026-03-01T23:30:00Z"}, "2026-03-01"),
        ("{field: signed_at, as: datetime}", {"signed_at": "2026-03-01T23:30:00Z"}, "2026-03-01T23:30:00+00:00"),
        ("{template: '{dealname} / {po_number}'}", {"po_number": "7"}, "Ten robots / 7"),
        ("{template: 'PO {po_number}', default: none}", {}, "none"),
    ],
)
def test_a_field_of_each_type_arrives_as_asked(rich, entry, given, kept):
    assert mapped(rich, f"custom.x: {entry}", **given)["custom"] == {"x": kept}


def test_dates_numbers_and_lines_of_hardfins_own_arrive_in_their_types(rich):
    rich.apply(
        document="    mappings:\n      project: {name: dealname, starts_on: go_live, closed_on: signed_at}\n"
        "      project_line_item: {name: name, quantity: quantity, unit_price: {field: price, as: money},"
        " term_months: {field: hs_recurring_billing_period, as: months}}\n"
    )
    deal = rich.add_deal(lines=[], go_live="2026-03-01", signed_at="2026-02-27T10:00:00Z")
    rich.add_line(deal, ("Arm", "10.10"), hs_recurring_billing_period="P1Y", hs_line_item_currency_code="USD")
    rich.tick()

    project, (line,) = rich.project(deal), rich.lines(deal)
    assert (project["starts_on"], project["closed_on"]) == (date(2026, 3, 1), date(2026, 2, 27))
    assert (line["unit_price"], line["term_months"], line["currency"]) == (Decimal("10.10"), 12, "USD")


def test_money_brings_the_currency_of_its_record_and_else_the_accounts(rich):
    rich.portal.schema.add_currency("EUR")
    rich.redescribe()
    rich.apply(document="    mappings:\n      project: {name: dealname, value: {field: amount, as: money}}\n")
    in_euros = rich.add_deal("Euros", amount="10.00", deal_currency_code="EUR")
    without = rich.add_deal("Nothing said", amount="20.00", deal_currency_code=None)
    rich.tick()

    assert (rich.project(in_euros)["value"], rich.project(in_euros)["currency"]) == (Decimal("10.00"), "EUR")
    assert rich.project(without)["currency"] == "USD"


def test_a_number_that_is_not_read_as_money_brings_no_currency(rich):
    assert mapped(rich, "value: amount", deal_currency_code="USD")["currency"] is None


def test_a_required_field_without_a_value_names_the_record_the_field_and_hardfins_field(rich):
    reason = refused(rich, "site_contact: {field: po_number, required: true}")

    (deal,) = rich.rejected()
    assert reason == (
        f"deal {deal.rejection.external_id}: project.site_contact from 'po_number': is required and empty at the vendor"
    )
    rich.portal.update("deals", deal.rejection.external_id, {"po_number": "Ann"})
    rich.tick()
    assert [project["site_contact"] for project in rich.projects()] == ["Ann"]
    assert rich.rejected() == []


# -- options the account does not have any more, or not yet ------------------------------------------------------------


def remove_option(org: Organization, deal: str) -> None:
    """Let an option go from the definition while a deal still holds it."""
    left = [{"label": "Silver", "value": "silver", "displayOrder": 0, "hidden": False, "description": ""}]
    org.portal.schema.redefine_property("deals", "tier", {"options": left})
    assert org.portal.properties("deals", deal)["tier"] == "gold_2024"


@pytest.mark.parametrize(
    ("entry", "kept"),
    [("tier", "gold_2024"), ("{field: tier, as: option label}", "gold_2024"), ("{field: tier, as: list}", "gold_2024")],
)
def test_the_stored_value_stands_for_an_option_that_is_removed(rich, entry, kept):
    rich.apply(document=f"    mappings:\n      project: {{name: dealname, service_level: {entry}}}\n")
    deal = rich.add_deal(tier="gold_2024", at=rich.deployment.now() - timedelta(minutes=5))
    remove_option(rich, deal)
    rich.redescribe()

    rich.tick()

    assert rich.project(deal)["service_level"] == kept


def test_a_required_label_of_an_option_that_is_removed_sets_the_deal_aside(rich):
    rich.apply(
        document="    mappings:\n      project: {name: dealname,"
        " service_level: {field: tier, as: option label, required: true}}\n"
    )
    deal = rich.add_deal(tier="gold_2024")
    sound = rich.add_deal("Sound", tier="silver")
    remove_option(rich, deal)
    rich.redescribe()

    rich.tick()

    (aside,) = rich.rejected()
    assert aside.rejection.reason == (
        f"deal {deal}: project.service_level from 'tier': expected one of the options of 'tier', got 'gold_2024'"
    )
    assert [project["id"] for project in rich.projects()] == [rich.project(sound)["id"]]


def test_a_new_option_waits_for_its_label_instead_of_becoming_its_raw_value(rich):
    rich.apply(
        document="    mappings:\n      project: {name: dealname, service_level: {field: tier, as: option label}}\n"
    )
    rich.tick()
    with writing(rich.deployment.engine) as connection:
        earlier = rich.deployment.now() - timedelta(hours=3)
        connection.execute(update(connections).values(described_at=earlier))
    more = [
        {"label": label, "value": value, "displayOrder": 0, "hidden": False, "description": ""}
        for value, label in {**TIERS, "tier_3": "Platinum"}.items()
    ]
    rich.portal.schema.redefine_property("deals", "tier", {"options": more})
    deal = rich.add_deal(tier="tier_3")

    rich.tick()
    assert len(rich.rejected()) == 1
    rich.deployment.ahead = timedelta(minutes=16)
    rich.tick()

    assert rich.project(deal)["service_level"] == "Platinum"
    assert rich.rejected() == []


def test_a_deals_owner_is_called_by_name_and_by_id_where_nobody_knows_the_name(sqlite_product):
    acme = sqlite_product.add_organization(connect=False)
    ann = acme.portal.add_owner("ann@example.com", "Ann", "Lee")
    acme.connect()
    sold = acme.add_deal("Sold by Ann", hubspot_owner_id=ann)
    nobodys = acme.add_deal("Nobody's")
    acme.tick()
    assert [acme.project(deal)["owner"] for deal in (sold, nobodys)] == ["Ann Lee", None]

    blind = sqlite_product.add_organization("blind", connect=False)
    bo = blind.portal.add_owner("bo@example.com", "Bo", "Li")
    blind.connect(scopes=SCOPES)
    deal = blind.add_deal("Sold by Bo", hubspot_owner_id=bo)
    blind.tick()
    assert blind.project(deal)["owner"] == bo


def test_customers_and_items_are_mapped_from_fields_of_their_own(rich):
    rich.portal.add_property("companies", "erp_id", "ERP id", type="number", field_type="number")
    rich.portal.add_property(
        "products", "colour", "Colour", type="enumeration", field_type="select", options={"r": "Red"}
    )
    rich.redescribe()
    rich.apply(
        document="    mappings:\n      customer: {name: {template: '{name} #{erp_id}'}, website: domain}\n"
        "      item: {name: name, custom.colour: {field: colour, as: option label}}\n"
    )
    deal = rich.add_deal()
    (company,) = rich.companies_of(deal)
    rich.portal.update("companies", company, {"erp_id": "42"})
    product = rich.portal.properties("line_items", rich.lines_of(deal)[0])["hs_product_id"]
    rich.portal.update("products", product, {"colour": "r"})

    rich.tick()

    assert [(row["name"], row["website"]) for row in rich.rows(customers)] == [("Globex #42", "globex.example")]
    assert [row["custom"] for row in rich.rows(items)] == [{"colour": "Red"}]
