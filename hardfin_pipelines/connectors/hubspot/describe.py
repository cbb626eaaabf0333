"""What an account has set up: pipelines, stages and properties, in words of no vendor."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from hardfin_pipelines.connectors.concurrency import run_bounded
from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.errors import unknown_shape
from hardfin_pipelines.connectors.hubspot.remembering import Ask
from hardfin_pipelines.connectors.hubspot.requests import (
    OBJECTS,
    Request,
    account_details,
    list_one,
    list_owners,
    list_pipelines,
    list_properties,
)
from hardfin_pipelines.connectors.hubspot.search import next_cursor
from hardfin_pipelines.sync.records import (
    CRM_ROLES,
    AccountDescription,
    PipelineDescription,
    PropertyDescription,
    PropertyType,
    Role,
    StageDescription,
)

_TYPES: Mapping[str, PropertyType] = {
    "string": "text",
    "phone_number": "text",
    "number": "number",
    "date": "date",
    "datetime": "datetime",
    "bool": "boolean",
    "enumeration": "option",
}
"""HubSpot's `type`. Its `fieldType` is how people enter a value: a datetime's is "date" too (seen on the wire)."""

_MULTI_SELECT = "checkbox"
_OWNER = "OWNER"

_SENSITIVITIES = ("sensitive", "highly_sensitive")
"""Properties of these are left out of the list of all (HubSpot docs: sensitive data)."""


async def describe_account(
    ask: Ask,
    account_id: Callable[[], Awaitable[str]],
    in_flight: int,
    named: Mapping[Role, Collection[str]] | None = None,
) -> AccountDescription:
    """The description of an account in eight calls, and up to four more for each object that lacks a named property.

    Two of them list owners, of whom properties hold ids: their names are those properties' options. More than a hundred
    owners take further calls; where this connection may not see them, the ids stay.

    Account details need no scope beyond "oauth" (HubSpot docs: account information); where they are refused, the id
    comes from `account_id` and the currency stays unknown.

    Args:
        ask: Sends a request.
        account_id: Finds the account's id where its details do not tell.
        in_flight: How many calls at once.
        named: Properties, by role, of which it is to be found out why they are not there.
    """
    requests = [list_pipelines(), *(list_properties(role) for role in CRM_ROLES)]
    jobs = [lambda request=request: ask(request) for request in requests]
    pipelines, *properties = await run_bounded(jobs, in_flight)
    details = await details_of(ask)
    described = {
        role: _properties(request, answer)
        for role, request, answer in zip(CRM_ROLES, requests[1:], properties, strict=True)
    }
    owners = await _owners(ask, in_flight)
    for described_fields, request, answer in zip(described.values(), requests[1:], properties, strict=True):
        for name in _naming_owners(request, answer):
            described_fields[name] = replace(described_fields[name], options=owners)
    archived: dict[Role, Mapping[str, PropertyDescription]] = {}
    for role, names in (named or {}).items():
        missing = frozenset(names) - described[role].keys()
        if missing:
            described[role].update(await _sensitive(ask, role, missing))
            missing -= described[role].keys()
        if missing:
            request = list_properties(role, "archived=true")
            found = _properties(request, await ask(request), archived=True)
            archived[role] = {name: about for name, about in found.items() if name in missing}
    return AccountDescription(
        account_id=str(details.get("portalId") or "") or await account_id(),
        pipelines=tuple(_pipeline(each) for each in _results(requests[0], pipelines)),
        properties=described,
        described_at=pipelines.vendor_time,
        currency=str(details.get("companyCurrency") or ""),
        archived=archived,
    )


async def _owners(ask: Ask, in_flight: int) -> dict[str, str]:
    """The name of each owner by id, of those who have left as well; none where this connection may not see them."""
    try:
        left, now = await run_bounded(
            [lambda archived=archived: _owners_listed(ask, archived=archived) for archived in (True, False)],  # type: ignore[misc]
            in_flight,
        )
    except NeedsAttention as error:
        if error.context.get("status") != "403":
            raise
        return {}
    return {**left, **now}


async def _owners_listed(ask: Ask, *, archived: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    after, following = "", True
    while following:
        request = list_owners(archived=archived, after=after)
        answer = await ask(request)
        for each in _results(request, answer, archived=archived):
            name = " ".join(filter(None, (str(each.get(part) or "").strip() for part in ("firstName", "lastName"))))
            found[str(each.get("id"))] = name or str(each.get("email") or each.get("id"))
        last, after = after, next_cursor(answer.members)
        following = bool(after) and after != last
    return found


def _naming_owners(request: Request, answer: Answer) -> list[str]:
    """The properties whose values are ids of owners: options without a list of their own (seen on the wire)."""
    return [
        str(each.get("name"))
        for each in _results(request, answer)
        if each.get("referencedObjectType") == _OWNER and not each.get("options")
    ]


async def _sensitive(ask: Ask, role: Role, names: Collection[str]) -> dict[str, PropertyDescription]:
    """Those of some properties that are sensitive: listed only when asked for, read only with a scope of their own.

    Whether this connection has the scope shows in a record: a property that it may not read is left out of it, while
    an empty one is null (seen on the wire). An account without a record has nothing to hide yet.
    """
    found: dict[str, PropertyDescription] = {}
    for sensitivity in _SENSITIVITIES:
        request = list_properties(role, f"dataSensitivity={sensitivity}")
        listed = _properties(request, await ask(request))
        needs = f"crm.objects.{OBJECTS[role]}.{sensitivity}.read.v2"
        found |= {name: replace(about, needs=f"the scope {needs}") for name, about in listed.items() if name in names}
    if not found:
        return {}
    request = list_one(role, sorted(found))
    records = _results(request, await ask(request))
    shown = records[0].get("properties") if records else dict.fromkeys(found)
    visible = shown if isinstance(shown, dict) else {}
    return {name: about if name in visible else replace(about, hidden=True) for name, about in found.items()}


async def details_of(ask: Ask) -> Mapping[str, Any]:
    """The account's details; empty where this connection may not see them."""
    try:
        return (await ask(account_details())).members
    except NeedsAttention as error:
        if error.context.get("status") != "403":
            raise
        return {}


