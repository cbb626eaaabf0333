"""Noting deals that a tick looked at and left alone, so that each of them can be explained: once per version."""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.record_facts import versions_known
from hardfin_pipelines.platform.record_log import RecordEvent, record_events
from hardfin_pipelines.sync.plans import Protected, Skipped

LOAD = "load"


def note_seen(engine: Engine, outcomes: Sequence[Protected | Skipped], stamp: SyncStamp, guard: RunGuard) -> int:
    """Note the deals that were not synced, in versions that nothing tells of yet; how many were new.

    A tick looks a quarter of an hour back, so it sees most deals several times: only another version is news. Loads
    note nothing: what they find protected or not triggering, they find by the thousand, and again each time.

    Args:
        engine: The store.
        outcomes: What became of the deals.
        stamp: The run's.
        guard: Asked before anything is written; where nothing is new, nothing is.

    Raises:
        WorkInterrupted: The connection was paused, edited or disconnected, or the lease was lost.
    """
    if not outcomes or stamp.trigger == LOAD:
        return 0
    with reading(engine) as connection:
        if not new_sightings(connection, outcomes, stamp):
            return 0
    with writing(engine) as connection:
        guard.check(connection)
        events = new_sightings(connection, outcomes, stamp)
        record_events(connection, stamp.org, stamp.connection_id, events)
    return len(events)


def new_sightings(
    connection: Connection, outcomes: Sequence[Protected | Skipped], stamp: SyncStamp
) -> list[RecordEvent]:
    """The events to write for deals that were not synced: those in a version that nothing tells of yet.

    Args:
        connection: An open transaction.
        outcomes: What became of the deals.
        stamp: Who writes, and when.
    """
    deal_object = stamp.objects["deal"]
    ids = [each for outcome in outcomes for each in _ids(outcome)]
    known = versions_known(connection, stamp.org, stamp.connection_id, deal_object, ids)
    events = []
    for outcome in outcomes:
        modified_at = outcome.deal.modified_at
        told = [known[each] for each in _ids(outcome) if each in known]
        if told and max(told) >= modified_at:
            continue
        kind, detail = _told(outcome)
        events.append(
            RecordEvent(deal_object, outcome.deal.id, stamp.now, kind, detail, modified_at, run_id=stamp.run_id)
        )
    return events


def _ids(outcome: Protected | Skipped) -> tuple[str, ...]:
    """The ids under which a version may have been told of: a merged deal's ledger entry has another one."""
    return (outcome.deal.id, outcome.ledger_id) if isinstance(outcome, Protected) else (outcome.deal.id,)


def _told(outcome: Protected | Skipped) -> tuple[str, str]:
    if isinstance(outcome, Protected):
        return "protected", f"modified at the CRM; project {outcome.project_id} is operations' own and stays as it is"
    return "skipped", outcome.reason
