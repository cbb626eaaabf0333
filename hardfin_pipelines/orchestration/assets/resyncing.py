"""What a run that re-syncs one project, or undoes that, is told, does and shows."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.resyncing import ResyncReport, ResyncRequest, resync_project
from hardfin_pipelines.engine.undoing import UndoReport, UndoRequest, undo_resync
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS
from hardfin_pipelines.orchestration.resync_tables import resync_lines, resync_markdown, undo_lines, undo_markdown


class ResyncConfig(dg.Config):
    """Which project to re-sync, and how. With `project` empty none of the rest counts."""

    project: str = Field(
        default="",
        description="The one project to re-sync: its Hardfin id (prj_…) or the id of its deal. Empty: an ordinary "
        "sync (the job resync_project refuses that).",
    )
    preview: bool = Field(
        default=True,
        description="Only with `project`. true: show what a re-sync would change, field by field, and write nothing; "
        "the table is in the run's log and on the Events page of hardfin/projects. false: write.",
    )
    keep_local_edits: bool = Field(
        default=False,
        description="Only with `project`. true: leave fields alone that were edited in Hardfin since the last sync. "
        "false: the CRM's values replace them.",
    )
    keep: list[str] = Field(
        default=[],
        description="Only with `project`: fields to leave as they are, whatever keep_local_edits says, such as "
        "project.value, customer.website, line:LINE_ID.quantity, or project_line_item.quantity for all lines.",
    )
    take: list[str] = Field(
        default=[],
        description="Only with `project`: fields to take from the CRM, whatever keep_local_edits says.",
    )
    plan: str = Field(
        default="",
        description="Only with `project`: the plan that a preview showed. Any other plan is refused as stale.",
    )
    undo: bool = Field(
        default=False,
        description="Only with `project`. true: put back what its last re-sync changed instead; no vendor call. With "
        "keep_local_edits, what was changed since stays; otherwise such an undo is refused.",
    )
    resync: str = Field(default="", description="Only with `undo`: the re-sync to undo, rsy_…; empty: the last one.")
    reason: str = Field(default="", description="Only with `project`: why, for the audit log.")
    connection: str = Field(
        default="",
        description="A connection, such as acme:hubspot. With a deal's id in `project`, needed only where two CRMs "
        "know that id. The sensor sets it for ordinary syncs.",
    )


def resync_or_undo(
    context: dg.AssetExecutionContext, deployment: Deployment, config: ResyncConfig, actor: str
) -> Iterator[dg.MaterializeResult[None]]:
    """Do what the config asks for with one project, and show it.

    Raises:
        Refusal: It cannot be done as asked; nothing was changed.
        VendorError: The vendor refused or failed; nothing was changed.
    """
    if config.undo:
        undone = undo_resync(
            deployment,
            UndoRequest(
                org=context.partition_key,
                project=config.project,
                connection_id=config.connection,
                resync_id=config.resync,
                preview=config.preview,
                keep_local_edits=config.keep_local_edits,
                reason=config.reason,
                actor=actor,
                run_id=context.run_id,
            ),
        )
        yield from _results(context, undone, undo_markdown(undone), undo_lines(undone), calls=0)
        return
    request = ResyncRequest(
        org=context.partition_key,
        project=config.project,
        connection_id=config.connection,
        preview=config.preview,
        keep_local_edits=config.keep_local_edits,
        keep=tuple(config.keep),
        take=tuple(config.take),
        plan=config.plan,
        reason=config.reason,
        actor=actor,
        run_id=context.run_id,
    )
    report = deployment.run(resync_project(deployment, request))
    if report.preview:
        context.log.info("the plan is %s: with `plan` set to it, a run carries out this plan or none", report.plan)
    yield from _results(context, report, resync_markdown(report), resync_lines(report), calls=report.calls)


def _results(
    context: dg.AssetExecutionContext,
    report: ResyncReport | UndoReport,
    markdown: str,
    lines: Iterator[str],
    *,
    calls: int,
) -> Iterator[dg.MaterializeResult[None]]:
    table = dg.MetadataValue.md(markdown)
    context.log.info(report.summary())
    for line in (*lines, *report.notes):
        context.log.info(line)
    if report.preview:
        context.log.info("this was a preview: nothing was written; launch again with preview: false to write")
        context.log_event(
            dg.AssetObservation(
                ENTITY_ASSETS["project"],
                partition=context.partition_key,
                description=f"Preview, nothing was written: {report.summary()}",
                metadata={
                    "project": report.project_id,
                    "preview": table,
                    **({"plan": report.plan} if isinstance(report, ResyncReport) else {}),
                },
            )
        )
        return
    for entity, key in ENTITY_ASSETS.items():
        changed = report.changed(entity)
        if key in context.selected_asset_keys and (changed or entity == "project"):
            yield dg.MaterializeResult(
                key,
                metadata={
                    "project": report.project_id,
                    "changed": dg.MetadataValue.int(changed),
                    "vendor_calls": dg.MetadataValue.int(calls),
                    **({"re_sync": table} if entity == "project" else {}),
                    **({"undo_with": report.resync_id} if _can_be_undone(report) and entity == "project" else {}),
                },
            )


def _can_be_undone(report: ResyncReport | UndoReport) -> bool:
    return isinstance(report, ResyncReport) and report.resync_id is not None
