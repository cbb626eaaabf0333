"""Deals that are set aside: settled by now, or not given by the vendor when they are asked for again."""

from collections.abc import Sequence

from sqlalchemy import Engine

from hardfin_pipelines.connectors.base import Missing
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.pending import NewWork, add_work
from hardfin_pipelines.platform.record_log import (
    RecordEvent,
    RejectedRecord,
    Rejection,
    forget_rejections,
    list_rejected,
    record_events,
    reject,
    set_aside_versions,
)
from hardfin_pipelines.sync.plans import Protected, Skipped
from hardfin_pipelines.sync.records import Record

GONE_AFTER = 8
"""A deal that the vendor does not give is asked for so often, over a day and a half, before it is given up as gone."""


def ids_of(deal: Record) -> tuple[str, ...]:
    """Every id under which a deal may be set aside: its own, and those merged into it."""
    return (deal.id, *deal.merged_ids)


def forget_settled(engine: Engine, outcomes: Sequence[Protected | Skipped], stamp: SyncStamp, guard: RunGuard) -> None:
    """Take deals off the list of those set aside that need no sync any more; seldom is any of them on it.

    Raises:
        WorkInterrupted: The connection was paused, edited or disconnected, or the lease was lost.
    """
    outcome_of = {external_id: outcome for outcome in outcomes for external_id in ids_of(outcome.deal)}
    deal_object = stamp.objects["deal"]
    with reading(engine) as connection:
        aside = set_aside_versions(connection, stamp.org, stamp.connection_id, deal_object, list(outcome_of))
    if not aside:
        return
    events = [_settled_event(external_id, outcome_of[external_id], stamp) for external_id in aside]
    with writing(engine) as connection:
        guard.check(connection)
        forget_rejections(connection, stamp.org, stamp.connection_id, deal_object, list(aside))
        record_events(connection, stamp.org, stamp.connection_id, events)


def ask_again(
    deployment: Deployment, org: str, held: Sequence[RejectedRecord], ids: Sequence[str], actor: str
) -> list[str]:
    """Ask for records that are set aside, before their time.

    Args:
        deployment: The deployment.
        org: The organization.
        held: Its records that are set aside.
        ids: Those to ask for; none for all of them.
        actor: Who asks.

    Returns:
        The ids that the next run will try.

    Raises:
        Refusal: An id is not set aside; nothing is asked for.
    """
    known = {each.rejection.external_id for each in held}
    unknown = [external_id for external_id in ids if external_id not in known]
    if unknown:
        raise Refusal(f"{org}: {', '.join(unknown)} is not set aside; list what is with `hardfin set-aside {org}`")
    wanted = [each for each in held if not ids or each.rejection.external_id in ids]
    with writing(deployment.engine) as connection:
        for connection_id in sorted({each.connection_id for each in wanted}):
            work = [
                NewWork("record", "request", actor, external_id=each.rejection.external_id)
                for each in wanted
                if each.connection_id == connection_id
            ]
            add_work(connection, org, connection_id, work, deployment.now())
    return [each.rejection.external_id for each in wanted]


def note_missing(engine: Engine, missing: Sequence[Missing], stamp: SyncStamp, guard: RunGuard) -> None:
    """Set deals aside that were asked for by id and not given; they may be readable later.

    Raises:
        WorkInterrupted: The connection was paused, edited or disconnected, or the lease was lost.
    """
    if not missing:
        return
    deal_object = stamp.objects["deal"]
    with writing(engine) as connection:
        guard.check(connection)
        held = list_rejected(connection, stamp.org, stamp.connection_id)
        attempts = {each.rejection.external_id: each.attempts for each in held if each.rejection.object == deal_object}
        gone = [each for each in missing if attempts.get(each.id, 0) + 1 >= GONE_AFTER]
        forget_rejections(connection, stamp.org, stamp.connection_id, deal_object, [each.id for each in gone])
        record_events(
            connection,
            stamp.org,
            stamp.connection_id,
            [_missing_event(each, "skipped" if each in gone else "rejected", stamp) for each in missing],
        )
        reject(
            connection,
            stamp.org,
            stamp.connection_id,
            [
                # There is no version of it: whatever the vendor gives next is another one.
                Rejection(deal_object, each.id, _reason(each), stamp.now, stamp.mapping_revision)
                for each in missing
                if each not in gone
            ],
            now=stamp.now,
        )


def _reason(missing: Missing) -> str:
    return f"deal {missing.id} cannot be read: {missing.reason}"


def _settled_event(external_id: str, outcome: Protected | Skipped, stamp: SyncStamp) -> RecordEvent:
    if isinstance(outcome, Protected):
        kind, detail = "protected", f"belongs to project {outcome.project_id}"
    else:
        kind, detail = "skipped", outcome.reason
    return RecordEvent(
        stamp.objects["deal"], external_id, stamp.now, kind, detail, outcome.deal.modified_at, stamp.run_id
    )


def _missing_event(missing: Missing, kind: str, stamp: SyncStamp) -> RecordEvent:
    detail = _reason(missing) if kind == "rejected" else f"{_reason(missing)}; it is not asked for again"
    return RecordEvent(stamp.objects["deal"], missing.id, stamp.now, kind, detail, None, stamp.run_id)
