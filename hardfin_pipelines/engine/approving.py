"""Running exactly the plan that somebody approved, or nothing of it.

The deals are fetched again and planned first, and compared with the plan: if anything moved, it is refused before
anything is written. Then they are applied in the usual batches, each compared again in its own transaction: what
another run wrote in between makes that batch stale, and leaves it unwritten.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dateutil.relativedelta import relativedelta
from filelock import Timeout

from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.applying import ApplyCounts, apply_bundles
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.crm_sync import SyncReport
from hardfin_pipelines.engine.deal_scan import DealChunk, DealScan
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.opening import how_it_stands, open_crm_connection
from hardfin_pipelines.engine.organization_sync import noting_failures
from hardfin_pipelines.engine.plan_files import PlanFile
from hardfin_pipelines.engine.planned_deals import Opened, PlannedDeals, load_query, opened
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.set_aside import forget_settled
from hardfin_pipelines.engine.visits import Visit, open_visit
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import UnitJournal, journal_lock, remove_journal
from hardfin_pipelines.landing.layout import Unit, journal_path
from hardfin_pipelines.organizations.difference import difference
from hardfin_pipelines.organizations.document import OrganizationDocument, read_document
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.connection_store import ConnectionNotFound, ConnectionRow, get_connection
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.load_windows import close_window
from hardfin_pipelines.platform.organization_store import load_organization
from hardfin_pipelines.platform.record_facts import synced_by_run
from hardfin_pipelines.sync.approval import configuration_hash, what_moved
from hardfin_pipelines.sync.completeness import Proof
from hardfin_pipelines.sync.first_sync import DealBundle
from hardfin_pipelines.sync.initial_load import stage_pairs
from hardfin_pipelines.sync.plans import Known, Outcome, Protected
from hardfin_pipelines.sync.preview import WRITTEN, DealPlan, described, digest_of

_BATCH = 200
_NAMED = 5
"""Deals that a refusal names; it counts the others."""

_MAY_BECOME_ACTIVE = frozenset({"active", "connected", "configured"})

MovedDeal = tuple[str, Mapping[str, Any] | None]
"""A deal's id, and what would become of it now; None where the CRM does not show it any more."""


class StalePlan(Refusal):
    """Something moved since the plan was made. Nothing was written."""


@dataclass(slots=True)
class ApprovalReport:
    """What running a plan came to.

    Attributes:
        hash: The plan's.
        run_id: The run's, as links, ledger and audit have it.
        applied: What became of the deals.
        done_before: Deals that an earlier run of this plan, cut off, had synced.
        stale: Deals that were not written because another run got there first, a line each.
        revision: The revision that the plan's document was applied as; None where it was in place.
        calls: Vendor calls, those of the comparison included.
        window_closed: Whether the whole window has an answer, so that no load looks at it again.
        interrupted: Why it stopped early on a person's wish, or "". What is committed stands.
        remarks: What else to know, a line each.
    """

    hash: str
    run_id: str
    applied: ApplyCounts = field(default_factory=ApplyCounts)
    done_before: int = 0
    stale: list[str] = field(default_factory=list)
    revision: int | None = None
    calls: int = 0
    window_closed: bool = False
    interrupted: str = ""
    remarks: list[str] = field(default_factory=list)


async def approve(deployment: Deployment, org: str, plan: PlanFile, *, actor: str) -> ApprovalReport:
    """Run a plan.

    A run that was killed is done again by approving the same plan again: what it synced is not taken for stale.

    Args:
        deployment: The deployment.
        org: The organization.
        plan: The plan as previewed.
        actor: Who approves it, for the audit.

    Raises:
        StalePlan: Something moved since; nothing was written.
        Refusal: It is another organization's plan, of a tick, or its connection cannot sync; nothing was written.
        VendorError: The vendor refused or failed; what is committed stands.
    """
    return await _Approval(deployment, _checked(org, plan), actor).run()


