"""What Hardfin holds: the kinds of entity and the fields a mapping can fill."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from hardfin_pipelines.sync.records import Role

EntityType = Literal["customer", "item", "project", "project_line_item"]

ENTITY_TYPES: tuple[EntityType, ...] = ("customer", "item", "project", "project_line_item")

ENTITY_OF_ROLE: Mapping[Role, EntityType] = MappingProxyType(
    {"company": "customer", "deal": "project", "line_item": "project_line_item", "product": "item"}
)
"""The entity that a CRM record of each role becomes."""

ROLE_OF_ENTITY: Mapping[EntityType, Role] = MappingProxyType({entity: role for role, entity in ENTITY_OF_ROLE.items()})

FieldType = Literal["text", "decimal", "integer", "date", "currency"]


@dataclass(frozen=True, slots=True)
class EntityField:
    """A field of an entity. A `required` field without a value makes the record rejected."""

    type: FieldType
    description: str
    required: bool = False


ENTITY_FIELDS: Mapping[EntityType, Mapping[str, EntityField]] = MappingProxyType(
    {
        "customer": MappingProxyType(
            {
                "name": EntityField("text", "what the customer is called", required=True),
                "website": EntityField("text", "the customer's web site or domain"),
                "phone": EntityField("text", "a telephone number"),
                "email": EntityField("text", "an e-mail address"),
                "address": EntityField("text", "street and number"),
                "city": EntityField("text", "town or city"),
                "region": EntityField("text", "state, province or region"),
                "postal_code": EntityField("text", "postal code"),
                "country": EntityField("text", "country"),
            }
        ),
        "item": MappingProxyType(
            {
                "name": EntityField("text", "what the product or part is called", required=True),
                "sku": EntityField("text", "stock keeping unit"),
                "description": EntityField("text", "what it is"),
                "price": EntityField("decimal", "list price of one unit"),
                "currency": EntityField("currency", "currency of the list price, ISO 4217"),
            }
        ),
        "project": MappingProxyType(
            {
                "name": EntityField("text", "what the project is called", required=True),
                "value": EntityField("decimal", "what the deal is worth"),
                "currency": EntityField("currency", "currency of the value, ISO 4217"),
                "closed_on": EntityField("date", "the day the deal was closed"),
                "starts_on": EntityField("date", "the day the work begins"),
                "description": EntityField("text", "what was agreed"),
                "service_level": EntityField("text", "the level of service sold"),
                "site_contact": EntityField("text", "whom to call at the site"),
                "owner": EntityField("text", "who sold it"),
            }
        ),
        "project_line_item": MappingProxyType(
            {
                "name": EntityField("text", "what the line is for", required=True),
                "sku": EntityField("text", "stock keeping unit as sold"),
                "quantity": EntityField("decimal", "how many"),
                "unit_price": EntityField("decimal", "price of one unit before discount"),
                "discount_percent": EntityField("decimal", "discount in percent of the unit price"),
                "discount_amount": EntityField("decimal", "money off each unit"),
                "amount": EntityField("decimal", "what the line comes to"),
                "currency": EntityField("currency", "currency of the line, ISO 4217"),
                "term_months": EntityField("integer", "length of the term in months"),
                "billing_frequency": EntityField("text", "how often it is billed"),
                "starts_on": EntityField("date", "first day of the term"),
                "description": EntityField("text", "what was agreed for this line"),
            }
        ),
    }
)

CUSTOM_PREFIX = "custom."
"""A target such as `custom.po_number` fills a field of the customer's own, kept as text."""


@lru_cache(maxsize=4096)  # asked for every field of every record
def field_of(entity: EntityType, target: str) -> EntityField | None:
    """The field a mapping target names, or None where the entity has no such field."""
    if target.startswith(CUSTOM_PREFIX) and len(target) > len(CUSTOM_PREFIX):
        return EntityField("text", "a field of the organization's own")
    return ENTITY_FIELDS[entity].get(target)
