"""The CRM object types the sandbox holds, and how they may be associated.

Names, type ids, default properties and association type ids are HubSpot's (HubSpot docs: using object APIs, search
guide, associations guide).
"""

from dataclasses import dataclass

from hardfin_pipelines.sandbox.hubspot.errors import VendorError

ALWAYS_RETURNED = ("createdate", "hs_lastmodifieddate", "hs_object_id")
HUBSPOT_DEFINED = "HUBSPOT_DEFINED"
USER_DEFINED = "USER_DEFINED"


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of CRM record.

    Attributes:
        name: plural name, as in paths.
        singular: as in messages and in association names.
        type_id: usable in paths instead of the name.
        default_properties: what comes back when no property is asked for.
        searched_text: the properties that a search's `query` looks into.
        read_scopes: any one of these grants reading records; likewise for writing and for property definitions.
    """

    name: str
    singular: str
    type_id: str
    default_properties: tuple[str, ...]
    searched_text: tuple[str, ...]
    read_scopes: tuple[str, ...]
    write_scopes: tuple[str, ...]
    schema_scopes: tuple[str, ...]


DEALS = ObjectType(
    name="deals",
    singular="deal",
    type_id="0-3",
    default_properties=("amount", "closedate", "dealname", "dealstage", "pipeline", *ALWAYS_RETURNED),
    searched_text=("dealname", "pipeline", "dealstage", "description", "dealtype"),
    read_scopes=("crm.objects.deals.read",),
    write_scopes=("crm.objects.deals.write",),
    schema_scopes=("crm.schemas.deals.read",),
)
COMPANIES = ObjectType(
    name="companies",
    singular="company",
    type_id="0-2",
    default_properties=("domain", "name", *ALWAYS_RETURNED),
    searched_text=("website", "phone", "name", "domain"),
    read_scopes=("crm.objects.companies.read",),
    write_scopes=("crm.objects.companies.write",),
    schema_scopes=("crm.schemas.companies.read",),
)
LINE_ITEMS = ObjectType(
    name="line_items",
    singular="line_item",
    type_id="0-8",
    default_properties=("amount", "price", "quantity", *ALWAYS_RETURNED),
    searched_text=("name", "description", "hs_sku"),
    read_scopes=("crm.objects.line_items.read", "e-commerce"),
    write_scopes=("crm.objects.line_items.write", "e-commerce"),
    schema_scopes=("crm.schemas.line_items.read", "e-commerce"),
)
PRODUCTS = ObjectType(
    name="products",
    singular="product",
    type_id="0-7",
    default_properties=("description", "name", "price", *ALWAYS_RETURNED),
    searched_text=("name", "description", "price", "hs_sku"),
    read_scopes=("crm.objects.products.read", "e-commerce"),
    write_scopes=("crm.objects.products.write", "e-commerce"),
    schema_scopes=("crm.objects.products.read", "crm.schemas.products.read", "e-commerce"),
)
OBJECT_TYPES = {kind.name: kind for kind in (COMPANIES, DEALS, LINE_ITEMS, PRODUCTS)}
_BY_ANY_NAME = {name: kind for kind in OBJECT_TYPES.values() for name in (kind.name, kind.singular, kind.type_id)}


def object_type(name: str) -> ObjectType:
    """The object type of that plural name, singular name or type id.

    Raises:
        VendorError: 404, the type is not known here.
    """
    kind = _BY_ANY_NAME.get(name.lower())
    if kind is None:
        raise VendorError(404, f"Unable to infer object type from: {name}", category="VALIDATION_ERROR")
    return kind


@dataclass(frozen=True, slots=True)
class AssociationType:
    """One way in which a record of one type is associated with one of another; `inverse_id` is the way back."""

    from_type: str
    to_type: str
    type_id: int
    inverse_id: int
    wire_name: str
    label: str | None = None
    category: str = HUBSPOT_DEFINED


DEAL_TO_COMPANY = 341
DEAL_TO_PRIMARY_COMPANY = 5
DEAL_TO_LINE_ITEM = 19
PARENT_TO_CHILD_COMPANY = 13

STANDARD_ASSOCIATION_TYPES = (
    AssociationType("deals", "companies", 5, 6, "deal_to_company", "Primary"),
    AssociationType("deals", "companies", 341, 342, "deal_to_company_unlabeled"),
    AssociationType("companies", "deals", 6, 5, "company_to_deal", "Primary"),
    AssociationType("companies", "deals", 342, 341, "company_to_deal_unlabeled"),
    AssociationType("deals", "line_items", 19, 20, "deal_to_line_item"),
    AssociationType("line_items", "deals", 20, 19, "line_item_to_deal"),
    AssociationType("companies", "companies", 13, 14, "parent_to_child_company", "Child Company"),
    AssociationType("companies", "companies", 14, 13, "child_to_parent_company", "Parent Company"),
    AssociationType("companies", "companies", 450, 450, "company_to_company_unlabeled"),
)
UNLABELED = {
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
    ("deals", "line_items"): 19,
    ("line_items", "deals"): 20,
    ("companies", "companies"): 450,
}
PRIMARY = {("deals", "companies"): 5, ("companies", "deals"): 6}
