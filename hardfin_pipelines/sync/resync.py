"""Rule 4: a re-sync compares three states of every field (as last synced, CRM now, Hardfin now) and says what changes.

Pure: the same three states and the same wish give the same plan, so a preview shows what a run would do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.values import to_text

Decision = Literal["take", "keep"]
Texts = Mapping[str, str | None]


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
        kind: "update", "add" (a line that is new in the CRM), "remove" (a line gone from it: marked, not deleted) or
            "restore" (a removed line that came back).
        fields: The fields that differ.
    """

    entity: EntityType
    id: str
    title: str
    kind: Literal["update", "add", "remove", "restore"]
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


def compare_fields(held: HeldEntity, crm: Texts, *, keep_local_edits: bool) -> tuple[FieldChange, ...]:
    """The fields in which CRM and Hardfin differ, in the order of the mapping.

    Fields the mapping does not name are not looked at. By default the CRM's value is taken: that is what a re-sync
    asks for. With `keep_local_edits` a field that was changed in Hardfin since the last sync is left.

    Args:
        held: Hardfin's entity.
        crm: The mapped values of the record now, in canonical text.
        keep_local_edits: Whether edits made in Hardfin stand.
    """
    changes = []
    for target, theirs in crm.items():
        ours = held.texts.get(target)
        if ours == theirs:
            continue
        base = held.synced.get(target)
        edited = ours != base
        decision: Decision = "keep" if keep_local_edits and edited else "take"
        changes.append(FieldChange(target, base, theirs, ours, decision, edited))
    return tuple(changes)


def compare_entity(held: HeldEntity, crm: Texts, *, keep_local_edits: bool) -> EntityChange:
    """What the re-sync does to an entity whose record still is in the CRM."""
    fields = compare_fields(held, crm, keep_local_edits=keep_local_edits)
    return EntityChange(
        held.entity, held.id, held.texts.get("name") or "", "restore" if held.removed else "update", fields
    )


def added_entity(entity: EntityType, new_id: str, values: Values) -> EntityChange:
    """An entity that the CRM has and Hardfin does not have yet."""
    fields = tuple(
        FieldChange(target, None, to_text(value), None, "take", edited=False)
        for target, value in values.items()
        if value is not None
    )
    name = values.get("name")
    return EntityChange(entity, new_id, "" if name is None else to_text(name), "add", fields)


def removed_lines(held: Sequence[HeldEntity], crm_ids: frozenset[str]) -> tuple[EntityChange, ...]:
    """Lines that once came from the CRM and are gone from it: marked removed, never deleted.

    Args:
        held: The project's lines that are linked to CRM line items. Lines added in Hardfin are not among them.
        crm_ids: Ids of the held lines whose line item still is in the CRM.
    """
    return tuple(
        EntityChange(line.entity, line.id, line.texts.get("name") or "", "remove")
        for line in held
        if line.id not in crm_ids and not line.removed
    )
