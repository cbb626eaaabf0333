"""The vendors' sandboxes as the commands fill and serve them: what holds of each vendor alike, over real HTTP."""

import socket
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from hardfin_pipelines.cli.sandbox_companies import SalesDepartment, sales_departments
from hardfin_pipelines.cli.sandbox_contract import redirect_uri
from hardfin_pipelines.cli.sandbox_hubspot import HubSpotServer
from hardfin_pipelines.cli.sandbox_salesforce import SalesforceServer
from hardfin_pipelines.cli.sandboxes import Sandboxes, fill_sandboxes, organization_documents
from hardfin_pipelines.engine.configuring import configure
from hardfin_pipelines.engine.connecting import connect_account, consent_url
from hardfin_pipelines.engine.explaining import ExplainRequest, explain_record
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.organizations.reading import read_organizations, read_text
from hardfin_pipelines.organizations.writing import to_yaml
from hardfin_pipelines.platform.tables import items, ledger, project_line_items, projects
from hardfin_pipelines.sandbox.data_sets.model import Product
from hardfin_pipelines.settings import load_settings
from hardfin_pipelines_tests.engine.hardfin_team import Deployed, MovableDeployment

ORGS = {"hubspot": "rover-rentals", "salesforce": "summit-service"}
EVERY = {**ORGS, "quickbooks": "rover-rentals"}
CART = Product("cart", "Cart that follows", "CART-1", Decimal(4900), "Carries what a picker picks")


class AtSandboxes(Deployed):
    """A deployment that only variables point at the sandboxes."""

    def __init__(self, sandboxes: Sandboxes, deployment: MovableDeployment, folder: Path) -> None:
        self.deployment = deployment
        self.sandboxes = sandboxes
        self.organizations = {account.org: account for account in sandboxes.accounts}
        sandboxes.write_organizations(folder)
        deployment.run(configure(deployment, read_organizations(folder), actor="cli:ann"))

    def account(self, integration):
        own = [each for each in self.sandboxes.accounts if each.integration == integration]
        return next(each for each in own if each.org == EVERY[integration])

    def consent_url(self, integration):
        return consent_url(self.deployment, EVERY[integration], integration, redirect_uri(integration))

    def connect(self, integration, secret):
        return self.deployment.run(
            connect_account(self.deployment, EVERY[integration], integration, secret, actor="cli:ann")
        )

    def project(self, integration, deal):
        (entry,) = [row for row in self.rows(ledger, ORGS[integration]) if row["external_id"] == deal]
        (project,) = [row for row in self.rows(projects) if row["id"] == entry["project_id"]]
        return project


@pytest.fixture(scope="module")
def sandboxes():
    filled = fill_sandboxes(10, 7, redirects=True)
    with filled.serving():
        yield filled
    filled.close()


@pytest.fixture
def at_sandboxes(sandboxes, tmp_path, sqlite_url, monkeypatch):
    variables = {"HARDFIN_HOME": str(tmp_path), "HARDFIN_DATABASE_URL": sqlite_url, **sandboxes.environment()}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    deployment = MovableDeployment.open(load_settings())
    yield AtSandboxes(sandboxes, deployment, tmp_path / "organizations")
    deployment.engine.dispose()


@pytest.mark.parametrize("integration", EVERY)
def test_consent_as_a_person_gives_it_connects_the_account(at_sandboxes, integration):
    account = at_sandboxes.account(integration)
    before = account.calls()

    row = at_sandboxes.connect(integration, account.consent(at_sandboxes.consent_url(integration)))

    assert (row.status, row.account_id) == ("active", account.account_id)
    assert account.calls() > before


@pytest.mark.parametrize("integration", EVERY)
def test_a_refresh_token_connects_the_account_too(at_sandboxes, integration):
    account = at_sandboxes.account(integration)

    secret = Secret(refresh_token=account.issue_refresh_token(), account_id=account.account_id)
    row = at_sandboxes.connect(integration, secret)

    assert (row.status, row.account_id) == ("active", account.account_id)


