"""Where the values of a project come from: the vendor's record and field, or a person."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.engine.provenance import EntityProvenance, ProjectProvenance, SyncedRecord, project_provenance
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.project_edits import edit_project
from hardfin_pipelines.platform.tables import links, organization_revisions, project_line_items, projects
from hardfin_pipelines.sync.field_edits import EditProblem, parse_edit
from hardfin_pipelines_tests.engine.product import Organization
from hardfin_pipelines_tests.engine.resync_cases import undo


@pytest.fixture
def deal(sqlite_acme: Organization) -> str:
    """A synced deal with a line that has a product and one that has none."""
    made = sqlite_acme.add_deal(lines=[("Robot arm", "100.50")])
    sqlite_acme.add_line(made, ("Support", "20"), product=False)
    sqlite_acme.tick()
    return made


def provenance(acme: Organization, deal: str) -> ProjectProvenance:
    return project_provenance(acme.deployment, acme.org, deal)


def edit(acme: Organization, deal: str, *edits: str, actor: str = "cli:bob") -> None:
    with writing(acme.deployment.engine) as connection:
        cause = Cause(actor, "as agreed", acme.deployment.now())
        edit_project(connection, acme.org, acme.project(deal)["id"], [parse_edit(each) for each in edits], cause)


def record_of(entity: EntityProvenance | None) -> SyncedRecord:
    assert entity is not None
    assert entity.record is not None
    return entity.record


def field(entity: EntityProvenance | None, name: str):
    assert entity is not None
    return next(each for each in entity.fields if each.field == name)


def test_a_synced_value_names_its_record_its_version_and_its_field(sqlite_acme, deal):
    acme = sqlite_acme
    found = provenance(acme, deal)

    record = record_of(found.project)
    assert record.vendor_modified_at is not None
    assert (record.integration, record.object, record.external_id) == ("hubspot", "deals", deal)
    assert (record.connection_id, record.run_id, record.revision) == ("acme:hubspot", "run", 1)
    assert datetime.now(UTC) - timedelta(minutes=5) < record.vendor_modified_at <= record.synced_at
    name = field(found.project, "name")
    assert (name.value, name.synced, name.state, name.source.properties) == (
        "Ten robots",
        "Ten robots",
        "as synced",
        ("dealname",),
    )
    assert field(found.customer, "website").source.shown == "domain"
    assert record_of(found.customer).external_id == acme.companies_of(deal)[0]
    arm = found.lines[0]
    assert (record_of(arm).object, field(arm, "unit_price").source.shown) == ("line_items", "price")
    assert field(arm, "item").source.properties == ()
    assert found.first_sync is not None
    assert found.first_sync["stage_id"] == "closedwon"


def test_an_item_says_whether_a_product_or_a_line_made_it(sqlite_acme, deal):
    found = provenance(sqlite_acme, deal)
    arm, support = (found.items[field(line, "item").value] for line in found.lines)

    assert (record_of(arm).object, field(arm, "name").state, arm.note) == ("products", "as synced", "")
    assert (support.record, field(support, "name").state) == (None, "from a line item")
    assert support.note == "made from the name and price of a line item"


def test_an_edit_names_who_when_and_what_it_was(sqlite_acme, deal):
    acme = sqlite_acme
    line = acme.lines(deal)[0]["id"]
    edit(acme, deal, "value=130", "custom.dock=7", f"line:{line}.quantity=2", "customer.website=globex.test")
    edit(acme, deal, "value=140", actor="cli:eve")

    found = provenance(acme, deal)

    value = field(found.project, "value")
    assert (value.state, value.value, value.synced, value.source.shown) == (
        "edited in Hardfin",
        "140",
        "100.5",
        "amount",
    )
    assert [(each.actor, each.before, each.after) for each in value.edits] == [
        ("cli:eve", "130", "140"),
        ("cli:bob", "100.5", "130"),
    ]
    dock = field(found.project, "custom.dock")
    assert (dock.state, dock.value, dock.source) == ("entered in Hardfin", "7", None)
    assert field(found.lines[0], "quantity").edits[0].action == "project_line_item.edited"
    assert field(found.customer, "website").state == "edited in Hardfin"


def test_a_value_that_changed_without_an_audit_event_is_not_taken_for_the_crms(sqlite_acme, deal):
    acme = sqlite_acme
    acme.edit(projects, acme.project(deal)["id"], name="Changed in the database")

    name = field(provenance(acme, deal).project, "name")

    assert (name.state, name.synced, name.edits) == ("edited in Hardfin", "Ten robots", ())


def test_a_re_sync_takes_over_and_its_undo_gives_the_edit_back(sqlite_acme, deal):
    acme = sqlite_acme
    edit(acme, deal, "value=130")
    acme.portal.update("deals", deal, {"amount": "150"})
    acme.resync(deal)

    value = field(provenance(acme, deal).project, "value")
    assert (value.value, value.state, value.edits) == ("150", "as synced", ())
    assert record_of(provenance(acme, deal).project).run_id == "resync"

    undo(acme, deal)
    found = provenance(acme, deal)
    value = field(found.project, "value")
    assert (value.value, value.synced, [each.actor for each in value.edits]) == ("130", "100.5", ["cli:bob"])
    assert record_of(found.project).run_id == "run"
    assert found.resyncs[0].undone_by == "cli:bob"


def test_an_edit_that_a_re_sync_kept_still_has_its_author(sqlite_acme, deal):
    acme = sqlite_acme
    edit(acme, deal, "value=130")
    acme.portal.update("deals", deal, {"amount": "150", "dealname": "Twelve robots"})
    acme.resync(deal, keep_local_edits=True)

    value = field(provenance(acme, deal).project, "value")

    assert (value.value, value.synced, [each.actor for each in value.edits]) == ("130", "150", ["cli:bob"])


def test_the_mapping_is_the_one_that_was_in_force(sqlite_acme, deal):
    acme = sqlite_acme
    acme.apply(document="    mappings:\n      project: {name: dealname, description: {template: '{dealname}!'}}\n")

    assert field(provenance(acme, deal).project, "value").source.shown == "amount"
    assert record_of(provenance(acme, deal).project).revision == 1

    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    acme.resync(deal)
    found = provenance(acme, deal).project
    assert record_of(found).revision == 2
    described = field(found, "description")
    assert (described.value, described.source.shown) == ("Twelve robots!", "{dealname}!")
    assert described.source.properties == ("dealname",)


def test_a_pipelines_own_entry_is_the_source_of_its_projects(sqlite_acme):
    acme = sqlite_acme
    acme.apply(["default\n        project: {site_contact: description}"])
    made = acme.add_deal(description="Sam")
    acme.tick()

    contact = field(provenance(acme, made).project, "site_contact")

    assert (contact.value, contact.source.shown, contact.state) == ("Sam", "description", "as synced")


def test_a_default_is_told(sqlite_acme):
    acme = sqlite_acme
    acme.apply(document="    mappings:\n      project: {name: dealname, owner: {field: hs_next_step, default: Ann}}\n")
    made = acme.add_deal()
    acme.tick()

    owner = field(provenance(acme, made).project, "owner")

    assert (owner.value, owner.source.default) == ("Ann", "Ann")


def test_a_line_added_in_hardfin_and_a_document_of_another_release_are_no_obstacle(sqlite_acme, deal):
    acme = sqlite_acme
    own = acme.lines(deal)[0] | {"id": "pli_own", "name": "Added here", "position": 99}
    with writing(acme.deployment.engine) as connection:
        connection.execute(project_line_items.insert().values(**own))
        connection.execute(
            organization_revisions.update().values(document={"connections": [{"integration": "hubspot"}]})
        )
        connection.execute(links.update().values(vendor_modified_at=None, pipeline_id=""))

    found = provenance(acme, deal)

    added = found.lines[-1]
    assert (added.record, field(added, "name").state) == (None, "entered in Hardfin")
    assert record_of(found.project).vendor_modified_at is None


def test_what_is_not_there_is_refused(sqlite_acme, deal):
    with pytest.raises(Refusal, match="no synced project 'prj_none'"):
        provenance(sqlite_acme, "prj_none")


def test_an_edit_writes_only_what_differs_with_its_audit(sqlite_acme, deal):
    acme = sqlite_acme
    edit(acme, deal, "value=100.50", "name=Twelve robots")

    (event,) = [entry.event for entry in acme.audit() if entry.event.action == "project.edited"]
    assert event.changes == {"name": ("Ten robots", "Twelve robots")}
    assert (acme.project(deal)["value"], event.cause.reason) == (Decimal("100.50"), "as agreed")
    edit(acme, deal, "custom.dock=7")
    edit(acme, deal, "custom.dock=")
    assert acme.project(deal)["custom"] == {}


def test_all_edits_are_made_or_none(sqlite_acme, deal):
    acme = sqlite_acme

    with pytest.raises(
        EditProblem, match=r"line:pli_none\.quantity: project prj_.* has no line 'pli_none'; its lines are"
    ):
        edit(acme, deal, "value=1", "line:pli_none.quantity=2")

    assert acme.project(deal)["value"] == Decimal("100.50")


def test_a_line_is_found_by_its_line_items_id_too(sqlite_acme, deal):
    acme = sqlite_acme
    edit(acme, deal, f"line:{acme.lines_of(deal)[0]}.quantity=4")

    assert acme.lines(deal)[0]["quantity"] == Decimal(4)
