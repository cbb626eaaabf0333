"""The code location as a whole: it loads, and it is what the catalog, the daemon and the deployments expect."""

import tomllib
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.metadata import ArbitraryMetadataMapping
from ruamel.yaml import YAML

from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.assets.catalog import (
    CRM_OBJECTS,
    ENTITY_ASSETS,
    OWNER,
    column_lineage,
    vendor_key,
)
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines.orchestration.schedules import TIER_CRON
from hardfin_pipelines.settings import PREFIX
from hardfin_pipelines.sync.cadence import TIERS
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ENTITY_TYPES
from hardfin_pipelines_tests.product_fixtures import CHECKOUT, Product

NETSUITE_BOOKS = {
    "netsuite/locations", "netsuite/accounts", "netsuite/prices", "netsuite/components", "netsuite/inventory",
    "netsuite/sales",
}  # fmt: skip

BOOKS = {
    "hardfin/subsidiaries", "hardfin/locations", "hardfin/ledger_accounts", "hardfin/price_levels",
    "hardfin/item_prices", "hardfin/item_costs", "hardfin/item_components", "hardfin/inventory_levels",
    "hardfin/serial_numbers", "hardfin/sales_documents", "hardfin/sales_document_lines",
}  # fmt: skip

GROUPS = {
    "hubspot": {
        "hubspot/companies", "hubspot/deals", "hubspot/line_items", "hubspot/products",
        "hubspot/companies_history", "hubspot/deals_history", "hubspot/line_items_history", "hubspot/products_history",
    },
    "salesforce": {
        "salesforce/accounts", "salesforce/opportunities", "salesforce/opportunity_line_items", "salesforce/products",
        "salesforce/accounts_history", "salesforce/opportunities_history",
        "salesforce/opportunity_line_items_history", "salesforce/products_history",
    },
    "quickbooks": {"quickbooks/items"},
    "netsuite": {"netsuite/items", *NETSUITE_BOOKS},
    "triage": {"triage/items"},
    "hardfin": {
        "hardfin/customers", "hardfin/items", "hardfin/projects", "hardfin/project_line_items", "hardfin/initial_load",
        *BOOKS,
    },
    "ops": {"ops/change_poll", "ops/sync_health", "ops/census", "ops/retention"},
}  # fmt: skip

JOBS = {
    "change_poll": {"ops/change_poll"},
    "sync_org": {
        "hubspot/companies", "hubspot/deals", "hubspot/line_items", "hubspot/products",
        "salesforce/accounts", "salesforce/opportunities", "salesforce/opportunity_line_items", "salesforce/products",
        "hardfin/customers", "hardfin/items", "hardfin/projects", "hardfin/project_line_items",
    },
    "sync_items": {"quickbooks/items", "netsuite/items", "triage/items", *NETSUITE_BOOKS, *BOOKS},
    "resync_project": {
        "hardfin/customers", "hardfin/items", "hardfin/projects", "hardfin/project_line_items",
    },
    "initial_load": {
        "hubspot/companies_history", "hubspot/deals_history", "hubspot/line_items_history", "hubspot/products_history",
        "salesforce/accounts_history", "salesforce/opportunities_history",
        "salesforce/opportunity_line_items_history", "salesforce/products_history",
        "hardfin/initial_load",
    },
    "check_health": {"ops/sync_health"},
    "census": {"ops/census"},
    "retention": {"ops/retention"},
}  # fmt: skip

SCHEDULES = {
    "poll_every_5m": ("change_poll", "*/5 * * * *"),
    "poll_every_15m": ("change_poll", "*/5 * * * *"),
    "poll_every_30m": ("change_poll", "*/5 * * * *"),
    "poll_every_60m": ("change_poll", "*/5 * * * *"),
    "poll_daily": ("change_poll", "*/5 * * * *"),
    "check_health_every_15m": ("check_health", "7,22,37,52 * * * *"),
    "census_hourly": ("census", "12 * * * *"),
    "retention_daily": ("retention", "30 3 * * *"),
}

