"""Rule 4: a re-sync compares three states of every field (as last synced, CRM now, Hardfin now) and says what changes.

Pure: the same three states and the same choices give the same plan, so a preview shows what a run would do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.resync_choices import BY_DEFAULT, Choices, Decision
from hardfin_pipelines.sync.values import to_text

Texts = Mapping[str, str | None]

STATUS = "status"
"""The field that says whether a line is there. Beside its mapped fields it is compared like one of them."""

ACTIVE, REMOVED = "active", "removed"

PROJECT = "project"
"""The field that says whose line it is: at the CRM a line item can move from one deal to another."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field in which CRM and Hardfin differ, and what the re-sync does about it.

    Attributes:
        field: The mapping target.
        base: The value as last synced, None where the field was not mapped then or was empty.
        crm: The CRM's value now.
        hardfin: Hardfin's value now.
        decision: "take" writes the CRM's value, "keep" leaves Hardfin's.
        edited: Whether Hardfin's value was changed since the last sync.
    """

    field: str
    base: str | None
    crm: str | None
    hardfin: str | None
    decision: Decision
    edited: bool


@dataclass(frozen=True, slots=True)
class EntityChange:
    """What a re-sync does to one entity.

    Attributes:
        entity: Its kind.
        id: Its id.
        title: A name for people, taken from Hardfin's value (or the CRM's for a new one).
        kind: "update", "add" (a line that is new in the CRM), "remove" (a line gone from it: marked, not deleted),
            "restore" (a removed line that came back) or "move" (a line of another project whose line item is with this
            project's deal now).
        fields: The fields that differ.
    """

    entity: EntityType
    id: str
    title: str
    kind: Literal["update", "add", "remove", "restore", "move"]
    fields: tuple[FieldChange, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether anything of the entity is written."""
        return self.kind != "update" or any(change.decision == "take" for change in self.fields)


@dataclass(frozen=True, slots=True)
class HeldEntity:
    """An entity as Hardfin holds it, with the values its record had when it was last synced."""

    entity: EntityType
    id: str
    texts: Texts
    synced: Texts
    removed: bool = False


def compare_fields(held: HeldEntity, crm: Texts, choices: Choices = BY_DEFAULT) -> tuple[FieldChange, ...]:
    """The fields in which CRM and Hardfin differ, in the order of the mapping.

    Fields the mapping does not name are not looked at. By default the CRM's value is taken: that is what a re-sync
    asks for.

    Args:
        held: Hardfin's entity.
        crm: The mapped values of the record now, in canonical text.
        choices: What a person wants otherwise.
    """
    changes = (
        _compared(held, target, held.synced.get(target), theirs, held.texts.get(target), choices)
        for target, theirs in crm.items()
    )
    return tuple(change for change in changes if change is not None)


def _compared(
    held: HeldEntity, field: str, base: str | None, crm: str | None, hardfin: str | None, choices: Choices
) -> FieldChange | None:
    if hardfin == crm:
        return None
    edited = hardfin != base
    decision = choices.decide(held.entity, held.id, field, edited=edited)
    return FieldChange(field, base, crm, hardfin, decision, edited)


def status_base(synced: Texts) -> str:
    """Whether a line was in the CRM when it was last synced. Links say so only where it was not, or was not once."""
    return synced.get(STATUS) or ACTIVE


def compare_status(held: HeldEntity, crm: str, choices: Choices) -> FieldChange | None:
    """Whether a line that the CRM has (or has no more) is one that Hardfin has; None where they agree."""
    return _compared(held, STATUS, status_base(held.synced), crm, REMOVED if held.removed else ACTIVE, choices)


def compare_entity(held: HeldEntity, crm: Texts, choices: Choices = BY_DEFAULT) -> EntityChange:
    """What the re-sync does to an entity whose record still is in the CRM."""
    fields = compare_fields(held, crm, choices)
    kind: Literal["update", "restore", "move"] = "update"
    if any(change.field == PROJECT and change.decision == "take" for change in fields):
        kind = "move"
    status = compare_status(held, ACTIVE, choices) if held.entity == "project_line_item" else None
    if status is not None and kind == "update" and status.decision == "take":
        kind = "restore"
    elif status is not None:
        fields = (*fields, status)
    return EntityChange(held.entity, held.id, held.texts.get("name") or "", kind, fields)


def added_entity(entity: EntityType, new_id: str, values: Values) -> EntityChange:
    """An entity that the CRM has and Hardfin does not have yet."""
    fields = tuple(
        FieldChange(target, None, to_text(value), None, "take", edited=False)
        for target, value in values.items()
        if value is not None
    )
    name = values.get("name")
    return EntityChange(entity, new_id, "" if name is None else to_text(name), "add", fields)


def removed_lines(
    held: Sequence[HeldEntity], crm_ids: frozenset[str], choices: Choices = BY_DEFAULT
) -> tuple[EntityChange, ...]:
    """Lines that once came from the CRM and are gone from it: marked removed, never deleted.

    Args:
        held: The project's lines that are linked to CRM line items. Lines added in Hardfin are not among them.
        crm_ids: Ids of the held lines whose line item still is in the CRM.
        choices: What a person wants otherwise; a line whose status is kept is shown, and stays as it is.
    """
    changes = []
    for line in held:
        status = None if line.id in crm_ids else compare_status(line, REMOVED, choices)
        if status is None:
            continue
        title = line.texts.get("name") or ""
        if status.decision == "take":
            changes.append(EntityChange(line.entity, line.id, title, "remove"))
        else:
            changes.append(EntityChange(line.entity, line.id, title, "update", (status,)))
    return tuple(changes)
