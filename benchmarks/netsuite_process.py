"""A filled NetSuite sandbox in a process of its own: `python -m benchmarks.netsuite_process ITEMS STOCK_ROWS KEY_FILE`.

It writes our key to the file, prints one JSON line with its address and credentials, then serves.
"""

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from hardfin_pipelines.cli.sandbox_netsuite import certificate_of, write_key
from hardfin_pipelines.sandbox.netsuite import NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.load import load_bulk
from hardfin_pipelines.sandbox.server import SandboxServer


@dataclass(frozen=True, slots=True)
class ServedNetSuite:
    """Where the sandbox is, and what signs in to it."""

    url: str
    client_id: str
    account_id: str
    certificate_id: str
    key_file: str

    def api_calls(self) -> int:
        """Calls since the last reset; those to the token endpoint are not among them."""
        entries = httpx.get(f"{self.url}/_sandbox/calls/entries", timeout=60).raise_for_status().json()
        return sum("/auth/oauth2/" not in entry["path"] for entry in entries)

    def reset_calls(self) -> None:
        """Count from zero."""
        httpx.delete(f"{self.url}/_sandbox/calls", timeout=60).raise_for_status()

    def most_in_flight(self) -> int:
        """The most requests that were under way at once."""
        told = httpx.get(f"{self.url}/_sandbox/accounts/{self.account_id}", timeout=60).raise_for_status().json()
        return int(told["most_in_flight"])


@contextmanager
def netsuite_process(items: int, stock_rows: int, folder: Path) -> Iterator[ServedNetSuite]:
    """A sandbox for the length of a block, with so many items and rows of stock; our key is in the folder."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.netsuite_process",
        str(items),
        str(stock_rows),
        str(folder / "key.pem"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield ServedNetSuite(**json.loads(process.stdout.readline()))
        finally:
            process.kill()


def main(items: int, stock_rows: int, key_file: Path) -> None:
    """Fill an account and serve it until killed."""
    sandbox = NetSuiteSandbox()
    sandbox.clock.advance(-3600)  # nothing has changed lately
    account = sandbox.add_account("1234567", name="Benchmark", tier="premium")
    load_bulk(account, items=items, stock_rows=stock_rows)
    sandbox.clock.advance(3600)
    mapped = sandbox.keys.add_certificate(account, certificate_of(write_key(key_file)))
    with SandboxServer(sandbox.app) as server:
        served = ServedNetSuite(server.url, sandbox.client_id, account.id, mapped.kid, str(key_file))
        print(json.dumps(dataclasses.asdict(served)), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
