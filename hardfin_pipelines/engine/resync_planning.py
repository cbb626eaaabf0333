"""The plan of one re-sync, made of the records as read and what the store holds, and its carrying out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.moved_lines import OtherDeals
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.resync_notes import notes_of, stale_plan
from hardfin_pipelines.engine.resync_targets import ResyncTarget
from hardfin_pipelines.engine.visits import Visit
from hardfin_pipelines.platform.first_sync_store import write_aliases
from hardfin_pipelines.platform.known_records import known_records, ledger_ids
from hardfin_pipelines.platform.record_log import RecordEvent, record_events
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.field_names import FieldNameProblem
from hardfin_pipelines.sync.first_sync import DealBundle, item_names, plan_project, primary_company
from hardfin_pipelines.sync.mapping import Rejected, map_record
from hardfin_pipelines.sync.mapping_rules import MappingSet
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.plan_hash import plan_hash
from hardfin_pipelines.sync.plans import PARENT_FIELDS, Known, Protected, SetAside
from hardfin_pipelines.sync.resync import PROJECT, STATUS
from hardfin_pipelines.sync.resync_choices import Choices, read_choices
from hardfin_pipelines.sync.resync_plan import CustomerNow, HeldProject, ResyncPlan, plan_resync
from hardfin_pipelines.sync.trigger import Triggered

COMPARED: tuple[EntityType, ...] = ("customer", "project", "project_line_item")
"""The entities that a re-sync compares. Items are operations' own once they are there."""


