"""A re-sync as Dagster shows it: a table of what changed for its page, and the values for the run's log.

Dagster never wipes metadata, so customers' values are not in it. They are in the run's log, whose lines
`ops/retention` removes after a week; the audit log of the product keeps them for good.
"""

from collections.abc import Iterator

from hardfin_pipelines.engine.resyncing import ResyncReport

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
    if not rows:
        return f"{report.summary()}\n\nCRM and Hardfin agree."
    head = "| record | field | edited in Hardfin since | result |\n|---|---|---|---|"
    return "\n".join([report.summary(), "", head, *rows, "", "The values are in the run's log."])


def resync_lines(report: ResyncReport) -> Iterator[str]:
    """The values of every change, a line each, for the run's log."""
    for change in report.changes:
        for field in change.fields:
            result = "takes the CRM's value" if field.decision == "take" else "keeps Hardfin's value"
            yield (
                f"{change.entity} {change.id} {field.field}: as last synced {_shown(field.base)}, "
                f"CRM now {_shown(field.crm)}, Hardfin now {_shown(field.hardfin)}: {result}"
            )


def _shown(text: str | None) -> str:
    if text is None:
        return "nothing"
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= _LONGEST else flat[:_LONGEST] + "…")
