"""Orgs that keep their deals, customers, lines or products in objects of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hardfin_pipelines.engine.census import take_census
from hardfin_pipelines.engine.explaining import ExplainRequest, explain_record
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.tables import customers, items, ledger, links, project_line_items, projects
from hardfin_pipelines.sandbox.salesforce import Field, PicklistValue
from hardfin_pipelines_tests.engine.previews import looked_at
from hardfin_pipelines_tests.engine.product import values_of
from hardfin_pipelines_tests.engine.replays import replayed, values
from hardfin_pipelines_tests.engine.salesforce_product import SalesforceOrganization, SalesforceProduct

STAGES = ("Draft", "Signed", "Returned")
RENTALS = """\
organization: initech
plan: advanced
add_ons: [salesforce]
connections:
  - integration: salesforce
    start_date: 2025-01-01
    objects:
      project: {object: Rental__c, stage: Status__c}
      customer: {object: Site__c, field: Site__c}
      project_line_item: {object: Rental_Line__c, project: Rental__c, item: Equipment__c, order: Position__c}
      item: {object: Equipment__c}
    pipelines:
      - {pipeline: default, trigger_stages: [Signed]}
    mappings:
      customer: {name: Name, city: City__c}
      project: {name: Name, value: Total__c, owner: Owner.Name, description: Site__r.City__c}
      project_line_item: {name: Equipment__r.Name, quantity: Count__c, unit_price: Equipment__r.Price__c}
      item: {name: Name, price: Price__c}
