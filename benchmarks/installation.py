"""An installation of the product in a folder of its own, connected to the sandbox, and its work in other processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.connecting import connect_account
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.item_store import insert_items
from hardfin_pipelines.settings import load_settings
from hardfin_pipelines.sync.catalogue import CatalogueItem

if TYPE_CHECKING:
    # A process that is measured must not hold the sandboxes' code: a fifth of the memory would be theirs.
    from benchmarks.netsuite_process import ServedNetSuite
    from benchmarks.quickbooks_process import ServedQuickBooks
    from benchmarks.salesforce_process import ServedSalesforce
    from benchmarks.sandbox_process import ServedSandbox

ORG = "benchmark"
CONNECTION = f"{ORG}:hubspot"

WITHOUT_LIMITS = HubSpotLimits(1_000_000, 1_000_000, 1_000_000)
"""Our own limiters let everything pass: what is measured is our work, not HubSpot's pace."""

_DOCUMENT = """\
organization: {org}
plan: advanced
connections:
  - integration: hubspot
    start_date: {since:%Y-%m-%d}
    pipelines:
      - pipeline: default
"""
_SALESFORCE_DOCUMENT = """\
organization: {org}
plan: advanced
add_ons: [salesforce]
connections:
  - integration: salesforce
    start_date: {since:%Y-%m-%d}
    pipelines:
"""
_BOOKS = f"organization: {ORG}\nplan: advanced\nconnections:\n  - integration: quickbooks\n"
_WAREHOUSE = """\
organization: {org}
plan: advanced
add_ons: [netsuite]
connections:
  - integration: netsuite
    netsuite: {{account: "{account}", certificate: {certificate}}}
"""
_SECOND_PIPELINE = "      - pipeline: Service renewals\n"


@dataclass(frozen=True, slots=True)
class Installation:
    """Where an installation is.

    Attributes:
        home: Its folder.
        environment: The variables that other processes find it by.
    """

    home: Path
    environment: Mapping[str, str]

    @contextmanager
    def opened(self) -> Iterator[Deployment]:
        """Open it in this process."""
        with mock.patch.dict(os.environ, self.environment):
            deployment = Deployment.open(load_settings())
        without_limits(deployment)
        try:
            yield deployment
        finally:
            deployment.engine.dispose()

    def copied(self, home: Path) -> "Installation":
        """The same installation once more, as it is now. Its store must be a SQLite file."""
        shutil.copytree(self.home, home)
        return replace(self, home=home, environment={**self.environment, "HARDFIN_HOME": str(home)})

    def measured(self, module: str, *arguments: str) -> dict[str, Any]:
        """Let a module of the benchmarks do its work here in a process of its own; what it measured."""
        with self.started(module, *arguments) as process:
            answer, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{module} {' '.join(arguments)} ended with {process.returncode}; see above")
        measured: dict[str, Any] = json.loads(answer.splitlines()[-1])
        return measured

    @contextmanager
    def started(self, module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A process that does a module's work here; ended with the block at the latest."""
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **self.environment})
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def installed(sandbox: "ServedSandbox", *, orgs: int = 1, database_url: str = "") -> Iterator[Installation]:
    """A new installation whose organizations are connected to the sandbox's portals, in their order."""
    with tempfile.TemporaryDirectory(prefix="hardfin-benchmark-") as folder:
        home = Path(folder) / "home"
        environment = {
            "HARDFIN_HOME": str(home),
            "HARDFIN_HUBSPOT_URL": sandbox.url,
            "HARDFIN_HUBSPOT_CLIENT_ID": sandbox.client_id,
            "HARDFIN_HUBSPOT_CLIENT_SECRET": sandbox.client_secret,
            **({"HARDFIN_DATABASE_URL": database_url} if database_url else {}),
        }
        installation = Installation(home, environment)
        names = [ORG] if orgs == 1 else [f"{ORG}-{number}" for number in range(orgs)]
        with installation.opened() as deployment:
            for org, token in zip(names, sandbox.refresh_tokens, strict=True):
                _connect(deployment, org, token, sandbox)
        yield installation


