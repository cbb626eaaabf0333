"""Rule 4: one project again, on request, comparing what was synced, what the CRM says now and what Hardfin holds."""

from dataclasses import dataclass

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.extraction import Extraction
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.moved_lines import ask_other_deals
from hardfin_pipelines.engine.opening import open_crm_connection
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.resync_planning import (
    COMPARED,
    ResyncRequest,
    ResyncWork,
    compared_fields,
    requested_choices,
)
from hardfin_pipelines.engine.resync_targets import ResyncTarget, find_target, named_lines
from hardfin_pipelines.engine.visits import Visit, open_visit
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.first_sync import DealBundle
from hardfin_pipelines.sync.plan_hash import is_plan_hash
from hardfin_pipelines.sync.resync import EntityChange

__all__ = ["ResyncReport", "ResyncRequest", "check_resync", "resync_project"]


@dataclass(frozen=True, slots=True)
class ResyncReport:
    """What a re-sync changed, or would change.

    Attributes:
        project_id: The project.
        deal_id: Its deal at the CRM, the survivor where it was merged.
        connection_id: The connection.
        preview: Whether nothing was written.
        changes: Every entity in which CRM and Hardfin differed.
        calls: Vendor calls.
        plan: The hash of the plan.
        notes: What else a person should know, a line each.
        resync_id: The id under which it can be undone; None where nothing was written.
    """

    project_id: str
    deal_id: str
    connection_id: str
    preview: bool
    changes: tuple[EntityChange, ...]
    calls: int
    plan: str = ""
    notes: tuple[str, ...] = ()
    resync_id: str | None = None

    def changed(self, entity: EntityType) -> int:
        """How many entities of a kind are written."""
        return sum(change.entity == entity and change.writes for change in self.changes)

    def summary(self) -> str:
        """The result in one line."""
        head = f"re-sync of {self.project_id} from deal {self.deal_id}: "
        if not self.changes:
            return f"{head}nothing to change, CRM and Hardfin agree, {self.calls} vendor call(s)"
        fields = sum(field.decision == "take" for change in self.changes for field in change.fields)
        kept = sum(field.decision == "keep" for change in self.changes for field in change.fields)
        verb = "would change" if self.preview else "changed"
        entities = sum(change.writes for change in self.changes)
        return (
            f"{head}{verb} {fields} field(s) of {entities} record(s), kept {kept} value(s) of Hardfin, "
            f"{self.calls} vendor call(s)"
        )


def check_resync(deployment: Deployment, request: ResyncRequest) -> ResyncTarget:
    """Refuse what cannot be done as asked, as far as that is known without the vendor; the project that is meant.

    Raises:
        Refusal: There is no such project, its connection cannot sync, a field's name means nothing, or the plan's
            hash is none.
    """
    with reading(deployment.engine) as connection:
        target = find_target(connection, request.org, request.project, request.connection_id)
    if request.plan.strip() and not is_plan_hash(request.plan.strip()):
        raise Refusal(f"plan {request.plan!r}: expected the plan that a preview printed; nothing was changed")
    crm = open_crm_connection(deployment, request.org, target.connection_id)
    names = (*request.keep, *request.take)
    if names:
        mappings = [crm.context.mappings, *(crm.context.mappings_for(rule) for rule in crm.context.rules)]
        fields = {
            entity: list(dict.fromkeys(name for each in mappings for name in compared_fields(entity, each)))
            for entity in COMPARED
        }
        with reading(deployment.engine) as connection:
            lines = named_lines(connection, request.org, target, [_line_of(name) for name in names])
        requested_choices(request, fields, lines)
    return target


def _line_of(name: str) -> str:
    """The id in `line:ID.field`."""
    return name.partition(":")[2].partition(".")[0]


async def resync_project(deployment: Deployment, request: ResyncRequest) -> ResyncReport:
    """Fetch a project's deal, line items, customer and products now, and bring the project up to them.

    Raises:
        Refusal: There is no such project, its deal is gone or cannot be mapped, or the plan is another than the one
            that was approved; nothing was changed.
        VendorError: The vendor refused or failed; nothing was changed.
    """
    target = check_resync(deployment, request)
    async with open_visit(
        deployment,
        request.org,
        target.connection_id,
        lane="resync",
        unit=f"resync-{request.run_id}",
        run_id=request.run_id,
        trigger="resync",
        actor=request.actor,
        purpose="preview" if request.preview else "resync",
    ) as visit:
        return await _resync(deployment, visit, target, request)


async def _resync(deployment: Deployment, visit: Visit, target: ResyncTarget, request: ResyncRequest) -> ResyncReport:
    bundle = await _fetch(visit, target)
    others = await ask_other_deals(deployment, visit, target.project_id, bundle.deal, bundle.line_items)
    work = ResyncWork(visit, target, request, bundle, others)
    resync_id = None
    if request.preview:
        with reading(deployment.engine) as connection:
            planned = work.planned(connection)
            work.check_approved(connection, planned)
    else:
        try:
            with writing(deployment.engine) as connection:
                visit.guard.check(connection)
                planned = work.planned(connection, for_update=True)
                work.check_approved(connection, planned)
                resync_id = work.carry_out(connection, planned)
        except WorkInterrupted as interrupted:
            raise Refusal(f"{interrupted}; nothing was changed") from None
    return ResyncReport(
        target.project_id,
        bundle.deal.id,
        target.connection_id,
        request.preview,
        planned.plan.changes,
        visit.connector.calls.total,
        planned.hash,
        planned.notes,
        resync_id,
    )


async def _fetch(visit: Visit, target: ResyncTarget) -> DealBundle:
    """The deal as it is now with everything it points to, linked or not."""
    fields = visit.crm.fields
    extraction = Extraction(visit.connector, fields, visit.landing, lambda _role, _ids: (), read_linked=True)
    result = await visit.connector.read("deal", [target.deal_id], fields.of("deal"))
    if not result.records:
        reason = result.missing[0].reason if result.missing else "the CRM does not give it"
        raise Refusal(
            f"{target.connection_id}: deal {target.deal_id} of project {target.project_id} no longer exists or is not "
            f"visible to Hardfin ({reason}); nothing was changed"
        )
    extraction.land("deal", result.records, result.raw)
    (bundle,) = await extraction.bundles(result.records[:1])
    return bundle
