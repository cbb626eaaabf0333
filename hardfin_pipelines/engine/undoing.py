"""Undoing a re-sync: what it changed goes back, in one transaction, without a vendor call.

An undo writes Hardfin's side alone, so the connection may be in any state: paused, in need of attention, disconnected.
That is when a person wants it most. It waits for whatever else writes the organization's records, and a re-sync that
has read its records by then plans again with what the undo left.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.resync_targets import ResyncTarget, find_target
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.record_log import RecordEvent, record_events
from hardfin_pipelines.platform.resync_history import ResyncRecord, list_resyncs
from hardfin_pipelines.platform.tables import project_line_items, projects
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.resync import PROJECT
from hardfin_pipelines.sync.undo_plan import EntityKey, UndoneEntity, UndoPlan, created_beside, plan_undo


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """What somebody asks for.

    Attributes:
        org: The organization.
        project: The project's id, or the id of its deal at the CRM.
        connection_id: The connection the deal belongs to; "" where the project tells.
        resync_id: The re-sync to undo; "" for the project's last one.
        preview: Show what would go back and write nothing.
        keep_local_edits: Leave alone what was changed since the re-sync, instead of refusing.
        reason: Why, for the audit.
        actor: Who asks, for the audit.
        run_id: The run that does it.
    """

    org: str
    project: str
    connection_id: str = ""
    resync_id: str = ""
    preview: bool = False
    keep_local_edits: bool = False
    reason: str = ""
    actor: str = "sync"
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What an undo put back, or would put back.

    Attributes:
        project_id: The project.
        resync_id: The re-sync that was undone.
        preview: Whether nothing was written.
        entities: Every entity that the re-sync changed.
        notes: What else a person should know, a line each.
    """

    project_id: str
    resync_id: str
    preview: bool
    entities: tuple[UndoneEntity, ...]
    notes: tuple[str, ...]

    def changed(self, entity: EntityType) -> int:
        """How many entities of a kind are written."""
        return sum(each.entity == entity and each.writes for each in self.entities)

    def summary(self) -> str:
        """The result in one line."""
        fields = [each for entity in self.entities for each in entity.fields]
        back = sum(each.put_back for each in fields)
        kept = sum(not each.put_back and each.now != each.before for each in fields)
        verb = "would put back" if self.preview else "put back"
        records = sum(entity.writes for entity in self.entities)
        return (
            f"undo of re-sync {self.resync_id} of {self.project_id}: {verb} {back} field(s) of {records} record(s), "
            f"kept {kept} value(s) that were changed since, no vendor call"
        )


def undo_resync(deployment: Deployment, request: UndoRequest) -> UndoReport:
    """Put back what a re-sync changed: fields, lines, the customer, and what the links remember.

    A line that it added stays, marked removed: the next re-sync restores it. Customers and items that it created stay
    as well, for other projects may have been matched to them meanwhile; the report names them. The undo is itself
    undone by another re-sync.

    Raises:
        Refusal: There is no such project or re-sync, it is undone already, or what it changed was changed since;
            nothing was changed.
    """
    with reading(deployment.engine) if request.preview else writing(deployment.engine) as connection:
        target = find_target(connection, request.org, request.project, request.connection_id)
        if not request.preview:
            hold_organization(connection, request.org)
        record = _record(connection, request, target)
        keys = list(record.before.entities)
        now = deployment.destination.stored(connection, request.org, keys, for_update=not request.preview)
        plan = plan_undo(record.before.entities, record.after.entities, now)
        if plan.edited and not request.keep_local_edits:
            raise Refusal(
                f"re-sync {record.resync_id} of {target.project_id} cannot be undone as it was: "
                f"{', '.join(plan.edited)} changed since; nothing was changed. To undo the rest, ask for "
                "--keep-local-edits (keep_local_edits in Dagster)"
            )
        if not request.preview:
            _carry_out(connection, deployment, request, target, record, plan)
        notes = _notes(connection, request.org, record, plan)
    return UndoReport(target.project_id, record.resync_id, request.preview, plan.entities, notes)


