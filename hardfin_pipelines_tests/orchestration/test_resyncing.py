"""The job that re-syncs one project: a preview that writes nothing, and for real."""

from typing import Any

import dagster as dg
import pytest

from hardfin_pipelines.engine.resyncing import ResyncReport
from hardfin_pipelines.engine.undoing import UndoReport
from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS
from hardfin_pipelines.orchestration.assets.crm import CRM_STEP
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines.orchestration.partitions import org_partitions
from hardfin_pipelines.orchestration.resync_tables import resync_lines, resync_markdown, undo_lines, undo_markdown
from hardfin_pipelines.platform.tables import audit_events, links, project_line_items, projects
from hardfin_pipelines.sync.resync import EntityChange, FieldChange
from hardfin_pipelines.sync.undo_plan import UndoneEntity, UndoneField
from hardfin_pipelines_tests.orchestration.test_initial_load import SYNCED
from hardfin_pipelines_tests.orchestration.test_syncing import failure_of
from hardfin_pipelines_tests.product_fixtures import Product

PROJECTS = ENTITY_ASSETS["project"]


@pytest.fixture
def deal(acme: Product, instance: dg.DagsterInstance) -> str:
    """A synced deal that sales has renamed since."""
    made = acme.add_deal(name="Ten robots")
    assert launching.sync_now(instance, "acme", "hubspot", "cli:ann").success
    acme.portals["acme"].update("deals", made, {"dealname": "Twelve robots"})
    return made


def launch(instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    """What the launchpad does: the config as scaffolded, with what a person typed."""
    instance.add_dynamic_partitions(str(org_partitions.name), ["acme"])
    job = resolved_definitions().resolve_job_def("resync_project")
    return job.execute_in_process(
        instance=instance,
        partition_key="acme",
        run_config={"ops": {CRM_STEP: {"config": config}}},
        raise_on_error=False,
    )


def test_with_the_defaults_it_previews_field_by_field_and_writes_nothing(acme, instance, deal):
    before = {table.name: acme.table_rows(table) for table in SYNCED}

    result = launch(instance, project=deal)

    assert result.success
    assert {table.name: acme.table_rows(table) for table in SYNCED} == before
    assert result.get_asset_materialization_events() == []
    (observation,) = result.get_asset_observation_events()
    shown = observation.asset_observation_data.asset_observation
    assert (shown.asset_key, shown.partition) == (PROJECTS, "acme")
    assert str(shown.description).startswith("Preview, nothing was written: re-sync of prj_")
    assert "| `name` | no | CRM value |" in str(shown.metadata["preview"].value)


@pytest.mark.parametrize("by", ["deal", "project"])
def test_asked_to_write_it_brings_the_project_up_to_the_crm(acme, instance, deal, by):
    wanted = deal if by == "deal" else acme.project_of(deal)

    result = launch(instance, project=wanted, preview=False, reason="customer asked")

    assert result.success
    assert acme.project_name(deal) == "Twelve robots"
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == PROJECTS]
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["changed"].value == 1
    assert metadata["project"].value == acme.project_of(deal)
    assert "| `name` | no | CRM value |" in str(metadata["re_sync"].value)
    assert "Twelve robots" not in str(metadata)
    assert "customer asked" in {row["reason"] for row in acme.table_rows(audit_events)}
    assert result.get_asset_check_evaluations() == []


def test_the_plan_of_a_preview_is_carried_out_and_another_is_refused(acme, instance, deal):
    (observation,) = launch(instance, project=deal).get_asset_observation_events()
    plan = str(observation.asset_observation_data.asset_observation.metadata["plan"].value)
    acme.portals["acme"].update("deals", deal, {"dealname": "Thirteen robots"})

    stale = launch(instance, project=deal, preview=False, plan=plan)

    assert not stale.success
    assert "is stale: records or their mapping changed at the CRM's side" in failure_of(stale)
    assert acme.project_name(deal) == "Ten robots"
    (observation,) = launch(instance, project=deal, plan="").get_asset_observation_events()
    plan = str(observation.asset_observation_data.asset_observation.metadata["plan"].value)
    assert launch(instance, project=deal, preview=False, plan=plan).success
    assert acme.project_name(deal) == "Thirteen robots"


def test_fields_are_chosen_in_the_config(acme, instance, deal):
    acme.portals["acme"].update("deals", deal, {"amount": "130"})

    assert launch(instance, project=deal, preview=False, keep=["project.name"], take=["project.value"]).success

    (row,) = acme.table_rows(projects)
    assert (row["name"], str(row["value"])) == ("Ten robots", "130")


