"""Why a record stands as it does, in plain words, from what the store knows of it and of its connection."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from types import MappingProxyType

from hardfin_pipelines.sync.explanation_facts import (
    ConnectionFacts,
    CrmAnswer,
    FirstSync,
    RecordFacts,
    RuleFacts,
    WindowFacts,
)
from hardfin_pipelines.sync.status_wording import status_in_words

_SYNCED_BY = MappingProxyType(
    {
        "poll": "by a tick",
        "load": "by an initial load",
        "webhook": "after a webhook",
        "census": "after a census had found it",
        "retry": "when it was tried again",
        "request": "on request",
        "record": "on request",
    }
)

_ASKED_BY = MappingProxyType(
    {
        "poll": "a tick found something changed",
        "webhook": "a webhook named it",
        "census": "a census found it without an answer",
        "retry": "it is tried again after being set aside",
        "request": "somebody asked for it",
    }
)


def explain(record: RecordFacts, connection: ConnectionFacts, now: CrmAnswer | None = None) -> list[str]:
    """Why a record stands as it does, a sentence or two each line.

    Args:
        record: What is known of it.
        connection: What is known of its connection.
        now: What the CRM says of it, where it was asked.
    """
    told = _deal(record, connection, now) if record.role == "deal" else _other_record(record, connection)
    return [*told, *(_crm_now(record, connection, now) if now is not None else ())]


def _deal(record: RecordFacts, connection: ConnectionFacts, now: CrmAnswer | None) -> Iterator[str]:
    if record.first_sync is not None:
        yield _first_sync(record, record.first_sync)
        yield from _after_first_sync(record, record.first_sync, connection, now)
        return
    if record.waiting is not None:
        each = record.waiting
        yield (
            f"{_named(record)} is set aside since {moment(each.since)}, tried {each.attempts} time(s), last at "
            f"{moment(each.last_tried)}: {each.reason}"
        )
        yield f"It is tried again when it or the mapping changes, and by the first visit after {moment(each.next_try)}."
    else:
        yield from _not_synced(record)
    yield from _asked_for(record)
    yield from _coverage(connection)


def _first_sync(record: RecordFacts, synced: FirstSync) -> str:
    merged = "" if synced.deal_id == record.id else f", which deal {synced.deal_id} is known as since a merge,"
    by = f"by the approved plan {synced.run_id}" if synced.run_id.startswith("approve-") else ""
    by = by or f"{_SYNCED_BY.get(synced.trigger, f'by {synced.trigger}')} (run {synced.run_id})"
    return (
        f"{_named(record)}{merged} is project {synced.project_id} since {moment(synced.at)}: first synced {by}, "
        f"because it was in stage {synced.stage_id} of pipeline {synced.pipeline_id}, "
        f"as modified at {moment(synced.modified_at)}."
    )


def _after_first_sync(
    record: RecordFacts, synced: FirstSync, connection: ConnectionFacts, now: CrmAnswer | None
) -> Iterator[str]:
    applied = synced.modified_at
    if record.entity is not None and record.entity.modified_at is not None:
        applied = max(applied, record.entity.modified_at)
    resyncs = [each for each in record.timeline if each.what == "project.re-synced"]
    if resyncs:
        yield f"It was last re-synced at {moment(resyncs[-1].at)} by {resyncs[-1].by}: {resyncs[-1].detail}"
        undone = [each for each in record.timeline if each.what == "project.resync_undone"]
        if undone and undone[-1].at >= resyncs[-1].at:
            yield f"A re-sync was undone at {moment(undone[-1].at)} by {undone[-1].by}: {undone[-1].detail}"
    stamps = [each.modified_at for each in record.timeline if each.modified_at is not None]
    if now is not None and now.modified_at is not None:
        stamps.append(now.modified_at)
    newest = max(stamps, default=applied)
    if newest > applied:
        yield (
            f"It was modified at {connection.vendor} at {moment(newest)}, after the version that was applied: "
            "not applied, since operations owns the project. "
            f"Bring it up with `hardfin resync {connection.org} {record.id}`."
        )
    else:
        yield "No later change of it has been seen; one would not be applied, since operations owns the project."


def _not_synced(record: RecordFacts) -> Iterator[str]:
    seen = [each for each in record.timeline if each.what in {"seen", "skipped", "rejected", "moved"}]
    if not seen:
        yield f"{_named(record)} is not in Hardfin, and no visit has noted it."
        return
    last = seen[-1]
    version = f" in its version of {moment(last.modified_at)}" if last.modified_at is not None else ""
    yield f"{_named(record)} is not in Hardfin. It was last looked at on {moment(last.at)}{version}: {last.detail}"


def _asked_for(record: RecordFacts) -> Iterator[str]:
    for work in record.asked_for:
        why = _ASKED_BY.get(work.trigger, work.trigger)
        state = "waits for a run" if work.claimed_at is None else f"is with a run since {moment(work.claimed_at)}"
        failed = f", {work.attempts} run(s) failed at it" if work.attempts else ""
        yield f"Work for it {state}: {why} at {moment(work.since)}{failed}."


def _coverage(connection: ConnectionFacts) -> Iterator[str]:
    stopped = "" if connection.status == "active" else ": nothing syncs until it is active"
    yield f"{connection.connection_id} {status_in_words(connection.status, connection.reason)}{stopped}."
    if connection.cursor is not None:
        yield f"Ticks have looked at everything modified up to {moment(connection.cursor)} (the CRM's clock)."
    elif connection.enabled_at is not None:
        yield f"Ticks begin at {moment(connection.enabled_at)} and have finished none yet."
    yield from _loads(connection)
    if not connection.rules:
        yield "It has no pipeline rule."
    for rule in connection.rules:
        yield _rule(rule)


def _loads(connection: ConnectionFacts) -> Iterator[str]:
    closed = [window for window in connection.windows if window.closed]
    if connection.start_date is None and not connection.windows:
        yield "It has no start date: what was modified before ticks began is not looked at."
        return
    if closed:
        spans = ", ".join(f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}" for window in _joined(closed))
        stages = ", ".join(sorted({f"{pipeline}/{stage}" for window in closed for pipeline, stage in window.stages}))
        yield f"Initial loads are done for what was modified from {spans}, for the stages {stages or '(none)'}."
    else:
        yield "No initial load is done yet."
    for window in connection.windows:
        if not window.closed:
            yield f"The load of {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d} is still open."


def _joined(windows: Sequence[WindowFacts]) -> list[WindowFacts]:
    """Windows that follow each other as one."""
    joined: list[WindowFacts] = []
    for window in sorted(windows, key=lambda each: (each.start, each.end)):
        if joined and window.start <= joined[-1].end:
            last = joined.pop()
            joined.append(WindowFacts(last.start, max(last.end, window.end), closed=True))
        else:
            joined.append(window)
    return joined


def _rule(rule: RuleFacts) -> str:
    stages = rule.stages if isinstance(rule.stages, str) else ", ".join(rule.stages)
    if rule.held_because:
        return f"The rule of pipeline {rule.pipeline} (stages: {stages}) is held: {rule.held_because}."
    since = f" since {moment(rule.active_since)}" if rule.active_since is not None and rule.status == "active" else ""
    return f"The rule of pipeline {rule.pipeline} (stages: {stages}) is {rule.status}{since}."


def _other_record(record: RecordFacts, connection: ConnectionFacts) -> Iterator[str]:
    if record.entity is None:
        pointed = {
            "company": "a deal's customer is the company that the CRM calls primary",
            "line_item": "line items come with the deal they belong to",
            "product": "products come with the line items that are of them",
        }[record.role]
        yield f"{_named(record)} is not linked to anything in Hardfin: no synced deal has led to it ({pointed})."
        yield from _asked_for(record)
        return
    entity = record.entity
    kind = entity.kind.replace("_", " ")
    since = f"since {moment(entity.since)} (run {entity.run_id})"
    yield f"{_named(record)} is {kind} {entity.id} ('{entity.name}') {since}."
    if entity.kind in {"customer", "item"}:
        verb = "belong to it" if entity.kind == "customer" else "use it"
        yield f"{entity.projects} project(s) {verb}."
    yield (
        f"Later changes of it at {connection.vendor} are not applied by themselves: operations owns it. A re-sync "
        "of one of its projects brings them."
    )


def _crm_now(record: RecordFacts, connection: ConnectionFacts, now: CrmAnswer) -> Iterator[str]:
    if now.missing:
        yield f"{connection.vendor} does not give deal {record.id} now: {now.missing}."
        return
    merged = "" if now.id == record.id else f", merged into deal {now.id},"
    when = f", modified at {moment(now.modified_at)}" if now.modified_at is not None else ""
    yield (
        f"At {connection.vendor} deal {record.id}{merged} is in stage {now.stage_id or '(none)'} of pipeline "
        f"{now.pipeline_id or '(none)'} now{when}."
    )
    if now.taken_by is None:
        yield f"No rule takes it: {now.why_not}."
        return
    pipeline, stage = now.taken_by
    yield f"The rule of pipeline {pipeline} takes it, because of stage {stage}."
    if record.first_sync is None:
        yield from _why_not_yet(connection, now)


def _why_not_yet(connection: ConnectionFacts, now: CrmAnswer) -> Iterator[str]:
    """A deal that triggers and is not there: which of the lanes is to bring it."""
    modified, edited, wanted = now.modified_at, now.edited_at, connection.edited_from
    if connection.status != "active" or modified is None:
        return
    if edited is not None and wanted is not None and edited < wanted:
        yield (
            f"Nobody has edited it since {moment(edited)}, and what was last edited before {moment(wanted)} is left "
            f"alone, whatever {connection.vendor} itself did with it: an edit there brings it."
        )
        return
    if connection.cursor is None or modified >= connection.cursor:
        yield "It was modified after the point that ticks have come to: the next tick brings it."
        return
    covered = any(
        window.closed and window.start <= modified < window.end and now.taken_by in window.stages
        for window in connection.windows
    )
    if not covered and connection.enabled_at is not None and modified < connection.enabled_at:
        yield (
            "It was modified before ticks began, and no load of that time and stage is done: load it with "
            f"`hardfin load {connection.org} --since {modified:%Y-%m-%d}`."
        )
    else:
        yield f"It should be in Hardfin: `hardfin census {connection.org}` finds it and asks for it."


def _named(record: RecordFacts) -> str:
    role = record.role.replace("_", " ").capitalize()
    return f"{role} {record.id}" + (f" '{record.name}'" if record.name else "")


def moment(at: datetime) -> str:
    """A moment, for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
