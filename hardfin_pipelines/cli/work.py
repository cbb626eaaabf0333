"""`hardfin sync`, `hardfin load`, `hardfin resync`: the jobs of production, started by hand."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hardfin_pipelines.cli.opening import crm_connection, dagster_instance, open_product, require_organization
from hardfin_pipelines.cli.output import (
    FAILED,
    REFUSED,
    console,
    errors,
    print_blocks,
    print_error,
    print_json,
    print_pairs,
    print_table,
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
    """Sync what changed at an organization's CRM since the last visit, now."""
    deployment = open_product()
    row = crm_connection(deployment, org)
    with dagster_instance() as instance, console.status(f"syncing {escape(org)} ..."):
        from hardfin_pipelines.orchestration.launching import sync_now

        result = sync_now(instance, org, row.integration, actor())
    _finish(result.success, result.failure, {"org": org, "run_id": result.run_id, "assets": result.metadata}, as_json)
    if not as_json:
        _show_assets(f"{org}: synced", result.metadata)


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
    _finish(result.success, result.failure, {"org": org, "since": since, **totals}, as_json)
    if not as_json:
        print_pairs(f"{org}: loaded since {since}", totals)


def resync(
    org: Organization,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id (prj_…), or its deal's id.")],
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change; write nothing.")] = False,
    keep_local_edits: Annotated[
        bool, typer.Option("--keep-local-edits", help="Leave fields alone that were edited in Hardfin.")
    ] = False,
    connection: Annotated[str, typer.Option(help="The connection, where two CRMs know the deal's id.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Re-sync one project: fetch its deal, line items and customer now and bring the project up to them."""
    deployment = open_product()
    require_organization(deployment, org)
    from hardfin_pipelines.engine.resyncing import ResyncRequest, resync_project

    if preview:
        request = ResyncRequest(
            org, project, connection, preview=True, keep_local_edits=keep_local_edits, actor=actor()
        )
        _show_resync(deployment.run(resync_project(deployment, request)), as_json=as_json)
        return
    config = {
        "project": project,
        "connection": connection,
        "preview": False,
        "keep_local_edits": keep_local_edits,
        "reason": reason,
    }
    with dagster_instance() as instance, console.status(f"re-syncing {escape(project)} ..."):
        from hardfin_pipelines.orchestration.launching import resync_now

        result = resync_now(instance, org, config, actor())
    shown = {"org": org, "project": project, "run_id": result.run_id, "assets": result.metadata}
    _finish(result.success, result.failure, shown, as_json)
    if not as_json:
        _show_assets(
            f"{org}: re-synced {project}",
            {
                key: {name: value for name, value in numbers.items() if name != "re_sync"}
                for key, numbers in result.metadata.items()
            },
        )


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(f"--since: expected a day such as 2025-01-31, got {text!r}") from None


def _add(totals: dict[str, Any], numbers: dict[str, Any]) -> None:
    for name, number in numbers.items():
        if isinstance(number, int):
            totals[name] = totals.get(name, 0) + number


def _finish(success: bool, failure: str, shown: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001  # private
    if as_json:
        print_json(shown | {"success": success, "failure": failure})
    if not success:
        print_error(failure)
        raise typer.Exit(FAILED)


def _show_assets(title: str, metadata: dict[str, dict[str, Any]]) -> None:
    console.print(title, markup=False, highlight=False)
    print_blocks(
        [
            (key, {name.removeprefix("dagster/").replace("_", " "): value for name, value in numbers.items()})
            for key, numbers in metadata.items()
        ]
    )


def _show_resync(report: Any, *, as_json: bool) -> None:
    changes = [
        {
            "record": f"{change.entity} {change.id}",
            "kind": change.kind,
            "field": field.field,
            "as_synced": field.base,
            "crm": field.crm,
            "hardfin": field.hardfin,
            "decision": field.decision,
        }
        for change in report.changes
        for field in change.fields
    ]
    changes += [
        {"record": f"{change.entity} {change.id}", "kind": change.kind}
        for change in report.changes
        if change.kind in {"remove", "restore"}
    ]
    if as_json:
        print_json({"project": report.project_id, "preview": report.preview, "calls": report.calls, "changes": changes})
        return
    console.print(report.summary(), markup=False, highlight=False)
    for change in report.changes:
        title = f"{change.entity.replace('_', ' ')} {change.id}: {_KINDS[change.kind]}"
        if change.fields:
            rows = [
                (each.field, each.base, each.crm, each.hardfin, "CRM value" if each.decision == "take" else "kept")
                for each in change.fields
            ]
            print_table(title, ["field", "as last synced", "CRM now", "Hardfin now", "result"], rows)
        else:
            console.print(title, markup=False, highlight=False)


_KINDS = {"update": "changed", "add": "new in the CRM", "remove": "gone from the CRM", "restore": "back in the CRM"}

__all__ = ["REFUSED", "actor", "load", "resync", "sync"]
