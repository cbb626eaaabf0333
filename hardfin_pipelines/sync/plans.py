"""What a sync is about to write, as plain values: the store carries it out in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.records import Record, Role

PARENT_FIELDS: Mapping[EntityType, Mapping[str, str]] = MappingProxyType(
    {
        "project": MappingProxyType({"customer": "customer_id"}),
        "project_line_item": MappingProxyType({"project": "project_id", "item": "item_id"}),
    }
)
"""Beside its mapped fields a link keeps which entities its record led to, so that a re-sync can compare them: the name
of that field, and the column that holds it."""


@dataclass(frozen=True, slots=True)
class NewEntity:
    """An entity to create.

    Attributes:
        entity: Its kind.
        id: Its id.
        values: Its fields by mapping target.
        parents: Ids of the entities it belongs to: `customer_id`, `project_id`, `item_id`.
        position: Where it stands among its siblings; 0 where that means nothing.
    """

    entity: EntityType
    id: str
    values: Values
    parents: Mapping[str, str | None] = field(default_factory=dict)
    position: int = 0


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to write: from now on this record is that entity.

    `vendor_modified_at` is the vendor's stamp of the version that the values are of.
    """

    role: Role
    external_id: str
    entity: EntityType
    entity_id: str
    synced_values: Mapping[str, str | None]
    url: str = ""
    vendor_modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The proof that a deal was first synced, by which rule. `aliases` are ids merged into it."""

    external_id: str
    project_id: str
    pipeline_id: str
    stage_id: str
    vendor_modified_at: datetime
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Synced:
    """A deal that becomes a project, with everything that is created along with it.

    Attributes:
        deal: The deal.
        ledger: Its entry in the ledger.
        entities: What is created.
        links: What they are linked to.
        lines_taken: Line items whose lines come here from other projects, and those projects' ids, "" where the line
            was deleted: they and their links are made anew.
    """

    deal: Record
    ledger: LedgerEntry
    entities: tuple[NewEntity, ...]
    links: tuple[NewLink, ...]
    lines_taken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Protected:
    """A deal that is in the ledger already, under this or a merged id: left alone."""

    deal: Record
    project_id: str
    ledger_id: str
    new_aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A deal that does not meet the trigger, and why."""

    deal: Record
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A deal that cannot be synced now, with the reason; it is tried again when it or the mapping changes."""

    deal: Record
    reason: str


Outcome = Synced | Protected | Skipped | SetAside


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line that a line item is linked to.

    Attributes:
        project_id: The project it is of; "" where it was deleted in Hardfin.
        given_up: Whether it may go to another project: it is marked removed, or was deleted.
    """

    project_id: str
    given_up: bool


@dataclass(slots=True)
class Known:
    """What the store knows already of the records at hand; grows while a batch is planned.

    Attributes:
        ledger: Deal ids (and ids merged into them) to (ledger id, project id).
        links: (role, external id) to entity id, for companies, line items and products.
        items_by_name: Normalized name to the ids of all items that bear it.
        refused: Product ids to the items that a person took away from them: their names lead there no more.
        lines: Line item ids that are linked to the lines they are.
    """

    ledger: dict[str, tuple[str, str]] = field(default_factory=dict)
    links: dict[tuple[Role, str], str] = field(default_factory=dict)
    items_by_name: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: dict[str, frozenset[str]] = field(default_factory=dict)
    lines: dict[str, KnownLine] = field(default_factory=dict)
