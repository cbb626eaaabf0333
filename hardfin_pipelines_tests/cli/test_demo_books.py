"""The demo's steps at an accounting system, over real HTTP at the sandboxes that the demo fills."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.cli import demo_books
from hardfin_pipelines.cli.sandbox_companies import finance_departments, sales_departments
from hardfin_pipelines.cli.sandbox_contract import redirect_uri
from hardfin_pipelines.cli.sandboxes import fill_sandboxes
from hardfin_pipelines.engine.configuring import configure
from hardfin_pipelines.engine.connecting import connect_account, consent_url
from hardfin_pipelines.engine.item_runs import sync_claimed_items
from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.organizations.reading import read_organizations
from hardfin_pipelines.sandbox.quickbooks.messy_catalogue import messy_catalogue
from hardfin_pipelines.settings import load_settings
from hardfin_pipelines_tests.engine.hardfin_team import Deployed, MovableDeployment

ORG = "rover-rentals"


class Rover(Deployed):
    """The organization whose sales works in HubSpot and whose finance works in QuickBooks, both connected."""

    def __init__(self, sandboxes, deployment, folder):
        self.deployment = deployment
        sandboxes.write_organizations(folder)
        deployment.run(configure(deployment, read_organizations(folder), actor="cli:ann"))
        (self.sales,) = (each for each in sandboxes.crm_accounts() if each.org == ORG and each.loads_past)
        (self.books,) = (each for each in sandboxes.erp_accounts() if each.integration == "quickbooks")
        for account in (self.sales, self.books):
            url = consent_url(deployment, ORG, account.integration, redirect_uri(account.integration))
            deployment.run(connect_account(deployment, ORG, account.integration, account.consent(url), actor="cli:ann"))

    def load(self):
        """All deals that were won."""
        end = datetime.now(UTC) + timedelta(days=1)
        self.deployment.run(load_window(self.deployment, ORG, end - timedelta(days=400), end, run_id="load"))

    def run(self, claim, run_id="run"):
        if claim.connection_id.endswith(":hubspot"):
            return super().run(claim, run_id)
        work = sync_claimed_items(self.deployment, claim.org, claim.connection_id, claim.key, run_id=run_id)
        return self.deployment.run(work)

    def tick(self):
        """The calls at the books."""
        before = self.books.calls()
        self.poll(ORG)
        self.run_all()
        return self.books.calls() - before


@pytest.fixture
def rover(tmp_path, sqlite_url, monkeypatch):
    sandboxes = fill_sandboxes(10, 7, redirects=True)
    with sandboxes.serving():
        variables = {"HARDFIN_HOME": str(tmp_path), "HARDFIN_DATABASE_URL": sqlite_url, **sandboxes.environment()}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        deployment = MovableDeployment.open(load_settings())
        yield Rover(sandboxes, deployment, tmp_path / "organizations")
        deployment.engine.dispose()
    sandboxes.close()


def test_the_items_of_what_was_sold_are_linked_and_the_others_wait_or_are_left_out(rover):
    rover.load()

    calls = rover.tick()

    items = demo_books.await_items(rover.deployment, rover.books)
    assert calls == 1
    assert items.read == rover.books.company.count("Item")
    assert items.linked > 0
    assert items.waiting > 0
    assert items.left_out == 10  # two inactive ones, three helpers, five categories
    assert demo_books.item_counts(rover.deployment, rover.books) == items


def test_with_every_product_in_hardfin_each_item_is_where_a_perfect_matcher_puts_it(rover):
    """The catalogue says of each of its rows what is right; only sales' price list is short of products."""
    departments = sales_departments(10, 7, None)
    finance, _warehouse = finance_departments(departments, 7)
    expected = messy_catalogue(finance.products, seed=7).expected
    deal = rover.sales.open_deal()
    for product in finance.products:
        rover.sales.sell(deal.id, product)
    rover.sales.move_deal(deal.id, deal.won_stage)
    rover.tick()

    rover.tick()

    items = demo_books.item_counts(rover.deployment, rover.books)
    assert items.linked == sum(each.verdict == "linked" for each in expected.values())
    assert items.waiting == 1 + sum(
        each.verdict in {"unmatched", "ambiguous", "conflict"} for each in expected.values()
    )


def test_a_mapped_item_stays_and_a_quiet_tick_is_one_call(rover):
    rover.load()
    rover.tick()
    waiting = demo_books.waiting_items(rover.deployment, rover.books)

    mapped = demo_books.map_best(rover.deployment, waiting, actor="cli:ann")
    calls = rover.tick()

    assert calls == 1
    assert demo_books.product_of(rover.deployment, rover.books, mapped.external_id) == (mapped.item_id, "decision")
    still = {each.item.external_id for each in demo_books.waiting_items(rover.deployment, rover.books)}
    assert {each.item.external_id for each in waiting} - still == {mapped.external_id}


def test_what_waits_is_linked_by_itself_once_sales_sells_it(rover):
    rover.load()
    rover.tick()
    product = rover.books.not_sold_yet
    item = demo_books.item_like(demo_books.waiting_items(rover.deployment, rover.books), product.sku)
    deal = rover.sales.open_deal(1)

    rover.sales.sell(deal.id, product)
    rover.sales.move_deal(deal.id, deal.won_stage)
    calls = rover.tick()

    assert calls == 1
    assert demo_books.await_link(rover.deployment, rover.books, item)[1] == "sku"


def test_the_table_shows_a_few_items_of_each_reason_the_surest_first(rover):
    rover.load()
    rover.tick()
    waiting = demo_books.waiting_items(rover.deployment, rover.books)

    shown = list(demo_books.rows(waiting))

    assert {len(row) for row in shown} == {len(demo_books.COLUMNS)}
    assert {row[3] for row in shown} == {each.item.reason for each in waiting}
    assert 3 <= len(shown) <= 6
    unmatched = [int(row[5].removesuffix(" %")) for row in shown if row[3] == "unmatched"]
    assert unmatched == sorted(unmatched, reverse=True)
    suggested = [each for each in waiting if each.item.reason == "unmatched" and each.suggestions]
    assert unmatched[0] == max(each.suggestions[0].score for each in suggested)
