"""What a vendor or an operator gets wrong: one clear line at the connection it is about, and nowhere else."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import update

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens
from hardfin_pipelines.engine.vendors import VendorRegistry
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.rule_store import held_rules
from hardfin_pipelines.platform.secrets import Vault
from hardfin_pipelines.platform.tables import connections, customers
from hardfin_pipelines_tests.engine.product import IMPATIENT, SEARCH, Organization, Product
from hardfin_pipelines_tests.store_fixtures import add_connection

HTML = "<html><body>We'll be back soon</body></html>"


@pytest.fixture
def two(product: Product) -> tuple[Organization, Organization]:
    """Two organizations with something to sync each."""
    broken, sound = product.add_organization("broken"), product.add_organization("sound")
    sound.add_deal("Sound")
    broken.add_deal("Broken")
    product.deployment.vendors.hubspot.limits = IMPATIENT
    return broken, sound


def poll_both(product: Product) -> list[str]:
    """One poll over all that is due; the notes it leaves."""
    with writing(product.deployment.engine) as connection:
        connection.execute(update(connections).values(next_due_at=product.deployment.now()))
    notes = product.poll().notes
    product.run_all()
    return notes


def assert_only_it_is_told(two: tuple[Organization, Organization], status: str, *parts: str) -> str:
    broken, sound = two
    row = broken.row()
    assert row.status == status
    for part in parts:
        assert part in row.status_reason
    assert row.status_reason == row.status_reason.strip()
    assert "\n" not in row.status_reason
    assert broken.projects() == []
    assert (sound.row().status, sound.row().status_reason, sound.row().failures) == ("active", "", 0)
    assert [project["name"] for project in sound.projects()] == ["Sound"]
    return row.status_reason


def test_an_access_that_was_revoked_needs_a_person(product, two):
    two[0].portal.uninstall_app()

    notes = poll_both(product)

    reason = assert_only_it_is_told(two, "needs attention", "connect HubSpot again")
    assert notes == [f"broken:hubspot: {reason}"]
    assert poll_both(product) == []


def test_a_scope_that_is_missing_needs_a_person(product, two):
    body = (
        '{"status":"error","category":"MISSING_SCOPES","message":"no",'
        '"errors":[{"context":{"requiredGranularScopes":["crm.objects.deals.read"]}}]}'
    )
    two[0].fault(path=SEARCH, times=None, status=403, body=body)

    poll_both(product)

    assert_only_it_is_told(two, "needs attention", "crm.objects.deals.read", "connect HubSpot again")


def test_html_instead_of_json_is_tried_again_later(product, two):
    two[0].fault(path=SEARCH, times=None, status=200, body=HTML, content_type="text/html")

    poll_both(product)

    assert_only_it_is_told(two, "active", "text/html")
    assert two[0].row().failures == 1


def test_a_vendor_that_answers_500_for_ever_is_asked_less_and_less_often(product, two):
    two[0].fault(times=None, status=500, body="{}")

    for _ in range(3):
        poll_both(product)

    assert_only_it_is_told(two, "active", "500")
    assert two[0].row().failures == 3


def test_a_mapped_field_that_is_gone_from_the_account_needs_a_person(product, two):
    broken, _ = two
    broken.portal.add_property("deals", "po_number", "PO number")
    broken.redescribe()
    broken.apply(document="    mappings:\n      project: {name: dealname, custom.po: po_number}\n")
    forget_property(broken, "po_number")

    poll_both(product)

    assert_only_it_is_told(two, "needs attention", "po_number")


@pytest.mark.parametrize("what", ["pipeline", "stage"])
def test_a_pipeline_or_stage_that_is_gone_from_the_account_needs_a_person(product, two, what):
    broken, _ = two
    stages = [("Quote", Decimal("0.5"), False, "quote"), ("Signed", Decimal(1), True, "signed")]
    broken.portal.add_pipeline("Renewals", stages, "renewals")
    broken.redescribe()
    broken.apply(["renewals\n        trigger_stages: [signed]"])
    if what == "pipeline":
        broken.portal.schema.pipelines.pop("renewals")
    else:
        other = [("Quote", Decimal("0.5"), False, "quote"), ("Lost", Decimal(0), True, "lost")]
        broken.portal.add_pipeline("Renewals", other, "renewals")
    let_descriptions_age(product)

    poll_both(product)

    assert_only_it_is_told(two, "needs attention", "renewals" if what == "pipeline" else "signed")

    # Resumed without a change, it is asked about again; mended, it goes on.
    broken.pause(paused=False)
    poll_both(product)
    assert broken.row().status == "needs attention"
    broken.portal.add_pipeline("Renewals", stages, "renewals")
    broken.pause(paused=False)
    poll_both(product)
    assert broken.row().status == "active"


def test_an_integration_that_is_not_supported_is_told_at_its_connection(product, two):
    with writing(product.deployment.engine) as connection:
        add_connection(connection, "broken", "dynamics")

    notes = poll_both(product)

    told = "dynamics cannot be connected yet: this release syncs hubspot, netsuite, quickbooks and salesforce"
    assert notes == [f"broken:dynamics: {told}"]
    (row,) = [row for row in two[0].rows(connections) if row["integration"] == "dynamics"]
    assert row["status_reason"] == told
    assert row["failures"] == 1
    assert row["next_due_at"] > product.deployment.now()
    assert [project["name"] for project in two[0].projects()] == ["Broken"]


def test_a_configuration_that_cannot_be_read_stops_one_connection_only(product, two):
    with writing(product.deployment.engine) as connection:
        wrong = {"integration": "hubspot", "pipelines": "nonsense"}
        connection.execute(update(connections).where(connections.c.org == "broken").values(configuration=wrong))

    poll_both(product)

    assert_only_it_is_told(two, "active", "ValidationError")
    assert two[0].row().failures == 1


def test_a_missing_oauth_app_is_the_operators_fault_and_no_connections(product, two):
    settings = product.deployment.settings.model_copy(
        update={"hubspot_client_id": "", "hubspot_client_secret": SecretStr("")}
    )
    product.deployment.settings = settings
    product.deployment.vendors = VendorRegistry(settings, product.deployment.engine, product.deployment.vault)
    for organization in two:
        expire_token(organization)

    notes = poll_both(product)

    assert len(notes) == 2
    assert all("HARDFIN_HUBSPOT_CLIENT_ID" in note for note in notes)
    assert {organization.row().status for organization in two} == {"active"}


def test_a_key_that_does_not_open_the_credentials_is_told_in_one_line(product, two):
    product.deployment.vault = Vault(Fernet.generate_key().decode())
    product.deployment.vendors = VendorRegistry(
        product.deployment.settings, product.deployment.engine, product.deployment.vault
    )

    notes = poll_both(product)

    assert len(notes) == 2
    assert all("HARDFIN_SECRET_KEY" in note and "\n" not in note for note in notes)
    assert {organization.row().status for organization in two} == {"active"}


def test_a_disk_that_refuses_is_told_in_one_line(sqlite_product, tmp_path):
    acme = sqlite_product.add_organization()
    acme.add_deal()
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    sqlite_product.deployment.settings = sqlite_product.deployment.settings.model_copy(
        update={"landing_root": str(blocked)}
    )

    report = acme.poll()

    assert report.errors == 1
    assert str(blocked) in report.notes[0]
    with pytest.raises(Refusal, match=str(blocked)) as refused:
        acme.load()
    assert "\n" not in str(refused.value)


def test_a_vendor_that_asks_for_more_patience_is_given_it(acme):
    acme.fault(path=SEARCH, times=None, status=429, headers={"Retry-After": "7200"}, body='{"policyName":"DAILY"}')

    acme.poll()

    row = acme.row()
    assert row.status == "active"
    assert row.next_due_at is not None
    assert (row.next_due_at - acme.deployment.now()).total_seconds() > 3_500


def test_a_run_that_fails_says_why_in_one_line_and_rests(acme):
    acme.add_deal()
    acme.poll()
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    acme.fault(path="/crm/objects/*/line_items/batch/read", times=None, status=504)
    (claim,) = acme.product.claims()

    with pytest.raises(RetryLater) as failed:
        acme.product.run(claim)

    assert acme.row().status_reason == str(failed.value)
    assert "\n" not in str(failed.value)
    assert acme.product.claims() == []


# -- records that no CRM should hold, among records that are sound ---------------------------------------------------

NUMBER = "project.value from 'amount': expected a number"
MIB = "x" * 1_048_576


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (None, "the CRM gave neither its pipeline nor its stage"),
        ({"amount": "N/A"}, f"{NUMBER}, got 'N/A'"),
        ({"amount": "1e400"}, f"{NUMBER} of at most 40 digits before and 100 after the point, got '1e400'"),
        ({"closedate": "0001-01-01T00:00:00Z"}, "project.closed_on from 'closedate': expected a date from 1900 on"),
        ({"description": MIB}, "project.description from 'description': is 1,048,576 characters long; at most 65,536"),
        ({"dealname": "Ten\x00robots"}, "project.name from 'dealname': holds a NUL character: 'Ten\\x00robots'"),
        ({"dealname": "   "}, "project.name has no value ('dealname' is empty at the vendor); fill it there, or give"),
    ],
    ids=["null properties", "N/A", "1e400", "year 1", "1 MB", "NUL", "blank name"],
)
def test_a_deal_with_a_bad_value_is_set_aside_with_one_line_and_the_others_go_on(acme, values, reason):
    bad = acme.add_deal("Bad")
    acme.add_deal("Sound")
    acme.portal.set_raw("deals", bad, values)

    acme.tick()

    (aside,) = acme.rejected()
    assert aside.rejection.external_id == bad
    assert reason in aside.rejection.reason
    assert "\n" not in aside.rejection.reason
    assert len(aside.rejection.reason) < 300
    assert [project["name"] for project in acme.projects()] == ["Sound"]
    assert (acme.row().status, acme.row().failures) == ("active", 0)

    acme.portal.archive("deals", bad)  # what was wrong with it lies over it until it is made anew
    good = acme.add_deal("Good")
    acme.tick()
    assert acme.project(good)["name"] == "Good"


def test_a_deal_whose_properties_come_back_is_synced(acme):
    bad = acme.add_deal("Late")
    acme.portal.set_raw("deals", bad, None)
    acme.tick()
    assert len(acme.rejected()) == 1

    acme.portal.set_raw("deals", bad, {"amount": "5"})
    acme.tick()

    assert acme.project(bad)["value"] == Decimal(5)
    assert acme.rejected() == []


@pytest.mark.parametrize("kind", ["companies", "line_items"])
def test_a_record_a_deal_points_to_without_properties_sets_the_deal_aside_by_its_own_id(acme, kind):
    bad = acme.add_deal("Bad")
    acme.add_deal("Sound")
    (record,) = acme.companies_of(bad) if kind == "companies" else acme.lines_of(bad)
    acme.portal.set_raw(kind, record, None)

    acme.tick()

    (aside,) = acme.rejected()
    noun, field = ("company", "customer") if kind == "companies" else ("line item", "project_line_item")
    assert f"{noun} {record}: {field}.name has no value ('name' is empty at the vendor)" in aside.rejection.reason
    assert [project["name"] for project in acme.projects()] == ["Sound"]


@pytest.mark.parametrize(
    "name",
    ["\u202eevil\u202c", "\u200f\u0634\u0631\u0643\u0629", "Robots \U0001f916\U0001f468\u200d\U0001f527", "a\tb"],
    ids=["override", "right to left", "emoji", "tab"],
)
def test_odd_but_sound_text_is_kept_as_it_is(acme, name):
    deal = acme.add_deal(name)

    acme.tick()

    assert acme.project(deal)["name"] == name
    assert acme.rejected() == []


def test_a_company_that_is_its_own_parent_is_a_customer_like_any_other(acme):
    acme.portal.add_property("companies", "hs_parent_company_id", "Parent Company")
    acme.redescribe()
    acme.apply(document="    mappings:\n      customer: {name: name, custom.parent: hs_parent_company_id}\n")
    deal = acme.add_deal("Sound")
    (company,) = acme.companies_of(deal)
    acme.portal.update("companies", company, {"hs_parent_company_id": company})

    acme.tick()

    (customer,) = acme.rows(customers)
    assert customer["custom"] == {"parent": company}
    assert acme.project(deal)["customer_id"] == customer["id"]


# -- configurations that mean nothing, or two things ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            "    mappings:\n      project: {name: dealname, colour: dealtype}\n",
            "connections[0].mappings.project.colour: is no field of a project; its own fields are called custom.<name>",
        ),
        (
            "    mappings:\n      project: {name: dealname, description: {template: '{}'}}\n",
            (
                "connections[0].mappings.project.description: expected a template with vendor fields in braces, such "
                'as {name}, got "{}"'
            ),
        ),
        (
            "    mappings:\n      project: {name: dealname, owner: seller}\n",
            'connections[0].mappings.project.owner: the account has no deal field "seller"',
        ),
        (
            "    mappings:\n      project: {name: dealname, description: {template: '{dealname} by {seller}'}}\n",
            'connections[0].mappings.project.description: the account has no deal field "seller"',
        ),
    ],
    ids=["no Hardfin field", "empty template", "no vendor field", "template of nothing"],
)
def test_a_mapping_to_or_from_nothing_is_refused_by_its_place_and_changes_nothing(sqlite_acme, document, problem):
    before = sqlite_acme.row()

    with pytest.raises(ConfigurationError) as refused:
        sqlite_acme.apply(document=document)

    (line,) = str(refused.value).splitlines()
    assert problem in line
    after = sqlite_acme.row()  # the account was described again, in case it has the field since today
    assert after == replace(before, description=after.description, described_at=after.described_at)


def test_the_same_pipeline_twice_is_refused_before_anything_is_asked(sqlite_acme):
    with pytest.raises(ConfigurationError, match=r'pipelines\[1\].pipeline: is a second rule for pipeline "default"'):
        sqlite_acme.apply(["default", "default"])


@pytest.mark.parametrize("names", [["default", "Sales Pipeline"], ["Sales Pipeline", "default"]])
def test_two_rules_that_claim_one_deal_by_id_and_by_label_sync_it_once_by_the_first(sqlite_product, names):
    acme = sqlite_product.add_organization("twice", pipelines=names)
    deal = acme.add_deal()

    acme.tick()

    assert len(acme.projects()) == 1
    assert acme.project(deal)["name"] == "Ten robots"
    with reading(acme.deployment.engine) as connection:
        (rule,) = held_rules(connection, "twice")
    assert (rule.pipeline, rule.because) == (
        names[1],
        "pipelines[1].pipeline: is a second rule for the pipeline default: keep one",
    )


def forget_property(organization: Organization, name: str) -> None:
    assert organization.portal.schema.remove_property("deals", name)
    let_descriptions_age(organization.product)


def let_descriptions_age(product: Product) -> None:
    with writing(product.deployment.engine) as connection:
        old = product.deployment.now() - timedelta(days=2)
        connection.execute(update(connections).where(connections.c.org == "broken").values(described_at=old))


def expire_token(organization: Organization) -> None:
    store = StoredTokens(organization.deployment.engine, organization.deployment.vault, organization.row())
    held = store.load()
    store.save(Tokens("", held.refresh))
