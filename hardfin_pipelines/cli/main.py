"""The commands, put together."""

import sys

import typer

from hardfin_pipelines.cli import demo, organizations, sandbox, status, work
from hardfin_pipelines.cli.output import REFUSED, errors
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import DatabaseError
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.settings import SettingsError

app = typer.Typer(
    name="hardfin",
    help="The integration engine of Hardfin: won CRM deals become Hardfin projects.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(organizations.app, name="org")
app.add_typer(sandbox.app, name="sandbox")
app.command("sync")(work.sync)
app.command("load")(work.load)
app.command("resync")(work.resync)
app.command("status")(status.status)
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point of `hardfin`. Wrong settings end with one clear line and exit code 2, whatever the command."""
    try:
        app()
    except (Refusal, SettingsError, DatabaseError, SecretsError) as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        sys.exit(REFUSED)