@pytest.mark.parametrize("integration", ORGS)
def test_an_open_deal_that_sales_renames_and_wins_is_found_by_a_tick(at_sandboxes, integration):
    account = at_sandboxes.account(integration)
    at_sandboxes.connect(integration, Secret(refresh_token=account.issue_refresh_token()))
    found = account.open_deal()
    account.edit_deal(found.id, "name", "Ten robots for the night shift")
    account.edit_deal(found.id, "description", "Deliver before noon.")

    account.move_deal(found.id, found.won_stage)
    at_sandboxes.poll(account.org)
    at_sandboxes.run_all()

    project = at_sandboxes.project(integration, found.id)
    assert (project["name"], project["description"]) == ("Ten robots for the night shift", "Deliver before noon.")
    assert project["customer_id"]


def test_the_salesforce_org_has_record_types_an_object_of_its_own_and_a_mapping_that_leads_there(at_sandboxes):
    account = at_sandboxes.account("salesforce")
    row = at_sandboxes.connect("salesforce", Secret(refresh_token=account.issue_refresh_token()))
    assert len(row.description["pipelines"]) > 2
    assert row.description["parents"] == ["Site__c"]
    found = account.open_deal()

    account.move_deal(found.id, found.won_stage)
    at_sandboxes.poll(account.org)
    at_sandboxes.run_all()

    project = at_sandboxes.project("salesforce", found.id)
    assert project["site_contact"].endswith(" main site")
    assert project["custom"]["site_city"]


@pytest.mark.parametrize("integration", ORGS)
def test_a_product_that_sales_has_just_put_on_its_price_list_comes_with_the_deal(at_sandboxes, integration):
    account = at_sandboxes.account(integration)
    at_sandboxes.connect(integration, Secret(refresh_token=account.issue_refresh_token()))
    found = account.open_deal()

    account.sell(found.id, CART)
    account.move_deal(found.id, found.won_stage)
    at_sandboxes.poll(account.org)
    at_sandboxes.run_all()

    project = at_sandboxes.project(integration, found.id)
    (item,) = [row for row in at_sandboxes.rows(items) if row["sku"] == CART.sku]
    (line,) = [row for row in at_sandboxes.rows(project_line_items) if row["item_id"] == item["id"]]
    assert item["name"] == CART.name
    assert (line["project_id"], line["amount"]) == (project["id"], CART.price)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("opportunity", "deal"),
        ("deal", "deal"),
        ("Account", "company"),
        ("opportunity line item", "line_item"),
        ("opportunity-line-item", "line_item"),
        ("OpportunityLineItem", "line_item"),
        ("product", "product"),
    ],
)
def test_records_of_salesforce_can_be_called_by_salesforces_own_words(at_sandboxes, word, role):
    account = at_sandboxes.account("salesforce")
    at_sandboxes.connect("salesforce", Secret(refresh_token=account.issue_refresh_token()))

    report = at_sandboxes.deployment.run(
        explain_record(at_sandboxes.deployment, ExplainRequest(account.org, "salesforce", word, "0065e0000000002AAA"))
    )

    assert (report.record.role, report.connection.vendor) == (role, "Salesforce")


def test_items_of_an_accounting_system_are_referred_to_the_commands_that_show_them(at_sandboxes):
    request = ExplainRequest(EVERY["quickbooks"], "quickbooks", "item", "6")

    with pytest.raises(Refusal, match="`hardfin triage show` and `hardfin item show`"):
        at_sandboxes.deployment.run(explain_record(at_sandboxes.deployment, request))


@pytest.mark.parametrize("integration", EVERY)
def test_consent_that_the_vendor_refuses_says_where_and_why(at_sandboxes, integration):
    asked = consent_url(at_sandboxes.deployment, EVERY[integration], integration, "https://elsewhere.example/back")

    with pytest.raises(Refusal) as refused:
        at_sandboxes.account(integration).consent(asked)

    assert urlsplit(asked)._replace(query="").geturl() in str(refused.value)
    assert "400" in str(refused.value)
    assert "code_challenge=" not in str(refused.value)


