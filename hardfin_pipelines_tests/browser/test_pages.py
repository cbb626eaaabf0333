"""The pages a data engineer works with, in a real browser."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from hardfin_pipelines.cli.dagster_api import DagsterApi, wait_until
from hardfin_pipelines_tests.browser.conftest import EVIL_NAME, Stack

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.xdist_group("browser")]

LOCATION = "__repository__@hardfin_pipelines"


def test_the_asset_graph_shows_the_groups(stack: Stack, page: Page):
    page.goto(f"{stack.url}/asset-groups")

    for group in ("hubspot", "hardfin", "ops"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    expect(page.get_by_text("fetching statuses")).to_have_count(0, timeout=20_000)


@pytest.mark.parametrize("group", ["hubspot", "hardfin", "ops"])
def test_a_group_shows_its_assets(stack: Stack, page: Page, group: str):
    page.goto(f"{stack.url}/locations/{LOCATION}/asset-groups/{group}/list")
    names = {"hubspot": "deals", "hardfin": "customers", "ops": "change_poll"}

    expect(page.get_by_text(names[group]).first).to_be_visible()
    expect(page.get_by_text("Loading...")).to_have_count(0, timeout=20_000)


def test_the_page_of_projects_says_what_it_is_and_how_many_there_are(stack: Stack, page: Page):
    page.goto(f"{stack.url}/assets/hardfin/projects?view=overview")

    expect(page.get_by_text("A won deal becomes one, once.").first).to_be_visible()
    expect(page.get_by_text("Row count").first).to_be_visible()
    expect(page.get_by_text("team:integrations").or_(page.get_by_text("integrations")).first).to_be_visible()
    expect(page.get_by_text("closed_on", exact=True).first).to_be_visible()
    expect(page.get_by_text("the day the deal was closed").first).to_be_visible()


def test_the_partitions_of_projects_are_the_organizations(stack: Stack, page: Page):
    page.goto(f"{stack.url}/assets/hardfin/projects?view=partitions")

    expect(page.get_by_text("acme", exact=True).first).to_be_visible()
    page.get_by_text("acme", exact=True).first.click()
    expect(page.get_by_text("dagster/row_count").first).to_be_visible()


def test_the_partitions_of_a_load_are_organizations_by_months(stack: Stack, page: Page):
    page.goto(f"{stack.url}/assets/hardfin/initial_load?view=partitions")

    expect(page.get_by_text("acme", exact=True).first).to_be_visible()
    expect(page.get_by_placeholder("Filter by month…")).to_be_visible()
    expect(page.get_by_text("Materialized (5)")).to_be_visible()
    expect(page.get_by_text("Failed (0)")).to_be_visible()


def test_a_project_is_resynced_from_the_launchpad(stack: Stack, page: Page):
    stack.product.portals["acme"].update("deals", stack.deal, {"dealname": "Twelve robots"})
    page.goto(f"{stack.url}/locations/{LOCATION}/jobs/resync_project/playground")

    editor = page.locator(".CodeMirror").first
    expect(editor).to_be_visible()
    for name in ("project", "preview", "keep_local_edits", "reason"):
        expect(page.locator(".CodeMirror, pre, code").get_by_text(name).first).to_be_visible()

    page.get_by_placeholder("Partition").click()
    page.get_by_text("acme", exact=True).first.click()
    expect(page.get_by_text("dagster/partition: acme").or_(page.get_by_text("partition: acme")).first).to_be_visible()
    wait_until(lambda: _typed(page, _config(stack.deal)), "the config in the editor", 20)
    page.get_by_role("button", name="Launch Run").click()

    wait_until(lambda: stack.product.project_name(stack.deal) == "Twelve robots", "the re-sync", 60)
    page.wait_for_url(re.compile(r"/runs/"))
    expect(page.get_by_text("Success").first).to_be_visible(timeout=30_000)


def _typed(page: Page, text: str) -> bool:
    """Put a text into the editor; whether it stays: choosing a partition puts the defaults back a little later."""
    page.evaluate("text => document.querySelector('.CodeMirror').CodeMirror.setValue(text)", text)
    page.wait_for_timeout(1_000)
    return bool(page.evaluate("() => document.querySelector('.CodeMirror').CodeMirror.getValue()") == text)


def _config(deal: str) -> str:
    return (
        f"ops:\n  crm_sync:\n    config:\n      project: '{deal}'\n      preview: false\n      reason: customer asked\n"
    )


def test_a_preview_is_a_table_on_the_events_page(stack: Stack, page: Page):
    stack.product.portals["acme"].update("deals", stack.deal, {"dealname": "Twenty <b>robots</b> | more"})
    config = {"ops": {"crm_sync": {"config": {"project": stack.deal}}}}
    api = DagsterApi(stack.url)
    api.wait_for_run(api.launch("resync_project", config, {"dagster/partition": "acme"}))
    page.goto(f"{stack.url}/assets/hardfin/projects?view=events")

    expect(page.get_by_text("Preview, nothing was written").first).to_be_visible()
    expect(page.get_by_role("cell", name="CRM value", exact=True)).to_be_visible()
    assert "Twenty" not in page.content()


def test_the_sandboxs_home_page_shows_names_as_text(stack: Stack, page: Page):
    page.goto(stack.product.sandbox_url)

    expect(page.get_by_text(EVIL_NAME)).to_be_visible()
    expect(page).to_have_title("HubSpot sandbox")
    assert page.locator("td b").count() == 0
    assert httpx.get(stack.product.sandbox_url).text.count("<script") == 0
