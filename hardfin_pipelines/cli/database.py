"""`hardfin db`: the tables of the platform store."""

import typer

from hardfin_pipelines.cli.output import console
from hardfin_pipelines.platform.database import connect
from hardfin_pipelines.platform.migrate import current_revision, upgrade
from hardfin_pipelines.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The tables of the platform store.")


@app.callback()
def database() -> None:
    """The tables of the platform store."""


@app.command("upgrade")
def upgrade_tables() -> None:
    """Bring the store to the tables this version needs. Every command does so itself; a deployment may do it first."""
    engine = connect(load_settings().database_url)
    before = current_revision(engine)
    upgrade(engine)
    after = current_revision(engine)
    line = f"at revision {after} already" if after == before else f"upgraded from {before or 'nothing'} to {after}"
    console.print(f"database: {line}", markup=False, highlight=False)
    engine.dispose()
