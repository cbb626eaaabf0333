"""The plan of a re-sync: every difference, what is written, and what the links remember afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.plans import PARENT_FIELDS, NewEntity, NewLink, Synced
from hardfin_pipelines.sync.resync import (
    ACTIVE,
    PROJECT,
    REMOVED,
    STATUS,
    EntityChange,
    HeldEntity,
    Texts,
    added_entity,
    compare_entity,
    removed_lines,
    status_base,
)
from hardfin_pipelines.sync.resync_choices import BY_DEFAULT, Choices
from hardfin_pipelines.sync.values import to_text

_PARENTS: tuple[EntityType, ...] = ("customer", "item")


@dataclass(frozen=True, slots=True)
class HeldProject:
    """A project as Hardfin holds it, with its customer and the lines that came from the CRM.

    Attributes:
        project: The project; its texts hold the customer's id under `customer` (a line's its item's under `item`, its
            project's under `project`).
        lines: Its lines that are linked to CRM line items, by the line item's external id.
        customer: The customer that the deal's company is linked to, where there is one.
        elsewhere: Lines of other projects whose line items are with this project's deal alone now, by external id.
    """

    project: HeldEntity
    lines: Mapping[str, HeldEntity]
    customer: HeldEntity | None = None
    elsewhere: Mapping[str, HeldEntity] = field(default_factory=dict)

    def line(self, external_id: str) -> HeldEntity | None:
        """The line of a line item, here or elsewhere."""
        return self.lines.get(external_id) or self.elsewhere.get(external_id)


@dataclass(frozen=True, slots=True)
class CustomerNow:
    """The deal's company as it is now: its mapped values, and the vendor's stamp of that version."""

    values: Values
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkUpdate:
    """What an existing link remembers from now on: the CRM's values of this re-sync.

    `vendor_modified_at` is the vendor's stamp of the version they are of, None where the record is gone.
    """

    entity: EntityType
    entity_id: str
    synced_values: Texts
    vendor_modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResyncPlan:
    """What a re-sync writes.

    Attributes:
        project_id: The project it is of.
        pipeline_id: The pipeline whose rule's mapping was used.
        changes: Every entity that differs, for people.
        updates: (kind, id) to the fields that take the CRM's value.
        removed: Ids of lines to mark removed; `restored` of removed lines that came back.
        new_entities: Entities to create: new lines, their items, a new customer.
        new_links: Their links.
        link_updates: Links whose record still is in the CRM: the new base of the next comparison.
    """

    project_id: str
    pipeline_id: str
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

    @property
    def moves(self) -> Mapping[str, str]:
        """Ids of lines that come here from other projects, and those projects' ids."""
        return {
            change.id: each.hardfin or ""
            for change in self.changes
            if change.kind == "move"
            for each in change.fields
            if each.field == PROJECT
        }


def plan_resync(
    held: HeldProject, crm: Synced, customer: CustomerNow | None, choices: Choices = BY_DEFAULT
) -> ResyncPlan:
    """Compare a project with what the CRM says now.

    Args:
        held: The project as Hardfin holds it.
        crm: The project as a first sync would make it now, with the ids of what is linked already.
        customer: The deal's company, where it is linked to a customer.
        choices: What a person wants otherwise than the CRM's values.
    """
    planner = _Planner(choices)
    links: dict[tuple[EntityType, str], list[NewLink]] = {}
    for link in crm.links:
        links.setdefault((link.entity, link.entity_id), []).append(link)
    still_there: set[str] = set()
    for entity in crm.entities:
        own_links = links.get((entity.entity, entity.id), [])
        line = next((found for link in own_links if (found := held.line(link.external_id)) is not None), None)
        stamp = own_links[0].vendor_modified_at if own_links else None
        if entity.entity == "project":
            planner.compare(held.project, compared_values(entity), stamp)
        elif entity.entity == "project_line_item" and line is not None:
            still_there.add(line.id)
            planner.compare(line, compared_values(entity), stamp)
        else:
            planner.add(entity, own_links)
    if held.customer is not None and customer is not None and not planner.keeps(held.project, "customer"):
        planner.compare(held.customer, customer.values, customer.modified_at)
    planner.remove(list(held.lines.values()), frozenset(still_there))
    planner.keep_other_links(crm)
    return planner.plan(crm)


