"""One Dagster with a loaded organization for all browser tests, and pages of a real browser."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hardfin_pipelines.cli.dagster_process import running_dagster
from hardfin_pipelines.orchestration import launching
from hardfin_pipelines.orchestration.partitions import month_keys
from hardfin_pipelines_tests.browser.chromium import FLAGS, NoChromium, find_chromium
from hardfin_pipelines_tests.product_fixtures import CHECKOUT, Product, months_ago, running_product

SCREENS = os.environ.get("SCREENSHOT_FOLDER")
"""Where pages are kept as pictures, for people who would like to look at them."""

PATIENCE_MS = 30_000
"""How long a page may take to show something: a machine may be busy with all the other tests."""

expect.set_options(timeout=PATIENCE_MS)

EVIL_NAME = "<script>document.title='evil'</script><b>Bold & Sons</b>"


@dataclass
class Stack:
    """A running Dagster beside a product, and a deal of the organization acme that is a project."""

    product: Product
    url: str
    deal: str


@pytest.fixture(scope="module")
def chromium() -> str:
    """The path of a Chromium; without one the tests are skipped with the reason."""
    try:
        return find_chromium()
    except NoChromium as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def browser(chromium: str, stack: "Stack") -> Iterator[Browser]:
    """A browser. It comes after the stack, because playwright keeps an event loop running from here on."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def stack(chromium: str, tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Stack]:
    """Dagster's webserver, daemon and code server, and an organization whose past is loaded."""
    folder = tmp_path_factory.mktemp("stack")
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    shutil.copyfile(CHECKOUT / "dagster.yaml", dagster_home / "dagster.yaml")
    with (
        pytest.MonkeyPatch.context() as environment,
        running_product(folder / "home", environment, migrated_sqlite) as product,
    ):
        product.add_organization("acme", start_months_ago=4)
        product.enabled_since(datetime.now(UTC) - timedelta(minutes=30))
        deal = product.add_deal(name="Ten robots", at=months_ago(2))
        product.add_deal(name="Two legs", at=months_ago(1), company="Initech", lines=[("Leg", "7.25"), ("Foot", "3")])
        product.sandbox.add_portal(4_299_999, name=EVIL_NAME)
        environment.setenv("DAGSTER_HOME", str(dagster_home))
        with dg.DagsterInstance.get() as instance:
            months = month_keys(months_ago(4), datetime.now(UTC))
            assert launching.load_now(instance, "acme", months, "cli:ann").success
        with running_dagster(dagster_home, product.variables) as url:
            yield Stack(product, url, deal)


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of its own; with SCREENSHOT_FOLDER set, a picture of how it looked at the end."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(20_000)
    opened = context.new_page()
    yield opened
    if SCREENS:
        Path(SCREENS).mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=str(Path(SCREENS) / f"{request.node.name}.png"))
    context.close()
