"""What a search for opportunities asks for, in SOQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.salesforce.decode import (
    DEFAULT_PIPELINE,
    EDITED,
    ENTERED_STAGE,
    HISTORY,
    MASTER_RECORD_TYPE,
    MODIFIED,
    RECORD_TYPE,
)
from hardfin_pipelines.connectors.salesforce.objects import STANDARD, OrgObjects
from hardfin_pipelines.connectors.salesforce.soql import Statement, is_in, moment, moment_up, quoted, select
from hardfin_pipelines.sync.records import Record


def has_record_types(stages: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the org of these pipelines has record types: else its one pipeline is the default one."""
    return DEFAULT_PIPELINE not in stages


def history_since(since: datetime | None) -> str:
    """The sub-query for the stages an opportunity has been in; since a moment, or its latest ones."""
    return f"({history_of(HISTORY, [], since).text})"


def history_of(name: str, where: Sequence[str], since: datetime | None) -> Statement:
    """The stages that opportunities have been in; all since a moment, or the latest ones.

    Args:
        name: The object, or the relationship that leads to it.
        where: Conditions, all of which must hold.
        since: The moment.
    """
    fields = (STANDARD.stage, "CreatedDate")
    if since is None:
        return select(fields, name, where, order="CreatedDate DESC LIMIT 200")
    return select(fields, name, [*where, f"CreatedDate >= {moment(since)}"], order="CreatedDate DESC")


def wanted_deals(query: TriggerQuery, objects: OrgObjects = STANDARD) -> list[str]:
    """The conditions for the deals of a query, but for their modification stamps.

    Salesforce's own work on a record (roll-ups, renamed picklist values, recalculations) moves SystemModstamp alone; an
    edit moves LastModifiedDate too.
    """
    stages = _stage_condition(query, objects)
    return [stages] if query.edited_from is None else [stages, f"{EDITED} >= {moment(query.edited_from)}"]


def _stage_condition(query: TriggerQuery, objects: OrgObjects) -> str:
    """Deals in a trigger stage now, or that changed their stage since: they may have been in one.

    Salesforce keeps no time for each stage. Whoever was in a trigger stage since a moment and is not any more has
    changed its stage since then; its history, which comes along, says whether it was. (A sub-query over the history in
    the condition itself cannot stand beside an OR.) It does so for opportunities alone.
    """
    choices = [f"({_of_pipeline(pipeline, stages, objects)})" for pipeline, stages in query.stages.items() if stages]
    if query.entered_since is not None and objects.deals_are_opportunities:
        choices.append(f"{ENTERED_STAGE} >= {moment(query.entered_since)}")
    return choices[0] if len(choices) == 1 else f"({' OR '.join(choices)})"


def modified_between(start: datetime, end: datetime | None) -> list[str]:
    """The conditions for modification stamps from `start` on, and before `end`."""
    conditions = [f"{MODIFIED} >= {moment(start)}"]
    return conditions if end is None else [*conditions, f"{MODIFIED} < {moment_up(end)}"]


def behind(record: Record) -> str:
    """What comes after a record in the order of stamps and ids."""
    stamp = moment(record.modified_at)
    return f"({MODIFIED} > {stamp} OR ({MODIFIED} = {stamp} AND Id > {quoted(record.id)}))"


def _of_pipeline(pipeline: str, stages: Sequence[str], objects: OrgObjects) -> str:
    in_stage = is_in(objects.stage, stages)
    if pipeline == DEFAULT_PIPELINE:
        return in_stage
    record_type = "null" if pipeline == MASTER_RECORD_TYPE else quoted(pipeline)
    return f"{RECORD_TYPE} = {record_type} AND {in_stage}"
