"""Rule 4: one project again, on request, comparing what was synced, what the CRM says now and what Hardfin holds."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.extraction import Extraction
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.visits import Visit, open_visit
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import write_aliases
from hardfin_pipelines.platform.known_records import known_records, ledger_ids
from hardfin_pipelines.platform.tables import ledger, ledger_aliases
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.first_sync import DealBundle, item_names, plan_project, primary_company
from hardfin_pipelines.sync.mapping import Rejected, Values, map_record
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.plans import Known, Protected, SetAside
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.resync import EntityChange
from hardfin_pipelines.sync.resync_plan import HeldProject, ResyncPlan, plan_resync
from hardfin_pipelines.sync.trigger import Triggered


@dataclass(frozen=True, slots=True)
class ResyncRequest:
    """What somebody asks for.

    Attributes:
        org: The organization.
        project: The project's id, or the id of its deal at the CRM.
        connection_id: The connection the deal belongs to; "" where the project tells.
        preview: Show what would change and write nothing.
        keep_local_edits: Leave fields alone that were edited in Hardfin since the last sync.
        reason: Why, for the audit.
        actor: Who asks, for the audit.
        run_id: The run that does it.
    """

    org: str
    project: str
    connection_id: str = ""
    preview: bool = False
    keep_local_edits: bool = False
    reason: str = ""
    actor: str = "sync"
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class ResyncReport:
    """What a re-sync changed, or would change."""

    project_id: str
    deal_id: str
    connection_id: str
    preview: bool
    changes: tuple[EntityChange, ...]
    calls: int

    def changed(self, entity: EntityType) -> int:
        """How many entities of a kind are written."""
        return sum(change.entity == entity and change.writes for change in self.changes)

    def summary(self) -> str:
        """The result in one line."""
        fields = sum(field.decision == "take" for change in self.changes for field in change.fields)
        kept = sum(field.decision == "keep" for change in self.changes for field in change.fields)
        verb = "would change" if self.preview else "changed"
        entities = sum(change.writes for change in self.changes)
        return (
            f"re-sync of {self.project_id} from deal {self.deal_id}: {verb} {fields} field(s) of {entities} "
            f"record(s), kept {kept} local edit(s), {self.calls} vendor call(s)"
        )


@dataclass(frozen=True, slots=True)
class _Target:
    """The ledger's row of the project to re-sync."""

    connection_id: str
    deal_id: str
    project_id: str
    pipeline_id: str
    stage_id: str


async def resync_project(deployment: Deployment, request: ResyncRequest) -> ResyncReport:
    """Fetch a project's deal, line items, customer and products now, and bring the project up to them.

    Raises:
        Refusal: There is no such project, its deal is gone or cannot be mapped; nothing was changed.
        VendorError: The vendor refused or failed; nothing was changed.
    """
    target = _find(deployment, request)
    async with open_visit(
        deployment,
        request.org,
        target.connection_id,
        lane="resync",
        unit=f"resync-{request.run_id}",
        run_id=request.run_id,
        trigger="resync",
        actor=request.actor,
    ) as visit:
        bundle = await _fetch(visit, target)
        customer = _customer_record(bundle)
        with reading(deployment.engine) as connection:
            plan = _plan(connection, visit, target, bundle, customer, request)
        if not request.preview:
            with writing(deployment.engine) as connection:
                visit.guard.check(connection)
                # Planned again: an edit made since the records were fetched counts too.
                plan = _plan(connection, visit, target, bundle, customer, request)
                visit.crm.destination.update(connection, plan, visit.stamp, request.reason)
                _note_merged_ids(connection, visit, target, bundle.deal)
        return ResyncReport(
            target.project_id,
            bundle.deal.id,
            target.connection_id,
            request.preview,
            plan.changes,
            visit.connector.calls.total,
        )


def _find(deployment: Deployment, request: ResyncRequest) -> _Target:
    wanted = request.project.strip()
    conditions = [ledger.c.org == request.org, or_(ledger.c.project_id == wanted, ledger.c.external_id == wanted)]
    if request.connection_id:
        conditions.append(ledger.c.connection_id == request.connection_id)
    with reading(deployment.engine) as connection:
        query = select(ledger).where(*conditions).order_by(ledger.c.connection_id)
        rows = list(connection.execute(query).all())
        if not rows:
            rows = _by_alias(connection, request, wanted)
    if not rows:
        raise Refusal(
            f"{request.org}: no synced project {wanted!r}; give a project id (prj_…) or the id of a synced deal"
        )
    if len({row.connection_id for row in rows}) > 1:
        names = ", ".join(row.connection_id for row in rows)
        raise Refusal(f"{request.org}: deal id {wanted!r} is known to {names}; name the connection")
    row = rows[0]
    return _Target(row.connection_id, row.external_id, row.project_id, row.pipeline_id, row.stage_id)


