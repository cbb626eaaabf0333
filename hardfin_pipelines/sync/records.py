"""The one envelope in which connectors hand out what vendors hold, and the description of a vendor's account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NewType

from hardfin_pipelines.sync.books import BooksKind

Role = Literal["company", "deal", "line_item", "product", "item"] | BooksKind
"""What a record is to the rules, whatever the vendor calls it (deal: HubSpot deal, Salesforce opportunity).

A CRM's catalogue entry is a `product`, an ERP's an `item`; what else an ERP holds is named in `sync.books`.
"""

CRM_ROLES: tuple[Role, ...] = ("company", "deal", "line_item", "product")

OrganizationSlug = NewType("OrganizationSlug", str)


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer from one record to another. `primary` marks the one the vendor itself calls primary."""

    id: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One record as received: property names and values are the vendor's own.

    Attributes:
        role: What the record is to the rules.
        id: The vendor's id, always text.
        modified_at: The vendor's stamp, aware and in UTC.
        properties: Values as received; None where the vendor says the field is empty.
        references: Records it points to, by role; a role that was not asked for is absent.
        merged_ids: Ids of records that were merged into this one.
        archived: Whether the vendor has put it in its recycle bin.
        url: Where a person sees it at the vendor, or "".
        edited_at: When somebody last edited it; None where the vendor does not tell that from its own touching of it,
            or was not asked.
        place: Where people put it among the others of its parent; None where the vendor keeps no such order.
    """

    role: Role
    id: str
    modified_at: datetime
    properties: Mapping[str, str | None]
    references: Mapping[Role, tuple[Reference, ...]] = field(default_factory=dict)
    merged_ids: tuple[str, ...] = ()
    archived: bool = False
    url: str = ""
    edited_at: datetime | None = None
    place: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StageDescription:
    """A step of a vendor's pipeline. `won` is the vendor's own flag, never guessed from the label."""

    id: str
    label: str
    won: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class PipelineDescription:
    """A vendor's pipeline (Salesforce: record type or sales process)."""

    id: str
    label: str
    stages: tuple[StageDescription, ...]


PropertyType = Literal["text", "number", "date", "datetime", "boolean", "option", "options", "other"]


@dataclass(frozen=True, slots=True)
class PropertyDescription:
    """A field of a vendor's object.

    Attributes:
        name: The vendor's internal name.
        label: What people at the vendor see.
        type: What its values are.
        options: Stored value to label, for option types.
        currency_property: The field that holds a money field's currency, or "".
        hidden: Whether the vendor hides it, from everybody or from this connection.
        needs: What this connection was not granted and would need to see it, such as a scope; "" where nothing.
        calculated: Whether the vendor computes it (a formula). Its value may change while the record's modification
            stamp does not.
    """

    name: str
    label: str
    type: PropertyType
    options: Mapping[str, str] = field(default_factory=dict)
    currency_property: str = ""
    hidden: bool = False
    needs: str = ""
    calculated: bool = False


@dataclass(frozen=True, slots=True)
class AccountDescription:
    """What the vendor says of an account: its pipelines and the fields of each object.

    Attributes:
        account_id: The vendor's id of the account.
        pipelines: Its pipelines, without those in the recycle bin.
        properties: Its fields by name, by role, without those in the recycle bin.
        described_at: The vendor's clock.
        currency: The account's own currency, or "".
        archived: Fields in the recycle bin that were asked for by name.
        parents: The vendor's further objects whose fields were asked for by name, over those of the roles.
    """

    account_id: str
    pipelines: tuple[PipelineDescription, ...]
    properties: Mapping[Role, Mapping[str, PropertyDescription]]
    described_at: datetime
    currency: str = ""
    archived: Mapping[Role, Mapping[str, PropertyDescription]] = field(default_factory=dict)
    parents: tuple[str, ...] = ()

    def pipeline(self, pipeline_id: str) -> PipelineDescription | None:
        """The pipeline with that id, or None."""
        return next((pipeline for pipeline in self.pipelines if pipeline.id == pipeline_id), None)
