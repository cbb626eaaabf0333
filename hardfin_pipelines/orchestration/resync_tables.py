"""A re-sync as Dagster shows it: a table of what changed for its page, and the values for the run's log.

Dagster never wipes metadata, so customers' values are not in it. They are in the run's log, whose lines
`ops/retention` removes after a week; the audit log of the product keeps them for good.
"""

from collections.abc import Iterator

from hardfin_pipelines.engine.resyncing import ResyncReport
from hardfin_pipelines.engine.undoing import UndoReport
from hardfin_pipelines.sync.undo_plan import UndoneField

_LONGEST = 80


def resync_markdown(report: ResyncReport) -> str:
    """What changed, field by field, as a Markdown table without anybody's values."""
    rows = [
        f"| {change.entity.replace('_', ' ')} `{change.id}` | `{field.field}` | {'yes' if field.edited else 'no'} "
        f"| {'CRM value' if field.decision == 'take' else 'kept'} |"
        for change in report.changes
        for field in change.fields
    ]
    rows += [
        f"| {change.entity.replace('_', ' ')} `{change.id}` | | | marked {change.kind}d |"
        for change in report.changes
        if change.kind in {"remove", "restore"}
    ]
    notes = [f"\n{note}" for note in report.notes]
    if not rows:
        return "\n".join([report.summary(), *notes, "\nCRM and Hardfin agree."])
    head = "| record | field | edited in Hardfin since | result |\n|---|---|---|---|"
    return "\n".join([report.summary(), *notes, "", head, *rows, "", "The values are in the run's log."])


def resync_lines(report: ResyncReport) -> Iterator[str]:
    """The values of every change, a line each, for the run's log."""
    for change in report.changes:
        for field in change.fields:
            result = "takes the CRM's value" if field.decision == "take" else "keeps Hardfin's value"
            yield (
                f"{change.entity} {change.id} {field.field}: as last synced {_shown(field.base)}, "
                f"CRM now {_shown(field.crm)}, Hardfin now {_shown(field.hardfin)}: {result}"
            )


def undo_markdown(report: UndoReport) -> str:
    """What was put back, field by field, as a Markdown table without anybody's values."""
    rows = [
        f"| {entity.entity.replace('_', ' ')} `{entity.id}` | `{field.field}` | {_result(field)} |"
        for entity in report.entities
        for field in entity.fields
    ]
    notes = [f"\n{note}" for note in report.notes]
    if not rows:
        return "\n".join([report.summary(), *notes, "\nIt had changed no value."])
    head = "| record | field | result |\n|---|---|---|"
    return "\n".join([report.summary(), *notes, "", head, *rows, "", "The values are in the run's log."])


def undo_lines(report: UndoReport) -> Iterator[str]:
    """The values of every field that the re-sync had changed, a line each, for the run's log."""
    for entity in report.entities:
        for field in entity.fields:
            yield (
                f"{entity.entity} {entity.id} {field.field}: before the re-sync {_shown(field.before)}, after it "
                f"{_shown(field.after)}, now {_shown(field.now)}: {_result(field)}"
            )


def _result(field: UndoneField) -> str:
    if field.put_back:
        return "put back"
    return "is as before already" if field.now == field.before else "kept, it was changed since"


def _shown(text: str | None) -> str:
    if text is None:
        return "nothing"
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= _LONGEST else flat[:_LONGEST] + "…")