@contextmanager
def installed_at_salesforce(sandbox: "ServedSalesforce") -> Iterator[Installation]:
    """A new installation whose one organization is connected to a Salesforce org."""
    with tempfile.TemporaryDirectory(prefix="hardfin-benchmark-") as folder:
        home = Path(folder) / "home"
        environment = {
            "HARDFIN_HOME": str(home),
            "HARDFIN_SALESFORCE_LOGIN_URL": sandbox.url,
            "HARDFIN_SALESFORCE_CLIENT_ID": sandbox.client_id,
            "HARDFIN_SALESFORCE_CLIENT_SECRET": sandbox.client_secret,
        }
        installation = Installation(home, environment)
        rules = "".join(f"      - pipeline: {name}\n" for name in sandbox.pipelines)
        text = _SALESFORCE_DOCUMENT.format(org=ORG, since=sandbox.since) + rules
        secret = Secret(refresh_token=sandbox.refresh_token)
        with installation.opened() as deployment:
            configuration.apply(deployment.engine, read_text(text), actor=ORG, now=deployment.now())
            deployment.run(connect_account(deployment, ORG, "salesforce", secret, actor=ORG))
        yield installation


@contextmanager
def installed_at_quickbooks(sandbox: "ServedQuickBooks", products: Sequence[CatalogueItem]) -> Iterator[Installation]:
    """A new installation whose one organization has a catalogue and is connected to a QuickBooks company."""
    with tempfile.TemporaryDirectory(prefix="hardfin-benchmark-") as folder:
        home = Path(folder) / "home"
        environment = {
            "HARDFIN_HOME": str(home),
            "HARDFIN_QUICKBOOKS_URL": sandbox.url,
            "HARDFIN_QUICKBOOKS_TOKEN_URL": f"{sandbox.url}/oauth2/v1/tokens/bearer",
            "HARDFIN_QUICKBOOKS_CLIENT_ID": sandbox.client_id,
            "HARDFIN_QUICKBOOKS_CLIENT_SECRET": sandbox.client_secret,
        }
        installation = Installation(home, environment)
        secret = Secret(refresh_token=sandbox.refresh_token, account_id=sandbox.realm_id)
        with installation.opened() as deployment:
            configuration.apply(deployment.engine, read_text(_BOOKS), actor=ORG, now=deployment.now())
            new = [(item.id, item.kind, {"name": item.name, "sku": item.sku or None}) for item in products]
            with writing(deployment.engine) as connection:
                insert_items(connection, ORG, new, deployment.now())
            deployment.run(connect_account(deployment, ORG, "quickbooks", secret, actor=ORG))
        yield installation


@contextmanager
def installed_at_netsuite(sandbox: "ServedNetSuite") -> Iterator[Installation]:
    """A new installation whose one organization is connected to a NetSuite account."""
    with tempfile.TemporaryDirectory(prefix="hardfin-benchmark-") as folder:
        home = Path(folder) / "home"
        environment = {
            "HARDFIN_HOME": str(home),
            "HARDFIN_NETSUITE_URL": sandbox.url,
            "HARDFIN_NETSUITE_CLIENT_ID": sandbox.client_id,
            "HARDFIN_NETSUITE_PRIVATE_KEY_FILE": sandbox.key_file,
        }
        installation = Installation(home, environment)
        text = _WAREHOUSE.format(org=ORG, account=sandbox.account_id, certificate=sandbox.certificate_id)
        with installation.opened() as deployment:
            configuration.apply(deployment.engine, read_text(text), actor=ORG, now=deployment.now())
            deployment.run(connect_account(deployment, ORG, "netsuite", Secret(), actor=ORG))
        yield installation


def without_limits(deployment: Deployment) -> None:
    """Let our own limiters let everything pass."""
    quickbooks = deployment.vendors.quickbooks
    quickbooks.limits = replace(quickbooks.limits, calls_per_second=1_000_000, calls_per_minute=1_000_000)
    deployment.vendors.netsuite.limits = replace(deployment.vendors.netsuite.limits, calls_per_minute=1_000_000)
    deployment.vendors.hubspot.limits = WITHOUT_LIMITS
    deployment.vendors.salesforce.limits = replace(
        deployment.vendors.salesforce.limits, calls_per_ten_seconds=1_000_000
    )


def _connect(deployment: Deployment, org: str, refresh_token: str, sandbox: "ServedSandbox") -> None:
    text = _DOCUMENT.format(org=org, since=sandbox.since) + (_SECOND_PIPELINE if sandbox.won else "")
    configuration.apply(deployment.engine, read_text(text), actor=ORG, now=deployment.now())
    secret = Secret(refresh_token=refresh_token)
    deployment.run(connect_account(deployment, org, "hubspot", secret, actor=ORG))
