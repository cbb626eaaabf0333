"""A Salesforce organization on Dagster: initial load, ticks, re-sync and lineage, as the daemon and people do them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from hardfin_pipelines.engine.connecting import connect_account
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS, column_lineage, vendor_key
from hardfin_pipelines.orchestration.assets.crm import CRM_STEP
from hardfin_pipelines.orchestration.launching import resolved_definitions
from hardfin_pipelines.orchestration.partitions import month_keys, org_partitions
from hardfin_pipelines.orchestration.resources import open_deployment
from hardfin_pipelines.platform.tables import projects
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.sync.records import Role
from hardfin_pipelines_tests.orchestration.test_syncing import carry_out, look, metadata_of, poll
from hardfin_pipelines_tests.product_fixtures import Product, months_ago

if TYPE_CHECKING:
    from hardfin_pipelines.sync.entities import EntityType

DOCUMENT = """\
organization: initech
plan: advanced
add_ons: [salesforce]
connections:
  - integration: salesforce
    start_date: {start:%Y-%m-%d}
    pipelines: [{{pipeline: default}}]
"""
ROLES: tuple[Role, ...] = ("company", "deal", "line_item", "product")


@dataclass
class Initech:
    """An organization with a Salesforce org."""

    org: Org
    product: Product

    def sell(self, name: str, *, at: datetime, stage: str = "Closed Won") -> str:
        """An opportunity with a line."""
        org, book = self.org, self.org.standard_pricebook_id
        account = org.create("Account", {"Name": f"{name} Inc."})
        given = {"Name": name, "StageName": stage, "CloseDate": "2026-01-31", "Pricebook2Id": book}
        opportunity = org.create("Opportunity", {**given, "AccountId": account}, at=at)
        product = org.create("Product2", {"Name": f"{name} product", "IsActive": True})
        entry = org.create("PricebookEntry", {"Pricebook2Id": book, "Product2Id": product, "UnitPrice": "9.50"})
        line = {"OpportunityId": opportunity, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": "9.50"}
        org.create("OpportunityLineItem", line, at=at)
        return opportunity

    def names(self) -> list[str]:
        """The names of its projects."""
        return sorted(row["name"] for row in self.product.table_rows(projects))


@pytest.fixture
def initech(product: Product, monkeypatch: pytest.MonkeyPatch) -> Iterator[Initech]:
    sandbox = SalesforceSandbox()
    org = sandbox.add_org("initech")
    with SandboxServer(sandbox.app) as server:
        monkeypatch.setenv("HARDFIN_SALESFORCE_LOGIN_URL", server.url)
        monkeypatch.setenv("HARDFIN_SALESFORCE_CLIENT_ID", sandbox.tokens.app.client_id)
        monkeypatch.setenv("HARDFIN_SALESFORCE_CLIENT_SECRET", sandbox.tokens.app.client_secret)
        open_deployment.cache_clear()
        deployment = open_deployment()
        product.apply(DOCUMENT.format(start=months_ago(7).replace(day=1)))
        secret = Secret(refresh_token=sandbox.tokens.issue_refresh(org, org.integration_user_id))
        deployment.run(connect_account(deployment, "initech", "salesforce", secret, actor="cli:ann"))
        yield Initech(org, product)
        deployment.engine.dispose()
    sandbox.close()


def test_the_initial_load_fills_the_history_assets_by_month_and_the_entities(initech, instance):
    for ago in (5, 3, 1):
        initech.sell(f"Sold {ago} months ago", at=months_ago(ago))
    initech.sell("Open", at=months_ago(2), stage="Prospecting")
    months = month_keys(months_ago(5), months_ago(2))

    result = launching.load_now(instance, "initech", months, "cli:ann")

    assert result.success
    assert initech.names() == ["Sold 3 months ago", "Sold 5 months ago"]
    wanted = {launching.load_key("initech", name) for name in months}
    for role in ROLES:
        assert instance.get_materialized_partitions(vendor_key("salesforce", role, history=True)) == wanted
    assert result.metadata["salesforce/opportunities_history"]["records_landed"] == 2
    assert result.metadata["salesforce/opportunity_line_items_history"]["records_landed"] == 2
    assert instance.get_materialized_partitions(ENTITY_ASSETS["project"]) == {"initech"}


def test_a_tick_polls_starts_one_run_and_shows_its_counts_on_the_assets(initech, instance):
    poll(instance, "initech")
    assert [type(answer) for answer in look(instance)] == [dg.SkipReason]
    initech.sell("Ten robots", at=datetime.now(UTC) - timedelta(minutes=30))

    polled = poll(instance, "initech")
    (request,) = look(instance)

    assert polled.success
    assert dict(request.tags)["hardfin/integration"] == "salesforce"
    assert set(request.asset_selection) == {
        *ENTITY_ASSETS.values(),
        *(vendor_key("salesforce", role) for role in ROLES),
    }
    assert carry_out(instance, request).success
    assert initech.names() == ["Ten robots"]
    for role in ROLES:
        assert metadata_of(instance, vendor_key("salesforce", role))["records_landed"] == 1
    assert metadata_of(instance, vendor_key("salesforce", "deal"))["vendor_calls_of_the_visit"] == 1


def test_the_job_re_syncs_one_project_by_the_id_that_people_copy(initech, instance):
    opportunity = initech.sell("Ten robots", at=datetime.now(UTC))
    assert launching.sync_now(instance, "initech", "salesforce", "cli:ann").success
    initech.org.update("Opportunity", opportunity, {"Name": "Twelve robots"})
    instance.add_dynamic_partitions(str(org_partitions.name), ["initech"])

    result = (
        resolved_definitions()
        .resolve_job_def("resync_project")
        .execute_in_process(
            instance=instance,
            partition_key="initech",
            run_config={"ops": {CRM_STEP: {"config": {"project": opportunity[:15], "preview": False}}}},
        )
    )

    assert result.success
    assert initech.names() == ["Twelve robots"]


def test_lineage_leads_from_salesforces_objects_to_the_entities_column_by_column():
    graph = resolved_definitions().resolve_asset_graph()

    parts: dict[EntityType, Role] = {"customer": "company", "project": "deal", "item": "product"}
    for entity, role in parts.items():
        parents = graph.get(ENTITY_ASSETS[entity]).parent_keys
        assert {vendor_key("salesforce", role), vendor_key("hubspot", role)} <= set(parents)
    assert vendor_key("salesforce", "line_item") in graph.get(ENTITY_ASSETS["project_line_item"]).parent_keys
    value = [
        each.column_name
        for each in column_lineage("project").deps_by_column["value"]
        if each.asset_key == vendor_key("salesforce", "deal")
    ]
    assert value == ["Amount"]
