"""The kinds of vendor system a connection can be to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from hardfin_pipelines.sync.entities import ENTITY_TYPES, EntityType

Integration = Literal["hubspot", "salesforce", "dynamics", "quickbooks", "netsuite"]

INTEGRATIONS: tuple[Integration, ...] = get_args(Integration)

Kind = Literal["CRM", "ERP"]

KINDS: Mapping[Integration, Kind] = MappingProxyType(
    {"hubspot": "CRM", "salesforce": "CRM", "dynamics": "CRM", "quickbooks": "ERP", "netsuite": "ERP"}
)

NAMES: Mapping[Integration, str] = MappingProxyType(
    {
        "hubspot": "HubSpot",
        "salesforce": "Salesforce",
        "dynamics": "Microsoft Dynamics 365",
        "quickbooks": "QuickBooks Online",
        "netsuite": "Oracle NetSuite",
    }
)
"""What people call them."""

MAPPED_ENTITIES: Mapping[Kind, tuple[EntityType, ...]] = MappingProxyType({"CRM": ENTITY_TYPES, "ERP": ("item",)})
"""The entities a connection of each kind fills."""