"""


@dataclass
class RentalDesk:
    """What people of an organization do in an org that rents out what it has."""

    organization: SalesforceOrganization

    def set_up(self) -> None:
        """Make the objects."""
        org = self.organization.salesforce
        for name, label in (("Site__c", "Site"), ("Equipment__c", "Equipment"), ("Rental__c", "Rental")):
            org.add_object(name, label)
        org.add_object("Rental_Line__c", "Rental Line")
        picklist = tuple(PicklistValue(stage) for stage in STAGES)
        fields = {
            "Site__c": [Field("City__c", "string", "City", 80)],
            "Equipment__c": [Field("Price__c", "currency", "Price", precision=18, scale=2)],
            "Rental__c": [
                Field("Status__c", "picklist", "Status", 255, picklist=picklist),
                Field("Site__c", "reference", "Site", refers_to=("Site__c",)),
                Field("Total__c", "currency", "Total", precision=18, scale=2),
            ],
            "Rental_Line__c": [
                Field("Rental__c", "reference", "Rental", refers_to=("Rental__c",)),
                Field("Equipment__c", "reference", "Equipment", refers_to=("Equipment__c",)),
                Field("Position__c", "double", "Position", precision=4),
                Field("Count__c", "double", "Count", precision=4),
            ],
        }
        for name, listed in fields.items():
            for each in listed:
                org.add_field(name, each)

    def rent(
        self,
        name: str,
        lines: Sequence[tuple[str, str]] = (("Scissor lift", "120.50"),),
        *,
        stage: str = "Signed",
        at: datetime | None = None,
        **more: Any,
    ) -> str:
        """A rental at a site of its own."""
        org = self.organization.salesforce
        site = org.create("Site__c", {"Name": f"{name} site", "City__c": "Springfield"})
        given = {"Name": name, "Status__c": stage, "Site__c": site, "Total__c": "500", **more}
        rental = org.create("Rental__c", given, at=at)
        for place, (what, price) in reversed(list(enumerate(lines, 1))):
            equipment = org.create("Equipment__c", {"Name": what, "Price__c": price})
            line = {"Rental__c": rental, "Equipment__c": equipment, "Position__c": place, "Count__c": 2}
            org.create("Rental_Line__c", line, at=at)
        return rental


@pytest.fixture
def desk(salesforce: SalesforceProduct) -> RentalDesk:
    """An organization that is connected and reads its own objects."""
    initech = SalesforceOrganization(salesforce.sandbox.add_org("initech"), salesforce, "initech", "2025-01-01")
    salesforce.organizations["initech"] = initech
    made = RentalDesk(initech)
    made.set_up()
    initech.apply_text(RENTALS)
    initech.connect()
    return made


def test_any_object_can_become_projects_customers_lines_and_items(desk):
    initech = desk.organization
    rental = desk.rent("North yard", [("Scissor lift", "120.50"), ("Generator", "80")])
    desk.rent("Not yet", stage="Draft")
    before = initech.calls()

    initech.tick()

    assert initech.calls() - before == 2  # the poll, and the rental with all that belongs to it
    project = initech.project(rental)
    assert (project["name"], project["value"], project["description"]) == ("North yard", Decimal(500), "Springfield")
    (customer,) = initech.rows(customers)
    assert (customer["name"], customer["city"], project["customer_id"]) == (
        "North yard site",
        "Springfield",
        customer["id"],
    )
    assert values_of(initech.lines(rental), "name", "quantity", "unit_price") == [
        ("Scissor lift", Decimal(2), Decimal("120.50")),
        ("Generator", Decimal(2), Decimal(80)),
    ]
    assert sorted(values_of(initech.rows(items), "name")) == ["Generator", "Scissor lift"]
    (entry,) = initech.rows(ledger)
    assert (entry["object"], entry["external_id"], entry["stage_id"]) == ("Rental__c", rental, "Signed")
    assert {row["object"] for row in initech.rows(links)} == {"Rental__c", "Site__c", "Rental_Line__c", "Equipment__c"}


def test_objects_of_the_orgs_own_have_all_that_the_spine_has(desk):
    initech = desk.organization
    old = desk.rent("Old", at=datetime(2025, 3, 1, tzinfo=UTC))
    report, plans = looked_at(initech)
    assert (plans[old].outcome, report.totals.outcomes["synced"]) == ("synced", 1)
    assert initech.load().deal_counts()["synced"] == 1
    before = initech.calls()
    assert values(replayed(initech)) == []
    assert initech.calls() == before
    initech.poll()
    counted = initech.deployment.run(take_census(initech.deployment, initech.row(), run_id="census"))
    assert (counted.at_vendor, counted.unaccounted) == (1, 0)

    initech.salesforce.update("Rental__c", old, {"Name": "Renamed"})
    initech.tick()
    assert initech.project(old)["name"] == "Old"
    before = initech.calls()
    assert initech.resync(old[:15]).calls == initech.calls() - before == 1
    assert initech.project(old)["name"] == "Renamed"

    asked = ExplainRequest("initech", "salesforce", "Rental__c", old)
    assert "first synced" in initech.deployment.run(explain_record(initech.deployment, asked)).reason[0]


def test_record_types_of_an_object_of_the_orgs_own_are_pipelines(desk):
    initech, org = desk.organization, desk.organization.salesforce
    org.add_record_types_to("Rental__c")
    given = {"SobjectType": "Rental__c", "IsActive": True}
    long = org.create("RecordType", {"Name": "Long term", "DeveloperName": "Long", **given})
    short = org.create("RecordType", {"Name": "Short term", "DeveloperName": "Short", **given})
    initech.apply_text(RENTALS.replace("pipeline: default", "pipeline: Long term"))
    taken = desk.rent("For a year", RecordTypeId=long)
    desk.rent("For a day", RecordTypeId=short)

    initech.tick()

    assert [(row["external_id"], row["pipeline_id"]) for row in initech.rows(ledger)] == [(taken, long)]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("field: Site__c}", "field: Nope__c}", r"shows no field Rental__c\.Nope__c, which leads to Site__c: .* grant"),
        ("field: Site__c}", "field: OwnerId}", r"Rental__c\.OwnerId leads to .*User, not to Site__c: mend `objects`"),
        ("stage: Status__c", "stage: Name", r"has no picklist in Rental__c\.Name, the stages of Rental__c"),
        (
            "{object: Rental_Line__c,",
            "{object: Line__c,",
            r"hides Line__c from Hardfin's user: grant it Read on Line__c",
        ),
        ("[Signed]", "won", "no stage that the vendor flags as won: list the trigger stages; it has .*Signed"),
        ("city: City__c", "city: Town__c", r'no company field "Town__c"|Read on the field Site__c\.Town__c'),
    ],
)
def test_what_the_org_does_not_have_of_its_objects_is_named_in_one_line(desk, wrong, right, said):
    initech = desk.organization
    before = initech.dump()
    changed = RENTALS.replace(wrong, right)
    assert changed != RENTALS

    with pytest.raises(ConfigurationError, match=said) as refused:
        initech.apply_text(changed)

    assert len(str(refused.value).splitlines()) == 1
    assert initech.dump() == before


def test_a_connection_can_be_turned_to_other_objects_and_is_described_first(salesforce):
    initech = salesforce.add_organization("initech")
    desk = RentalDesk(initech)
    desk.set_up()
    sold = initech.add_opportunity()
    initech.tick()
    before = initech.calls()

    initech.apply_text(RENTALS)

    assert initech.calls() - before == 1
    rented = desk.rent("North yard")
    initech.tick()
    assert {row["external_id"] for row in initech.rows(ledger)} == {sold, rented}
    assert len(initech.rows(projects)) == len(initech.rows(project_line_items)) == 2


def test_other_objects_are_not_applied_while_the_org_cannot_be_asked(salesforce):
    initech = salesforce.add_organization("initech")
    RentalDesk(initech).set_up()
    before = initech.row().revision
    salesforce.sandbox.tokens.uninstall(initech.salesforce)

    with pytest.raises(ConfigurationError, match=r"objects: cannot be looked at: .*connect Salesforce again"):
        initech.apply_text(RENTALS)

    assert initech.row().revision == before


def test_a_lookup_of_the_orgs_own_can_lead_to_the_account_or_to_the_product(salesforce):
    initech = salesforce.add_organization("initech")
    org = initech.salesforce
    org.add_field("Opportunity", Field("End_Customer__c", "reference", "End Customer", refers_to=("Account",)))
    org.add_object("Model__c", "Model")
    org.add_field("OpportunityLineItem", Field("Model__c", "reference", "Model", refers_to=("Model__c",)))
    initech.apply(
        document="    objects:\n      customer: {field: End_Customer__c}\n"
        "      project_line_item: {item: Model__c}\n      item: {object: Model__c}\n"
    )
    initech.redescribe()
    user = org.create("Account", {"Name": "Who uses it"})
    model = org.create("Model__c", {"Name": "R-2000"})

    opportunity = initech.add_opportunity(End_Customer__c=user)
    line = next(iter(org.store.rows(org.store.table(org.schema.known("OpportunityLineItem")).select()))).Id
    org.update("OpportunityLineItem", line, {"Model__c": model})
    initech.tick()

    assert values_of(initech.rows(customers), "name") == ["Who uses it"]
    assert values_of(initech.rows(items), "name") == ["R-2000"]
    assert initech.project(opportunity)["name"] == "Ten robots"


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ("{customer: {object: Site__c}}", r"customer\.field: expected the lookup that leads .* to Site__c"),
        ("{project: {object: Order, stage: Status}}", r"project_line_item\.object: .* such as OrderItem for Order"),
        ("{project_line_item: {object: Line__c}}", r"project_line_item\.project: expected the lookup"),
        ("{project_line_item: {order: Place__c}}", r"project_line_item\.object: expected the object"),
        ("{item: {object: Model__c}}", r"project_line_item\.item: expected the lookup .* to Model__c"),
        ("{item: {object: 'Model c'}}", r"item\.object: expected an API name"),
    ],
)
def test_objects_that_do_not_fit_together_are_refused_when_they_are_read(objects, said):
    text = RENTALS.replace(RENTALS.partition("objects:")[2].partition("    pipelines:")[0], f" {objects}\n")

    with pytest.raises(ConfigurationError, match=said):
        read_text(text)


def test_only_salesforce_has_objects_of_the_orgs_own():
    text = RENTALS.replace("integration: salesforce", "integration: hubspot")

    with pytest.raises(ConfigurationError, match="HubSpot has the same objects in every account: leave objects out"):
        read_text(text)
