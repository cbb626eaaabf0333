"""The commands, put together."""

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from hardfin_pipelines.cli import (
    census,
    customer,
    database,
    demo,
    explain,
    item,
    organizations,
    preview,
    project,
    replay,
    resync,
    sandbox,
    set_aside,
    status,
    stock,
    triage,
    work,
)
from hardfin_pipelines.cli.output import FAILED, REFUSED, print_error
from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import DatabaseError
from hardfin_pipelines.platform.secrets import SecretsError
from hardfin_pipelines.settings import PREFIX, SettingsError

app = typer.Typer(
    name="hardfin",
    help="The integration engine of Hardfin: won CRM deals become Hardfin projects.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(organizations.app, name="org")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(database.app, name="db")
app.add_typer(project.app, name="project")
app.add_typer(customer.app, name="customer")
app.add_typer(item.app, name="item")
app.add_typer(triage.app, name="triage")
app.command("sync")(work.sync)
app.command("load")(work.load)
app.command("resync")(resync.resync)
app.command("preview")(preview.preview)
app.command("approve")(preview.approve)
app.command("explain")(explain.explain)
app.command("census")(census.census)
app.command("replay")(replay.replay)
app.command("set-aside")(set_aside.set_aside)
app.command("stock")(stock.stock)
app.command("status")(status.status)
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point of `hardfin`. What a user or a vendor can cause ends with one clear line, whatever the command.

    Exit codes: 0 done, 1 tried and failed (a vendor refused, somebody must act), 2 cannot be done as asked.
    """
    # Ended from outside, a command still takes down what it started.
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _end)
    try:
        app()
    except DatabaseError as error:
        print_error(f"{PREFIX}DATABASE_URL: {error}")
        sys.exit(REFUSED)
    except (Refusal, SettingsError, SecretsError) as error:
        print_error(error)
        sys.exit(REFUSED)
    except VendorError as error:
        # What a schedule asks is asked again by itself; what a person asked at a terminal is for that person to ask.
        print_error(str(error).replace("will try again", "try again"))
        sys.exit(FAILED)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
