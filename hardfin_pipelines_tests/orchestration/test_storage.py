"""Dagster's own storage: chosen by one variable, home and all, and pruned without losing what partitions stand on."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster_postgres import PostgresEventLogStorage

from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS
from hardfin_pipelines.orchestration.event_log import PRUNED_TAG, prune_event_log
from hardfin_pipelines.orchestration.home import ensure_dagster_home
from hardfin_pipelines.orchestration.instance_storage import URL_VARIABLE
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines_tests.orchestration.test_syncing import metadata_of, poll
from hardfin_pipelines_tests.postgresql_server import run_on_server
from hardfin_pipelines_tests.product_fixtures import CHECKOUT, Product
from hardfin_pipelines_tests.store_fixtures import shown

PROJECTS = ENTITY_ASSETS["project"]


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(
    request: pytest.FixtureRequest, acme: Product, dagster_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance by the project's dagster.yaml, on each storage it can choose."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            name = f"dagster_{uuid4().hex}"
            run_on_server(server, f"CREATE DATABASE {name}")
            stack.callback(run_on_server, server, f"DROP DATABASE {name} WITH (FORCE)")
            # As people write it: the driver is the product's business.
            monkeypatch.setenv(URL_VARIABLE, shown(server.set(database=name, drivername="postgresql")))
        else:
            monkeypatch.delenv(URL_VARIABLE, raising=False)
        yield stack.enter_context(dg.DagsterInstance.get())


def test_the_storage_is_the_one_the_variable_names_and_holds_a_run(stored, acme, request, dagster_home):
    acme.add_deal()

    result = poll(stored)

    asked = request.node.callspec.params["stored"]
    wanted = {"sqlite": SqliteEventLogStorage, "postgresql": PostgresEventLogStorage}[asked].__name__
    assert type(stored.event_log_storage).__name__ == wanted
    assert stored.get_run_by_id(result.run_id).status == dg.DagsterRunStatus.SUCCESS
    assert metadata_of(stored, dg.AssetKey(["ops", "change_poll"]))["connections_changed"] == 1
    assert (dagster_home / ".dagster" / "history").exists() == (asked == "sqlite")


def events_of(instance: dg.DagsterInstance, run_id: str) -> list[tuple[str | None, str | None]]:
    table = SqlEventLogStorageTable.c
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.run_connection(run_id) as connection:
        query = SqlEventLogStorageTable.select().where(table.run_id == run_id)
        return [(row.dagster_event_type, row.asset_key) for row in connection.execute(query)]


def test_pruning_removes_operational_events_of_old_runs_and_keeps_what_assets_stand_on(stored, acme):
    acme.add_deal()
    run = launching.sync_now(stored, "acme", "hubspot", "cli:ann")
    before = events_of(stored, run.run_id)
    later = datetime.now(UTC) + timedelta(seconds=2)

    removed = prune_event_log(stored, older_than=later)

    after = events_of(stored, run.run_id)
    kept = [event for event in before if event[1] is not None]
    assert after == kept
    assert removed == len(before) - len(kept) > 0
    assert {"ASSET_MATERIALIZATION"} <= {kind for kind, _ in after}
    assert stored.get_materialized_partitions(PROJECTS) == {"acme"}
    assert metadata_of(stored, PROJECTS)["created"] == 1
    assert stored.get_run_by_id(run.run_id).tags[PRUNED_TAG] == "yes"
    assert prune_event_log(stored, older_than=later) == 0


def test_pruning_leaves_young_runs_and_runs_at_work_alone(stored, acme):
    run = launching.sync_now(stored, "acme", "hubspot", "cli:ann")
    job = resolved_definitions().resolve_job_def("sync_org")
    running = stored.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    stored.report_engine_event("at work", running)

    assert prune_event_log(stored, older_than=datetime.now(UTC) - timedelta(days=7)) == 0
    assert None in {key for _, key in events_of(stored, run.run_id)}
    prune_event_log(stored, older_than=datetime.now(UTC) + timedelta(seconds=2))
    assert None not in {key for _, key in events_of(stored, run.run_id)}
    assert ("ENGINE_EVENT", None) in events_of(stored, running.run_id)


def test_the_retention_job_prunes_by_its_config_and_says_how_much(stored, acme):
    launching.sync_now(stored, "acme", "hubspot", "cli:ann")

    result = resolved_definitions().resolve_job_def("retention").execute_in_process(instance=stored)

    assert result.success
    numbers = metadata_of(stored, dg.AssetKey(["ops", "retention"]))
    assert numbers == {
        "events_removed": 0,
        "landed_files_removed": 0,
        "sightings_removed": 0,
        "unused_tokens_renewed": 0,
    }


def test_an_instance_without_a_home_holds_runs_too(acme):
    with dg.DagsterInstance.ephemeral() as instance:
        acme.add_deal()

        assert launching.sync_now(instance, "acme", "hubspot", "cli:ann").success
        assert instance.get_materialized_partitions(PROJECTS) == {"acme"}


def test_the_home_is_below_hardfins_own_with_the_projects_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")

    folder = ensure_dagster_home(tmp_path)

    assert folder == tmp_path / "dagster"
    assert (folder / "dagster.yaml").read_text() == (CHECKOUT / "dagster.yaml").read_text()
    with dg.DagsterInstance.get() as instance:
        assert instance.root_directory == str(folder)


def test_a_home_that_is_given_is_used_as_it_is(tmp_path, monkeypatch):
    shutil.copyfile(CHECKOUT / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    assert ensure_dagster_home(tmp_path / "other") == tmp_path
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("given", ["relative", "/nowhere/at/all"])
def test_a_home_that_cannot_be_used_is_refused_by_name(tmp_path, monkeypatch, given):
    monkeypatch.setenv("DAGSTER_HOME", given)

    with pytest.raises(Refusal, match=f"DAGSTER_HOME: .*{given}"):
        ensure_dagster_home(tmp_path)
