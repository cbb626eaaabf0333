"""A HubSpot account as its connector describes it: the default properties and two pipelines."""

from datetime import UTC, datetime

from hardfin_pipelines.organizations.default_mappings import default_mappings
from hardfin_pipelines.sync.entities import ROLE_OF_ENTITY
from hardfin_pipelines.sync.records import (
    AccountDescription,
    PipelineDescription,
    PropertyDescription,
    PropertyType,
    Role,
    StageDescription,
)

_NUMBERS = {"amount", "quantity", "price", "hs_discount_percentage", "discount"}
_OTHERS: dict[str, PropertyType] = {
    "closedate": "datetime",
    "hs_recurring_billing_start_date": "date",
    "hubspot_owner_id": "option",
}

SALES = PipelineDescription(
    "default",
    "Sales Pipeline",
    (
        StageDescription("contractsent", "Contract sent"),
        StageDescription("closedwon", "Closed won", won=True, closed=True),
        StageDescription("closedlost", "Closed lost", closed=True),
    ),
)
RENEWALS = PipelineDescription(
    "8812",
    "Service renewals",
    (
        StageDescription("101", "Review"),
        StageDescription("102", "Review"),
        StageDescription("103", "Signed"),
    ),
)


def hubspot_account(*extra: tuple[Role, PropertyDescription], without: tuple[str, ...] = ()) -> AccountDescription:
    properties: dict[Role, dict[str, PropertyDescription]] = {}
    for entity, mapping in default_mappings("hubspot").items():
        for name in mapping.sources():
            if name not in without:
                described = PropertyDescription(name, name.title(), _type_of(name))
                properties.setdefault(ROLE_OF_ENTITY[entity], {})[name] = described
    for role, described in extra:
        properties[role][described.name] = described
    return AccountDescription("4711", (SALES, RENEWALS), properties, datetime(2026, 1, 1, tzinfo=UTC), "USD")


def _type_of(name: str) -> PropertyType:
    return "number" if name in _NUMBERS else _OTHERS.get(name, "text")
