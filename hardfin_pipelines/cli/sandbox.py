"""`hardfin sandbox`: vendors' servers on this machine, filled and ready to connect to."""

import time
from pathlib import Path
from typing import Annotated

import typer

from hardfin_pipelines.cli.output import console, plain_errors, print_table
from hardfin_pipelines.cli.sandbox_accounts import environment, fill, serving
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
    with serving(server, port) as url:
        print_table(
            f"HubSpot sandbox at {url}",
            ["organization", "account", "won deals", "all deals", "refresh token"],
            [
                (
                    each.org,
                    each.portal.hub_id,
                    each.holds.won_deals,
                    each.holds.deals,
                    each.portal.issue_refresh_token(),
                )
                for each in accounts
            ],
        )
        console.print("Point Hardfin at it:")
        for name, value in environment(server, url).items():
            console.print(f"  export {name}={value}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"Open {url} to see what it holds. Ctrl-C ends it.", markup=False)
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            console.print("\nsandbox down")
    server.close()
