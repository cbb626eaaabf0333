"""`hardfin demo`: the main job end to end, through the schedules, sensors and jobs of production."""

import os
import shlex
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardfin_pipelines.cli.dagster_process import running_dagster
from hardfin_pipelines.cli.output import FAILED, console, errors, plain_errors
from hardfin_pipelines.cli.sandbox import Northwind
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.settings import PREFIX, load_settings

if TYPE_CHECKING:
    # Loaded where they are used: no other command waits for the vendors' servers.
    from hardfin_pipelines.cli.sandboxes import Sandboxes


def demo(
    *,
    northwind: Northwind = None,
    deals: Annotated[int, typer.Option(min=10, help="Won deals of the first generated company.")] = 120,
    seed: Annotated[int, typer.Option(help="The generated companies' random seed.")] = 7,
    keep_up: Annotated[bool, typer.Option("--keep-up", help="Keep everything up afterwards, to look around.")] = False,
    port: Annotated[int, typer.Option(help="Dagster's port; 0 takes a free one.")] = 0,
) -> None:
    """Run the main job: preview, load, ticks, an edit left alone, a re-sync, a replay, triage; say what happened."""
    from hardfin_pipelines.cli.demo_story import Story
    from hardfin_pipelines.cli.sandboxes import fill_sandboxes
    from hardfin_pipelines.sandbox.data_sets.csv_tables import DataSetError

    began = time.monotonic()
    home = _fresh_home()
    with plain_errors(DataSetError):
        sandboxes = fill_sandboxes(deals, seed, northwind, redirects=True)
    try:
        with sandboxes.serving():
            variables = {"HARDFIN_HOME": str(home), **sandboxes.environment()}
            os.environ.update(variables)
            _write_environment(home / "environment", variables)
            from hardfin_pipelines.orchestration.home import ensure_dagster_home

            deployment = Deployment.open(load_settings())
            dagster_home = ensure_dagster_home(home)
            console.rule("[bold]Hardfin Pipelines: demo")
            story = Story(deployment, sandboxes, home)
            story.connect_organizations()
            console.print("Dagster is starting ...")
            with running_dagster(dagster_home, variables, port or (3000 if keep_up else 0)) as dagster_url:
                story.tell(dagster_url)
                story.summarize(time.monotonic() - began)
                _say_what_next(home, dagster_url if keep_up else "", sandboxes)
                if keep_up:
                    _wait_for_ctrl_c()
    except Refusal as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        errors.print(f"Dagster's log: {home / 'dagster' / 'dagster.log'}", markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from None
    finally:
        sandboxes.close()


def _fresh_home() -> Path:
    """The demo's own home: what an earlier demo left there is removed."""
    home = Path(".hardfin/demo").absolute()
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True)
    # Whatever deployment this shell points at is none of the demo's business.
    for name in [name for name in os.environ if name == "DAGSTER_HOME" or name.startswith(PREFIX)]:
        del os.environ[name]
    return home


def _write_environment(file: Path, variables: dict[str, str]) -> None:
    """What another terminal needs to use the command line on what is up, as a file to source."""
    file.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    lines.append(f"export DAGSTER_HOME={shlex.quote(str(file.parent / 'dagster'))}\n")
    file.write_text("".join(lines), encoding="utf-8")


def _say_what_next(home: Path, dagster_url: str, sandboxes: "Sandboxes") -> None:
    console.rule("what to type next")
    shown = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
    if dagster_url:
        console.print("  Dagster's UI".ljust(20), dagster_url, markup=False, highlight=False)
        for vendor in sandboxes.vendors:
            place = sandboxes.urls[vendor.integration]
            console.print(f"  {vendor.vendor} sandbox".ljust(20), place, markup=False, highlight=False)
        console.print("  In another terminal:", markup=False)
    else:
        _say("make ui", "keep all of this up, with Dagster's UI, to look around")
    _say(f"source {shown}/environment", "point the command line at this demo")
    _say(".venv/bin/hardfin status", "what is in Hardfin, and how the connections are")
    _say(".venv/bin/hardfin org export rover-rentals", "an organization as YAML")
    _say(".venv/bin/hardfin preview rover-rentals", "what a load would sync now, field by field")
    _say(".venv/bin/hardfin census rover-rentals", "what the CRM shows, beside what has an answer here")
    _say(".venv/bin/hardfin triage list rover-rentals --suggest", "items of QuickBooks that wait for a person")


def _say(command: str, what: str) -> None:
    """One command on a line of its own, so that it can be copied."""
    console.print(f"  # {what}\n  {command}", markup=False, highlight=False, soft_wrap=True)


def _wait_for_ctrl_c() -> None:
    console.print("\nEverything stays up. Ctrl-C ends it.")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("\nending ...")
