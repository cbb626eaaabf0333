"""A re-sync as a table, for the page of its materialization."""

from hardfin_pipelines.engine.resyncing import ResyncReport

_LONGEST = 80

# What Markdown or HTML would take for markup, as character references.
_ENTITIES = str.maketrans({character: f"&#{ord(character)};" for character in "&\\|`*_~[]()<>!#$"})


def resync_markdown(report: ResyncReport) -> str:
    """The changes field by field, as a Markdown table; vendor values are escaped."""
    rows = [
        f"| {change.entity.replace('_', ' ')} `{change.id}` | {field.field} | {_cell(field.base)} | {_cell(field.crm)} "
        f"| {_cell(field.hardfin)} | {'CRM value' if field.decision == 'take' else 'kept'} |"
        for change in report.changes
        for field in change.fields
    ]
    rows += [
        f"| {change.entity.replace('_', ' ')} `{change.id}` | | | | | marked {change.kind}d |"
        for change in report.changes
        if change.kind in {"remove", "restore"}
    ]
    if not rows:
        return f"{report.summary()}\n\nCRM and Hardfin agree."
    head = "| record | field | as last synced | CRM now | Hardfin now | result |\n|---|---|---|---|---|---|"
    return "\n".join([report.summary(), "", head, *rows])


def _cell(text: str | None) -> str:
    if text is None:
        return "—"
    flat = " ".join(text.split())
    flat = flat if len(flat) <= _LONGEST else flat[:_LONGEST] + "…"
    return flat.translate(_ENTITIES)