def test_an_undo_is_previewed_and_done_in_the_same_job(acme, instance, deal):
    launch(instance, project=deal, preview=False)
    shown = launch(instance, project=deal, undo=True)
    assert acme.project_name(deal) == "Twelve robots"
    (observation,) = shown.get_asset_observation_events()
    assert "put back" in str(observation.asset_observation_data.asset_observation.metadata["preview"].value)

    result = launch(instance, project=deal, undo=True, preview=False, reason="wrong deal")

    assert result.success
    assert acme.project_name(deal) == "Ten robots"
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == PROJECTS]
    metadata = event.step_materialization_data.materialization.metadata
    assert (metadata["changed"].value, metadata["vendor_calls"].value) == (1, 0)
    assert "Ten robots" not in str(metadata)
    again = launch(instance, project=deal, undo=True, preview=False)
    assert "was undone already" in failure_of(again)


@pytest.mark.parametrize(("wrong", "refused"), [("project", True), ("vendor", False)])
def test_a_run_says_whether_it_was_refused_or_failed(acme, instance, deal, wrong, refused):
    if wrong == "vendor":
        acme.portals["acme"].uninstall_app()
    config = {"project": "99" if wrong == "project" else deal, "preview": False}

    result = launching.resync_now(instance, "acme", config, "cli:ann")

    assert (result.success, result.refused) == (False, refused)


def test_without_a_project_it_says_what_to_give_instead_of_syncing_everything(acme, instance):
    acme.add_deal()

    result = launch(instance)

    assert not result.success
    assert failure_of(result).startswith("resync_project: give `project` in the config")
    assert acme.count_projects() == 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [("prj_unknown", "prj_unknown"), ("99", "99")],
)
def test_an_unknown_project_fails_in_one_line(acme, instance, deal, asked, says):
    result = launch(instance, project=asked, preview=False)

    assert not result.success
    assert says in failure_of(result)
    assert "\n" not in failure_of(result)


def test_a_deal_that_is_gone_changes_nothing(acme, instance, deal):
    acme.portals["acme"].archive("deals", deal)
    before = [acme.table_rows(table) for table in (projects, project_line_items, links)]

    result = launch(instance, project=deal, preview=False)

    assert not result.success
    assert "nothing was changed" in failure_of(result)
    assert [acme.table_rows(table) for table in (projects, project_line_items, links)] == before


def test_the_table_that_dagster_keeps_for_good_holds_no_values():
    secret = "Jane Doe, +1 555 0100"
    change = EntityChange(
        "project", "prj_1", secret, "update", (FieldChange("name", secret, secret, secret, "take", edited=True),)
    )
    report = ResyncReport("prj_1", "17", "acme:hubspot", preview=True, changes=(change,), calls=4)

    table = resync_markdown(report)

    assert "| project `prj_1` | `name` | yes | CRM value |" in table.splitlines()
    assert "Jane" not in table


def test_the_log_has_a_line_for_every_change_whatever_the_values_are():
    evil = "<script>\n[x](javascript:1)" + "y" * 200
    change = EntityChange(
        "project", "prj_1", "Ten", "update", (FieldChange("name", None, evil, "old", "keep", edited=True),)
    )
    report = ResyncReport("prj_1", "17", "acme:hubspot", preview=True, changes=(change,), calls=4)

    (line,) = resync_lines(report)

    assert line.startswith("project prj_1 name: as last synced nothing, CRM now '<script> [x](javascript:1)yyy")
    assert line.endswith("…', Hardfin now 'old': keeps Hardfin's value")


def test_a_resync_that_finds_no_difference_says_so():
    report = ResyncReport("prj_1", "17", "acme:hubspot", preview=False, changes=(), calls=4)

    assert resync_markdown(report).endswith("CRM and Hardfin agree.")


def test_notes_and_the_values_of_an_undo_are_where_they_belong():
    secret = "Jane Doe"
    undone = UndoneEntity("project", "prj_1", (UndoneField("name", secret, secret, "now", put_back=False),))
    report = UndoReport("prj_1", "rsy_1", preview=True, entities=(undone,), notes=("item itm_1 stays",))

    table = undo_markdown(report)

    assert "| project `prj_1` | `name` | kept, it was changed since |" in table.splitlines()
    assert "item itm_1 stays" in table.splitlines()
    assert secret not in table
    assert list(undo_lines(report)) == [
        "project prj_1 name: before the re-sync 'Jane Doe', after it 'Jane Doe', now 'now': kept, it was changed since"
    ]
    nothing = UndoReport("prj_1", "rsy_1", preview=False, entities=(), notes=())
    assert undo_markdown(nothing).endswith("It had changed no value.")


def test_lines_that_left_the_crm_or_came_back_have_a_row():
    changes = (
        EntityChange("project_line_item", "pli_1", "Arm", "remove", ()),
        EntityChange("project_line_item", "pli_2", "Leg", "restore", ()),
    )
    report = ResyncReport("prj_1", "17", "acme:hubspot", preview=False, changes=changes, calls=4)

    rows = [row for row in resync_markdown(report).splitlines() if "pli_" in row]

    assert rows == [
        "| project line item `pli_1` | | | marked removed |",
        "| project line item `pli_2` | | | marked restored |",
    ]
