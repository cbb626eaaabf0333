"""What an initial load, or the next tick, would sync now: planned exactly as the run plans it, and nothing written.

Of the store only the tally of vendor calls (and a token that had to be renewed) is written: calls are calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.crm_runs import tick_position
from hardfin_pipelines.engine.crm_sync import tick_query
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.drift import fields_named
from hardfin_pipelines.engine.planned_deals import Opened, PlannedDeals, connection_to_preview, load_query, opened
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.computed_fields import computed_fields
from hardfin_pipelines.organizations.difference import Change
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.platform.call_budget import allowances
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.sync.approval import PlanHeader, configuration_hash, in_plan, minutes_needed, plan_hash
from hardfin_pipelines.sync.preview import DealPlan, digest_of
from hardfin_pipelines.sync.preview_totals import OutcomeChange, PreviewTotals, changed_outcome
from hardfin_pipelines.sync.status_wording import status_in_words

TakesHeader = Callable[[PlanHeader], None]
TakesPlan = Callable[[DealPlan], None]


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """What somebody wants to see.

    Attributes:
        org: The organization.
        since: Preview a load of everything modified since this day; None for the start date, or, where there is none,
            for what the next tick would do.
        document: Preview as if this document of the organization were applied; None for things as they are.
    """

    org: str
    since: date | None = None
    document: OrganizationDocument | None = None


@dataclass(frozen=True, slots=True)
class PreviewCost:
    """What the run will cost.

    Attributes:
        calls: Calls by the vendor's rate bucket: those that the preview itself made for the deals.
        least: The least number of calls that reading so many records takes.
        minutes: How long the calls take at least under the account's limits.
        per_day: The account's calls of a day; None where the vendor does not tell.
        remaining: Of them left, as the vendor last said.
    """

    calls: Mapping[str, int]
    least: int
    minutes: float
    per_day: int | None = None
    remaining: int | None = None

    @property
    def total(self) -> int:
        """All calls together."""
        return sum(self.calls.values())

    @property
    def share_of_day(self) -> float | None:
        """The calls as a share of the account's day."""
        return self.total / self.per_day if self.per_day else None


