"""What a person should know of a re-sync beside its changes, in one line each."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from hardfin_pipelines.engine.resync_targets import ResyncTarget
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.tables import audit_events
from hardfin_pipelines.sync.first_sync import DealBundle
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.plan_hash import CRM, HARDFIN, moved_parts
from hardfin_pipelines.sync.resync_plan import HeldProject, ResyncPlan


def notes_of(
    target: ResyncTarget,
    bundle: DealBundle,
    rule: PipelineRule,
    plan: ResyncPlan,
    held: HeldProject,
    left: Mapping[str, str],
) -> tuple[str, ...]:
    """What is unusual about a re-sync.

    Args:
        target: The project as first synced.
        bundle: The deal as it is now.
        rule: The rule whose mapping was used.
        plan: What changes.
        held: The project as held.
        left: Line items of the deal that are not the project's, and the project whose line each is ("" for none).
    """
    notes = []
    deal = bundle.deal
    if deal.id != target.deal_id:
        notes.append(f"deal {target.deal_id} was merged into deal {deal.id}: its survivor's values count")
    if bundle.state.pipeline_id != target.pipeline_id:
        notes.append(
            f"deal {deal.id} is in pipeline {bundle.state.pipeline_id} now, it was first synced from "
            f"{target.pipeline_id}: the mapping of {rule.pipeline_id} counts"
        )
    for line_id, origin in plan.moves.items():
        line = next(each for each in held.elsewhere.values() if each.id == line_id)
        how = "was marked removed there" if line.removed else "was not re-synced yet"
        notes.append(f"line {line_id} comes from project {origin} ({how}): its line item is with this deal now")
    for line_id, owner in left.items():
        if owner:
            notes.append(f"line item {line_id} stays with project {owner}, whose deal has it, too")
        else:
            notes.append(f"line item {line_id} is left out: its line was deleted in Hardfin")
    return tuple(notes)


def stale_plan(
    connection: Connection, stamp: SyncStamp, bundle: DealBundle, held: HeldProject, approved: str, now: str
) -> str:
    """Why an approved plan is not carried out: what moved since it was shown."""
    parts = moved_parts(approved, now)
    reasons = [_MOVED.get(part, f"{part} changed") for part in parts]
    if CRM in parts:
        reasons.append(_newest_record(bundle))
    if HARDFIN in parts:
        reasons += _newest_edit(connection, stamp.org, held)
    return (
        f"the plan {approved} is stale: {', '.join(reasons)}; nothing was changed. Look at --preview again, the plan "
        f"is {now} now"
    )


_MOVED: Mapping[str, str] = {
    CRM: "records or their mapping changed at the CRM's side",
    HARDFIN: "values were edited in Hardfin",
    "the choices": "other choices were made than in the preview (--keep, --take, --keep-local-edits)",
    "the project": "it is of another project or deal",
}


def _newest_record(bundle: DealBundle) -> str:
    records = [bundle.deal, *bundle.companies.values(), *bundle.line_items.values(), *bundle.products.values()]
    newest = max(records, key=lambda record: (record.modified_at, record.id))
    role = newest.role.replace("_", " ")
    return f"last modified there is {role} {newest.id} ({newest.modified_at:%Y-%m-%d %H:%M:%S} UTC)"


def _newest_edit(connection: Connection, org: str, held: HeldProject) -> list[str]:
    entities = [held.project, *held.lines.values(), *held.elsewhere.values()]
    ids = [entity.id for entity in entities] + ([held.customer.id] if held.customer else [])
    query = select(audit_events).where(audit_events.c.org == org, audit_events.c.entity_id.in_(ids))
    row = connection.execute(query.order_by(audit_events.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        return []
    fields = ", ".join(row.changes) or "no field"
    return [f"last audited is {row.action} of {row.entity_id} ({fields}) by {row.actor} at {row.at:%H:%M:%S} UTC"]