CHECKS = {
    "hardfin/projects:has_customer",
    "hardfin/projects:linked_once",
    "hardfin/project_line_items:adds_up",
    "ops/sync_health:on_time",
    "ops/sync_health:no_attention_needed",
    "ops/sync_health:within_call_budget",
    "ops/sync_health:mapping_matches_account",
    "ops/census:every_deal_has_an_answer",
    "hardfin/initial_load:windows_close",
    "hardfin/inventory_levels:nothing_below_zero",
    "hardfin/inventory_levels:items_and_locations_exist",
    "hardfin/sales_documents:customers_and_items_exist",
    "ops/sync_health:everything_is_read",
    "triage/items:nothing_waits_long",
    "triage/items:most_items_are_linked",
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return resolved_definitions()


@pytest.fixture(scope="module")
def repository(definitions: dg.Definitions) -> dg.RepositoryDefinition:
    return definitions.get_repository_def()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_definitions_load(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_the_assets_are_these_and_in_these_groups(specs):
    found: dict[str, set[str]] = {}
    for key, spec in specs.items():
        found.setdefault(spec.group_name or "", set()).add(key)

    assert found == GROUPS


def test_the_jobs_are_these_and_of_these_assets(repository):
    jobs = {job.name: job for job in repository.get_all_jobs() if not job.name.startswith("__")}

    assert {
        name: {key.to_user_string() for key in job.asset_layer.selected_asset_keys} for name, job in jobs.items()
    } == JOBS
    assert all(job.description for job in jobs.values())


def test_only_the_health_job_runs_checks(repository):
    """A check looks at all organizations, so no run of one organization pays for it."""
    names = {
        key.to_user_string().replace("/", "__").replace(":", "_") for key in repository.asset_graph.asset_check_keys
    }
    running = {
        job.name: {node.name for node in job.nodes} & names
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }

    assert len(names) == len(CHECKS)
    assert running == {name: names if name == "check_health" else set() for name in JOBS}


def test_the_schedules_run_from_the_first_start_in_utc(repository):
    schedules = {each.name: each for each in repository.schedule_defs}

    assert {name: (each.job_name, each.cron_schedule) for name, each in schedules.items()} == SCHEDULES
    assert {each.default_status for each in schedules.values()} == {dg.DefaultScheduleStatus.RUNNING}
    assert {each.execution_timezone for each in schedules.values()} == {"UTC"}
    assert all(each.description for each in schedules.values())
    assert set(TIER_CRON) == set(TIERS)


def test_the_sensors_run_from_the_first_start(repository):
    sensors = {each.name: each for each in repository.sensor_defs}

    assert {name: each.minimum_interval_seconds for name, each in sensors.items()} == {
        "start_pending_syncs": 10,
        "org_registry": 60,
        "start_initial_loads": 20,
    }
    assert {each.default_status for each in sensors.values()} == {dg.DefaultSensorStatus.RUNNING}
    assert all(each.description for each in sensors.values())
    assert [target.job_name for target in sensors["start_pending_syncs"].targets] == ["sync_org", "sync_items"]


def test_the_checks_are_these_and_say_what_they_hold(repository):
    graph = repository.asset_graph
    found = {f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys}

    assert found == CHECKS
    assert all(graph.get_check_spec(key).description for key in graph.asset_check_keys)


def test_every_asset_says_what_it_is_and_whose(specs):
    for key, spec in specs.items():
        assert spec.description, key
        assert list(spec.owners) == [OWNER], key
        assert spec.kinds, key
    assert {key for key, spec in specs.items() if "hubspot" in spec.kinds} == GROUPS["hubspot"]


def columns(metadata: ArbitraryMetadataMapping) -> dict[str, dg.TableColumn]:
    schema: Any = metadata["dagster/column_schema"]
    return {column.name: column for column in (schema.schema if hasattr(schema, "schema") else schema).columns}


def test_every_table_shows_its_columns(specs):
    for entity in ENTITY_TYPES:
        found = columns(specs[ENTITY_ASSETS[entity].to_user_string()].metadata)
        assert list(found) == ["id", *ENTITY_FIELDS[entity]]
        assert all(column.description for column in found.values())
    for integration, roles in CRM_OBJECTS.items():
        for role in roles:
            for history in (False, True):
                found = columns(specs[vendor_key(integration, role, history=history).to_user_string()].metadata)
                assert {"id", "modified_at", "raw", "run_id"} <= set(found)
                assert all(column.description for column in found.values())


def test_columns_say_which_vendor_fields_fill_them(specs):
    for entity in ENTITY_TYPES:
        lineage = column_lineage(entity)
        names = set(columns(specs[ENTITY_ASSETS[entity].to_user_string()].metadata))
        assert set(lineage.deps_by_column) <= names
        assert {dep.asset_key for deps in lineage.deps_by_column.values() for dep in deps} <= {
            dep.asset_key for dep in specs[ENTITY_ASSETS[entity].to_user_string()].deps
        }
    assert [dep.column_name for dep in column_lineage("project").deps_by_column["name"]] == ["dealname", "Name"]


def test_what_runs_together_shares_one_partitions_definition(specs):
    together = [specs[key].partitions_def for key in JOBS["sync_org"]]
    assert {each.name for each in together if isinstance(each, dg.DynamicPartitionsDefinition)} == {"org"}
    assert len(together) == len([each for each in together if isinstance(each, dg.DynamicPartitionsDefinition)])
    assert all(isinstance(specs[key].partitions_def, dg.MultiPartitionsDefinition) for key in JOBS["initial_load"])
    assert all(specs[key].partitions_def is None for key in GROUPS["ops"])


def test_the_code_location_has_one_name_everywhere():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]
    workspace = YAML(typ="safe").load(CHECKOUT / "workspace.yaml")
    (module,) = [entry["python_module"] for entry in workspace["load_from"]]

    assert module["location_name"] == project["dg"]["project"]["code_location_name"] == "hardfin_pipelines"
    assert module["module_name"] == project["dg"]["project"]["code_location_target_module"]
    assert "dagster" not in project, "with [tool.dagster] besides, the name would stand in four places"


def test_every_option_of_a_run_says_what_it_is_for(definitions):
    for job, op in (
        ("resync_project", "crm_sync"),
        ("change_poll", "ops__change_poll"),
        ("retention", "ops__retention"),
        ("initial_load", "crm_initial_load"),
    ):
        config: Any = definitions.resolve_job_def(job).graph.node_named(op).definition.config_schema
        for name, each in config.config_type.fields.items():
            assert each.description, f"{job}: {name}"
            # A field without a default, or with None, is not in the launchpad's scaffold.
            assert each.default_provided, f"{job}: {name}"
            assert each.default_value is not None, f"{job}: {name}"


def test_no_secret_is_in_a_runs_config_tags_or_metadata(product: Product, instance: dg.DagsterInstance):
    product.add_organization("acme")
    product.add_deal()
    launching.sync_now(instance, "acme", "hubspot", "cli:ann")
    launching.resync_now(
        instance,
        "acme",
        {"project": "1", "connection": "", "preview": True, "keep_local_edits": False, "reason": ""},
        "cli:ann",
    )
    tokens = product.sandbox.tokens
    secrets = {
        product.sandbox.tokens.app.client_secret,
        product.deployment.settings.secret_key.get_secret_value(),
        *(
            token
            for kept in vars(tokens).values()
            if isinstance(kept, dict)
            for token in kept
            if isinstance(token, str)
        ),
    }

    runs = instance.get_runs()
    written = "".join(
        [str(run) + "".join(str(entry) for entry in instance.all_logs(run.run_id)) for run in runs]
        + [path.read_text(errors="replace") for path in product.home.parent.rglob("*.err")]
        + [path.read_text(errors="replace") for path in product.home.parent.rglob("*.out")]
    )

    assert len(runs) == 2
    assert len(secrets) >= 4
    assert all(run.run_config.get("resources") is None for run in runs)
    assert not [secret for secret in secrets if secret in written]
    assert PREFIX + "SECRET_KEY" not in written
