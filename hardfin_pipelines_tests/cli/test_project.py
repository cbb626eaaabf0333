"""`hardfin project`: lists, where values come from, and edits."""

import pytest

from hardfin_pipelines.engine.crm_runs import sync_organization
from hardfin_pipelines.platform.tables import audit_events, ledger, project_line_items, projects
from hardfin_pipelines_tests.cli.test_refusals import refused
from hardfin_pipelines_tests.product_fixtures import Product


@pytest.fixture
def project(acme: Product, hardfin) -> str:
    """A synced project; a second one has another name."""
    acme.add_deal(name="Renewal [bold]100%[/bold]", company="Initech", lines=[("Support", "20")])
    acme.deployment.run(sync_organization(acme.deployment, "acme", run_id="first"))
    (row,) = [row for row in acme.table_rows(projects) if row["name"] == "Ten robots"]
    return str(row["id"])


def test_list_names_projects_customers_and_deals(acme, hardfin, project):
    ended = hardfin("project", "list", "acme")
    document = hardfin("project", "list", "acme", "--json").json

    assert (ended.code, ended.err) == (0, "")
    assert "Ten robots" in ended.out
    assert "2 of 2 project(s)" in ended.out
    found = {each["project"]: each for each in document["projects"]}
    assert (found[project]["customer"], found[project]["value"]) == ("Globex", "100.50")
    assert found[project]["deal"] in {row["external_id"] for row in acme.table_rows(ledger)}


@pytest.mark.parametrize(
    ("text", "found"),
    [("TEN ROB", 1), ("initech", 1), ("%", 1), ("_", 0), ("nothing like it", 0), ("[bold]", 1), ("' OR 1=1 --", 0)],
)
def test_list_searches_names_as_they_are(acme, hardfin, project, text, found):
    document = hardfin("project", "list", "acme", "--search", text, "--json").json

    assert (document["total"], len(document["projects"])) == (found, found)


def test_list_finds_a_deal_by_its_id_and_stops_at_its_limit(acme, hardfin, project):
    deal = next(row["external_id"] for row in acme.table_rows(ledger) if row["project_id"] == project)

    assert [
        each["project"] for each in hardfin("project", "list", "acme", "--search", deal, "--json").json["projects"]
    ] == [project]
    document = hardfin("project", "list", "acme", "--limit", "1", "--json").json
    assert (document["total"], len(document["projects"])) == (2, 1)
    assert hardfin("project", "list", "acme", "--search", "zzz").out == "acme: no project with that\n"


def test_show_tells_where_each_value_comes_from(acme, hardfin, project):
    hardfin("project", "edit", "acme", project, "value=130", "--reason", "agreed by phone")

    ended = hardfin("project", "show", "acme", project)
    text = " ".join(ended.out.split())

    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "hubspot deals" in text
    assert "deals.dealname" in text
    assert "agreed by phone" in text
    assert "line_items.price" in text
    assert "mapping of revision 1" in text


def test_show_as_json_is_one_document_for_every_value(acme, hardfin, project):
    hardfin("project", "edit", "acme", project, "value=130")

    document = hardfin("project", "show", "acme", project, "--json").json

    value = next(each for each in document["project"]["fields"] if each["field"] == "value")
    assert (value["value"], value["synced_value"], value["source"], value["state"]) == (
        "130",
        "100.5",
        "amount",
        "edited in Hardfin",
    )
    assert value["edits"][0]["after"] == "130"
    assert document["project"]["record"]["object"] == "deals"
    assert document["project"]["record"]["vendor_modified_at"] is not None
    assert [line["record"]["object"] for line in document["lines"]] == ["line_items"]
    assert document["customer"]["record"]["object"] == "companies"


def test_show_tells_of_re_syncs_and_their_undo(acme, hardfin, project):
    deal = next(row["external_id"] for row in acme.table_rows(ledger) if row["project_id"] == project)
    acme.portals["acme"].update("deals", deal, {"dealname": "Twelve robots"})
    hardfin("resync", "acme", project, "--reason", "sales asked")
    hardfin("resync", "acme", project, "--undo")

    text = " ".join(hardfin("project", "show", "acme", deal).out.split())

    assert "undone by cli:" in text
    assert "sales asked" in text


def test_a_vendors_markup_is_shown_as_it_is(acme, hardfin, project):
    other = next(row["id"] for row in acme.table_rows(projects) if row["id"] != project)

    assert "Renewal [bold]100%[/bold]" in " ".join(hardfin("project", "show", "acme", other).out.split())


def test_an_edit_is_kept_by_a_re_sync_that_keeps_local_edits(acme, hardfin, project):
    line = next(row["id"] for row in acme.table_rows(project_line_items) if row["project_id"] == project)

    ended = hardfin("project", "edit", "acme", project, "value=77.10", f"line:{line}.quantity=3", "custom.dock=7")
    assert ended.code == 0, ended.err
    assert hardfin("resync", "acme", project, "--keep-local-edits").code == 0

    row = next(row for row in acme.table_rows(projects) if row["id"] == project)
    assert (str(row["value"]), row["custom"]) == ("77.10", {"dock": "7"})
    assert {row["action"] for row in acme.table_rows(audit_events)} >= {"project.edited", "project_line_item.edited"}
    assert hardfin("project", "edit", "acme", project, "value=77.1").out == f"acme: {project} is as wanted already\n"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ("value", "'value' is no edit: expected FIELD=VALUE"),
        ("value=a lot", "project.value: expected a number"),
        ("valu=1", "a project has no field 'valu'; it has name, value"),
        ("name=", "project.name: a project cannot be without it"),
        ("closed_on=tomorrow", "project.closed_on: expected a date"),
        ("currency=dollars", "project.currency: expected a currency code such as USD"),
        ("line:pli_none.quantity=1", "has no line 'pli_none'; its lines are pli_"),
        ("project_line_item.quantity=1", "name one line, as line:LINE_ID.quantity"),
        ("project.status=closed", "a project has no field 'status'"),
        ("custom.=1", "a project has no field 'custom.'"),
        ("custom.Big Name=1", "a project has no field 'custom.Big Name'"),
    ],
)
def test_a_bad_edit_is_one_line_and_changes_nothing(acme, hardfin, project, edit, says):
    before = acme.table_rows(projects)

    refused(hardfin("project", "edit", "acme", project, "description=text", edit), says)

    assert acme.table_rows(projects) == before


@pytest.mark.parametrize("words", [["show"], ["edit", "value=1"]], ids=["show", "edit"])
def test_a_project_that_is_not_there(acme, hardfin, project, words):
    command, *rest = words

    refused(hardfin("project", command, "acme", "prj_none", *rest), "acme: no synced project 'prj_none'")
    refused(hardfin("project", command, "nobody", project, *rest), "unknown organization 'nobody'")
