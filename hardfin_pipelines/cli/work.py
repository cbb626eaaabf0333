"""`hardfin sync`, `hardfin load`: the jobs of production, started by hand."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hardfin_pipelines.cli.opening import (
    crm_connection,
    dagster_instance,
    has_active_books,
    has_active_crm,
    open_product,
)
from hardfin_pipelines.cli.output import (
    FAILED,
    console,
    errors,
    print_blocks,
    print_error,
    print_json,
    print_pairs,
)
from hardfin_pipelines.engine.refusals import Refusal

Organization = Annotated[str, typer.Argument(metavar="ORG", help="The organization's slug.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]


def actor() -> str:
    """Who stands at the command line, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def sync(org: Organization, *, as_json: AsJson = False) -> None:
    """Sync what changed at an organization's CRM and accounting system since the last visit, now."""
    deployment = open_product()
    has_books = has_active_books(deployment, org)
    row = None if has_books and not has_active_crm(deployment, org) else crm_connection(deployment, org)
    with dagster_instance() as instance, console.status(f"syncing {escape(org)} ..."):
        from hardfin_pipelines.orchestration.launching import sync_items_now, sync_now

        results = [] if row is None else [sync_now(instance, org, row.integration, actor())]
        if has_books and all(each.success for each in results):
            results.append(sync_items_now(instance, org, actor()))
    assets = {key: numbers for each in results for key, numbers in each.metadata.items()}
    runs = {"run_id": results[0].run_id, "runs": [each.run_id for each in results]}
    finish_run(results[-1], {"org": org, **runs, "assets": assets}, as_json=as_json)
    if not as_json:
        show_assets(f"{org}: synced", assets)


def load(
    org: Organization,
    *,
    since: Annotated[str, typer.Option(help="Load deals modified since this day, such as 2025-01-31.")],
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Leave it to a running Dagster daemon, as a backfill, and return.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load an organization's past deals: everything modified since a day and won by now."""
    deployment = open_product()
    row = crm_connection(deployment, org)
    start = _day(since)
    if start > datetime.now(UTC):
        raise Refusal(f"--since {since}: it is in the future; give the first day whose changes are to be loaded")
    if row.start_date is not None and start.date() < row.start_date:
        raise Refusal(
            f"--since {since}: {row.connection_id} has start_date {row.start_date}; give a day from then on, or move "
            "start_date in the organization's YAML"
        )
    with dagster_instance() as instance:
        from hardfin_pipelines.orchestration import launching

        ranges = launching.load_ranges(start, datetime.now(UTC))
        if backfill:
            months = [month for part in ranges for month in part]
            backfill_id = launching.request_backfill(instance, org, months, actor())
            shown = {"org": org, "backfill": backfill_id, "months": len(months)}
            print_json(shown) if as_json else print_pairs(f"{org}: backfill requested", shown)
            return
        totals: dict[str, Any] = {}
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=errors, transient=True) as progress:
            task = progress.add_task(f"loading {org}", total=sum(map(len, ranges)))
            for months in ranges:
                result = launching.load_now(instance, org, months, actor())
                if not result.success:
                    break
                _add(totals, result.metadata.get("hardfin/initial_load", {}))
                progress.advance(task, len(months))
    finish_run(result, {"org": org, "since": since, **totals}, as_json=as_json)
    if not as_json:
        print_pairs(f"{org}: loaded since {since}", totals)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(f"--since: expected a day such as 2025-01-31, got {text!r}") from None


def _add(totals: dict[str, Any], numbers: dict[str, Any]) -> None:
    for name, number in numbers.items():
        if isinstance(number, int):
            totals[name] = totals.get(name, 0) + number


def finish_run(result: Any, shown: dict[str, Any], *, as_json: bool, refused: int = FAILED) -> None:
    """End a command whose run failed, and print the one JSON document where that is asked for.

    Args:
        result: How the run ended.
        shown: What the document says beside that.
        as_json: Whether a program reads it.
        refused: The exit code where the run was refused rather than failed.
    """
    if as_json:
        print_json(shown | {"success": result.success, "failure": result.failure})
    if not result.success:
        print_error(result.failure)
        raise typer.Exit(refused if result.refused else FAILED)


def show_assets(title: str, metadata: dict[str, dict[str, Any]]) -> None:
    """The numbers that a run reported, below the asset each."""
    console.print(title, markup=False, highlight=False)
    print_blocks(
        [
            (key, {name.removeprefix("dagster/").replace("_", " "): value for name, value in numbers.items()})
            for key, numbers in metadata.items()
        ]
    )
