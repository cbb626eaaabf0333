"""Applying deals to Hardfin: what is known is read, the plan made and carried out in one transaction."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.engine.set_aside import ids_of
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.destination import Destination
from hardfin_pipelines.platform.first_sync_store import SyncStamp, write_aliases
from hardfin_pipelines.platform.known_records import known_records
from hardfin_pipelines.platform.record_log import RecordEvent, Rejection, forget_rejections, record_events, reject
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.first_sync import Context, DealBundle, item_names, plan_batch, primary_company
from hardfin_pipelines.sync.plans import Known, Outcome, Protected, SetAside, Skipped, Synced

_BATCH = 250
_ATTEMPTS = 3
_LONGEST_REASON = 300
_REFUSED = (DataError, ValueError, ArithmeticError)
"""What a value that the store cannot hold raises, by database and driver."""

_log = logging.getLogger(__name__)

PlanCheck = Callable[[Sequence[DealBundle], Sequence[Outcome], Known], None]
"""Looks at a batch's plan, with what was known, in the transaction that is about to carry it out; raises to refuse."""


@dataclass(slots=True)
class ApplyCounts:
    """What became of the deals of one unit of work, and what was created."""

    synced: int = 0
    protected: int = 0
    not_triggered: int = 0
    set_aside: int = 0
    created: dict[EntityType, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    @property
    def accounted(self) -> int:
        """Deals that have an answer."""
        return self.synced + self.protected + self.not_triggered + self.set_aside

    def add(self, outcomes: Sequence[Outcome], created: Mapping[EntityType, int]) -> None:
        """Count the outcomes of one batch."""
        self.synced += sum(isinstance(outcome, Synced) for outcome in outcomes)
        self.protected += sum(isinstance(outcome, Protected) for outcome in outcomes)
        self.not_triggered += sum(isinstance(outcome, Skipped) for outcome in outcomes)
        aside = [outcome for outcome in outcomes if isinstance(outcome, SetAside)]
        self.set_aside += len(aside)
        self.reasons.extend(f"deal {outcome.deal.id}: {outcome.reason}" for outcome in aside)
        for entity, number in created.items():
            self.created[entity] = self.created.get(entity, 0) + number


def apply_bundles(
    crm: CrmConnection,
    bundles: Sequence[DealBundle],
    stamp: SyncStamp,
    guard: RunGuard,
    counts: ApplyCounts,
    check: PlanCheck | None = None,
) -> None:
    """Apply deals in batches of 250, each in one transaction.

    Another run that syncs the same deal at the same time makes the batch fail as a whole; it is then planned again
    with what that run wrote. A deal that the store refuses all the same is set aside. `counts` grows with every batch
    that is committed. What `check` raises ends it before the batch is written.

    Raises:
        WorkInterrupted: The connection was paused, edited or disconnected, or the lease was lost, before a batch.
    """
    for start in range(0, len(bundles), _BATCH):
        _apply_batch(crm, bundles[start : start + _BATCH], stamp, guard, counts, check)


def _apply_batch(
    crm: CrmConnection,
    bundles: Sequence[DealBundle],
    stamp: SyncStamp,
    guard: RunGuard,
    counts: ApplyCounts,
    check: PlanCheck | None,
) -> None:
    refused: Exception | None = None
    for _attempt in range(_ATTEMPTS):
        try:
            with writing(crm.engine) as connection:
                guard.check(connection)
                known = known_around(connection, bundles, crm.context, stamp)
                outcomes = plan_batch(bundles, known, crm.context)
                if check is not None:
                    check(bundles, outcomes, known)
                created = _write(connection, crm.destination, outcomes, stamp)
        except IntegrityError as error:
            refused = error
        except _REFUSED as error:
            refused = error
            break
        else:
            counts.add(outcomes, created)
            return
    if len(bundles) == 1:
        _set_aside(crm, bundles[0], refused, stamp, guard, counts)
        return
    # One deal that the store refuses must not keep the others out: halves lead to it.
    middle = len(bundles) // 2
    _apply_batch(crm, bundles[:middle], stamp, guard, counts, check)
    _apply_batch(crm, bundles[middle:], stamp, guard, counts, check)


def _set_aside(
    crm: CrmConnection,
    bundle: DealBundle,
    refused: Exception | None,
    stamp: SyncStamp,
    guard: RunGuard,
    counts: ApplyCounts,
) -> None:
    _log.error("deal %s of %s cannot be written", bundle.deal.id, stamp.connection_id, exc_info=refused)
    told = refused.orig if isinstance(refused, DBAPIError) and refused.orig is not None else refused
    outcome = SetAside(bundle.deal, f"Hardfin cannot store it: {' '.join(str(told).split())[:_LONGEST_REASON]}")
    with writing(crm.engine) as connection:
        guard.check(connection)
        _write(connection, crm.destination, [outcome], stamp)
    counts.add([outcome], {})


def known_around(connection: Connection, bundles: Sequence[DealBundle], context: Context, stamp: SyncStamp) -> Known:
    """What the store holds of some deals and of everything they point to: what their plan depends on."""
    companies = [primary_company(bundle.deal.references.get("company", ())) for bundle in bundles]
    read = [company for bundle in bundles for company in bundle.companies.values()]
    products = [
        reference.id
        for bundle in bundles
        for line in bundle.line_items.values()
        for reference in line.references.get("product", ())
    ]
    return known_records(
        connection,
        stamp.org,
        stamp.connection_id,
        stamp.objects,
        ids={
            "deal": [deal_id for bundle in bundles for deal_id in (bundle.deal.id, *bundle.deal.merged_ids)],
            "company": [
                *filter(None, companies),
                *(external_id for record in read for external_id in (record.id, *record.merged_ids)),
            ],
            "product": [
                *products,
                *(
                    external_id
                    for bundle in bundles
                    for record in bundle.products.values()
                    for external_id in (record.id, *record.merged_ids)
                ),
            ],
            "line_item": [line_id for bundle in bundles for line_id in bundle.line_items],
        },
        item_names=item_names(bundles, context),
    )


def _write(
    connection: Connection, destination: Destination, outcomes: Sequence[Outcome], stamp: SyncStamp
) -> Mapping[EntityType, int]:
    synced = [outcome for outcome in outcomes if isinstance(outcome, Synced)]
    protected = [outcome for outcome in outcomes if isinstance(outcome, Protected)]
    created = destination.create(connection, synced, stamp)
    write_aliases(connection, protected, stamp)
    deal_object = stamp.objects["deal"]
    reject(
        connection,
        stamp.org,
        stamp.connection_id,
        [
            Rejection(deal_object, outcome.deal.id, outcome.reason, outcome.deal.modified_at, stamp.mapping_revision)
            for outcome in outcomes
            if isinstance(outcome, SetAside)
        ],
        now=stamp.now,
    )
    settled = [
        external_id for outcome in outcomes if not isinstance(outcome, SetAside) for external_id in ids_of(outcome.deal)
    ]
    forget_rejections(connection, stamp.org, stamp.connection_id, deal_object, settled)
    record_events(connection, stamp.org, stamp.connection_id, _events(outcomes, stamp))
    return created


def _events(outcomes: Sequence[Outcome], stamp: SyncStamp) -> list[RecordEvent]:
    """The timeline of what was looked at and not synced; a first sync is in the ledger and the audit."""
    events = _moved_lines(outcomes, stamp)
    for outcome in outcomes:
        if isinstance(outcome, Skipped):
            kind, detail = "skipped", outcome.reason
        elif isinstance(outcome, SetAside):
            kind, detail = "rejected", outcome.reason
        elif isinstance(outcome, Protected) and outcome.new_aliases:
            kind, detail = "merged", f"ids {', '.join(outcome.new_aliases)} belong to project {outcome.project_id}"
        else:
            continue
        events.append(
            RecordEvent(
                object=stamp.objects["deal"],
                external_id=outcome.deal.id,
                at=stamp.now,
                kind=kind,
                detail=detail,
                vendor_modified_at=outcome.deal.modified_at,
                run_id=stamp.run_id,
            )
        )
    return events


def _moved_lines(outcomes: Sequence[Outcome], stamp: SyncStamp) -> list[RecordEvent]:
    """The timeline of line items whose lines came from other projects with a first sync."""
    return [
        RecordEvent(
            object=stamp.objects["line_item"],
            external_id=link.external_id,
            at=stamp.now,
            kind="moved",
            detail=f"from {f'project {origin}' if origin else 'a line that was deleted'} to "
            f"{outcome.ledger.project_id} with its first sync",
            vendor_modified_at=link.vendor_modified_at,
            run_id=stamp.run_id,
        )
        for outcome in outcomes
        if isinstance(outcome, Synced) and outcome.lines_taken
        for link in outcome.links
        if link.role == "line_item" and (origin := outcome.lines_taken.get(link.external_id)) is not None
    ]