@dataclass(frozen=True, slots=True)
class ResyncRequest:
    """What somebody asks for.

    Attributes:
        org: The organization.
        project: The project's id, or the id of its deal at the CRM.
        connection_id: The connection the deal belongs to; "" where the project tells.
        preview: Show what would change and write nothing.
        keep_local_edits: Leave fields alone that were edited in Hardfin since the last sync.
        keep: Names of fields to leave alone whatever the general way, such as `project.value`.
        take: Names of fields to take from the CRM whatever the general way.
        plan: The hash of the plan that a preview showed: any other plan is refused. "" for whatever the plan is.
        reason: Why, for the audit.
        actor: Who asks, for the audit.
        run_id: The run that does it.
    """

    org: str
    project: str
    connection_id: str = ""
    preview: bool = False
    keep_local_edits: bool = False
    keep: tuple[str, ...] = ()
    take: tuple[str, ...] = ()
    plan: str = ""
    reason: str = ""
    actor: str = "sync"
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan by what the store held at one moment.

    Attributes:
        plan: What is written.
        held: The project as it was held.
        hash: What a person approves.
        notes: What else a person should know, a line each.
    """

    plan: ResyncPlan
    held: HeldProject
    hash: str
    notes: tuple[str, ...]


class ResyncWork:
    """One re-sync whose records are read: what is left is the store's and the rules'."""

    def __init__(
        self, visit: Visit, target: ResyncTarget, request: ResyncRequest, bundle: DealBundle, others: OtherDeals
    ) -> None:
        self._visit = visit
        self._target = target
        self._request = request
        self._bundle = bundle
        self._others = others
        self._rule = _rule(visit.crm, bundle, target)
        company = primary_company(bundle.deal.references.get("company", ()))
        self._customer = None if company is None else bundle.companies.get(company)

    def planned(self, connection: Connection, *, for_update: bool = False) -> Planned:
        """The plan by what the store holds now; made again in the transaction that carries it out."""
        if self._rule.held_because:
            raise Refusal(
                f"{self._target.connection_id}: cannot re-sync {self._target.project_id}: the rule of pipeline "
                f"{self._rule.pipeline_id} is held ({self._rule.held_because}); nothing was changed"
            )
        known = self._known(connection)
        held, left = self._held(connection, known, for_update=for_update)
        own = {line_id: line for line_id, line in self._bundle.line_items.items() if line_id not in left}
        bundle = replace(self._bundle, line_items=own)
        crm, target = self._visit.crm, self._target
        now = plan_project(bundle, known, crm.context, Triggered(self._rule, target.stage_id), target.project_id)
        if isinstance(now, SetAside):
            raise Refusal(f"{target.connection_id}: cannot re-sync {target.project_id}: {now.reason}")
        mappings = crm.context.mappings_for(self._rule)
        customer = self._customer_now(mappings)
        lines = {**held.lines, **held.elsewhere}
        ids = {**{external_id: line.id for external_id, line in lines.items()}, **{x.id: x.id for x in lines.values()}}
        choices = requested_choices(
            self._request, {entity: compared_fields(entity, mappings) for entity in COMPARED}, ids
        )
        plan = plan_resync(held, now, customer, choices)
        named = (self._request.org, target.connection_id, target.project_id, bundle.deal.id)
        digest = plan_hash(named, bundle, held, now, customer, choices, plan)
        return Planned(plan, held, digest, notes_of(target, self._bundle, self._rule, plan, held, left))

    def check_approved(self, connection: Connection, planned: Planned) -> None:
        """Refuse a plan that is another than the approved one."""
        approved = self._request.plan.strip()
        if approved and approved != planned.hash:
            raise Refusal(stale_plan(connection, self._visit.stamp, self._bundle, planned.held, approved, planned.hash))

    def carry_out(self, connection: Connection, planned: Planned) -> str | None:
        """Write what the plan says, and what became of the deal and its lines into their timelines."""
        stamp, deal = self._visit.stamp, self._bundle.deal
        resync_id = self._visit.crm.destination.update(connection, planned.plan, stamp, self._request.reason)
        ids = (deal.id, *deal.merged_ids)
        known = ledger_ids(connection, stamp.org, stamp.connection_id, stamp.objects["deal"], ids)
        new = tuple(external_id for external_id in ids if external_id not in known)
        write_aliases(connection, [Protected(deal, self._target.project_id, self._target.deal_id, new)], stamp)
        record_events(connection, stamp.org, stamp.connection_id, self._events(planned, resync_id))
        return resync_id

    def _events(self, planned: Planned, resync_id: str | None) -> list[RecordEvent]:
        stamp, deal, plan = self._visit.stamp, self._bundle.deal, planned.plan
        did = f"{resync_id}, asked for by {stamp.actor}" if resync_id else f"nothing to change, asked by {stamp.actor}"
        events = [(stamp.objects["deal"], deal, "re-synced", did)]
        by_id = {line.id: external_id for external_id, line in planned.held.elsewhere.items()}
        for line_id, origin in plan.moves.items():
            line = self._bundle.line_items[by_id[line_id]]
            detail = f"from project {origin} to {plan.project_id} by {resync_id}"
            events.append((stamp.objects["line_item"], line, "moved", detail))
        return [
            RecordEvent(vendor_object, record.id, stamp.now, kind, detail, record.modified_at, stamp.run_id)
            for vendor_object, record, kind, detail in events
        ]

    def _held(self, connection: Connection, known: Known, *, for_update: bool) -> tuple[HeldProject, Mapping[str, str]]:
        """The project as held, with the lines that may come to it; and the lines that stay with other projects."""
        stamp, target, destination = self._visit.stamp, self._target, self._visit.crm.destination
        customer_id = None if self._customer is None else known.links.get(("company", self._customer.id))
        held = destination.held(connection, stamp, target.project_id, customer_id, for_update=for_update)
        if held is None:
            raise Refusal(f"{stamp.org}: project {target.project_id} is not in Hardfin any more; nothing was changed")
        line_ids = list(self._bundle.line_items)
        elsewhere = destination.elsewhere(connection, stamp, target.project_id, line_ids, for_update=for_update)
        coming = {each: line for each, line in elsewhere.items() if self._others.gave_up(each, line)}
        left = {each: line.texts[PROJECT] or "" for each, line in elsewhere.items() if each not in coming}
        for line_id in line_ids:
            if ("line_item", line_id) in known.links and line_id not in {*held.lines, *elsewhere}:
                left[line_id] = ""  # its line was deleted in Hardfin
        return replace(held, elsewhere=coming), left

    def _known(self, connection: Connection) -> Known:
        bundle, stamp = self._bundle, self._visit.stamp
        asked = primary_company(bundle.deal.references.get("company", ()))
        companies = [asked] if asked else []
        if self._customer is not None:
            companies += [self._customer.id, *self._customer.merged_ids]
        products = {each.id for line in bundle.line_items.values() for each in line.references.get("product", ())}
        products |= {record.id for record in bundle.products.values()}
        return known_records(
            connection,
            stamp.org,
            stamp.connection_id,
            stamp.objects,
            ids={"company": companies, "product": sorted(products), "line_item": list(bundle.line_items)},
            item_names=item_names([bundle], self._visit.crm.context),
        )

    def _customer_now(self, mappings: MappingSet) -> CustomerNow | None:
        if self._customer is None:
            return None
        context = self._visit.crm.context
        mapped = map_record(self._customer, mappings["customer"], context.properties.get("company", {}))
        if isinstance(mapped, Rejected):
            raise Refusal(
                f"{context.connection_id}: company {self._customer.id} cannot be mapped: {mapped.reason}; "
                "nothing was changed"
            )
        return CustomerNow(mapped.values, self._customer.modified_at)


def _rule(crm: CrmConnection, bundle: DealBundle, target: ResyncTarget) -> PipelineRule:
    """The rule whose mapping counts: of the pipeline the deal is in now, else of the one it was synced by."""
    rules = {rule.pipeline_id: rule for rule in crm.context.rules}
    found = rules.get(bundle.state.pipeline_id) or rules.get(target.pipeline_id)
    return found or PipelineRule(target.pipeline_id, (), "paused")


def compared_fields(entity: EntityType, mappings: MappingSet) -> list[str]:
    """The fields of an entity that a re-sync compares: mapped ones, what it belongs to, and whether a line is there."""
    status = [STATUS] if entity == "project_line_item" else []
    return [*(rule.target for rule in mappings[entity].rules), *PARENT_FIELDS.get(entity, ()), *status]


def requested_choices(
    request: ResyncRequest, fields: Mapping[EntityType, Sequence[str]], lines: Mapping[str, str]
) -> Choices:
    """The choices of a request.

    Args:
        request: With the names as people write them.
        fields: The fields that are compared, by entity.
        lines: The lines that are, by each of their ids.

    Raises:
        Refusal: A name means nothing here.
    """
    try:
        return read_choices(
            request.keep, request.take, keep_local_edits=request.keep_local_edits, fields=fields, lines=lines
        )
    except FieldNameProblem as problem:
        raise Refusal(f"{problem}; nothing was changed") from None
