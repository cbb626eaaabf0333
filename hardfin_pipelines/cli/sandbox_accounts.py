"""The sandbox's accounts as the commands fill them: the generated companies, and Northwind where its CSVs are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.model import DataSet
from hardfin_pipelines.sandbox.data_sets.northwind import northwind
from hardfin_pipelines.sandbox.data_sets.summary import Summary, summarize
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.server import SandboxServer

REDIRECT_URI = "https://hardfin.example/oauth/hubspot"


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One filled account and the organization that is meant to connect to it."""

    org: str
    name: str
    portal: Portal
    holds: Summary
    since: datetime
    """The oldest modification of a deal."""


def data_sets(deals: int, seed: int, northwind_folder: Path | None) -> Iterator[tuple[str, str, DataSet]]:
    """The organizations' slugs, names and records. Without Northwind a second generated company takes its place."""
    end = datetime.now(UTC) - timedelta(hours=1)
    start = end - timedelta(days=330)
    yield (
        "rover-rentals",
        "Rover Rentals",
        robotics_rental(seed=seed, won_deals=deals, products=60, start=start, end=end),
    )
    if northwind_folder is not None:
        yield "northwind", "Northwind Traders", northwind(northwind_folder, newest_modified=end)
    else:
        other = robotics_rental(seed=seed + 1, won_deals=max(deals // 3, 1), products=30, start=start, end=end)
        yield "harvest-bots", "Harvest Bots", other


def fill(sandbox: HubSpotSandbox, deals: int, seed: int, northwind_folder: Path | None) -> list[SandboxAccount]:
    """Add an account for each data set. Both begin to count their ids at the same number, as portals may."""
    accounts = []
    for number, (org, name, data_set) in enumerate(data_sets(deals, seed, northwind_folder)):
        portal = sandbox.add_portal(4_200_001 + number, name=name)
        load_data_set(portal, data_set)
        since = min((deal.modified_at for deal in data_set.deals), default=datetime.now(UTC))
        accounts.append(SandboxAccount(org, name, portal, summarize(data_set), since))
    return accounts


@contextmanager
def serving(sandbox: HubSpotSandbox, port: int = 0) -> Iterator[str]:
    """The sandbox on a port of this machine, for the length of a block; its URL."""
    with SandboxServer(sandbox.app, port=port) as server:
        yield server.url


def environment(sandbox: HubSpotSandbox, url: str) -> dict[str, str]:
    """The variables that point Hardfin at the sandbox: base URLs and credentials, nothing else."""
    app = sandbox.tokens.app
    return {
        "HARDFIN_HUBSPOT_URL": url,
        "HARDFIN_HUBSPOT_APP_URL": url,
        "HARDFIN_HUBSPOT_CLIENT_ID": app.client_id,
        "HARDFIN_HUBSPOT_CLIENT_SECRET": app.client_secret,
    }
