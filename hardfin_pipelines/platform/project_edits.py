"""Edits of a project, its customer and its lines by people, each with its audit event."""

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.entity_rows import entity_texts
from hardfin_pipelines.platform.entity_values import entity_rows, write_values
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.tables import links, project_line_items
from hardfin_pipelines.sync.field_edits import EditProblem, FieldEdit
from hardfin_pipelines.sync.field_names import FieldName
from hardfin_pipelines.sync.undo_plan import EntityKey
from hardfin_pipelines.sync.values import Value, to_text


def edit_project(
    connection: Connection, org: str, project_id: str, edits: Sequence[FieldEdit], cause: Cause
) -> list[AuditEvent]:
    """Write edits in the caller's transaction, as `project.edited`, `customer.edited`, `project_line_item.edited`.

    What is as wanted already is not written. A customer is the customer of its other projects, too.

    Args:
        connection: The caller's transaction.
        org: The organization.
        project_id: A project of it.
        edits: What shall be.
        cause: Who edits, and why.

    Returns:
        The audit events, one for each entity that changed.

    Raises:
        EditProblem: The project, its customer or a line is not there; nothing was written.
    """
    hold_organization(connection, org)
    wanted: dict[EntityKey, dict[str, Value | None]] = {}
    for edit in edits:
        wanted.setdefault(_key(connection, org, project_id, edit.name), {})[edit.name.field] = edit.value
    rows = entity_rows(connection, org, wanted, for_update=True)
    events = []
    for key, values in wanted.items():
        held = entity_texts(key[0], rows[key])
        texts = {name: None if value is None else to_text(value) for name, value in values.items()}
        changes = {name: (held.get(name), text) for name, text in texts.items() if held.get(name) != text}
        if changes:
            write_values(connection, org, key, {name: values[name] for name in changes}, cause.at)
            events.append(AuditEvent(f"{key[0]}.edited", *key, cause, changes))
    record_audit(connection, org, events)
    return events


def _key(connection: Connection, org: str, project_id: str, name: FieldName) -> EntityKey:
    project: EntityKey = ("project", project_id)
    row = entity_rows(connection, org, [project]).get(project)
    if row is None:
        raise EditProblem(f"{org}: there is no project {project_id}")
    if name.entity == "customer":
        if row["customer_id"] is None:
            raise EditProblem(f"{name}: project {project_id} has no customer")
        return ("customer", row["customer_id"])
    if name.entity == "project_line_item":
        return ("project_line_item", _line(connection, org, project_id, name))
    return project


def _line(connection: Connection, org: str, project_id: str, name: FieldName) -> str:
    lines = project_line_items
    linked = (links.c.org == lines.c.org) & (links.c.entity_id == lines.c.id)
    query = select(lines.c.id).outerjoin(links, linked & (links.c.entity_type == "project_line_item"))
    own = query.where(lines.c.org == org, lines.c.project_id == project_id)
    found: list[str] = list(
        connection.scalars(own.where(or_(lines.c.id == name.line, links.c.external_id == name.line)).distinct())
    )
    if len(found) == 1:
        return found[0]
    known = ", ".join(connection.scalars(own.distinct().order_by(lines.c.id))) or "none"
    raise EditProblem(f"{name}: project {project_id} has no line {name.line!r}; its lines are {known}")
