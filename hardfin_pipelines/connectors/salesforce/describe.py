"""What an org has set up: record types, stages and fields, in words of no vendor.

One composite call describes the objects and asks for stages, org and currency. An org with record types costs one
more for each 25 of them: only `ui-api` tells which stages a record type's sales process has.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from hardfin_pipelines.connectors.errors import NeedsAttention, VendorError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce import errors
from hardfin_pipelines.connectors.salesforce.client import composite_parts
from hardfin_pipelines.connectors.salesforce.decode import DEFAULT_PIPELINE, MASTER_RECORD_TYPE, RECORD_TYPE
from hardfin_pipelines.connectors.salesforce.describe_fields import (
    Description,
    fields_of,
    hidden_property,
    own_properties,
    parents,
)
from hardfin_pipelines.connectors.salesforce.ids import long_id
from hardfin_pipelines.connectors.salesforce.limits import COMPOSITE_PARTS
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import OBJECTS, composite_gets, query_more
from hardfin_pipelines.sync.records import (
    CRM_ROLES,
    AccountDescription,
    PipelineDescription,
    PropertyDescription,
    Role,
    StageDescription,
)

_PARENTS: Mapping[Role, tuple[str, ...]] = {
    "company": ("Owner",),
    "deal": ("Account", "Owner"),
    "line_item": ("Product2", "PricebookEntry"),
    "product": (),
}
"""Parents whose fields are always described; others are where a field of theirs is named."""

_ALWAYS_DESCRIBED = (*(OBJECTS[role] for role in CRM_ROLES), "User", "PricebookEntry")

_STAGES = "SELECT Id,MasterLabel,ApiName,IsActive,SortOrder,IsClosed,IsWon FROM OpportunityStage ORDER BY SortOrder"
_ORGANIZATION = "SELECT Id,Name,IsSandbox FROM Organization"
_ORG_CURRENCY = "SELECT DefaultCurrencyIsoCode FROM Organization"
_CORPORATE_CURRENCY = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
_DEEPEST = 5


@dataclass(slots=True)
class _Org:
    """What was answered so far."""

    objects: dict[str, Description] = field(default_factory=dict)
    refused: dict[str, Answer] = field(default_factory=dict)


async def describe_account(
    ask: Ask, named: Mapping[Role, Collection[str]] | None = None, organization_id: str = ""
) -> AccountDescription:
    """The description of an org.

    Args:
        ask: Sends a request.
        named: Fields, by role, that the configuration names: parents they lead over are described too, and those that
            are not there come as hidden, with the permission that may be missing.
        organization_id: The org, where the answers do not tell.

    Raises:
        VendorError: Salesforce refused or failed, or hides one of the objects.
    """
    queries = (_STAGES, _ORGANIZATION, _ORG_CURRENCY, _CORPORATE_CURRENCY)
    paths = [f"sobjects/{name}/describe" for name in _ALWAYS_DESCRIBED]
    request = composite_gets([*paths, *(f"query?q={quote_plus(text)}" for text in queries)], parts_may_fail=True)
    answer = await ask(request)
    parts = composite_parts(answer, request.call)
    if len(parts) != len(paths) + len(queries):
        raise errors.unknown_shape(request.call, f"{len(paths) + len(queries)} parts")
    org = _Org()
    _take(org, _ALWAYS_DESCRIBED, parts)
    _require(org)
    stages_part, organization_part, *currency_parts = parts[len(paths) :]
    stages = await _stages(ask, stages_part, request.call)
    await _describe_named(ask, org, named or {})
    organization = next(iter(_records(organization_part)), {})
    return AccountDescription(
        account_id=long_id(str(organization.get("Id") or "")) or organization_id,
        pipelines=await _pipelines(ask, org.objects[OBJECTS["deal"]], stages),
        properties={role: _properties(org, role, (named or {}).get(role, ())) for role in CRM_ROLES},
        described_at=answer.vendor_time,
        currency=_currency(currency_parts),
    )


def _take(org: _Org, names: Sequence[str], parts: Sequence[Answer]) -> None:
    for name, part in zip(names, parts, strict=False):
        if 200 <= part.status < 300 and part.members:
            org.objects[name] = part.members
        else:
            org.refused[name] = part


def _require(org: _Org) -> None:
    missing = [name for name in (OBJECTS[role] for role in CRM_ROLES) if name not in org.objects]
    if not missing:
        return
    for name in missing:
        if org.refused[name].status not in {400, 403, 404}:
            raise errors.refusal(org.refused[name], f"describe {name}")
    listed = ", ".join(missing)
    text = (
        f"Salesforce hides {listed} from Hardfin's user: grant it Read on {listed} in a permission set "
        f"({errors.message_of(org.refused[missing[0]])})"
    )
    raise NeedsAttention(errors.INTEGRATION, text, context={"objects": listed})


async def _stages(ask: Ask, part: Answer, call: str) -> list[Mapping[str, Any]]:
    if not 200 <= part.status < 300:
        raise errors.refusal(part, f"{call} (OpportunityStage)")
    found = _records(part)
    while part.members.get("done") is False and part.members.get("nextRecordsUrl"):
        part = await ask(query_more(str(part.members["nextRecordsUrl"]).rpartition("/")[2]))
        found += _records(part)
    return found


def _records(part: Answer) -> list[Mapping[str, Any]]:
    listed = part.members.get("records") if 200 <= part.status < 300 else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _currency(parts: Sequence[Answer]) -> str:
    """The corporate currency of an org with several, else its only one; "" where Salesforce does not tell."""
    org_parts, corporate = parts[:-1], parts[-1]
    for part, name in ((corporate, "IsoCode"), *((each, "DefaultCurrencyIsoCode") for each in org_parts)):
        for record in _records(part):
            if record.get(name):
                return str(record[name])
    return ""


async def _describe_named(ask: Ask, org: _Org, named: Mapping[Role, Collection[str]]) -> None:
    """Describe the parents that named fields lead over, a call for each step of the longest path."""
    for _ in range(_DEEPEST):
        wanted = {
            target
            for role, names in named.items()
            for name in names
            if (target := _first_undescribed(org, OBJECTS[role], name))
        }
        listed = sorted(wanted)
        for start in range(0, len(listed), COMPOSITE_PARTS):
            some = listed[start : start + COMPOSITE_PARTS]
            request = composite_gets([f"sobjects/{name}/describe" for name in some], parts_may_fail=True)
            _take(org, some, composite_parts(await ask(request), request.call))
        if not listed:
            return


def _first_undescribed(org: _Org, object_name: str, path: str) -> str:
    """The first object on a dotted path that was neither described nor refused; "" where there is none."""
    for step in path.split(".")[:-1]:
        relation = parents(org.objects[object_name]).get(step.lower())
        if relation is None:
            return ""
        object_name = relation[1]
        if object_name in org.refused:
            return ""
        if object_name not in org.objects:
            return object_name
    return ""


def _properties(org: _Org, role: Role, named: Collection[str]) -> dict[str, PropertyDescription]:
    own = org.objects[OBJECTS[role]]
    found = own_properties(own)
    relations = parents(own)
    for parent in _PARENTS[role]:
        name, target = relations.get(parent.lower(), ("", ""))
        if name and target in org.objects:
            found |= own_properties(org.objects[target], f"{name}.", f"{name}: ")
    visible = list(found)
    for name in named:
        if name not in found:
            found[name] = _dotted(org, OBJECTS[role], name) or hidden_property(OBJECTS[role], name, visible)
    return found


def _dotted(org: _Org, object_name: str, path: str) -> PropertyDescription | None:
    prefix = ""
    for step in path.split(".")[:-1]:
        relation = parents(org.objects[object_name]).get(step.lower())
        if relation is None or relation[1] not in org.objects:
            return None
        prefix, object_name = f"{prefix}{relation[0]}.", relation[1]
    return own_properties(org.objects[object_name], prefix, prefix.replace(".", ": ")).get(path) if prefix else None


async def _pipelines(
    ask: Ask, opportunity: Description, stages: Sequence[Mapping[str, Any]]
) -> tuple[PipelineDescription, ...]:
    """A pipeline for each record type; one for all opportunities of an org without them."""
    every = tuple(_stage(each) for each in stages if each.get("IsActive") is not False)
    if not any(each.get("name") == RECORD_TYPE for each in fields_of(opportunity)):
        return (PipelineDescription(DEFAULT_PIPELINE, "Default", every),)
    listed = opportunity.get("recordTypeInfos")
    types = {
        long_id(str(each.get("recordTypeId") or "")): str(each.get("name") or "")
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict)
    }
    types.setdefault(MASTER_RECORD_TYPE, "Master")
    own = await _own_stages(ask, [each for each in types if each])
    return tuple(
        PipelineDescription(each, name, tuple(stage for stage in every if stage.id in own.get(each, {stage.id})))
        for each, name in types.items()
        if each
    )


async def _own_stages(ask: Ask, record_types: Sequence[str]) -> dict[str, set[str]]:
    """The stages of each record type's sales process; a record type of which Salesforce does not tell is absent."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(record_types), COMPOSITE_PARTS):
        some = record_types[start : start + COMPOSITE_PARTS]
        paths = [f"ui-api/object-info/{OBJECTS['deal']}/picklist-values/{each}/StageName" for each in some]
        request = composite_gets(paths, parts_may_fail=True)
        try:
            parts = composite_parts(await ask(request), request.call)
        except VendorError:  # stages are a help to whoever configures: all of them is an answer as well
            continue
        for each, part in zip(some, parts, strict=False):
            values = part.members.get("values") if 200 <= part.status < 300 else None
            if isinstance(values, list):
                found[each] = {str(value.get("value")) for value in values if isinstance(value, dict)}
    return found


def _stage(given: Mapping[str, Any]) -> StageDescription:
    name = str(given.get("ApiName") or given.get("MasterLabel") or "")
    won, closed = given.get("IsWon") is True, given.get("IsClosed") is True
    return StageDescription(name, str(given.get("MasterLabel") or name), won=won, closed=closed)
