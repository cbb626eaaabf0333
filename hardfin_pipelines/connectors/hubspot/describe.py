"""What an account has set up: pipelines, stages and properties, in words of no vendor."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from hardfin_pipelines.connectors.concurrency import run_bounded
from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.errors import unknown_shape
from hardfin_pipelines.connectors.hubspot.remembering import Ask
from hardfin_pipelines.connectors.hubspot.requests import Request, account_details, list_pipelines, list_properties
from hardfin_pipelines.sync.records import (
    CRM_ROLES,
    AccountDescription,
    PipelineDescription,
    PropertyDescription,
    PropertyType,
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


async def describe_account(ask: Ask, account_id: Callable[[], Awaitable[str]], in_flight: int) -> AccountDescription:
    """The description of an account in six calls.

    Account details need no scope beyond "oauth" (HubSpot docs: account information); where they are refused, the id
    comes from `account_id` and the currency stays unknown.
    """
    requests = [list_pipelines(), *(list_properties(role) for role in CRM_ROLES)]
    jobs = [lambda request=request: ask(request) for request in requests]
    pipelines, *properties = await run_bounded(jobs, in_flight)
    details = await details_of(ask)
    return AccountDescription(
        account_id=str(details.get("portalId") or "") or await account_id(),
        pipelines=tuple(_pipeline(each) for each in _living(requests[0], pipelines)),
        properties={
            role: {str(each.get("name")): _property(each) for each in _living(request, answer)}
            for role, request, answer in zip(CRM_ROLES, requests[1:], properties, strict=True)
        },
        described_at=pipelines.vendor_time,
        currency=str(details.get("companyCurrency") or ""),
    )


async def details_of(ask: Ask) -> Mapping[str, Any]:
    """The account's details; empty where this connection may not see them."""
    try:
        return (await ask(account_details())).members
    except NeedsAttention as error:
        if error.context.get("status") != "403":
            raise
        return {}


def _living(request: Request, answer: Answer) -> list[dict[str, Any]]:
    results = answer.members.get("results")
    if not isinstance(results, list):
        raise unknown_shape(request.call, 'list "results"')
    return [each for each in results if isinstance(each, dict) and each.get("archived") is not True]


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
    )
