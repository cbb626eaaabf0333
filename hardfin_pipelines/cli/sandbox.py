"""`hardfin sandbox`: vendors' servers on this machine, filled and ready to connect to."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardfin_pipelines.cli.output import console, plain_errors, print_table
from hardfin_pipelines.engine.refusals import Refusal

if TYPE_CHECKING:
    # Loaded where they are used: no other command waits for the vendors' servers.
    from hardfin_pipelines.cli.sandbox_contract import SandboxAccount, VendorSandbox
    from hardfin_pipelines.cli.sandboxes import Sandboxes

app = typer.Typer(no_args_is_help=True, help="Local servers that behave as the vendors do.")

Northwind = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The folder of Northwind's CSVs; left out, a generated company.")
]
Organizations = Annotated[
    Path, typer.Option(metavar="DIR", help="Where the YAML of the organizations that connect to it is written.")
]


@app.callback()
def sandbox() -> None:
    """Local servers that behave as the vendors do."""


@app.command("up")
def up(
    *,
    port: Annotated[int, typer.Option(help="The first vendor's port, the next ones follow; 0 takes free ones.")] = 8470,
    deals: Annotated[int, typer.Option(min=1, help="Won deals of the first generated company.")] = 120,
    seed: Annotated[int, typer.Option(help="The generated companies' random seed.")] = 7,
    latency_ms: Annotated[float, typer.Option(min=0, help="Added to every request.")] = 0.0,
    northwind: Northwind = None,
    organizations: Organizations = Path(".hardfin/sandbox"),
) -> None:
    """Serve all vendors' sandboxes, with companies at work there, until Ctrl-C; say how to connect them."""
    from hardfin_pipelines.cli.sandboxes import fill_sandboxes
    from hardfin_pipelines.sandbox.data_sets.csv_tables import DataSetError

    with plain_errors(DataSetError):
        sandboxes = fill_sandboxes(deals, seed, northwind, latency_ms=latency_ms)
    try:
        with sandboxes.serving(port):
            _write(sandboxes, organizations)
            _describe(sandboxes, organizations)
            try:
                while True:
                    time.sleep(1)
            except KeyboardInterrupt:
                console.print("\nsandbox down")
    finally:
        sandboxes.close()


def _write(sandboxes: "Sandboxes", folder: Path) -> None:
    try:
        sandboxes.write_organizations(folder)
    except OSError as error:
        raise Refusal(f"--organizations {folder}: {error.strerror or error}; give a folder to write to") from None


def _describe(sandboxes: "Sandboxes", folder: Path) -> None:
    """What there is, and lines to copy: variables first, then the commands that connect each account."""
    for vendor in sandboxes.vendors:
        _show(vendor, sandboxes.urls[vendor.integration])
    console.print("\nPoint Hardfin at them:")
    tokens = {
        _variable(account): account.issue_refresh_token() for account in sandboxes.accounts if account.needs_consent
    }
    for name, value in {**sandboxes.environment(), **tokens}.items():
        _line(f"export {name}={value}")
    console.print("Apply the organizations' YAML, and connect each account, by its refresh token or by our key:")
    _line(f"hardfin org apply {folder}")
    for account in sandboxes.accounts:
        words = ["hardfin org connect", account.org, account.integration, *account.connect_options]
        _line(" ".join([*words, *(["--refresh-token-from", _variable(account)] if account.needs_consent else [])]))
    console.print("\nOpen an address above to see what is there. Ctrl-C ends it.")


def _show(vendor: "VendorSandbox", url: str) -> None:
    counted = list(vendor.accounts[0].contents()) if vendor.accounts else []
    rows = [(each.org, each.account_id, *each.contents().values()) for each in vendor.accounts]
    columns = ["organization", "account", *counted]
    print_table(f"{vendor.vendor} sandbox at {url}", columns, rows, unbroken=["account"])


def _variable(account: "SandboxAccount") -> str:
    """The name of the variable that holds an account's refresh token."""
    return f"{account.org}_{account.integration}_token".upper().replace("-", "_")


def _line(command: str) -> None:
    """A line of its own, so that it can be copied."""
    console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
