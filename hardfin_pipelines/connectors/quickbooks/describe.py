"""What QuickBooks says of a company, and the fields its items have.

QuickBooks has no call that describes an entity. The fields are those of minor version 75 of Intuit's schema; a company
has some of them, by its country and edition, and an item has those that are filled in.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.quickbooks import errors, statements
from hardfin_pipelines.connectors.quickbooks.answers import vendor_time
from hardfin_pipelines.connectors.quickbooks.facts import KINDS
from hardfin_pipelines.connectors.quickbooks.requests import queries
from hardfin_pipelines.connectors.quickbooks.scan import Ask
from hardfin_pipelines.sync.records import AccountDescription, PropertyDescription, PropertyType

_ENTITIES = ("CompanyInfo", "Preferences")


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """A company.

    Attributes:
        name: Its name.
        country: Two letters, or "".
        currency: Its own currency, in which items are priced, ISO 4217, or "".
        time_zone: Its IANA name, or "" where QuickBooks does not tell.
    """

    name: str
    country: str
    currency: str
    time_zone: str


async def describe_company(ask: Ask, realm_id: str) -> tuple[AccountDescription, CompanyFacts]:
    """The company as it is now. One call, which may count as two reads.

    Raises:
        VendorContractError: The answer names no company.
    """
    request = queries([statements.select(entity) for entity in _ENTITIES], " and ".join(_ENTITIES))
    answer = await ask(request)
    found = dict(_rows(answer))
    if not found.get("CompanyInfo"):
        raise errors.unknown_shape(request.call, "CompanyInfo")
    company = _company(found["CompanyInfo"], found.get("Preferences", {}))
    description = AccountDescription(
        account_id=realm_id,
        pipelines=(),
        properties={"item": item_properties()},
        described_at=vendor_time(answer),
        currency=company.currency,
    )
    return description, company


@cache
def item_properties() -> Mapping[str, PropertyDescription]:
    """The fields of an item, by the names that records have them under."""
    text = files(__package__).joinpath("item_fields.csv").read_text(encoding="utf-8")
    return {each.name: each for row in csv.DictReader(text.splitlines()) for each in _properties(row)}


def _properties(row: Mapping[str, str]) -> Iterator[PropertyDescription]:
    name, label, kind = row["name"], row["label"], row["type"]
    computed = row["calculated"] == "yes"
    if kind == "reference":
        yield PropertyDescription(f"{name}.value", f"{label} (id)", "text", calculated=computed)
        yield PropertyDescription(f"{name}.name", label, "text", calculated=computed)
        return
    options = {each: each for each in KINDS} if name == "Type" else {}
    yield PropertyDescription(name, label, cast("PropertyType", kind), options, calculated=computed)


def _rows(answer: Answer) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The first row of each entity in a batch's parts."""
    parts = answer.members.get("BatchItemResponse")
    for part in parts if isinstance(parts, list) else []:
        response = part.get("QueryResponse") if isinstance(part, dict) else None
        held = response if isinstance(response, dict) else {}
        for entity in _ENTITIES:
            rows = held.get(entity)
            if isinstance(rows, list) and rows and isinstance(rows[0], dict):
                yield entity, rows[0]


def _company(info: Mapping[str, Any], preferences: Mapping[str, Any]) -> CompanyFacts:
    named = info.get("NameValue")
    pairs = {
        str(each.get("Name")): str(each.get("Value"))
        for each in (named if isinstance(named, list) else [])
        if isinstance(each, dict)
    }
    money = preferences.get("CurrencyPrefs")
    home = money.get("HomeCurrency") if isinstance(money, dict) else None
    return CompanyFacts(
        name=str(info.get("CompanyName") or ""),
        country=str(info.get("Country") or ""),
        currency=str(home.get("value") or "") if isinstance(home, dict) else "",
        time_zone=str(info.get("DefaultTimeZone") or pairs.get("DefaultTimeZone") or ""),
    )
