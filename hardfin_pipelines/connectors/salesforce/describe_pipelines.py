"""Pipelines and stages of an org: record types and sales processes, or no more than the values of a picklist."""

from collections.abc import Mapping, Sequence
from typing import Any

from hardfin_pipelines.connectors.errors import NeedsAttention, VendorError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce import errors
from hardfin_pipelines.connectors.salesforce.client import composite_parts
from hardfin_pipelines.connectors.salesforce.decode import DEFAULT_PIPELINE, MASTER_RECORD_TYPE, RECORD_TYPE
from hardfin_pipelines.connectors.salesforce.describe_fields import Description, fields_of
from hardfin_pipelines.connectors.salesforce.ids import long_id
from hardfin_pipelines.connectors.salesforce.limits import COMPOSITE_PARTS
from hardfin_pipelines.connectors.salesforce.objects import OrgObjects
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import composite_gets, query_more
from hardfin_pipelines.sync.records import PipelineDescription, StageDescription

STAGES = "SELECT Id,MasterLabel,ApiName,IsActive,SortOrder,IsClosed,IsWon FROM OpportunityStage ORDER BY SortOrder"


def records(part: Answer) -> list[Mapping[str, Any]]:
    """The rows of a query's answer; none of one that was refused."""
    listed = part.members.get("records") if 200 <= part.status < 300 else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


async def stages_of_org(ask: Ask, part: Answer, call: str) -> tuple[StageDescription, ...]:
    """The stages of opportunities, by the answer to `STAGES`.

    Raises:
        VendorError: Salesforce refused or failed.
    """
    if not 200 <= part.status < 300:
        raise errors.refusal(part, f"{call} (OpportunityStage)")
    found = records(part)
    while part.members.get("done") is False and part.members.get("nextRecordsUrl"):
        part = await ask(query_more(str(part.members["nextRecordsUrl"]).rpartition("/")[2]))
        found += records(part)
    return tuple(_stage(each) for each in found if each.get("IsActive") is not False)


def stages_of_picklist(deal: Description, objects: OrgObjects) -> tuple[StageDescription, ...]:
    """The stages of deals that are no opportunities: the values of their picklist, none of them flagged as won.

    Raises:
        NeedsAttention: There is no such picklist.
    """
    name = f"{objects.deal}.{objects.stage}"
    found = next((each for each in fields_of(deal) if each.get("name") == objects.stage), None)
    if found is None or found.get("type") != "picklist":
        what = "shows no field" if found is None else "has no picklist in"
        text = (
            f"Salesforce {what} {name}, the stages of {objects.deal}: if it is there, grant Hardfin's user Read on it "
            "in a permission set; else mend `objects` in the organization's document"
        )
        raise NeedsAttention(errors.INTEGRATION, text, context={"properties": objects.stage})
    listed = found.get("picklistValues")
    return tuple(
        StageDescription(str(each["value"]), str(each.get("label") or each["value"]))
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and each.get("value") and each.get("active") is not False
    )


def stage_paths(objects: OrgObjects, record_types: Sequence[str]) -> list[str]:
    """Where to ask for the stages of record types."""
    about = f"ui-api/object-info/{objects.deal}/picklist-values"
    return [f"{about}/{each}/{objects.stage}" for each in record_types]


async def pipelines_of(
    ask: Ask,
    objects: OrgObjects,
    deal: Description,
    stages: Sequence[StageDescription],
    foreseen: Sequence[Answer],
) -> tuple[PipelineDescription, ...]:
    """A pipeline for each record type; one for all deals of an org without them.

    Args:
        ask: Sends a request.
        objects: The org's objects.
        deal: The description of deals.
        stages: All stages.
        foreseen: What was answered already of the stages of the first record types, in their order.
    """
    every = tuple(stages)
    if not any(each.get("name") == RECORD_TYPE for each in fields_of(deal)):
        return (PipelineDescription(DEFAULT_PIPELINE, "Default", every),)
    listed = deal.get("recordTypeInfos")
    infos = [each for each in (listed if isinstance(listed, list) else ()) if isinstance(each, dict)]
    types = {long_id(str(each.get("recordTypeId") or "")): str(each.get("name") or "") for each in infos}
    types.setdefault(MASTER_RECORD_TYPE, "Master")
    own: dict[str, set[str]] = {}
    _take(own, [long_id(str(each.get("recordTypeId") or "")) for each in infos], foreseen)
    await _ask_further(ask, objects, [each for each in types if each and each not in own], own)
    return tuple(
        PipelineDescription(each, name, tuple(stage for stage in every if stage.id in own.get(each, {stage.id})))
        for each, name in types.items()
        if each
    )


async def _ask_further(ask: Ask, objects: OrgObjects, record_types: Sequence[str], own: dict[str, set[str]]) -> None:
    """Ask for the stages of some record types; one of which Salesforce does not tell has all of them."""
    for start in range(0, len(record_types), COMPOSITE_PARTS):
        some = record_types[start : start + COMPOSITE_PARTS]
        request = composite_gets(stage_paths(objects, some), parts_may_fail=True)
        try:
            _take(own, some, composite_parts(await ask(request), request.call))
        except VendorError:  # stages are a help to whoever configures: all of them is an answer as well
            continue


def _take(own: dict[str, set[str]], record_types: Sequence[str], parts: Sequence[Answer]) -> None:
    for each, part in zip(record_types, parts, strict=False):
        values = part.members.get("values") if 200 <= part.status < 300 else None
        if isinstance(values, list):
            own[each] = {str(value.get("value")) for value in values if isinstance(value, dict)}


def _stage(given: Mapping[str, Any]) -> StageDescription:
    name = str(given.get("ApiName") or given.get("MasterLabel") or "")
    won, closed = given.get("IsWon") is True, given.get("IsClosed") is True
    return StageDescription(name, str(given.get("MasterLabel") or name), won=won, closed=closed)