def _checked(org: str, plan: PlanFile) -> PlanFile:
    header = plan.header
    if header.org != org:
        raise Refusal(f"{plan.path}: is a plan of {header.org}, not of {org}")
    if header.window != "load":
        raise Refusal(
            f"{plan.path}: is what the next tick does by itself; preview a load with --since DAY to approve it"
        )
    return plan


class _Approval:
    """One run of one plan."""

    def __init__(self, deployment: Deployment, plan: PlanFile, actor: str) -> None:
        self._deployment = deployment
        self._plan = plan
        self._actor = actor
        header = plan.header
        # The same for the same plan: what an earlier run of it has synced can be told from what others have.
        run_id = f"approve-{plan.hash[:16]}"
        self._unit = Unit(header.org, header.connection_id, run_id)
        self._report = ApprovalReport(plan.hash, run_id)
        self._done: set[str] = set()

    async def run(self) -> ApprovalReport:
        row = self._row()
        document = self._document_to_apply()
        self._require_startable(row, document)
        try:
            await self._compare(row, document)
        except LandingError as error:
            raise Refusal(str(error)) from error
        self._approve(document)
        opening = open_visit(
            self._deployment,
            row.org,
            row.connection_id,
            lane="load",
            unit=self._unit.name,
            run_id=self._report.run_id,
            trigger="load",
            actor=self._actor,
        )
        async with noting_failures(self._deployment, row), opening as visit:
            if configuration_hash(visit.crm.context) != self._plan.header.configuration:
                raise Refusal(
                    f"{row.connection_id} was edited, or its account has changed, just now: no deal was written"
                )
            try:
                await self._apply(visit)
            except WorkInterrupted as wish:
                self._report.interrupted = str(wish)
            self._report.calls += visit.connector.calls.total
        return self._report

    # -- before anything is written -----------------------------------------------------------------------------

    def _row(self) -> ConnectionRow:
        header = self._plan.header
        with reading(self._deployment.engine) as connection:
            try:
                return get_connection(connection, header.org, header.connection_id)
            except ConnectionNotFound as error:
                raise Refusal(str(error)) from None

    def _document_to_apply(self) -> OrganizationDocument | None:
        """The plan's document; None where it has none, or where it is in place already."""
        header = self._plan.header
        if header.document is None:
            return None
        with reading(self._deployment.engine) as connection:
            stored = load_organization(connection, header.org)
        try:
            document = read_document(header.document, source=self._plan.path.name)
        except ConfigurationError as error:
            raise Refusal("; ".join(map(str, error.problems))) from None
        if not difference(stored.document, document.configuration.document()):
            return None
        if stored.revision != header.revision:
            raise self._stale(
                f"{header.org} is at revision {stored.revision} now; the plan changes revision {header.revision}"
            )
        return document

    def _require_startable(self, row: ConnectionRow, document: OrganizationDocument | None) -> None:
        if document is None:
            open_crm_connection(self._deployment, row.org, row.connection_id)
        elif row.status not in _MAY_BECOME_ACTIVE and row.configuration.get("status") != "paused":
            raise Refusal(f"nothing was changed: {how_it_stands(row)}")
        elif any(each.status == "paused" for each in document.configuration.connections if _is_of(each, row)):
            raise Refusal(
                f"{row.connection_id}: the plan's document pauses it, so nothing would sync; nothing was changed"
            )

    async def _compare(self, row: ConnectionRow, document: OrganizationDocument | None) -> None:
        """Plan everything from fresh answers, which the run then uses, and refuse what moved."""
        self._forget_earlier_answers()
        moved: list[MovedDeal] = []
        with UnitJournal(self._deployment.settings.landing_root, self._unit) as journal:
            try:
                async with opened(self._deployment, row, document, journal) as looked_at:
                    self._require_configuration(looked_at.crm)
                    moved = await self._moved(replace(looked_at, now=None))
                    self._report.calls += looked_at.connector.calls.total
            except BaseException:
                journal.discard()
                raise
            if moved:
                journal.discard()
        if moved:
            raise self._stale(*self._told(moved))

    async def _moved(self, looked_at: Opened) -> list[MovedDeal]:
        entries = self._plan.entries
        missing = {deal for deal, entry in entries.items() if entry.outcome in WRITTEN}
        done = self._done_before(missing)
        moved: list[MovedDeal] = []
        deals = PlannedDeals(looked_at, self._deployment.now())
        async for plan, _ in deals.plans(load_query(looked_at.crm, self._plan.header.since)):
            missing.discard(plan.deal_id)
            if plan.outcome == "protected" and plan.deal_id in done:
                self._done.add(plan.deal_id)
            elif not self._agrees(plan):
                # Ten thousand deals may have moved; a refusal tells of a few.
                moved.append((plan.deal_id, plan.document() if len(moved) < _NAMED else None))
        self._report.done_before = len(self._done)
        return moved + [(deal, None) for deal in sorted(missing - done)]

    def _done_before(self, deals: Sequence[str] | set[str]) -> set[str]:
        header = self._plan.header
        with reading(self._deployment.engine) as connection:
            return set(deals) & synced_by_run(connection, header.org, header.connection_id, self._report.run_id)

    def _agrees(self, plan: DealPlan) -> bool:
        """Whether what becomes of a deal is what was approved. Of what is not written, nothing is asked."""
        approved = self._plan.entries.get(plan.deal_id)
        if plan.outcome not in WRITTEN:
            return approved is None or approved.outcome not in WRITTEN
        return approved is not None and approved.digest == digest_of(plan.document())

    def _require_configuration(self, crm: CrmConnection) -> None:
        if configuration_hash(crm.context) != self._plan.header.configuration:
            raise self._stale("its rules, its mapping, or what they name in the account are not as they were")

    def _stale(self, *lines: str) -> StalePlan:
        what = "; ".join(lines)
        return StalePlan(f"the plan {self._plan.hash} is stale: {what}. Nothing was written; preview again")

    def _told(self, moved: Sequence[MovedDeal]) -> list[str]:
        """The first deals that moved, and how."""
        named = moved[:_NAMED]
        approved = self._plan.documents([deal for deal, _ in named])
        lines = [f"deal {deal} {what_moved(approved.get(deal), now)}" for deal, now in named]
        return [*lines, f"and {len(moved) - _NAMED} more deals"] if len(moved) > _NAMED else lines

    def _forget_earlier_answers(self) -> None:
        path = journal_path(self._deployment.settings.landing_root, self._unit)
        if not path.exists():
            return
        try:
            with journal_lock(path), suppress(FileNotFoundError):
                remove_journal(path)
        except Timeout:
            raise Refusal(f"the plan {self._plan.hash} is being run by another process") from None

    # -- from here on it is approved ----------------------------------------------------------------------------

    def _approve(self, document: OrganizationDocument | None) -> None:
        header, now = self._plan.header, self._deployment.now()
        reason = f"approved plan {self._plan.hash}"
        if document is not None:
            # Only now: applied earlier, the initial load of what it turns on would begin unseen.
            (applied,) = configuration.apply(
                self._deployment.engine, [document], actor=self._actor, now=now, reason=reason
            )
            self._report.revision = applied.revision
        cause = Cause(self._actor, reason, now, self._report.run_id)
        deals = sum(entry.outcome == "synced" for entry in self._plan.entries.values())
        changes = {"plan": (None, self._plan.hash), "deals": (None, str(deals)), "since": (None, str(header.since))}
        with writing(self._deployment.engine) as connection:
            event = AuditEvent("plan.approved", "connection", header.connection_id, cause, changes)
            record_audit(connection, header.org, [event])

    async def _apply(self, visit: Visit) -> None:
        query = load_query(visit.crm, self._plan.header.since)
        scan = DealScan(visit.crm, visit.connector, visit.landing)
        check = _Check(self._agrees, visit.crm)
        async for chunk in scan.chunks(query):
            self._note_settled(chunk, visit)
            for start in range(0, len(chunk.bundles), _BATCH):
                batch = chunk.bundles[start : start + _BATCH]
                try:
                    apply_bundles(visit.crm, batch, visit.stamp, visit.guard, self._report.applied, check)
                except _StaleBatch as stale:
                    self._refuse_batch(stale.moved, len(batch))
        await self._close(visit, scan)

    def _note_settled(self, chunk: DealChunk, visit: Visit) -> None:
        forget_settled(visit.crm.engine, chunk.settled, visit.stamp, visit.guard)
        self._report.applied.add(chunk.settled, {})
        overtaken = [
            (outcome.deal.id, described(outcome, visit.crm.context).document())
            for outcome in chunk.settled
            if isinstance(outcome, Protected) and outcome.deal.id not in self._done and self._was_to_sync(outcome)
        ]
        if overtaken:
            self._report.stale += self._told(overtaken)

    def _was_to_sync(self, outcome: Protected) -> bool:
        entry = self._plan.entries.get(outcome.deal.id)
        return entry is not None and entry.outcome in WRITTEN

    def _refuse_batch(self, moved: Sequence[MovedDeal], size: int) -> None:
        self._report.stale += self._told(moved)
        self._report.stale.append(f"none of the {size} deals of that batch was written")

    async def _close(self, visit: Visit, scan: DealScan) -> None:
        """Let no load look at the window again, where the vendor's count says that every deal has an answer."""
        total: int | None = None
        async for page in visit.connector.census_pages(load_query(visit.crm, self._plan.header.since)):
            total = page.total
            break
        visit.landing.finish()
        if self._report.stale or total != len(scan.seen):
            self._report.remarks.append(
                f"the CRM counts {total} deals in the window, {len(scan.seen)} were looked at; it stays open, and the "
                "next load looks at what is left"
            )
            return
        report = SyncReport(
            applied=self._report.applied,
            calls=self._report.calls + visit.connector.calls.total,
            seen=set(scan.seen),
            proof=Proof(total, len(scan.seen)),
        )
        start, end = self._plan.header.since, _end_of_month(self._deployment.now())
        with writing(self._deployment.engine) as connection:
            visit.guard.check(connection)
            pairs = stage_pairs(visit.crm.trigger_stages())
            close_window(connection, visit.stamp, start, end, report.numbers(), pairs)
        self._report.window_closed = True


class _StaleBatch(Exception):
    """A batch is not what was approved any more; its transaction is rolled back."""

    def __init__(self, moved: list[MovedDeal]) -> None:
        super().__init__(f"{len(moved)} deals moved")
        self.moved = moved


@dataclass(frozen=True, slots=True)
class _Check:
    """Compares a batch with what was approved, in the transaction that is about to write it."""

    agrees: Callable[[DealPlan], bool]
    crm: CrmConnection

    def __call__(self, bundles: Sequence[DealBundle], outcomes: Sequence[Outcome], known: Known) -> None:
        plans = [
            described(outcome, self.crm.context, bundle, known)
            for bundle, outcome in zip(bundles, outcomes, strict=True)
        ]
        moved: list[MovedDeal] = [(plan.deal_id, plan.document()) for plan in plans if not self.agrees(plan)]
        if moved:
            raise _StaleBatch(moved)


def _is_of(configured: ConnectionConfiguration, row: ConnectionRow) -> bool:
    return configured.integration == row.integration


def _end_of_month(moment: datetime) -> datetime:
    """Where the window of a load ends that reaches to now: with the month, as those of backfills do."""
    return datetime(moment.year, moment.month, 1, tzinfo=UTC) + relativedelta(months=1)
