"""A filled QuickBooks sandbox in a process of its own: `python -m benchmarks.quickbooks_process ITEMS PRODUCTS`.

It prints one JSON line with its address and credentials, then serves.
"""

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from benchmarks.messy_catalogue import messy_catalogue
from hardfin_pipelines.sandbox.quickbooks import QuickBooksSandbox
from hardfin_pipelines.sandbox.server import SandboxServer

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ServedQuickBooks:
    """Where the sandbox is, and what signs in to it."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str
    realm_id: str

    def api_calls(self) -> int:
        """Calls of the API since the last reset; those to the token endpoint are not among them."""
        entries = httpx.get(f"{self.url}/_sandbox/calls/entries", timeout=60).raise_for_status().json()
        return sum(entry["path"].startswith("/v3/company/") for entry in entries)

    def reset_calls(self) -> None:
        """Count from zero."""
        httpx.delete(f"{self.url}/_sandbox/calls", timeout=60).raise_for_status()


@contextmanager
def quickbooks_process(items: int, products: int) -> Iterator[ServedQuickBooks]:
    """A sandbox for the length of a block, with so many items of a messy catalogue."""
    command = [sys.executable, "-m", "benchmarks.quickbooks_process", str(items), str(products)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield ServedQuickBooks(**json.loads(process.stdout.readline()))
        finally:
            process.kill()


def main(items: int, products: int) -> None:
    """Fill a company and serve it until killed."""
    sandbox = QuickBooksSandbox()
    company = sandbox.add_company(name="Benchmark")
    company.settings.limits_enabled = False
    began = datetime.now(UTC) - timedelta(days=20)
    catalogue = messy_catalogue(products, items)
    # Items that a messy catalogue names alike get a number: names are unique at QuickBooks.
    taken: set[str] = set()
    for number, facts in enumerate(catalogue.items.values()):
        name = " ".join(facts.name.replace(":", " ").split())[: _LONGEST_NAME - 8] or f"Item {number}"
        if name.casefold() in taken:
            name = f"{name} #{number}"
        taken.add(name.casefold())
        values = {"Name": name, "Type": "NonInventory", "Active": True, "Sku": facts.sku[:_LONGEST_NAME]}
        company.create("Item", values, at=began + timedelta(seconds=number))
    with SandboxServer(sandbox.app) as server:
        served = ServedQuickBooks(
            url=server.url,
            client_id=sandbox.client_id,
            client_secret=sandbox.client_secret,
            refresh_token=sandbox.issue_tokens(company).refresh_token,
            realm_id=company.realm_id,
        )
        print(json.dumps(dataclasses.asdict(served)), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