def test_consent_that_the_org_admin_blocks_gives_salesforces_reason(at_sandboxes, sandboxes):
    account = at_sandboxes.account("salesforce")
    url = sandboxes.urls["salesforce"]
    app = f"{url}/_sandbox/orgs/{account.account_id}/app"
    assert httpx.patch(app, json={"installed": False}).is_success
    try:
        with pytest.raises(Refusal, match="gave no consent: user is not admin approved to access this app"):
            account.consent(at_sandboxes.consent_url("salesforce"))
    finally:
        httpx.patch(app, json={"installed": True})


def test_every_account_says_what_it_holds(sandboxes):
    held = [(account.org, account.integration, *account.contents().values()) for account in sandboxes.accounts]

    assert held == [
        ("rover-rentals", "hubspot", 10, 15),
        ("harvest-bots", "hubspot", 3, 4),
        ("summit-service", "salesforce", 3, 4),
        ("rover-rentals", "salesforce", 3, 4),
        ("rover-rentals", "quickbooks", 76, 78),
        ("rover-rentals", "netsuite", 60, 120, 8),
    ]


def test_an_organization_with_accounts_at_two_vendors_has_one_document():
    records = sales_departments(10, 7, None)[0].records
    hubspot = HubSpotServer([SalesDepartment("acme", "Acme", "hubspot", records)])
    salesforce = SalesforceServer([SalesDepartment("acme", "Acme", "salesforce", records)])
    together = Sandboxes([hubspot, salesforce])
    try:
        (document,) = organization_documents(together.accounts).values()
    finally:
        together.close()

    (read,) = read_text(to_yaml(document))
    assert read.configuration.add_ons == ("salesforce",)
    assert [each.integration for each in read.configuration.connections] == ["hubspot", "salesforce"]


def test_the_first_companys_sales_and_finance_are_one_organization(sandboxes):
    documents = organization_documents(sandboxes.accounts)

    connected = {org: [each["integration"] for each in document["connections"]] for org, document in documents.items()}
    assert connected == {
        "rover-rentals": ["hubspot", "salesforce", "quickbooks", "netsuite"],
        "harvest-bots": ["hubspot"],
        "summit-service": ["salesforce"],
    }
    assert [account.org for account in sandboxes.erp_accounts()] == ["rover-rentals", "rover-rentals"]


def a_port_with_a_free_one_after_it() -> int:
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except (OSError, OverflowError):
                continue


def test_vendors_take_ports_one_after_the_other():
    empty = Sandboxes([HubSpotServer([]), SalesforceServer([])])
    port = a_port_with_a_free_one_after_it()

    with empty.serving(port) as urls:
        ports = {name: urlsplit(url).port for name, url in urls.items()}
        titles = [httpx.get(url).text.partition("<title>")[2].partition("</title>")[0] for url in urls.values()]

    assert ports == {"hubspot": port, "salesforce": port + 1}
    assert titles == ["HubSpot sandbox", "Salesforce sandbox"]
    assert empty.urls == {}


def test_a_port_that_is_taken_is_named_with_its_vendor_and_the_others_end():
    empty = Sandboxes([HubSpotServer([]), SalesforceServer([])])
    port = a_port_with_a_free_one_after_it()

    with (
        socket.create_server(("127.0.0.1", port + 1)),
        pytest.raises(Refusal, match=rf"--port {port}: Salesforce cannot be served on {port + 1} \(.*in use"),
        empty.serving(port),
    ):
        pytest.fail("it was served")

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}")


@pytest.mark.shared_data
def test_northwind_takes_the_place_of_the_second_company(shared_data):
    rover, second, third, bought = sales_departments(10, 7, shared_data / "northwind")

    assert (bought.org, bought.integration, bought.loads_past) == ("rover-rentals", "salesforce", False)
    assert (rover.org, third.org, third.integration) == ("rover-rentals", "summit-service", "salesforce")
    assert (second.org, second.integration, second.summary().deals) == ("northwind", "hubspot", 830)
    assert second.since() < datetime.now(UTC)
