"""`hardfin resync`: choices, approved plans, undo, and how it ends."""

import pytest

from hardfin_pipelines.engine.crm_runs import sync_organization
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import audit_events, ledger, projects
from hardfin_pipelines_tests.cli.test_refusals import refused
from hardfin_pipelines_tests.product_fixtures import Product


@pytest.fixture
def project(acme: Product, hardfin) -> str:
    """A synced project whose deal sales has renamed since."""
    acme.deployment.run(sync_organization(acme.deployment, "acme", run_id="first"))
    (row,) = acme.table_rows(ledger)
    acme.portals["acme"].update("deals", row["external_id"], {"dealname": "Twelve robots", "amount": "130"})
    return str(row["project_id"])


def names(acme: Product) -> list[str]:
    return [row["name"] for row in acme.table_rows(projects)]


def rename(acme: Product, name: str) -> None:
    with writing(acme.deployment.engine) as connection:
        connection.execute(projects.update().values(name=name))


def test_fields_are_chosen_one_by_one(acme, hardfin, project):
    ended = hardfin(
        "resync", "acme", project, "--keep", "project.name", "--keep-local-edits", "--take", "project.value"
    )

    assert (ended.code, ended.err) == (0, "")
    (row,) = acme.table_rows(projects)
    assert (row["name"], str(row["value"])) == ("Ten robots", "130")


def test_a_plan_is_printed_and_carried_out_or_refused_as_stale(acme, hardfin, project):
    preview = hardfin("resync", "acme", project, "--preview")
    plan = hardfin("resync", "acme", project, "--preview", "--json").json["plan"]
    assert f"plan {plan}" in preview.out
    rename(acme, "Edited meanwhile")

    refused(hardfin("resync", "acme", project, "--plan", plan), "stale", "values were edited in Hardfin")
    assert names(acme) == ["Edited meanwhile"]

    now = hardfin("resync", "acme", project, "--preview", "--json").json["plan"]
    assert hardfin("resync", "acme", project, "--plan", now).code == 0
    assert names(acme) == ["Twelve robots"]


def test_an_undo_is_shown_and_done_once(acme, hardfin, project):
    hardfin("resync", "acme", project)

    shown = hardfin("resync", "acme", project, "--undo", "--preview")
    document = hardfin("resync", "acme", project, "--undo", "--preview", "--json").json
    assert "would put back 2 field(s) of 1 record(s)" in " ".join(shown.out.split())
    assert {each["field"]: each["before"] for each in document["changes"]} == {"name": "Ten robots", "value": "100.50"}
    assert names(acme) == ["Twelve robots"]

    ended = hardfin("resync", "acme", project, "--undo", "--reason", "wrong deal")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"acme: undid re-sync {document['resync']} of {project}")
    assert names(acme) == ["Ten robots"]
    assert "project.resync_undone" in {row["action"] for row in acme.table_rows(audit_events)}
    refused(hardfin("resync", "acme", project, "--undo"), "was undone already")


def test_an_undo_does_not_run_over_an_edit(acme, hardfin, project):
    resync_id = hardfin("resync", "acme", project, "--json").json["assets"]["hardfin/projects"]["undo_with"]
    rename(acme, "Edited since")

    refused(hardfin("resync", "acme", project, "--undo", "--resync", resync_id), "project.name changed since")
    assert hardfin("resync", "acme", project, "--undo", "--keep-local-edits").code == 0
    (row,) = acme.table_rows(projects)
    assert (row["name"], str(row["value"])) == ("Edited since", "100.50")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--keep", "project.nothing"], "does not touch 'nothing'"),
        (["--keep", "line:1.quantity"], "no line '1'"),
        (["--take", "quantity"], "names no field"),
        (["--plan", "what"], "expected the plan that a preview printed"),
        (["--undo"], "there is nothing to undo"),
        (["--undo", "--plan", "x"], "leave out --keep, --take and --plan"),
        (["--resync", "rsy_1"], "give --undo, too"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_as_asked_ends_with_2_and_starts_no_run(acme, hardfin, project, words, says):
    calls = len(acme.portals["acme"].calls)

    refused(hardfin("resync", "acme", project, *words), says)

    assert len(acme.portals["acme"].calls) == calls


def test_a_vendor_that_fails_ends_with_1(acme, hardfin, project):
    acme.portals["acme"].uninstall_app()

    refused(hardfin("resync", "acme", project), "revoked", code=1)


def test_a_connection_that_is_paused_is_not_re_synced_but_undone(acme, hardfin, project):
    hardfin("resync", "acme", project)
    hardfin("org", "pause", "acme", "hubspot")

    refused(hardfin("resync", "acme", project), "acme:hubspot is paused")
    assert hardfin("resync", "acme", project, "--undo").code == 0
    assert names(acme) == ["Ten robots"]


def test_the_help_names_every_option(product, hardfin):
    text = hardfin("resync", "--help").out

    for option in ("--preview", "--plan", "--keep", "--take", "--keep-local-edits", "--undo", "--resync", "--reason"):
        assert option in text
