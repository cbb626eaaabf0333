"""The plan of a re-sync: every difference, what is written, and what the links remember afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.plans import PARENT_FIELDS, NewEntity, NewLink, Synced
from hardfin_pipelines.sync.resync import (
    EntityChange,
    HeldEntity,
    Texts,
    added_entity,
    compare_entity,
    removed_lines,
)
from hardfin_pipelines.sync.values import to_text


@dataclass(frozen=True, slots=True)
class HeldProject:
    """A project as Hardfin holds it, with its customer and the lines that came from the CRM.

    Attributes:
        project: The project; its texts hold the customer's id under `customer` (a line's its item's under `item`).
        lines: Its lines that are linked to CRM line items, by the line item's external id.
        customer: The customer that the deal's company is linked to, where there is one.
    """

    project: HeldEntity
    lines: Mapping[str, HeldEntity]
    customer: HeldEntity | None = None


@dataclass(frozen=True, slots=True)
class LinkUpdate:
    """What an existing link remembers from now on: the CRM's values of this re-sync."""

    entity: EntityType
    entity_id: str
    synced_values: Texts


@dataclass(frozen=True, slots=True)
class ResyncPlan:
    """What a re-sync writes.

    Attributes:
        changes: Every entity that differs, for people.
        updates: (kind, id) to the fields that take the CRM's value.
        removed: Ids of lines to mark removed; `restored` of removed lines that came back.
        new_entities: Entities to create: new lines, their items, a new customer.
        new_links: Their links.
        link_updates: Links whose record still is in the CRM: the new base of the next comparison.
    """

    changes: tuple[EntityChange, ...]
    updates: Mapping[tuple[EntityType, str], Values] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    new_entities: tuple[NewEntity, ...] = ()
    new_links: tuple[NewLink, ...] = ()
    link_updates: tuple[LinkUpdate, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether any field or line changes."""
        return any(change.writes for change in self.changes)


def plan_resync(
    held: HeldProject, crm: Synced, customer_values: Values | None, *, keep_local_edits: bool
) -> ResyncPlan:
    """Compare a project with what the CRM says now.

    Args:
        held: The project as Hardfin holds it.
        crm: The project as a first sync would make it now, with the ids of what is linked already.
        customer_values: The mapped values of the deal's company, where it is linked to a customer.
        keep_local_edits: Whether edits made in Hardfin stand.
    """
    planner = _Planner(keep_local_edits=keep_local_edits)
    links: dict[tuple[EntityType, str], list[NewLink]] = {}
    for link in crm.links:
        links.setdefault((link.entity, link.entity_id), []).append(link)
    still_there: set[str] = set()
    for entity in crm.entities:
        own_links = links.get((entity.entity, entity.id), [])
        line = next((held.lines[link.external_id] for link in own_links if link.external_id in held.lines), None)
        if entity.entity == "project":
            planner.compare(held.project, _compared_values(entity))
        elif entity.entity == "project_line_item" and line is not None:
            still_there.add(line.id)
            planner.compare(line, _compared_values(entity))
        else:
            planner.add(entity, own_links)
    if held.customer is not None and customer_values is not None:
        planner.compare(held.customer, customer_values)
    planner.remove(removed_lines(list(held.lines.values()), frozenset(still_there)))
    planner.keep_other_links(crm)
    return planner.plan()


def _compared_values(entity: NewEntity) -> Values:
    parents = PARENT_FIELDS.get(entity.entity, {})
    return {**entity.values, **{name: entity.parents.get(column) for name, column in parents.items()}}


class _Planner:
    """Gathers the parts of a plan."""

    def __init__(self, *, keep_local_edits: bool) -> None:
        self._keep_local_edits = keep_local_edits
        self._changes: list[EntityChange] = []
        self._updates: dict[tuple[EntityType, str], Values] = {}
        self._removed: list[str] = []
        self._restored: list[str] = []
        self._entities: list[NewEntity] = []
        self._links: list[NewLink] = []
        self._link_updates: list[LinkUpdate] = []

    def compare(self, held: HeldEntity, values: Values) -> None:
        texts = {target: None if value is None else to_text(value) for target, value in values.items()}
        change = compare_entity(held, texts, keep_local_edits=self._keep_local_edits)
        taken = {field.field: values[field.field] for field in change.fields if field.decision == "take"}
        if taken:
            self._updates[held.entity, held.id] = taken
        if change.kind == "restore":
            self._restored.append(held.id)
        if change.fields or change.kind == "restore":
            self._changes.append(change)
        # A field the vendor hides now keeps its base: it may come back.
        base = {**held.synced, **texts}
        if base != dict(held.synced):
            self._link_updates.append(LinkUpdate(held.entity, held.id, base))

    def add(self, entity: NewEntity, own_links: Sequence[NewLink]) -> None:
        self._entities.append(entity)
        self._changes.append(added_entity(entity.entity, entity.id, entity.values))
        self._links.extend(own_links)

    def remove(self, changes: tuple[EntityChange, ...]) -> None:
        self._changes.extend(changes)
        self._removed.extend(change.id for change in changes)

    def keep_other_links(self, crm: Synced) -> None:
        """Links to what exists already: a product matched by name, an id that was merged into a linked company."""
        created = {(entity.entity, entity.id) for entity in crm.entities}
        self._links.extend(link for link in crm.links if (link.entity, link.entity_id) not in created)

    def plan(self) -> ResyncPlan:
        return ResyncPlan(
            tuple(self._changes),
            self._updates,
            tuple(self._removed),
            tuple(self._restored),
            tuple(self._entities),
            tuple(self._links),
            tuple(self._link_updates),
        )