def compared_values(entity: NewEntity) -> Values:
    """The values of an entity of the plan that a re-sync compares: its mapped fields, and what it belongs to."""
    parents = PARENT_FIELDS.get(entity.entity, {})
    return {**entity.values, **{name: entity.parents.get(column) for name, column in parents.items()}}


class _Planner:
    """Gathers the parts of a plan."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._changes: list[EntityChange] = []
        self._updates: dict[tuple[EntityType, str], Values] = {}
        self._removed: list[str] = []
        self._restored: list[str] = []
        self._entities: list[NewEntity] = []
        self._links: list[NewLink] = []
        self._link_updates: list[LinkUpdate] = []

    def compare(self, held: HeldEntity, values: Values, modified_at: datetime | None) -> None:
        texts = {target: None if value is None else to_text(value) for target, value in values.items()}
        change = compare_entity(held, texts, self._choices)
        stays = next((each for each in change.fields if each.field == PROJECT and each.decision == "keep"), None)
        if stays is not None:
            # It stays another project's line: none of its fields is this re-sync's business.
            self._changes.append(EntityChange(held.entity, held.id, change.title, "update", (stays,)))
            return
        taken = {each.field: values[each.field] for each in change.fields if _is_taken(each.field, each.decision)}
        if taken:
            self._updates[held.entity, held.id] = taken
        if change.kind == "restore" or any(each.field == STATUS and each.decision == "take" for each in change.fields):
            self._restored.append(held.id)
        if change.fields or change.kind == "restore":
            self._changes.append(change)
        # A field the vendor hides now keeps its base: it may come back.
        base = {**held.synced, **texts}
        if held.entity == "project_line_item" and status_base(held.synced) != ACTIVE:
            base[STATUS] = ACTIVE
        self._remember(held, base, modified_at)

    def keeps(self, held: HeldEntity, field_name: str) -> bool:
        """Whether a field that differs is left as it is."""
        own = (change for change in self._changes if (change.entity, change.id) == (held.entity, held.id))
        return any(each.field == field_name and each.decision == "keep" for change in own for each in change.fields)

    def add(self, entity: NewEntity, own_links: Sequence[NewLink]) -> None:
        self._entities.append(entity)
        self._changes.append(added_entity(entity.entity, entity.id, entity.values))
        self._links.extend(own_links)

    def remove(self, lines: Sequence[HeldEntity], still_there: frozenset[str]) -> None:
        changes = removed_lines(lines, still_there, self._choices)
        self._changes.extend(changes)
        self._removed.extend(change.id for change in changes if change.kind == "remove")
        for line in lines:
            if line.id not in still_there and status_base(line.synced) != REMOVED:
                self._remember(line, {**line.synced, STATUS: REMOVED}, None)

    def keep_other_links(self, crm: Synced) -> None:
        """Links to what exists already: a product matched by name, an id that was merged into a linked company."""
        created = {(entity.entity, entity.id) for entity in crm.entities}
        self._links.extend(link for link in crm.links if (link.entity, link.entity_id) not in created)

    def plan(self, crm: Synced) -> ResyncPlan:
        self._drop_unused()
        return ResyncPlan(
            crm.ledger.project_id,
            crm.ledger.pipeline_id,
            tuple(self._changes),
            self._updates,
            tuple(self._removed),
            tuple(self._restored),
            tuple(self._entities),
            tuple(self._links),
            tuple(self._link_updates),
        )

    def _remember(self, held: HeldEntity, base: Texts, modified_at: datetime | None) -> None:
        if base != dict(held.synced):
            self._link_updates.append(LinkUpdate(held.entity, held.id, base, modified_at))

    def _drop_unused(self) -> None:
        """A new customer or item that is only named by a field that is kept is not created."""
        used = {parent for entity in self._entities for parent in entity.parents.values()}
        used |= {value for values in self._updates.values() for value in values.values() if isinstance(value, str)}
        unused = {
            (entity.entity, entity.id)
            for entity in self._entities
            if entity.entity in _PARENTS and entity.id not in used
        }
        self._entities = [each for each in self._entities if (each.entity, each.id) not in unused]
        self._links = [link for link in self._links if (link.entity, link.entity_id) not in unused]
        self._changes = [change for change in self._changes if (change.entity, change.id) not in unused]


def _is_taken(field_name: str, decision: str) -> bool:
    """Whether a value is written by itself; a line's status is written with those of the other lines."""
    return decision == "take" and field_name != STATUS