@dataclass(frozen=True, slots=True)
class PreviewReport:
    """What a preview came to.

    Attributes:
        header: What it is of.
        hash: The hash of the plan.
        totals: Counts over all deals, and every one that would be set aside.
        cost: What the run will cost.
        changes: What the document would change.
        outcomes_changed: The deals of which something else becomes because of that.
        remarks: What else to know, a line each.
    """

    header: PlanHeader
    hash: str
    totals: PreviewTotals
    cost: PreviewCost
    changes: tuple[Change, ...] = ()
    outcomes_changed: tuple[OutcomeChange, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What planning came to so far."""

    totals: PreviewTotals = field(default_factory=PreviewTotals)
    digests: dict[str, str] = field(default_factory=dict)
    changed: list[OutcomeChange] = field(default_factory=list)

    def add(self, plan: DealPlan, as_now: DealPlan) -> None:
        self.totals.add(plan)
        if in_plan(plan):
            self.digests[plan.deal_id] = digest_of(plan.document())
        change = None if plan is as_now else changed_outcome(as_now, plan)
        if change is not None:
            self.changed.append(change)


async def preview(
    deployment: Deployment,
    request: PreviewRequest,
    *,
    begin: TakesHeader | None = None,
    take: TakesPlan | None = None,
) -> PreviewReport:
    """Find out what a sync would do now, deal by deal.

    Args:
        deployment: The deployment.
        request: What to preview.
        begin: Is given what the plan is of, before the first deal.
        take: Is given what becomes of each deal, in the order of the run; it is not kept here.

    Raises:
        Refusal: The organization has no CRM account to ask, or there is nothing to preview.
        ConfigurationError: The document cannot be applied.
        VendorError: The vendor refused or failed.
    """
    changes: tuple[Change, ...] = ()
    revision = 0
    document = request.document
    if document is not None:
        now = deployment.now()
        (applied,) = configuration.apply(deployment.engine, [document], actor="preview", now=now, dry_run=True)
        changes, revision = applied.changes, applied.revision
    row = connection_to_preview(deployment, request.org)
    async with opened(deployment, row, document) as looked_at:
        window, query = _window(deployment, looked_at, request)
        header = PlanHeader(
            row.org,
            row.connection_id,
            window,
            query.modified_from,
            configuration_hash(looked_at.crm.context),
            revision if changes else 0,
            document.configuration.document() if changes and document is not None else None,
        )
        if begin is not None:
            begin(header)
        before = dict(looked_at.connector.calls.by_bucket)
        deals, found = PlannedDeals(looked_at, deployment.now()), _Found()
        async for plan, as_now in deals.plans(query):
            found.add(plan, as_now)
            if take is not None:
                take(plan)
        return PreviewReport(
            header,
            plan_hash(header, found.digests),
            found.totals,
            _cost(deployment, looked_at, deals, before),
            changes,
            tuple(found.changed),
            tuple(_remarks(looked_at.crm)),
        )


def _window(deployment: Deployment, looked_at: Opened, request: PreviewRequest) -> tuple[str, TriggerQuery]:
    crm = looked_at.crm
    row = crm.row
    if not crm.trigger_stages():
        held = "; ".join(f"{each.pipeline}: {each.because}" for each in crm.held)
        why = f"its rules are held: {held}" if held else "it has no active pipeline rule"
        raise Refusal(f"{row.connection_id}: nothing would sync: {why}")
    day = request.since or row.start_date
    if day is not None:
        return "load", load_query(crm, _first_moment(deployment, crm, day))
    if row.enabled_at is None:
        raise Refusal(f"{row.connection_id} has no start_date and was never active: give --since DAY")
    return "tick", tick_query(crm, tick_position(deployment, row, looked_at.connector.objects()["deal"]))


def _first_moment(deployment: Deployment, crm: CrmConnection, day: date) -> datetime:
    row = crm.row
    start = datetime.combine(day, time.min, UTC)
    if start > deployment.now():
        raise Refusal(f"--since {day}: it is in the future; give the first day whose changes are to be loaded")
    if row.start_date is not None and day < row.start_date:
        raise Refusal(
            f"--since {day}: {row.connection_id} has start_date {row.start_date}; give a day from then on, or move "
            "start_date in the organization's YAML"
        )
    return start


def _cost(deployment: Deployment, looked_at: Opened, deals: PlannedDeals, before: Mapping[str, int]) -> PreviewCost:
    row, connector = looked_at.crm.row, looked_at.connector
    asked = {bucket: number - before.get(bucket, 0) for bucket, number in connector.calls.by_bucket.items()}
    calls = {bucket: number for bucket, number in asked.items() if number}
    landed = deals.scan.extraction.counts.landed
    others = [landed.get("company", 0), landed.get("line_item", 0), landed.get("product", 0)]
    least = connector.plan_calls(deals.planned, *others).total
    minutes = minutes_needed(calls, deployment.vendors.rate_windows(row.integration, row.account_id, row.configuration))
    with reading(deployment.engine) as connection:
        said = allowances(connection, row.org).get((row.org, row.connection_id))
    told = connector.calls.allowance or said
    if told is None or not told.per_day:
        return PreviewCost(calls, least, minutes)
    return PreviewCost(calls, least, minutes, told.per_day, told.remaining)


def _remarks(crm: CrmConnection) -> list[str]:
    remarks = [f"pipeline {each.pipeline} is held: {each.because}" for each in crm.held]
    if crm.row.status != "active":
        stands = status_in_words(crm.row.status, crm.row.status_reason)
        remarks.append(f"{crm.row.connection_id} {stands}: nothing syncs until it is active")
    elif crm.row.configuration.get("status") == "paused":
        remarks.append("the document pauses the connection: nothing syncs until it is active there")
    mappings = (crm.context.mappings, *(crm.context.mappings_for(rule) for rule in crm.context.rules))
    chosen = fields_named(ConnectionConfiguration.model_validate(crm.row.configuration))
    computed = (line for each in mappings for line in computed_fields(each, crm.context.properties, chosen))
    remarks.extend(dict.fromkeys(computed))
    return remarks