def _by_alias(connection: Connection, request: ResyncRequest, wanted: str) -> list[Row[Any]]:
    """The ledger's row of a deal that is asked for under an id that was merged into it."""
    joined = select(ledger).join(
        ledger_aliases,
        (ledger_aliases.c.org == ledger.c.org)
        & (ledger_aliases.c.connection_id == ledger.c.connection_id)
        & (ledger_aliases.c.object == ledger.c.object)
        & (ledger_aliases.c.external_id == ledger.c.external_id),
    )
    conditions = [ledger.c.org == request.org, ledger_aliases.c.alias_id == wanted]
    if request.connection_id:
        conditions.append(ledger.c.connection_id == request.connection_id)
    return list(connection.execute(joined.where(*conditions).order_by(ledger.c.connection_id)).all())


async def _fetch(visit: Visit, target: _Target) -> DealBundle:
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


def _note_merged_ids(connection: Connection, visit: Visit, target: _Target, deal: Record) -> None:
    """Remember the ids under which the deal is known now, if it was merged since."""
    stamp = visit.stamp
    ids = (deal.id, *deal.merged_ids)
    known = ledger_ids(connection, stamp.org, stamp.connection_id, stamp.objects["deal"], ids)
    new = tuple(external_id for external_id in ids if external_id not in known)
    write_aliases(connection, [Protected(deal, target.project_id, target.deal_id, new)], stamp)


def _customer_record(bundle: DealBundle) -> Record | None:
    company = primary_company(bundle.deal.references.get("company", ()))
    return None if company is None else bundle.companies.get(company)


def _plan(
    connection: Connection,
    visit: Visit,
    target: _Target,
    bundle: DealBundle,
    customer: Record | None,
    request: ResyncRequest,
) -> ResyncPlan:
    known = _known(connection, visit, bundle, customer)
    rule = _rule(visit.crm, bundle, target)
    customer_id = None if customer is None else known.links.get(("company", customer.id))
    held = visit.crm.destination.held(connection, visit.stamp, target.project_id, customer_id)
    if held is None:
        raise Refusal(f"{request.org}: project {target.project_id} is not in Hardfin any more; nothing was changed")
    bundle = _without_lines_of_others(bundle, known, held)
    crm_now = plan_project(bundle, known, visit.crm.context, Triggered(rule, target.stage_id), target.project_id)
    if isinstance(crm_now, SetAside):
        raise Refusal(f"{target.connection_id}: cannot re-sync {target.project_id}: {crm_now.reason}")
    values = _customer_values(visit.crm, rule, customer)
    return plan_resync(held, crm_now, values, keep_local_edits=request.keep_local_edits)


def _without_lines_of_others(bundle: DealBundle, known: Known, held: HeldProject) -> DealBundle:
    """A deal that another synced one was merged into has its lines too; they stay with that one's project."""
    own = {
        line_id: line
        for line_id, line in bundle.line_items.items()
        if line_id in held.lines or ("line_item", line_id) not in known.links
    }
    return replace(bundle, line_items=own)


def _known(connection: Connection, visit: Visit, bundle: DealBundle, customer: Record | None) -> Known:
    asked = primary_company(bundle.deal.references.get("company", ()))
    companies = [asked] if asked else []
    if customer is not None:
        companies += [customer.id, *customer.merged_ids]
    products = {reference.id for line in bundle.line_items.values() for reference in line.references.get("product", ())}
    products |= {record.id for record in bundle.products.values()}
    return known_records(
        connection,
        visit.stamp.org,
        visit.stamp.connection_id,
        visit.stamp.objects,
        ids={"company": companies, "product": sorted(products), "line_item": list(bundle.line_items)},
        item_names=item_names([bundle], visit.crm.context),
    )


def _rule(crm: CrmConnection, bundle: DealBundle, target: _Target) -> PipelineRule:
    """The rule whose mapping counts: of the pipeline the deal is in now, else of the one it was synced by."""
    rules = {rule.pipeline_id: rule for rule in crm.context.rules}
    found = rules.get(bundle.state.pipeline_id) or rules.get(target.pipeline_id)
    return found or PipelineRule(target.pipeline_id, (), "paused")


def _customer_values(crm: CrmConnection, rule: PipelineRule, customer: Record | None) -> Values | None:
    if customer is None:
        return None
    mapping = crm.context.mappings_for(rule)["customer"]
    mapped = map_record(customer, mapping, crm.context.properties.get("company", {}))
    if isinstance(mapped, Rejected):
        raise Refusal(f"{crm.row.connection_id}: company {customer.id} cannot be mapped: {mapped.reason}")
    return mapped.values
