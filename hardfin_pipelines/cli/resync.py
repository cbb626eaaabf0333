"""`hardfin resync`: one project again on request, shown first where asked, and put back where it was wrong."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from hardfin_pipelines.cli.opening import dagster_instance, open_product, require_organization
from hardfin_pipelines.cli.output import REFUSED, console, print_json, print_table
from hardfin_pipelines.cli.work import AsJson, Organization, actor, finish_run, show_assets
from hardfin_pipelines.engine.refusals import Refusal

if TYPE_CHECKING:
    from hardfin_pipelines.engine.deployment import Deployment
    from hardfin_pipelines.engine.resyncing import ResyncReport, ResyncRequest
    from hardfin_pipelines.engine.undoing import UndoReport, UndoRequest

_FIELD = "FIELD"
_KINDS = {
    "update": "changed",
    "add": "new in the CRM",
    "remove": "gone from the CRM",
    "restore": "back in the CRM",
    "move": "moved here in the CRM",
}


def resync(
    org: Organization,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id (prj_…), or its deal's id.")],
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change; write nothing.")] = False,
    plan: Annotated[
        str, typer.Option(metavar="HASH", help="Carry out the plan that a preview printed, or refuse if it moved.")
    ] = "",
    keep_local_edits: Annotated[
        bool, typer.Option("--keep-local-edits", help="Leave fields alone that were edited in Hardfin.")
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar=_FIELD,
            help="Leave this field alone: project.value, customer.website, line:LINE_ID.quantity, or "
            "project_line_item.quantity for all lines. May be given more than once.",
        ),
    ] = None,
    take: Annotated[
        list[str] | None,
        typer.Option(metavar=_FIELD, help="Take the CRM's value of this field, edited or not. As --keep."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Put back what the last re-sync changed.")] = False,
    resync_id: Annotated[
        str, typer.Option("--resync", metavar="ID", help="With --undo: this re-sync (rsy_…) instead of the last one.")
    ] = "",
    connection: Annotated[str, typer.Option(help="The connection, where two CRMs know the deal's id.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Re-sync one project: fetch its deal, line items and customer now and bring the project up to them."""
    deployment = open_product()
    require_organization(deployment, org)
    from hardfin_pipelines.engine.resyncing import ResyncRequest
    from hardfin_pipelines.engine.undoing import UndoRequest

    shared: dict[str, Any] = {"keep_local_edits": keep_local_edits, "reason": reason}
    if undo:
        if keep or take or plan:
            raise Refusal("--undo puts back a whole re-sync: leave out --keep, --take and --plan")
        asked = UndoRequest(org, project, connection, resync_id, preview=True, actor=actor(), **shared)
        _undo(deployment, asked, preview=preview, as_json=as_json)
        return
    if resync_id:
        raise Refusal("--resync names the re-sync to undo: give --undo, too")
    request = ResyncRequest(
        org,
        project,
        connection,
        preview=preview,
        keep=tuple(keep or ()),
        take=tuple(take or ()),
        plan=plan,
        actor=actor(),
        **shared,
    )
    _resync(deployment, request, as_json=as_json)


def _resync(deployment: "Deployment", request: "ResyncRequest", *, as_json: bool) -> None:
    from hardfin_pipelines.engine.resyncing import check_resync, resync_project

    check_resync(deployment, request)
    if request.preview:
        report = deployment.run(resync_project(deployment, request))
        print_json(_resync_json(report)) if as_json else _show_resync(report)
        return
    config = {
        "project": request.project,
        "connection": request.connection_id,
        "preview": False,
        "keep_local_edits": request.keep_local_edits,
        "keep": list(request.keep),
        "take": list(request.take),
        "plan": request.plan,
        "reason": request.reason,
    }
    _launch(request.org, config, f"re-synced {request.project}", as_json=as_json)


def _undo(deployment: "Deployment", request: "UndoRequest", *, preview: bool, as_json: bool) -> None:
    from hardfin_pipelines.engine.undoing import undo_resync

    report = undo_resync(deployment, request)  # a preview: what is refused is refused here already
    if preview:
        print_json(_undo_json(report)) if as_json else _show_undo(report)
        return
    config = {
        "project": request.project,
        "connection": request.connection_id,
        "preview": False,
        "keep_local_edits": request.keep_local_edits,
        "undo": True,
        "resync": report.resync_id,
        "reason": request.reason,
    }
    _launch(request.org, config, f"undid re-sync {report.resync_id} of {report.project_id}", as_json=as_json)


def _launch(org: str, config: dict[str, Any], done: str, *, as_json: bool) -> None:
    """Run the job of production, and show its numbers."""
    with dagster_instance() as instance, console.status(f"{escape(config['project'])} ..."):
        from hardfin_pipelines.orchestration.launching import resync_now

        result = resync_now(instance, org, config, actor())
    shown = {"org": org, "project": config["project"], "run_id": result.run_id, "assets": result.metadata}
    finish_run(result, shown, as_json=as_json, refused=REFUSED)
    if not as_json:
        numbers = {
            key: {name: value for name, value in each.items() if name != "re_sync"}
            for key, each in result.metadata.items()
        }
        show_assets(f"{org}: {done}", numbers)


def _show_resync(report: "ResyncReport") -> None:
    _say(report.summary(), *report.notes)
    for change in report.changes:
        did = _KINDS[change.kind] if change.writes else "left as it is"
        title = f"{change.entity.replace('_', ' ')} {change.id}: {did}"
        if change.fields:
            rows = [
                (each.field, each.base, each.crm, each.hardfin, "CRM value" if each.decision == "take" else "kept")
                for each in change.fields
            ]
            print_table(title, ["field", "as last synced", "CRM now", "Hardfin now", "result"], rows)
        else:
            _say(title)
    if report.preview:
        _say(
            f"plan {report.plan}",
            "to carry out this plan or none: the same command, --plan and this in place of --preview",
        )


def _resync_json(report: "ResyncReport") -> dict[str, Any]:
    changes: list[dict[str, Any]] = [
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
    return {
        "project": report.project_id,
        "preview": report.preview,
        "plan": report.plan,
        "calls": report.calls,
        "notes": report.notes,
        "changes": changes,
    }


def _show_undo(report: "UndoReport") -> None:
    _say(report.summary(), *report.notes)
    for entity in report.entities:
        if entity.fields:
            rows = [
                (each.field, each.before, each.after, each.now, "put back" if each.put_back else "stays")
                for each in entity.fields
            ]
            title = f"{entity.entity.replace('_', ' ')} {entity.id}"
            print_table(title, ["field", "before it", "after it", "Hardfin now", "result"], rows)


def _undo_json(report: "UndoReport") -> dict[str, Any]:
    return {
        "project": report.project_id,
        "resync": report.resync_id,
        "preview": report.preview,
        "notes": report.notes,
        "changes": [
            {
                "record": f"{entity.entity} {entity.id}",
                "field": field.field,
                "before": field.before,
                "after": field.after,
                "hardfin": field.now,
                "put_back": field.put_back,
            }
            for entity in report.entities
            for field in entity.fields
        ],
    }


def _say(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)