def _results(request: Request, answer: Answer, *, archived: bool = False) -> list[dict[str, Any]]:
    """The results of an answer: those in the recycle bin, or the others."""
    results = answer.members.get("results")
    if not isinstance(results, list):
        raise unknown_shape(request.call, 'list "results"')
    return [each for each in results if isinstance(each, dict) and (each.get("archived") is True) == archived]


def _properties(request: Request, answer: Answer, *, archived: bool = False) -> dict[str, PropertyDescription]:
    return {str(each.get("name")): _property(each) for each in _results(request, answer, archived=archived)}


def _pipeline(given: Mapping[str, Any]) -> PipelineDescription:
    stages = given.get("stages")
    living = [
        each
        for each in (stages if isinstance(stages, list) else ())
        if isinstance(each, dict) and each.get("archived") is not True
    ]
    return PipelineDescription(str(given.get("id")), str(given.get("label") or ""), tuple(map(_stage, living)))


def _stage(given: Mapping[str, Any]) -> StageDescription:
    """A won stage is closed with a probability of one; both come as text (seen on the wire)."""
    metadata = given.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    closed = str(told.get("isClosed")).lower() == "true"
    won = closed and _probability(told.get("probability")) == 1
    return StageDescription(str(given.get("id")), str(given.get("label") or ""), won=won, closed=closed)


def _probability(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _property(given: Mapping[str, Any]) -> PropertyDescription:
    name = str(given.get("name"))
    kind = _TYPES.get(str(given.get("type")), "other")
    if kind == "option" and given.get("fieldType") == _MULTI_SELECT:
        kind = "options"
    options = given.get("options")
    return PropertyDescription(
        name=name,
        label=str(given.get("label") or name),
        type=kind,
        options={
            str(option["value"]): str(option.get("label") or option["value"])
            for option in (options if isinstance(options, list) else ())
            if isinstance(option, dict) and option.get("value") is not None
        },
        currency_property=str(given.get("currencyPropertyName") or ""),
        hidden=given.get("hidden") is True,
        calculated=given.get("calculated") is True,
    )
