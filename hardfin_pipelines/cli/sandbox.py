"""`hardfin sandbox`: vendors' servers on this machine, filled and ready to connect to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hardfin_pipelines.cli.output import console, plain_errors, print_table
from hardfin_pipelines.cli.sandbox_accounts import SandboxAccount, environment, fill, serving
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.sandbox.data_sets.csv_tables import DataSetError
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox

app = typer.Typer(no_args_is_help=True, help="Local servers that behave as the vendors do.")

Northwind = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The folder of Northwind's CSVs; left out, a generated company.")
]


@app.callback()
def sandbox() -> None:
    """Local servers that behave as the vendors do."""


@app.command("up")
def up(
    *,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8470,
    deals: Annotated[int, typer.Option(min=1, help="Won deals of the generated company.")] = 120,
    seed: Annotated[int, typer.Option(help="The generated company's random seed.")] = 7,
    latency_ms: Annotated[float, typer.Option(min=0, help="Added to every request.")] = 0.0,
    northwind: Northwind = None,
) -> None:
    """Serve a HubSpot with two accounts until Ctrl-C, and print what connects to them."""
    server = HubSpotSandbox(latency_ms=latency_ms)
    with plain_errors(DataSetError):
        accounts = fill(server, deals, seed, northwind)
    try:
        with _on_port(server, port) as url:
            _describe(server, url, accounts)
            try:
                while True:
                    time.sleep(1)
            except KeyboardInterrupt:
                console.print("\nsandbox down")
    finally:
        server.close()


@contextmanager
def _on_port(server: HubSpotSandbox, port: int) -> Iterator[str]:
    try:
        with serving(server, port) as url:
            yield url
    except OSError as error:
        reason = error.strerror or error
        raise Refusal(f"--port {port}: {reason}; give another one, or 0 for one that is free") from None


def _describe(server: HubSpotSandbox, url: str, accounts: list[SandboxAccount]) -> None:
    """What it holds, and lines to copy: variables first, then a refresh token for each account."""
    rows = [(each.org, each.portal.hub_id, each.holds.won_deals, each.holds.deals) for each in accounts]
    print_table(f"HubSpot sandbox at {url}", ["organization", "account", "won deals", "all deals"], rows)
    console.print("\nPoint Hardfin at it, and connect an account by its refresh token:")
    lines = {
        **environment(server, url),
        **{f"{each.org.upper().replace('-', '_')}_TOKEN": each.portal.issue_refresh_token() for each in accounts},
    }
    for name, value in lines.items():
        console.print(f"  export {name}={value}", markup=False, highlight=False, soft_wrap=True)
    org = accounts[0].org
    command = f"hardfin org connect {org} hubspot --refresh-token-from {org.upper().replace('-', '_')}_TOKEN"
    console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\nOpen {url} to see what it holds. Ctrl-C ends it.", markup=False, soft_wrap=True)
