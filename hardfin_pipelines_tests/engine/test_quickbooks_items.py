"""Item sync over real HTTP: QuickBooks' sandbox, its connector, and a store, once on each database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import update

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.engine.deciding import Answer
from hardfin_pipelines.engine.item_visits import ItemReport, sync_items
from hardfin_pipelines.engine.triage import decide, list_waiting
from hardfin_pipelines.platform.connection_store import get_connection
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import call_counts, connections, cursors, links
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items
from hardfin_pipelines.sandbox.quickbooks import Company, QuickBooksSandbox
from hardfin_pipelines.sandbox.quickbooks.vendor_faults import named_fault
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import Settings
from hardfin_pipelines_tests.engine.accounting import CONNECTION, Accounting, Books
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment
from hardfin_pipelines_tests.store_fixtures import add_connection, add_organization


@dataclass
class QuickBooksAccounting(Accounting):
    """An organization with a company in the sandbox."""

    company: Company | None = None
    sandbox: QuickBooksSandbox | None = None

    def sync(self, run_id: str = "run", **more: Any) -> ItemReport:
        """One visit, by the connector that the deployment makes."""
        connect = self.deployment.erp_connector
        return self.deployment.run(
            sync_items(self.deployment, "acme", CONNECTION, run_id=run_id, connect=connect, **more)
        )

    def add(self, name: str, sku: str = "", **values: Any) -> str:
        """An item that its people make."""
        assert self.company is not None
        return self.company.create("Item", {"Name": name, "Sku": sku, "Type": "NonInventory", **values})


@pytest.fixture
def acme(database_url: str, tmp_path: Path) -> Iterator[QuickBooksAccounting]:
    """An organization whose QuickBooks connection is signed in and active."""
    sandbox = QuickBooksSandbox()
    company = sandbox.add_company(name="Acme Robotics")
    company.settings.limits_enabled = False
    with SandboxServer(sandbox.app) as server:
        settings = Settings(
            home=tmp_path / "home",
            database_url=database_url,
            landing_root=str(tmp_path / "landing"),
            secret_key=SecretStr(Fernet.generate_key().decode()),
            quickbooks_url=server.url,
            quickbooks_consent_url=f"{server.url}/connect/oauth2",
            quickbooks_token_url=f"{server.url}/oauth2/v1/tokens/bearer",
            quickbooks_revoke_url=f"{server.url}/v2/oauth2/tokens/revoke",
            quickbooks_client_id=sandbox.client_id,
            quickbooks_client_secret=SecretStr(sandbox.client_secret),
        )
        deployment = MovableDeployment.open(settings)
        issued = sandbox.issue_tokens(company)
        with writing(deployment.engine) as connection:
            add_organization(connection, "acme")
            add_connection(connection, "acme", "quickbooks", account_id=company.realm_id)
            row = get_connection(connection, "acme", CONNECTION)
            deployment.vendors.save_tokens(connection, row, Tokens(issued.access_token, issued.refresh_token))
        yield QuickBooksAccounting(deployment, Books(), company=company, sandbox=sandbox)
        deployment.engine.dispose()
    sandbox.close()


def test_a_company_from_its_first_load_to_a_merge(acme):
    acme.add_products(("itm_arm", "Robot arm", "RA-1"), ("itm_base", "Base plate", ""), ("itm_spare", "Spare", "SP-1"))
    arm, base = acme.add("Arm", "RA-1"), acme.add("Base plate")
    gripper, gone = acme.add("Gripper", "G-1", UnitPrice="12.50"), acme.add("Spare", "SP-1")
    parts = acme.company.create("Item", {"Name": "Parts", "Type": "Category"})
    child = acme.add("Claw", "C-1", SubItem=True, ParentRef={"value": parts})

    first = acme.sync()

    assert (first.kind, first.calls) == ("first load", 1)
    assert acme.by_id(links, "entity_id", "matched_by") == {
        arm: ("itm_arm", "sku"),
        base: ("itm_base", "name"),
        gone: ("itm_spare", "sku"),
    }
    assert acme.by_id(triage_items, "state") == {gripper: "open", child: "open"}
    assert acme.by_id(vendor_items, "full_name", "kind")[child][0] == "Parts:Claw"
    assert acme.by_id(vendor_items, "kind")[parts] == "helper"

    decide(acme.deployment, "acme", [Answer(gripper, "create")], actor="cli:ann")
    acme.company.update("Item", gripper, {"Name": "Another name", "Sku": "RA-1"})
    acme.company.deactivate("Item", child)
    acme.company.deactivate("Item", base)
    acme.company.delete("Item", gone)
    second = acme.sync()

    assert (second.kind, second.calls) == ("tick", 1)
    broken = acme.by_id(links, "broken_because")
    assert broken[gone].startswith("deleted at the vendor")
    assert (broken[gripper], broken[base]) == ("", "")
    assert acme.by_id(triage_items, "state") == {gripper: "created", child: "gone"}

    acme.company.reactivate("Item", child)
    acme.sync()
    assert acme.by_id(triage_items, "state")[child] == "open"
    before = [acme.rows(table) for table in (links, triage_items, vendor_items)]
    assert acme.sync().counts.numbers()["linked"] == 0
    assert before == [acme.rows(table) for table in (links, triage_items, vendor_items)]
    assert {row["purpose"]: row["calls"] for row in acme.rows(call_counts)} == {"load": 1, "tick": 3}


def test_a_load_after_a_gap_finds_what_is_gone(acme):
    acme.add_products(("itm_arm", "Robot arm", "RA-1"))
    arm, claw = acme.add("Arm", "RA-1"), acme.add("Claw")
    acme.sync()
    acme.company.delete("Item", arm)
    acme.company.delete("Item", claw)
    acme.add("Newcomer")
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(cursors).values(position=acme.deployment.now() - timedelta(days=40)))

    report = acme.sync()

    assert report.kind == "load after a gap"
    assert acme.by_id(links, "broken_because")[arm] != ""
    assert acme.by_id(triage_items, "state")[claw] == "gone"
    assert acme.sync().kind == "tick"


def test_a_failure_of_the_vendor_leaves_everything_as_it_was(acme):
    acme.add_products(("itm_arm", "Robot arm", "RA-1"))
    acme.add("Arm", "RA-1")
    acme.sandbox.faults.add(named_fault("subscription_lapsed", account=acme.company.realm_id))

    with pytest.raises(VendorError):
        acme.sync()
    assert (acme.rows(links), acme.rows(cursors)) == ([], [])
    acme.sandbox.faults.clear()
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(connections).values(status="active"))
    acme.sync()

    assert len(acme.rows(links)) == 1


def test_a_thousand_items_and_more_wait_or_are_linked(acme):
    acme.add_products(*[(f"itm_{number}", f"Product {number}", f"SKU-{number:04}") for number in range(600)])
    acme.company.create_many(
        "Item",
        [{"Name": f"Thing {number}", "Sku": f"sku-{number:04}", "Type": "NonInventory"} for number in range(1_200)],
    )

    report = acme.sync()

    assert (report.seen, report.counts.linked, report.counts.waiting) == (1_200, {"normalized sku": 600}, 600)
    assert list_waiting(acme.deployment, "acme", limit=1)[1] == 600
