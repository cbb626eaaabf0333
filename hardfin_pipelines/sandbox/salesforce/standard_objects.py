"""The standard objects of an organization, from the two tables beside this module."""

import csv
from collections.abc import Iterator
from importlib.resources import files

from hardfin_pipelines.sandbox.salesforce.fields import Field, PicklistValue
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject, audit_fields

_CASCADES = {
    ("Contact", "AccountId"),
    ("Opportunity", "AccountId"),
    ("OpportunityLineItem", "OpportunityId"),
    ("OpportunityHistory", "OpportunityId"),
    ("PricebookEntry", "Product2Id"),
    ("PricebookEntry", "Pricebook2Id"),
    ("ContentVersion", "ContentDocumentId"),
    ("ContentDocumentLink", "ContentDocumentId"),
}
_PICKLISTS = {
    ("Account", "Industry"): "Agriculture Construction Electronics Energy Manufacturing Retail Transportation",
    ("Account", "Type"): "Prospect Customer Partner Other",
    ("Opportunity", "Type"): "New|Existing Customer - Upgrade|Existing Customer - Replacement",
    ("Opportunity", "LeadSource"): "Web|Phone Inquiry|Partner Referral|Other",
    ("Opportunity", "ForecastCategoryName"): "Omitted|Pipeline|Best Case|Commit|Closed",
    ("Product2", "Family"): "None",
    ("Case", "Status"): "New|On Hold|Escalated|Closed",
    ("Case", "Priority"): "High Medium Low",
    ("Case", "Origin"): "Phone Email Web",
}
_NAMED_BY = {"OpportunityStage": "MasterLabel", "Case": "CaseNumber", "ContentDocument": "Title"}


def _rows(file: str) -> Iterator[dict[str, str]]:
    text = files(__package__ or "").joinpath(file).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


def standard_objects(*, multi_currency: bool) -> Iterator[SObject]:
    """Salesforce's own objects (Salesforce docs: object reference), with the columns this product's users meet."""
    described: dict[str, list[Field]] = {}
    for row in _rows("standard_fields.csv"):
        described.setdefault(row["object"], []).append(_field(row))
    for row in _rows("standard_objects.csv"):
        traits = set(row["traits"].split())
        made = SObject(
            row["name"],
            row["label"],
            row["plural"],
            row["prefix"],
            {},
            writable="writable" in traits,
            mergeable="mergeable" in traits,
            undeletable="undeletable" in traits,
            setup="setup" in traits,
            log="log" in traits,
        )
        if made.name == "CurrencyType" and not multi_currency:
            continue
        audit = list(audit_fields(made, owned="owned" in traits, multi_currency=multi_currency))
        for each in (*audit[:2], *described.get(made.name, ()), *audit[2:]):
            made.fields[each.name.lower()] = each
        yield made


def _field(row: dict[str, str]) -> Field:
    key = (row["object"], row["name"])
    digits, _, places = row["size"].partition(".")
    is_text = not places
    access = row["access"].removesuffix("!")
    choices = _PICKLISTS.get(key, "")
    return Field(
        row["name"],
        row["type"],
        row["label"],
        length=int(digits or 0) if is_text else 0,
        precision=0 if is_text else int(digits),
        scale=int(places or 0),
        nillable=not row["access"].endswith("!"),
        createable=access in {"rw", "c"},
        updateable=access == "rw",
        refers_to=tuple(row["refers_to"].split("|")) if row["refers_to"] else (),
        relationship=row["relationship"] or None,
        children=row["children"] or None,
        part_of=row["part_of"] or None,
        picklist=tuple(map(PicklistValue, choices.split("|") if "|" in choices else choices.split())),
        cascades=key in _CASCADES,
        name_field=row["name"] == _NAMED_BY.get(row["object"], "Name"),
    )