def _record(connection: Connection, request: UndoRequest, target: ResyncTarget) -> ResyncRecord:
    wanted = request.resync_id.strip()
    found = list_resyncs(connection, request.org, target.project_id)
    if not found:
        raise Refusal(f"project {target.project_id} has no re-sync that changed anything: there is nothing to undo")
    record = next((each for each in found if each.resync_id == wanted), None) if wanted else found[0]
    if record is None:
        known = ", ".join(each.resync_id for each in found)
        raise Refusal(f"project {target.project_id} has no re-sync {wanted!r}; it has {known}")
    if record.undone_at is not None:
        earlier = [each.resync_id for each in found if each.undone_at is None and each.at < record.at]
        more = f"; to undo an earlier one, name it with --resync: {', '.join(earlier)}" if earlier else ""
        raise Refusal(
            f"re-sync {record.resync_id} of {target.project_id} was undone already, at "
            f"{record.undone_at:%Y-%m-%d %H:%M:%S} UTC by {record.undone_by}; nothing was changed{more}"
        )
    return record


def _carry_out(
    connection: Connection,
    deployment: Deployment,
    request: UndoRequest,
    target: ResyncTarget,
    record: ResyncRecord,
    plan: UndoPlan,
) -> None:
    now = deployment.now()
    deployment.destination.undo(connection, request.org, record, plan, actor=request.actor, now=now)
    reason = f"undo of {record.resync_id}" + (f": {request.reason}" if request.reason else "")
    cause = Cause(request.actor, reason, now, request.run_id)
    record_audit(connection, request.org, _audit(target.project_id, plan, cause))
    back = sum(each.put_back for entity in plan.entities for each in entity.fields)
    detail = f"{record.resync_id}, asked for by {request.actor}: {back} field(s) put back"
    event = RecordEvent(target.object, target.deal_id, now, "re-sync undone", detail, run_id=request.run_id)
    record_events(connection, request.org, target.connection_id, [event])


def _audit(project_id: str, plan: UndoPlan, cause: Cause) -> list[AuditEvent]:
    """One event for every entity that is written, and one for the project whatever was."""
    changed: dict[EntityKey, dict[str, tuple[str | None, str | None]]] = {("project", project_id): {}}
    for entity in plan.entities:
        if entity.writes:
            back = {each.field: (each.now, each.before) for each in entity.fields if each.put_back}
            changed[entity.entity, entity.id] = back
    events = [
        AuditEvent(f"{kind}.resync_undone", kind, entity_id, cause, changes)
        for (kind, entity_id), changes in changed.items()
    ]
    for (_, line), changes in changed.items():
        origin, back_to = changes.get(PROJECT, (None, None))
        moved = {f"line:{line}.{PROJECT}": (origin, back_to)}
        events += [
            AuditEvent("project.line_moved", "project", each, cause, moved) for each in (origin, back_to) if each
        ]
    return events


def _notes(connection: Connection, org: str, record: ResyncRecord, plan: UndoPlan) -> tuple[str, ...]:
    """Customers and items that the re-sync created, which stay."""
    notes = []
    for kind, entity_id in created_beside(record.before.entities, record.after.entities):
        field = "customer" if kind == "customer" else "item"
        back = [each.id for each in plan.entities for one in each.fields if one.put_back and one.field == field]
        number = _references(connection, org, (kind, entity_id), without=back)
        used = f"{number} record(s) refer to it" if number else "nothing refers to it"
        notes.append(f"{kind} {entity_id}, which the re-sync created, stays: {used}")
    return tuple(notes)


def _references(connection: Connection, org: str, key: EntityKey, *, without: list[str]) -> int:
    """How many projects or lines refer to a customer or an item, without those that an undo takes away from it."""
    of_customer = (projects, projects.c.customer_id)
    table, column = of_customer if key[0] == "customer" else (project_line_items, project_line_items.c.item_id)
    query = select(func.count()).select_from(table)
    own = (table.c.org == org, column == key[1], table.c.id.not_in(without))
    return connection.execute(query.where(*own)).scalar_one()
